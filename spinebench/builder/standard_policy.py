"""Settings of the standardizing of images: a section of the plan."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from spinebench.benchmarks.picture_hash import NEAR_BITS
from spinebench.benchmarks.preparing import ImagePolicy
from spinebench.builder.slices import Plane, SliceRule
from spinebench.records import JsonValue, Record


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

    def of_reading(self) -> ImagePolicy:
        """How the files are read."""
        return ImagePolicy(longest_side=None, format="png", max_pixels=self.max_pixels)
