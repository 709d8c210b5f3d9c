"""What the drawn radiographs share: the shadow of a vertebral body, and the developed film."""

from __future__ import annotations

import numpy as np
from PIL import Image

from spinebench.demo.anatomy import Body
from spinebench.demo.canvas import Canvas, Grey


def film_body(canvas: Canvas, body: Body, density: float, trabeculae: Grey) -> None:
    """A body's shadow: trabecular bone, cortical rim, both endplates."""
    outline = body.outline()
    canvas.add(outline, density, blur=1.6, texture=0.035 * trabeculae)
    canvas.stroke(outline, 0.10, width=2.4, blur=0.9, closed=True)
    canvas.stroke(body.upper_endplate(), 0.19, width=2.4, blur=0.9)
    canvas.stroke(body.lower_endplate(), 0.19, width=2.4, blur=0.9)
    # The far rim of each endplate is projected a little beside the near one.
    far = [body.at(2 * t - 1, 0.06 + 0.10 * (1 - (2 * t - 1) ** 2)) for t in (i / 10 for i in range(11))]
    canvas.stroke(far, 0.06, width=1.5, blur=1.0)


def develop(canvas: Canvas, *, exposure: float) -> Image.Image:
    """Characteristic curve, vignette, collimation edges and grain."""
    x, y = canvas.grid()
    radius = np.hypot((x - canvas.width / 2) / canvas.width, (y - canvas.height / 2) / canvas.height)
    canvas.pixels = 1 - np.exp(-exposure * np.clip(canvas.pixels, 0, None) ** 1.35)
    canvas.pixels *= 1 - 0.55 * np.clip(radius - 0.33, 0, 1) ** 1.2
    inside = np.ones_like(canvas.pixels)
    for distance in (x - 7, canvas.width - 8 - x, y - 7, canvas.height - 8 - y):
        inside *= np.clip(distance / 2.5, 0, 1)
    canvas.pixels *= 0.12 + 0.88 * inside
    return canvas.image(grain=0.012)
