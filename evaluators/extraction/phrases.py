"""How replies announce their answer: patterns, in many languages, with nothing about any data set in them.

Patterns run without regard to case over text without markup (`text.plain`), where white space is one space or
a line break. Each is bounded and without nested repetition, so that matching stays linear.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from unicodedata import normalize

CLOSING_LINE: tuple[str, ...] = (
    r"\b(?:(?:my|our|the)\s+)?final\s+(?:chosen\s+|selected\s+|answer\s+)?"
    r"(?:option|answer|choice|selection|diagnosis|diagnoses|decision|response|pick|letter"
    r"|verdict)s?\b(?:\s?\(s\))?",
    r"\b(?:my|our)\s+(?:chosen\s+|selected\s+|best\s+|definitive\s+|ultimate\s+)?(?:option|answer"
    r"|choice|selection|pick)s?\b(?:\s?\(s\))?",
)
"""The closing line of the persona prompts, and its near relations."""

ANSWER: tuple[str, ...] = (
    r"\banswers?\b(?:\s?\(s\))?",
    r"^\s?ans\b",
    r"\b(?:correct|right|best|closest|nearest|chosen|selected|appropriate|likely|plausible"
    r"|probable|suitable|accurate"
    r"|optimal|ideal|preferred|consistent|supported|fitting|only)\s+(?:(?:matching|multiple"
    r"|supported|fitting|remaining|single)\s+)?"
    r"(?:options?|choices?|selections?|responses?|diagnosis|diagnoses|match(?:es)?|fit|levels?"
    r"|conclusion|letters?)\b(?:\s?\(s\))?",
    r"^(?:the\s+)?(?:option|choice|letter|selection|diagnosis|conclusion|final|verdict|result"
    r"|decision|prediction|selected|chosen|correct)\b"
    r"(?=\s?(?:is|:|\|)\s?[\s(\[\"'])",
)
"""Generic English phrases that announce an answer."""


@dataclass(frozen=True)
class ClosingPhrases:
    """What counts as an announcement of the answer.

    `patterns` are regular expressions (or plain words) that end where the answer begins: `r"the answer is"`,
    `r"ANSWER:"`. A pattern's capture group is taken for the answer itself: `r"Answer: ([A-E])"`. They run,
    without regard to case, over the text without markup. `generic` keeps the announcements of this module
    (other English phrases, other languages, `\\boxed`, JSON, answer tags) in force beside them.
    """

    patterns: tuple[str, ...] = CLOSING_LINE
    generic: bool = field(default=True, kw_only=True)


DEFAULT_PHRASES = ClosingPhrases()

Phrases = str | re.Pattern[str] | Sequence[str | re.Pattern[str]] | ClosingPhrases


def closing_phrases(phrases: Phrases | None) -> ClosingPhrases:
    """`phrases` in one form: None is the default, strings and compiled patterns stand for `ClosingPhrases`."""
    if phrases is None:
        return DEFAULT_PHRASES
    if isinstance(phrases, ClosingPhrases):
        return phrases
    given = [phrases] if isinstance(phrases, str | re.Pattern) else phrases
    return ClosingPhrases(tuple(p.pattern if isinstance(p, re.Pattern) else p for p in given))


@lru_cache(maxsize=256)
def compiled(pattern: str) -> re.Pattern[str]:
    """The pattern without regard to case; words that are no regular expression are taken as they stand."""
    # As in the text, where each character is in its compatibility form.
    loose = re.sub(r"(?<!\\) +", r"\\s+", normalize("NFKC", pattern.strip()))
    try:
        return re.compile(loose, re.IGNORECASE | re.MULTILINE)
    except re.error:
        return re.compile(re.escape(pattern.strip()), re.IGNORECASE | re.MULTILINE)
