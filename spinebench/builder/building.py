"""All stages of a build in their order: each made where its inputs changed, taken as it is where they did not."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from spinebench.builder.audit.auditing import audit_benchmark
from spinebench.builder.audit.facts import facts_of_standard
from spinebench.builder.audit.report import AuditReport
from spinebench.builder.audit.tables import Table, tables
from spinebench.builder.embed_stage import EmbedSection
from spinebench.builder.importers import kinds, read_source
from spinebench.builder.plan import BuildPlan
from spinebench.builder.record_files import make_folder, put_whole, read_records, write_json, write_records
from spinebench.builder.records import Candidate, Dropped, LabelledImage, Similarities, Stage, StandardImage
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.queue import write_queue
from spinebench.builder.review.resolving import Reviewed, resolve
from spinebench.builder.selection import select
from spinebench.builder.severity import judged, load_policy
from spinebench.builder.stages import BuildFolder, StageRecord
from spinebench.errors import DataError, UsageError
from spinebench.records import JsonValue, Record, digest
from spinebench.store.locks import run_lock

LABELLED: Final = "images.jsonl"
DROPPED: Final = "dropped.jsonl"
CANDIDATES: Final = "candidates.jsonl"
REVIEW_REPORT: Final = "report.json"
ACCEPTED: Final = "accepted.jsonl"
SPLITS: Final = "splits.json"
SELECTION_REPORT: Final = "report.json"
AUDIT_REPORT: Final = "report.json"
AUDIT_TABLES: Final = "report.md"
REPORT: Final = "build.json"
OnProgress = Callable[[Stage, str, int, int], None]
"""Stage, what of it (an encoder's name, or empty), done, all."""


class StageLine(Record):
    """One stage of a build, for its table."""

    stage: Stage
    counts: dict[str, int] = Field(default_factory=dict)
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason -> number."""


class BuildReport(Record):
    """How far a build is; `build.json`."""

    name: str
    version: str
    stages: tuple[StageLine, ...]
    """Those that came to their end, in order."""
    n_waiting: int = 0
    """Items without a decision of the review that holds."""
    waits_for: dict[str, int] = Field(default_factory=dict)
    """How many of them lack a `first` decision, a `second` one, or the `adjudication` where reviewers differ."""
    simulated: tuple[str, ...] = ()
    """What of it is simulated: `encoder`, `review`."""
    failed_checks: dict[str, str] = Field(default_factory=dict)
    """Checks of the audit that end the build, with what they found."""
    not_given: tuple[str, ...] = ()
    """What the selection asked for and the data could not give, in words."""
    finished: bool = False


@dataclass
class _Building:
    plan: BuildPlan
    build: BuildFolder
    on_progress: OnProgress | None
    lines: list[StageLine] = field(default_factory=list)
    dropped: list[Dropped] = field(default_factory=list)

    def progress(self, stage: Stage, what: str = "") -> Callable[[int, int], None]:
        def show(done: int, total: int) -> None:
            if self.on_progress is not None:
                self.on_progress(stage, what, done, total)

        return show

    def ended(self, record: StageRecord, dropped: list[Dropped]) -> None:
        """Note the stage for the table, and what it left out for the ledger."""
        reasons = Counter(one.reason for one in dropped)
        self.lines.append(
            StageLine(stage=record.stage, counts=record.counts, dropped=dict(sorted(reasons.items())))
        )
        self.dropped += dropped

    def report(self, **fields: object) -> BuildReport:
        plan = self.plan
        encoders = () if plan.embed is None else (plan.embed.encoder, *plan.embed.compare)
        simulated = ["encoder"] if any(one.simulated for one in encoders) else []
        simulated += ["review"] if plan.review.simulated else []
        made = BuildReport.model_validate(
            {
                "name": plan.package.name,
                "version": plan.package.version,
                "stages": self.lines,
                "simulated": simulated,
                **fields,
            }
        )
        write_json(self.build.path / REPORT, made.model_dump(mode="json"))
        return made


def build_benchmark(
    plan: BuildPlan,
    out: Path,
    *,
    accepted_so_far: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> BuildReport:
    """Take a build as far as it goes: to its end, to items that wait for the review, or to a check that fails.

    `accepted_so_far`: go on with what is accepted, though items wait. `workers`: processes; None: all cores; changes
    nothing in the result. Called again, a stage is made anew only where its settings or inputs changed. Raises
    `DataError` where a stage leaves nothing, `UsageError` where another process builds in the folder, and what the
    stages raise.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(
            f"folder {str(out)!r}: expected one to build in, found a file; name another with --out"
        )
    make_folder(out)
    with run_lock(out / "lock", run_id=out.name, what="build"):
        return _built(_Building(plan, BuildFolder(out), on_progress), accepted_so_far, workers)


def read_report(out: Path) -> BuildReport:
    """How far the last call took a build. Raises `DataError` where the folder is none of a build."""
    try:
        return BuildReport.model_validate_json((out / REPORT).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"folder {str(out)!r}: expected {REPORT} of a build, found none that can be read; name the folder that "
            "'spinebench build benchmark' was given with --out"
        ) from error


def _built(work: _Building, accepted_so_far: bool, workers: int | None) -> BuildReport:
    build = work.build
    labelled_record = _import(work)
    labelled = {one.id: one for one in read_records(build.of(Stage.IMPORT) / LABELLED, LabelledImage)}
    standard_record = _standardize(work, labelled, labelled_record, workers)
    standard = {one.id: one for one in read_records(build.of(Stage.STANDARDIZE) / LABELLED, StandardImage)}
    if not standard:
        raise _nothing("standardize", "usable image", work)
    labelled = {name: labelled[name] for name in standard}
    embed_key, similarities = _embed(work, labelled, standard, (labelled_record, standard_record))
    items_record = _items(
        work, labelled, standard, similarities, [*(embed_key), labelled_record, standard_record]
    )
    reviewed = _review(work, labelled)
    if reviewed.waiting and not (accepted_so_far and reviewed.accepted):
        return work.report(n_waiting=len(reviewed.waiting), waits_for=reviewed.waits_for)
    if not reviewed.accepted:
        raise _nothing("review", "accepted item", work)
    splits, lines = _select(work, standard, reviewed, (items_record, standard_record))
    audit = _audit(work, labelled, standard, splits)
    failed = {one.name: one.detail for one in audit.failed}
    said: dict[str, object] = {
        "n_waiting": len(reviewed.waiting),
        "waits_for": reviewed.waits_for,
        "failed_checks": failed,
        "not_given": tuple(lines),
    }
    if failed:
        return work.report(**said)
    _package(work, labelled, standard, splits, reviewed, audit)
    return work.report(**said, finished=True)


def _import(work: _Building) -> StageRecord:
    """Label files are read anew every time: it takes seconds, and nothing says otherwise whether they changed."""
    plan = work.plan
    folder = work.build.of(Stage.IMPORT)
    counts: Counter[str] = Counter()
    images: list[LabelledImage] = []
    dropped: list[Dropped] = []
    for number, source in enumerate(plan.sources):
        work.progress(Stage.IMPORT, source.source_name)(number, len(plan.sources))
        found = read_source(source, plan.vocabulary)
        images += found.images
        dropped += found.dropped
        counts.update({"rows": found.counts["rows"], "findings": found.counts["findings"]})
    policy = load_policy(plan.severity)
    kept, left = judged(images, policy, kinds(plan.sources))
    kept = tuple(sorted(kept, key=lambda one: one.id))
    write_records(folder / LABELLED, kept)
    write_records(folder / DROPPED, [*dropped, *left])
    record = work.build.ended(
        Stage.IMPORT,
        [policy.model_dump(mode="json"), plan.vocabulary.model_dump(mode="json")],
        files=[LABELLED, DROPPED],
        counts={
            **counts,
            "images": len(kept),
            "healthy": sum(one.healthy for one in kept),
            "dropped": len(dropped) + len(left),
        },
    )
    work.ended(record, [*dropped, *left])
    if not kept:
        raise _nothing("import", "labelled image", work)
    return record


def _standardize(
    work: _Building, labelled: Mapping[str, LabelledImage], images: StageRecord, workers: int | None
) -> StageRecord:
    from spinebench.builder.standardizing import standardize

    plan = work.plan
    roots = {one.source_name: Path(one.folder) for one in plan.sources}

    def make(folder: Path) -> dict[str, int]:
        made = standardize(
            list(labelled.values()), roots, folder, plan.standardize, workers=workers,
            on_progress=work.progress(Stage.STANDARDIZE),
        )  # fmt: skip
        return {
            "images": len(made.images),
            "different pictures": len({one.pixel_hash for one in made.images}),
            "near-duplicate groups of several": sum(
                n > 1 for n in Counter(one.group for one in made.images).values()
            ),
            "dropped": len(made.dropped),
        }

    inputs: list[JsonValue] = [images.outputs(), plan.standardize.of_result(), _states(labelled, roots)]
    record = work.build.run(Stage.STANDARDIZE, inputs, make, files=[LABELLED, DROPPED])
    work.ended(record, list(read_records(work.build.of(Stage.STANDARDIZE) / DROPPED, Dropped)))
    return record


def _states(labelled: Mapping[str, LabelledImage], roots: Mapping[str, Path]) -> str:
    """Size and date of every image file: whether it is worth looking at their bytes again."""
    states: list[JsonValue] = []
    for one in labelled.values():
        try:
            state = os.stat(roots[one.source] / one.path)
            states.append([one.id, state.st_size, state.st_mtime_ns])
        except (OSError, ValueError):
            states.append([one.id, None, None])
    return digest(states)


def _embed(
    work: _Building,
    labelled: Mapping[str, LabelledImage],
    standard: Mapping[str, StandardImage],
    before: tuple[StageRecord, ...],
) -> tuple[list[StageRecord], dict[str, Similarities]]:
    section = work.plan.embed
    if section is None:
        return [], {}
    from spinebench.builder.embed_stage import EMBED_FILES, SIMILARITIES_FILE, embed_inputs, embed_stage

    plan = work.plan

    def make(folder: Path) -> dict[str, int]:
        return embed_stage(
            folder, list(standard.values()), labelled, work.build.of(Stage.STANDARDIZE), section,
            vocabulary=plan.vocabulary, seed=plan.seed,
            on_progress=lambda name, done, total: work.progress(Stage.EMBED, name)(done, total),
        )  # fmt: skip

    inputs: list[JsonValue] = [
        *(one.outputs() for one in before),
        embed_inputs(section),
        plan.vocabulary.model_dump(mode="json"),
        plan.seed,
    ]
    record = work.build.run(Stage.EMBED, inputs, make, files=EMBED_FILES)
    work.ended(record, [])
    found = read_records(work.build.of(Stage.EMBED) / SIMILARITIES_FILE, Similarities)
    return [record], {one.id: one for one in found}


def _items(
    work: _Building,
    labelled: Mapping[str, LabelledImage],
    standard: Mapping[str, StandardImage],
    similarities: Mapping[str, Similarities],
    before: list[StageRecord],
) -> StageRecord:
    from spinebench.builder.items import build_items
    from spinebench.builder.question_pool import load_pool

    plan = work.plan
    pool = load_pool(plan.questions, vocabulary=plan.vocabulary, tasks=plan.items.tasks)

    def make(folder: Path) -> dict[str, int]:
        made = build_items(
            list(labelled.values()), standard, similarities, pool, plan.items,
            vocabulary=plan.vocabulary, benchmark=plan.package.name, seed=plan.seed,
        )  # fmt: skip
        write_records(folder / CANDIDATES, made.candidates)
        write_records(folder / DROPPED, made.dropped)
        tasks = Counter(one.item.task.value for one in made.candidates)
        return {"items": len(made.candidates), **dict(sorted(tasks.items())), "dropped": len(made.dropped)}

    inputs: list[JsonValue] = [
        *(one.outputs() for one in before),
        pool.model_dump(mode="json"),
        plan.items.model_dump(mode="json"),
        plan.vocabulary.model_dump(mode="json"),
        plan.package.name,
        plan.seed,
    ]
    record = work.build.run(Stage.ITEMS, inputs, make, files=[CANDIDATES, DROPPED])
    work.ended(record, list(read_records(work.build.of(Stage.ITEMS) / DROPPED, Dropped)))
    if not record.counts["items"]:
        raise _nothing("items", "item", work)
    return record


def _review(work: _Building, labelled: Mapping[str, LabelledImage]) -> Reviewed:
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


def _select(
    work: _Building,
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
        raise _nothing("select", "item in a split", work)
    return chosen.splits, chosen.report.lines()


def _audit(
    work: _Building,
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
            "not passed": sum(not one.passed for one in report.checks),
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


def _package(
    work: _Building,
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
    for spec in (section.encoder, *section.compare):
        vectors = json.loads((vectors_folder(folder, spec) / EMBEDDINGS_FILE).read_bytes())
        on_hub = spec.factory is None and not Path(spec.model).exists()
        encoders.append(
            {
                "name": spec.label,
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


def _nothing(stage: str, what: str, work: _Building) -> DataError:
    reasons = Counter(one.reason for one in work.dropped)
    found = ", ".join(f"{n} {reason}" for reason, n in reasons.most_common(8)) or "nothing at all"
    return DataError(
        f"stage {stage!r}: expected at least one {what}, found none ({found}); "
        f"read {stage}/{DROPPED} in the folder of the build, and correct the sources or the plan"
    )
