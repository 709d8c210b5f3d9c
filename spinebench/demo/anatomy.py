"""The spinal column of a lateral or sagittal view as geometry: bodies in a chain, discs between them.

Screen coordinates in pixels: x to the right is posterior, y down is caudal. A tilt is the angle of the
column's axis against the vertical, in degrees; positive where it runs backwards as it descends.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from spinebench.demo.canvas import Point, smooth


@dataclass(frozen=True, kw_only=True)
class Body:
    """One vertebral body: its four corners and the axes of its frame."""

    name: str
    upper_anterior: Point
    upper_posterior: Point
    lower_anterior: Point
    lower_posterior: Point
    tilt: float
    upper_dent: float
    """How far the upper endplate sinks in at its middle, as a share of the height."""

    def at(self, u: float, v: float) -> Point:
        """Point in the body's own frame: u from -1 in front to 1 behind, v from 0 above to 1 below.

        Values beyond these ranges lie outside the body, in the same directions.
        """
        s = (u + 1) / 2
        upper = between(self.upper_anterior, self.upper_posterior, s)
        lower = between(self.lower_anterior, self.lower_posterior, s)
        return between(upper, lower, v)

    @property
    def width(self) -> float:
        """Antero-posterior diameter in pixels."""
        return math.dist(self.upper_anterior, self.upper_posterior)

    @property
    def height(self) -> float:
        """Height of the posterior wall in pixels."""
        return math.dist(self.upper_posterior, self.lower_posterior)

    def offset(self, origin: Point, posterior: float, caudal: float) -> Point:
        """A point moved from `origin` by pixels along the body's own axes."""
        angle = math.radians(self.tilt)
        return (
            origin[0] + posterior * math.cos(angle) + caudal * math.sin(angle),
            origin[1] - posterior * math.sin(angle) + caudal * math.cos(angle),
        )

    def outline(self, *, waist: float = 0.07, sag: float = 0.05) -> list[Point]:
        """Outline with a waist in front and behind and slightly hollow endplates."""
        steps = [i / 9 for i in range(10)]
        hollow = [1 - (2 * t - 1) ** 2 for t in steps]
        rim = [max(0.0, 1 - abs(2 * t - 1) ** 4) for t in steps]
        dent = self.upper_dent + sag
        edge = [self.at(2 * t - 1, dent * h) for t, h in zip(steps, rim, strict=True)]
        edge += [self.at(1 - waist * 0.7 * h, t) for t, h in zip(steps[1:-1], hollow[1:-1], strict=True)]
        edge += [self.at(1 - 2 * t, 1 - sag * h) for t, h in zip(steps, rim, strict=True)]
        edge += [self.at(-1 + waist * h, 1 - t) for t, h in zip(steps[1:-1], hollow[1:-1], strict=True)]
        return smooth(edge, rounds=1)

    def upper_endplate(self) -> list[Point]:
        dent = self.upper_dent + 0.05
        return [
            self.at(2 * t - 1, dent * max(0.0, 1 - abs(2 * t - 1) ** 4)) for t in (i / 12 for i in range(13))
        ]

    def lower_endplate(self) -> list[Point]:
        return [
            self.at(2 * t - 1, 1 - 0.05 * max(0.0, 1 - abs(2 * t - 1) ** 4))
            for t in (i / 12 for i in range(13))
        ]


@dataclass(frozen=True, kw_only=True)
class Shape:
    """Sizes of a column, from its lowest body upwards; pixels, degrees."""

    names: Sequence[str]
    """Caudal to cranial."""
    tilts: Sequence[float]
    heights: Sequence[float]
    widths: Sequence[float]
    discs: Sequence[float]
    """Height of the disc below each body; that of the first is the gap to the base."""
    front: Mapping[str, float] = field(default_factory=dict)
    """Share of the anterior height left, by name (a collapsed body); 1 where not named."""
    back: Mapping[str, float] = field(default_factory=dict)
    """Share of the posterior height left."""
    dents: Mapping[str, float] = field(default_factory=dict)
    slips: Mapping[str, float] = field(default_factory=dict)
    """Forward slip of a body against the one below, as a share of its width, by name of the slipped body."""


def build(base: Point, shape: Shape) -> list[Body]:
    """Bodies caudal to cranial, standing on `base`, the middle of the lowest disc's lower face."""
    bodies: list[Body] = []
    middle = base
    for index, name in enumerate(shape.names):
        angle = math.radians(shape.tilts[index])
        below = math.radians(shape.tilts[index - 1]) if index else angle
        lean = (angle + below) / 2
        gap = shape.discs[index]
        middle = (middle[0] - gap * math.sin(lean), middle[1] - gap * math.cos(lean))
        width, height = shape.widths[index], shape.heights[index]
        slip = shape.slips.get(name, 0.0) * width
        middle = (middle[0] - slip * math.cos(angle), middle[1] + slip * math.sin(angle))
        half = (width / 2 * math.cos(angle), -width / 2 * math.sin(angle))
        up = (-math.sin(angle), -math.cos(angle))
        front, back = height * shape.front.get(name, 1.0), height * shape.back.get(name, 1.0)
        lower_anterior = (middle[0] - half[0], middle[1] - half[1])
        lower_posterior = (middle[0] + half[0], middle[1] + half[1])
        # The upper endplate is a little shorter than the lower one, as in the lumbar spine.
        upper_anterior = (
            lower_anterior[0] + up[0] * front + 0.03 * half[0],
            lower_anterior[1] + up[1] * front,
        )
        upper_posterior = (lower_posterior[0] + up[0] * back, lower_posterior[1] + up[1] * back)
        bodies.append(
            Body(
                name=name,
                upper_anterior=upper_anterior,
                upper_posterior=upper_posterior,
                lower_anterior=lower_anterior,
                lower_posterior=lower_posterior,
                tilt=shape.tilts[index],
                upper_dent=shape.dents.get(name, 0.0),
            )
        )
        middle = between(upper_anterior, upper_posterior, 0.5)
    return bodies


def disc(above: Body, below: Body, *, bulge: float = 0.0, front_bulge: float = 0.03) -> list[Point]:
    """Outline of the disc between two bodies; `bulge` backwards as a share of the body's width."""
    edge = above.lower_endplate()
    back = [above.at(1 + 2 * bulge * 0.75, 1.02), between(above.at(1, 1), below.at(1, 0), 0.5)]
    middle_back = below.offset(back[1], bulge * below.width, 0)
    lower = list(reversed(below.upper_endplate()))
    front = below.offset(between(above.at(-1, 1), below.at(-1, 0), 0.5), -front_bulge * below.width, 0)
    outline = [*edge, back[0], middle_back, below.at(1 + 2 * bulge * 0.75, -0.02), *lower, front]
    return smooth(outline, rounds=2)


def between(a: Point, b: Point, share: float) -> Point:
    return (a[0] + (b[0] - a[0]) * share, a[1] + (b[1] - a[1]) * share)
