"""What a wording has to be to be used for any image: it tells nothing about the answer, and asks what it should."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Final

from spinebench.benchmarks.near_texts import exact_form, near_texts
from spinebench.builder.vocabulary import Vocabulary
from spinebench.evaluators.level_naming import named_levels
from spinebench.records import Task
from spinebench.terms import DISEASES, HEALTHY, fold

LENGTHS: Final = {"en": (20, 300), "zh": (8, 120)}
"""Characters of a wording, fewest and most."""

_CHINESE_NAMES: Final[dict[str, tuple[str, ...]]] = {
    HEALTHY: ("健康", "正常", "未见异常", "无异常"),
    "Disc space narrowing": ("椎间隙狭窄", "椎间隙变窄"),
    "Foraminal stenosis": ("椎间孔狭窄", "神经孔狭窄"),
    "Subarticular Stenosis": ("关节突下狭窄", "侧隐窝狭窄"),
    "Osteophytes": ("骨赘", "骨刺"),
    "Spinal Canal Stenosis": ("椎管狭窄",),
    "Spondylolisthesis": ("滑脱", "滑移"),
    "Straight cervical vertebrae": ("颈椎变直", "曲度变直", "生理曲度消失"),
    "Vertebral collapse": ("椎体塌陷", "压缩性骨折", "压缩骨折"),
    "cervical Kyphosis": ("后凸", "反弓"),
    "cervical Lordosis": ("前凸",),
    "sigmoid cervical vertebrae": ("S形", "S型"),
}
"""Usual Chinese names of the pathology benchmark's labels: its vocabulary has English ones only."""
_DISEASE_WORDS: Final = {
    "en": re.compile(
        r"\b(?:stenos\w*|narrow(?:ing|ed)|herniat\w*|protru\w*|extru\w*|bulg\w*|listhes[ie]s|spondyl\w*|"
        r"(?:retro|antero)listh\w*|slip(?:page|ped)|osteophyt\w*|spurs?|kypho\w*|lordo\w*|scolio\w*|"
        r"fractur\w*|collapse[ds]?|degenerat\w*|modic|compress(?:ion|ed)|impinge\w*|tumou?rs?|metasta\w*|"
        r"infect\w*|healthy|normal|abnormal\w*|no findings?)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "狭窄|变窄|突出|膨出|脱出|滑脱|滑移|骨赘|骨刺|后凸|前凸|反弓|侧弯|变直|骨折|塌陷|退变|退行|压缩|压迫|肿瘤|"
        "转移|感染|健康|正常|异常"
    ),
}
"""Words that name a disease, or say that there is one or none, whatever the vocabulary."""
_KIND_OF_IMAGE: Final = {
    "en": re.compile(
        r"\b(?:mri?|mr|magnetic|x-?rays?|radiogra\w*|ct|tomogra\w*|t[12]|stir|sagittal|axial|coronal|"
        r"lateral|frontal|ap|cervical|thoracic|sacral|neck|female|male|woman|man)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        r"磁共振|核磁|(?i:mri?|ct|x\s*[线光])|平片|断层|矢状|轴位|横断|冠状|侧位|正位|颈|胸椎|骶椎|男|女"
    ),
}
"""Modality, view, region or person: right for some images only, and a hint at what they may show."""
_LUMBAR: Final = {"en": re.compile(r"\blumb\w*|\blow(?:er)? back\b", re.IGNORECASE), "zh": re.compile("腰")}
_ANY_NUMBER: Final = {
    "en": re.compile(
        r"\b(?:one or (?:more|several)|at least one|any number of|however many|how many(?:ever)?|none, one)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(
        "一个或多个|一个或几个|一处或多处|至少一个|至少一处|无论几个|不论几个|不限数量|不论多少"
    ),
}
"""Leaves the number open: not counted as telling it."""
_NUMBER: Final = {
    "en": re.compile(
        r"\d|\b(?:two|three|four|five|six|seven|both|several|multiple|many|few|pair|couple|only one|a single|"
        r"more than one|plural)\b",
        re.IGNORECASE,
    ),
    "zh": re.compile(r"[0-9０-９]|[两二三四五六七]|多[个处发]|数[个处]|几[个处]|仅[有一]|单[个处发]|不止"),
}
_ONE: Final = {
    "en": re.compile(r"\b(?:one|single|best|most)\b", re.IGNORECASE),
    "zh": re.compile("一[项个种]|最|单选|哪[项个种]"),
}
_ALL: Final = {
    "en": re.compile(
        r"\b(?:all|every|each|any)\b|\bone or (?:more|several)\b|\bat least one\b", re.IGNORECASE
    ),
    "zh": re.compile("所有|全部|每[个一处]|哪些|凡|各个|逐一|一个或多个|一处或多处|至少一[个处]"),
}
_LEVEL_CODE: Final = re.compile(r"(?<![^\W_])[CTLS]\s?-?\d{1,2}(?!\d)", re.IGNORECASE)
"""A level's short name, where the reader of levels in texts takes it for something else for want of context."""
_WORDS: Final = re.compile(r"[^\W_]+")
_LEVEL: Final = {
    "en": re.compile(r"\b(?:levels?|segments?|discs?|disks?|interspaces?)\b", re.IGNORECASE),
    "zh": re.compile("节段|椎间盘|椎间隙|水平|层面"),
}
_PLACE: Final = re.compile(r"\{\{|\}\}|\{\w*\}|%s|<<<|>>>|https?://|www\.|\[[A-Z]\]")
_LETTER: Final = {
    "en": re.compile(r"\boptions? [A-H]\b|\b[A-H][:.)] "),
    "zh": re.compile(r"选项\s*[A-H]|[A-HＡ-Ｈ][：:、.．)）]"),
}


