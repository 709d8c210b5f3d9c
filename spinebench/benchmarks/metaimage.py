"""Reads MetaImage volumes (.mha), the format SPIDER is shared in, as volumes in the space of NIfTI. Imports nibabel.

Format: text lines `Key = Value` that end with `ElementDataFile = LOCAL`, then the voxels, first axis fastest, packed
by zlib where `CompressedData = True`. Positions are of ITK's space (left, posterior, superior); each three numbers of
`TransformMatrix` are the direction of one axis.
"""

from __future__ import annotations

import zlib
from types import MappingProxyType
from typing import Any, BinaryIO, Final

import nibabel as nib
import numpy as np
from numpy.typing import NDArray

from spinebench.benchmarks.paths import Place
from spinebench.benchmarks.problems import ImageError, ImageProblem, shown

_TYPES: Final = MappingProxyType(
    {
        "MET_CHAR": "i1",
        "MET_UCHAR": "u1",
        "MET_SHORT": "i2",
        "MET_USHORT": "u2",
        "MET_INT": "i4",
        "MET_UINT": "u4",
        "MET_LONG": "i4",
        "MET_ULONG": "u4",
        "MET_LONG_LONG": "i8",
        "MET_ULONG_LONG": "u8",
        "MET_FLOAT": "f4",
        "MET_DOUBLE": "f8",
    }
)
_LONGEST_HEADER: Final = 1 << 20
_MAX_BYTES: Final = 1 << 31
"""Largest unpacked volume: it is held in memory, and a packed file of a few kilobytes can claim any size."""
_SAVE_AGAIN: Final = "save the volume again as a compressed or plain .mha file"


def header_fields(place: Place) -> dict[str, str]:
    """The fields of the header, in their order, without what the format itself defines. Raises `ImageError`."""
    with place.open() as stream:
        fields = _header(place, stream)
    return {key: value for key, value in fields.items() if key not in _OF_THE_FORMAT}


def load_metaimage(place: Place) -> Any:
    """The volume as a nibabel image. Raises `ImageError`.

    Of voxels with several channels, the first. A plane has one slice. Refused: voxels in another file (`.mhd`), of
    text, or of more than 2 GiB.
    """
    with place.open() as stream:
        fields = _header(place, stream)
        if fields["ElementDataFile"] != "LOCAL":
            raise _refused(
                place,
                ImageProblem.UNSUPPORTED,
                "keeps its voxels in another file",
                "ElementDataFile = LOCAL",
            )
        shape = _shape(place, fields)
        channels = int(_numbers(place, fields, "ElementNumberOfChannels", 1, default=(1,))[0])
        kind = _TYPES.get(fields.get("ElementType", ""))
        if kind is None or channels < 1:
            found = f"has the ElementType {shown(fields.get('ElementType'))} with {channels} channels"
            raise _refused(place, ImageProblem.UNSUPPORTED, found, f"one of {', '.join(_TYPES)}")
        big = _true(fields, "ElementByteOrderMSB") or _true(fields, "BinaryDataByteOrderMSB")
        dtype = np.dtype((">" if big else "<") + kind)
        n_bytes = int(np.prod([float(n) for n in shape])) * dtype.itemsize * channels
        if not 0 < n_bytes <= _MAX_BYTES:
            size = " x ".join(map(str, shape))
            raise _refused(
                place, ImageProblem.TOO_LARGE, f"claims {size} voxels", f"1 to {_MAX_BYTES:,} bytes"
            )
        if fields.get("BinaryData", "True").casefold() != "true":
            raise _refused(place, ImageProblem.UNSUPPORTED, "holds its voxels as text", "BinaryData = True")
        data = _data(place, stream, fields, n_bytes)
    voxels = np.frombuffer(data, dtype).reshape((*reversed(shape), channels))[..., 0].T
    return nib.Nifti1Image(_known(voxels), _affine(place, fields, len(shape)))


_OF_THE_FORMAT: Final = frozenset(
    {
        "ObjectType",
        "NDims",
        "BinaryData",
        "BinaryDataByteOrderMSB",
        "ElementByteOrderMSB",
        "CompressedData",
        "CompressedDataSize",
        "CompressionLevel",
        "TransformMatrix",
        "Rotation",
        "Orientation",
        "Offset",
        "Position",
        "Origin",
        "CenterOfRotation",
        "AnatomicalOrientation",
        "ElementSpacing",
        "ElementSize",
        "ElementNumberOfChannels",
        "ElementType",
        "ElementDataFile",
        "ElementMin",
        "ElementMax",
        "DimSize",
        "HeaderSize",
    }
)


