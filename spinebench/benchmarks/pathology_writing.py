"""Writes items as the released pathology JSON: the counterpart of `pathology`, which reads it."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path
from types import MappingProxyType
from typing import Final

from spinebench.benchmarks.pathology import TASKS, read_pathology
from spinebench.errors import DataError
from spinebench.records import MULTIPLE_ANSWER_TASKS, Item, JsonValue, Task

TASK_NAMES: Final = MappingProxyType({task: name for name, task in TASKS.items()})
"""`Task` -> its name in the released files."""
_SAME: Final = ("task", "question", "options", "gold", "images", "disease", "levels")
"""What the reader has to find again exactly; `source` and `modality` come back in the reader's spelling."""
_SOURCE_NAMES: Final = ("source", "dataset", "data_source")


def pathology_record(item: Item) -> dict[str, JsonValue]:
    """One record of the released format for a diagnosis or a localization.

    Metadata stands beside the format's own fields, where the reader takes it for metadata again. Id, benchmark and
    cluster have no field: the reader derives them from content and path. An item that the reader made comes back equal.

    Raises `DataError` where the format cannot hold the item: another task, no image, a frame or plane to be cut,
    metadata under a name of the format, or texts that the reader would understand otherwise.
    """
    task = TASK_NAMES.get(item.task)
    if task is None:
        raise _refused(item, f"has the task {item.task.value!r}", f"one of {', '.join(map(repr, TASKS))}")
    if not item.images:
        raise _refused(item, "has no image", "at least one")
    if any(image.frame is not None or image.plane is not None for image in item.images):
        raise _refused(item, "names a frame or a plane", "images of one picture each; render the slice first")
    paths = [image.path for image in item.images]
    gold = list(item.gold)
    record: dict[str, JsonValue] = {
        "image": paths[0] if len(paths) == 1 else paths,
        "question": item.question,
        "task": task,
        "answers": gold if item.task in MULTIPLE_ANSWER_TASKS else gold[0],
        "options": list(item.options),
    }
    stated = (
        item.disease if item.task is Task.LOCALIZATION else None
    )  # of a diagnosis the gold answer states it
    # Metadata under a label's name is something that the reader did not take for the label, such as a number.
    source = next((name for name in _SOURCE_NAMES if name not in item.metadata), None)
    for name, value in ((source, item.source), ("modality", item.modality), ("disease", stated)):
        if name is not None and value is not None and name not in item.metadata:
            record[name] = value
    for name, value in item.metadata.items():
        if name in record:
            raise _refused(
                item, f"has metadata called {name!r}", "another name: the format has a field of this one"
            )
        record[name] = value
    _must_come_back(item, record)
    return record


def write_pathology(path: Path | str, items: Iterable[Item]) -> int:
    """Write one JSON list, a record per line, and return their number. The file appears whole or not at all.

    Raises `DataError` as `pathology_record` does, before anything appears.
    """
    path = Path(path)
    n = 0
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as stream:
            stream.write("[")
            for item in items:
                stream.write(",\n" if n else "\n")
                stream.write(json.dumps(pathology_record(item), ensure_ascii=False))
                n += 1
            stream.write("\n]\n")
            stream.flush()
            os.fsync(stream.fileno())
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        os.unlink(name)
        raise
    return n


def _must_come_back(item: Item, record: dict[str, JsonValue]) -> None:
    read = read_pathology(record)
    if isinstance(read, tuple):
        raise _refused(item, "; ".join(map(str, read)), "what the format can say")
    found = {name: getattr(read, name) for name in _SAME}
    given = {name: getattr(item, name) for name in _SAME}
    found["images"] = [image.path for image in read.images]
    given["images"] = [image.path for image in item.images]
    if read.metadata != {name: value for name, value in item.metadata.items() if value is not None}:
        raise _refused(item, "has metadata under a name of the format", "other names")
    for name in _SAME:
        if found[name] != given[name]:
            raise _refused(item, f"would be read with {name} {found[name]!r}", repr(given[name]))


def _refused(item: Item, found: str, expected: str) -> DataError:
    return DataError(
        f"item {item.id!r} for the pathology format {found}: expected {expected}; write it in the native format"
    )
