"""Checks of traces against a hundred sentences in the words of radiology reports, written before the checks met them.

Hedges, negations, history, comparisons, ranges, several levels, both sides. What a reader would call a contradiction is
named; a check that is not named must not contradict. `docs/audit.md` says how many they got wrong at first sight.
"""

from __future__ import annotations

from typing import Any

import pytest

from spinebench.evaluators.trace_checks import check_trace
from spinebench.records import Task
from tests.audited_traces import audited

SAGITTAL: dict[str, Any] = {"modality": "MRI", "metadata": {"view": "sagittal"}}
AXIAL: dict[str, Any] = {"modality": "MRI", "metadata": {"view": "axial"}}
LATERAL_FILM: dict[str, Any] = {"modality": "X-ray", "metadata": {"view": "lateral"}, "region": "cervical"}
FRONTAL_FILM: dict[str, Any] = {"modality": "X-ray", "metadata": {"view": "ap"}, "region": "lumbar"}
LOCAL: dict[str, Any] = {
    **SAGITTAL,
    "task": Task.LOCALIZATION,
    "gold": ("L4/L5",),
    "levels": ("L4/L5",),
    "region": "lumbar",
}
LUMBOSACRAL: dict[str, Any] = {**LOCAL, "gold": ("L5/S1",), "levels": ("L5/S1",)}
TWO_LEVELS: dict[str, Any] = {**LOCAL, "gold": ("L3/L4", "L4/L5"), "levels": ("L3/L4", "L4/L5")}
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
RIGHT: dict[str, Any] = {"metadata": {"side": "right"}}

