"""Where a reply may announce its answer, and which of these places only quote the question."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum
from itertools import islice

from spinebench.evaluators.extraction.languages import contains, occurring
from spinebench.evaluators.extraction.phrases import ANSWER, CLOSING_LINE, ClosingPhrases, compiled
from spinebench.evaluators.extraction.text import ANSWER_OPEN, BOXED, PlainText


class Rule(StrEnum):
    """Every id that `Extraction.rule` may hold when the rules, not a model, read the text."""

    # answered
    CLOSING_LINE = "closing_line"
    BOXED = "boxed"
    ANSWER_TAG = "answer_tag"
    JSON = "json"
    ANSWER_PHRASE = "answer_phrase"
    CHOICE_PHRASE = "choice_phrase"
    OPTION_TEXT = "option_text"
    ALL_OPTIONS = "all_options"
    CONCLUSION = "conclusion"
    BARE_CHOICE = "bare_choice"
    NAMED_OPTION = "named_option"
    # no_answer
    EMPTY = "empty"
    NONE_OF_THE_OPTIONS = "none_of_the_options"
    # refused
    REFUSAL = "refusal"
    # unparsed, with the reason
    OUTSIDE_OPTIONS = "outside_options"
    SEVERAL_OPTIONS = "several_options"
    LETTER_TEXT_CONFLICT = "letter_text_conflict"
    HEDGED = "hedged"
    RANGE = "range"
    UNREADABLE = "unreadable"


class Form(IntEnum):
    """How strictly the place behind an announcement is read."""

    CLOSING = 0  # a colon there promises an answer: if none can be read, none is taken from earlier text
    PHRASE = 1
    FOREIGN = 2
    VERB = 3
    VALUE = 4  # inside \boxed{}, a tag or a JSON string
    PREDICATE = 5  # "B is the correct answer": the letter stands before
    PLACE = 6  # the match ends where the answer begins, whatever joins them


@dataclass(frozen=True)
class Head:
    """A place where the reply may announce its answer."""

    start: int
    end: int
    form: Form
    rule: Rule


_GLUE = (
    r"[\s,:;\"'(\[-]*(?:(?:the|this|exact|closing|final|following|phrase|line|words?"
    r"|form)[\s:\"']+){0,4}[\"'(\[]*$"
)
_EXAMPLE = re.compile(
    r"(?:\bfor\s(?:example|instance)|\be\.\s?g\.?|\bexamples?(?=\s?[:(\"'])|\bsuch as|\bz\.\s?b\."
    r"|\bzum beispiel"
    r"|\bpar exemple|\bpor (?:ejemplo|exemplo)|\bad esempio|\bнапример|例如|比如|例えば|예를 들어|예(?=:))"
    + _GLUE,
    re.IGNORECASE,
)
_INSTRUCTION = re.compile(
    r"(?:\b(?:end|finish|conclude|close|begin|start|reply|respond|answer)\s(?:(?:it|this|your\s\w+"
    r"|the\s\w+|on a new line)\s)?"
    r"(?:with|as|by writing|using)(?:\s(?:exactly|only))?|\b(?:must|should|please|to)\s(?:write"
    r"|print|output|state|say|type|use)(?:\s(?:exactly|only))?"
    r"|\b(?:of|in) the (?:\w+\s)?form(?:at)?(?:\sof)?|\bformat(?:ted)?(?: as| like)?(?!\s?:?\n)|\btemplate"
    r"|\blike this)" + _GLUE,
    re.IGNORECASE,
)
_OWN = re.compile(r"\b(?:i|i'll|i'm|let me|we|my|here(?:'s| is| are))\b", re.IGNORECASE)
_VERB = re.compile(
    r"\b(?:i|we)\s(?:(?:would|will|shall|can|must|therefore|thus|am|are|have|do|hereby|now|then"
    r"|finally|confidently)\s){0,3}"
    r"(?:(?:choose|select|pick|opt\sfor|vote\sfor|settle\son|settled\son|chosen|selected|choosing"
    r"|selecting|picking|answer|conclude)|go(?:ing)?\swith)\b(?:\sthat\sit\sis)?"
    r"|\bi'(?:ll|d|m|ve)\s(?:\w+ly\s)?(?:go(?:ing)?\swith|choose|choosing|select|selecting"
    r"|selected|chosen|pick|picking|opt\sfor|answer)\b",
    re.IGNORECASE,
)
_PREDICATE = re.compile(
    r"\b(?:is|are|would be|remains|must be|represents|seems to be|appears to be)\s(?:therefore\s"
    r"|thus\s|clearly\s|likely\s|probably\s|indeed\s|hence\s){0,2}(?:the|my|our)\s"
    r"(?:(?:most|only|single|overall|final)\s){0,2}(?:correct|right|best|appropriate|likely"
    r"|accurate|plausible|suitable|consistent|probable|closest|final|true)(?:\s\w+)?\s"
    r"(?:answers?|options?|choices?|diagnosis|responses?|ones?|match|fit|statement|selection)\b"
    r"|\b(?:is|are)\s(?:my|our)\s(?:final\s|chosen\s)?(?:answers?|options?|choices?|selection)\b"
    r"|(?:が正解|が正しい|が最も適切|이 정답|가 정답|是正确的?答案|是正确选项|为正确答案|是最佳答案)",
    re.IGNORECASE,
)
_JSON_KEY = re.compile(
    r"[\"'](?:my[_ -]?)?(?:final[_ -]?|correct[_ -]?|selected[_ -]?|chosen[_ -]?|best[_ -]?)?"
    r"(?:answers?|option|choices?|letters?|selection|selected|prediction|predicted|diagnosis"
    r"|response|result|final)"
    r"(?:[_ -]?(?:letters?|choices?|options?|answers?))?[\"']\s?:\s?(?P<list>\[)?",
    re.IGNORECASE,
)
_JSON_OPTIONS = re.compile(
    r"[\"'](?:my[_ -]?)?(?:final|correct|selected|chosen)[_ -]?options[\"']\s?:\s?(?P<list>\[)?",
    re.IGNORECASE,
)
_MAX_HEADS = 1500
"""Announcements examined per reply, from its end: a bound on time for hostile text."""
_LAST_PIECE = 20
"""Least length of the piece of a reply that is searched first: most close with their answer."""


@dataclass(frozen=True)
class _Search:
    """One pattern with what its matches are."""

    pattern: re.Pattern[str]
    form: Form
    rule: Rule
    cues: tuple[str, ...] = ()
    """Lower-case fragments, one of which stands in every match in ASCII: a cheap test before the search."""

    def heads(self, plain: PlainText, piece: Piece) -> Iterator[Head]:
        if not self.cues or contains(piece.flat if piece.is_ascii else plain.flat, self.cues):
            for m in self.pattern.finditer(plain.text, piece.start, piece.stop):
                yield Head(m.start(), m.end(), self.form, self.rule)


def _closing(rule: Rule) -> tuple[_Search, ...]:
    cues = (("final",), ("my ", "our "))
    return tuple(
        _Search(compiled(pattern), Form.CLOSING, rule, fragments)
        for pattern, fragments in zip(CLOSING_LINE, cues, strict=True)
    )


_CLOSING_LINE = _closing(Rule.CLOSING_LINE)
_CLOSING_AS_PHRASE = _closing(Rule.ANSWER_PHRASE)
_GENERIC = (
    *(
        _Search(compiled(pattern), Form.PHRASE, Rule.ANSWER_PHRASE, cues)
        for pattern, cues in zip(ANSWER, (("answer",), ("ans",), (), ()), strict=True)
    ),
    _Search(_VERB, Form.VERB, Rule.CHOICE_PHRASE),
    _Search(_PREDICATE, Form.PREDICATE, Rule.ANSWER_PHRASE),
    _Search(re.compile(BOXED), Form.VALUE, Rule.BOXED, (BOXED,)),
    _Search(re.compile(ANSWER_OPEN), Form.VALUE, Rule.ANSWER_TAG, (ANSWER_OPEN,)),
    _Search(_JSON_KEY, Form.VALUE, Rule.JSON, ('"', "'")),
    _Search(_JSON_OPTIONS, Form.VALUE, Rule.JSON, ('"', "'")),
)


@dataclass(frozen=True)
class Piece:
    """A range of the plain text that no announcement crosses."""

    start: int
    stop: int
    flat: str
    is_ascii: bool


def announcements(plain: PlainText, phrases: ClosingPhrases) -> Iterator[Head]:
    """Where the reply may announce its answer, last place first; searched only as far as they are asked for."""
    return islice(_last_first(plain, phrases), _MAX_HEADS)


def _last_first(plain: PlainText, phrases: ClosingPhrases) -> Iterator[Head]:
    given = phrases.patterns != CLOSING_LINE
    searches = _CLOSING_LINE if not given else _CLOSING_AS_PHRASE if phrases.generic else ()
    for piece in _pieces(plain, whole=given):
        heads = _of_caller(plain.text, phrases.patterns) if given else []
        for search in (*searches, *_GENERIC) if phrases.generic else searches:
            heads += search.heads(plain, piece)
        if phrases.generic:
            for language in occurring(plain.flat, piece.flat if piece.is_ascii else plain.flat):
                heads += _Search(compiled(language.pattern), Form.FOREIGN, Rule.ANSWER_PHRASE).heads(
                    plain, piece
                )
        heads.sort(key=_order, reverse=True)
        yield from heads


def _order(head: Head) -> tuple[int, int]:
    return head.end, -head.form


def _pieces(plain: PlainText, *, whole: bool) -> Iterator[Piece]:
    """The text in pieces cut behind full stops, last first, each longer than all behind it.

    No pattern of this package that announces an answer can match a full stop or look past one, so each piece
    has the same announcements as it has within the whole text. `whole`: one piece, for patterns that may.
    """
    stop = len(plain.text)
    length = stop if whole else _LAST_PIECE
    while stop > 0:
        start = plain.text.rfind(".", 0, max(0, stop - length)) + 1
        flat = plain.flat[start:stop]
        yield Piece(start, stop, flat, flat.isascii())
        stop = start
        length *= 4


def _of_caller(text: str, patterns: Sequence[str]) -> list[Head]:
    """Places found by the caller's own patterns: behind a match, or where its capture group begins."""
    heads: list[Head] = []
    for pattern in patterns:
        for m in compiled(pattern).finditer(text):
            end = m.end()
            if m.re.groups and m.group(m.re.groups) is not None:
                end = m.start(m.re.groups)
            heads.append(Head(m.start(), end, Form.PLACE, Rule.CLOSING_LINE))
    return heads


