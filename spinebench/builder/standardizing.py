"""Makes every labelled image an 8-bit RGB PNG without header, measures it, and groups those that look alike.

Each image is done by itself, in any process and order; what is done stands in a journal. Only when all are done are the
lists written, sorted, so that they do not depend on the number of processes, on the order or on kills in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from pydantic import ValidationError

from spinebench.benchmarks.paths import Folder, sha256_of
from spinebench.benchmarks.preparing import open_source
from spinebench.benchmarks.problems import ImageError, ImageProblem, shown
from spinebench.builder.near_duplicates import near_duplicate_groups
from spinebench.builder.parallel import in_chunks
from spinebench.builder.record_files import file_sha256, put_whole, write_records
from spinebench.builder.records import Dropped, LabelledImage, StandardImage
from spinebench.builder.standard_picture import PICTURES, dropped, standard_picture
from spinebench.builder.standard_policy import StandardPolicy
from spinebench.errors import UsageError
from spinebench.records import ImageRef, Record, Sha256, digest
from spinebench.store.journal import Journal, encode

_log = logging.getLogger(__name__)
VERSION: Final = "1"
"""Of everything that decides a standardized picture; part of every entry's key."""
IMAGES_FILE: Final = "images.jsonl"
DROPPED_FILE: Final = "dropped.jsonl"
JOURNAL_FILE: Final = "journal.jsonl"
__all__ = ["DROPPED_FILE", "IMAGES_FILE", "StandardPolicy", "Standardized", "standardize"]


@dataclass(frozen=True, slots=True)
class Standardized:
    """What became of all images."""

    images: tuple[StandardImage, ...]
    """Sorted by id."""
    dropped: tuple[Dropped, ...]
    """Sorted by id of the image and reason."""


class Outcome(Record):
    """Line of the journal: what became of one image. Exactly one of `image` and `dropped` is there."""

    id: str
    key: Sha256
    """Over the version, the settings of a picture, the image's path, frame and plane, and the bytes of its file."""
    image: StandardImage | None = None
    dropped: Dropped | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    image: LabelledImage
    root: str
    known: Outcome | None
    """What an earlier call made of it, perhaps of another file or by other settings."""


