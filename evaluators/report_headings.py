"""Which section of a report a heading names, in English or Chinese, and for whom a treatment is written."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class ReportSection(StrEnum):
    """The sections of a generated report. Treatment has two audiences, so that there are six to write."""

    FINDINGS = "findings"
    DIAGNOSIS = "diagnosis"
    TREATMENT = "treatment"
    PROGNOSIS = "prognosis"
    POSTOPERATIVE = "postoperative"
    RATIONALE = "rationale"


class Audience(StrEnum):
    """For whom a part of the treatment is written."""

    PATIENT = "patient"
    PHYSICIAN = "physician"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a heading names."""

    sections: tuple[ReportSection, ...] = ()
    """In the order named; several for a heading such as `Risks and follow-up`."""
    audience: Audience | None = None
    sure: bool = True
    """False where only a keyword was found in a longer heading."""
    exact: bool = True
    """False where the heading says more than that, e.g. `Diagnosis: disc herniation`."""
    plain: bool = False
    """True where the audience is named by its noun alone (`Patient`), as many other lines are."""

    @property
    def known(self) -> bool:
        return bool(self.sections) or self.audience is not None


UNKNOWN = Meaning()
LONGEST = 120
"""Characters of a heading: longer lines are sentences."""

_SIMPLIFIED = str.maketrans(
    "現學輔診斷療議風險與預後術據責聲見醫評復隨訪檢結構報說並發處圖參計劃論護導應觀顯級專業徵測進釋擬範",
    "现学辅诊断疗议风险与预后术据责声见医评复随访检结构报说并发处图参计划论护导应观显级专业征测进释拟范",
)
_CAMEL = re.compile(r"(?<=[a-z])(?=[A-Z])")
_ASIDE = re.compile(r"[(\[{]([^()\[\]{}]*)[)\]}]")
_BETWEEN = re.compile(r"\s*(?:[,;:/|+&、，；：]|\s[-–—]+\s|[–—]|\band\b|\bor\b|与|和|以及|及|或)\s*")
_NO_WORD = re.compile(r"[^\w\s]|_")
_LEADING = (
    r"(?:(?:the|a|an|our|your|my|its|this|with|some|structured|key|main|detailed|relevant|primary|principal|overall|"
    r"summary|of|ai|assisted|aided|computer|artificial|intelligence|model|based|generated|clinical|preliminary|final|"
    r"initial|provisional|suggested|proposed|recommended|comprehensive|potential|possible|expected|likely|most|"
    r"integrated|systematic|evidence|individualized|personalized|tailored|short|long|term|general|specific) )*"
)
_TRAILING = r"(?: (?:section|report|summary|overview|statement|note|notes|continued|cont))?"
_PLAN = (
    r"(?: (?:plans?|planning|recommendations?|options?|advice|strategy|strategies|approach|approaches|suggestions?|"
    r"guidance|guidelines?|considerations?|proposal|pathway|decisions?|management))?"
)
_CARE = (
    r"(?: (?:managements?|care|plan|protocol|instructions?|rehabilitation|rehab|follow up|recovery|course|guidance|"
    r"monitoring|advice|recommendations?|schedule|phase|program|programme|considerations?|pathway|precautions?))*"
)
_ENGLISH: dict[ReportSection, str] = {
    ReportSection.FINDINGS: (
        r"(?:(?:imaging|images?|radiologic(?:al)?|radiology|radiographic|mri|mr|ct|x ray|xray)(?: imaging)?"
        r"(?: (?:findings?|reports?|descriptions?|interpretation|analysis|observations?|features|appearances?|results?|"
        r"evaluation|assessment|review|reading|studies))*|findings?|diagnostic imaging(?: findings?)?|observations?)"
    ),
    ReportSection.DIAGNOSIS: (
        r"(?:diagnos[ei]s|diagnostic (?:assessment|impression|conclusions?|considerations?|opinion|evaluation|summary)|"
        r"(?:differential|working|primary|radiologic(?:al)?|imaging|admission) diagnos[ei]s|"
        r"(?:radiologic(?:al)? )?impressions?|assessment)"
    ),
    ReportSection.TREATMENT: (
        rf"(?:(?:treatments?|therapy|therapies|therapeutic|management|surgical|operative|surgery){_PLAN}|"
        r"recommendations?|plan|(?:plan of care|care plan))"
    ),
    ReportSection.PROGNOSIS: (
        r"(?:(?:risks?|prognos[ei]s|prognostic|outcomes?|outlook|complications?|safety)"
        r"(?: (?:assessment|stratification|evaluation|analysis|management|factors?|profile|prediction|"
        r"considerations?|outlook|warnings?|disclosure))*)"
    ),
    ReportSection.POSTOPERATIVE: (
        rf"(?:(?:post ?operative|post ?op|post ?surgical|post ?surgery|post ?procedural|post ?treatment|perioperative)"
        rf"{_CARE}|(?:follow up|followup|rehabilitation|rehab|recovery|discharge){_CARE}|aftercare|"
        r"after (?:the |your )?(?:surgery|operation|procedure))"
    ),
    ReportSection.RATIONALE: (
        r"(?:(?:clinical |diagnostic |medical )?(?:rationales?|reasoning|justifications?|explanations?)|"
        r"(?:medical |legal |ai )?disclaimers?|evidence(?: base| basis)?|supporting evidence|limitations?|references?|"
        r"basis(?: of (?:diagnosis|decision))?)"
    ),
}
_CHINESE_LEADING = (
    r"(?:(?:结构化|主要|综合|临床|初步|最终|人工智能|智能|ai|本例|具体|详细|个体化|循证|建议|关键) ?)*"
)
_CHINESE: dict[ReportSection, str] = {
    ReportSection.FINDINGS: (
        r"(?:(?:影像(?:学|检查|资料)?|放射学?|mri|ct|x线|磁共振)(?:检查)?(?:的)?(?:表现|所见|描述|报告|发现|结果|分析|"
        r"特征|征象|检查|解读|评估)?|(?:检查)?所见|检查结果)"
    ),
    ReportSection.DIAGNOSIS: (
        r"(?:(?:辅助|初步|影像(?:学)?|鉴别|临床|主要|最终|可能)?诊断(?:意见|结论|结果|印象|分析|评估|考虑|建议)?|印象|"
        r"诊断性评估)"
    ),
    ReportSection.TREATMENT: (
        r"(?:(?:治疗|处理|诊疗|处置|手术|管理)(?:建议|方案|意见|计划|推荐|策略|原则|选择|措施)?|建议)"
    ),
    ReportSection.PROGNOSIS: (
        r"(?:(?:手术|治疗)?(?:风险|预后|并发症|转归)(?:评估|管理|分析|判断|提示|因素|告知|预测|防治|预防)*)"
    ),
    ReportSection.POSTOPERATIVE: (
        r"(?:(?:术后|手术后|围手术期)(?:管理|处理|康复|随访|护理|注意事项|恢复|指导|计划|方案|建议|锻炼)*|"
        r"(?:随访|康复|复查)(?:计划|建议|指导|训练|管理|方案|安排)*)"
    ),
    ReportSection.RATIONALE: (
        r"(?:(?:推理|诊断|临床|决策|循证|分析|治疗)?(?:依据|推理|理由|推理过程|论证)|免责(?:声明|说明|条款)?|声明|"
        r"局限性?|说明|参考文献)"
    ),
}
_EXACT = {
    section: re.compile(
        f"{_LEADING}{_ENGLISH[section]}{_TRAILING}|{_CHINESE_LEADING}{_CHINESE[section]}(?:部分)?"
    )
    for section in ReportSection
}
_KEYWORDS = {
    ReportSection.FINDINGS: r"findings?|imaging|images?|radiolog\w*|影像|所见",
    ReportSection.DIAGNOSIS: r"diagnos\w+|differentials?|诊断",
    ReportSection.TREATMENT: r"treatments?|therap\w+|recommend\w*|治疗",
    ReportSection.PROGNOSIS: r"risks?|prognos\w+|outcomes?|outlook|complications?|风险|预后",
    ReportSection.POSTOPERATIVE: r"post ?op(?:erative)?|follow up|rehabilitation|recovery|术后|随访|康复",
    ReportSection.RATIONALE: r"rationale|reason(?:s|ed|ing)|disclaimer|limit(?:s|ations?)|免责|依据",
}
_KEYWORD = re.compile(
    r"(?:\b|(?<=[\u4e00-\u9fff]))(?:"
    + "|".join(f"(?P<{section}>{words})" for section, words in _KEYWORDS.items())
    + ")"
)
_OF = re.compile(r" (?:for|of|behind|based on|in|by|from|to|about|regarding) ")
_MOST_WORDS = 9

