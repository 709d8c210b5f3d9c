"""Cuts one slice out of a volume and shows it the way radiologists look at it. Imports nibabel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final, Literal

import nibabel as nib
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from spinebench.benchmarks.paths import Place
from spinebench.benchmarks.problems import ImageError, ImageProblem
from spinebench.benchmarks.render import (
    DEFAULT_WINDOW,
    GreyWindow,
    Picture,
    decoding_failed,
    percentile_window,
    scaled_to_8_bit,
    square_pixels,
)

Plane = Literal["axial", "coronal", "sagittal"]
PLANES: Final[tuple[Plane, ...]] = ("sagittal", "coronal", "axial")
"""Planes by the axis they are stacked along, in canonical order: right, anterior, superior."""
_MAX_BYTES: Final = 1 << 33
"""Largest unpacked volume: a packed file of a few kilobytes can claim any size."""


def is_metaimage(place: Place) -> bool:
    """By the file's name."""
    return place.path.casefold().endswith((".mha", ".mhd"))


def load(place: Place) -> Any:
    """The nibabel image; its voxels are still on disk, those of a MetaImage file read. Raises `ImageError`."""
    if is_metaimage(place):
        from spinebench.benchmarks.metaimage import load_metaimage

        return load_metaimage(place)
    try:
        return nib.load(place.named)
    except Exception as error:  # a hostile header raises anything
        raise ImageError(
            ImageProblem.NOT_AN_IMAGE,
            place.path,
            f"has an unreadable NIfTI header ({str(error)[:200]})",
            expected="a NIfTI volume (.nii, .nii.gz)",
            mend="restore the file from its source",
        ) from error


@dataclass(frozen=True)
class Stack:
    """The slices of a volume along one plane, numbered in canonical order: rightwards, forwards, upwards."""

    place: Place
    volume: Any
    plane: Plane
    n_slices: int
    _axes: NDArray[Any]
    """Row i: canonical axis that native axis i runs along, and its sign."""
    _shape: tuple[int, ...]

    @property
    def zooms(self) -> list[float]:
        """Millimetres of a voxel along the native axes."""
        return [float(zoom) for zoom in self.volume.header.get_zooms()[:3]] + [1.0] * 3

    @property
    def native(self) -> dict[int, int]:
        """Canonical axis -> native axis."""
        return {int(axis): i for i, (axis, _) in enumerate(self._axes)}

    def voxels(self, max_bytes: int) -> NDArray[Any]:
        """All slices as slices x rows x columns in native orientation, values as stored, of the first volume.

        Raises `ImageError` where they would take more bytes.
        """
        n_bytes = np.prod([float(n) for n in self._shape[:3]]) * self.volume.get_data_dtype().itemsize
        if n_bytes > max_bytes:
            raise _too_large(
                self.place, f"holds {n_bytes:,.0f} bytes of voxels", f"at most {max_bytes:,} bytes"
            )
        proxy = self.volume.dataobj
        try:
            where = (slice(None),) * min(3, len(proxy.shape)) + (0,) * (len(proxy.shape) - 3)
            cut = proxy.get_unscaled()[where] if hasattr(proxy, "get_unscaled") else np.asarray(proxy)[where]
            whole = np.asarray(cut).reshape(self._shape[:3])
        except Exception as error:  # as of a slice
            raise decoding_failed(self.place.path, error) from error
        slices = np.moveaxis(whole, self.native[PLANES.index(self.plane)], 0)
        return slices if self._axes[self.native[PLANES.index(self.plane)]][1] > 0 else slices[::-1]


def stack_of(place: Place, plane: Plane | None) -> Stack:
    """The slices of a NIfTI or MetaImage volume; its voxels are not read yet. Raises `ImageError`.

    The plane is `plane`, or the one with the finest in-plane resolution; volumes without a preference are
    cut sagittally.
    """
    volume = load(place)
    shape = tuple(int(n) for n in volume.shape)
    if len(shape) < 3:
        shape = (*shape, *(1,) * (3 - len(shape)))
    itemsize = volume.get_data_dtype().itemsize
    if 0 in shape or np.prod([float(n) for n in shape]) * itemsize > _MAX_BYTES:
        raise _too_large(
            place, f"claims {' x '.join(map(str, shape))} voxels", f"1 to {_MAX_BYTES:,} bytes of voxels"
        )
    try:
        axes = nib.orientations.io_orientation(volume.affine)
    except Exception as error:  # a singular or absurd affine
        raise decoding_failed(place.path, error) from error
    if np.isnan(axes).any():
        raise ImageError(
            ImageProblem.UNSUPPORTED,
            place.path,
            "has an affine that leaves a direction undefined",
            expected="a volume with three directions in space",
            mend="repair its header",
        )
    native = {int(axis): i for i, (axis, _) in enumerate(axes)}
    zooms = [float(zoom) for zoom in volume.header.get_zooms()[:3]] + [1.0] * 3
    axis = _stack_axis(plane, [shape[native[a]] for a in range(3)], [zooms[native[a]] for a in range(3)])
    return Stack(place, volume, PLANES[axis], shape[native[axis]], axes, shape)


