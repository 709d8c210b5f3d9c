"""Makes every labelled image an 8-bit RGB PNG without header, measures it, and groups those that look alike.

Each image is done by itself, in any process and order; what is done stands in a journal. Only when all are done are the
lists written, sorted, so that they do not depend on the number of processes, on the order or on kills in between.
"""

from __future__ import annotations

import hashlib
import io
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal, Self

from pydantic import Field, ValidationError, model_validator

from spinebench.benchmarks.images import source_findings
from spinebench.benchmarks.paths import Folder, sha256_of
from spinebench.benchmarks.picture_hash import NEAR_BITS, image_hash
from spinebench.benchmarks.preparing import ImagePolicy, Source, open_source, rendered
from spinebench.benchmarks.problems import ImageError, ImageProblem, shown
from spinebench.builder.near_duplicates import near_duplicate_groups
from spinebench.builder.parallel import in_chunks
from spinebench.builder.quality import measure_quality
from spinebench.builder.record_files import file_sha256, put_whole, write_records
from spinebench.builder.records import Dropped, LabelledImage, Stage, StandardImage
from spinebench.builder.slices import Plane, SliceRule, choose_slice
from spinebench.errors import UsageError
from spinebench.records import ImageRef, JsonValue, Record, Sha256, digest
from spinebench.store.journal import Journal, encode

if TYPE_CHECKING:
    from PIL.Image import Image

_log = logging.getLogger(__name__)
VERSION: Final = "1"
"""Of everything that decides a standardized picture; part of every entry's key."""
IMAGES_FILE: Final = "images.jsonl"
DROPPED_FILE: Final = "dropped.jsonl"
JOURNAL_FILE: Final = "journal.jsonl"
PICTURES: Final = "images"
_COMPRESSION: Final = 3
"""Of the PNG files, lossless at any level: against level 6 they are 2 % larger and written in half the time."""


