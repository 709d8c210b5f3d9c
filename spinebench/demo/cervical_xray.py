"""Drawn lateral radiographs of the cervical spine in its four curvatures."""

from __future__ import annotations

import numpy as np
from PIL import Image

from spinebench.demo.anatomy import Body, Shape, build
from spinebench.demo.canvas import Canvas, Grey, Point, ellipse, smooth
from spinebench.demo.film import develop, film_body

_CERVICAL = ("T2", "T1", "C7", "C6", "C5", "C4", "C3", "C2")


_FACE = (
    (-214.0, -300.0),
    (-206.0, -90.0),
    (-218.0, -44.0),
    (-196.0, 6.0),
    (-176.0, 34.0),
    (-96.0, 42.0),
    (-40.0, 46.0),
    (96.0, 40.0),
    (190.0, -22.0),
    (250.0, -110.0),
    (262.0, -300.0),
)
"""Soft outline of the head, from the forehead over the chin to the back, in pixels from the top of C2."""


CURVATURES = {
    "cervical Lordosis": (26.0, 23.0, 16.0, 8.0, -1.0, -10.0, -17.0, -20.0),
    "Straight cervical vertebrae": (17.0, 12.0, 8.0, 7.0, 7.0, 7.0, 7.0, 7.0),
    "cervical Kyphosis": (6.0, 0.0, -6.0, -3.0, 7.0, 19.0, 28.0, 31.0),
    "sigmoid cervical vertebrae": (27.0, 24.0, 16.0, 2.0, -8.0, 0.0, 16.0, 24.0),
}
"""Tilt of the axis of T2 up to C2 in degrees, by curvature label; see `anatomy` for the sign."""


def cervical(disease: str, rng: np.random.Generator) -> Image.Image:
    """A lateral cervical radiograph with one of the four curvatures of `CURVATURES`."""
    canvas = Canvas(432, 528, rng)
    tilts = [t + float(rng.uniform(-1.2, 1.2)) for t in CURVATURES[disease]]
    shape = Shape(
        names=_CERVICAL,
        tilts=tilts,
        heights=[34.0, 33.0, 31.0, 29.0, 28.0, 28.0, 28.5, 33.0],
        widths=[45.0, 45.0, 44.0, 42.5, 41.0, 40.0, 39.0, 37.0],
        discs=[0.0, 9.0, 11.0, 11.0, 11.0, 10.5, 10.0, 9.0],
    )
    lean = {
        "cervical Kyphosis": -22.0,
        "sigmoid cervical vertebrae": 14.0,
        "Straight cervical vertebrae": 8.0,
    }
    bodies = build((236.0 + lean.get(disease, 20.0), 508.0), shape)
    by_name = {body.name: body for body in bodies}
    trabeculae = 0.55 * canvas.noise(3.2) + 0.45 * canvas.noise(9)
    _neck_soft_tissue(canvas, bodies)
    _skull(canvas, by_name["C2"])
    for body in bodies:
        _cervical_arch(canvas, body)
    for body in bodies[:-1]:
        film_body(canvas, body, 0.30, trabeculae)
    _axis_and_atlas(canvas, by_name["C2"], trabeculae)
    return develop(canvas, exposure=1.45)


def _neck_soft_tissue(canvas: Canvas, bodies: list[Body]) -> None:
    x, y = canvas.grid()
    rows = np.array([body.at(0, 0.5)[1] for body in reversed(bodies)])
    middles = np.array([body.at(0, 0.5)[0] for body in reversed(bodies)])
    axis = np.interp(y[:, 0], rows, middles)[:, None]
    jaw_line = bodies[-1].at(0, 0)[1]
    # Shoulders widen the shadow below; the neck is narrow in the middle of the film.
    spread = np.clip((y - 385) / 120, 0, 1) ** 1.5
    front = axis - 86 - 120 * spread
    back = axis + 128 + 90 * spread + 22 * np.clip((150 - y) / 150, 0, 1)
    thickness = np.clip((x - front) / 34, 0, 1) * np.clip((back - x) / 60, 0, 1)
    thickness *= np.clip((y - jaw_line + 60) / 60, 0, 1)
    face = [(axis[0, 0] + dx, jaw_line + dy) for dx, dy in _FACE]
    head = canvas.mask(smooth(face, rounds=3), blur=7)
    thickness = np.maximum(thickness, 0.8 * head)
    canvas.pixels += 0.07 + 0.40 * np.sqrt(thickness) + 0.30 * spread * np.sqrt(thickness)
    canvas.pixels += 0.012 * canvas.noise(24) + 0.012 * canvas.noise(60)
    airway = [body.offset(body.at(-1, 0.5), -15 - 1.2 * (7 - i), 0) for i, body in enumerate(bodies)]
    wall = [body.offset(body.at(-1, 0.5), -34 - 1.0 * (7 - i), 0) for i, body in enumerate(bodies)]
    canvas.add(smooth([*airway, *reversed(wall)]), -0.24, blur=2.6)
    hyoid = bodies[5].offset(bodies[5].at(-1, 0.4), -52, 0)
    canvas.stroke([hyoid, (hyoid[0] + 22, hyoid[1] - 8)], 0.22, width=5, blur=1.4)