def render_nifti(
    place: Place,
    *,
    frame: int | None,
    plane: Plane | None,
    max_pixels: int,
    window: GreyWindow = DEFAULT_WINDOW,
) -> Picture:
    """One slice of a NIfTI or MetaImage volume as 8-bit RGB with square pixels, head up. Raises `ImageError`.

    The plane is that of `stack_of`. `frame` counts slices in canonical order (rightwards, forwards, upwards) from 0;
    None takes the middle one. Shown as radiologists do: anterior left in a sagittal, the patient's right side
    left in the other planes. Grey values: the percentiles of the slice that `window` names. Of a series of volumes,
    the first.
    """
    found = stack_of(place, plane)
    volume, shape, axes, native, zooms = found.volume, found._shape, found._axes, found.native, found.zooms
    stack, n_slices = PLANES.index(found.plane), found.n_slices
    index = n_slices // 2 if frame is None else frame
    if not 0 <= index < n_slices:
        raise ImageError(
            ImageProblem.FRAME,
            place.path,
            f"has no {PLANES[stack]} slice {index}",
            expected=f"a slice from 0 to {n_slices - 1}",
            mend="correct 'frame' of the image in the benchmark file",
        )
    rows, columns = (a for a in (2, 1, 0) if a != stack)
    if shape[native[rows]] * shape[native[columns]] > max_pixels:
        raise _too_large(place, "has too large a slice", f"at most {max_pixels:,} pixels")
    stored = index if axes[native[stack]][1] > 0 else n_slices - 1 - index
    try:
        cut = _slice(volume, native[stack], stored)
    except Exception as error:  # gzip, zlib and numpy each raise their own on damaged data
        raise decoding_failed(place.path, error) from error
    # Upwards or forwards along rows, rightwards or forwards along columns; then both turned for display.
    if native[rows] > native[columns]:
        cut = np.swapaxes(cut, 0, 1)
    if axes[native[rows]][1] < 0:
        cut = cut[::-1]
    if axes[native[columns]][1] < 0:
        cut = cut[:, ::-1]
    rgb, how = _grey_or_colour(cut[::-1, ::-1], window)
    image, square = square_pixels(
        Image.fromarray(rgb), row_mm=abs(zooms[native[rows]]), column_mm=abs(zooms[native[columns]])
    )
    series = f" volume=0/{shape[3]}" if len(shape) > 3 and shape[3] > 1 else ""
    kind = "metaimage" if is_metaimage(place) else "nifti"
    return Picture(image, (f"{kind}{series} {PLANES[stack]} slice={index}/{n_slices} {how}", *square))


def header_texts(place: Place) -> tuple[dict[str, str], list[tuple[int, bytes]]]:
    """The free-text fields of the header, and its extensions as code and content. Raises `ImageError`."""
    header = load(place).header
    texts = {}
    for name in ("descrip", "aux_file", "intent_name", "db_name"):
        if name in header:
            texts[name] = bytes(header[name].item()).decode("latin-1").strip("\0 ")
    extensions = [(int(part.get_code()), _content(part)) for part in getattr(header, "extensions", ())]
    return texts, extensions


def _content(extension: Any) -> bytes:
    content = extension.get_content()
    return content if isinstance(content, bytes) else str(content).encode()


def _stack_axis(plane: Plane | None, shape: list[int], zooms: list[float]) -> int:
    """The canonical axis that slices are stacked along."""
    if plane is not None:
        return PLANES.index(plane)
    if 1 in shape:
        return shape.index(1)
    coarsest = max(zooms)
    return next(axis for axis, zoom in enumerate(zooms) if zoom >= 0.99 * coarsest)


def _slice(volume: Any, axis: int, index: int) -> NDArray[Any]:
    """One slice in native orientation, of the first volume and channel; only this slice is read."""
    proxy = volume.dataobj
    if len(proxy.shape) < 3:
        volumetric: NDArray[Any] = np.asarray(proxy).reshape((*proxy.shape, *(1,) * (3 - len(proxy.shape))))
        flat: NDArray[Any] = volumetric.take(index, axis=axis)
        return flat
    where: list[int | slice] = [slice(None)] * 3 + [0] * (len(proxy.shape) - 3)
    where[axis] = index
    return np.asarray(proxy[tuple(where)])


def _grey_or_colour(cut: NDArray[Any], window: GreyWindow) -> tuple[NDArray[np.uint8], str]:
    if cut.dtype.names is not None:  # RGB or RGBA voxels
        colours = np.stack([cut[name] for name in cut.dtype.names[:3]], axis=-1)
        return np.ascontiguousarray(colours.astype(np.uint8)), "rgb"
    values = np.abs(cut) if np.iscomplexobj(cut) else cut
    low, high = percentile_window(values, window)
    grey = scaled_to_8_bit(values, low, high)
    return np.ascontiguousarray(np.repeat(grey[..., None], 3, axis=-1)), f"percentiles={low:g}..{high:g}"


def _too_large(place: Place, found: str, expected: str) -> ImageError:
    return ImageError(
        ImageProblem.TOO_LARGE,
        place.path,
        found,
        expected=expected,
        mend="cut the volume down, or raise max_pixels of the image policy",
    )
