"""From a reply to an `Extraction`: declarations first, last one wins; weaker signs only where there is none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import tee

from spinebench.errors import UsageError
from spinebench.evaluators.extraction import fallback
from spinebench.evaluators.extraction.announcements import Rule, announcements, without_examples
from spinebench.evaluators.extraction.choice import ChoiceReader, Kind, Reading
from spinebench.evaluators.extraction.declarations import Declaration, declarations
from spinebench.evaluators.extraction.options import option_set
from spinebench.evaluators.extraction.phrases import Phrases, closing_phrases
from spinebench.evaluators.extraction.text import PlainText, plain, spoken
from spinebench.records import MULTIPLE_ANSWER_TASKS, AnswerStatus, Extraction, Task

EXTRACTION_VERSION = "rules-2"
"""Changes by hand with every change that may read a text differently."""

_UNPARSED: dict[Kind, Rule] = {
    Kind.OUTSIDE: Rule.OUTSIDE_OPTIONS,
    Kind.SEVERAL: Rule.SEVERAL_OPTIONS,
    Kind.CONFLICT: Rule.LETTER_TEXT_CONFLICT,
    Kind.HEDGED: Rule.HEDGED,
    Kind.RANGE: Rule.RANGE,
    Kind.UNREADABLE: Rule.UNREADABLE,
}


def task_of(task: Task | str) -> Task:
    """The task of a name. Raises `UsageError` for an unknown one."""
    try:
        return Task(task)
    except ValueError:
        known = ", ".join(member.value for member in Task)
        raise UsageError(f"task {task!r}: expected one of {known}; correct the name") from None


def extract(
    text: str,
    *,
    task: Task | str,
    options: Sequence[str] | Mapping[str, str],
    phrases: Phrases | None = None,
) -> Extraction:
    """Which of the presented options `text` chooses.

    `options`: texts in presented order (letters by position), or a mapping letter -> text; at most 26.
    `phrases`: what announces the answer; default: the closing line of the persona prompts and its relatives
    in many languages. See `ClosingPhrases`.

    The last declaration wins. One letter for a single-answer task, one or more for localization; `letters`
    is empty unless the status is `answered`. Total: any string gives an `Extraction`; time is linear in its
    length. Raises `UsageError` for an unknown task, a bad option letter or more than 26 options.
    """
    multiple = task_of(task) in MULTIPLE_ANSWER_TASKS
    presented = option_set(options)
    if not text.strip():
        return _result(AnswerStatus.NO_ANSWER, Rule.EMPTY)
    ranges, unclosed = spoken(text)
    body = plain(text, ranges)
    if not any(map(str.isalnum, body.text)):  # marks alone say nothing
        return _result(*((AnswerStatus.UNPARSED, None) if unclosed else (AnswerStatus.NO_ANSWER, Rule.EMPTY)))
    reader = ChoiceReader(body, presented, multiple=multiple)
    if presented.letters:
        heads, again = tee(announcements(body, closing_phrases(phrases)))
        declared = next(declarations(body, reader, heads), None)
        if declared is not None:
            rule, reading = _unless_retracted(body, reader, declared)
            return _extraction(body, rule, reading, multiple=multiple)
        body = without_examples(body, again)
        reader = ChoiceReader(body, presented, multiple=multiple)
        for sign in (fallback.conclusion, fallback.called_correct):
            found = sign(body, reader)
            if found is not None:
                return _extraction(body, *found, multiple=multiple)
        found = fallback.bare_choice(body, reader, presented)
        if found is not None:
            return _extraction(body, *found, multiple=multiple)
        found = fallback.named_option(body, reader)
        if found is not None:
            return _extraction(body, *found, multiple=multiple)
    refusal = fallback.refuses(body)
    if refusal is not None:
        return _result(AnswerStatus.REFUSED, Rule.REFUSAL, body, refusal)
    declined = fallback.declines(body)
    if declined is not None and presented.letters:
        return _result(AnswerStatus.NO_ANSWER, Rule.NONE_OF_THE_OPTIONS, body, declined)
    if presented.letters:
        found = fallback.one_sentence(body, reader)
        if found is not None:
            return _extraction(body, *found, multiple=multiple)
    return _result(AnswerStatus.UNPARSED)


def _unless_retracted(body: PlainText, reader: ChoiceReader, declared: Declaration) -> tuple[Rule, Reading]:
    """`My final option: [B]. Wait, it is C.`: a correction counts though it announces nothing formally."""
    if declared.reading.letters:
        changed = fallback.correction(body, reader, declared.reading)
        if changed is not None:
            return changed
    cue = fallback.RETRACTION.search(body.text, declared.reading.end)
    if cue is not None:
        corrected = fallback.conclusion(body, reader, start=max(0, cue.start() - 2))
        if corrected is not None:
            return corrected
    return declared.rule, declared.reading


def _extraction(body: PlainText, rule: Rule, reading: Reading, *, multiple: bool) -> Extraction:
    match reading.kind:
        case Kind.LETTERS:
            return _result(AnswerStatus.ANSWERED, rule, body, reading)
        case Kind.NAMES:
            return _result(AnswerStatus.ANSWERED, Rule.OPTION_TEXT, body, reading)
        case Kind.ALL:
            if multiple:
                return _result(AnswerStatus.ANSWERED, Rule.ALL_OPTIONS, body, reading)
            return _result(AnswerStatus.UNPARSED, Rule.SEVERAL_OPTIONS, body, reading)
        case Kind.NONE:
            return _result(AnswerStatus.NO_ANSWER, Rule.NONE_OF_THE_OPTIONS, body, reading)
        case _:
            return _result(AnswerStatus.UNPARSED, _UNPARSED[reading.kind], body, reading)


def _result(
    status: AnswerStatus,
    rule: Rule | None = None,
    body: PlainText | None = None,
    reading: Reading | None = None,
) -> Extraction:
    answered = status is AnswerStatus.ANSWERED and reading is not None
    return Extraction(
        letters=reading.letters if answered and reading is not None else (),
        status=status,
        rule=None if rule is None else rule.value,
        span=None if body is None or reading is None else body.original(reading.start, reading.end),
        version=EXTRACTION_VERSION,
    )
