"""How sharp, contrasted and exposed a picture is, in figures that compare across pictures of different size."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from spinebench.builder.records import Quality

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

SHARPNESS_SIDE: Final = 512
"""Pixels of the longest side at which sharpness is measured."""
_DIGITS: Final = 6


def measure_quality(picture: Image, *, shortest_side: int) -> Quality:
    """The measures of an RGB or grey picture, each rounded to 6 digits.

    Grey is the luma of ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), 0 to 255 as Pillow rounds it, over 255. Sharpness is
    taken after scaling the picture, its proportions kept, to a longest side of 512 pixels, be it larger or smaller
    before: of one object, a picture of twice the pixels but the same detail then has about the same figure, and a
    small picture that has to be enlarged a low one. The other measures are of the picture as it is. `shortest_side`
    is passed on: pixels before the picture was made smaller.
    """
    import numpy as np
    from PIL import Image as pillow

    grey = picture.convert("L")
    values = np.asarray(grey, dtype=np.float64) / 255.0
    factor = SHARPNESS_SIDE / max(grey.size)
    size = (max(1, round(grey.width * factor)), max(1, round(grey.height * factor)))
    scaled = grey if size == grey.size else grey.resize(size, pillow.Resampling.BICUBIC)
    return Quality(
        sharpness=_rounded(sharpness(np.asarray(scaled, dtype=np.float64) / 255.0)),
        contrast=_rounded(contrast(values)),
        exposure=_rounded(float(values.mean())),
        dark=_rounded(float((values == 0).mean())),
        bright=_rounded(float((values == 1).mean())),
        shortest_side=shortest_side,
    )


def sharpness(values: NDArray[np.float64]) -> float:
    """Variance of the Laplacian (Pech-Pacheco et al., ICPR 2000), of grey values in 0 to 1 as rows x columns.

    The Laplacian of a pixel is the sum of its four neighbours less four times itself; pixels at the border, which
    lack a neighbour, have none. The variance is that of the population. 0 to 16; 0 for a picture below 3 x 3.
    """
    if min(values.shape) < 3:
        return 0.0
    inner = values[1:-1, 1:-1]
    laplacian = values[:-2, 1:-1] + values[2:, 1:-1] + values[1:-1, :-2] + values[1:-1, 2:] - 4 * inner
    return float(laplacian.var())


def contrast(values: NDArray[np.float64]) -> float:
    """The 95th less the 5th percentile of grey values in 0 to 1 (linear between ranks): 0 flat, 1 the whole range.

    A few white or black pixels, such as a letter L at the edge of an X-ray, do not change it.
    """
    import numpy as np

    low, high = np.percentile(values, (5, 95))
    return float(high - low)


def _rounded(value: float) -> float:
    return round(value, _DIGITS) + 0.0  # no -0.0