def _header(place: Place, stream: BinaryIO) -> dict[str, str]:
    fields: dict[str, str] = {}
    left = _LONGEST_HEADER
    while "ElementDataFile" not in fields:
        line = stream.readline(left)
        left -= len(line)
        key, equals, value = line.decode("latin-1").partition("=")
        if not line.endswith(b"\n") or left <= 0 or (line.strip() and not equals):
            cut = bool(fields) and not line
            raise _refused(
                place,
                ImageProblem.TRUNCATED if cut else ImageProblem.NOT_AN_IMAGE,
                "ends within its header" if cut else "has no MetaImage header",
                "lines of 'Key = Value' up to 'ElementDataFile = LOCAL'",
            )
        if line.strip():
            fields[key.strip()] = value.strip()
    return fields


def _shape(place: Place, fields: dict[str, str]) -> tuple[int, ...]:
    sizes = tuple(int(n) for n in _numbers(place, fields, "DimSize", None))
    if not 2 <= len(sizes) <= 4 or min(sizes) < 1:
        found = f"has the DimSize {shown(fields.get('DimSize'))}"
        raise _refused(place, ImageProblem.UNSUPPORTED, found, "2 to 4 sizes of at least 1")
    return sizes


def _numbers(
    place: Place, fields: dict[str, str], key: str, n: int | None, *, default: tuple[float, ...] | None = None
) -> tuple[float, ...]:
    """The numbers of a field, `n` of them; the default where the field is absent."""
    if key not in fields and default is not None:
        return default
    try:
        found = tuple(float(part) for part in fields.get(key, "").split())
    except ValueError:
        found = ()
    if not found or (n is not None and len(found) != n) or not np.isfinite(found).all():
        many = "numbers" if n is None else f"{n} numbers"
        raise _refused(
            place, ImageProblem.NOT_AN_IMAGE, f"has the {key} {shown(fields.get(key))}", f"{many} there"
        )
    return found


def _true(fields: dict[str, str], key: str) -> bool:
    return fields.get(key, "").casefold() == "true"


def _data(place: Place, stream: BinaryIO, fields: dict[str, str], n_bytes: int) -> bytes:
    if _true(fields, "CompressedData"):
        try:
            data = zlib.decompressobj().decompress(stream.read(), n_bytes)
        except zlib.error as error:
            raise _refused(
                place, ImageProblem.TRUNCATED, f"cannot be unpacked ({error})", "whole data"
            ) from error
    else:
        data = stream.read(n_bytes)
    if len(data) < n_bytes:
        raise _refused(
            place, ImageProblem.TRUNCATED, f"holds {len(data):,} bytes of voxels", f"{n_bytes:,} bytes"
        )
    return data


def _affine(place: Place, fields: dict[str, str], n: int) -> NDArray[np.float64]:
    """From voxel positions to millimetres rightwards, forwards and upwards."""
    given = {
        new: next((fields[key] for key in keys if key in fields), None)
        for new, keys in {
            "TransformMatrix": ("TransformMatrix", "Rotation", "Orientation"),
            "Offset": ("Offset", "Position", "Origin"),
            "ElementSpacing": ("ElementSpacing", "ElementSize"),
        }.items()
    }
    known = {key: value for key, value in given.items() if value is not None}
    spacing = _numbers(place, known, "ElementSpacing", n, default=(1.0,) * n)
    directions = _numbers(place, known, "TransformMatrix", n * n, default=tuple(np.eye(n).ravel()))
    offset = _numbers(place, known, "Offset", n, default=(0.0,) * n)
    dims = min(n, 3)
    affine = np.eye(4)
    matrix = np.reshape(directions, (n, n))[:dims, :dims]
    affine[:dims, :dims] = matrix.T * np.asarray(spacing)[:dims]
    if not abs(np.linalg.det(affine)) > 1e-9:
        found = f"has the TransformMatrix {shown(known.get('TransformMatrix'))} and spacing {spacing}"
        raise _refused(place, ImageProblem.UNSUPPORTED, found, "as many directions in space as it has axes")
    affine[:dims, 3] = offset[:dims]
    return np.diag([-1.0, -1.0, 1.0, 1.0]) @ affine


def _known(voxels: NDArray[Any]) -> NDArray[Any]:
    """In a type that every reader of NIfTI knows: 64-bit whole numbers become floats."""
    return voxels.astype(np.float64) if voxels.dtype.kind in "iu" and voxels.dtype.itemsize == 8 else voxels


def _refused(place: Place, problem: ImageProblem, found: str, expected: str) -> ImageError:
    return ImageError(problem, place.path, found, expected=expected, mend=_SAVE_AGAIN)
