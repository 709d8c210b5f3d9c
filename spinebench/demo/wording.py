"""The ways the demo benchmark asks its questions."""

from __future__ import annotations

from spinebench.demo.phantoms import View

VIEW_NAMES = {
    View.LUMBAR_XRAY: "lateral lumbar radiograph",
    View.CERVICAL_XRAY: "lateral cervical radiograph",
    View.SAGITTAL_MRI: "midsagittal T2-weighted MRI of the lumbar spine",
    View.PARASAGITTAL_MRI: "parasagittal T2-weighted MRI of the lumbar spine",
    View.AXIAL_MRI: "axial T2-weighted MRI with a sagittal scout",
}

DIAGNOSIS = (
    "Which of the listed conditions does this {view} show?",
    "Look at the {view}. What is the most fitting diagnosis?",
    "Which option describes the main finding on this {view}?",
    "A {view} is put before you. Choose the diagnosis it supports best.",
    "What is the diagnosis on this {view}, or is the spine healthy?",
    "Reading this {view}, which of the options would you write as your impression?",
    "Name the condition that explains what is seen on this {view}.",
    "Given this {view}, decide between the following conditions.",
    "What would you tell the referring colleague about this {view}?",
)

LOCALIZATION = (
    "At which level or levels does this {view} show {finding}?",
    "{finding_start} is present on this {view}. Mark every level that is affected.",
    "Which of the listed levels are affected by {finding} on this {view}?",
    "This {view} was taken of a patient with {finding}. Where does it lie?",
    "Number the levels on this {view} and choose all that show {finding}.",
    "Locate {finding} on this {view}; more than one level may be involved.",
    "Where along the lumbar spine does this {view} show {finding}?",
)


def diagnosis(view: View, variant: int) -> str:
    """A diagnosis question about a view."""
    return DIAGNOSIS[variant % len(DIAGNOSIS)].format(view=VIEW_NAMES[view])


def localization(view: View, disease: str, variant: int) -> str:
    """A localization question that names the disease to be located."""
    finding = disease[0].lower() + disease[1:]
    return LOCALIZATION[variant % len(LOCALIZATION)].format(
        view=VIEW_NAMES[view], finding=finding, finding_start=finding[0].upper() + finding[1:]
    )
