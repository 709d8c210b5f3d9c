"""Which slice of a volume, or frame of a multi-frame DICOM file, stands for it where the label file names none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import ceil
from typing import TYPE_CHECKING, Any, Final, Literal, assert_never

from spinebench.benchmarks.preparing import Source

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from spinebench.benchmarks.nifti import Stack

Plane = Literal["axial", "coronal", "sagittal"]
SliceRule = Literal["middle", "most-detail", "fraction"]
_MAX_BYTES: Final = 1 << 31
"""Largest volume that is searched for detail: it is held in memory once per process."""
_SEARCHED: Final = (0.25, 0.75)
"""Part of the stack that is searched for detail: the skin, which is sharp against air, lies outside it."""


@dataclass(frozen=True, slots=True)
class Taken:
    """The slice or frame that is taken, and why."""

    frame: int | None
    """Counted from 0; None: the file holds a single picture."""
    plane: Plane | None
    """None: the file is no volume."""
    why: str
    """Rule in words; empty for a single picture."""


def choose_slice(
    source: Source,
    *,
    frame: int | None,
    plane: Plane | None,
    rule: SliceRule,
    fraction: float,
    max_pixels: int,
) -> Taken:
    """The slice to take of a file. Raises `ImageError`.

    A `frame` of the label file is taken. Otherwise by the rule, of n slices counted rightwards, forwards or upwards
    (frames in their order): `middle`: number n // 2; `fraction`: number floor(fraction x n), the last one for 1;
    `most-detail`: of the middle half of the stack the one with the greatest `detail`, the first of equals. `plane`:
    that of a volume; None is the one with the finest resolution in the plane.
    """
    match source.kind:
        case "raster":
            return Taken(frame, None, "" if frame is None else "frame given")
        case "dicom":
            from spinebench.benchmarks.dicom import frame_count

            n = frame_count(source.place)
            if n == 1 and frame is None:
                return Taken(None, None, "")
            taken, why = _number(n, frame, rule, fraction, lambda: _frame_details(source, n, max_pixels))
            return Taken(taken, None, f"frame {why}")
        case "nifti" | "metaimage":
            from spinebench.benchmarks.nifti import stack_of

            stack = stack_of(source.place, plane)
            taken, why = _number(stack.n_slices, frame, rule, fraction, lambda: _slice_details(stack))
            return Taken(taken, stack.plane, f"slice {why}")
        case _:
            assert_never(source.kind)


def detail(values: NDArray[Any], low: float, high: float) -> float:
    """Mean squared gradient (the measure of Tenenbaum 1970, with central differences) of rows x columns of grey values.

    Values are first clipped to `low` and `high` and scaled to 0 and 1, the same for all slices of a volume, so that an
    empty slice whose noise would fill its own range has little. 0 for a slice below 3 x 3, and where `high` is not
    above `low`.
    """
    import numpy as np

    if min(values.shape) < 3 or not high > low:
        return 0.0
    finite = np.nan_to_num(values.astype(np.float64), nan=low, posinf=high, neginf=low)
    scaled = (np.clip(finite, low, high) - low) / (high - low)
    down = (scaled[2:, 1:-1] - scaled[:-2, 1:-1]) / 2
    across = (scaled[1:-1, 2:] - scaled[1:-1, :-2]) / 2
    return float((down**2 + across**2).mean())


def searched(n: int) -> range:
    """The slices of a stack of n in which detail is looked for: the middle half, at least the middle one."""
    first, last = _SEARCHED
    return range(int(first * n), ceil(last * n))


def _number(
    n: int, frame: int | None, rule: SliceRule, fraction: float, details: Callable[[], list[float]]
) -> tuple[int, str]:
    if frame is not None:
        return frame, "given"
    match rule:
        case "middle":
            return n // 2, "in the middle"
        case "fraction":
            return min(n - 1, int(fraction * n)), f"at fraction {fraction:g}"
        case "most-detail":
            found = details()
            return searched(n)[found.index(max(found))], "of most detail"
        case _:
            assert_never(rule)


def _slice_details(stack: Stack) -> list[float]:
    from spinebench.benchmarks.render import percentile_window

    voxels = _grey(stack.voxels(_MAX_BYTES))
    # Percentiles of up to some million voxels at equal distances: those of the whole, at a fraction of the memory.
    step = max(1, round((voxels.size / 4e6) ** (1 / 3)))
    low, high = percentile_window(voxels[::step, ::step, ::step])
    return [detail(voxels[index], low, high) for index in searched(stack.n_slices)]


def _grey(voxels: NDArray[Any]) -> NDArray[Any]:
    """Colours as their mean, complex numbers as their size."""
    import numpy as np

    if voxels.dtype.names is not None:
        channels = [voxels[name].astype(np.float32) for name in voxels.dtype.names[:3]]
        mean: NDArray[np.float32] = np.mean(channels, axis=0)
        return mean
    return np.abs(voxels) if np.iscomplexobj(voxels) else voxels


def _frame_details(source: Source, n: int, max_pixels: int) -> list[float]:
    import numpy as np

    from spinebench.benchmarks.dicom import render_dicom

    def of_frame(index: int) -> float:
        picture = render_dicom(source.place, frame=index, max_pixels=max_pixels)
        return detail(np.asarray(picture.image.convert("L")), 0.0, 255.0)

    return [of_frame(index) for index in searched(n)]
