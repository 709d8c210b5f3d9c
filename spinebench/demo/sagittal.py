"""Drawn sagittal T2 slices of the lumbar spine, through the canal or through the foramina."""

from __future__ import annotations

import math

import numpy as np
from PIL import Image

from spinebench.demo.anatomy import Body, Shape, between, build, disc
from spinebench.demo.canvas import Canvas, Grey, Point, ellipse, smooth

_LUMBAR = ("S1", "L5", "L4", "L3", "L2", "L1", "T12", "T11", "T10")

_SCALE = 1.16

# T2 signal of the tissues, 0 to 1.
_MARROW, _CORTEX, _NUCLEUS, _ANNULUS = 0.44, 0.06, 0.68, 0.10
_CSF, _CORD, _FAT, _MUSCLE, _LIGAMENT = 0.92, 0.42, 0.86, 0.20, 0.07


def midline(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> Image.Image:
    """A midsagittal T2 slice: bodies, discs, thecal sac with conus and roots, one disease at its levels."""
    canvas = Canvas(448, 512, rng)
    bodies = bodies_of(disease, levels, rng)
    marrow = 0.030 * canvas.noise(3.0) + 0.022 * canvas.noise(11)
    _surroundings(canvas)
    sacral = _sacral_segments(bodies[0])
    narrowings = _narrowings(disease, levels, rng)
    _dorsal(canvas, bodies, marrow)
    _canal(canvas, bodies, sacral, narrowings)
    _column(canvas, disease, levels, bodies, marrow)
    _sacrum(canvas, sacral, marrow)
    return _slice(canvas)


def parasagittal(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> Image.Image:
    """A sagittal T2 slice through pedicles and foramina: fat around a nerve root in each open foramen."""
    canvas = Canvas(448, 512, rng)
    bodies = bodies_of(disease, levels, rng)
    marrow = 0.030 * canvas.noise(3.0) + 0.022 * canvas.noise(11)
    _surroundings(canvas)
    for above, below in zip(bodies[1:], bodies[:-1], strict=True):
        closed = disease == "Foraminal stenosis" and f"{above.name}/{below.name}" in levels
        _foramen(canvas, above, below, closed=closed)
    for body in bodies:
        _pedicle_and_joint(canvas, body, marrow)
    _column(canvas, disease, levels, bodies, marrow)
    _sacrum(canvas, _sacral_segments(bodies[0]), marrow)
    for above, below in zip(bodies[1:], bodies[:-1], strict=True):
        closed = disease == "Foraminal stenosis" and f"{above.name}/{below.name}" in levels
        _root(canvas, above, below, closed=closed)
    return _slice(canvas)


def bodies_of(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> list[Body]:
    """Bodies S1 to T10 of a slice, caudal first."""
    lordosis = rng.uniform(0.9, 1.1)
    tilts = [lordosis * t for t in (40.0, 23.0, 10.0, 1.0, -6.0, -11.0, -13.0, -12.0, -10.0)]
    heights = [41.0, 42.5, 42.5, 42.0, 41.0, 39.5, 37.5, 35.5, 34.0]
    widths = [54.0, 56.0, 55.0, 54.0, 52.5, 51.0, 48.0, 45.0, 43.0]
    discs = [0.0, 15.5, 17.0, 16.0, 14.5, 12.5, 9.5, 7.5, 6.5]
    heights = [_SCALE * h * float(rng.uniform(0.98, 1.02)) for h in heights]
    widths = [_SCALE * w for w in widths]
    discs = [_SCALE * d for d in discs]
    front: dict[str, float] = {"L5": 1.06}
    back: dict[str, float] = {"L5": 0.94}
    dents: dict[str, float] = {}
    slips: dict[str, float] = {}
    for index, name in enumerate(_LUMBAR[1:], start=1):
        if f"{name}/{_LUMBAR[index - 1]}" not in levels:
            continue
        if disease == "Disc space narrowing":
            discs[index] *= rng.uniform(0.30, 0.42)
        elif disease == "Spondylolisthesis":
            slips[name] = rng.uniform(0.26, 0.34)
        elif disease == "Vertebral collapse":
            front[name], back[name], dents[name] = rng.uniform(0.46, 0.56), 0.9, 0.17
            tilts[index + 1 :] = [t + 9.0 for t in tilts[index + 1 :]]
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
    return build((212.0 + rng.uniform(-8, 8), 438.0 + rng.uniform(-4, 4)), shape)


def _narrowings(disease: str, levels: tuple[str, ...], rng: np.random.Generator) -> dict[str, float]:
    """How far the canal is closed, 0 to 1, by level."""
    if disease != "Spinal Canal Stenosis":
        return {}
    return {level: float(rng.uniform(0.70, 0.82)) for level in levels}


def _surroundings(canvas: Canvas) -> None:
    """Air, skin fat, back muscles with streaks of fat, and the dim abdomen away from the coil."""
    x, y = canvas.grid()
    back = 386 - 20 * np.cos((y - 300) / 115) + 10 * np.clip((y - 380) / 130, 0, 1)
    inner = back - 30 - 10 * np.cos((y - 200) / 190)
    inside = np.clip((back - x) / 2.5, 0, 1)
    fat = np.clip((x - inner) / 3, 0, 1) * inside
    septa = np.clip(np.abs(canvas.noise(22)) * 3, 0, 1)
    muscle = _MUSCLE + 0.03 * canvas.noise(5)
    streaks = np.clip(canvas.noise(6, stretch=6) - 0.75, 0, 1) * 0.45
    tissue = (muscle + streaks) * (1 - fat) + (_FAT - 0.16 * (1 - septa)) * fat
    canvas.pixels += (tissue * inside).astype(np.float32)
    canvas.stroke(
        [(float(back[row, 0]) - 1, float(row)) for row in range(0, canvas.height, 6)],
        0.5,
        width=2,
        mode="cover",
    )
    # Abdomen: fat and bowel, falling off in front with distance from the surface coil.
    front = [
        (0.0, 0.0),
        (176.0, 0.0),
        (150.0, 150.0),
        (140.0, 260.0),
        (172.0, 380.0),
        (300.0, 512.0),
        (0.0, 512.0),
    ]
    canvas.cover(smooth(front), (0.42 + 0.10 * canvas.noise(18)).astype(np.float32), blur=6)
    for _ in range(9):
        centre = (float(canvas.rng.uniform(20, 130)), float(canvas.rng.uniform(60, 500)))
        loop = ellipse(
            centre,
            float(canvas.rng.uniform(14, 30)),
            float(canvas.rng.uniform(10, 22)),
            angle=float(canvas.rng.uniform(0, 3)),
        )
        canvas.cover(loop, float(canvas.rng.uniform(0.05, 0.35)), blur=2.5)
        canvas.stroke(loop, 0.55, width=2, blur=1.4, closed=True, mode="cover", opacity=0.6)


def _sacral_segments(first: Body) -> list[list[Point]]:
    """S2 to S5 as quadrilaterals (upper front, upper back, lower back, lower front), tapering backwards."""
    segments = []
    front, back = first.lower_anterior, first.lower_posterior
    angle, width, height = first.tilt, first.width * 0.84, first.height * 0.80
    for _ in range(4):
        angle += 5.0
        turn = math.radians(angle)
        gap = (math.sin(turn) * 4.0, math.cos(turn) * 4.0)
        front, back = (front[0] + gap[0], front[1] + gap[1]), (back[0] + gap[0], back[1] + gap[1])
        middle = between(front, back, 0.5)
        lower = (middle[0] + math.sin(turn) * height, middle[1] + math.cos(turn) * height)
        half = (width * 0.46 * math.cos(turn), -width * 0.46 * math.sin(turn))
        lower_front, lower_back = (
            (lower[0] - half[0], lower[1] - half[1]),
            (lower[0] + half[0], lower[1] + half[1]),
        )
        segments.append([front, back, lower_back, lower_front])
        front, back, width, height = lower_front, lower_back, width * 0.82, height * 0.86
    return segments


def _sacrum(canvas: Canvas, segments: list[list[Point]], marrow: Grey) -> None:
    for front, back, lower_back, lower_front in segments:
        outline = smooth([front, back, lower_back, lower_front], rounds=1)
        canvas.cover(outline, _MARROW + 0.03, blur=0.9, texture=marrow)
        canvas.stroke(outline, _CORTEX, width=1.8, blur=0.7, closed=True, mode="cover")


def _column(canvas: Canvas, disease: str, levels: tuple[str, ...], bodies: list[Body], marrow: Grey) -> None:
    """Discs and bodies, with the ligaments as dark lines before and behind."""
    for above, below in zip(bodies[1:], bodies[:-1], strict=True):
        here = f"{above.name}/{below.name}" in levels
        bulge = 0.13 if here and disease == "Spinal Canal Stenosis" else 0.01
        outline = disc(above, below, bulge=bulge)
        canvas.cover(outline, _ANNULUS, blur=0.9)
        dry = here and disease in {"Disc space narrowing", "Spinal Canal Stenosis"}
        centre = between(above.at(0.06, 1), below.at(0.06, 0), 0.5)
        thick = math.dist(above.at(0, 0.96), below.at(0, 0.04)) / 2
        nucleus = ellipse(
            centre, 0.33 * below.width, 0.60 * thick, angle=-math.radians((above.tilt + below.tilt) / 2)
        )
        signal = _ANNULUS + 0.06 if dry else _NUCLEUS
        canvas.cover(nucleus, signal, blur=1.8, texture=marrow)
        if not dry:
            cleft = [between(above.at(u / 10, 1), below.at(u / 10, 0), 0.5) for u in range(-3, 5)]
            canvas.stroke(cleft, 0.40, width=1.4, blur=1.0, mode="cover", opacity=0.7)
    for body in bodies:
        level = next((name for name in levels if name.startswith(f"{body.name}/")), None)
        collapsed = disease == "Vertebral collapse" and level is not None
        outline = body.outline()
        canvas.cover(outline, _MARROW + (0.10 if collapsed else 0.0), blur=0.9, texture=marrow)
        if collapsed:
            # Oedema below the broken endplate, bright on T2, and the dark line of the impaction.
            canvas.cover(
                [body.at(-0.9, 0.22), body.at(0.8, 0.30), body.at(0.8, 0.55), body.at(-0.9, 0.60)],
                0.66,
                blur=3,
                opacity=0.8,
            )
            line = [body.at(u / 10, 0.36 + 0.02 * math.cos(u)) for u in range(-8, 9)]
            canvas.stroke(line, 0.16, width=2, blur=0.9, mode="cover")
        canvas.stroke(outline, _CORTEX, width=2.0, blur=0.7, closed=True, mode="cover")
        vein = [body.at(1.0, 0.46), body.at(0.72, 0.49), body.at(0.72, 0.53), body.at(1.0, 0.58)]
        canvas.cover(vein, 0.72, blur=1.0, opacity=0.8)


def _dorsal(canvas: Canvas, bodies: list[Body], marrow: Grey) -> None:
    """Spinous processes with fat and dark ligaments between them."""
    for body in bodies[1:]:
        w, h = body.width, body.height
        root = body.at(1, 0.62)
        fat = [
            body.offset(root, 0.40 * w, -0.62 * h),
            body.offset(root, 1.12 * w, -0.50 * h),
            body.offset(root, 1.10 * w, 0.40 * h),
            body.offset(root, 0.42 * w, 0.20 * h),
        ]
        canvas.cover(smooth(fat), 0.46, blur=4, texture=3 * marrow)
    for body in bodies[1:]:
        w, h = body.width, body.height
        root = body.at(1, 0.62)
        process = [
            body.offset(root, 0.44 * w, -0.14 * h),
            body.offset(root, 0.72 * w, -0.12 * h),
            body.offset(root, 1.14 * w, 0.06 * h),
            body.offset(root, 1.18 * w, 0.44 * h),
            body.offset(root, 1.02 * w, 0.60 * h),
            body.offset(root, 0.72 * w, 0.44 * h),
            body.offset(root, 0.46 * w, 0.34 * h),
        ]
        outline = smooth(process)
        canvas.cover(outline, _MARROW - 0.04, blur=0.9, texture=marrow)
        canvas.stroke(outline, _CORTEX, width=1.8, blur=0.8, closed=True, mode="cover")
        ligament = [body.offset(root, 0.44 * w, 0.32 * h), body.offset(root, 0.42 * w, 0.80 * h)]
        canvas.stroke(ligament, _LIGAMENT, width=4, blur=1.2, mode="cover", opacity=0.8)


def _canal(
    canvas: Canvas, bodies: list[Body], sacral: list[list[Point]], narrowings: dict[str, float]
) -> None:
    """Epidural fat, thecal sac, conus and roots; at a narrow level the sac is pinched from both sides."""
    front: list[Point] = []
    back: list[Point] = []
    depth = 0.37 * bodies[2].width
    for index in range(len(bodies) - 1, -1, -1):
        body = bodies[index]
        for v in (0.0, 0.30, 0.62, 0.95):
            front.append(body.offset(body.at(1, v), 2.5, 0))
            back.append(body.offset(body.at(1, v), depth, 0))
        if index == 0:
            break
        below = bodies[index - 1]
        share = narrowings.get(f"{body.name}/{below.name}", 0.0)
        middle = between(body.at(1, 1), below.at(1, 0), 0.5)
        front.append(below.offset(middle, 2.5 + 0.55 * share * depth, 0))
        back.append(below.offset(middle, depth * (1 - 0.42 * share), 0))
        if share:
            front[-2], back[-2] = _pinched(body, body.at(1, 0.95), depth, 0.55 * share)
    for index, segment in enumerate(sacral[:2]):
        first = bodies[0]
        for share in (0.2, 0.9):
            wall = between(segment[1], segment[2], share)
            front.append(first.offset(wall, 3, 0))
            back.append(first.offset(wall, depth * (0.80 - 0.34 * (index + share)), 0))
    fat = [*front, *[(px + 7, py - 1) for px, py in reversed(back)]]
    canvas.cover(smooth(fat, rounds=1), 0.70, blur=1.2)
    sac = smooth([*front, *reversed(back)], rounds=2)
    canvas.cover(sac, _CSF, blur=0.9)
    canvas.stroke(smooth(front, closed=False), _LIGAMENT, width=1.8, blur=0.7, mode="cover")
    canvas.stroke(smooth(back, closed=False), _LIGAMENT, width=1.4, blur=0.7, mode="cover", opacity=0.8)
    _cord_and_roots(canvas, front, back)
    for level, share in narrowings.items():
        upper = next(body for body in bodies if body.name == level.partition("/")[0])
        below = bodies[bodies.index(upper) - 1]
        middle = between(upper.at(1, 1), below.at(1, 0), 0.5)
        flavum = ellipse(
            below.offset(middle, depth * (1.10 - 0.30 * share), 0),
            0.24 * depth * share + 2,
            12,
            angle=-math.radians(below.tilt),
        )
        canvas.cover(flavum, _LIGAMENT + 0.03, blur=1.2)


def _pinched(body: Body, wall: Point, depth: float, share: float) -> tuple[Point, Point]:
    return body.offset(wall, 2.5 + 0.4 * share * depth, 0), body.offset(wall, depth * (1 - 0.3 * share), 0)


def _cord_and_roots(canvas: Canvas, front: list[Point], back: list[Point]) -> None:
    end = 19  # the conus lies at L1 to L2: four bodies of five points each from the top
    left = [
        between(f, b, 0.34 + 0.20 * (i / end) ** 4)
        for i, (f, b) in enumerate(zip(front[:end], back[:end], strict=True))
    ]
    right = [
        between(f, b, 0.74 - 0.06 * (i / end) ** 4)
        for i, (f, b) in enumerate(zip(front[:end], back[:end], strict=True))
    ]
    tip = between(front[end], back[end], 0.66)
    canvas.cover(smooth([*left, tip, *reversed(right)], rounds=2), _CORD, blur=1.2)
    for share in (0.50, 0.60, 0.69, 0.77, 0.85):
        start = end - 5
        path = [between(f, b, share) for f, b in zip(front[start:-2], back[start:-2], strict=True)]
        canvas.stroke(smooth(path, closed=False), 0.46, width=1.3, blur=0.9, mode="cover", opacity=0.75)


def _foramen(canvas: Canvas, above: Body, below: Body, *, closed: bool) -> None:
    """Fat that fills the keyhole between two pedicles; with stenosis only a slit of it is left."""
    w = above.width
    top, bottom = above.at(1, 0.46), below.at(1, 0.10)
    wide = 0.30 if not closed else 0.13
    outline = [
        above.offset(top, -0.02 * w, 0),
        above.offset(top, (wide + 0.08) * w, 0.02 * w),
        above.offset(top, (wide + 0.10) * w, 0.28 * w),
        below.offset(bottom, (wide - 0.02) * w, -0.14 * w),
        below.offset(bottom, (wide - 0.06) * w, 0.0),
        below.offset(bottom, -0.02 * w, 0.0),
    ]
    canvas.cover(smooth(outline), _FAT if not closed else 0.34, blur=1.3)


def _pedicle_and_joint(canvas: Canvas, body: Body, marrow: Grey) -> None:
    """Pedicle, pars and the facets, with fat-streaked muscle left behind them."""
    w, h = body.width, body.height
    root = body.at(1, 0.26)
    arch = [
        body.at(0.8, 0.03),
        body.offset(root, 0.34 * w, -0.22 * h),
        body.offset(root, 0.38 * w, -0.50 * h),
        body.offset(root, 0.54 * w, -0.46 * h),
        body.offset(root, 0.60 * w, 0.02 * h),
        body.offset(root, 0.68 * w, 0.44 * h),
        body.offset(root, 0.66 * w, 0.78 * h),
        body.offset(root, 0.52 * w, 0.72 * h),
        body.offset(root, 0.42 * w, 0.24 * h),
        body.at(0.8, 0.46),
    ]
    outline = smooth(arch)
    canvas.cover(outline, _MARROW - 0.02, blur=0.9, texture=marrow)
    canvas.stroke(outline, _CORTEX, width=2.0, blur=0.8, closed=True, mode="cover")


def _root(canvas: Canvas, above: Body, below: Body, *, closed: bool) -> None:
    """The nerve root high in the foramen; flattened, with disc and facet against it, where it is closed."""
    w = above.width
    if closed:
        bulge = below.offset(between(above.at(1, 1), below.at(1, 0), 0.5), 0.06 * w, -2)
        canvas.cover(ellipse(bulge, 0.13 * w, 0.17 * w), _ANNULUS, blur=1.2)
        facet = above.offset(above.at(1, 0.86), 0.36 * w, 0)
        canvas.cover(ellipse(facet, 0.17 * w, 0.30 * w, angle=0.1), 0.15, blur=1.6)
        canvas.cover(
            ellipse(above.offset(above.at(1, 0.66), 0.14 * w, 0), 0.10 * w, 0.045 * w), 0.30, blur=1.0
        )
        return
    centre = above.offset(above.at(1, 0.68), 0.16 * w, 0)
    canvas.cover(ellipse(centre, 0.085 * w, 0.095 * w), 0.33, blur=1.0)
    canvas.cover(ellipse(above.offset(centre, -0.06 * w, 0.20 * w), 0.03 * w, 0.05 * w), 0.12, blur=0.9)


def _slice(canvas: Canvas) -> Image.Image:
    """Fall-off of the surface coil towards the front, and noise."""
    x, y = canvas.grid()
    coil = 0.13 + 0.95 / (1 + np.exp(-(x - 128) / 26))
    coil *= 1 - 0.25 * ((y - canvas.height / 2) / (canvas.height / 2)) ** 2
    canvas.pixels = np.clip(canvas.pixels * coil, 0, 1.05)
    return canvas.image(grain=0.010)
