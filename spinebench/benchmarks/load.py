"""Reads a benchmark file of either format into a `Benchmark`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Literal, TypeVar, cast

from spinebench.benchmarks.benchmark import Benchmark, describe
from spinebench.benchmarks.native import read_native
from spinebench.benchmarks.pathology import TASKS, read_pathology
from spinebench.benchmarks.problems import BenchmarkFileError, InvalidRecord, RecordProblem, file_error
from spinebench.benchmarks.sidecar import read_sidecar
from spinebench.benchmarks.stream import read_records
from spinebench.errors import DataError, UsageError
from spinebench.records import ImageRef, Item, Task

FileFormat = Literal["pathology-json", "native-jsonl"]
_FORMATS: dict[str, FileFormat] = {
    "pathology-json": "pathology-json",
    "pathology": "pathology-json",
    "native-jsonl": "native-jsonl",
    "native": "native-jsonl",
}
_LOOKED_AT = 50
_ALL_OF_ITEM = set(Item.model_fields)
_ALL_OF_IMAGE = set(ImageRef.model_fields)
_Shared = TypeVar("_Shared", str, tuple[str, ...])
Reader = Callable[[object], Item | tuple[RecordProblem, ...]]


def load_benchmark(
    path: Path | str,
    *,
    format: str | None = None,
    image_root: Path | str | None = None,
    skip_invalid: bool = False,
) -> Benchmark:
    """The benchmark in a file, every record checked.

    Records are read one by one; only items are held. Records that say the same give items of their own, the
    later ones with `-2`, `-3` behind the id, and are listed in `duplicates`; the same question, image and
    options with another gold answer is invalid.

    Args:
        path: a pathology JSON list (or the same records one per line), or native JSON lines.
        format: `pathology-json` or `native-jsonl`; None: recognized by the first records.
        image_root: folder that image paths start from; None: the file's own folder.
        skip_invalid: leave invalid records out and list them in `invalid`, in place of an error.

    Raises:
        BenchmarkFileError: a `DataError` over all invalid records, with file, index, line, field, value and
        what was
            expected; also where not a single record is valid, or the rest of the file cannot be read.
        DataError: no such file, not JSON, no UTF-8.
        UsageError: an unknown format, an image folder that is none.
    """
    path = Path(path)
    root = path.parent if image_root is None else Path(image_root)
    if image_root is not None and not root.is_dir():
        raise UsageError(f"image folder {str(image_root)!r}: expected an existing folder; check the path")
    file_format = _known_format(format) or recognize(path)
    reading = _Reading(path, file_format)
    items = tuple(reading.items())
    if reading.fatal or not items or (reading.invalid and not skip_invalid):
        if not reading.n_records:
            raise _no_record(path)
        if reading.fatal:
            mend = "mend the file; nothing behind the last record named could be read"
        else:
            mend = "correct them, or leave them out with --skip-invalid"
        raise file_error(path.name, reading.invalid, n_records=reading.n_records, mend=mend)
    return Benchmark(
        info=describe(items, file=path, file_format=file_format, sidecar=read_sidecar(path)),
        items=items,
        image_root=root,
        invalid=tuple(reading.invalid),
        duplicates=tuple(map(tuple, reading.duplicates.values())),
    )


def recognize(path: Path) -> FileFormat:
    """The format of a file by the fields of its first records.

    Raises `DataError` where they do not tell, `BenchmarkFileError` where that is for faults of their own.
    """
    n_records = 0
    broken: list[InvalidRecord] = []
    for record in islice(read_records(path), _LOOKED_AT):
        n_records += 1
        if record.problem is not None:
            broken.append(
                InvalidRecord(
                    file=path.name, index=record.index, line=record.line, problems=(record.problem,)
                )
            )
        if not isinstance(record.value, dict):
            continue
        task = record.value.get("task")
        task = task.strip().casefold() if isinstance(task, str) else None
        if task in set(Task):
            return "native-jsonl"
        if task in TASKS or not record.value.keys().isdisjoint({"answers", "answer", "image", "image_path"}):
            return "pathology-json"
        if not record.value.keys().isdisjoint({"gold", "images"}):
            return "native-jsonl"
    if not n_records:
        raise _no_record(path)
    if broken:
        raise file_error(path.name, broken, n_records=n_records, mend="mend the file")
    raise DataError(
        f"benchmark file {path.name!r}: expected records of the pathology JSON (image, question, task, "
        "answers, options) or of the native format (task, question, options, gold) among the first ones; "
        "name the format with --format, see docs/benchmark-files.md"
    )


def _no_record(path: Path) -> BenchmarkFileError:
    return BenchmarkFileError(f"benchmark file {path.name!r}: expected at least one record; add one")


def _known_format(name: str | None) -> FileFormat | None:
    if name is None or name in _FORMATS:
        return None if name is None else _FORMATS[name]
    raise UsageError(f"benchmark format {name!r}: expected pathology-json or native-jsonl; correct --format")


class _Reading:
    """One pass over a file: gives the valid items, keeps the invalid records and the duplicates."""

    def __init__(self, path: Path, file_format: FileFormat) -> None:
        self._path = path
        self._reader: Reader
        if file_format == "pathology-json":
            self._reader = read_pathology
        else:
            self._reader = lambda value: read_native(value, default_benchmark=path.stem)
        self._seen: dict[str, tuple[Item, int]] = {}
        self._shared: dict[str | tuple[str, ...], str | tuple[str, ...]] = {}
        self.invalid: list[InvalidRecord] = []
        self.duplicates: dict[str, list[str]] = {}
        self.n_records = 0
        self.fatal = False

    def items(self) -> Iterator[Item]:
        for record in read_records(self._path):
            self.n_records += 1
            if record.problem is not None:
                self.fatal = record.fatal
                self._refuse(record.index, record.line, (record.problem,))
                continue
            read = self._reader(record.value)
            if isinstance(read, tuple):
                self._refuse(record.index, record.line, read)
                continue
            explicit = isinstance(record.value, dict) and record.value.get("id") == read.id
            item = self._once(read, record.index, record.line, explicit=explicit)
            if item is not None:
                yield item

    def _refuse(self, index: int, line: int, problems: tuple[RecordProblem, ...]) -> None:
        self.invalid.append(InvalidRecord(file=self._path.name, index=index, line=line, problems=problems))

    def _once(self, item: Item, index: int, line: int, *, explicit: bool) -> Item | None:
        """The item under an id of its own; None where the file contradicts itself."""
        earlier = self._seen.get(item.id)
        if earlier is None:
            item = self._compact(item, item.id)
            self._seen[item.id] = (item, index)
            return item
        first, first_index = earlier
        if explicit:
            expected = f"an id of its own, record {first_index} has it"
            self._refuse(index, line, (RecordProblem(field="id", value=repr(item.id), expected=expected),))
            return None
        if set(item.gold) != set(first.gold):
            expected = f"{list(first.gold)} as in record {first_index}, which asks the same"
            self._refuse(
                index, line, (RecordProblem(field="gold", value=repr(list(item.gold)), expected=expected),)
            )
            return None
        group = self.duplicates.setdefault(item.id, [item.id])
        number = len(group) + 1
        while (name := f"{item.id}-{number}") in self._seen:
            number += 1
        group.append(name)
        item = self._compact(item, name)
        self._seen[name] = (item, index)
        return item

    def _compact(self, item: Item, item_id: str) -> Item:
        """The item under this id, with what it repeats of earlier items shared with them.

        Texts, option tuples and the bookkeeping of pydantic would take most of the memory otherwise.
        The item has been validated, so nothing is checked again.
        """
        fields = {**dict(item), "id": item_id}
        for name in ("benchmark", "question", "disease", "modality", "region", "source", "cluster"):
            if fields[name] is not None:
                fields[name] = self._share(fields[name])
        for name in ("options", "gold", "levels"):
            fields[name] = self._share(tuple(self._share(text) for text in fields[name]))
        fields["images"] = tuple(
            ImageRef.model_construct(_fields_set=_ALL_OF_IMAGE, **dict(image)) for image in item.images
        )
        return Item.model_construct(_fields_set=_ALL_OF_ITEM, **fields)

    def _share(self, value: _Shared) -> _Shared:
        return cast(_Shared, self._shared.setdefault(value, value))
