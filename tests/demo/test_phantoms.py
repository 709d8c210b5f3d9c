from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray
from pydantic import ValidationError

from spinebench.demo import Phantom, View, sagittal
from spinebench.demo.anatomy import Body
from spinebench.demo.cervical_xray import CURVATURES
from spinebench.demo.lumbar_xray import lumbar_bodies
from spinebench.demo.phantoms import DRAWN
from spinebench.terms import DISEASES, HEALTHY

AT_LEVELS = {
    "Disc space narrowing": ("L3/L4", "L4/L5"),
    "Foraminal stenosis": ("L4/L5",),
    "Subarticular Stenosis": ("L4/L5",),
    "Osteophytes": ("L2/L3",),
    "Spinal Canal Stenosis": ("L3/L4",),
    "Spondylolisthesis": ("L4/L5",),
    "Vertebral collapse": ("L2/L3",),
}
ALL = [
    Phantom(view=view, disease=disease, levels=AT_LEVELS.get(disease, ()), seed=7)
    for view, diseases in DRAWN.items()
    for disease in diseases
]


def test_every_disease_and_healthy_can_be_drawn() -> None:
    assert {disease for diseases in DRAWN.values() for disease in diseases} == {*DISEASES, HEALTHY}


@pytest.mark.parametrize("phantom", ALL, ids=lambda p: f"{p.view.value}-{p.disease}")
def test_a_phantom_is_a_labelled_rgb_picture_of_moderate_size(phantom: Phantom) -> None:
    picture = phantom.draw()
    assert picture.mode == "RGB"
    assert 480 <= max(picture.size) <= 640
    grey = np.asarray(picture.convert("L"))
    # The label: near-white strokes in the lower left corner, which no anatomy reaches at that brightness.
    assert (grey[-22:-6, 6:130] >= 215).sum() > 80
    # Something to see: dark, middle and bright parts, not one flat tone.
    assert np.percentile(grey, 98) - np.percentile(grey, 2) > 80
    assert 30_000 <= len(phantom.png()) <= 125_000


def test_the_same_record_gives_the_same_bytes_and_another_seed_others() -> None:
    phantom = Phantom(view=View.SAGITTAL_MRI, disease="Spinal Canal Stenosis", levels=("L3/L4",), seed=3)
    again = Phantom.model_validate(phantom.model_dump())
    assert phantom.png() == again.png()
    assert phantom.png() != phantom.model_copy(update={"seed": 4}).png()


@pytest.mark.parametrize(
    ("view", "disease", "levels"),
    [
        pytest.param(View.LUMBAR_XRAY, "Foraminal stenosis", ("L4/L5",), id="not-visible-in-this-view"),
        pytest.param(View.LUMBAR_XRAY, HEALTHY, ("L4/L5",), id="healthy-with-a-level"),
        pytest.param(View.LUMBAR_XRAY, "Osteophytes", (), id="no-level"),
        pytest.param(View.LUMBAR_XRAY, "Osteophytes", ("L6/S1",), id="unknown-level"),
        pytest.param(View.AXIAL_MRI, "Subarticular Stenosis", ("L1/L2",), id="not-in-the-slice"),
    ],
)
def test_what_cannot_be_drawn_is_refused(view: View, disease: str, levels: tuple[str, ...]) -> None:
    with pytest.raises(ValidationError, match="expected"):
        Phantom(view=view, disease=disease, levels=levels, seed=0)


# ---------------------------------------------------------------- the disease is where it was planted


def _lumbar(disease: str, levels: tuple[str, ...], seed: int = 5) -> dict[str, Body]:
    bodies = lumbar_bodies(disease, levels, np.random.default_rng(seed))
    return {body.name: body for body in bodies}


def _gap(above: Body, below: Body) -> float:
    return math.dist(above.at(0, 1), below.at(0, 0))


def test_a_narrowed_disc_is_less_than_half_of_a_healthy_one_and_its_neighbours_are_spared() -> None:
    sick, well = _lumbar("Disc space narrowing", ("L3/L4",)), _lumbar(HEALTHY, ())
    assert _gap(sick["L3"], sick["L4"]) < 0.5 * _gap(well["L3"], well["L4"])
    assert _gap(sick["L2"], sick["L3"]) == pytest.approx(_gap(well["L2"], well["L3"]), rel=0.05)


