"""Reports as models write them, with the place of every sentence known by construction.

`«F»` stands for a sentence of the imaging findings, `«D»` of the diagnosis, `«P»` and `«S»` of the treatment for
patient and physician, `«T»` of a treatment without audience, `«R»` of risk and prognosis, `«O»` of postoperative
management, `«X»` of rationale and disclaimer; `«I»` stands before the first heading, `«U»` in a part that belongs to
none. A digit after the letter only makes the sentence another; `fdpstroxiu` are the same in Chinese.
`«RO»` stands under a heading that names both.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ENGLISH = {
    "F": "The L4/5 disc is extruded to the left, 9 mm, with a dark T2 signal",
    "D": "Lumbar disc herniation with an L5 radiculopathy is most likely",
    "P": "Your leg pain comes from a nerve that is being pressed; please keep moving",
    "S": "Tubular microdiscectomy at L4/5, flavectomy, 2 g cefazolin before incision",
    "T": "Six weeks of physiotherapy, then microdiscectomy if there is no relief",
    "R": "Recurrence in 5 to 10 %, dural tear in 2 %; a good result in nine of ten",
    "O": "Out of bed on the first day; wound check after 10 days; ODI at 6 weeks",
    "X": "Straight leg raising at 40 degrees fits the image; a physician has to decide",
    "I": "Here is what I can say about the case that you sent",
    "U": "Nothing of this belongs to one of the sections",
}
CHINESE = {
    "f": "腰4/5椎间盘向左后突出约9毫米",
    "d": "考虑腰椎间盘突出症伴左侧腰5神经根受压",
    "p": "您的腿痛来自受压的神经,请保持适度活动",
    "s": "通道下腰4/5髓核摘除,切皮前头孢唑林2克",
    "t": "物理治疗六周,无缓解则行髓核摘除",
    "r": "复发率约百分之五至十,多数病人效果良好",
    "o": "次日下床,十天后查看切口",
    "x": "直腿抬高四十度阳性与影像相符,最终由医生决定",
    "i": "以下是对该病例的回答",
    "u": "这一段不属于任何部分",
}
PLACES: dict[str, tuple[str, str | None]] = {
    "F": ("findings", None), "D": ("diagnosis", None), "P": ("treatment", "patient"), "S": ("treatment", "physician"),
    "T": ("treatment", None), "R": ("prognosis", None), "O": ("postoperative", None), "X": ("rationale", None),
}  # fmt: skip
_MARK = re.compile("«([A-Za-z]+)([0-9]?)»")


@dataclass(frozen=True)
class ReportCase:
    """A text and, for each of its sentences, the sections (and audience) in whose body it stands."""

    text: str
    places: dict[str, frozenset[tuple[str, str | None]]]
    preamble: frozenset[str]
    unassigned: frozenset[str]


def case(template: str) -> ReportCase:
    """The case of a template."""
    places: dict[str, frozenset[tuple[str, str | None]]] = {}
    preamble, unassigned = set(), set()

    def sentence(match: re.Match[str]) -> str:
        letters, digit = match.groups()
        text = {**ENGLISH, **CHINESE}[letters[0]] + (f" ({digit})" if digit else "")
        kinds = letters.upper()
        if kinds == "I":
            preamble.add(text)
        elif kinds == "U":
            unassigned.add(text)
        else:
            places[text] = frozenset(PLACES[kind] for kind in kinds)
        return text

    return ReportCase(_MARK.sub(sentence, template), places, frozenset(preamble), frozenset(unassigned))
