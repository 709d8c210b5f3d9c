"""What reviewers read: the candidates of a build with their pictures, the source's labels and what looks alike."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from string import ascii_uppercase

from pydantic import ValidationError

from spinebench.benchmarks.paths import Folder
from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.builder.record_files import read_records, write_json, write_records
from spinebench.builder.records import Candidate, Finding, LabelledImage, Stage
from spinebench.builder.review.assignment import assign, ordered
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.plan import ReviewPlan, reason_text
from spinebench.builder.review.prescreen_records import PrescreenRemark, read_remarks
from spinebench.builder.review.resolving import disputed
from spinebench.errors import DataError
from spinebench.records import MULTIPLE_ANSWER_TASKS, JsonValue, Record, digest

CANDIDATES = "candidates.jsonl"
"""In the folder of the items stage."""
PLAN = "plan.json"
SOURCES = "sources.jsonl"
_ENDINGS = {b"\x89PNG\r\n\x1a\n": "image/png", b"\xff\xd8\xff": "image/jpeg"}


class SourceNote(Record):
    """What the source says of one image that is asked about."""

    image_id: str
    findings: tuple[Finding, ...] = ()
    healthy: bool = False


@dataclass(frozen=True)
class Picture:
    """The bytes of an image that is shown."""

    data: bytes
    media_type: str


def write_queue(build: Path, plan: ReviewPlan, *, images: Iterable[LabelledImage] = ()) -> None:
    """Put the review's plan, and what sources say of the candidates' images, into the review's folder of a build.

    The candidates themselves stay where the items stage wrote them. `images`: any number; only those that are asked
    about are kept. Decisions that are there are not touched.
    """
    folder = build / Stage.REVIEW.value
    folder.mkdir(parents=True, exist_ok=True)
    asked = {one.image_id for one in read_candidates(build)}
    notes = {
        one.id: SourceNote(image_id=one.id, findings=one.findings, healthy=one.healthy)
        for one in images
        if one.id in asked
    }
    write_records(folder / SOURCES, [notes[name] for name in sorted(notes)])
    write_json(folder / PLAN, plan.model_dump(mode="json"))


def read_candidates(build: Path) -> tuple[Candidate, ...]:
    """The candidates of a build. Raises `DataError` where there are none, or two have one id."""
    found = tuple(read_records(build / Stage.ITEMS.value / CANDIDATES, Candidate))
    seen: set[str] = set()
    for one in found:
        if one.item.id in seen:
            raise DataError(
                f"item {one.item.id!r} of {CANDIDATES}: expected each id once; build the items again"
            )
        seen.add(one.item.id)
    return found


@dataclass(frozen=True)
class Review:
    """The review of one build, as it stands on disk when it is opened."""

    build: Path
    plan: ReviewPlan
    candidates: tuple[Candidate, ...]
    sources: dict[str, SourceNote]
    remarks: dict[str, PrescreenRemark]
    """Item hash -> what the pre-screen says; shown to a reviewer only after their own decision."""

    @classmethod
    def open(cls, build: Path) -> Review:
        """Read a build that `write_queue` made ready. Raises `DataError` where something is missing or damaged."""
        folder = build / Stage.REVIEW.value
        try:
            plan = ReviewPlan.model_validate_json((folder / PLAN).read_bytes())
        except OSError as error:
            raise DataError(
                f"build {str(build)!r}: expected review/{PLAN}, but {error.strerror}; call "
                "'spinebench build benchmark' until it comes to the review"
            ) from error
        except ValidationError as error:
            raise DataError(
                f"review/{PLAN}: expected the plan of a review, found {error.errors()[0]['msg']}; build again"
            ) from error
        return cls(
            build=build,
            plan=plan,
            candidates=read_candidates(build),
            sources={one.image_id: one for one in read_records(folder / SOURCES, SourceNote)}
            if (folder / SOURCES).exists()
            else {},
            remarks=read_remarks(folder),
        )

    @property
    def folder(self) -> Path:
        """Of the review, with its journals."""
        return self.build / Stage.REVIEW.value

    @cached_property
    def by_id(self) -> dict[str, Candidate]:
        return {one.item.id: one for one in self.candidates}

    @cached_property
    def hashes(self) -> dict[str, str]:
        """Item id -> hash of the item as it is."""
        return {one.item.id: one.hash() for one in self.candidates}

    @cached_property
    def attention(self) -> dict[str, int]:
        """Item id -> how suspicious the pre-screen found it as it is; 0 and not looked at are left out."""
        return {
            name: one.suspicion
            for name, item_hash in self.hashes.items()
            if (one := self.remarks.get(item_hash)) is not None and one.suspicion
        }

    @cached_property
    def assignments(self) -> dict[str, tuple[str, ...]]:
        """Reviewer -> item ids in their order; the adjudicator's are in `items_of` alone."""
        return assign(self.candidates, self.plan, attention=self.attention)

    @cached_property
    def simulated(self) -> bool:
        """Whether a simulated reviewer is in the plan."""
        return bool(self.plan.simulated)

    def items_of(self, reviewer: str) -> tuple[str, ...]:
        """What a reviewer has to read, in their order; of the adjudicator what reviewers differ on by now."""
        if reviewer == self.plan.adjudicator:
            names = disputed(self.candidates, decisions_of(self.folder), self.plan)
            return tuple(ordered(names, self.plan, reviewer, attention={}))
        return self.assignments.get(reviewer, ())

    @cached_property
    def _images_of_groups(self) -> dict[str, set[str]]:
        found: defaultdict[str, set[str]] = defaultdict(set)
        for one in self.candidates:
            found[one.group].add(one.image_id)
        return found

    @cached_property
    def _paths(self) -> dict[str, str]:
        """Key of an image in addresses -> its path."""
        return {picture_key(image.path): image.path for one in self.candidates for image in one.item.images}

    @cached_property
    def by_key(self) -> dict[str, str]:
        """Short key of an item -> its id."""
        return {item_key(one.item.id): one.item.id for one in self.candidates}

    def case(self, item_id: str) -> dict[str, JsonValue]:
        """An item as a page shows it; nothing of the pre-screen, and nothing that other reviewers said."""
        one = self.by_id[item_id]
        item = one.item
        source = self.sources.get(one.image_id)
        findings = [] if source is None else [finding.model_dump(mode="json") for finding in source.findings]
        return {
            "item_id": item.id,
            "item_hash": self.hashes[item.id],
            "task": item.task.value,
            "question": item.question,
            "options": [
                {"letter": letter_of(place), "text": text, "right": text in item.gold}
                for place, text in enumerate(item.options)
            ],
            "several": item.task in MULTIPLE_ANSWER_TASKS,
            "labels": list(one.labels),
            "healthy": source is not None and source.healthy,
            "findings": findings,
            "rows": list(one.rows),
            "alike": len(self._images_of_groups[one.group]) - 1,
            "source": item.source or "",
            "facts": [text for text in (item.modality, item.region) if text],
            "images": [
                {
                    "key": picture_key(image.path),
                    "label": " · ".join(_said(image.modality, image.view, image.level)),
                }
                for image in item.images
            ],
        }

    def picture(self, key: str) -> Picture | None:
        """The image of a key; None for no image of a candidate.

        Raises `ImageError` for what leads out of the build, is not there, or is neither PNG nor JPEG.
        """
        path = self._paths.get(key)
        return None if path is None else self.picture_at(path)

    def picture_at(self, path: str) -> Picture:
        """The image at a path below the folder of the standardized images; see `picture`."""
        data = Folder(self.build / Stage.STANDARDIZE.value).locate(path).read()
        kind = next((kind for start, kind in _ENDINGS.items() if data.startswith(start)), None)
        if kind is None:
            raise ImageError(
                ImageProblem.UNREADABLE, path, "is neither PNG nor JPEG", expected="a standardized image",
                mend="standardize the images again",
            )  # fmt: skip
        return Picture(data, kind)

    def reasons(self) -> list[dict[str, str]]:
        """The reasons to choose from, with what reviewers read of them."""
        return [{"id": one, "text": reason_text(one)} for one in self.plan.reasons]


def letter_of(place: int) -> str:
    """A, B, ... Z, then 27, 28, ..."""
    return ascii_uppercase[place] if place < 26 else str(place + 1)


def item_key(item_id: str) -> str:
    """Short name of an item in addresses: the id may hold any character."""
    return digest(["item", item_id])[:16]


def picture_key(path: str) -> str:
    """Names an image in addresses; says nothing of its path."""
    return digest(["image", path])[:32]


def _said(*texts: str | None) -> Sequence[str]:
    return [text for text in texts if text]