def test_a_collapsed_body_is_wedged_and_the_others_are_not() -> None:
    bodies = _lumbar("Vertebral collapse", ("L2/L3",))

    def front_to_back(body: Body) -> float:
        front = math.dist(body.upper_anterior, body.lower_anterior)
        return front / math.dist(body.upper_posterior, body.lower_posterior)

    assert front_to_back(bodies["L2"]) < 0.7
    assert all(front_to_back(bodies[name]) > 0.9 for name in ("L1", "L3", "L4"))


def test_a_slip_is_a_quarter_of_the_depth_at_its_level_only() -> None:
    bodies = _lumbar("Spondylolisthesis", ("L4/L5",))

    def step(above: Body, below: Body) -> float:
        angle = math.radians((above.tilt + below.tilt) / 2)
        dx = above.lower_posterior[0] - below.upper_posterior[0]
        dy = above.lower_posterior[1] - below.upper_posterior[1]
        return (dx * math.cos(angle) - dy * math.sin(angle)) / above.width

    assert step(bodies["L4"], bodies["L5"]) < -0.2
    assert abs(step(bodies["L3"], bodies["L4"])) < 0.1


@pytest.mark.parametrize(
    ("label", "upper", "lower"),
    [
        # Turn of the axis over C3 to C5 and C5 to C7, in degrees; positive = lordotic.
        pytest.param("cervical Lordosis", 1, 1, id="lordosis"),
        pytest.param("Straight cervical vertebrae", 0, 0, id="straight"),
        pytest.param("cervical Kyphosis", -1, -1, id="kyphosis"),
        pytest.param("sigmoid cervical vertebrae", -1, 1, id="sigmoid"),
    ],
)
def test_cervical_curvatures_bend_as_their_names_say(label: str, upper: int, lower: int) -> None:
    _, _, c7, _, c5, _, c3, _ = CURVATURES[label]
    for turn, sign in ((c5 - c3, upper), (c7 - c5, lower)):
        assert abs(turn) < 3 if sign == 0 else turn * sign > 8


def _bright_at(phantom: Phantom, level: str) -> int:
    """Near-white pixels around the canal behind a disc level: cerebrospinal fluid or perineural fat."""
    bodies = sagittal.bodies_of(phantom.disease, phantom.levels, np.random.default_rng(phantom.seed))
    named = {body.name: body for body in bodies}
    upper, _, lower = level.partition("/")
    x, y = named[upper].at(1, 1)
    x2, y2 = named[lower].at(1, 0)
    grey: NDArray[np.uint8] = np.asarray(phantom.draw().convert("L"))
    rows = slice(round((y + y2) / 2) - 5, round((y + y2) / 2) + 5)
    columns = slice(round((x + x2) / 2), round((x + x2) / 2) + 34)
    return int((grey[rows, columns] > 170).sum())


@pytest.mark.parametrize("level", ["L2/L3", "L3/L4", "L4/L5"])
def test_a_stenotic_canal_has_less_fluid_than_a_healthy_one_at_its_level_only(level: str) -> None:
    sick = Phantom(view=View.SAGITTAL_MRI, disease="Spinal Canal Stenosis", levels=(level,), seed=11)
    well = Phantom(view=View.SAGITTAL_MRI, disease=HEALTHY, seed=11)
    assert _bright_at(sick, level) < 0.5 * _bright_at(well, level)
    other = "L1/L2" if level == "L4/L5" else "L5/S1" if level == "L2/L3" else "L1/L2"
    assert _bright_at(sick, other) > 0.7 * _bright_at(well, other)


def test_a_stenotic_foramen_has_lost_its_fat() -> None:
    levels = ("L3/L4",)
    sick = Phantom(view=View.PARASAGITTAL_MRI, disease="Foraminal stenosis", levels=levels, seed=2)
    well = Phantom(view=View.PARASAGITTAL_MRI, disease=HEALTHY, seed=2)

    def fat(phantom: Phantom, name: str) -> int:
        bodies = sagittal.bodies_of(phantom.disease, phantom.levels, np.random.default_rng(phantom.seed))
        x, y = next(body for body in bodies if body.name == name).at(1, 0.8)
        grey: NDArray[np.uint8] = np.asarray(phantom.draw().convert("L"))
        return int((grey[round(y) - 12 : round(y) + 18, round(x) : round(x) + 22] > 170).sum())

    assert fat(well, "L3") > 60
    assert fat(sick, "L3") < 0.3 * fat(well, "L3")
    assert fat(sick, "L2") > 0.8 * fat(well, "L2")
