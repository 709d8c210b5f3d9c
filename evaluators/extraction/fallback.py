"""What a reply may mean when it announces nothing: bare letters, conclusions, refusals, none of the options."""

from __future__ import annotations

import re

from spinebench.evaluators.extraction.announcements import Rule
from spinebench.evaluators.extraction.choice import ChoiceReader, Kind, Reading
from spinebench.evaluators.extraction.options import OptionSet
from spinebench.evaluators.extraction.text import PlainText

_CONCLUSION = re.compile(
    r"(?:^|[.!?;,]\s|\n)(?:(?:therefore|thus|hence|so|consequently|accordingly|overall"
    r"|in conclusion|in summary|to conclude|conclusion|verdict|result|decision|actually|correction"
    r"|rather|instead|no|wait|sorry|so yes|finally|also|deshalb|donc|por lo tanto|所以|因此|したがって"
    r"|따라서)(?:[,:]|-|\.\.\.)?\s?){1,3}"
    r"(?:(?:it|this|that)(?:'s|\s(?:is|must be|should be|would be))|i\s(?:say|mean))?"
    r"|(?:^|[.!?]\s|\n)(?:i\s(?:\w+ly\s)?(?:think|believe)\s)?(?:that\s)?it(?:'s|\s(?:is|must be"
    r"|should be))"
    r"\s(?:\w+ly\s)?|(?:^|[.!?]\s|\n)i\s(?:\w+ly\s)?(?:think|believe)\s(?=[(\[]?[A-Z](?![\w']))",
    re.IGNORECASE,
)
RETRACTION = re.compile(
    r"\b(?:wait|scratch that|correction|on (?:second|further) (?:thought|thoughts|reflection"
    r"|review|consideration)|i (?:made|was making) (?:a|an) (?:mistake|error)|i (?:take that back"
    r"|retract)"
    r"|that(?:'s| is| was) (?:wrong|not right|incorrect|a mistake)|let me correct|i meant|actually)\b",
    re.IGNORECASE,
)
_CORRECTION = re.compile(
    r"(?P<strong>\b(?:oops|scratch that|strike that|make that|on (?:second|further) thoughts?|i (?:meant|mean to say)"
    r"|i(?:'m| am| was) (?:wrong|mistaken)|i (?:made|was making) an? (?:mistake|error)|i (?:take that back|retract)"
    r"|i (?:hereby )?(?:correct|change|revise|amend|withdraw)(?: myself| my)?|let me (?:correct|change|revise)"
    r"|(?:changed|corrected|revised|amended) to|or rather)\b)"
    r"|\b(?:wait|correction|actually|on reflection)\b|(?:^|[.!?,;:\n\])-]\s{0,2})(?:no|nope|sorry|edit|update)"
    r"(?=\s?[,:;.-]|\swait)|(?<=[\])])\s?-{1,2}>",
    re.IGNORECASE,
)
_CORRECTED_LEAD = re.compile(
    r"(?:[\s,:;.-]|\b(?:it|that|this|i|the|my|correct|final|right|answers?|options?|choices?|is|was|should|must|would"
    r"|ought|have|been|be|to|instead|rather|actually|mean|meant|myself|wait|no|sorry|it's|that's)\b){0,30}",
    re.IGNORECASE,
)
_SURELY = re.compile(
    r"[\s)\]\"'!]{0,3}(?:$|[.;\n!,]|because|since|instead|as\b|(?:is|are)\s(?:the|more|a better|correct|right|better"
    r"|actually (?:the|more|correct))\b)",
    re.IGNORECASE,
)
_IS_CORRECT = re.compile(
    r"\b(?:is|are)\s(?:therefore\s|thus\s|clearly\s|the\s|most\s|likely\s){0,3}(?:correct|right"
    r"|true|best)\b(?!\s(?:that|to|in|about|if|side|lateral|hemi|for|when)\b)",
    re.IGNORECASE,
)
_LEAD = re.compile(
    r"(?:(?:option|choice|answer|letter|levels?)s?\s?[:.]?\s?|[-(\[\"'\s]|\d[.)]\s){0,8}", re.IGNORECASE
)
_OPTION_LINE = re.compile(r"^\s?(?:-\s|\d{1,2}[.)]\s)?[(\[]?([A-Z])\s?[.):\]]", re.MULTILINE)
_REFUSAL = re.compile(
    r"\bi(?:'m| am)\s(?:\w+ly |very |so )?(?:sorry|afraid)\b[^.!?\n]{0,60}\b(?:can't|cannot"
    r"|can not|unable|not able|not qualified|won't|decline)"
    r"|\bi(?:'m| am)\s(?:not (?:a|your) (?:\w+\s)?(?:doctor|physician|radiologist|professional"
    r"|surgeon)|not qualified|not comfortable|not in a position|not (?:able|allowed|permitted) to"
    r"|unable to)\s"
    r"[^.!?\n]{0,60}\b(?:medical|diagnos\w+|interpret\w*|advice|images?|x-?rays?|scans?"
    r"|radiographs?|mris?|assist|help|request\b|assess\w*|evaluat\w+)"
    r"|\b(?:i|we)\s(?:can't|cannot|can not|won't|will not|must decline to|have to decline to"
    r"|do not|don't|could not|couldn't)\s(?:\w+ly\s)?(?:(?:assist|help|comply)\b(?! (?:but"
    r"|thinking))"
    r"|(?:view|see|read|review|process|access|open|evaluate)\s(?:(?:the|this|that|these|your|any"
    r"|an?|attached|uploaded|provided|medical|clinical|actual|such|or)\s){0,4}"
    r"(?:images?|x-?rays?|scans?|radiographs?|mris?|pictures?|photos?|attachments?|files?)\b"
    r"|(?:provide|give|offer|make|render|interpret|analy[sz]e|fulfil|engage|diagnos"
    r"|feel comfortable)\w*\b[^.!?\n]{0,60}"
    r"\b(?:medical|diagnos\w+|clinical|interpretations?|interpreting|advice|images?|x-?rays?"
    r"|scans?|radiographs?|mris?|pictures?|photos?|attachments?|patients?|request|opinions?)\b)"
    r"|\bi(?:'m| am) (?:programmed|designed) to be (?:an? )?(?:safe|harmless|helpful)"
    r"|\bi(?:'m| am) not an? (?:\w+ ){0,2}(?:medical|healthcare) professional\b"
    r"|\bi must (?:respectfully )?decline|\bagainst my (?:guidelines|policy|policies)"
    r"|\bunable to (?:assist|help with|comply)"
    r"|抱歉|对不起|無法提供|无法提供|申し訳|죄송|es tut mir leid|ich kann (?:keine|leider)|je suis désolée?"
    r"|je ne peux pas|lo siento|no puedo|desculpe|não posso|mi dispiace|non posso"
    r"|извините|к сожалению|я не могу|آسف|عذر|üzgünüm|xin lỗi|maaf|क्षमा|माफ़",
    re.IGNORECASE,
)
_DECLINED = re.compile(
    r"\bnone of (?:the|these|those|them)\s?(?:above|(?:\w+\s){0,3}(?:options?|choices?|answers?"
    r"|alternatives))?\s?(?:\w+\s){0,4}(?:match|is|are|fit|apply|correct|reflect|close|applies"
    r"|represent|\W|$)"
    r"|\bno (?:\w+\s){0,2}(?:correct|suitable|valid|right|matching|clear|definitive|appropriate"
    r"|accurate) (?:\w+\s)?(?:answer|option|choice)\b"
    r"|\b(?:cannot|can't|can not|could not|couldn't|impossible to|unable to|not possible to"
    r"|no way to|not able to)\s(?:be\s)?(?:\w+ly\s)?(?:determined?|answer(?:ed)?|decide|choose"
    r"|select|identify"
    r"|identified|tell|calculated?|computed?|solved?|estimated?"
    r"|(?:provide|give|choose|select|determine)\s(?:an?|the|any|which)\s(?:\w+\s){0,2}(?:answer"
    r"|option|choice))\b|\bnot (?:among|listed in|one of|in) the (?:\w+\s){0,2}(?:options"
    r"|choices)\b"
    r"|\bi (?:do not|don't) know\b"
    r"|\bno (?:answer|option|choice|diagnosis|level)s? can be (?:\w+ly )?"
    r"(?:determined|chosen|selected|identified|given)\b"
    r"|\b(?:keine[rs]?|aucune?|ninguna?|nessuna?|nenhuma?|geen|ingen) (?:de[rs]?|delle?|dei|das|dos|van|av)\s"
    r"(?:\w+ ){0,2}(?:anteriores|opciones|opções|opzioni|options|respuestas|réponses|precedenti|antworten"
    r"|optionen|möglichkeiten|genannten|obigen|alternativas|opties)\b"
    r"|以上(?:都|皆)(?:不|非)|无法确定|無法確定|無法判斷|无法判断|該当なし|해당 없음",
    re.IGNORECASE,
)
_OTHERS = re.compile(r"none of (?:the|these|those) (?:other|remaining|rest|alternative)", re.IGNORECASE)
_SHORT_SENTENCE = re.compile(
    r"(?:(?:based on|according to|from|given|in)\s[^,.\n]{1,60},\s)?(?:it|this|these|that|there"
    r"|(?:the|this)\s\w+(?:\s\w+){0,8}?)\s"
    r"(?:is|are|shows?|represents?|indicates?|suggests?|demonstrates?|appears? to be|would be"
    r"|seems? to be|depicts?)\s(?:(?:an?|the|likely|most likely|consistent with)\s){0,3}",
    re.IGNORECASE,
)
_COPULA = re.compile(
    r"(?:\b(?:is|are|be|was|represents|shows|indicates|as|with|called|choose|select):?"
    r"|[:,])\s{1,2}(?:(?:an?|the|likely|probably|most likely|therefore)\s){0,2}",
    re.IGNORECASE,
)
_EXPLICIT = re.compile(
    r"(?:[(\[](?:option\s|answer\s)?|\b(?:option|choice)\s[(\[]?)[A-Z](?![^\W_]|')|(?:^|\s)[A-Z]\)",
    re.IGNORECASE,
)
_DOUBT = re.compile(
    r"\b(?:not|never|unlikely|if|whether|could|might|may|except|rule|ruled|exclude\w*|eliminat\w+"
    r"|incorrect|wrong|less|least)\b|n't",
    re.IGNORECASE,
)


