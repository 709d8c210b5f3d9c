"""The stages before the review: from label files to candidates."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from spinebench.builder.build_work import (
    CANDIDATES,
    DROPPED,
    LABELLED,
    Building,
    nothing,
)
from spinebench.builder.importers import kinds, read_source
from spinebench.builder.record_files import read_records, write_records
from spinebench.builder.records import Dropped, LabelledImage, Similarities, Stage, StandardImage
from spinebench.builder.severity import judged, load_policy
from spinebench.builder.stages import StageRecord
from spinebench.records import JsonValue, digest


def import_labels(work: Building) -> StageRecord:
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
        raise nothing("import", "labelled image", work)
    given = {one.source for one in kept}
    for name in (one.source_name for one in plan.sources):
        if name not in given:
            reasons = Counter(one.reason for one in (*dropped, *left) if one.source == name)
            why = ", ".join(f"{n} {reason.replace('_', ' ')}" for reason, n in reasons.most_common())
            work.empty.append(f"source {name!r}: no image ({why or 'nothing in its files'})")
    return record


def standardize_images(
    work: Building, labelled: Mapping[str, LabelledImage], images: StageRecord, workers: int | None
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


def embed_images(
    work: Building,
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


def make_items(
    work: Building,
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
        raise nothing("items", "item", work)
    return record
