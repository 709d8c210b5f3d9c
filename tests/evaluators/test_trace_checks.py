"""Deterministic checks of traces: what agrees, what contradicts, and what must not trip them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.audit_records import TraceCheck
from spinebench.evaluators.trace_checks import check_trace
from spinebench.records import ImageRef, Task
from tests.audited_traces import audited

END = "\n\nMy final option: [C]"
LOCAL: dict[str, Any] = {
    "task": Task.LOCALIZATION,
    "gold": ("L4/L5",),
    "levels": ("L4/L5",),
    "region": "lumbar",
}


def check(name: str, text: str, **more: Any) -> TraceCheck:
    found = {one.name: one for one in check_trace(audited(text, **more))}
    return found[name]  # type: ignore[index]


CONCLUSION: dict[str, tuple[str, str, dict[str, Any]]] = {
    # text, verdict, item. Options: A Osteophytes, B Healthy, C Spondylolisthesis, D Foraminal, E Canal stenosis.
    "therefore": ("L4 has slipped. Therefore, the diagnosis is spondylolisthesis." + END, "agrees", {}),
    "a synonym": ("L4 has moved. This is consistent with anterolisthesis." + END, "agrees", {}),
    "a letter": ("L4 has slipped. Thus option C fits best." + END, "agrees", {}),
    "with a rejected one": ("Overall this is spondylolisthesis rather than osteophytes." + END, "agrees", {}),
    "the others ruled out": (
        "The findings are consistent with spondylolisthesis. Osteophytes, canal stenosis and foraminal stenosis are "
        "ruled out." + END, "agrees", {}),
    "another option": ("There are spurs. Therefore, the diagnosis is osteophytes." + END, "contradicts", {}),
    "another's synonym": ("Overall, the findings are consistent with lateral recess stenosis." + END, "contradicts",
                          {"options": ("Subarticular Stenosis", "Healthy", "Spondylolisthesis", "Osteophytes")}),
    "another letter": ("The discs look alike. Therefore option A is correct." + END, "contradicts", {}),
    "the chosen denied": ("Alignment is kept. In conclusion, there is no spondylolisthesis." + END, "contradicts", {}),
    "healthy": ("Everything is fine. Overall, the spine is healthy." + END, "contradicts", {}),
    "normal of a part": ("Overall, the normal curve is kept and the canal is normal in width." + END, "not_stated", {}),
    "the last one counts": (
        "At first: therefore osteophytes. But L4 has slipped; thus the diagnosis is spondylolisthesis." + END,
        "agrees", {}),
    "a differential": ("The differential diagnosis includes osteophytes and a slip." + END, "not_stated", {}),
    "secondary": ("Overall, osteophytes are also seen as a secondary change." + END, "not_stated", {}),
    "none concluded": ("There are small osteophytes. Vertebra L4 lies ahead of L5." + END, "not_stated", {}),
    "option list": ("Options: A: Osteophytes, B: Healthy, C: Spondylolisthesis." + END, "not_stated", {}),
    "only the answer": ("My final option: [C]", "not_stated", {}),
    "no answer": ("Therefore the picture is hard to read.", "not_stated", {}),
    "shuffled options": ("Therefore, the diagnosis is spondylolisthesis.\n\nMy final option: [A]", "agrees",
                         {"permutation": (2, 0, 1, 3, 4)}),
    "answer first": ("My final option: [C]\n\nL4 has slipped, hence the diagnosis of spondylolisthesis is clear.",
                     "agrees", {}),
    "native reasoning": ("My final option: [C]", "contradicts",
                         {"reasoning": "Spurs everywhere. Therefore the diagnosis is osteophytes."}),
    "markdown": ("**Conclusion:** the diagnosis is **Osteophytes**." + END, "contradicts", {}),
    "not only": ("Therefore it is not only likely: the diagnosis is spondylolisthesis." + END, "agrees", {}),
    "a list of denials": ("Therefore, no osteophytes, foraminal stenosis or canal stenosis explain it." + END,
                          "not_stated", {}),
    "levels": ("Therefore, L4/L5 is the affected level.\n\nMy final options: [D]", "agrees", LOCAL),
    "levels, some": ("Thus L4-5 is most severely narrowed.\n\nMy final options: [D, E]", "agrees", LOCAL),
    "levels, another": ("Therefore, the affected level is L2/L3.\n\nMy final options: [D]", "contradicts", LOCAL),
    "levels, one denied": ("Overall L4/L5 is affected, L5/S1 is not.\n\nMy final options: [D]", "agrees", LOCAL),
}  # fmt: skip


@pytest.mark.parametrize(("text", "verdict", "item"), CONCLUSION.values(), ids=CONCLUSION)
def test_conclusion(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("conclusion", text, **item)
    assert found.verdict == verdict, found
    if verdict == "contradicts":
        assert found.quote
        assert found.quote in text or found.quote in item["reasoning"]


def test_conclusion_of_an_ungraded_trace() -> None:
    assert check("conclusion", "Therefore spondylolisthesis." + END, scored=False).verdict == "not_stated"


LEVEL: dict[str, tuple[str, str, dict[str, Any]]] = {
    "the level": ("The L4-L5 disc is clearly narrowed.", "agrees", LOCAL),
    "another spelling": ("At L4/5 the disc bulges.", "agrees", LOCAL),
    "another level": ("The L2/L3 disc is clearly narrowed.", "contradicts", LOCAL),
    "one too many": ("L4/L5 is narrowed. L2/L3 is narrowed.", "contradicts", LOCAL),
    "others are normal": ("L1/L2, L2/L3 and L3/L4 are normal. L4/L5 is narrowed.", "agrees", LOCAL),
    "others are denied": ("There is no stenosis at L3/L4. L4/L5 is narrowed.", "agrees", LOCAL),
    "compared with": ("L4/L5 is narrowed compared with L3/L4.", "agrees", LOCAL),
    "counted": (
        "Counting from the sacrum, L5/S1 is the lowest disc; L4/L5 above it is narrowed.",
        "not_stated",
        LOCAL,
    ),
    "a range": ("L1-L5 show degeneration.", "not_stated", LOCAL),
    "a list of options": ("Options: A: L1/L2, B: L2/L3, C: L3/L4.", "not_stated", LOCAL),
    "supposed": ("If L3/L4 were narrowed, it would be darker.", "not_stated", LOCAL),
    "none": ("The disc is narrowed.", "not_stated", LOCAL),
    "another region": ("C5/C6 is narrowed.", "contradicts", LOCAL),
    "region only": ("L3/L4 is narrowed.", "agrees", {"region": "lumbar"}),
    "region only, another": ("C3/C4 is narrowed.", "contradicts", {"region": "lumbar"}),
    "region only, junction": ("T12/L1 is collapsed.", "agrees", {"region": "lumbar"}),
    "nothing known": ("C3/C4 is narrowed.", "not_stated", {}),
    "metadata": ("L3/L4 is narrowed.", "contradicts", {"metadata": {"Level": "L4-L5"}}),
    "diagnosis, one more": (
        "L4/L5 is narrowed, L3/L4 is degenerated.",
        "agrees",
        {"metadata": {"level": ["L4/L5"]}},
    ),
}


@pytest.mark.parametrize(("text", "verdict", "item"), LEVEL.values(), ids=LEVEL)
def test_level(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("level", text, **item)
    assert found.verdict == verdict, found


LEFT: dict[str, Any] = {"metadata": {"side": "left"}}
SIDE: dict[str, tuple[str, str, dict[str, Any]]] = {
    "the side": ("The left neural foramen is narrowed.", "agrees", LEFT),
    "the other": ("There is stenosis on the right.", "contradicts", LEFT),
    "sided": ("A right-sided disc herniation.", "contradicts", LEFT),
    "the other is normal": ("The right foramen is normal; the left foramen is narrowed.", "agrees", LEFT),
    "the other is denied": ("No stenosis on the right. The left recess is narrowed.", "agrees", LEFT),
    "both": ("Bilateral stenosis on the right and on the left.", "not_stated", LEFT),
    "side of the picture": ("On the right side of the image the recess is narrowed.", "not_stated", LEFT),
    "right as correct": ("The right answer is a narrowed canal, right at this level.", "not_stated", LEFT),
    "from a label": ("The right neural foramen is narrowed.", "contradicts",
                     {"metadata": {"condition": "left_neural_foraminal_narrowing"}}),
    "from the gold": ("The left neural foramen is narrowed.\nMy final option: [B]", "contradicts",
                      {"options": ("Left foraminal stenosis", "Right foraminal stenosis"),
                       "gold": ("Right foraminal stenosis",)}),
    "nothing known": ("Stenosis on the right.", "not_stated", {}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "verdict", "item"), SIDE.values(), ids=SIDE)
def test_side(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("side", text, **item)
    assert found.verdict == verdict, found


MRI: dict[str, Any] = {"modality": "MRI"}
XRAY: dict[str, Any] = {"modality": "X-ray"}
MODALITY: dict[str, tuple[str, str, dict[str, Any]]] = {
    "this MRI": ("This sagittal T2-weighted MRI shows a dark disc.", "agrees", MRI),
    "the radiograph": ("The lateral radiograph shows a slip.", "agrees", XRAY),
    "X-ray for MRI": ("This X-ray shows a slip.", "contradicts", MRI),
    "MRI for X-ray": ("The provided MRI image shows a slip.", "contradicts", XRAY),
    "is an": ("The image is a CT scan of the spine.", "contradicts", MRI),
    "at the beginning": ("Sagittal MRI of the lumbar spine shows a slip.", "contradicts", XRAY),
    "weighting": ("On this T2-weighted image the disc is dark.", "contradicts", XRAY),
    "not an MRI": ("This is not an MRI, so the cord cannot be seen.", "not_stated", XRAY),
    "an MRI would": ("An MRI would show the roots better. The MRI would be decisive.", "not_stated", XRAY),
    "MRI needed": ("Recommend an MRI of the lumbar spine.", "not_stated", XRAY),
    "cannot exclude on X-ray": ("Soft tissue cannot be excluded on the X-ray.", "not_stated", XRAY),
    "gold standard": ("MRI is the gold standard for this question.", "not_stated", XRAY),
    "in general": ("MRI typically shows oedema.", "not_stated", XRAY),
    "nothing known": ("This MRI shows a slip.", "not_stated", {}),
    "nothing said": ("The disc is narrow.", "not_stated", MRI),
    "MR": ("This MRI shows a slip.", "agrees", {"modality": "MR"}),
    "DX": ("This MRI shows a slip.", "contradicts", {"modality": "DX"}),
}


@pytest.mark.parametrize(("text", "verdict", "item"), MODALITY.values(), ids=MODALITY)
def test_modality(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("modality", text, **item)
    assert found.verdict == verdict, found


SAGITTAL: dict[str, Any] = {"metadata": {"series_description": "Sagittal T2/STIR"}}
VIEW: dict[str, tuple[str, str, dict[str, Any]]] = {
    "sagittal": ("This sagittal T2-weighted MRI shows a dark disc.", "agrees", SAGITTAL),
    "midsagittal": ("The midsagittal image shows a dark disc.", "agrees", SAGITTAL),
    "axial": ("This axial image shows a narrow canal.", "contradicts", SAGITTAL),
    "axial elsewhere": ("Axial images would show the recess.", "not_stated", SAGITTAL),
    "axial pain": ("The patient has axial back pain and a lateral recess.", "not_stated", SAGITTAL),
    "lateral recess": ("The lateral recess on this image is narrow.", "not_stated", SAGITTAL),
    "not axial": ("This is not an axial image.", "not_stated", SAGITTAL),
    "lateral film": ("The lateral radiograph shows a slip.", "agrees", {"metadata": {"view": "LA"}}),
    "frontal film": ("This AP radiograph shows a curve.", "contradicts", {"metadata": {"view": "lateral"}}),
    "AP": ("This anteroposterior view shows a curve.", "agrees", {"metadata": {"projection": "AP"}}),
    "from the plane": ("This axial slice shows a narrow canal.", "contradicts",
                       {"images": (ImageRef(path="a.nii", plane="sagittal"),)}),
    "from the question": ("This axial image shows a narrow canal.", "contradicts",
                          {"question": "What does this lateral lumbar radiograph show?"}),
    "two views": ("The sagittal image shows it. The axial image shows it too.", "agrees",
                  {"question": "What does this axial T2-weighted MRI with a sagittal scout image show?"}),
    "nothing known": ("This axial image shows it.", "not_stated", {}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "verdict", "item"), VIEW.values(), ids=VIEW)
def test_view(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("view", text, **item)
    assert found.verdict == verdict, found


PERSONA: dict[str, tuple[str, str, dict[str, Any]]] = {
    "in role": ("L4 has slipped." + END, "agrees", {}),
    "as an AI": ("As an AI, I see a slip." + END, "contradicts", {}),
    "a language model": ("I'm a large language model." + END, "contradicts", {}),
    "by name": ("I am Gemini and read this as a slip." + END, "contradicts", {}),
    "consult": ("Please consult a qualified healthcare professional." + END, "contradicts", {}),
    "see a doctor": ("You should see your doctor about this." + END, "contradicts", {}),
    "no substitute": ("This is not a substitute for professional medical advice." + END, "contradicts", {}),
    "to be reviewed": ("It should be reviewed by a board-certified radiologist." + END, "contradicts", {}),
    "no doctor": ("I am not a medical doctor." + END, "contradicts", {}),
    "the prompt repeated": (
        "I will not mention being an AI, nor tell anyone to see a physician." + END,
        "agrees",
        {},
    ),
    "a surgeon's next step": (
        "I would order an MRI and discuss surgery with the patient." + END,
        "agrees",
        {},
    ),
    "what the patient did": (
        "The patient had seen a doctor; he did consult a neurologist." + END,
        "agrees",
        {},
    ),
    "only thought": ("<think>As an AI I must stay in role.</think>L4 has slipped." + END, "agrees", {}),
    "no role": ("As an AI, I see a slip." + END, "not_stated", {"persona": "none"}),
    "German": ("Als KI kann ich das nicht." + END, "contradicts", {}),
    "empty": ("", "not_stated", {}),
}


@pytest.mark.parametrize(("text", "verdict", "item"), PERSONA.values(), ids=PERSONA)
def test_persona(text: str, verdict: str, item: dict[str, Any]) -> None:
    found = check("persona", text, **item)
    assert found.verdict == verdict, found


def test_always_all_six_in_one_order() -> None:
    for text in ("", "x", END, "The disc is narrow." + END):
        assert [one.name for one in check_trace(audited(text))] == [
            "conclusion", "level", "side", "view", "modality", "persona",
        ]  # fmt: skip


@given(st.text(max_size=200), st.text(max_size=40))
def test_any_text_gives_checks_with_quotes_of_it(text: str, reasoning: str) -> None:
    trace = audited(text, reasoning=reasoning, **{**LOCAL, **MRI})
    for one in check_trace(trace):
        assert one.quote is None or one.quote in text or one.quote in reasoning


@pytest.mark.parametrize(
    "text",
    ["the " * 25_000, "therefore " * 10_000, "L4/L5 narrowed, " * 6_000, "this sagittal " * 7_000,
     "the provided the mri " * 5_000, "the lateral lumbar " * 5_000, "x" * 100_000,
     "\n" * 100_000, "consult a " * 10_000, "of the image " * 8_000, "." * 100_000, "a, " * 30_000],
    ids=lambda text: repr(text[:8]),
)  # fmt: skip
def test_hostile_length_ends_soon(text: str) -> None:
    """No assertion on time: patterns that are not linear would run into the time limit of the test."""
    assert len(check_trace(audited(text + END, **{**MRI, **SAGITTAL, "region": "lumbar"}))) == 6
