"""Whether the reasoning's last conclusion names the option that was chosen."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.extraction.options import OptionSet, option_set
from spinebench.evaluators.trace_checks.statements import Said, Statement, outside_thinking, said
from spinebench.records import MULTIPLE_ANSWER_TASKS, AnswerStatus

_CONCLUDES = re.compile(
    r"\b(?:therefore|thus|hence|consequently|accordingly|overall|in conclusion|to conclude|conclusion|in summary|summary"
    r"|altogether|taken together|all (?:of )?(?:this|these)|in total|i (?:would )?(?:conclude|choose|select|diagnose|favou?r)"
    r"|points? to(?:wards?)?|(?:most |best |clearly |strongly |entirely |fully )?(?:consistent|compatible) with"
    r"|(?:best|most) (?:fits?|explain\w*|match\w*|describ\w*|support\w*|answer|option|choice|likely|probable|fitting)"
    r"|diagnosis|diagnostic (?:of|for)|characteristic (?:of|for)|typical (?:of|for)|confirm\w*|establish\w*|impression"
    r"|correct (?:answer|option|choice)|the answer|final)\b|^\s?so\b"
)
_OPEN = re.compile(
    r"\b(?:differential|could|may|might|possibl[ey]|consider\w*|candidates?|among|options? (?:are|include)|secondary|also"
    r"|associated|accompan\w+|coexist\w*|in addition|additional|mild|minor|subtle|initial\w*|at first|first impression"
    r"|whether|if|would|versus|vs|or|question|asks?|distinguish\w*|between|mimic\w*|confus\w+|predispos\w+|lead\w* to"
    r"|caus\w+|due to|because of|result\w* (?:in|from)|with)\b"
)
"""Words that leave open what a conclusion holds, or name an option in another part than the concluded."""
_ASIDE = re.compile(
    r"^\s?(?:although|though|while|whereas|despite|even|unlike|except|compared|than|rather|instead|versus|vs|besides|apart|with)\b"
)
_LETTER = re.compile(r"\b(?:option|choice|answer)s?\s?(?:is\s|are\s|:\s?)?[(\[\"']?([a-z])\b[)\]\"']?(?!\s?/)")
_AFTER_DENIES = re.compile(
    r"\s?(?:(?:is|are|was|seems?|appears?|can be|could be|can|could|does|do|would)\s(?:\w+ly\s)?(?:be\s)?(?:not|unlikely|excluded|ruled out"
    r"|less likely|absent|eliminated|rejected|incorrect|wrong|out)\b|(?:does|do|is|are|can|could|would)n't\b|cannot\b)"
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
        if _CONCLUDES.search(sentence.text) is None:
            continue
        named = _named(sentence, options)
        if not named.affirmed:
            if named.denied & chosen and not several and len(named.denied) == 1:
                return _found(reasoning, sentence, "contradicts", f"the conclusion denies {_texts(trace, chosen)}")
            continue
        if named.affirmed == chosen:
            return _found(reasoning, sentence, "agrees", f"the conclusion names {_texts(trace, chosen)}")
        if several:
            if named.affirmed < chosen:
                partly = partly or (reasoning, sentence)
            elif not _OPEN.search(sentence.text):
                more = _texts(trace, named.affirmed - chosen)
                return _found(
                    reasoning, sentence, "contradicts", f"the conclusion names {more}, chosen is {_texts(trace, chosen)}"
                )
            continue
        if len(named.affirmed) == 1 and not _OPEN.search(_without_names(sentence.text)):
            other = _texts(trace, named.affirmed)
            return _found(
                reasoning, sentence, "contradicts", f"the conclusion names {other}, chosen is {_texts(trace, chosen)}"
            )
    if partly is not None:
        return _found(*partly, "agrees", f"the conclusion names some of {_texts(trace, chosen)} and nothing else")
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
                  if not match.weak or _predicate(sentence.text, at, match.end)]  # fmt: skip
        places += [
            (match.start(1), (match.group(1).upper(),), match.end())
            for match in _LETTER.finditer(sentence.text, begin, end)
            if match.group(1).upper() in options.letters
        ]
        for at, letters, stop in sorted(places):
            before = Statement(sentence.text[begin:at], begin).denies
            listed = previous_denied and _BETWEEN_LIST.fullmatch(sentence.text, previous_end, at) is not None
            denies = before or listed or _AFTER_DENIES.match(sentence.text, stop) is not None
            if len(letters) == 1:
                if denies:
                    denied |= set(letters)
                elif not aside:
                    affirmed |= set(letters)
            previous_end, previous_denied = stop, denies
    return _Named(frozenset(affirmed - denied), frozenset(denied - affirmed))


def _predicate(text: str, start: int, end: int) -> bool:
    """Whether `normal` or `healthy` is said of the whole and not of a part: `the spine is healthy.`"""
    head = text[max(0, start - 60) : start]
    tail = text[end : end + 12].lstrip(" \"')]")
    whole = re.search(r"\b(?:spine|image|study|examination|patient|diagnosis|answer|option|this|it|finding)\b[\w\s:]{0,30}$", head)
    return whole is not None and (not tail or tail[0] in ".;!,\n" or tail.startswith(("spine", "study", "exam")))


def _without_names(text: str) -> str:
    """The sentence without `with` of `consistent with`, which leaves nothing open."""
    return re.sub(r"\b(?:consistent|compatible|keeping|accordance|line) with\b", " ", text)


def _texts(trace: AuditTrace, letters: frozenset[str]) -> str:
    return ", ".join(repr(trace.options[ord(letter) - ord("A")]) for letter in sorted(letters))


def _found(reasoning: Said, sentence: Statement, verdict: str, detail: str) -> TraceCheck:
    quote = reasoning.quote(sentence.start, sentence.start + len(sentence.text))
    return TraceCheck.model_validate({"name": "conclusion", "verdict": verdict, "detail": detail, "quote": quote})


def _check(verdict: str, detail: str) -> TraceCheck:
    return TraceCheck.model_validate({"name": "conclusion", "verdict": verdict, "detail": detail})