def conclusion(plain: PlainText, reader: ChoiceReader, *, start: int = 0) -> tuple[Rule, Reading] | None:
    """The last "therefore B", or "B is correct" where all such statements agree, from `start` on."""
    for match in list(_CONCLUSION.finditer(plain.text, start))[-400:][::-1]:
        reading = reader.read(match.end(), lower=False)
        if reading.kind in {
            Kind.LETTERS,
            Kind.NAMES,
            Kind.SEVERAL,
            Kind.HEDGED,
            Kind.CONFLICT,
            Kind.OUTSIDE,
        } and _stands_alone(plain.text, reading.end):
            return Rule.CONCLUSION, reading
    return None


_STANDS_ALONE = re.compile(r"[\s)\]\"'!]{0,3}(?:$|[.;\n!,]|because|since|is\b|are\b|as\b)")


def correction(plain: PlainText, reader: ChoiceReader, declared: Reading) -> tuple[Rule, Reading] | None:
    """What the text behind a declaration puts in its place: another choice, or doubt about it (hedged).

    None where it takes nothing back, or names the same choice again.
    """
    text = plain.text
    for cue in list(_CORRECTION.finditer(text, declared.end))[-60:][::-1]:
        stop = min(len(text), cue.end() + 200)
        line = text.find("\n\n", cue.end(), stop)
        stop = stop if line < 0 else line
        lead = _CORRECTED_LEAD.match(text, cue.end(), stop)
        begin = cue.end() if lead is None else lead.end()
        reading = reader.read(begin, lower=False) if begin < stop else Reading(Kind.UNREADABLE, begin, begin)
        sure = reading.kind in {Kind.LETTERS, Kind.NAMES} and _SURELY.match(text, reading.end) is not None
        if not sure and reading.kind is not Kind.WITHDRAWN:
            reading = reader.within(cue.end(), stop, names=False)
        if reading.kind in {Kind.LETTERS, Kind.NAMES, Kind.SEVERAL}:
            if sure:
                return Rule.CONCLUSION, reading
            if reading.letters == declared.letters:
                return None
            return Rule.HEDGED, Reading(Kind.HEDGED, cue.start(), max(cue.end(), reading.end))
        if cue.group("strong"):
            return Rule.HEDGED, Reading(Kind.HEDGED, cue.start(), cue.end())
    return None


