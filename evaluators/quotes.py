"""Whether a quote occurs in a text, word for word, and which passage comes closest where it does not."""

from __future__ import annotations

import re
from collections import Counter
from difflib import SequenceMatcher
from functools import lru_cache

from spinebench.evaluators.folding import Folded, fold
from spinebench.records import Record

LEAST_LETTERS = 4
"""Letters and digits of a quote that says something; an ideograph counts twice. `no`, `the` or `B` are everywhere."""
NEAR = 0.6
"""Similarity from which a passage is named as the one that was probably meant."""

_IDEOGRAPH = r"[\u0e00-\u0eff\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\uf900-\ufaff\U00020000-\U0003ffff]"
_TOKEN = re.compile(rf"{_IDEOGRAPH}|(?:(?!{_IDEOGRAPH})\w)+")
_WORD = re.compile(rf"(?:(?!{_IDEOGRAPH})[^\W_])+")
_SPACELESS = re.compile(_IDEOGRAPH)
_OUTER = " \"'.,;:…"
_MOST_PLACES = 300
"""Places looked at per word: beyond them a word is too common to tell where a quote comes from."""
_MOST_WORDS = 80
"""Words of a quote that the search for a near miss looks at."""
_MOST_CHARACTERS = 500
_COMPARED = 240
"""Characters of the similarity: difflib's time grows faster than their square where a text repeats itself."""
_CANDIDATES = 4


class QuoteMatch(Record):
    """Where a quote stands in a text, or what comes closest to it."""

    found: bool
    span: tuple[int, int] | None = None
    """Half-open range of the original text: of the quote, or of `near` where it was not found."""
    near: str | None = None
    """The closest passage as it stands in the text, at most 500 characters; None if found or if none is close."""
    similarity: float = 0.0
    """1 if found; otherwise of `near` to the quote in comparison form, 0 to 1 (difflib's ratio)."""
    problem: str | None = None
    """Why it does not count, in words for whoever wrote the quote; None if found."""


def find_quote(quote: str, text: str) -> QuoteMatch:
    """Whether `quote` occurs in `text` word for word, up to what `folding` disregards.

    Quotation marks, an ellipsis or a stop around the quote belong to the quoting and are left out. It has to begin
    and end where words do (`stable` is not in `unstable`), and to hold at least four letters or digits unless it is
    the whole text. An ellipsis inside it, or words left out, is no quote: each passage is one of its own.

    Time is linear in the text for a quote that occurs, and bounded beyond that for a near miss.
    """
    whole = fold(text)
    wanted = fold(quote).text.strip(_OUTER)
    if not any(map(str.isalnum, wanted)):
        return QuoteMatch(found=False, problem="the quote is empty")
    if _too_short(wanted) and wanted != whole.text.strip(_OUTER):
        return QuoteMatch(
            found=False,
            problem=f"the quote is too short to be evidence: at least {LEAST_LETTERS} letters or digits",
        )
    place = _occurrence(wanted, whole.text)
    if place is not None:
        return QuoteMatch(found=True, span=whole.original(place, place + len(wanted)), similarity=1.0)
    return _closest(wanted, whole, text)


def _too_short(text: str) -> bool:
    """Whether it holds fewer than `LEAST_LETTERS`; of a long text only its beginning is looked at."""
    found = 0
    for char in text:
        if char.isalnum():
            found += 2 if _SPACELESS.match(char) else 1
            if found >= LEAST_LETTERS:
                return False
    return True


def _occurrence(wanted: str, text: str) -> int | None:
    """The first place where `wanted` stands and no word goes on before or behind it."""
    place = text.find(wanted)
    while place >= 0:
        end = place + len(wanted)
        if place and _goes_on(text[place - 1 : place + 1]):
            word = _WORD.match(text, place)
            place = text.find(wanted, place + 1 if word is None else word.end())
            continue
        if not _goes_on(text[end - 1 : end + 1]):
            return place
        place = text.find(wanted, place + 1)
    return None


def _goes_on(pair: str) -> bool:
    """Whether two neighbouring characters are within one word or number."""
    return len(pair) == 2 and pair.isalnum() and not any(_SPACELESS.match(char) for char in pair)


@lru_cache(maxsize=16)
def _words(text: str) -> tuple[tuple[tuple[int, int], ...], dict[str, tuple[int, ...]]]:
    """Spans of the words of a folded text, and at which of them each word stands."""
    spans: list[tuple[int, int]] = []
    places: dict[str, list[int]] = {}
    for number, match in enumerate(_TOKEN.finditer(text)):
        spans.append(match.span())
        places.setdefault(match.group(), []).append(number)
    return tuple(spans), {word: tuple(numbers) for word, numbers in places.items()}


def _closest(wanted: str, whole: Folded, text: str) -> QuoteMatch:
    nothing = QuoteMatch(found=False, problem="the trace does not hold this passage, nor one like it")
    words = _TOKEN.findall(wanted)[:_MOST_WORDS]
    spans, places = _words(whole.text)
    if not words or not spans:
        return nothing
    # A passage that holds the quote's words in order lies on one diagonal: word of the text minus word of the quote.
    diagonals: Counter[int] = Counter()
    for number, word in enumerate(words):
        for at in places.get(word, ())[:_MOST_PLACES]:
            diagonals[(at - number) // 3] += 1
    around = Counter(
        {third: n + diagonals[third - 1] + diagonals[third + 1] for third, n in diagonals.items()}
    )
    passages: list[tuple[float, int, int]] = []
    seen: set[str] = set()
    for third, _ in around.most_common(_CANDIDATES):
        slack = 3 + len(words) // 4
        first = max(0, third * 3 - slack)
        last = min(len(spans), third * 3 + len(words) + slack + 3)
        window = whole.text[spans[first][0] : spans[last - 1][1]] if first < last else ""
        if window and window not in seen:  # a text that repeats itself has the same passage many times
            seen.add(window)
            passages += _passage(words, spans[first:last], whole.text)
    if not passages:
        return nothing
    _, start, end = max(passages)
    matcher = SequenceMatcher(None, whole.text[start:end][:_COMPARED], wanted[:_COMPARED], autojunk=False)
    ratio = matcher.ratio()
    if ratio < NEAR:
        return nothing.model_copy(update={"similarity": round(ratio, 3)})
    span = whole.original(start, end)
    return QuoteMatch(
        found=False,
        span=span,
        near=text[slice(*span)][:_MOST_CHARACTERS],
        similarity=round(ratio, 3),
        problem="the trace does not hold this passage word for word",
    )


def _passage(words: list[str], spans: tuple[tuple[int, int], ...], text: str) -> list[tuple[float, int, int]]:
    """The stretch from the first word that matches the quote to the last, as a range of `text`; [] if none does.

    Before it stands the share of the quote's words that it holds in order.
    """
    window = [text[a:b] for a, b in spans]
    matcher = SequenceMatcher(None, window, words, autojunk=False)
    blocks = [block for block in matcher.get_matching_blocks() if block.size]
    if not blocks:
        return []
    # Words of the quote before the first match and behind the last stand for as many of the text.
    begin = max(0, blocks[0].a - blocks[0].b)
    end = min(len(window), blocks[-1].a + blocks[-1].size + len(words) - blocks[-1].b - blocks[-1].size)
    share = sum(block.size for block in blocks) / max(len(words), end - begin)
    return [(share, spans[begin][0], spans[end - 1][1])]
