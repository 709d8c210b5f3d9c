"""Writes MetaImage volumes."""

from __future__ import annotations

import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

TYPES = {"i2": "MET_SHORT", "u1": "MET_UCHAR", "f4": "MET_FLOAT", "i8": "MET_LONG_LONG"}


def write_mha(
    file: Path,
    voxels: NDArray[Any],
    affine: NDArray[Any],
    *,
    packed: bool = False,
    big: bool = False,
    extra: str = "",
    kind: str = "i2",
    changes: dict[str, str] | None = None,
) -> None:
    """A volume as ITK writes it. `affine` is that of NIfTI: millimetres rightwards, forwards, upwards."""
    itk = np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine
    spacing = np.linalg.norm(itk[:3, :3], axis=0)
    directions = (itk[:3, :3] / spacing).T  # a row per axis
    data = voxels.T.astype((">" if big else "<") + kind).tobytes()
    fields = {
        "ObjectType": "Image",
        "NDims": "3",
        "BinaryData": "True",
        "BinaryDataByteOrderMSB": str(big),
        "CompressedData": str(packed),
        "TransformMatrix": " ".join(f"{value:g}" for value in directions.ravel()),
        "Offset": " ".join(f"{value:g}" for value in itk[:3, 3]),
        "CenterOfRotation": "0 0 0",
        "AnatomicalOrientation": "RAI",
        "ElementSpacing": " ".join(f"{value:g}" for value in spacing),
        "DimSize": " ".join(map(str, voxels.shape)),
        "ElementType": TYPES[kind],
        **(changes or {}),
    }
    header = "".join(f"{key} = {value}\n" for key, value in fields.items())
    head = f"{header}{extra}ElementDataFile = LOCAL\n".encode()
    file.write_bytes(head + (zlib.compress(data) if packed else data))