def _stands_alone(text: str, end: int) -> bool:
    return _STANDS_ALONE.match(text, end) is not None


_ASKED = re.compile(r"[^.!\n?]{0,40}\?")


def called_correct(plain: PlainText, reader: ChoiceReader) -> tuple[Rule, Reading] | None:
    """`Option B is correct`, where no other option is called correct too."""
    found: list[Reading] = []
    for match in list(_IS_CORRECT.finditer(plain.text))[-60:]:
        clause_start = max(0, match.start() - 120)
        clause = plain.text[clause_start : match.start()]
        cut = max(clause.rfind(mark) for mark in (". ", "\n", "; ", "? "))
        begin = clause_start + cut + 1
        if _ASKED.match(plain.text, match.end()):
            continue
        reading = reader.within(begin, match.start(), names=False)
        if reading.kind is Kind.UNREADABLE:
            reading = reader.read(begin, lower=False)
        if reading.kind is Kind.LETTERS:
            found.append(reading)
    if found and len({reading.letters for reading in found}) == 1:
        return Rule.ANSWER_PHRASE, found[-1]
    return None


def bare_choice(plain: PlainText, reader: ChoiceReader, options: OptionSet) -> tuple[Rule, Reading] | None:
    """A reply, or its first or last line, that is a choice and nothing else."""
    text = plain.text
    if not text:
        return None
    whole = _bare(text, reader, 0, len(text), options)
    if whole is not None:
        return whole
    listed = {m.group(1) for m in _OPTION_LINE.finditer(text)} & set(options.letters)
    last = text.rfind("\n") + 1
    first_end = text.find("\n")
    first_end = len(text) if first_end < 0 else first_end
    for start, end in ((last, len(text)), (0, first_end)):
        found = _bare(text, reader, start, end, options)
        if found is None:
            continue
        labelled = _OPTION_LINE.match(text, start)
        if labelled is not None and len(listed) > 1:
            continue
        return found
    opening = _OPTION_LINE.match(text)
    if opening is not None and len(listed) == 1:
        reading = reader.read(opening.start(1))
        if reading.kind in {Kind.LETTERS, Kind.CONFLICT} and not _is_option_list(reading, options):
            return Rule.BARE_CHOICE, reading
    return None


