"""Writes the demo's second benchmark: knowledge questions, reports and a consultation in the native format.

The cases are made up around phantoms: no patient, no document. The knowledge questions are textbook facts.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path

from spinebench.benchmarks.native import write_native
from spinebench.demo.benchmark import DISTRACTORS
from spinebench.demo.phantoms import Phantom, View
from spinebench.records import ClinicalCase, ImageRef, Item, Task
from spinebench.terms import HEALTHY, LEVELS

NAME = "demo-cases"

_KNOWLEDGE: tuple[tuple[str, tuple[str, ...], str, str], ...] = (
    ("A posterolateral disc herniation at L4/L5 usually presses on which root?", ("L3", "L4", "L5", "S1"), "L5",
     "degenerative"),
    ("Where does the spinal cord usually end in an adult?", ("T10/T11", "L1/L2", "L4/L5", "S1/S2"), "L1/L2",
     "anatomy"),
    ("A vertebra has slipped by 30 percent of its depth. Which Meyerding grade is that?",
     ("Grade I", "Grade II", "Grade III", "Grade IV"), "Grade II", "degenerative"),
    ("Which symptom of a lumbar disc herniation calls for imaging and a decision on the same day?",
     ("Pain on coughing", "Pain below the knee", "New urinary retention", "Stiffness in the morning"),
     "New urinary retention", "emergency"),
    ("How many pairs of cervical spinal nerves are there?", ("Six", "Seven", "Eight", "Nine"), "Eight", "anatomy"),
    ("Which ligament spans neighbouring laminae?",
     ("Ligamentum flavum", "Anterior longitudinal ligament", "Posterior longitudinal ligament", "Alar ligament"),
     "Ligamentum flavum", "anatomy"),
    ("How do Modic type 1 changes look on MRI?",
     ("Low on T1, high on T2", "High on T1, high on T2", "Low on T1, low on T2", "High on T1, low on T2"),
     "Low on T1, high on T2", "degenerative"),
    ("Which vessel runs through the transverse foramina of C6 to C1?",
     ("Internal carotid artery", "Vertebral artery", "Ascending cervical artery", "Subclavian artery"),
     "Vertebral artery", "anatomy"),
)  # fmt: skip
"""Question, options, right option, subspecialty."""

_PICTURES = (
    (View.LUMBAR_XRAY, "Spondylolisthesis", "degenerative"),
    (View.SAGITTAL_MRI, "Vertebral collapse", "trauma"),
    (View.PARASAGITTAL_MRI, "Foraminal stenosis", "degenerative"),
    (View.LUMBAR_XRAY, "Osteophytes", "degenerative"),
)
_CASES = (
    (
        View.SAGITTAL_MRI,
        "Spinal Canal Stenosis",
        "degenerative",
        "Walks 200 metres before the legs grow heavy.",
    ),
    (View.PARASAGITTAL_MRI, "Foraminal stenosis", "degenerative", "Pain down one leg since the spring."),
    (
        View.SAGITTAL_MRI,
        "Vertebral collapse",
        "trauma",
        "Sudden pain after lifting a crate, osteoporosis known.",
    ),
    (View.LUMBAR_XRAY, "Spondylolisthesis", "degenerative", "Back pain on bending backwards."),
    (View.AXIAL_MRI, "Subarticular Stenosis", "degenerative", "Burning pain to the big toe."),
    (View.LUMBAR_XRAY, "Disc space narrowing", "degenerative", "Morning stiffness for two years."),
)
_ONE_SIDED = frozenset({"Foraminal stenosis", "Subarticular Stenosis"})
"""Findings whose side is made up: a phantom does not show which side is left."""
_CHINESE = {
    "Spinal Canal Stenosis": ("椎管狭窄", "行走200米后双下肢沉重。"),
    "Foraminal stenosis": ("椎间孔狭窄", "春季以来单侧下肢疼痛。"),
    "Vertebral collapse": ("椎体塌陷", "搬重物后突发疼痛，既往骨质疏松。"),
    "Spondylolisthesis": ("椎体滑脱", "后伸时腰痛。"),
    "Subarticular Stenosis": ("侧隐窝狭窄", "烧灼样疼痛放射至足拇趾。"),
    "Disc space narrowing": ("椎间隙变窄", "晨僵两年。"),
}


def write_demo_cases(folder: str | Path, *, seed: int = 0, n_reports: int = 9) -> Path:
    """Draw the cases into a folder and return the path of their file, `cases.jsonl`.

    Eight knowledge questions in text and four on a phantom, `n_reports` reports (every third in Chinese, with one or
    two images), two consultations. The same seed gives the same bytes; files of the same names are overwritten.
    """
    root = Path(folder)
    rng = random.Random(f"spinebench demo cases {seed}")
    items = [*_questions(rng, root), *_reports(rng, root, n_reports), *_consultations()]
    path = root / "cases.jsonl"
    write_native(path, items)
    meta = {"name": NAME, "simulated": True, "description": "Cases made up around drawn phantoms."}
    path.with_name("cases.meta.json").write_text(json.dumps(meta, indent=1) + "\n", "utf-8")
    return path


def _questions(rng: random.Random, root: Path) -> Iterator[Item]:
    for number, (question, options, gold, subspecialty) in enumerate(_KNOWLEDGE, start=1):
        yield Item(
            id=f"text-{number}", benchmark=NAME, task=Task.KNOWLEDGE, question=question, options=options,
            gold=(gold,), subspecialty=subspecialty, source="textbook", language="en", cluster=f"text-{number}",
        )  # fmt: skip
    for number, (view, disease, subspecialty) in enumerate(_PICTURES, start=1):
        image = _drawn(root, f"question-{number}", view, disease, rng)
        shown = [disease, *[one for one in DISTRACTORS[view] if one != disease][:3]]
        rng.shuffle(shown)
        yield Item(
            id=f"image-{number}", benchmark=NAME, task=Task.KNOWLEDGE,
            question="Which finding stands out on this image?", options=tuple(shown), gold=(disease,),
            images=(image[0],), modality=image[0].modality, subspecialty=subspecialty, source="phantom",
            language="en", cluster=f"image-{number}",
        )  # fmt: skip


def _reports(rng: random.Random, root: Path, n: int) -> Iterator[Item]:
    for number in range(1, n + 1):
        view, disease, subspecialty, history = _CASES[(number - 1) % len(_CASES)]
        chinese = number % 3 == 0
        image, level = _drawn(root, f"case-{number}", view, disease, rng)
        images = [image]
        if number % 2:
            images.append(_drawn(root, f"case-{number}b", View.AXIAL_MRI, HEALTHY, rng)[0])
        side = rng.choice(("left", "right")) if disease in _ONE_SIDED else None
        if chinese:
            named, history = _CHINESE[disease]
            where = {"left": "左侧", "right": "右侧", None: ""}[side]
            facts, question = (f"{level}{where}{named}",), "请根据病史和影像撰写完整报告。"
        else:
            fact = f"{disease} at {level}" + (f" on the {side}" if side else "")
            facts, question = (fact,), "Write the full report on this case."
        yield Item(
            id=f"report-{number}", benchmark=NAME, task=Task.REPORT, question=question, images=tuple(images),
            modality=image.modality, region="lumbar", disease=disease, source="hospital",
            subspecialty=subspecialty, reference=f"{facts[0]}.", language="zh" if chinese else "en",
            case=ClinicalCase(history=history, key_facts=facts), cluster=f"case {number}",
        )  # fmt: skip


def _consultations() -> Iterator[Item]:
    scripts = (
        ("en", "You see this patient for the first time.", ("My back has hurt for three weeks.",
         "It began when I moved house. The leg is fine.", "Do I need an operation?")),
        ("zh", "初诊患者。", ("我右腿疼了一个月。", "走路时加重，坐下就好。")),
    )  # fmt: skip
    for number, (language, question, turns) in enumerate(scripts, start=1):
        yield Item(
            id=f"consultation-{number}", benchmark=NAME, task=Task.CONSULTATION, question=question,
            source="made up", language=language, case=ClinicalCase(turns=turns), cluster=f"consultation {number}",
        )  # fmt: skip


def _drawn(root: Path, name: str, view: View, disease: str, rng: random.Random) -> tuple[ImageRef, str]:
    """A phantom on disk, and the level that it shows."""
    level = rng.choice(LEVELS[1:4])
    levels: Sequence[str] = () if disease == HEALTHY else (level,)
    phantom = Phantom(
        view=view, disease=disease, levels=tuple(levels), slice_level=level, seed=rng.getrandbits(32)
    )
    path = f"phantoms/cases/{name}.png"
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(phantom.png())
    modality = "X-ray" if view in {View.LUMBAR_XRAY, View.CERVICAL_XRAY} else "MRI"
    plane = view.value.rpartition("-")[0] or view.value
    image = ImageRef(
        path=path, modality=modality, view=plane, level=level if view is View.AXIAL_MRI else None
    )
    return image, level
