"""Which view shows which disease, and one drawn phantom as a record."""

from __future__ import annotations

import io
from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import assert_never

import numpy as np
from PIL import Image
from pydantic import Field, model_validator

from spinebench.demo import axial, cervical_xray, lumbar_xray, sagittal
from spinebench.records import Record
from spinebench.terms import HEALTHY, LEVELS


class View(StrEnum):
    """How the spine is shown."""

    LUMBAR_XRAY = "lumbar-xray"
    CERVICAL_XRAY = "cervical-xray"
    SAGITTAL_MRI = "sagittal-mri"
    PARASAGITTAL_MRI = "parasagittal-mri"
    AXIAL_MRI = "axial-mri"


DRAWN: Mapping[View, tuple[str, ...]] = MappingProxyType(
    {
        View.LUMBAR_XRAY: (
            HEALTHY,
            "Disc space narrowing",
            "Osteophytes",
            "Spondylolisthesis",
            "Vertebral collapse",
        ),
        View.CERVICAL_XRAY: tuple(cervical_xray.CURVATURES),
        View.SAGITTAL_MRI: (
            HEALTHY,
            "Spinal Canal Stenosis",
            "Disc space narrowing",
            "Spondylolisthesis",
            "Vertebral collapse",
        ),
        View.PARASAGITTAL_MRI: (HEALTHY, "Foraminal stenosis"),
        View.AXIAL_MRI: (HEALTHY, "Subarticular Stenosis"),
    }
)
"""What can be drawn in each view. No healthy phantom of the neck: `cervical Lordosis` is its normal form."""

_AT_LEVELS = frozenset(
    {
        "Disc space narrowing",
        "Foraminal stenosis",
        "Subarticular Stenosis",
        "Osteophytes",
        "Spinal Canal Stenosis",
        "Spondylolisthesis",
        "Vertebral collapse",
    }
)


class Phantom(Record):
    """One drawn image: the same record gives the same pixels."""

    view: View
    disease: str
    levels: tuple[str, ...] = ()
    """Disc levels that show the disease; a vertebral collapse is of the upper vertebra of its level."""
    slice_level: str = "L4/L5"
    """Disc level that an axial slice is taken through."""
    seed: int = Field(ge=0)

    @model_validator(mode="after")
    def _can_be_drawn(self) -> Phantom:
        if self.disease not in DRAWN[self.view]:
            raise ValueError(
                f"disease {self.disease!r}: expected one of {DRAWN[self.view]} in a {self.view.value}"
            )
        if not {*self.levels, self.slice_level} <= set(LEVELS):
            raise ValueError(f"levels {self.levels!r}: expected some of {LEVELS}")
        if bool(self.levels) != (self.disease in _AT_LEVELS):
            raise ValueError(
                f"levels {self.levels!r} of {self.disease!r}: expected levels only where it has any"
            )
        if self.view is View.AXIAL_MRI and self.levels not in {(), (self.slice_level,)}:
            raise ValueError(f"levels {self.levels!r}: expected the slice's own level {self.slice_level!r}")
        return self

    def draw(self) -> Image.Image:
        """An 8-bit RGB picture, longest side 480 to 560 pixels, labelled as a phantom."""
        rng = np.random.default_rng(self.seed)
        match self.view:
            case View.LUMBAR_XRAY:
                return lumbar_xray.lumbar(self.disease, self.levels, rng)
            case View.CERVICAL_XRAY:
                return cervical_xray.cervical(self.disease, rng)
            case View.SAGITTAL_MRI:
                return sagittal.midline(self.disease, self.levels, rng)
            case View.PARASAGITTAL_MRI:
                return sagittal.parasagittal(self.disease, self.levels, rng)
            case View.AXIAL_MRI:
                return axial.axial(self.disease, self.levels, rng, level=self.slice_level)
            case _:
                assert_never(self.view)

    def png(self) -> bytes:
        """The picture as the bytes of a PNG file, the same for the same versions of numpy and pillow."""
        stream = io.BytesIO()
        self.draw().save(stream, "PNG", compress_level=4)
        return stream.getvalue()