_COPULA_WORD = re.compile(r"\b(?:is|are|be|was)\b", re.IGNORECASE)


def _is_option_list(reading: Reading, options: OptionSet) -> bool:
    """All options, each with its text: the question's own list, repeated."""
    return reading.described and len(reading.letters) == len(options.letters) > 1


def _bare(
    text: str, reader: ChoiceReader, start: int, end: int, options: OptionSet
) -> tuple[Rule, Reading] | None:
    lead = _LEAD.match(text, start, end)
    begin = start if lead is None else lead.end()
    lower = _COPULA_WORD.search(text, start, end) is None
    for place in (start, begin) if begin > start else (start,):
        reading = reader.read(place, lower=lower)
        rest = text[reading.end : end].strip(" \n.,;:!)]}\"'|")
        if rest or reading.start < start or reading.end > end:
            continue
        match reading.kind:
            case Kind.NAMES:
                return Rule.OPTION_TEXT, reading
            case Kind.LETTERS if _is_option_list(reading, options):
                pass
            case Kind.LETTERS | Kind.SEVERAL | Kind.HEDGED | Kind.CONFLICT | Kind.OUTSIDE | Kind.RANGE:
                return Rule.BARE_CHOICE, reading
            case Kind.NONE:
                return Rule.NONE_OF_THE_OPTIONS, reading
            case Kind.ALL:
                return Rule.ALL_OPTIONS, reading
            case _:
                pass
    return None


def one_sentence(plain: PlainText, reader: ChoiceReader) -> tuple[Rule, Reading] | None:
    """A reply of one sentence whose predicate is an option's text: `The image shows osteophytes.`"""
    match = _SHORT_SENTENCE.match(plain.text)
    if match is None or len(plain.text) > 240:
        return None
    reading = reader.read(match.end(), lower=False)
    rest = plain.text[reading.end :].strip(" .\n")
    if reading.kind is Kind.NAMES and not rest:
        return Rule.OPTION_TEXT, reading
    return None


def named_option(plain: PlainText, reader: ChoiceReader) -> tuple[Rule, Reading] | None:
    """`... is (C) Osteophytes.` or `... is C. Osteophytes`, where the whole reply marks no other letter so."""
    text = plain.text
    asserted: list[Reading] = []
    named: set[tuple[str, ...]] = set()
    for match in list(_EXPLICIT.finditer(text))[-60:]:
        reading = reader.read(match.start(), lower=False)
        if reading.kind is Kind.LETTERS:
            named.add(reading.letters)
            behind_name = re.search(r"[^\W\d_]\s$", text[: match.start() + 1] + " ") is not None
            if behind_name and match.group()[:1] in "([" and _ENDS.match(text, reading.end):
                asserted.append(reading)
    for match in list(_COPULA.finditer(text))[-400:]:
        reading = reader.read(match.end(), lower=False)
        if reading.kind is not Kind.LETTERS:
            continue
        marked = _EXPLICIT.match(text, match.end()) is not None or text[reading.start - 1] in "(["
        if reading.described or marked:
            named.add(reading.letters)
            if match.group()[0] not in ":,":
                asserted.append(reading)
    asserted = [reading for reading in asserted if not _DOUBT.search(_sentence_before(text, reading.start))]
    if len(named) != 1 or not asserted:
        return None
    return Rule.NAMED_OPTION, max(asserted, key=lambda reading: reading.end)


_ENDS = re.compile(r"\s?[)\]]?\s?(?:$|\.\s?$|\.\s)")


def _sentence_before(text: str, place: int) -> str:
    return re.split(r"[.!?]\s|\n", text[max(0, place - 120) : place])[-1]


def refuses(plain: PlainText) -> Reading | None:
    """A refusal at the head of a reply (its first 400 characters)."""
    match = _REFUSAL.search(plain.text[:400])
    return None if match is None else Reading(Kind.NONE, match.start(), match.end())


def declines(plain: PlainText) -> Reading | None:
    """The last statement that none of the options fits, or that none can be told."""
    last: Reading | None = None
    for match in _DECLINED.finditer(plain.text):
        if not _OTHERS.match(plain.text, match.start()):
            last = Reading(Kind.NONE, match.start(), match.end())
    return last
