"""Whether the reasoning's last conclusion names the option that was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.extraction.options import NameMatch, OptionSet, option_set
from spinebench.evaluators.levels import disc_position
from spinebench.evaluators.trace_checks.statements import DENIAL, Said, Statement, outside_thinking, said
from spinebench.records import MULTIPLE_ANSWER_TASKS, AnswerStatus

_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|consequently|accordingly|overall|in conclusion|to conclude|conclusion"
    r"|in summary|summary"
    r"|altogether|taken together|all (?:of )?(?:this|these)|in total|i (?:would )?(?:conclude|choose"
    r"|select|diagnose|favou?r)"
    r"|points? to(?:wards?)?|(?:most |best |clearly |strongly |entirely |fully )?(?:consistent"
    r"|compatible) with"
    r"|(?:best|most) (?:fits?|explain\w*|match\w*|describ\w*|support\w*|answer|option|choice|likely"
    r"|probable|fitting)"
    r"|diagnosis|diagnostic (?:of|for)|characteristic (?:of|for)|typical (?:of|for)|confirm\w*"
    r"|establish\w*|impression"
    r"|correct (?:answer|option|choice)|the answer|final)\b|^\s?so\b"
)
_OPEN = re.compile(
    r"\b(?:differential|could|may|might|possibl[ey]|consider\w*|candidates?|among|options? (?:are|include)|of options"
    r"|secondary|also|(?:co)?incidental\w*|unrelated"
    r"|associated|accompan\w+|coexist\w*|in addition|additional|mild|minor|subtle|initial\w*|at first"
    r"|first impression"
    r"|whether|if|would|versus|vs|or|question|asks?|distinguish\w*|between|mimic\w*|confus\w+|predispos\w+"
    r"|lead\w* to"
    r"|caus\w+|due to|because of|result\w* (?:in|from)|with)\b"
)
"""Words that leave open what a conclusion holds, or name an option in another part than the concluded."""
_NOT_OPEN = re.compile(
    r"\b(?:consistent|compatible|keeping|accordance|line) with\b"
    r"|\bi would (?:\w+ly )?(?:therefore |thus )?(?:conclude|choose|select|diagnose|say|call|go with)\b"
)
"""Those words where they leave nothing open."""
_ASIDE = re.compile(
    r"^\s?(?:although|though|while|whereas|despite|even|unlike|except|compared|than|rather|instead|versus"
    r"|vs|besides|apart|with)\b"
)
_RANKED = re.compile(
    r"\b(?:second|third|fourth|next|least|less|more|another|other|alternative|similar\w*"
    r"|resembl\w+) (?:\w+ )?"
    r"(?:likely|probable|possible|plausible|diagnos\w+|option|choice|answer|common)\b|\bresembl\w+"
    r"|\ban? alternative\b"
)
"""A place among several, not the conclusion."""
_LABEL = re.compile(
    r"[\s>|#-]{0,6}(?:(?:option|choice|answer)\s)?[(\[]?(?:[a-z]|\d{1,2})[)\].:]{1,2}\s?|[\s>|#-]{1,6}"
)
_BEHIND_SUBJECT = re.compile(r"\s?[)\]\"']{0,2}\s?(?:[:(]|-\s|\.?\s?$)")
_REST = re.compile(
    r"\b(?:rest|remaind\w+|remaining|remains?|otherwise|elsewhere|other|upper|lower|adjacent|part)\b"
)
"""Words of a part: what is said there is not said of the whole."""
_CLOSE = 40
"""Characters before a name within which a denial is taken to be of it."""
_ASSERTS_BETWEEN = re.compile(
    r"\b(?:is|are|was|suggests?|indicates?|supports?|means|confirms?|to be|by|of this)\b|:"
)
_LETTER = re.compile(
    r"\b(?:option|choice|answer)s?\s?(?:is\s|are\s|:\s?)?[(\[\"']?([a-z])\b[)\]\"']?(?!\s?/)"
)
_AFTER_DENIES = re.compile(
    r"\s?(?:(?:is|are|was|seems?|appears?|can be|could be|can|could|does|do"
    r"|would)\s(?:\w+ly\s)?(?:be\s)?(?:not|unlikely|excluded|ruled out"
    r"|less likely|absent|eliminated|rejected|incorrect|wrong|out)\b|(?:does|do|is|are|can|could"
    r"|would)n't\b|cannot\b)"
)
_BETWEEN_LIST = re.compile(r"[\s,/]*(?:(?:or|nor|and|any|evidence|signs?|of|the|a|an)\s){0,4}$")
_LAST = 60
"""Sentences from the end that are looked at."""
_ENOUGH = 20
"""Letters of a reply before its final line below which the reasoning is sought elsewhere."""


@dataclass(frozen=True)
class _Named:
    """Letters of the options that a sentence affirms and denies."""

    affirmed: frozenset[str]
    denied: frozenset[str]


def conclusion(trace: AuditTrace) -> TraceCheck:
    """The check `conclusion`.

    `contradicts` only where a sentence that concludes affirms another option and leaves nothing open, or denies the
    chosen one and affirms none; the last such sentence before the final answer decides. English traces; in others it
    mostly has nothing to say.
    """
    scored = trace.scored
    if scored is None or scored.extraction.status is not AnswerStatus.ANSWERED or not trace.options:
        return _check("not_stated", "no choice was graded")
    options = option_set(trace.options)
    chosen = frozenset(scored.extraction.letters)
    several = trace.item.task in MULTIPLE_ANSWER_TASKS
    partly: tuple[Said, Statement] | None = None
    reasoning = _reasoning(trace)
    if reasoning is None:
        return _check("not_stated", "there is no reasoning beside the answer")
    for sentence in reasoning.sentences[-_LAST:][::-1]:
        if _CONCLUDES.search(sentence.text) is None or _discusses_one(sentence, options):
            continue
        named = _named(sentence, options)
        if not named.affirmed:
            if named.denied & chosen and not several and len(named.denied) == 1:
                return _found(
                    reasoning, sentence, "contradicts", f"the conclusion denies {_texts(trace, chosen)}"
                )
            continue
        if named.affirmed == chosen:
            return _found(reasoning, sentence, "agrees", f"the conclusion names {_texts(trace, chosen)}")
        if several:
            if named.affirmed < chosen:
                partly = partly or (reasoning, sentence)
            elif not _leaves_open(sentence):
                more = _texts(trace, named.affirmed - chosen)
                return _found(
                    reasoning,
                    sentence,
                    "contradicts",
                    f"the conclusion names {more}, chosen is {_texts(trace, chosen)}",
                )
            continue
        # Another one affirmed beside words of denial is taken for the conclusion only where these are of the chosen.
        sure = not sentence.denies or bool(named.denied & chosen)
        if (
            len(named.affirmed) == 1
            and sure
            and not _leaves_open(sentence)
            and _apart(trace, named.affirmed, chosen)
        ):
            other = _texts(trace, named.affirmed)
            return _found(
                reasoning,
                sentence,
                "contradicts",
                f"the conclusion names {other}, chosen is {_texts(trace, chosen)}",
            )
    if partly is not None:
        return _found(
            *partly, "agrees", f"the conclusion names some of {_texts(trace, chosen)} and nothing else"
        )
    return _check("not_stated", "no sentence concludes on one option")


def _reasoning(trace: AuditTrace) -> Said | None:
    """What was said before the final answer; after it, or as native reasoning, where that is nothing."""
    text = trace.answer.text
    span = None if trace.scored is None else trace.scored.extraction.span
    ranges = outside_thinking(text)
    if span is not None:
        line = text.rfind("\n", 0, span[0]) + 1
        before = [(a, min(b, line)) for a, b in ranges if a < min(b, line)]
        after = [(max(a, span[1]), b) for a, b in ranges if max(a, span[1]) < b]
    else:
        before, after = ranges, []
    for where in (before, after):
        if sum(sum(map(str.isalnum, text[a:b])) for a, b in where) >= _ENOUGH:
            return said(text, where)
    thought = trace.answer.reasoning or ""
    if not thought.strip() and span is not None and len(ranges) != 1:
        thought = text[: span[0]]  # only the thinking block reasons
    return said(thought) if sum(map(str.isalnum, thought)) >= _ENOUGH else None


def _named(sentence: Statement, options: OptionSet) -> _Named:
    affirmed: set[str] = set()
    denied: set[str] = set()
    previous_end, previous_denied = -1, False
    for clause in sentence.clauses():
        begin = clause.start - sentence.start
        end = begin + len(clause.text)
        aside = _ASIDE.search(clause.text) is not None
        places = [(at, match.letters, match.end) for at, match in options.names_in(sentence.text, begin, end)
                  if _tells(sentence.text, at, match)]  # fmt: skip
        places += [
            (match.start(1), (match.group(1).upper(),), match.end())
            # A letter in brackets stands beyond the clause that announces it.
            for match in _LETTER.finditer(sentence.text, begin, end + 4)
            if match.start() < end
            and match.group(1).upper() in options.letters
            and not _is_word(sentence.text, match)
        ]
        for at, letters, stop in sorted(places):
            before = _denied_before(sentence.text[begin:at])
            listed = previous_denied and _BETWEEN_LIST.fullmatch(sentence.text, previous_end, at) is not None
            denies = before or listed or _AFTER_DENIES.match(sentence.text, stop) is not None
            if len(letters) == 1:
                if denies:
                    denied |= set(letters)
                elif not aside:
                    affirmed |= set(letters)
            previous_end, previous_denied = stop, denies
    return _Named(frozenset(affirmed - denied), frozenset(denied - affirmed))


def _denied_before(text: str) -> bool:
    """Whether the words right before a name deny it; a denial that a verb parts from the name is of something else."""
    near = Statement(text[-_CLOSE:], 0)
    if not near.denies:
        return False
    last = [match.end() for match in DENIAL.finditer(near.text)][-1]
    return _ASSERTS_BETWEEN.search(near.text, last) is None


def _tells(text: str, start: int, match: NameMatch) -> bool:
    """Whether a name can be told from an ordinary word: a figure or a letter or two cannot."""
    if match.weak:
        return _predicate(text, start, match.end)
    return (
        disc_position(text[start : match.end]) is not None
        or re.search(r"[^\W\d_]{4}", text[start : match.end]) is not None
    )


def _is_word(text: str, match: re.Match[str]) -> bool:
    """Whether the letter is the article or the pronoun: `the answer is a slip`, `the choice I made`."""
    if match.group(1) not in "ai" or match.end() > match.end(1) or not text[: match.start(1)][-1:].isspace():
        return False
    return (
        re.match(r"\s(?!(?:is|was|fits|because|since|as|and|or|but|best|here|,)\b)\w", text[match.end() :])
        is not None
    )


def _predicate(text: str, start: int, end: int) -> bool:
    """Whether `normal` or `healthy` is said of the whole and not of a part: `the spine is healthy.`"""
    head = text[max(0, start - 60) : start]
    if _REST.search(head):
        return False
    tail = text[end : end + 12].lstrip(" \"')]")
    whole = re.search(
        r"\b(?:spine|image|study|examination|patient|diagnosis|answer|option|this|it"
        r"|finding)\b[\w\s:]{0,30}$",
        head,
    )
    return whole is not None and (
        not tail or tail[0] in ".;!,\n" or tail.startswith(("spine", "study", "exam"))
    )


def _leaves_open(sentence: Statement) -> bool:
    """Whether it names one of several thoughts; `with` of `consistent with` does not."""
    text = _NOT_OPEN.sub(" ", sentence.text)
    return _OPEN.search(text) is not None or _RANKED.search(text) is not None


def _discusses_one(sentence: Statement, options: OptionSet) -> bool:
    """Whether it goes through the options one by one: `C) Osteophytes: typical of ...`, `Osteophytes - ...`."""
    label = _LABEL.match(sentence.text)
    begin = 0 if label is None else label.end()
    name = options.name_at(sentence.text, begin) if begin < len(sentence.text) else None
    if name is not None:
        return _BEHIND_SUBJECT.match(sentence.text, name.end) is not None
    return label is not None and re.match(r"[\s>|#-]{0,6}(?:option|choice) [a-z]:", sentence.text) is not None


def _apart(trace: AuditTrace, other: frozenset[str], chosen: frozenset[str]) -> bool:
    """Whether neither text is part of the other: `transitional` is no other than `stratified transitional`."""
    first, second = (
        [trace.options[ord(one) - ord("A")].casefold() for one in letters] for letters in (other, chosen)
    )
    return not any(a in b or b in a for a in first for b in second)


def _texts(trace: AuditTrace, letters: frozenset[str]) -> str:
    return ", ".join(repr(trace.options[ord(letter) - ord("A")]) for letter in sorted(letters))


def _found(reasoning: Said, sentence: Statement, verdict: str, detail: str) -> TraceCheck:
    quote = reasoning.quote(sentence.start, sentence.start + len(sentence.text))
    return TraceCheck.model_validate(
        {"name": "conclusion", "verdict": verdict, "detail": detail, "quote": quote}
    )


def _check(verdict: str, detail: str) -> TraceCheck:
    return TraceCheck.model_validate({"name": "conclusion", "verdict": verdict, "detail": detail})
