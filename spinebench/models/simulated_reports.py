"""Writes the reports and consultation replies of a simulated examinee around the item's key facts.

Every departure is planted: a fact left out, told a level off, told on the other side, a section left out. What is
written about it is padding: nothing is read from an image, and nothing is meant as advice.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence

from spinebench.models.simulated_profiles import SimProfile
from spinebench.records import Item
from spinebench.terms import LEVELS

_LEVEL = re.compile(r"(?<![A-Za-z0-9])L[1-5]\s?/\s?(?:L[2-5]|S1)(?![A-Za-z0-9])")
"""Not by `\\b`: a level between Chinese characters has no edge of a word."""
_SIDE = re.compile(r"\b(left|right)\b|[左右]", re.IGNORECASE)
_OTHER = {"left": "right", "right": "left", "Left": "Right", "Right": "Left", "左": "右", "右": "左"}

_ENGLISH = {
    "findings": (
        "Structured imaging findings",
        ("{facts} Alignment and marrow are otherwise without note.", "On the images: {facts}"),
    ),
    "diagnosis": (
        "AI-assisted diagnosis",
        ("The findings fit the complaint. {lead} A tumour or an infection is less likely.",),
    ),
    "patient": (
        "Treatment recommendations: patient guidance",
        (
            "Most people get better with movement and pain relief. Come back at once with weakness or numbness.",
            "Stay active, avoid bed rest, and tell us if walking becomes harder.",
        ),
    ),
    "physician": (
        "Treatment recommendations: physician plan",
        (
            "Six weeks of conservative treatment; decompression if a deficit appears or pain persists.",
            "Physiotherapy first. Surgery by a minimally invasive route if that fails; open decompression in reserve.",
        ),
    ),
    "prognosis": (
        "Risk and prognosis",
        ("Good in most cases. Review after six weeks.", "Low risk; recurrence within a year is possible."),
    ),
    "postoperative": (
        "Postoperative management",
        ("If operated: walking on the first day, no lifting for six weeks.", "Not applicable at present."),
    ),
    "rationale": (
        "Rationale and disclaimer",
        (
            "This rests on the case as told and the images shown. It is a simulated text and no medical advice.",
        ),
    ),
}
_CHINESE = {
    "findings": ("结构化影像学表现", ("{facts} 其余序列及骨质未见明显异常。",)),
    "diagnosis": ("AI辅助诊断", ("影像与症状相符。{lead} 肿瘤或感染可能性较小。",)),
    "patient": ("治疗建议：患者版", ("多数患者经活动和止痛后好转，如出现无力或麻木请立即就诊。",)),
    "physician": ("治疗建议：医生版", ("先行六周保守治疗，如出现神经功能缺损则考虑减压手术。",)),
    "prognosis": ("风险与预后", ("总体预后良好，六周后复查。",)),
    "postoperative": ("术后管理", ("如行手术，术后第一天下床活动，六周内避免负重。",)),
    "rationale": ("依据与免责声明", ("依据病史及所示影像，仅为模拟文本，不构成医疗建议。",)),
}
_REPLIES = {
    "en": (
        "Thank you for telling me. How long has it been like this, and does anything make it worse?",
        "That fits a problem with a disc or a nerve. Weakness, or trouble with bladder or bowel, would be urgent.",
        "You may go on with light work. Please come back in two weeks, sooner if it gets worse.",
    ),
    "zh": (
        "谢谢您告诉我。这种情况持续多久了，什么会加重？",
        "这可能与椎间盘或神经有关。如出现无力或大小便困难，请立即就医。",
        "可以做轻体力工作，两周后复诊，如加重请提前来。",
    ),
}


def simulated_report(item: Item, profile: SimProfile, rng: random.Random) -> str:
    """A report with every section but those that the profile leaves out, headed by the profile's habit."""
    chinese = (item.language or "").startswith("zh")
    facts = [told for fact in _facts(item) if (told := _told(fact, profile, rng)) is not None]
    lead = facts[0] if facts else ("未见明确异常。" if chinese else "No clear abnormality.")
    bold = rng.random() < profile.variety
    parts = []
    for heading, wordings in (_CHINESE if chinese else _ENGLISH).values():
        wording = rng.choice(wordings).format(facts=" ".join(facts) or lead, lead=lead)
        if rng.random() >= profile.section_missing:
            parts.append(f"**{heading}**\n{wording}" if bold else f"## {heading}\n{wording}")
    return "\n\n".join(parts)


def simulated_turn(item: Item, number: int, rng: random.Random) -> str:
    """The reply to a turn of a consultation, counted from 0."""
    replies: Sequence[str] = _REPLIES["zh" if (item.language or "").startswith("zh") else "en"]
    return replies[number] if number < len(replies) else rng.choice(replies)


def _facts(item: Item) -> Sequence[str]:
    if item.case is not None and item.case.key_facts:
        return [fact if fact[-1:] in {".", "。"} else f"{fact}." for fact in item.case.key_facts]
    return [item.reference] if item.reference else []


def _told(fact: str, profile: SimProfile, rng: random.Random) -> str | None:
    """The fact as the model tells it; None where it misses it. Always four draws."""
    missed, off, up, swapped = rng.random(), rng.random(), rng.random(), rng.random()
    if missed < profile.fact_missed:
        return None
    if off < profile.fact_level_off:
        step = 1 if up < 0.5 else -1
        fact = _LEVEL.sub(lambda found: _next_level(found.group(), step), fact)
    if swapped < profile.fact_side_swapped:
        fact = _SIDE.sub(lambda found: _OTHER.get(found.group(), found.group()), fact)
    return fact


def _next_level(level: str, step: int) -> str:
    name = level.replace(" ", "")
    if name not in LEVELS:  # L2/L4: no disc
        return level
    place = LEVELS.index(name)
    return LEVELS[place + step if 0 <= place + step < len(LEVELS) else place - step]