class StandardPolicy(Record):
    """How images are standardized."""

    longest_side: int | None = Field(default=1024, ge=32)
    """Pixels. A larger picture is made smaller (Lanczos), none is made larger; None: no limit. 1,024 is twice what the
    encoders look at, leaves MRI slices as they are, and lets an X-ray show a disc space of 1 mm in about two pixels."""
    size: Literal["keep", "square-pad"] = "keep"
    """`keep`: proportions as they are. `square-pad`: black is added on both sides of the shorter direction."""
    slice_rule: SliceRule = "middle"
    """Which slice of a volume, or frame of a multi-frame file, is taken where the label file names none."""
    slice_fraction: float = Field(default=0.5, ge=0, le=1)
    """Of the rule `fraction`: 0 the first slice, 1 the last."""
    plane: Plane | None = None
    """Plane in which volumes are cut where the label file names none; None: that of the finest resolution."""
    window: Literal["header", "percentiles"] = "header"
    """Grey values of DICOM: as the header's window or VOI LUT says, where it says so, or always by percentiles."""
    percentiles: tuple[float, float] = (0.5, 99.5)
    """Percentiles of a slice or frame that become black and white; 0 and 100 are its smallest and largest value."""
    max_pixels: int = Field(default=80_000_000, ge=1, le=89_000_000)
    """Pixels decoded at most; a larger image is dropped by its header."""
    allow_identifiers: bool = False
    """Keep images whose header says that text or a face can be read in the picture itself."""
    drop_blank: bool = True
    """Drop pictures of one colour: nothing can be asked about them."""
    near_bits: int = Field(default=NEAR_BITS, ge=0, le=255)
    """Differing bits of 255 up to which two pictures are near duplicates."""
    workers: int | None = Field(default=None, ge=1)
    """Processes; None: all cores. Changes nothing in the result."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.percentiles
        if not 0 <= low < high <= 100:
            raise ValueError(f"percentiles {low:g} and {high:g}: expected 0 <= low < high <= 100")
        return self

    def of_result(self) -> dict[str, JsonValue]:
        """The settings that decide the result, as plain JSON: what a stage is keyed by."""
        return self.model_dump(mode="json", exclude={"workers"})

    def of_picture(self) -> dict[str, JsonValue]:
        """The settings that decide what becomes of one image."""
        return self.model_dump(mode="json", exclude={"workers", "near_bits"})


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
        source = open_source(place, ref, _images_policy(policy))
        sha256 = source.sha256
        made = _standardized(image, source, folder, policy)
    except ImageError as error:
        made = _dropped(image, error.problem, _message(error, root, image.source))
    except MemoryError:
        made = _dropped(image, ImageProblem.TOO_LARGE, "more memory is needed to decode it than there is")
    key = _key(image, policy, sha256)
    if isinstance(made, Dropped):
        return Outcome(id=image.id, key=key, dropped=made)
    return Outcome(id=image.id, key=key, image=made)


def _standardized(
    image: LabelledImage, source: Source, folder: Path, policy: StandardPolicy
) -> StandardImage | Dropped:
    from spinebench.benchmarks.render import GreyWindow, limited

    findings = tuple(source_findings(source))
    burned_in = [one for one in findings if one.kind == "burned_in"]
    if burned_in and not policy.allow_identifiers:
        return _dropped(image, "burned_in", "; ".join(sorted(one.what for one in burned_in)))
    taken = choose_slice(
        source,
        frame=image.frame,
        plane=image.plane or policy.plane,
        rule=policy.slice_rule,
        fraction=policy.slice_fraction,
        max_pixels=policy.max_pixels,
    )
    low, high = policy.percentiles
    whole = rendered(
        source,
        ImageRef(path=image.path, frame=taken.frame, plane=taken.plane),
        _images_policy(policy),
        GreyWindow(header=policy.window == "header", low=low, high=high),
    )
    picture = limited(whole, policy.longest_side)
    if policy.drop_blank and picture.image.getcolors(1) is not None:
        return _dropped(image, "blank", "every pixel has the same colour: expected a picture")
    quality = measure_quality(picture.image, shortest_side=min(whole.image.size))
    padded, steps = _padded(picture.image) if policy.size == "square-pad" else (picture.image, ())
    pixel_hash = _pixel_hash(padded)
    file = f"{PICTURES}/{pixel_hash[:2]}/{pixel_hash}.png"
    data = _png(padded)
    put_whole(folder / file, [data])
    return StandardImage(
        id=image.id,
        file=file,
        sha256=hashlib.sha256(data).hexdigest(),
        pixel_hash=pixel_hash,
        picture_hash=image_hash(padded),
        width=padded.width,
        height=padded.height,
        source_sha256=source.sha256,
        source_width=whole.image.width,
        source_height=whole.image.height,
        transform="; ".join(one for one in (taken.why, *picture.steps, *steps) if one) or "as it is",
        frame=taken.frame,
        plane=taken.plane,
        quality=quality,
        identifiers=tuple(sorted({one.kind for one in findings})),
        group=image.id,
    )


def _padded(picture: Image) -> tuple[Image, tuple[str, ...]]:
    from PIL import Image as pillow

    side = max(picture.size)
    if picture.size == (side, side):
        return picture, ()
    square = pillow.new("RGB", (side, side))
    square.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
    return square, (f"padded to {side}x{side}",)


def _pixel_hash(picture: Image) -> str:
    """SHA-256 over width and height as text and the RGB bytes, row by row."""
    return hashlib.sha256(f"{picture.width}x{picture.height}:".encode() + picture.tobytes()).hexdigest()


def _png(picture: Image) -> bytes:
    from PIL import Image as pillow

    sink = io.BytesIO()
    bare = pillow.frombytes("RGB", picture.size, picture.tobytes())  # leaves profile, EXIF and texts behind
    bare.save(sink, "PNG", compress_level=_COMPRESSION)
    return sink.getvalue()


def _images_policy(policy: StandardPolicy) -> ImagePolicy:
    return ImagePolicy(longest_side=None, format="png", max_pixels=policy.max_pixels)


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


def _dropped(image: LabelledImage, reason: str, detail: str) -> Dropped:
    return Dropped(
        stage=Stage.STANDARDIZE, subject=image.id, reason=str(reason), detail=detail, source=image.source
    )


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
        dropped=_dropped(job.image, "crashed", detail),
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
                _dropped(one, "duplicate_id", f"image {here} has the id of {there}: expected its own")
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
    for half in pictures.parent.glob(".*.part"):
        half.unlink(missing_ok=True)
