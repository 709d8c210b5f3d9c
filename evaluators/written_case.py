"""A case as the model is told it, and the sections that a report is asked for, in the item's language."""

from __future__ import annotations

from spinebench.records import ClinicalCase, ImageRef, Item

_WORDS = {
    "en": {
        "history": "History",
        "examination": "Examination",
        "images": "Images, in the order in which they follow",
        "image": "Image {n}",
        "task": "Task",
        "patient": "The patient says, one after the other:",
        "unknown": "not described",
    },
    "zh": {
        "history": "病史",
        "examination": "体格检查",
        "images": "影像（按随附顺序）",
        "image": "图{n}",
        "task": "任务",
        "patient": "患者依次说：",
        "unknown": "未说明",
    },
}
_SECTIONS = {
    "en": (
        "Structured imaging findings",
        "AI-assisted diagnosis",
        "Treatment recommendations: patient guidance",
        "Treatment recommendations: physician plan",
        "Risk and prognosis",
        "Postoperative management",
        "Rationale and disclaimer",
    ),
    "zh": (
        "结构化影像学表现",
        "AI辅助诊断",
        "治疗建议：患者版",
        "治疗建议：医生版",
        "风险与预后",
        "术后管理",
        "依据与免责声明",
    ),
}
_LANGUAGES = {"en": "English", "zh": "Chinese (simplified)"}


def case_text(item: Item) -> str:
    """History, examination, what the images are, and what is asked; the parts that are not known are left out.

    Reference and key facts are never part of it.
    """
    words = _WORDS[_language(item.language)]
    case = item.case or ClinicalCase()
    parts = []
    for name, text in (("history", case.history), ("examination", case.examination)):
        if text:
            parts.append(f"{words[name]}: {text}")
    described = [_described(image) for image in item.images]
    if len(described) > 1 or any(described):
        lines = [
            f"{words['image'].format(n=number)}: {text or words['unknown']}"
            for number, text in enumerate(described, start=1)
        ]
        parts.append("\n".join([f"{words['images']}:", *lines]))
    parts.append(f"{words['task']}: {item.question}")
    return "\n\n".join(parts)


def asked_text(item: Item) -> str:
    """What the model was asked, for whoever judges: of a consultation with the patient's words, numbered."""
    if item.case is None:
        return item.question
    said = [f"{number}. {turn}" for number, turn in enumerate(item.case.turns, start=1)]
    patient = ["\n".join([_WORDS[_language(item.language)]["patient"], *said])] if said else []
    return "\n\n".join([case_text(item), *patient])


def expected_text(item: Item) -> tuple[str, ...]:
    """The reference and the key facts of free text, for whoever may see them; empty where none is known."""
    facts = item.case.key_facts if item.case is not None else ()
    return (*filter(None, [item.reference]), *facts)


def section_list(language: str | None) -> str:
    """The headings that a report is to have, one per line, as Markdown headings."""
    return "\n".join(f"## {heading}" for heading in _SECTIONS[_language(language)])


def language_name(language: str | None) -> str:
    """The language to write in, in English words."""
    return _LANGUAGES[_language(language)]


def _language(language: str | None) -> str:
    """`zh` for any Chinese, else `en`."""
    return "zh" if (language or "").split("-")[0] == "zh" else "en"


def _described(image: ImageRef) -> str:
    return ", ".join(filter(None, (image.modality, image.view, image.level)))