def problems_of_wording(text: str, *, task: Task, language: str, vocabulary: Vocabulary) -> tuple[str, ...]:
    """Why a wording may not be used, in words; empty for one that may.

    It is one line of its language (`en` or `zh`, or one with a region) and of `LENGTHS`; it names no option, no
    disease, no level, no modality, view or region, which hold for some images only (a localization may speak of the
    lumbar spine), and no number of findings; a diagnosis asks for one option, a localization for all levels.
    """
    base = language.partition("-")[0]
    return tuple(dict.fromkeys(_problems(text, task, base, vocabulary)))


def problems_of_pool(texts: Sequence[str]) -> list[tuple[int, int, str]]:
    """Pairs of wordings that are the same or nearly so: (place, earlier place, in words)."""
    first: dict[str, int] = {}
    found = [
        (place, first[form], "is the same text")
        for place, form in enumerate(map(exact_form, texts))
        if first.setdefault(form, place) != place
    ]
    known = {(place, earlier) for place, earlier, _ in found}
    found += [
        (place, earlier, f"is nearly the same text (overlap {overlap:.2f})")
        for place, earlier, overlap in near_texts(texts, texts)
        if earlier < place and (place, earlier) not in known
    ]
    return sorted(found)


def _problems(text: str, task: Task, base: str, vocabulary: Vocabulary) -> Iterator[str]:
    shortest, longest = LENGTHS[base]
    if not shortest <= len(text) <= longest:
        yield f"has {len(text)} characters: expected {shortest} to {longest}"
    if any(unicodedata.category(one) in {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"} for one in text):
        yield "has line breaks or characters that cannot be seen"
    if text != text.strip() or "  " in text:
        yield "has spaces at its ends, or several in a row"
    yield from _language(text, base)
    if _PLACE.search(text):
        yield "has a place to be filled, a marker or an address"
    if match := _LETTER[base].search(text):
        yield f"names an option by letter ({match[0].strip()!r})"
    # Full-width and other compatible forms of letters name the same things.
    plain = unicodedata.normalize("NFKC", text)
    for name in _named(plain, vocabulary):
        yield f"names an option or a disease ({name!r})"
    if match := _DISEASE_WORDS[base].search(plain) or _DISEASE_WORDS["en"].search(plain):
        yield f"names a disease, or says that there is one or none ({match[0]!r})"
    if levels := [mention.level for mention in named_levels(plain)] or _LEVEL_CODE.findall(plain):
        yield f"names a level ({levels[0]})"
    if match := _KIND_OF_IMAGE[base].search(plain) or _KIND_OF_IMAGE["en"].search(plain):
        yield f"names what only some images are ({match[0]!r})"
    if task is not Task.LOCALIZATION and (match := _LUMBAR[base].search(plain)):
        yield f"names a region ({match[0]!r})"
    if match := _NUMBER[base].search(_ANY_NUMBER[base].sub(" ", plain)):
        yield f"tells a number ({match[0]!r})"
    yield from _asks(plain, task, base)


def _asks(text: str, task: Task, base: str) -> Iterator[str]:
    several = _ALL[base].search(text)
    if task is Task.LOCALIZATION:
        if not several:
            yield "does not ask for all levels that apply"
        if not _LEVEL[base].search(text):
            yield "does not ask for levels"
    else:
        if several:
            yield f"asks for more than one option ({several[0]!r})"
        if not _ONE[base].search(text):
            yield "does not ask for one option"


def _language(text: str, base: str) -> Iterator[str]:
    letters = [one for one in text if one.isalpha()]
    n_chinese = sum("\u4e00" <= one <= "\u9fff" for one in letters)
    if base == "zh" and 2 * n_chinese < len(letters):
        yield "is not in Chinese"
    if base == "en" and any(not unicodedata.name(one, "").startswith("LATIN") for one in letters):
        yield "is not in English"
    if not letters:
        yield "has no words"


def _named(text: str, vocabulary: Vocabulary) -> Iterator[str]:
    """Names of the vocabulary's labels that stand in the text as whole words, or as Chinese characters."""
    words = f" {' '.join(_WORDS.findall(fold(text)))} "
    labels = (vocabulary.healthy, *vocabulary.diseases)
    for label in labels:
        for name in vocabulary.names(label):
            form = " ".join(_WORDS.findall(name))
            if form and (f" {form} " in words or (_is_chinese(form) and form in words.replace(" ", ""))):
                yield name
    if set(labels) & {HEALTHY, *DISEASES}:
        yield from (
            name for names in _CHINESE_NAMES.values() for name in names if name.casefold() in text.casefold()
        )


def _is_chinese(text: str) -> bool:
    return any("\u4e00" <= one <= "\u9fff" for one in text)
