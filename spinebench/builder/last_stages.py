"""The stages from the review on: what persons decided, splits, audit, package."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from spinebench.builder.audit.auditing import audit_benchmark
from spinebench.builder.audit.facts import facts_of_standard
from spinebench.builder.audit.report import AuditReport
from spinebench.builder.audit.tables import Table, tables
from spinebench.builder.build_work import (
    ACCEPTED,
    AUDIT_REPORT,
    AUDIT_TABLES,
    CANDIDATES,
    DROPPED,
    REVIEW_REPORT,
    SELECTION_REPORT,
    SPLITS,
    Building,
    nothing,
)
from spinebench.builder.embed_stage import EmbedSection
from spinebench.builder.plan import BuildPlan
from spinebench.builder.record_files import put_whole, read_records, write_json, write_records
from spinebench.builder.records import Candidate, LabelledImage, Stage, StandardImage
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.queue import write_queue
from spinebench.builder.review.resolving import Reviewed, resolve
from spinebench.builder.selection import select
from spinebench.builder.severity import load_policy
from spinebench.builder.stages import StageRecord
from spinebench.errors import DataError
from spinebench.records import JsonValue, digest


def read_review(work: Building, labelled: Mapping[str, LabelledImage]) -> Reviewed:
    """Read anew every time: decisions come in beside the build."""
    plan, build = work.plan, work.build
    write_queue(build.path, plan.review, images=labelled.values())
    candidates = list(read_records(build.of(Stage.ITEMS) / CANDIDATES, Candidate))
    folder = build.of(Stage.REVIEW)
    reviewed = resolve(candidates, decisions_of(folder), plan.review, canonical=plan.vocabulary.canonical)
    write_records(folder / ACCEPTED, reviewed.accepted)
    write_records(folder / DROPPED, reviewed.dropped)
    write_json(folder / REVIEW_REPORT, _review_report(reviewed))
    record = build.ended(
        Stage.REVIEW,
        [plan.review.model_dump(mode="json")],
        files=[ACCEPTED, DROPPED, REVIEW_REPORT],
        counts={
            "accepted": len(reviewed.accepted),
            "of them corrected": len(reviewed.corrected),
            "rejected": len(reviewed.dropped),
            "waiting": len(reviewed.waiting),
        },
    )
    work.ended(record, list(reviewed.dropped))
    return reviewed


def _review_report(reviewed: Reviewed) -> JsonValue:
    fields = reviewed.model_dump(mode="json", exclude={"accepted", "dropped", "waiting"})
    return {
        "n_accepted": len(reviewed.accepted),
        "n_rejected": len(reviewed.dropped),
        "n_waiting": len(reviewed.waiting),
        "simulated": reviewed.simulated,
        **fields,
    }


def select_splits(
    work: Building,
    standard: Mapping[str, StandardImage],
    reviewed: Reviewed,
    before: tuple[StageRecord, ...],
) -> tuple[dict[str, tuple[Candidate, ...]], list[str]]:
    plan, build = work.plan, work.build
    folder = build.of(Stage.SELECT)
    chosen = select(reviewed.accepted, standard, plan.select)
    write_json(
        folder / SPLITS,
        {name: [one.item.id for one in some] for name, some in sorted(chosen.splits.items())},
    )
    write_records(folder / DROPPED, chosen.dropped)
    write_json(folder / SELECTION_REPORT, chosen.report.model_dump(mode="json"))
    record = build.ended(
        Stage.SELECT,
        [*(one.outputs() for one in before), plan.select.model_dump(mode="json")],
        files=[SPLITS, DROPPED, SELECTION_REPORT],
        counts={**{name: len(some) for name, some in chosen.splits.items()}, "dropped": len(chosen.dropped)},
    )
    work.ended(record, list(chosen.dropped))
    if not any(chosen.splits.values()):
        raise nothing("select", "item in a split", work)
    if empty := [name for name in plan.select.splits if not chosen.splits[name]]:
        others = ", ".join(f"{len(some)} in {name}" for name, some in chosen.splits.items() if some)
        raise DataError(
            f"split {empty[0]!r} of the plan: expected at least one item, found none ({others}; "
            f"{len(chosen.dropped)} in no split); read {Stage.SELECT.value}/{SELECTION_REPORT} and {DROPPED} there, "
            "then correct tasks, numbers or limits under 'select', or leave the split out"
        )
    return chosen.splits, chosen.report.lines()


def audit_splits(
    work: Building,
    labelled: Mapping[str, LabelledImage],
    standard: Mapping[str, StandardImage],
    splits: Mapping[str, tuple[Candidate, ...]],
) -> AuditReport:
    plan, build = work.plan, work.build

    def make(folder: Path) -> dict[str, int]:
        report = audit_benchmark(
            {name: [one.item for one in some] for name, some in splits.items()},
            image_facts={
                one.item.images[0].path: facts_of_standard(standard[one.image_id], labelled[one.image_id])
                for some in splits.values()
                for one in some
            },
            plan=plan.audit,
        )
        write_json(folder / AUDIT_REPORT, report.model_dump(mode="json"))
        put_whole(folder / AUDIT_TABLES, _markdown(tables(report)))
        return {
            "checks": len(report.checks),
            "not passed": sum(one.passed is False for one in report.checks),
            "not tried": len(report.not_tried),
            "that end the build": len(report.failed),
        }

    inputs: list[JsonValue] = [
        {name: [one.hash() for one in some] for name, some in sorted(splits.items())},
        plan.audit.model_dump(mode="json"),
        digest([one.model_dump(mode="json") for one in standard.values()]),
    ]
    record = build.run(Stage.AUDIT, inputs, make, files=[AUDIT_REPORT, AUDIT_TABLES])
    work.ended(record, [])
    return AuditReport.model_validate_json((build.of(Stage.AUDIT) / AUDIT_REPORT).read_bytes())


def _markdown(found: Iterable[Table]) -> Iterator[bytes]:
    for table in found:
        rows = [table.columns, ["---"] * len(table.columns), *table.rows]
        lines = ["| " + " | ".join(str(cell).replace("|", "\\|") for cell in row) + " |" for row in rows]
        yield "\n".join([f"## {table.title}", "", *lines, "", ""]).encode()


def package_splits(
    work: Building,
    labelled: Mapping[str, LabelledImage],
    standard: Mapping[str, StandardImage],
    splits: Mapping[str, tuple[Candidate, ...]],
    reviewed: Reviewed,
    audit: AuditReport,
) -> None:
    from spinebench.builder.package import package

    plan, build = work.plan, work.build
    made = package(
        splits,
        standard,
        labelled,
        folder=build.of(Stage.PACKAGE),
        picture_root=build.of(Stage.STANDARDIZE),
        sources=plan.facts(),
        plan=plan.package,
        ledger=work.dropped,
        reports={
            "settings": _settings(plan),
            "encoder": None if plan.embed is None else _encoder_report(plan.embed, build.of(Stage.EMBED)),
            "review": _review_report(reviewed),
            "selection": _json(build.of(Stage.SELECT) / SELECTION_REPORT),
            "audit": audit.model_dump(mode="json"),
        },
        policy=plan.standardize,
        on_progress=work.progress(Stage.PACKAGE),
    )
    record = build.ended(
        Stage.PACKAGE,
        [plan.package.model_dump(mode="json")],
        files=["release/SHA256SUMS"],
        counts={
            "questions": sum(made.n_items.values()),
            "images": made.images.n,
            "images in the release": made.images.n_included,
            "pointers in the release": made.images.n_pointed,
        },
    )
    work.ended(record, [])


def _encoder_report(section: EmbedSection, folder: Path) -> JsonValue:
    """The encoders for the card: of a hub id its name, and the pooling that `auto` came to; no machine path."""
    from spinebench.builder.embed_stage import embed_inputs, vectors_folder
    from spinebench.builder.embedding import EMBEDDINGS_FILE

    inputs = embed_inputs(section)
    assert isinstance(inputs, dict)
    encoders: list[JsonValue] = []
    for place, spec in enumerate((section.encoder, *section.compare)):
        vectors = json.loads((vectors_folder(folder, spec) / EMBEDDINGS_FILE).read_bytes())
        on_hub = spec.factory is None and not Path(spec.model).exists()
        encoders.append(
            {
                "name": spec.label,
                "for": "comparison only" if place else "wrong options",
                **({"model": spec.model, "revision": spec.revision} if on_hub else {}),
                "fingerprint": vectors["fingerprint"],
                "pooling": vectors["pooling"],
                "dtype": spec.dtype,
                "dimension": vectors["dimension"],
                "simulated": spec.simulated,
            }
        )
    return {**inputs, "encoders": encoders}


def _settings(plan: BuildPlan) -> JsonValue:
    """The plan for the card: without machine paths, workers and names of persons."""
    fields = plan.model_dump(mode="json", exclude={"embed", "package", "terms", "review"})
    fields["sources"] = [{"kind": one.kind, "name": one.source_name} for one in plan.sources]
    fields["severity"] = load_policy(plan.severity).model_dump(mode="json")
    fields["questions"]["pools"] = [Path(one).name for one in plan.questions.pools]
    fields["standardize"] = plan.standardize.of_result()
    fields["review"] = {
        "n_reviewers": len(plan.review.reviewers),
        **plan.review.model_dump(mode="json", include={"double_share", "require", "order", "seed"}),
    }
    return fields


def _json(path: Path) -> JsonValue:
    import json

    return json.loads(path.read_bytes())