_PATIENT = r"(?:patients?|lay ?persons?|laymen|lay|患者|病人|患方)"
_PHYSICIAN = (
    r"(?:physicians?|doctors?|clinicians?|surgeons?|providers?|professionals?|specialists?|medical teams?|"
    r"临床医生|医生|医师|医务人员|专业人员|临床)"
)
_AUDIENCE_END = (
    r"(?: ?(?:facing|version|guidance|friendly|oriented|directed|level|education|instructions?|advice|summary|plan|"
    r"recommendations?|explanation|counsell?ing|focused|communication|版本?|端|向|部分|建议|指导|教育|告知|说明|沟通|方案|计划|说明书?|的))*"
)
_AUDIENCES = {
    audience: re.compile(
        rf"(?:(?:for|to|aimed at|addressed to) (?:the |your )?|面向|针对|给|致)?{noun}{_AUDIENCE_END}"
    )
    for audience, noun in ((Audience.PATIENT, _PATIENT), (Audience.PHYSICIAN, _PHYSICIAN))
}
_BARE = re.compile(f"{_PATIENT}|{_PHYSICIAN}")


@lru_cache(maxsize=4096)
def read_heading(label: str) -> Meaning:
    """What a heading without its marks and numbers names; `UNKNOWN` where it names nothing of a report."""
    if not label or len(label) > LONGEST:
        return UNKNOWN
    text = unicodedata.normalize("NFKC", _CAMEL.sub(" ", label)).translate(_SIMPLIFIED).casefold()
    asides = " / ".join(_ASIDE.findall(text))
    outside = _ASIDE.sub(" ", text)
    sections, audience, bare, exact = _parts(outside)
    if asides:
        more, other, other_bare, _ = _parts(asides)
        sections = sections or more
        audience, bare = (audience, bare) if audience else (other, other_bare)
    if sections or audience:
        found = tuple(dict.fromkeys(sections))
        if audience and found and found != (ReportSection.TREATMENT,):
            audience = None
        return Meaning(found, audience, exact=exact, plain=bare and not found)
    guess = _keyword(_words(outside))
    return UNKNOWN if guess is None else Meaning((guess,), sure=False, exact=False)


