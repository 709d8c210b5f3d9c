"""A grey float canvas on which phantoms are drawn: soft-edged shapes that add up (film) or cover (slice)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter, ImageFont

Grey = NDArray[np.float32]
Point = tuple[float, float]
Points = Sequence[Point]
LABEL = "SIMULATED PHANTOM"

_SOFT = 2.0
"""From this blur on, in pixels, the stepped edges of pillow's polygons no longer show; below, shapes are
rasterized at twice the resolution."""


class Canvas:
    """Grey values as floats, 0 black and 1 white, and one generator for all that is random."""

    def __init__(self, width: int, height: int, rng: np.random.Generator) -> None:
        self.width = width
        self.height = height
        self.rng = rng
        self.pixels: Grey = np.zeros((height, width), np.float32)

    def grid(self) -> tuple[Grey, Grey]:
        """Column and row of every pixel."""
        rows, columns = np.mgrid[0 : self.height, 0 : self.width].astype(np.float32)
        return columns, rows

    def noise(self, size: float, *, stretch: float = 1.0) -> Grey:
        """Smooth noise over the canvas with blobs of about `size` pixels, mean 0, standard deviation below 1.

        `stretch` makes the blobs that much longer than wide, for fibres.
        """
        shape = (
            max(3, round(self.height / (size * stretch)) + 2),
            max(3, round(self.width / size) + 2),
        )
        coarse = Image.fromarray(self.rng.standard_normal(shape, dtype=np.float32))
        fine = coarse.resize((self.width, self.height), Image.Resampling.BICUBIC)
        return np.asarray(fine, dtype=np.float32)

    def cover(
        self,
        points: Points,
        value: float | Grey,
        *,
        blur: float = 1.0,
        opacity: float = 1.0,
        texture: Grey | None = None,
    ) -> None:
        """Cover the polygon with a value, as tissue in a slice hides nothing behind it but itself."""
        self._apply(points, None, value, blur, opacity, texture, "cover")

    def add(self, points: Points, value: float, *, blur: float = 1.0, texture: Grey | None = None) -> None:
        """Add a value over the polygon, as structures one behind the other add up on a film."""
        self._apply(points, None, value, blur, 1.0, texture, "add")

    def stroke(
        self,
        points: Points,
        value: float,
        *,
        width: float = 2.0,
        blur: float = 0.8,
        opacity: float = 1.0,
        closed: bool = False,
        mode: Literal["cover", "add"] = "add",
    ) -> None:
        """A soft line along the points."""
        path = [*points, points[0], points[1]] if closed else list(points)
        self._apply(path, width, value, blur, opacity, None, mode)

    def mask(self, points: Points, *, blur: float = 1.0) -> Grey:
        """Coverage of the polygon, 0 to 1, over the whole canvas."""
        kept, self.pixels = self.pixels, np.zeros_like(self.pixels)
        self.add(points, 1.0, blur=blur)
        drawn, self.pixels = self.pixels, kept
        return drawn

    def _apply(
        self,
        points: Points,
        line_width: float | None,
        value: float | Grey,
        blur: float,
        opacity: float,
        texture: Grey | None,
        mode: Literal["cover", "add"],
    ) -> None:
        # Only the window that the shape can reach is touched: most shapes are small.
        margin = 3 * blur + (line_width or 0) / 2 + 3
        left = max(0, int(min(x for x, _ in points) - margin))
        top = max(0, int(min(y for _, y in points) - margin))
        right = min(self.width, int(max(x for x, _ in points) + margin) + 1)
        bottom = min(self.height, int(max(y for _, y in points) + margin) + 1)
        if right <= left or bottom <= top:
            return
        alpha = _coverage(points, line_width, (left, top, right, bottom), blur) * np.float32(opacity)
        window = (slice(top, bottom), slice(left, right))
        fill = value[window] if isinstance(value, np.ndarray) else np.float32(value)
        if texture is not None:
            fill = fill + texture[window]
        target = self.pixels[window]
        target += alpha * (fill if mode == "add" else fill - target)

    def image(self, *, grain: float, label_at: Literal["left", "right"] = "left") -> Image.Image:
        """The finished 8-bit RGB picture, with film or coil noise and the phantom label in a corner.

        Grey values are kept to 52 steps: with grain no eye sees it, and the files stay small.
        """
        noisy = self.pixels + grain * self.rng.standard_normal(self.pixels.shape, dtype=np.float32)
        steps = np.rint(np.clip(noisy, 0, 1) * 51)
        picture = Image.fromarray((steps * 5).astype(np.uint8))
        draw = ImageDraw.Draw(picture)
        font = ImageFont.load_default(size=12)
        x = 8 if label_at == "left" else self.width - 8
        anchor = "ls" if label_at == "left" else "rs"
        draw.text(
            (x, self.height - 8), LABEL, fill=225, font=font, anchor=anchor, stroke_width=1, stroke_fill=20
        )
        return picture.convert("RGB")


def _coverage(points: Points, line_width: float | None, box: tuple[int, int, int, int], blur: float) -> Grey:
    """How much of each pixel of the box a polygon, or a line of some width, covers: 0 to 1."""
    left, top, right, bottom = box
    scale = 1 if blur >= _SOFT else 2
    drawing = Image.new("L", ((right - left) * scale, (bottom - top) * scale))
    path = [((x - left) * scale, (y - top) * scale) for x, y in points]
    if line_width is None:
        ImageDraw.Draw(drawing).polygon(path, fill=255)
    else:
        ImageDraw.Draw(drawing).line(path, fill=255, width=max(1, round(line_width * scale)), joint="curve")
    small = drawing if scale == 1 else drawing.reduce(scale)
    if blur > 0:
        small = small.filter(ImageFilter.GaussianBlur(blur))
    return np.asarray(small, dtype=np.float32) / np.float32(255)


def smooth(points: Points, *, rounds: int = 2, closed: bool = True) -> list[Point]:
    """Corners cut off (Chaikin's scheme), so that outlines look grown rather than ruled."""
    current = list(points)
    for _ in range(rounds):
        following = current[1:] + (current[:1] if closed else [])
        cut: list[Point] = [] if closed else [current[0]]
        for (ax, ay), (bx, by) in zip(current, following, strict=False):
            cut.append((0.75 * ax + 0.25 * bx, 0.75 * ay + 0.25 * by))
            cut.append((0.25 * ax + 0.75 * bx, 0.25 * ay + 0.75 * by))
        current = cut if closed else [*cut, current[-1]]
    return current


def ellipse(centre: Point, rx: float, ry: float, *, angle: float = 0.0, n: int = 40) -> list[Point]:
    """Outline of an ellipse; `angle` in radians, turned clockwise on the screen."""
    turn = np.linspace(0, 2 * np.pi, n, endpoint=False)
    x, y = rx * np.cos(turn), ry * np.sin(turn)
    cos, sin = np.cos(angle), np.sin(angle)
    return [
        (centre[0] + float(a * cos - b * sin), centre[1] + float(a * sin + b * cos))
        for a, b in zip(x, y, strict=True)
    ]
