"""Writes the demo benchmark: phantoms and a question file in the released pathology format."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path

from spinebench.demo import wording
from spinebench.demo.phantoms import Phantom, View
from spinebench.errors import UsageError
from spinebench.records import JsonValue
from spinebench.terms import HEALTHY, LEVELS

NAME = "demo-phantoms"

_DIAGNOSES: tuple[tuple[View, str, int], ...] = (
    (View.LUMBAR_XRAY, HEALTHY, 4),
    (View.SAGITTAL_MRI, HEALTHY, 3),
    (View.PARASAGITTAL_MRI, HEALTHY, 1),
    (View.AXIAL_MRI, HEALTHY, 2),
    (View.LUMBAR_XRAY, "Disc space narrowing", 2),
    (View.SAGITTAL_MRI, "Disc space narrowing", 1),
    (View.PARASAGITTAL_MRI, "Foraminal stenosis", 3),
    (View.AXIAL_MRI, "Subarticular Stenosis", 3),
    (View.LUMBAR_XRAY, "Osteophytes", 3),
    (View.SAGITTAL_MRI, "Spinal Canal Stenosis", 3),
    (View.LUMBAR_XRAY, "Spondylolisthesis", 2),
    (View.SAGITTAL_MRI, "Spondylolisthesis", 1),
    (View.LUMBAR_XRAY, "Vertebral collapse", 2),
    (View.SAGITTAL_MRI, "Vertebral collapse", 1),
    (View.CERVICAL_XRAY, "cervical Lordosis", 1),
    (View.CERVICAL_XRAY, "Straight cervical vertebrae", 1),
    (View.CERVICAL_XRAY, "cervical Kyphosis", 2),
    (View.CERVICAL_XRAY, "sigmoid cervical vertebrae", 1),
)
"""View, label and how often, in each round of 36 diagnosis items."""

_LOCALIZATIONS: tuple[tuple[View, str], ...] = (
    (View.LUMBAR_XRAY, "Disc space narrowing"),
    (View.SAGITTAL_MRI, "Spinal Canal Stenosis"),
    (View.PARASAGITTAL_MRI, "Foraminal stenosis"),
    (View.LUMBAR_XRAY, "Osteophytes"),
    (View.AXIAL_MRI, "Subarticular Stenosis"),
    (View.LUMBAR_XRAY, "Spondylolisthesis"),
)

DISTRACTORS: dict[View, tuple[str, ...]] = {
    View.LUMBAR_XRAY: ("Disc space narrowing", "Osteophytes", "Spondylolisthesis", "Vertebral collapse"),
    View.CERVICAL_XRAY: (
        "cervical Lordosis",
        "Straight cervical vertebrae",
        "cervical Kyphosis",
        "sigmoid cervical vertebrae",
    ),
    View.SAGITTAL_MRI: (
        "Spinal Canal Stenosis",
        "Disc space narrowing",
        "Spondylolisthesis",
        "Vertebral collapse",
        "Foraminal stenosis",
    ),
    View.PARASAGITTAL_MRI: (
        "Foraminal stenosis",
        "Spinal Canal Stenosis",
        "Spondylolisthesis",
        "Vertebral collapse",
    ),
    View.AXIAL_MRI: (
        "Subarticular Stenosis",
        "Spinal Canal Stenosis",
        "Foraminal stenosis",
        "Osteophytes",
    ),
}
"""Distractors by view: what a picture of that kind could be taken for."""


def write_demo_benchmark(folder: str | Path, *, seed: int = 0, n_items: int = 60) -> Path:
    """Draw the demo benchmark into a folder and return the path of its question file.

    Writes `demo.json` (released pathology format, three fifths diagnosis and two fifths localization),
    `demo.meta.json` (name, `simulated: true`) and `phantoms/<view>/<number>.png`. About two thirds of the
    localization items share their image with a diagnosis item. The same seed and number of items give the
    same bytes for the same versions of numpy and pillow; files of the same names are overwritten.
    Raises `UsageError` for fewer than one item or a negative seed.
    """
    if n_items < 1 or seed < 0:
        raise UsageError(
            f"demo benchmark of {n_items!r} items with seed {seed!r}: expected at least 1 item and a seed "
            "from 0; correct the numbers"
        )
    root = Path(folder)
    pictures: dict[str, Phantom] = {}
    records = _records(seed, n_items, pictures)
    for path, phantom in pictures.items():
        target = root / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(phantom.png())
    meta = {
        "name": NAME,
        "simulated": True,
        "description": (
            "Phantoms drawn by spinebench: no patient, no real image. "
            "For trying the tool out, not for measuring models."
        ),
        "seed": seed,
    }
    (root / "demo.meta.json").write_text(json.dumps(meta, indent=1) + "\n", "utf-8")
    questions = root / "demo.json"
    questions.write_text(json.dumps(records, indent=1) + "\n", "utf-8")
    return questions


def _records(seed: int, n_items: int, pictures: dict[str, Phantom]) -> list[dict[str, JsonValue]]:
    rng = random.Random(f"spinebench demo {seed}")
    n_localization = round(0.4 * n_items)
    records: list[dict[str, JsonValue]] = []
    shareable: dict[tuple[View, str], list[str]] = {}

    def place(phantom: Phantom) -> str:
        path = f"phantoms/{phantom.view.value}/{len(pictures) + 1:03d}.png"
        pictures[path] = phantom
        return path

    rounds = _rounds(rng)
    for _ in range(n_items - n_localization):
        view, disease = next(rounds)
        phantom = _phantom(view, disease, rng)
        path = place(phantom)
        shareable.setdefault((view, disease), []).append(path)
        records.append(
            {
                "image": path,
                "question": wording.diagnosis(view, rng.randrange(1000)),
                "task": "spine_disease_classification",
                "answers": disease,
                "options": _options(view, disease, rng),
                **_stated(view),
            }
        )
    for number in range(n_localization):
        view, disease = _LOCALIZATIONS[number % len(_LOCALIZATIONS)]
        shared = shareable.get((view, disease), [])
        path = shared.pop(0) if shared else place(_phantom(view, disease, rng))
        levels = list(LEVELS)
        rng.shuffle(levels)
        records.append(
            {
                "image": path,
                "question": wording.localization(view, disease, rng.randrange(1000)),
                "task": "spine_lesion_localization",
                "answers": list(pictures[path].levels),
                "options": levels,
                "disease": disease,
                **_stated(view),
            }
        )
    rng.shuffle(records)
    return records


def _stated(view: View) -> dict[str, JsonValue]:
    """Fields beyond the released ones. `simulated` on each record marks the benchmark as drawn."""
    modality = "X-ray" if view in {View.LUMBAR_XRAY, View.CERVICAL_XRAY} else "MRI"
    return {"modality": modality, "source": "phantom", "simulated": True}


def _rounds(rng: random.Random) -> Iterator[tuple[View, str]]:
    """Views and labels without end, each round shuffled."""
    while True:
        deck = [(view, disease) for view, disease, n in _DIAGNOSES for _ in range(n)]
        rng.shuffle(deck)
        yield from deck


def _phantom(view: View, disease: str, rng: random.Random) -> Phantom:
    seed = rng.getrandbits(32)
    first = rng.randrange(len(LEVELS))
    if disease == HEALTHY or view is View.CERVICAL_XRAY:
        return Phantom(view=view, disease=disease, slice_level=LEVELS[first], seed=seed)
    if disease == "Spondylolisthesis":
        first = rng.choice((2, 3, 3, 4))
    elif disease == "Vertebral collapse":
        first = rng.randrange(4)
    single = view is View.AXIAL_MRI or disease in {"Spondylolisthesis", "Vertebral collapse"}
    n = 1 if single else rng.choice((1, 2, 2))
    first = min(first, len(LEVELS) - n)
    levels = LEVELS[first : first + n]
    return Phantom(view=view, disease=disease, levels=levels, slice_level=levels[0], seed=seed)


def _options(view: View, disease: str, rng: random.Random) -> list[str]:
    """The label, `Healthy` and three other diseases; for a healthy phantom four diseases."""
    others = [label for label in DISTRACTORS[view] if label != disease]
    options = (
        [HEALTHY, disease, *rng.sample(others, 3)]
        if disease != HEALTHY
        else [HEALTHY, *rng.sample(others, 4)]
    )
    rng.shuffle(options)
    return options
