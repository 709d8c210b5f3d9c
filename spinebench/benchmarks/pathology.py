"""Reads one record of the released pathology JSON (SpineBench, arXiv 2510.12267) into an item.

Field names and values as described in docs/benchmark-files.md. The format names no id, so one is derived from
task, image, question and options; gold answers are option texts and are matched to the options, never
guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from types import MappingProxyType

from spinebench.benchmarks.fields import Fields, nearest
from spinebench.benchmarks.problems import RecordProblem, shown
from spinebench.benchmarks.vocabulary import (
    canonical,
    cluster_of,
    folded,
    in_anatomical_order,
    match_option,
    modality_of,
    nearest_label,
    region_of,
    source_name,
    source_of_path,
    tidy_path,
)
from spinebench.records import ImageRef, Item, Task, digest
from spinebench.terms import canonical_disease

PATHOLOGY = "pathology"
"""`Item.benchmark` of every item of this format."""

TASKS = MappingProxyType(
    {"spine_disease_classification": Task.DIAGNOSIS, "spine_lesion_localization": Task.LOCALIZATION}
)
_MODALITIES = MappingProxyType(
    {"mri": "MRI", "mr": "MRI", "xray": "X-ray", "xr": "X-ray", "dx": "X-ray", "cr": "X-ray", "ct": "CT"}
)
_BETWEEN = re.compile(r"\s*(?:[,;]|\band\b)\s*", re.IGNORECASE)


def read_pathology(value: object) -> Item | tuple[RecordProblem, ...]:
    """The item of one record, or everything that is wrong with the record."""
    if not isinstance(value, Mapping):
        fields = Fields({})
        fields.wrong(None, value, "a JSON object with 'image', 'question', 'task', 'answers' and options")
        return tuple(fields.problems)
    fields = Fields(value)
    task = _task(fields)
    paths = _paths(fields)
    question = fields.text("question", "query", expected="the question's text")
    options = fields.options()
    if task is not None:
        _refuse_twice(fields, options, task)
    gold = _gold(fields, options, task)
    if fields.problems or task is None or question is None:
        return tuple(fields.problems)
    source = _source(fields, paths)
    modality = _modality(fields) or modality_of(source)
    clusters = {cluster_of(path) for path in paths}
    return Item(
        id=item_id(task, paths, question, options),
        benchmark=PATHOLOGY,
        task=task,
        question=question,
        options=options,
        gold=gold,
        images=tuple(ImageRef(path=path) for path in paths),
        disease=_disease(fields, gold, task),
        levels=in_anatomical_order(gold) if task is Task.LOCALIZATION else (),
        modality=modality,
        region=region_of(source, task=task),
        source=source,
        cluster=clusters.pop() if len(clusters) == 1 else paths[0],
        metadata=fields.rest(),
    )


def item_id(task: Task, paths: tuple[str, ...], question: str, options: tuple[str, ...]) -> str:
    """`<task>-<16 hex digits>` of a SHA-256 over what is asked: task, images, question, options in order."""
    return f"{task.value}-{digest([task.value, paths, question, options])[:16]}"


def _task(fields: Fields) -> Task | None:
    expected = " or ".join(map(repr, TASKS))
    text = fields.text("task", expected=expected)
    if text is None:
        return None
    task = TASKS.get(text) or TASKS.get(re.sub(r"[\s-]+", "_", text.strip().casefold()))
    if task is None:
        fields.wrong("task", text, expected + nearest(text, list(TASKS)))
    return task


def _paths(fields: Fields) -> tuple[str, ...]:
    expected = "the image's path relative to the benchmark's folder"
    name, texts = fields.texts("image", "image_path", expected=expected)
    paths = tuple(tidy_path(text) for text in texts)
    for path in paths:
        if not path or "://" in texts[0] or path.startswith("data:"):
            fields.wrong(name, texts[0], expected)
            return ()
    return paths


def _refuse_twice(fields: Fields, options: tuple[str, ...], task: Task) -> None:
    """Options that say the same, verbatim or as synonyms, leave no single right letter."""
    seen: dict[str, str] = {}
    for option in options:
        key = canonical(option, task=task) or folded(option)
        if key in seen:
            same = "" if folded(seen[key]) == folded(option) else f" ({seen[key]!r} names the same)"
            fields.wrong("options", option, f"each option once{same}")
        seen[key] = option


def _gold(fields: Fields, options: tuple[str, ...], task: Task | None) -> tuple[str, ...]:
    name, texts = fields.texts(
        "answers", "answer", expected="the right option's text, or a list of such texts"
    )
    if task is None or not options or not texts:
        return ()
    if task is Task.LOCALIZATION and len(texts) == 1 and match_option(texts[0], options, task=task) is None:
        texts = tuple(part for part in _BETWEEN.split(texts[0]) if part)
    gold = []
    for text in texts:
        option = match_option(text, options, task=task)
        if option is None:
            letter = len(text) == 1 and "A" <= text.upper() <= "Z"
            known = None if canonical(text, task=task) else nearest_label(text, task=task)
            hint = f"; nearest label {known!r}" if known else ""
            if letter:
                hint = "; the option's text, not its letter"
            expected = f"one of the options {list(options)}{hint}"
            fields.problems.append(
                RecordProblem(field=name, value=shown(text), expected=expected, gold_absent=True)
            )
        elif option in gold:
            fields.wrong(name, text, "each right option once")
        else:
            gold.append(option)
    if task is Task.DIAGNOSIS and len(texts) > 1:
        fields.wrong(name, list(texts), "one right option for a diagnosis")
    return tuple(option for option in options if option in gold)


def _source(fields: Fields, paths: tuple[str, ...]) -> str | None:
    named = fields.optional_text("source", "dataset", "data_source")
    if named is not None:
        return source_name(named) or named
    sources = {source_of_path(path) for path in paths}
    return sources.pop() if len(sources) == 1 else None


def _modality(fields: Fields) -> str | None:
    named = fields.optional_text("modality")
    if named is None:
        return None
    return _MODALITIES.get(re.sub(r"[\s_-]", "", named.casefold()), named)


def _disease(fields: Fields, gold: tuple[str, ...], task: Task) -> str | None:
    """The gold label of a diagnosis, canonical where known; of a localization what the record states."""
    if task is Task.DIAGNOSIS:
        return canonical_disease(gold[0]) or gold[0]
    stated = fields.optional_text("disease")
    return None if stated is None else canonical_disease(stated) or stated