def without_examples(plain: PlainText, heads: Iterable[Head]) -> PlainText:
    """The text with every announcement that is quoted as an example blanked out, at the same places."""
    quoted = [
        head
        for head in heads
        if head.form in {Form.CLOSING, Form.PLACE, Form.PHRASE} and is_example(plain.text, head)
    ]
    if not quoted:
        return plain
    chars = list(plain.text)
    for head in quoted:
        end = sentence_end(plain.text, head.end)
        chars[head.start : end] = " " * (end - head.start)
    return replace(plain, text="".join(chars))


def before_head(text: str, head: Head) -> tuple[str, int]:
    """The characters before an announcement, and where in them its own sentence begins.

    Nothing that quotes, denies or supposes an announcement holds the end of a sentence, save the full stops of
    `e.g.` and `z.B.`: with one of these, everything counts as the sentence.
    """
    before = text[max(0, head.start - 90) : head.start]
    if _ABBREVIATION.search(before):
        return before, 0
    return before, max(before.rfind("."), before.rfind("!"), before.rfind("?")) + 1


_ABBREVIATION = re.compile(r"\.(?<=\b[eEzZ]\.)\s?[gGbB]")


def is_example(text: str, head: Head) -> bool:
    """Whether the announcement is quoted: an example, or the instruction that asked for it."""
    before, sentence = before_head(text, head)
    if _EXAMPLE.search(before, sentence):
        return True
    asked = _INSTRUCTION.search(before, sentence)
    return asked is not None and _OWN.search(_SENTENCE_START.split(before[: asked.start()])[-1]) is None


_SENTENCE_START = re.compile(r"[.!?]\s|\n")


_SENTENCE = re.compile(r"\s?[^\n]{0,300}?(?:[.!?](?=\s|$)|\n|$)", re.MULTILINE)


def sentence_end(text: str, start: int) -> int:
    """End of the sentence or line that `start` lies in, at most 300 characters on."""
    match = _SENTENCE.match(text, start)
    return min(len(text), start + 300) if match is None else match.end()