def standardize(
    images: Sequence[LabelledImage],
    roots: Mapping[str, Path],
    folder: Path,
    policy: StandardPolicy,
    *,
    workers: int | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Standardized:
    """Standardize all images into `folder`, which is made where missing and belongs to this stage alone.

    `roots`: name of a source -> its folder; nothing outside is read. `folder` then holds `images/<2 digits>/<pixel
    hash>.png`, `images.jsonl` and `dropped.jsonl`, of bytes that follow from the images, their files and the policy
    alone, and `journal.jsonl`, by which a later call does only what is missing: what was done before stands where
    settings, labels' path, frame and plane, and the file's SHA-256 are the same and its picture is whole. So all
    files are read and hashed again, which is fast against decoding them, and neither a copied tree nor a changed file
    of the same size and date is taken for what it is not. Pictures that nothing refers to are deleted.

    An image that cannot be used gives a `Dropped` with an `ImageProblem` as its reason, or `burned_in`, `blank`,
    `crashed` (its decoder ended the process) or `duplicate_id`. `on_progress` gets the number of images done
    and of all. Raises `UsageError` where a source has no folder, `StoppedError` where the disk is full.
    """
    missing = sorted({one.source for one in images} - set(roots))
    if missing:
        raise UsageError(
            f"source {missing[0]!r}: expected a folder of its images, found folders of {sorted(roots)}; name it"
        )
    folder.mkdir(parents=True, exist_ok=True)
    single, twice = _single(images)
    journal = Journal(folder / JOURNAL_FILE, Outcome, way_on="build again")
    known = dict(_known(journal))
    jobs = (_Job(one, str(roots[one.source]), known.get(one.id)) for one in single)
    work = partial(standardize_one, folder=folder, policy=policy)
    outcomes: dict[str, Outcome] = {}
    journal.open()
    try:
        for part in in_chunks(
            work, jobs, crashed=partial(_crashed, policy=policy), workers=workers or policy.workers
        ):
            journal.append([one for one in part if known.get(one.id) != one])
            outcomes.update((one.id, one) for one in part)
            if on_progress is not None:
                on_progress(len(outcomes), len(single))
    finally:
        journal.close()
    done = [outcomes[one.id] for one in single]
    put_whole(journal.path, map(encode, done))
    result = Standardized(
        images=_grouped([one.image for one in done if one.image is not None], policy.near_bits),
        dropped=tuple(
            sorted(
                (*(one.dropped for one in done if one.dropped is not None), *twice),
                key=lambda one: (one.subject, one.reason, one.detail),
            )
        ),
    )
    _clear(folder / PICTURES, {one.file for one in result.images})
    write_records(folder / IMAGES_FILE, result.images)
    write_records(folder / DROPPED_FILE, result.dropped)
    return result


def standardize_one(job: _Job, *, folder: Path, policy: StandardPolicy) -> Outcome:
    """What becomes of one image; its picture is written, whatever else happens to it is in the record."""
    image, root = job.image, Folder(job.root)
    sha256: str | None = None
    try:
        place = root.locate(image.path)
        if job.known is not None and job.known.key != _key(image, policy, None):
            with place.open() as stream:
                same = _key(image, policy, sha256_of(stream)) == job.known.key
            if same and _whole(job.known, folder):
                return job.known
        ref = ImageRef(path=image.path, frame=image.frame, plane=image.plane or policy.plane)
        source = open_source(place, ref, policy.of_reading())
        sha256 = source.sha256
        made = standard_picture(image, source, folder, policy)
    except ImageError as error:
        made = dropped(image, error.problem, _message(error, root, image.source))
    except MemoryError:
        made = dropped(image, ImageProblem.TOO_LARGE, "more memory is needed to decode it than there is")
    key = _key(image, policy, sha256)
    if isinstance(made, Dropped):
        return Outcome(id=image.id, key=key, dropped=made)
    return Outcome(id=image.id, key=key, image=made)


def _key(image: LabelledImage, policy: StandardPolicy, sha256: str | None) -> Sha256:
    """`sha256` None: the file could not be hashed; such an outcome is tried anew every time."""
    return digest([VERSION, policy.of_picture(), image.source, image.path, image.frame, image.plane, sha256])


def _whole(known: Outcome, folder: Path) -> bool:
    """Whether the picture of an earlier call is there as it was written; a dropped image has none."""
    if known.image is None:
        return True
    try:
        return file_sha256(folder / known.image.file) == known.image.sha256
    except OSError:
        return False


def _message(error: ImageError, root: Folder, source: str) -> str:
    """The error on one line, without where on this machine the source lies, or what its folder is called there."""
    text = str(error).replace(root.real, "").replace("\n", " ")
    return text.replace(f"the folder {root.name!r}", f"the folder of source {source!r}")


def _crashed(job: _Job, *, policy: StandardPolicy) -> Outcome:
    detail = (
        f"image {shown(job.image.path, limit=200)} ended the process that decoded it: expected a whole image"
    )
    return Outcome(
        id=job.image.id,
        key=_key(job.image, policy, None),
        dropped=dropped(job.image, "crashed", detail),
    )


def _single(images: Iterable[LabelledImage]) -> tuple[list[LabelledImage], list[Dropped]]:
    """The images sorted by id, each id once, and what stood under an id that another image has."""
    single: dict[str, LabelledImage] = {}
    twice = []
    for one in sorted(images, key=lambda one: (one.id, one.path, one.frame or 0, one.plane or "")):
        first = single.setdefault(one.id, one)
        if first is not one:
            here, there = shown(one.path, limit=200), shown(first.path, limit=200)
            twice.append(
                dropped(one, "duplicate_id", f"image {here} has the id of {there}: expected its own")
            )
    return list(single.values()), twice


def _known(journal: Journal[Outcome]) -> Iterator[tuple[str, Outcome]]:
    """The entries of earlier calls, the later of two; a line that is none costs no more than doing its image again."""
    for line in journal.lines():
        try:
            entry = Outcome.model_validate_json(line.data)
        except ValidationError:
            _log.warning("%s, line %d is no entry; its image is done again", journal.path.name, line.number)
            continue
        yield entry.id, entry


def _grouped(images: Sequence[StandardImage], near_bits: int) -> tuple[StandardImage, ...]:
    groups = near_duplicate_groups(
        [one.id for one in images], [one.picture_hash for one in images], max_bits=near_bits
    )
    return tuple(one.model_copy(update={"group": groups[one.id]}) for one in images)


def _clear(pictures: Path, wanted: set[str]) -> None:
    """Delete pictures of earlier calls that nothing refers to any more, and halves that a kill left."""
    for file in sorted(pictures.glob("*/*")):
        if f"{PICTURES}/{file.parent.name}/{file.name}" not in wanted and file.suffix in {".png", ".part"}:
            file.unlink(missing_ok=True)
    for digits in sorted(pictures.glob("*")):
        if digits.is_dir() and not any(digits.iterdir()):
            digits.rmdir()
    for pattern in (".*.part", f"{Path(JOURNAL_FILE).stem}.torn-*"):
        for half in sorted(pictures.parent.glob(pattern)):
            half.unlink(missing_ok=True)
