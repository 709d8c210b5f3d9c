"""Our own format: one item per line of JSON. Its JSON Schema is generated from `NativeItem` and shipped."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Final

from pydantic import ConfigDict, Field, StringConstraints, ValidationError

from spinebench.benchmarks.fields import LARGEST_N_OPTIONS, nearest
from spinebench.benchmarks.problems import RecordProblem, shown
from spinebench.benchmarks.vocabulary import (
    cluster_of,
    in_anatomical_order,
    match_option,
    tidy_path,
)
from spinebench.errors import DataError
from spinebench.records import (
    MULTIPLE_ANSWER_TASKS,
    WRITTEN_TASKS,
    ClinicalCase,
    ImageRef,
    Item,
    JsonValue,
    Language,
    Record,
    Task,
    digest,
)
from spinebench.terms import LEVELS, canonical_disease, canonical_level, fold

Text = Annotated[str, StringConstraints(pattern=r"\S")]

SCHEMA_FILE: Final = "native.schema.json"


class NativeImage(ImageRef):
    """An image with what is known about it."""

    path: Text = Field(description="Path relative to the image folder, '/' between folders.")
    modality: Text | None = Field(None, description="Of this image, e.g. MRI T2.")
    view: Text | None = Field(None, description="E.g. sagittal, lateral.")
    level: Text | None = Field(None, description="The level it shows, e.g. L4/L5.")


class NativeCase(ClinicalCase):
    """What a report or a consultation is about, beside its images."""

    history: Text | None = Field(None, description="History as the model is told it.")
    examination: Text | None = Field(None, description="Findings on examination as the model is told them.")
    key_facts: tuple[Text, ...] = Field(
        (), description="What a good report has to state. Shown to judges and clinicians, never to the model."
    )
    turns: tuple[Text, ...] = Field(
        (), description="What the patient of a consultation says, in order; the model replies to each."
    )


class NativeItem(Record):
    """One line of a native benchmark file."""

    model_config = ConfigDict(title="spinebench native item")

    id: Text | None = Field(
        None, description="Unique in the file. Left out: derived from task, images, question and options."
    )
    benchmark: Text | None = Field(
        None, description="Name of the benchmark. Left out: the file's name without its ending."
    )
    task: Task = Field(
        description="diagnosis and knowledge: one right option; localization: one or more; report and "
        "consultation: free text."
    )
    question: Text
    options: tuple[Text, ...] = Field(
        (), max_length=LARGEST_N_OPTIONS, description="Option texts without letters; none for free text."
    )
    gold: tuple[Text, ...] = Field((), description="The right options, as texts; none for free text.")
    images: tuple[Text | NativeImage, ...] = Field(
        (), description="Paths relative to the image folder, or objects."
    )
    disease: Text | None = Field(
        None, description="Label of the image. Left out for a diagnosis: taken from gold."
    )
    levels: tuple[Text, ...] = Field(
        (), description="Gold levels such as L4/L5. Left out for a localization: taken from gold."
    )
    modality: Text | None = Field(None, description="E.g. MRI, X-ray, CT.")
    region: Text | None = Field(None, description="E.g. lumbar, cervical.")
    source: Text | None = Field(None, description="Source data set.")
    cluster: Text | None = Field(
        None,
        description="Study or patient: the unit for errors and resampling. Left out: the study that the "
        "path of the first image names (rsna/<study>/...), otherwise that image, otherwise the item.",
    )
    subspecialty: Text | None = None
    reference: Text | None = Field(None, description="Reference text of a report or a consultation.")
    case: NativeCase | None = Field(None, description="Of a report or a consultation.")
    language: Language | None = Field(
        None, description="Language of the question and of the answer: en, zh, or with a region, e.g. zh-CN."
    )
    metadata: dict[str, JsonValue] = Field(
        default_factory=dict,
        description="Anything else. 'simulated': true marks drawn images.",
    )


def native_schema() -> dict[str, Any]:
    """JSON Schema (draft 2020-12) of one line, as generated from the model."""
    schema = NativeItem.model_json_schema()
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


@cache
def shipped_schema() -> str:
    """The text of the JSON Schema that comes with the package."""
    return files("spinebench.benchmarks").joinpath(SCHEMA_FILE).read_text("utf-8")


def read_native(value: object, *, default_benchmark: str) -> Item | tuple[RecordProblem, ...]:
    """The item of one line, or everything that is wrong with the line."""
    if not isinstance(value, Mapping):
        return (_problem(None, value, "a JSON object with 'task', 'question' and, unless a report, options"),)
    try:
        given = NativeItem.model_validate(value)
    except ValidationError as error:
        return tuple(_from_pydantic(dict(detail)) for detail in error.errors(include_url=False))
    problems = tuple(_contradictions(given))
    if problems:
        return problems
    images = tuple(_image(image) for image in given.images)
    gold = tuple(match_option(text, given.options, task=given.task) or text for text in given.gold)
    item_id = given.id or _derived_id(given, images)
    levels = in_anatomical_order(given.levels)
    disease = None if given.disease is None else canonical_disease(given.disease) or given.disease
    if given.task is Task.LOCALIZATION and not levels:
        levels = in_anatomical_order(gold)
    if given.task is Task.DIAGNOSIS and disease is None:
        disease = canonical_disease(gold[0]) or gold[0]
    return Item(
        **given.model_dump(exclude={"id", "benchmark", "gold", "images", "disease", "levels", "cluster"}),
        id=item_id,
        benchmark=given.benchmark or default_benchmark,
        gold=gold,
        images=images,
        disease=disease,
        levels=levels,
        cluster=given.cluster or (cluster_of(images[0].path) if images else item_id),
    )


def write_native(path: Path | str, items: Iterable[Item]) -> int:
    """Write items, one per line, and return their number. The file appears whole or not at all.

    Raises `DataError` for an item that the format refuses or an id that stands twice, before anything
    appears.
    """
    path = Path(path)
    seen: set[str] = set()
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            for item in items:
                stream.write(_line(item, seen, path.name))
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return len(seen)


def _line(item: Item, seen: set[str], file: str) -> str:
    fields = item.model_dump(mode="json", exclude_defaults=True)
    fields["images"] = [
        image["path"] if set(image) == {"path"} else image for image in fields.get("images", [])
    ]
    fields = {name: value for name, value in fields.items() if value not in ([], None)}
    read = read_native(fields, default_benchmark=item.benchmark)
    if isinstance(read, tuple):
        raise DataError(f"item {item.id!r} for {file!r}: {'; '.join(map(str, read))}; correct the item")
    if item.id in seen:
        raise DataError(f"item id {item.id!r} for {file!r}: expected each id once; rename one of the items")
    seen.add(item.id)
    return json.dumps(fields, ensure_ascii=False) + "\n"


def _image(given: str | NativeImage) -> ImageRef:
    if isinstance(given, str):
        return ImageRef(path=tidy_path(given))
    return ImageRef(**{**given.model_dump(), "path": tidy_path(given.path)})


def _derived_id(given: NativeItem, images: tuple[ImageRef, ...]) -> str:
    paths = [
        image.path if image.frame is None and image.plane is None else [image.path, image.frame, image.plane]
        for image in images
    ]
    content: list[JsonValue] = [given.task.value, paths, given.question, list(given.options)]
    if given.case is not None:  # cases are often asked about in the same words
        content.append(given.case.model_dump())
    return f"{given.task.value}-{digest(content)[:16]}"


def _problem(field: str | None, value: object, expected: str) -> RecordProblem:
    return RecordProblem(field=field, value=shown(value), expected=expected)


def _from_pydantic(detail: dict[str, Any]) -> RecordProblem:
    # The union of path and image object adds a branch name to the location that no file has.
    where = [
        part for part in detail["loc"] if part not in {"NativeImage"} and not str(part).startswith("constr")
    ]
    name = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in where).lstrip(".") or None
    match detail["type"]:
        case "missing":
            return RecordProblem(field=name, value="missing", expected="this field to be given")
        case "extra_forbidden":
            record = NativeItem if len(where) == 1 else NativeCase if where[0] == "case" else NativeImage
            known = list(record.model_fields)
            hint = nearest(str(where[-1]), known)
            return _problem(name, detail["input"], f"a known field{hint}, or to stand under 'metadata'")
        case "string_pattern_mismatch":
            expected = "en or zh, or one with a region" if name == "language" else "a text that is not empty"
            return _problem(name, detail["input"], expected)
        case _:
            expected = str(detail["msg"]).removeprefix("Input should be ")
            return _problem(name, detail["input"], expected.replace("valid tuple", "list"))


def _contradictions(given: NativeItem) -> Iterable[RecordProblem]:
    """What the schema cannot say: gold among the options, how many of them, labels that agree."""
    task, options, gold = given.task, given.options, given.gold
    turns = given.case.turns if given.case else ()
    if task is Task.CONSULTATION and not turns:
        yield _problem("case.turns", list(turns), "what the patient says, at least one turn")
    if task is not Task.CONSULTATION and turns:
        yield _problem("case.turns", list(turns), "no turns, or the task 'consultation'")
    if task in WRITTEN_TASKS:
        if options:
            yield _problem("options", list(options), f"no options for the task {task.value!r}")
        if gold:
            yield _problem(
                "gold",
                list(gold),
                f"no gold options for the task {task.value!r}; the text stands in 'reference'",
            )
        return
    if given.case is not None:
        yield _problem(
            "case", given.case.model_dump(exclude_defaults=True), "no case for a task with options"
        )
    if len(options) < 2:
        yield _problem("options", list(options), f"at least two options for the task {task.value!r}")
        return
    seen: set[str] = set()
    for option in options:
        # "Left ..." and "Right Subarticular Stenosis" may both be options here, so synonyms are no
        # repetition.
        level = canonical_level(option) if task is Task.LOCALIZATION else None
        key = option.strip() if task is Task.KNOWLEDGE else level or fold(option)
        if key in seen:
            yield _problem("options", option, "each option once")
        seen.add(key)
    matched = [match_option(text, options, task=task) for text in gold]
    for text, match in zip(gold, matched, strict=True):
        if match is None:
            expected = f"one of the options {list(options)}"
            yield RecordProblem(field="gold", value=shown(text), expected=expected, gold_absent=True)
    if len(set(matched)) != len(matched):
        yield _problem("gold", list(gold), "each right option once")
    if task in MULTIPLE_ANSWER_TASKS and not gold:
        yield _problem("gold", [], "at least one right option")
    elif task not in MULTIPLE_ANSWER_TASKS and len(gold) != 1:
        yield _problem("gold", list(gold), f"exactly one right option for the task {task.value!r}")
    yield from _labels(given, matched)


def _labels(given: NativeItem, matched: list[str | None]) -> Iterable[RecordProblem]:
    for level in given.levels:
        if not in_anatomical_order([level]):
            yield _problem("levels", level, f"one of {', '.join(LEVELS)}")
    if given.task is Task.LOCALIZATION and given.levels:
        from_gold = in_anatomical_order(text for text in matched if text is not None)
        if from_gold and from_gold != in_anatomical_order(given.levels):
            yield _problem("levels", list(given.levels), f"the levels that 'gold' names, {list(from_gold)}")
    if given.task is Task.DIAGNOSIS and given.disease is not None and len(matched) == 1 and matched[0]:
        label = canonical_disease(matched[0]) or matched[0]
        if fold(canonical_disease(given.disease) or given.disease) != fold(label):
            yield _problem("disease", given.disease, f"the label that 'gold' names, {label!r}")
