"""Restores the images of a release that only points to them, from the user's own copies of the sources."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final, Literal

from pydantic import ValidationError

from spinebench.benchmarks.paths import Folder, sha256_of
from spinebench.builder.package.pointers import POINTERS, STANDARDIZING, Pointer, Standardizing
from spinebench.builder.parallel import in_chunks
from spinebench.builder.record_files import file_sha256, put_whole, read_records
from spinebench.builder.records import Dropped, LabelledImage
from spinebench.errors import DataError, SpinebenchError, UsageError
from spinebench.records import ImageRef, JsonValue, Record

Render = Callable[[LabelledImage, Path, Mapping[str, JsonValue]], bytes]
"""Image, folder of its source, settings of the standardization -> bytes of the PNG. Raises `SpinebenchError`."""
Reason = Literal["missing", "other_source_file", "unreadable", "other_bytes", "outside"]
_CARD: Final = "card.json"


class RestoreFault(Record):
    """An image that could not be restored."""

    image: str
    source: str
    reason: Reason
    detail: str


class Restored(Record):
    """What became of the images that a release points to."""

    n_pointed: int
    n_restored: int
    """Made in this call."""
    n_present: int
    """There already, with the right bytes."""
    n_waiting: dict[str, int]
    """By source: images whose source was not named."""
    faults: tuple[RestoreFault, ...]


def restore(
    release: Path,
    sources: Mapping[str, Path],
    *,
    render: Render | None = None,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Restored:
    """Write the images that `pointers.jsonl` names into the release, each byte for byte as it was.

    A source file has to have the SHA-256 that the pointer states, and the restored image its own; otherwise nothing is
    written for it and a fault says why. Images that are there already are left alone, so that the call can be repeated.
    Nothing outside the folders of the sources is read, nothing outside the release is written.

    Args:
        release: folder of a release.
        sources: name of a source, as in the card -> folder of the user's own copy.
        render: stands in for the standardization, in tests; a function of a module.
        workers: processes; None: all cores.
        on_progress: called with images done and all.

    Raises `DataError` where the folder is no release or a line of its pointers is damaged, `UsageError` for a source
    that the release does not point to or a folder that is none.
    """
    pointers = _pointers(release)
    policy = _policy(release) if pointers else {}
    named = {line.source for line in pointers}
    for name, folder in sources.items():
        if name not in named:
            raise UsageError(
                f"source {name!r}: expected one that the release points to ({', '.join(sorted(named)) or 'none'}); "
                "correct --source"
            )
        if not folder.is_dir():
            raise UsageError(
                f"folder {str(folder)!r} of source {name!r}: expected an existing folder; correct --source"
            )
    faults: list[RestoreFault] = []
    present: set[str] = set()
    todo: list[Pointer] = []
    for line in pointers:
        target = _target(release, line.image)
        if target is None:
            faults.append(_fault(line, "outside", "its path leads out of the release's images"))
        elif _has(target, line.sha256):
            present.add(line.image)
        elif line.source in sources:
            todo.append(line)
    n_waiting = Counter(
        line.source for line in pointers if line.source not in sources and line.image not in present
    )
    jobs = _with_paths(todo, sources, faults)
    work = partial(
        _restore_one, release=release, sources=dict(sources), policy=policy, render=render or standard_png
    )
    done = n_restored = 0
    for part in in_chunks(work, jobs, crashed=_crashed, workers=workers):
        done += len(part)
        for fault in part:
            if fault is None:
                n_restored += 1
            else:
                faults.append(fault)
        if on_progress is not None:
            on_progress(done, len(todo))
    return Restored(
        n_pointed=len(pointers),
        n_restored=n_restored,
        n_present=len(present),
        n_waiting=dict(sorted(n_waiting.items())),
        faults=tuple(sorted(faults, key=lambda one: one.image)),
    )


def standard_png(image: LabelledImage, root: Path, policy: Mapping[str, JsonValue]) -> bytes:
    """The PNG that standardization makes of an image of a source."""
    from spinebench.benchmarks.preparing import open_source
    from spinebench.builder.standard_picture import standard_picture
    from spinebench.builder.standard_policy import StandardPolicy

    settings = StandardPolicy.model_validate(policy)
    place = Folder(root).locate(image.path)
    ref = ImageRef(path=image.path, frame=image.frame, plane=image.plane or settings.plane)
    source = open_source(place, ref, settings.of_reading())
    with TemporaryDirectory(prefix="spinebench-restore-") as scratch:
        made = standard_picture(image, source, Path(scratch), settings)
        if isinstance(made, Dropped):
            raise DataError(f"image {image.path!r}: expected a picture, found {made.reason}: {made.detail}")
        return (Path(scratch) / made.file).read_bytes()


def _pointers(release: Path) -> tuple[Pointer, ...]:
    if not (release / _CARD).is_file():
        raise DataError(
            f"folder {release.name!r}: expected a release with {_CARD}, as 'build benchmark' writes it below "
            "package/release; name that folder"
        )
    if not (release / POINTERS).exists():
        return ()
    return tuple(read_records(release / POINTERS, Pointer))


def _policy(release: Path) -> dict[str, JsonValue]:
    try:
        return Standardizing.model_validate_json((release / STANDARDIZING).read_bytes()).policy
    except (OSError, ValidationError) as error:
        raise DataError(
            f"file {STANDARDIZING!r} of the release: expected the settings that its images were made with, found "
            f"{str(error).splitlines()[0]}; get the release again"
        ) from error


def _target(release: Path, image: str) -> Path | None:
    """Where an image belongs; None where that is not below the release's own `images`."""
    parts = image.split("/")
    if (
        parts[0] != "images"
        or len(parts) < 2
        or set(parts) & {"", ".", ".."}
        or "\\" in image
        or "\0" in image
    ):
        return None
    root = os.path.realpath(release)
    real = os.path.realpath(os.path.join(root, image))
    return Path(real) if real == os.path.join(root, *parts) else None


