"""Drawn axial T2 slices through a lumbar disc, with a small sagittal scout that shows the slice's level."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from spinebench.demo.canvas import Canvas, Point, ellipse, smooth
from spinebench.terms import LEVELS

_SIZE = 480
_MIDDLE = 240.0


def axial(disease: str, levels: tuple[str, ...], rng: np.random.Generator, *, level: str) -> Image.Image:
    """An axial T2 slice at one disc level: thecal sac, lateral recesses, facet joints, muscles.

    With `Subarticular Stenosis` at that level one or both recesses are closed by facet and disc.
    """
    canvas = Canvas(_SIZE, _SIZE, rng)
    _surroundings(canvas)
    sides: tuple[int, ...] = ()
    if disease == "Subarticular Stenosis" and level in levels:
        sides = ((-1,), (1,), (-1, 1))[int(rng.integers(3))]
    _arch(canvas)
    _disc(canvas, sides)
    _sac(canvas, sides)
    for side in (-1, 1):
        _joint(canvas, side, large=side in sides)
    _, y = canvas.grid()
    coil = 0.20 + 0.85 / (1 + np.exp(-(y - 120) / 34))
    canvas.pixels = np.clip(canvas.pixels * coil, 0, 1.05)
    _scout(canvas, level)
    return canvas.image(grain=0.010)


def _surroundings(canvas: Canvas) -> None:
    body = ellipse((_MIDDLE, 236), 232, 178, n=90)
    skin = canvas.mask(body, blur=1.2)
    canvas.pixels += skin * (0.80 + 0.04 * canvas.noise(14))
    inner = smooth(
        [
            (52, 110),
            (428, 110),
            (448, 250),
            (410, 356),
            (290, 384),
            (240, 374),
            (190, 384),
            (70, 356),
            (32, 250),
        ],
        rounds=3,
    )
    canvas.cover(inner, (0.58 + 0.06 * canvas.noise(16)).astype(np.float32), blur=3)
    fibre = 0.020 * canvas.noise(4)
    fatty = (np.clip(canvas.noise(9, stretch=1.8) - 0.9, 0, 1) * 0.45).astype(np.float32)
    for side in (-1, 1):
        for centre, rx, ry, angle in (
            ((_MIDDLE + side * 62, 318.0), 50.0, 50.0, 0.0),
            ((_MIDDLE + side * 124, 302.0), 48.0, 52.0, -0.25 * side),
        ):
            muscle = ellipse(centre, rx, ry, angle=angle)
            canvas.cover(muscle, (0.20 + fibre + fatty).astype(np.float32), blur=2)
            canvas.stroke(muscle, 0.62, width=2, blur=1.2, closed=True, mode="cover", opacity=0.6)
        psoas = ellipse((_MIDDLE + side * 106, 196.0), 34, 47, angle=0.30 * side)
        canvas.cover(psoas, (0.22 + fibre).astype(np.float32), blur=1.8)
        for _ in range(4):
            spot = (_MIDDLE + side * float(canvas.rng.uniform(50, 128)), float(canvas.rng.uniform(92, 132)))
            loop = ellipse(spot, float(canvas.rng.uniform(14, 27)), float(canvas.rng.uniform(11, 20)))
            canvas.cover(loop, float(canvas.rng.uniform(0.10, 0.45)), blur=2.5)
            canvas.stroke(loop, 0.25, width=2, blur=1.2, closed=True, mode="cover")
    # Flow voids of aorta and vena cava in front of the disc.
    canvas.cover(ellipse((_MIDDLE + 17, 112), 15, 15), 0.06, blur=1.4)
    canvas.cover(ellipse((_MIDDLE - 24, 116), 19, 13), 0.10, blur=1.4)


def _disc(canvas: Canvas, sides: tuple[int, ...]) -> None:
    """A kidney-shaped disc: dark annulus, brighter nucleus; bulging into a closed recess."""
    rim: list[Point] = []
    for degrees in range(0, 360, 9):
        turn = math.radians(degrees)
        px, py = math.cos(turn), math.sin(turn)
        hollow = 7.0 * math.exp(-((px / 0.34) ** 2)) if py > 0 else 0.0
        for side in sides:
            if py > 0:
                hollow -= 8.0 * math.exp(-(((px - 0.40 * side) / 0.20) ** 2))
        rim.append((_MIDDLE + 74 * px, 180 + 52 * py - hollow))
    canvas.cover(smooth(rim), 0.12, blur=1.1)
    canvas.stroke(smooth(rim), 0.05, width=2, blur=0.9, closed=True, mode="cover")
    canvas.cover(ellipse((_MIDDLE, 178), 50, 31), 0.46, blur=5, texture=0.03 * canvas.noise(5))


def _sac(canvas: Canvas, sides: tuple[int, ...]) -> None:
    """The thecal sac, rounded triangle of fluid with roots; its corner is cut off on a closed side."""
    fat = smooth(
        [(_MIDDLE - 40, 236), (_MIDDLE + 40, 236), (_MIDDLE + 34, 262), (_MIDDLE, 296), (_MIDDLE - 34, 262)]
    )
    canvas.cover(fat, 0.80, blur=1.4)
    rim: list[Point] = []
    for degrees in range(0, 360, 10):
        turn = math.radians(degrees)
        px, py = math.cos(turn), math.sin(turn)
        reach = 26.0
        for side in sides:
            cut = math.exp(
                -(
                    (
                        ((turn - (-0.35 if side > 0 else math.pi + 0.35) + math.pi) % (2 * math.pi) - math.pi)
                        / 0.75
                    )
                    ** 2
                )
            )
            reach -= 14.0 * cut
        rim.append((_MIDDLE + 1.12 * reach * px, 250 + 0.82 * reach * py))
    canvas.cover(smooth(rim), 0.95, blur=0.9)
    canvas.stroke(smooth(rim), 0.10, width=1.4, blur=0.7, closed=True, mode="cover")
    for i in range(11):
        px = (i - 5) * 3.6
        py = 258 - abs(i - 5) * 0.9 - 5.0 * (i % 2)
        if not any(side * px > 10 for side in sides):
            canvas.cover(ellipse((_MIDDLE + px, py), 1.9, 1.9, n=14), 0.30, blur=0.7)
    for side in (-1, 1):
        # The traversing root in its recess: round in fat, or flattened and swallowed by dark tissue.
        if side in sides:
            canvas.cover(ellipse((_MIDDLE + side * 27, 243), 15, 10, angle=0.5 * side), 0.13, blur=1.6)
            canvas.cover(ellipse((_MIDDLE + side * 24, 240), 5.5, 2.2, angle=0.5 * side), 0.34, blur=0.9)
        else:
            canvas.cover(ellipse((_MIDDLE + side * 33, 243), 8, 8), 0.82, blur=1.4)
            canvas.cover(ellipse((_MIDDLE + side * 33, 243), 4.2, 4.2), 0.34, blur=0.8)
        foramen = smooth(
            [
                (_MIDDLE + side * 46, 222),
                (_MIDDLE + side * 86, 214),
                (_MIDDLE + side * 92, 234),
                (_MIDDLE + side * 52, 240),
            ]
        )
        canvas.cover(foramen, 0.80, blur=2)
        canvas.cover(ellipse((_MIDDLE + side * 70, 226), 8, 6), 0.34, blur=1)


def _arch(canvas: Canvas) -> None:
    """Laminae and spinous process, marrow within dark cortex."""
    for side in (-1, 1):
        lamina = [
            (_MIDDLE + side * 58, 262),
            (_MIDDLE + side * 46, 286),
            (_MIDDLE + side * 2, 312),
            (_MIDDLE + side * 2, 298),
            (_MIDDLE + side * 34, 274),
            (_MIDDLE + side * 40, 256),
        ]
        canvas.cover(smooth(lamina), 0.40, blur=1.0)
        canvas.stroke(smooth(lamina), 0.06, width=2.4, blur=0.8, closed=True, mode="cover")
        flavum = [(_MIDDLE + side * 34, 262), (_MIDDLE + side * 4, 296)]
        canvas.stroke(flavum, 0.08, width=4, blur=1.0, mode="cover")
    process = smooth(
        [(_MIDDLE - 6, 302), (_MIDDLE + 6, 302), (_MIDDLE + 9, 362), (_MIDDLE, 368), (_MIDDLE - 9, 362)]
    )
    canvas.cover(process, 0.42, blur=1.0)
    canvas.stroke(process, 0.06, width=2.2, blur=0.8, closed=True, mode="cover")


def _joint(canvas: Canvas, side: int, *, large: bool) -> None:
    """Facet joint: two dark-rimmed masses with a bright cleft; overgrown towards the recess when large."""
    grow = 1.28 if large else 1.0
    inward = 7.0 if large else 0.0
    front = ellipse((_MIDDLE + side * (66 - inward), 250.0), 15 * grow, 13 * grow, angle=0.5 * side)
    rear = ellipse((_MIDDLE + side * (56 - inward), 270.0), 16 * grow, 12 * grow, angle=0.7 * side)
    for part in (front, rear):
        canvas.cover(part, 0.34 if not large else 0.22, blur=1.0)
        canvas.stroke(part, 0.05, width=3 if not large else 5, blur=0.9, closed=True, mode="cover")
    cleft = [
        (_MIDDLE + side * (44 - inward), 254.0),
        (_MIDDLE + side * (58 - inward), 262.0),
        (_MIDDLE + side * (76 - inward), 264.0),
    ]
    canvas.stroke(smooth(cleft, closed=False), 0.80, width=2, blur=0.8, mode="cover")


def _scout(canvas: Canvas, level: str) -> None:
    """Inset at the upper left: a sagittal stick of the lumbar spine, a line through the slice's level."""
    canvas.cover([(6, 6), (96, 6), (96, 134), (6, 134)], 0.07, blur=0.4)
    canvas.stroke([(6, 6), (96, 6), (96, 134), (6, 134)], 0.5, width=1, blur=0.4, closed=True, mode="cover")
    tilts = (-8.0, -5.0, 0.0, 7.0, 18.0)
    x, y = 52.0, 14.0
    for index, tilt in enumerate(tilts):
        turn = math.radians(tilt)
        body = [(x - 12, y + 4 * math.sin(turn)), (x + 12, y - 4 * math.sin(turn))]
        x, y = x + 16 * math.sin(turn), y + 16 * math.cos(turn)
        body += [(x + 12, y - 4 * math.sin(turn)), (x - 12, y + 4 * math.sin(turn))]
        canvas.cover(smooth(body, rounds=1), 0.45, blur=0.6)
        if LEVELS[index] == level:
            slope = math.tan(turn) * 34
            canvas.stroke(
                [(x - 34, y + 3 + slope), (x + 40, y + 3 - slope)], 0.98, width=1.4, blur=0.4, mode="cover"
            )
        x, y = x + 6 * math.sin(turn), y + 6 * math.cos(turn)
    for _ in range(2):
        body = [(x - 11, y + 5), (x + 10, y - 5), (x + 18, y + 8), (x - 1, y + 16)]
        canvas.cover(smooth(body, rounds=1), 0.45, blur=0.6)
        x, y = x + 10, y + 13