# Text, item, the checks that must contradict.
SENTENCES: list[tuple[str, dict[str, Any], tuple[str, ...]]] = [
    (
        "L4-5: Broad-based disc bulge with moderate central canal narrowing. L5-S1: No significant abnormality.",
        LOCAL,
        (),
    ),
    ("No appreciable disc herniation is seen from L1-2 through L3-4.", LOCAL, ()),
    (
        "At L3-4 there is perhaps a trace bulge, not felt to be significant."
        " At L4-5 a large extrusion fills the canal.",
        LOCAL,
        (),
    ),
    (
        "Status post L5-S1 discectomy in 2015 per history; the current abnormality is the L4-5 extrusion.",
        LOCAL,
        (),
    ),
    ("Compared with the prior study the L2-3 protrusion has resolved.", LOCAL, ()),
    ("The L5-S1 disc height would be decreased if this were the culprit, but it is kept.", LOCAL, ()),
    ("Multilevel spondylosis, worst at L4-5.", LOCAL, ()),
    ("L3/4 and L4/5 both show posterior disc protrusion with thecal sac indentation.", TWO_LEVELS, ()),
    ("The canal is patent from L1 down to L4; at L4-L5 it is severely stenotic.", LOCAL, ()),
    ("Disc desiccation at L2-3 is age-appropriate and clinically irrelevant.", LOCAL, ()),
    ("The L1-2, L2-3 and L3-4 discs maintain their height and signal, while L4-5 has lost both.", LOCAL, ()),
    ("There is severe spinal canal stenosis at L2-3 due to a large central extrusion.", LOCAL, ("level",)),
    ("The L5-S1 disc is collapsed with Modic changes of the endplates.", LOCAL, ("level",)),
    ("Marked narrowing at C5-6 with cord compression.", LOCAL, ("level",)),
    ("Severe foraminal stenosis L5/S1 with obliteration of the perineural fat.", LOCAL, ("level",)),
    ("Neither L3-4 nor L5-S1 shows compression of the thecal sac.", LOCAL, ()),
    ("One might suspect L5-S1 disease from the leg pain, yet the image shows stenosis at L4-5.", LOCAL, ()),
    ("Rather than L3-4, the narrowing is centred on L4-5.", LOCAL, ()),
    (
        "Transitional anatomy cannot be excluded, so the L5-S1 level may be mislabelled as stenotic.",
        LOCAL,
        (),
    ),
    ("Option B (L1/L2) would require canal compromise there, which is absent.", LOCAL, ()),
    ("The level is L3-L4: here the disc is clearly herniated.", LOCAL, ("level",)),
    ("Grade 1 anterolisthesis of L4 on L5.", LOCAL, ()),
    ("The exiting L5 root is compressed in the L5-S1 foramen.", LUMBOSACRAL, ()),
    ("There is severe left foraminal narrowing; the right foramen is capacious.", LEFT, ()),
    ("Right foramen: patent. Left foramen: severe stenosis with root impingement.", LEFT, ()),
    ("No right-sided stenosis.", LEFT, ()),
    ("The right neural foramen is severely narrowed.", LEFT, ("side",)),
    ("Stenosis is present on the right, compressing the exiting root.", LEFT, ("side",)),
    ("Both foramina are narrowed, left worse than right.", LEFT, ()),
    (
        "By radiological convention the right side of the image is the patient's left, where the stenosis lies.",
        LEFT,
        (),
    ),
    (
        "The patient complains of right-sided sciatica, but the foramen that is narrowed is the left.",
        LEFT,
        (),
    ),
    ("Narrowing R > L of the subarticular recess.", RIGHT, ()),
    ("Prior right laminotomy defect; the left foramen is encroached on by facet hypertrophy.", LEFT, ()),
    ("The left lateral recess is effaced.", RIGHT, ("side",)),
    ("It is right to say the foramen is narrowed on the left.", LEFT, ()),
    ("All that is left is to weigh osteophytes against foraminal stenosis.", RIGHT, ()),
    ("Right off the bat, the narrowed left foramen stands out.", LEFT, ()),
    ("This is a sagittal T2-weighted MR image of the lumbar spine.", SAGITTAL, ()),
    ("On this lateral radiograph, the vertebral bodies are aligned.", SAGITTAL, ("modality",)),
    ("The provided axial MRI slice shows the thecal sac.", SAGITTAL, ("view",)),
    ("An axial view would be needed to grade the recess.", SAGITTAL, ()),
    ("Correlation with CT is recommended.", SAGITTAL, ()),
    ("Unlike plain radiographs, MRI shows the discs directly.", SAGITTAL, ()),
    ("The image is a CT scan in the sagittal plane.", SAGITTAL, ("modality",)),
    ("This appears to be an anteroposterior radiograph of the neck.", LATERAL_FILM, ("view",)),
    ("Lateral cervical spine X-ray with loss of lordosis.", LATERAL_FILM, ()),
    ("Sagittal alignment is preserved on this lateral film.", LATERAL_FILM, ()),
    (
        "The sagittal balance is disturbed; curvature in the coronal plane cannot be assessed.",
        LATERAL_FILM,
        (),
    ),
    ("MRI would better show the soft tissues; on this film only bone is seen.", LATERAL_FILM, ()),
    ("The T2 hyperintense cord signal is visible on this MRI.", LATERAL_FILM, ("modality",)),
    ("Axial loading may have caused the wedge deformity.", SAGITTAL, ()),
    ("The lateral recess is narrow on this axial image.", AXIAL, ()),
    ("The lateral masses are symmetric in the frontal projection.", FRONTAL_FILM, ()),
    ("I see a frontal (AP) view with curvature of the spine.", FRONTAL_FILM, ()),
    ("The image shown is a lateral projection of the lumbar spine.", FRONTAL_FILM, ("view",)),
    ("If this were a coronal image, scoliosis could be measured.", SAGITTAL, ()),
    ("As a spine surgeon, I would call this a grade 1 slip.", SAGITTAL, ()),
    ("As an AI language model I cannot make a diagnosis.", SAGITTAL, ("persona",)),
    ("In my practice I would refer such a patient to a neurosurgeon for surgery.", SAGITTAL, ()),
    ("Please consult a qualified physician for an actual diagnosis.", SAGITTAL, ("persona",)),
    (
        "L1-L2, L2-L3, L3-L4: unremarkable. L4-L5: left paracentral protrusion abutting the descending root.",
        LOCAL,
        (),
    ),
    ("No high-grade stenosis at any level above L4-5, where the sac is squeezed.", LOCAL, ()),
    ("The previously reported L3-4 herniation is no longer evident.", LOCAL, ()),
    ("Minor facet arthropathy at L5-S1 without stenosis; the dominant lesion is at L4-5.", LOCAL, ()),
    ("There is questionable narrowing at L3-4, likely volume averaging.", LOCAL, ()),
    ("The degree of narrowing at L4-5 exceeds that at L5-S1.", LOCAL, ()),
    ("L5-S1 shows a normal-height disc, in contrast to the desiccated L4-5.", LOCAL, ()),
    ("My first impression was L2-3 stenosis; on closer look the stenosis sits at L4-5.", LOCAL, ()),
    ("In many patients of this age L5-S1 is degenerated, but not here.", LOCAL, ()),
    ("I do not see compromise of the canal at L2-L3 or L3-L4.", LOCAL, ()),
    ("L3-L4 -- disc bulge indenting the thecal sac, stenosis severe.", LOCAL, ("level",)),
    ("The most severe compression of the cauda equina is found at L1-2.", LOCAL, ("level",)),
    ("The culprit level is L5-S1, where the disc is extruded.", LOCAL, ("level",)),
    ("The T11-12 disc is herniated.", LOCAL, ("level",)),
    ("The L4/5 and L5/S1 discs are narrowed.", TWO_LEVELS, ("level",)),
    ("Postoperative change from fusion of L5-S1 limits evaluation there.", LOCAL, ()),
    ("Fat in the left foramen is obliterated, whereas on the right it is kept.", LEFT, ()),
    ("Moderate to severe left, no right foraminal stenosis.", LEFT, ()),
    ("On the right the root exits freely.", LEFT, ()),
    ("The right-sided foramen was narrowed on the outside CT, according to the vignette.", LEFT, ()),
    ("Right foraminal stenosis is the finding here.", LEFT, ("side",)),
    ("The nerve root on the left side is compressed by an osteophyte.", RIGHT, ("side",)),
    ("Left and right foramina are equally tight.", LEFT, ()),
    ("The foramen on the left is tight, so options naming the right can be struck.", LEFT, ()),
    ("Left untreated, the right recess stenosis may progress.", RIGHT, ()),
    ("Looking at the T1 sagittal sequence, marrow signal is normal.", SAGITTAL, ()),
    ("This looks like a coronal MRI.", SAGITTAL, ("view",)),
    ("We are given an X-ray of the lumbar spine.", SAGITTAL, ("modality",)),
    ("A follow-up CT myelogram could settle it.", SAGITTAL, ()),
    ("No axial images were supplied.", SAGITTAL, ()),
    ("The cross-section through the disc shows a trefoil canal on this MRI.", AXIAL, ()),
    ("The radiographic appearance is that of a slip on sagittal MRI.", SAGITTAL, ()),
    ("Lateral flexion films are not available, only this AP view.", FRONTAL_FILM, ()),
    ("The presented study is an MRI of the cervical spine.", LATERAL_FILM, ("modality",)),
    ("Coronal plane deformity is absent and the lateral view shows a straight neck.", LATERAL_FILM, ()),
    ("I'm just an AI, so my reading has limits.", SAGITTAL, ("persona",)),
    ("The AI overlay on the image was ignored.", SAGITTAL, ()),
    ("I advise that you see a doctor about this.", SAGITTAL, ("persona",)),
]

# What they are known not to see.
UNSEEN: list[tuple[str, dict[str, Any], str]] = [
    ("Given a sagittal MRI, one reads the canal from front to back.", AXIAL, "view"),
    ("This lumbar film in AP projection shows a collapsed vertebra.", LATERAL_FILM, "view"),
]


@pytest.mark.parametrize(("text", "item", "contradicting"), SENTENCES, ids=[text for text, _, _ in SENTENCES])
def test_only_what_a_reader_calls_a_contradiction_is_one(
    text: str, item: dict[str, Any], contradicting: tuple[str, ...]
) -> None:
    found = {check.name for check in check_trace(audited(text, **item)) if check.verdict == "contradicts"}
    assert found == set(contradicting)


@pytest.mark.parametrize(("text", "item", "name"), UNSEEN, ids=[text for text, _, _ in UNSEEN])
def test_what_goes_unseen_is_told_as_not_stated(text: str, item: dict[str, Any], name: str) -> None:
    verdicts: dict[str, str] = {check.name: check.verdict for check in check_trace(audited(text, **item))}
    assert verdicts[name] == "not_stated"