def _words(text: str) -> str:
    return " ".join(_NO_WORD.sub(" ", text.replace("'", "").replace("’", "")).split())


def _parts(text: str) -> tuple[list[ReportSection], Audience | None, bool, bool]:
    """Sections and audience named by the parts of a heading, whether by its noun alone, and whether by all parts."""
    sections: list[ReportSection] = []
    audience: Audience | None = None
    bare, exact = False, True
    whole = _words(text)
    named = _section(whole)
    for part in [whole] if named else filter(None, map(_words, _BETWEEN.split(text))):
        for one, pattern in _AUDIENCES.items():
            match = pattern.match(part) or pattern.search(part)
            if match is not None:
                audience, bare = audience or one, bool(_BARE.fullmatch(part))
                part = " ".join((part[: match.start()] + " " + part[match.end() :]).split())
                break
        if not part:
            continue
        section = _section(part)
        if section is not None:
            sections.append(section)
        elif audience is not None and not sections:
            return [], None, False, False
        else:
            exact = False
    return sections, audience, bare, exact


def _section(part: str) -> ReportSection | None:
    return next((section for section, pattern in _EXACT.items() if pattern.fullmatch(part)), None)


def _keyword(words: str) -> ReportSection | None:
    """By keyword: of `imaging-based diagnosis` the last, of `rationale for treatment` what stands before `for`."""
    if len(words.split()) > _MOST_WORDS:
        return None
    for part in (_OF.split(words, maxsplit=1)[0], words):
        found = [match.lastgroup for match in _KEYWORD.finditer(part)]
        if found and found[-1]:
            return ReportSection(found[-1])
    return None