def _skull(canvas: Canvas, axis: Body) -> None:
    """Base of the skull, occiput and mandible above and before the axis."""
    x, y = axis.at(0, 0)
    occiput = ellipse((x + 50, y - 148), 165, 108, angle=0.12)
    canvas.add(occiput, 0.26, blur=3)
    canvas.stroke(occiput, 0.24, width=7, blur=1.6, closed=True)
    jaw = [
        (x - 172, y - 26),
        (x - 168, y + 14),
        (x - 120, y + 20),
        (x - 62, y - 2),
        (x - 44, y - 74),
        (x - 62, y - 78),
        (x - 84, y - 34),
        (x - 130, y - 26),
    ]
    for shift in (0.0, 7.0):
        moved = smooth([(px - shift, py + shift) for px, py in jaw], rounds=3)
        canvas.add(moved, 0.17, blur=1.8)
        canvas.stroke(moved, 0.09, width=2.2, blur=1.0, closed=True)
    palate = [(x - 178, y - 84), (x - 92, y - 88), (x - 70, y - 104), (x - 90, y - 150), (x - 176, y - 140)]
    canvas.add(smooth(palate, rounds=3), 0.13, blur=4)
    canvas.stroke([(x - 170, y - 88), (x - 84, y - 92)], 0.16, width=3, blur=1.4)
    for tooth in range(6):
        cx, crown = x - 172 + 15 * tooth, y - 52 + 0.8 * tooth
        canvas.add(
            smooth([(cx, crown), (cx + 12, crown), (cx + 10, y - 18), (cx + 4, y - 18)]), 0.22, blur=1.0
        )
        canvas.add(
            smooth([(cx + 5, y - 90), (cx + 9, y - 90), (cx + 13, crown - 2), (cx, crown - 2)]),
            0.22,
            blur=1.0,
        )


def _cervical_arch(canvas: Canvas, body: Body) -> None:
    w, h = body.width, body.height
    root = body.at(1, 0.35)
    pillar = [
        body.offset(root, 0.02 * w, -0.28 * h),
        body.offset(root, 0.36 * w, -0.60 * h),
        body.offset(root, 0.52 * w, 0.42 * h),
        body.offset(root, 0.16 * w, 0.66 * h),
    ]
    canvas.add(smooth(pillar), 0.15, blur=1.4)
    canvas.stroke(smooth(pillar), 0.09, width=1.8, blur=0.8, closed=True)
    lamina = body.offset(root, 0.86 * w, 0.32 * h)
    reach = {"C2": 1.75, "C7": 2.05, "T1": 2.1, "T2": 2.0}.get(body.name, 1.45)
    deep = {"C2": 0.95, "C7": 0.75, "T1": 0.85, "T2": 0.95}.get(body.name, 0.60)
    spinous: list[Point] = [
        body.offset(root, 0.30 * w, 0.02 * h),
        body.offset(lamina, 0.0, -0.30 * h),
        body.offset(root, (reach - 0.12) * w, 0.22 * h + (deep - 0.3) * h),
        body.offset(root, (reach + 0.06) * w, 0.34 * h + (deep - 0.3) * h),
        body.offset(root, reach * w, 0.74 * h + (deep - 0.3) * h),
        body.offset(root, (reach - 0.16) * w, 0.76 * h + (deep - 0.3) * h),
        body.offset(lamina, 0.0, 0.44 * h),
        body.offset(root, 0.40 * w, 0.30 * h),
    ]
    canvas.add(smooth(spinous), 0.17, blur=1.5)
    canvas.stroke(smooth(spinous), 0.09, width=1.8, blur=0.9, closed=True)
    line = [body.offset(lamina, 0.0, -0.22 * h), body.offset(lamina, -0.05 * w, 0.30 * h)]
    canvas.stroke(line, 0.16, width=2.2, blur=0.9)


def _axis_and_atlas(canvas: Canvas, axis: Body, trabeculae: Grey) -> None:
    """C2 with its dens, the anterior tubercle and the posterior arch of C1."""
    w, h = axis.width, axis.height
    top = axis.at(-0.05, 0)
    outline = [
        axis.at(-1, 1.0),
        axis.at(-1.0, 0.45),
        axis.offset(top, -0.30 * w, -0.15 * h),
        axis.offset(top, -0.24 * w, -1.02 * h),
        axis.offset(top, 0.02 * w, -1.18 * h),
        axis.offset(top, 0.24 * w, -0.95 * h),
        axis.offset(top, 0.30 * w, -0.10 * h),
        axis.at(1.0, 0.35),
        axis.at(1.0, 0.98),
    ]
    canvas.add(smooth(outline), 0.32, blur=1.4, texture=0.03 * trabeculae)
    canvas.stroke(smooth(outline), 0.13, width=2.2, blur=0.9, closed=True)
    canvas.stroke(axis.lower_endplate(), 0.13, width=2.2, blur=0.9)
    tubercle = ellipse(axis.offset(top, -0.50 * w, -0.78 * h), 0.15 * w, 0.30 * h)
    canvas.add(tubercle, 0.30, blur=1.2)
    canvas.stroke(tubercle, 0.12, width=2, blur=0.8, closed=True)
    arch = [
        axis.offset(top, 0.55 * w, -0.62 * h),
        axis.offset(top, 1.55 * w, -0.50 * h),
        axis.offset(top, 1.90 * w, -0.30 * h),
        axis.offset(top, 1.55 * w, -0.12 * h),
        axis.offset(top, 0.60 * w, -0.32 * h),
    ]
    canvas.add(smooth(arch), 0.20, blur=1.4)
    canvas.stroke(smooth(arch), 0.10, width=1.8, blur=0.9, closed=True)