def _has(file: Path, sha256: str) -> bool:
    try:
        return file.is_file() and file_sha256(file) == sha256
    except OSError:
        return False


def _with_paths(
    todo: Sequence[Pointer], sources: Mapping[str, Path], faults: list[RestoreFault]
) -> Iterator[Pointer]:
    """The pointers, each with a path; where it was withheld, the file is looked for by its hash."""
    unnamed = [line for line in todo if line.path is None]
    found: dict[tuple[str, str], str] = {}
    for source in sorted({line.source for line in unnamed}):
        wanted = {line.source_sha256 for line in unnamed if line.source == source}
        for sha256, name in _files_of(sources[source], wanted):
            found[source, sha256] = name
    for line in todo:
        path = line.path or found.get((line.source, line.source_sha256))
        if path is None:
            faults.append(
                _fault(line, "missing", f"no file of SHA-256 {line.source_sha256} is in the folder")
            )
        else:
            yield line.model_copy(update={"path": path})


def _files_of(root: Path, wanted: set[str]) -> Iterator[tuple[str, str]]:
    """(SHA-256, path) of the files below a folder that are wanted; links are not followed."""
    for place, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            file = Path(place, name)
            if file.is_file() and not file.is_symlink() and (sha256 := file_sha256(file)) in wanted:
                yield sha256, file.relative_to(root).as_posix()


def _restore_one(
    line: Pointer,
    *,
    release: Path,
    sources: Mapping[str, Path],
    policy: Mapping[str, JsonValue],
    render: Render,
) -> RestoreFault | None:
    assert line.path is not None
    root = sources[line.source]
    try:
        with Folder(root).locate(line.path).open() as stream:
            found = sha256_of(stream)
    except SpinebenchError as error:
        return _fault(line, "missing", str(error))
    if found != line.source_sha256:
        return _fault(
            line,
            "other_source_file",
            f"{line.path!r} has SHA-256 {found}, not {line.source_sha256}: is it another version of the data set?",
        )
    image = LabelledImage(
        id=f"{line.source}/{line.path}",
        source=line.source,
        path=line.path,
        frame=line.frame,
        plane=line.plane,
    )
    try:
        data = render(image, root, policy)
    except SpinebenchError as error:
        return _fault(line, "unreadable", str(error))
    made = hashlib.sha256(data).hexdigest()
    if made != line.sha256:
        return _fault(
            line,
            "other_bytes",
            f"the picture made of {line.path!r} has SHA-256 {made}, expected {line.sha256}: it was made with other "
            "versions of spinebench, pillow or a decoder",
        )
    target = _target(release, line.image)
    if target is None:
        return _fault(line, "outside", "its path leads out of the release's images")
    put_whole(target, [data])
    return None


def _crashed(line: Pointer) -> RestoreFault:
    return _fault(line, "unreadable", "reading it ended the process")


def _fault(line: Pointer, reason: Reason, detail: str) -> RestoreFault:
    return RestoreFault(image=line.image, source=line.source, reason=reason, detail=detail)
