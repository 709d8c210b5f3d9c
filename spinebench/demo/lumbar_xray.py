"""Drawn lateral radiographs of the lumbar spine: shadows that add up on a film."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from spinebench.demo.anatomy import Body, Shape, between, build
from spinebench.demo.canvas import Canvas, Grey, ellipse, smooth
from spinebench.demo.film import develop, film_body

_LUMBAR = ("S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10")


def lumbar(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> Image.Image:
    """A lateral lumbar radiograph showing one disease at disc levels (`L2/L3`).

    A vertebral collapse is of the upper vertebra of the level it is given.
    """
    canvas = Canvas(432, 560, rng)
    bodies = lumbar_bodies(disease, levels, rng)
    by_name = {body.name: body for body in bodies}
    trabeculae = 0.55 * canvas.noise(3.2) + 0.45 * canvas.noise(9)
    _lumbar_soft_tissue(canvas)
    _pelvis(canvas, by_name["S1"])
    _sacrum(canvas, by_name["S1"], trabeculae)
    for body in bodies[1:]:
        _posterior_arch(canvas, body, slipped=disease == "Spondylolisthesis" and body.name in _uppers(levels))
    for body in bodies:
        film_body(canvas, body, 0.34, trabeculae)
    _ribs(canvas, by_name)
    for above, below in zip(bodies[1:], bodies[:-1], strict=True):
        name = f"{above.name}/{below.name}"
        if name in levels and disease == "Disc space narrowing":
            _sclerosis(canvas, above, below)
        if name in levels and disease == "Osteophytes":
            _osteophytes(canvas, above, below)
        if name in levels and disease == "Vertebral collapse":
            canvas.stroke(above.upper_endplate(), 0.22, width=5, blur=2.2)
            _cortical_buckle(canvas, above)
    return develop(canvas, exposure=1.28)


def _uppers(levels: tuple[str, ...]) -> set[str]:
    return {level.partition("/")[0] for level in levels}


def lumbar_bodies(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> list[Body]:
    """Bodies S1 to T10 of a film, caudal first."""
    lordosis = rng.uniform(0.88, 1.12)
    tilts = [lordosis * t for t in (44.0, 25.0, 11.0, 2.0, -7.0, -14.0, -17.0, -16.0, -13.0)]
    heights = [44.0, 47.0, 47.0, 46.5, 45.5, 44.0, 42.0, 40.0, 38.0]
    widths = [64.0, 66.0, 65.0, 64.0, 62.0, 60.0, 57.0, 54.0, 51.0]
    discs = [0.0, 17.0, 18.5, 17.5, 15.5, 13.5, 10.5, 8.5, 7.5]
    heights = [h * rng.uniform(0.98, 1.02) for h in heights]
    front: dict[str, float] = {"L5": 1.07}
    back: dict[str, float] = {"L5": 0.93}
    dents: dict[str, float] = {}
    slips: dict[str, float] = {}
    for index, name in enumerate(_LUMBAR[1:], start=1):
        if f"{name}/{_LUMBAR[index - 1]}" not in levels:
            continue
        if disease == "Disc space narrowing":
            discs[index] *= rng.uniform(0.22, 0.34)
        elif disease == "Osteophytes":
            discs[index] *= 0.92
        elif disease == "Spondylolisthesis":
            slips[name] = rng.uniform(0.27, 0.36)
        elif disease == "Vertebral collapse":
            front[name], back[name], dents[name] = rng.uniform(0.46, 0.56), 0.9, 0.17
            tilts[index + 1 :] = [t + 11.0 for t in tilts[index + 1 :]]
    shape = Shape(
        names=_LUMBAR,
        tilts=tilts,
        heights=heights,
        widths=widths,
        discs=discs,
        front=front,
        back=back,
        dents=dents,
        slips=slips,
    )
    return build((244.0 + rng.uniform(-8, 8), 497.0 + rng.uniform(-4, 4)), shape)


def _posterior_arch(canvas: Canvas, body: Body, *, slipped: bool) -> None:
    """Pedicle, articular processes, pars and spinous process. Of a slipped vertebra the pars is broken
    and the spinous process stays behind."""
    w, h = body.width, body.height
    root = body.at(1, 0.26)
    pedicle = [
        body.at(0.93, 0.12),
        body.at(0.93, 0.45),
        body.offset(root, 0.27 * w, 0.12 * h),
        body.offset(root, 0.27 * w, -0.16 * h),
    ]
    canvas.add(smooth(pedicle), 0.20, blur=1.6)
    canvas.stroke(smooth(pedicle), 0.09, width=1.8, blur=0.9, closed=True)
    superior = [
        body.offset(root, 0.20 * w, 0.14 * h),
        body.offset(root, 0.22 * w, -0.50 * h),
        body.offset(root, 0.33 * w, -0.56 * h),
        body.offset(root, 0.42 * w, -0.05 * h),
    ]
    inferior = [
        body.offset(root, 0.28 * w, 0.12 * h),
        body.offset(root, 0.46 * w, 0.02 * h),
        body.offset(root, 0.60 * w, 0.72 * h),
        body.offset(root, 0.52 * w, 0.96 * h),
        body.offset(root, 0.42 * w, 0.90 * h),
    ]
    back = 0.0
    if slipped:
        back = 0.16 * w
        inferior = [(x + back, y) for x, y in inferior]
    for part in (superior, inferior):
        canvas.add(smooth(part), 0.13, blur=1.6)
        canvas.stroke(smooth(part), 0.08, width=1.7, blur=0.9, closed=True)
    if slipped:
        gap = [body.offset(root, 0.29 * w, 0.22 * h), body.offset(root, 0.52 * w, 0.02 * h)]
        canvas.stroke(gap, -0.20, width=4.5, blur=1.1)
    droop = 0.30 * h if body.name.startswith("L") else 0.75 * h
    spinous = [
        body.offset(root, 0.50 * w + back, 0.05 * h),
        body.offset(root, 1.08 * w + back, 0.10 * h + droop),
        body.offset(root, 1.14 * w + back, 0.46 * h + droop),
        body.offset(root, 0.98 * w + back, 0.52 * h + droop),
        body.offset(root, 0.55 * w + back, 0.52 * h),
    ]
    canvas.add(smooth(spinous), 0.11, blur=2.2)
    canvas.stroke(smooth(spinous), 0.05, width=1.8, blur=1.2, closed=True)


def _sacrum(canvas: Canvas, first: Body, trabeculae: Grey) -> None:
    """S2 to S4 below the first segment, joined by remnants of discs, and the median crest."""
    top_front, top_back = first.lower_anterior, first.lower_posterior
    angle, width, height = first.tilt, first.width * 0.80, first.height * 0.80
    for _ in range(3):
        angle += 7.0
        turn = math.radians(angle)
        middle = between(top_front, top_back, 0.5)
        lower = (middle[0] + math.sin(turn) * height, middle[1] + math.cos(turn) * height)
        half = (width * 0.46 * math.cos(turn), -width * 0.46 * math.sin(turn))
        front, back = (lower[0] - half[0], lower[1] - half[1]), (lower[0] + half[0], lower[1] + half[1])
        segment = [top_front, top_back, back, front]
        canvas.add(smooth(segment, rounds=1), 0.25, blur=2.0, texture=0.03 * trabeculae)
        canvas.stroke([top_front, front], 0.12, width=2, blur=1.2)
        canvas.stroke([front, back], 0.10, width=2, blur=1.4)
        top_front, top_back, width, height = front, back, width * 0.80, height * 0.88
    crest = [
        first.offset(first.upper_posterior, 8, 6),
        first.offset(first.upper_posterior, 42, 30),
        first.offset(first.upper_posterior, 34, 96),
        first.offset(first.lower_posterior, 4, 40),
    ]
    canvas.add(smooth(crest), 0.13, blur=4)


def _pelvis(canvas: Canvas, sacrum: Body) -> None:
    """The iliac wings as two slightly displaced shadows behind and over the lumbosacral junction."""
    x, y = sacrum.upper_posterior
    for shift in (0.0, 13.0):
        wing = [
            (x - 118 + shift, y + 44 - shift),
            (x - 62 + shift, y - 20 - shift),
            (x + 14 + shift, y - 46 - shift),
            (x + 84 + shift, y - 14 - shift),
            (x + 96 + shift, y + 52 - shift),
            (x + 40 + shift, y + 130),
            (x - 60 + shift, y + 130),
        ]
        canvas.add(smooth(wing, rounds=3), 0.06, blur=5)
        canvas.stroke(smooth(wing[:5], rounds=3, closed=False), 0.07, width=3, blur=1.8)


def _ribs(canvas: Canvas, bodies: dict[str, Body]) -> None:
    for name, length in (("T12", 84.0), ("T11", 150.0), ("T10", 180.0)):
        body = bodies[name]
        for shift in (0.0, 9.0):
            start = body.at(0.8, 0.25)
            path = [
                (start[0] + shift, start[1] + shift),
                (start[0] - 0.10 * length, start[1] + 0.30 * length + shift),
                (start[0] - 0.42 * length, start[1] + 0.62 * length + shift),
                (start[0] - 0.95 * length, start[1] + 0.86 * length + shift),
            ]
            line = smooth(path, rounds=3, closed=False)
            canvas.stroke(line, 0.05, width=9, blur=1.6)
            canvas.stroke([(px, py + 4.5) for px, py in line], 0.05, width=1.6, blur=0.9)


def _sclerosis(canvas: Canvas, above: Body, below: Body) -> None:
    """White endplates and a thin gas line in a collapsed disc space."""
    canvas.stroke([above.at(u / 10, 0.95) for u in range(-9, 10)], 0.17, width=6, blur=2.2)
    canvas.stroke([below.at(u / 10, 0.05) for u in range(-9, 10)], 0.17, width=6, blur=2.2)
    gas = [between(above.at(u / 10, 1), below.at(u / 10, 0), 0.5) for u in range(-6, 5)]
    canvas.stroke(gas, -0.20, width=1.6, blur=0.7)


def _osteophytes(canvas: Canvas, above: Body, below: Body) -> None:
    """Beaks from the anterior corners that curve towards each other, smaller ones behind."""
    for body, v, toward, share in ((above, 0.99, 1.0, 1.0), (below, 0.01, -1.0, 0.92)):
        corner = body.at(-0.97, v)
        w = body.width * share
        beak = [
            body.at(-0.90, v - toward * 0.26),
            body.offset(corner, -0.13 * w, -toward * 0.055 * w),
            body.offset(corner, -0.27 * w, toward * 0.065 * w),
            body.offset(corner, -0.25 * w, toward * 0.115 * w),
            body.offset(corner, -0.10 * w, toward * 0.045 * w),
            body.at(-0.72, v),
        ]
        canvas.add(smooth(beak), 0.36, blur=1.0)
        canvas.stroke(smooth(beak), 0.15, width=2.0, blur=0.8, closed=True)
        rear = body.at(0.97, v)
        spur = [
            body.at(0.93, v - toward * 0.14),
            body.offset(rear, 0.10 * w, toward * 0.02 * w),
            body.at(0.75, v),
        ]
        canvas.add(smooth(spur), 0.28, blur=1.0)
        canvas.stroke([body.at(u / 10, v - toward * 0.02) for u in range(-9, 10)], 0.08, width=4, blur=1.6)


def _cortical_buckle(canvas: Canvas, body: Body) -> None:
    """The step in the anterior wall of a crushed body and the condensed bone behind it."""
    corner = body.at(-1, 0.12)
    buckle = [
        body.at(-0.85, 0.0),
        body.offset(corner, -0.11 * body.width, 0),
        body.offset(corner, -0.07 * body.width, 0.18 * body.height),
        body.at(-0.9, 0.4),
    ]
    canvas.add(smooth(buckle), 0.28, blur=1.1)
    canvas.add([body.at(-0.9, 0.2), body.at(0.6, 0.28), body.at(0.6, 0.5), body.at(-0.9, 0.55)], 0.12, blur=4)


def _lumbar_soft_tissue(canvas: Canvas) -> None:
    x, y = canvas.grid()
    back = 404 - 18 * np.cos((y - 330) / 120)
    belly = 26 + 10 * np.cos((y - 250) / 170)
    thickness = np.clip((x - belly) / 130, 0, 1) * np.clip((back - x) / 55, 0, 1)
    canvas.pixels += 0.10 + 0.46 * np.sqrt(np.clip(thickness, 0, 1))
    canvas.pixels += 0.10 * np.clip((y - 300) / 260, 0, 1) * (thickness > 0)
    canvas.pixels += 0.012 * canvas.noise(26) + 0.02 * canvas.noise(70)
    for shift in (0.0, 16.0):
        lung = [(-60.0, -60.0), (-60.0, 120 - shift), (60.0, 84 - shift), (150.0, 78 - shift)]
        lung += [
            (236.0, 122 - shift),
            (296.0, 214 - shift),
            (318.0, 226 - shift),
            (326.0, 150.0),
            (330.0, -60.0),
        ]
        canvas.add(smooth(lung, rounds=2), -0.085, blur=4)
    for _ in range(int(canvas.rng.integers(4, 8))):
        centre = (float(canvas.rng.uniform(34, 118)), float(canvas.rng.uniform(215, 450)))
        rx, ry = float(canvas.rng.uniform(10, 26)), float(canvas.rng.uniform(8, 17))
        gas = ellipse(centre, rx, ry, angle=float(canvas.rng.uniform(0, 3)))
        canvas.add(gas, -0.13, blur=4)
        canvas.stroke(gas, 0.025, width=2, blur=2, closed=True)
