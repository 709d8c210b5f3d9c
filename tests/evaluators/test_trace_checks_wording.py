"""Checks of traces against wordings that are easily misread: figures of speech, abbreviations, lists, negations."""

from __future__ import annotations

from typing import Any

import pytest

from spinebench.evaluators.trace_checks import check_trace
from spinebench.records import Task
from tests.audited_traces import audited

DX: dict[str, Any] = {"modality": "MRI", "metadata": {"view": "sagittal"}}
LOCAL: dict[str, Any] = {
    **DX,
    "task": Task.LOCALIZATION,
    "gold": ("L4/L5",),
    "levels": ("L4/L5",),
    "region": "lumbar",
}
LUMBOSACRAL: dict[str, Any] = {**LOCAL, "gold": ("L5/S1",), "levels": ("L5/S1",)}
LEFT: dict[str, Any] = {
    "gold": ("Left neural foraminal stenosis",),
    "options": (
        "Right neural foraminal stenosis",
        "Healthy",
        "Left neural foraminal stenosis",
        "Osteophytes",
    ),
    "metadata": {"side": "left"},
}

# Text, item, and the verdict that each check has to come to; a check that is not named must not contradict.
CASES: dict[str, tuple[str, dict[str, Any], dict[str, str]]] = {
    "the article is no letter": ("Thus the answer is a slip of L4.", DX, {}),
    "an article behind choice": ("The final choice is a matter of alignment.", DX, {}),
    "a letter that is one": ("Thus, the correct answer is A.", DX, {"conclusion": "contradicts"}),
    "a letter in brackets": ("In summary the answer is (A) spurs.", DX, {"conclusion": "contradicts"}),
    "vitamin": ("Vitamin C has no role; the slip decides.", DX, {}),
    "the rest is normal": ("Therefore the rest of the spine is normal.", DX, {}),
    "the spine is normal": ("I would therefore conclude that the spine is normal.", DX, {"conclusion": "contradicts"}),
    "incidental": ("Most likely osteophytes are incidental; the key is the slip.", DX, {}),
    "a level heads the line": ("L2-L3: no stenosis.\nL4-L5: severe stenosis.", LOCAL, {"level": "agrees"}),
    "a wrong level heads it": ("1. L1-L2: normal.\n2. L2-L3: severe collapse.", LOCAL, {"level": "contradicts"}),
    "free of": ("The L5-S1 disc is free of herniation.", LOCAL, {"level": "not_stated"}),
    "ruled out in the next clause": ("I considered L5-S1 stenosis but ruled it out; L4-L5 is narrow.", LOCAL, {}),
    "spares": ("Degenerative change spares L5-S1.", LOCAL, {}),
    "a question": ("Stenosis at L2-L3? Not convincing.", LOCAL, {}),
    "nothing": ("Herniated disc at L4-5 and nothing at L3-4.", LOCAL, {}),
    "sequences are no level": (
        "T1/T2 weighted signal is reduced in the bulging L4-L5 disc.", LOCAL, {"level": "agrees"}),
    "T2 sequence": (
        "On this sagittal T2 image the L4-L5 disc is dark.", LOCAL, {"level": "agrees", "modality": "agrees"}),
    "lumbosacral junction": ("The lumbosacral junction is severely narrowed.", LUMBOSACRAL, {"level": "agrees"}),
    "written together": ("The L5S1 disc is collapsed.", LUMBOSACRAL, {"level": "agrees"}),
    "between two vertebrae": ("The disc between L5 and S1 is collapsed.", LUMBOSACRAL, {"level": "agrees"}),
    "between two others": ("The disc between L2 and L3 is collapsed.", LUMBOSACRAL, {"level": "contradicts"}),
    "left with": ("The patient is left with a narrowed foramen on the left side.", LEFT, {"side": "agrees"}),
    "the right answer": ("The right answer is narrowing of the left foramen.", LEFT, {"side": "agrees"}),
    "the image's right": ("On the image's right side there is narrowing.", LEFT, {"side": "not_stated"}),
    "the viewer's right": ("On the viewer's right side the left foramen is narrowed.", LEFT, {}),
    "the right": ("Narrowing is seen on the right.", LEFT, {"side": "contradicts"}),
    "a diameter is no view": ("The AP diameter is reduced on this sagittal image.", DX, {"view": "agrees"}),
    "axial loading": ("Axial loading causes slip. The sagittal image shows it.", DX, {"view": "agrees"}),
    "unlike the CT": ("Unlike the CT, the MRI shows soft tissue.", DX, {}),
    "CT junction": ("The CT junction is normal.", DX, {}),
    "a CT": ("This CT scan shows a slip.", DX, {"modality": "contradicts"}),
    "words in quotation marks": (
        'The phrase "as an AI language model" does not apply to me.', DX, {"persona": "agrees"}),
    "a surgeon": (
        "The patient should see a spine surgeon. A neurologist should evaluate it.", DX, {"persona": "agrees"}),
    "cannot interpret": ("I'm unable to interpret medical images.", DX, {"persona": "contradicts"}),
    "to be confirmed": ("A radiologist should confirm this finding.", DX, {"persona": "contradicts"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "item", "wanted"), CASES.values(), ids=CASES)
def test_wording(text: str, item: dict[str, Any], wanted: dict[str, str]) -> None:
    options = "D" if item.get("task") is Task.LOCALIZATION else "C"
    text += f"\n\nMy final option{'s' if options == 'D' else ''}: [{options}]"
    found: dict[str, str] = {one.name: one.verdict for one in check_trace(audited(text, **item))}
    assert {name: found[name] for name in wanted} == wanted
    others = {name for name, verdict in found.items() if verdict == "contradicts" and name not in wanted}
    assert others == set()
