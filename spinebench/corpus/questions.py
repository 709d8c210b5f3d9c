"""What a question must be to go to review, and what a clinician should look at more closely."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from spinebench.benchmarks.near_texts import exact_form, normalized
from spinebench.corpus.reading import language_of
from spinebench.corpus.replies import McqDraft, OpenDraft

FEWEST_OPTIONS: Final = 4
MOST_OPTIONS: Final = 8
_LETTER: Final = re.compile(r"^\s*(?:\(?[A-Ha-h]\)|[A-H][.:．：、])\s*(?=\S)")
_ALL_OR_NONE: Final = re.compile(
    r"\b(?:all|none|both|neither) of the (?:above|options|these)\b|\bboth [a-d] and [a-d]\b|"
    r"以上(?:都|均|皆|全)|都不是|均不是",
    re.IGNORECASE,
)
_MARKED: Final = re.compile(
    r"[(\[（【]\s*(?:correct|right|true|answer|正确|答案)[^)\]）】]{0,20}[)\]）】]|^\s*[*✓√]|[✓√]\s*$", re.I
)
_OF_THE_SOURCE: Final = re.compile(
    r"\b(?:according to|in|from|based on|as (?:stated|described|shown) (?:in|by)) (?:the|this) "
    r"(?:text|passage|paragraph|caption|article|document|excerpt|chapter)\b|\b(?:figure|fig\.)\s?\d|"
    r"图\s?\d|(?:根据|按照)(?:上文|文中|本文|原文|图注)|文中",
    re.IGNORECASE,
)
_CHINESE: Final = re.compile("[\u4e00-\u9fff]{2}")
_COMMON: Final = frozenset(
    {"a", "an", "the", "of", "at", "in", "on", "and", "or", "with", "to", "is", "are", "by", "for", "from"}
)


def tidy_options(draft: McqDraft) -> McqDraft:
    """The draft with letters before options taken off, where all options have one."""
    if not all(_LETTER.match(option) for option in draft.options):
        options = tuple(" ".join(one.split()) for one in draft.options)
        return draft.model_copy(update={"options": options, "answer": " ".join(draft.answer.split())})
    answer = draft.answer.strip()
    if len(answer) == 1 and answer.upper() in "ABCDEFGH":
        answer = next(
            (one for one in draft.options if one.strip(" (").upper().startswith(answer.upper())), answer
        )
    options = tuple(" ".join(_LETTER.sub("", one).split()) for one in draft.options)
    return draft.model_copy(update={"options": options, "answer": " ".join(_LETTER.sub("", answer).split())})


def problems_of_mcq(draft: McqDraft, *, language: str) -> tuple[str, ...]:
    """What keeps a multiple-choice question from review; empty for one that may go there."""
    return tuple(_problems_of_mcq(draft, language))


def problems_of_open(draft: OpenDraft, *, language: str) -> tuple[str, ...]:
    """What keeps an open task from review."""
    return tuple(_problems_of_open(draft, language))


def remarks_on_mcq(draft: McqDraft) -> tuple[str, ...]:
    """What a reviewer should look at: allowed, but a known fault of written questions."""
    longest = max((len(one) for one in draft.options if one != draft.answer), default=0)
    if len(draft.answer) >= 40 and len(draft.answer) > 1.5 * longest:
        return ("the right option is much longer than the others",)
    return ()


def _problems_of_mcq(draft: McqDraft, language: str) -> Iterator[str]:
    yield from _problems_of_question(draft.question, language)
    folded = [exact_form(option) for option in draft.options]
    if not FEWEST_OPTIONS <= len(folded) <= MOST_OPTIONS:
        yield f"{len(folded)} options: expected {FEWEST_OPTIONS} to {MOST_OPTIONS}"
    if not all(folded):
        yield "an option is empty"
    if len(set(folded)) < len(folded):
        yield "an option stands there twice"
    if folded.count(exact_form(draft.answer)) != 1:
        yield "the answer is not exactly one of the options"
        return
    if draft.answer not in draft.options:
        yield "the answer is not written as it stands in the options"
    if any(_ALL_OR_NONE.search(option) for option in draft.options):
        yield "an option speaks of all or none of the others"
    if any(_MARKED.search(option) for option in draft.options):
        yield "an option is marked as the right one"
    if _given_away(draft):
        yield "the question contains the right option and none of the wrong ones"


def _problems_of_open(draft: OpenDraft, language: str) -> Iterator[str]:
    yield from _problems_of_question(draft.question, language)
    if not draft.reference.strip():
        yield "there is no reference answer"
    facts = [exact_form(fact) for fact in draft.key_facts]
    if not facts or not all(facts):
        yield "there are no key facts, or one is empty"
    if len(set(facts)) < len(facts):
        yield "a key fact stands there twice"
    told = f"{draft.question}\n{draft.history}\n{draft.examination}"
    if any(_stands_in(fact, told) for fact in facts):
        yield "the task tells a key fact that is to be found"
    if _stands_in(draft.reference, told):
        yield "the task contains the reference answer"


def _problems_of_question(question: str, language: str) -> Iterator[str]:
    if not question.strip():
        yield "the question is empty"
        return
    chinese = _CHINESE.search(question) is not None if language == "zh" else language_of(question) == "zh"
    if chinese != (language == "zh"):
        yield f"the question is not in the language of the document ({language})"
    if _OF_THE_SOURCE.search(question):
        yield "the question speaks of the text or of a numbered figure"


def _given_away(draft: McqDraft) -> bool:
    """Whether the question names the right option and no wrong one.

    Named is an option all of whose own words, those that not every option has, stand in the question.
    """
    question = normalized(draft.question)
    words = {option: [w for w in normalized(option).split() if w not in _COMMON] for option in draft.options}
    shared = set.intersection(*(set(some) for some in words.values())) if words else set()

    def named(option: str) -> bool:
        own = [word for word in words[option] if word not in shared]
        han = "".join(word for word in own if "\u4e00" <= word[0] <= "\u9fff")
        rest = [word for word in own if not "\u4e00" <= word[0] <= "\u9fff"]
        return bool(own) and han in question.replace(" ", "") and set(rest) <= set(question.split())

    return named(draft.answer) and not any(named(one) for one in draft.options if one != draft.answer)


def _stands_in(part: str, whole: str) -> bool:
    """Whether one text stands within another, word for word."""
    return bool(normalized(part)) and f" {normalized(part)} " in f" {normalized(whole)} "
