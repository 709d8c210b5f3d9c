"""Quotes: what counts as verbatim, what does not, and which passage is named instead."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.folding import fold
from spinebench.evaluators.quotes import find_quote

TRACE = (
    "**Findings**\n\n- The L4/L5 disc shows a *marked* loss of height — with a “vacuum” sign.\n"
    "- The canal is\n  wide;  it is unstable in flexion, 5² mm of slip…\n\nMy final option: [B]\n"
)

FOUND: dict[str, tuple[str, str]] = {
    # quote, the passage of the trace that it is
    "as it stands": ("The canal is\n  wide", "The canal is\n  wide"),
    "white space": ("The canal is wide", "The canal is\n  wide"),
    "case": ("THE CANAL IS WIDE", "The canal is\n  wide"),
    "emphasis left out": ("shows a marked loss of height", "shows a *marked* loss of height"),
    "emphasis added": ("the **canal** is _wide_", "The canal is\n  wide"),
    "kind of quotation marks": ('a "vacuum" sign', "a “vacuum” sign"),
    "kind of dash": ("height - with a", "height — with a"),
    "full width": ("Ｌ4/Ｌ5 disc", "L4/L5 disc"),
    "in quotation marks": ('"The canal is wide"', "The canal is\n  wide"),
    "between ellipses": ("...it is unstable in flexion...", "it is unstable in flexion"),
    "a stop at the end": ("it is unstable.", "it is unstable"),
    "invisible characters": ("it is un\u200bstable", "it is unstable"),
    "over two paragraphs": ("5² mm of slip… My final option", "5² mm of slip…\n\nMy final option"),
    "ellipsis as three dots": ("of slip... my final", "of slip…\n\nMy final"),
    "a level": ("L4/L5", "L4/L5"),
}


@pytest.mark.parametrize(("quote", "passage"), FOUND.values(), ids=FOUND)
def test_found(quote: str, passage: str) -> None:
    match = find_quote(quote, TRACE)
    assert match.found
    assert match.span is not None
    assert TRACE[slice(*match.span)] == passage
    assert match.similarity == 1
    assert match.near is None
    assert match.problem is None


MISSED: dict[str, tuple[str, str | None]] = {
    # quote, what the named passage holds (None: none is near)
    "a word left out": ("The L4/L5 disc shows a loss of height", "disc shows a *marked* loss of height"),
    "a word changed": ("the canal is narrow; it is unstable", "it is unstable"),
    "another level": ("The L3/L4 disc shows a marked loss of height", "The L4/L5 disc"),
    "a denial left out": ("it is stable in flexion", "it is unstable in flexion"),
    "part of a word": ("stable in flexion", "in flexion"),
    "another number": ("52 mm of slip", "5² mm of slip"),
    "elided": ("the L4/L5 disc ... with a vacuum sign", "vacuum"),
    "typing errors": ("The L4/L5 disk shows a markd loss of hight", "The L4/L5 disc shows"),
    "made up": ("Bright oedema in both endplates", None),
    "another language": ("Der Spinalkanal ist weit", None),
}


@pytest.mark.parametrize(("quote", "near"), MISSED.values(), ids=MISSED)
def test_not_found_but_near(quote: str, near: str | None) -> None:
    match = find_quote(quote, TRACE)
    assert not match.found
    assert match.problem
    if near is None:
        assert match.near is None
        assert match.span is None
    else:
        assert match.near is not None
        assert near in match.near
        assert match.span is not None
        assert TRACE[slice(*match.span)] == match.near
        assert 0.5 < match.similarity < 1


@pytest.mark.parametrize(
    ("quote", "problem"),
    [("", "empty"), ("   \n", "empty"), ('"..."', "empty"), ("**", "empty"), ("\u200b\u200b", "empty"),
     ("the", "too short"), ("is a", "too short"), ("B", "too short"), ("[B]", "too short")],
)  # fmt: skip
def test_what_says_nothing_is_no_evidence(quote: str, problem: str) -> None:
    match = find_quote(quote, TRACE)
    assert not match.found
    assert problem in (match.problem or "")


def test_the_whole_of_a_short_trace_may_be_quoted() -> None:
    assert find_quote("B", "B.").found
    assert not find_quote("B", "B. Wide canal").found
    assert not find_quote("anything", "").found


def test_scripts_without_spaces() -> None:
    trace = "影像显示腰4/5椎间盘突出，椎管狭窄。"
    assert find_quote("椎间盘突出", trace).found
    assert find_quote("椎管", trace).found
    assert not find_quote("椎管正常", trace).found
    assert "椎间盘突出" in (find_quote("腰4/5的椎间盘突出", trace).near or "")


def test_accents_in_either_composition() -> None:
    assert find_quote("hernie discale évidente", "Une hernie discale e\u0301vidente.").found
    assert find_quote("e\u0301vidente hernie", "évidente hernie").found


words = st.text(alphabet="abcde L45/.,*_`\"'\n-é\u200b⟦⟨", min_size=0, max_size=60)


@given(words, words, st.text(alphabet="abcdefgh 1", min_size=6, max_size=30))
def test_any_passage_between_words_is_found(before: str, after: str, passage: str) -> None:
    text = f"{before} {passage} {after}"
    folded = fold(passage).text
    if sum(map(str.isalnum, folded)) < 4:
        return
    match = find_quote(passage, text)
    assert match.found
    assert match.span is not None
    assert fold(text[slice(*match.span)]).text.strip(" \"'.,;:") == folded


@given(st.text(max_size=80))
def test_the_way_back_covers_the_text_in_order(text: str) -> None:
    folded = fold(text)
    assert len(folded.text) == len(folded.starts) == len(folded.ends)
    assert list(folded.starts) == sorted(folded.starts)
    assert all(0 <= a < b <= len(text) for a, b in zip(folded.starts, folded.ends, strict=True))
    assert fold(folded.text).text == folded.text or any(mark in folded.text for mark in "*_ˋ‹›［］⟨⟦")


@given(st.text(max_size=60), st.text(max_size=60))
def test_any_two_texts_give_a_match_with_its_range(quote: str, text: str) -> None:
    match = find_quote(quote, text)
    assert match.found == (match.problem is None)
    assert (match.span is None) == (not match.found and match.near is None)


def test_near_misses_in_a_long_trace() -> None:
    """100 quotes of 40 words with one word changed, in 100 KB: each named passage is the right one."""
    chance = random.Random(3)
    vocabulary = [f"w{number}" for number in range(900)]
    said = [chance.choice(vocabulary) for _ in range(20_000)]
    text = " ".join(said)
    for _ in range(100):
        begin = chance.randrange(len(said) - 40)
        quoted = said[begin : begin + 40]
        quoted[chance.randrange(5, 35)] = "changed"
        match = find_quote(" ".join(quoted), text)
        assert not match.found
        assert (match.near or "").startswith(" ".join(said[begin : begin + 5]))


@pytest.mark.parametrize(
    ("text", "quote"),
    [("a " * 50_000, "a b " * 100), ("x" * 100_000, "x" * 50), ("the disc " * 11_000, "the disc " * 50 + "ends"),
     ("*" * 100_000, "disc of height"), ("\u200b" * 100_000 + "disc", "disc is wide"), ("é" * 100_000, "é" * 1_000),
     ("word " * 100, "word " * 30_000 + "x")],
    ids=["two words", "one word", "a phrase", "stars", "zero width", "accents", "a quote longer than the text"],
)  # fmt: skip
def test_hostile_length_ends_soon(text: str, quote: str) -> None:
    """No assertion on time: a search that is not bounded would run into the time limit of the test."""
    for number in range(10):
        assert not find_quote(quote + f" {number}q", text).found
