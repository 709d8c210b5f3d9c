"""The frozen records that pass between the stages of the builder."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from pydantic import Field

from spinebench.records import Item, JsonValue, Record, Sha256, digest


class Stage(StrEnum):
    """The stages in their order; also the names of their folders."""

    IMPORT = "import"
    STANDARDIZE = "standardize"
    EMBED = "embed"
    ITEMS = "items"
    REVIEW = "review"
    SELECT = "select"
    AUDIT = "audit"
    PACKAGE = "package"


class Dropped(Record):
    """One thing that did not go on, and why: a line of the ledger. Nothing is left out without one."""

    stage: Stage
    subject: str
    """Id of the image or item; for a damaged row its file and line, e.g. `train.csv:12`."""
    reason: str
    """Short and fixed, for counting, e.g. `bad_row`, `no_label`, `near_duplicate`, `rejected`."""
    detail: str = ""
    """In words, with the value found and what was expected."""
    source: str | None = None


class Finding(Record):
    """One label that a source gives to an image."""

    label: str
    """As the source words it."""
    disease: str | None = None
    """Canonical label of the vocabulary; None where the label is none of it (`Other lesions`)."""
    level: str | None = None
    """Disc level such as `L4/L5`; None where not said."""
    side: Literal["left", "right"] | None = None
    severity: str | None = None
    """As the source words it, e.g. `Normal/Mild`, `3` of five grades."""
    counts: bool = True
    """Whether the severity policy takes it for a disease."""
    row: str
    """Where it stands: file below the source's folder and line, e.g. `train.csv:12`."""


class Grading(Record):
    """What the label files say somewhere about an image's whole study, not only about the image."""

    label: str
    """As the source words it."""
    severity: str | None = None
    """None where it is empty, damaged or contradicted: the study may have it or not."""


class LabelledImage(Record):
    """One image of a source with everything that its label files say about it."""

    id: str = Field(min_length=1)
    """Unique in a build: the source's name, `/`, and what names the image there."""
    source: str
    path: str
    """Below the source's folder, `/` between folders."""
    frame: int | None = None
    """Of a volume or multi-frame file; None: chosen by a rule when it is standardized, and recorded."""
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    findings: tuple[Finding, ...] = ()
    healthy: bool = False
    """The source says that nothing is found, or the policy takes its findings for none."""
    study_gradings: tuple[Grading, ...] = ()
    """Different gradings of the whole study, of sources that grade studies: an image without a finding of its own may
    show what is graded on another one."""
    study: str | None = None
    series: str | None = None
    patient: str | None = None
    modality: str | None = None
    """`MRI`, `X-ray`, `CT`."""
    sequence: str | None = None
    """E.g. `Sagittal T2/STIR`."""
    view: str | None = None
    """E.g. `sagittal`, `axial`, `AP`, `lateral`."""
    region: str | None = None
    """E.g. `lumbar`, `cervical`."""
    sex: Literal["F", "M"] | None = None
    age: int | None = None
    split: str | None = None
    """The source's own split, e.g. `train`."""
    rows: tuple[str, ...] = ()
    """Every row that speaks of the image, also those without a finding."""

    @property
    def cluster(self) -> str:
        """Patient where known, else study, else the image: the unit for errors, resampling and splits."""
        return f"{self.source}/{self.patient or self.study or self.path}"

    @property
    def diseases(self) -> tuple[str, ...]:
        """Canonical diseases that count, each once, sorted."""
        return tuple(sorted({one.disease for one in self.findings if one.counts and one.disease}))

    def levels(self, disease: str | None = None) -> tuple[str, ...]:
        """Levels of findings that count, of one disease or of all, in the order of the findings, each once."""
        found = [
            one.level
            for one in self.findings
            if one.counts and one.disease and one.level and disease in {None, one.disease}
        ]
        return tuple(dict.fromkeys(found))


class Quality(Record):
    """Measures of a standardized picture, on its grey values in 0 to 1."""

    sharpness: float
    """Variance of the Laplacian on the picture scaled to a fixed size (Pech-Pacheco 2000)."""
    contrast: float
    """Distance of the 95th and the 5th percentile of the grey values."""
    exposure: float
    """Mean grey value."""
    dark: float
    """Share of pixels at 0."""
    bright: float
    """Share of pixels at 1."""
    shortest_side: int
    """Pixels, of the source's picture before it was made smaller."""


class StandardImage(Record):
    """An image after standardization: an 8-bit RGB PNG without any header text."""

    id: str
    """Of the `LabelledImage`."""
    file: str
    """Below the stage's folder, `images/<first two digits>/<pixel hash>.png`; images of equal pixels share it."""
    sha256: Sha256
    """Of the file's bytes."""
    pixel_hash: Sha256
    """Over size and RGB values."""
    picture_hash: str
    """Perceptual, 64 hex digits (`benchmarks.picture_hash`), of the picture without margins that were added."""
    width: int
    height: int
    source_sha256: Sha256
    source_width: int
    source_height: int
    transform: str
    """Steps in order: frame, plane and rule of the slice, window, inversion, resizing."""
    frame: int | None = None
    """The frame or slice that was taken, of files that hold several."""
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    quality: Quality
    identifiers: tuple[str, ...] = ()
    """Kinds of identifiers found in the source's header or path, which did not come along; values are not kept."""
    group: str
    """Near-duplicate group: the smallest image id of the group; the own id where nothing is alike."""


class SimilarDisease(Record):
    """How similar an image is to a disease's images of the library, by cosine."""

    disease: str
    mean: float
    maximum: float
    n: int
    """Images of the library that were compared; the image itself and its near duplicates are not among them."""


class Similarities(Record):
    """An image against every disease of the library."""

    id: str
    encoder: str
    diseases: tuple[SimilarDisease, ...]
    """In the order of the vocabulary, without diseases of which no image was left to compare with."""
    simulated: bool = False
    """The encoder's weights are random: the figures mean nothing about disease."""


class Candidate(Record):
    """An item before review, with where everything in it comes from."""

    item: Item
    image_id: str
    group: str
    labels: tuple[str, ...]
    """All canonical labels that are true of the image, `Healthy` included."""
    rows: tuple[str, ...]
    """Source rows that the gold answer rests on."""
    template: str
    """Id of the question's wording in its pool."""
    provenance: dict[str, JsonValue] = Field(default_factory=dict)
    """How options came about: encoder, statistic, similarities, rules that fired."""

    def hash(self) -> Sha256:
        """Of the item: a decision of a review holds for exactly this."""
        return digest(self.item.model_dump(mode="json"))


class ReviewDecision(Record):
    """What one reviewer decided about one candidate."""

    item_id: str
    item_hash: Sha256
    reviewer: str
    """Pseudonym."""
    decision: Literal["accept", "correct", "reject"]
    reason: str | None = None
    """One of the fixed reasons; required for `correct` and `reject`."""
    gold: tuple[str, ...] = ()
    """The right options by the reviewer, of a `correct`; texts from the item's options."""
    note: str = ""
    simulated: bool = False
    """Made by a simulated reviewer: shown wherever the benchmark is named."""
