"""Measures of pictures: values worked out by hand, and the order that eyes would give."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageEnhance, ImageFilter

from spinebench.builder.quality import contrast, measure_quality, sharpness

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images" / "mri_spider"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([[0.5] * 4] * 4, 0.0, id="flat"),
        # One inner pixel has a Laplacian of 0+0+0+0 - 4: the variance of a single value is 0.
        pytest.param([[0, 0, 0], [0, 1, 0], [0, 0, 0]], 0.0, id="one inner pixel"),
        # Inner pixels 1, 0, 0, 1 in 4 x 4 of a chess board: Laplacians -4, 4, 4, -4, of mean 0.
        pytest.param([[0, 1, 0, 1], [1, 0, 1, 0], [0, 1, 0, 1], [1, 0, 1, 0]], 16.0, id="chess board"),
        # Rows 0 0 1 1: inner columns 0 and 1 have Laplacians 1 and -1, of mean 0.
        pytest.param([[0, 0, 1, 1]] * 4, 1.0, id="an edge"),
        # A ramp has none: each pixel is the mean of its neighbours.
        pytest.param([[0, 0.25, 0.5, 0.75]] * 4, 0.0, id="a ramp"),
        pytest.param([[0, 1, 0, 1]] * 2, 0.0, id="too small"),
    ],
)
def test_sharpness(values: list[list[float]], expected: float) -> None:
    assert sharpness(np.array(values, dtype=np.float64)) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        pytest.param([0.3] * 10, 0.0, id="flat"),
        # 0, 0.05, ... 1: of 21 values, rank 0.05 x 20 = 1 is 0.05 and rank 19 is 0.95.
        pytest.param([n / 20 for n in range(21)], 0.9, id="a ramp"),
        # 1 white of 101 pixels lies above the 95th percentile.
        pytest.param([0.0] * 100 + [1.0], 0.0, id="a white mark"),
    ],
)
def test_contrast(values: list[float], expected: float) -> None:
    assert contrast(np.array([values])) == pytest.approx(expected, abs=1e-12)


def test_exposure_and_clipping() -> None:
    # 2 of 8 pixels black, 4 white, 2 at 51/255 = 0.2: mean (4 + 0.4) / 8.
    values = np.array([[0, 0, 255, 255], [255, 255, 51, 51]], np.uint8)
    found = measure_quality(Image.fromarray(values).convert("RGB"), shortest_side=900)
    assert (found.exposure, found.dark, found.bright) == (0.55, 0.25, 0.5)
    assert found.shortest_side == 900


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (2000, 1), (3, 2)])
def test_a_sliver_has_measures(size: tuple[int, int]) -> None:
    found = measure_quality(Image.new("RGB", size, (128, 128, 128)), shortest_side=1)
    assert (found.sharpness, found.contrast, found.exposure) == (0.0, 0.0, round(128 / 255, 6))


def phantom(side: int) -> Image.Image:
    """Discs and bars of the same shape at any size."""
    down, across = np.mgrid[0:side, 0:side] / side
    grey = 0.2 + 0.6 * (((down * 6) % 1 < 0.7) & (abs(across - 0.5) < 0.15))
    grey = grey + 0.15 * (np.hypot(down - 0.3, across - 0.2) < 0.1)
    return Image.fromarray(np.rint(grey * 255).astype(np.uint8))


CHANGES: list[tuple[str, Callable[[Image.Image], Image.Image]]] = [
    ("sharpness", lambda image: image.filter(ImageFilter.GaussianBlur(2))),
    ("sharpness", lambda image: image.resize((image.width // 4, image.height // 4))),
    ("contrast", lambda image: ImageEnhance.Contrast(image).enhance(0.4)),
    ("exposure", lambda image: ImageEnhance.Brightness(image).enhance(0.5)),
]


@pytest.mark.parametrize(("measure", "worse"), CHANGES, ids=["blurred", "small", "grey", "dark"])
def test_a_worse_picture_has_a_lower_figure(
    measure: str, worse: Callable[[Image.Image], Image.Image]
) -> None:
    pictures = [phantom(400)]
    if REAL.is_dir():
        pictures += [Image.open(file).convert("L") for file in sorted(REAL.glob("*.png"))[:6]]
    for picture in pictures:
        good, bad = (
            getattr(measure_quality(one, shortest_side=1), measure) for one in (picture, worse(picture))
        )
        assert bad < 0.9 * good


def test_sharpness_compares_across_sizes() -> None:
    """A picture of twice the pixels but no more detail is about as sharp, where plain variance would fall."""
    small = phantom(512).filter(ImageFilter.GaussianBlur(2))
    large = small.resize((1024, 1024), Image.Resampling.BICUBIC)
    one, other = (measure_quality(image, shortest_side=1).sharpness for image in (small, large))
    assert other == pytest.approx(one, rel=0.25)
    plain = sharpness(np.asarray(large) / 255.0)
    assert plain < 0.5 * sharpness(np.asarray(small) / 255.0)
