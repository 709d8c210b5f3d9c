"""Foreign text: nothing of it is markup, nothing in it is hidden, highlights are where they belong."""

from __future__ import annotations

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.dashboard.foreign_text import PART, Mark, escaped, marked, n_parts, part_of, quote_marks

_OURS = re.compile(r'</?(?:div|mark|span)(?: class="[a-z -]+")?>')


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("<script>x</script>", "&lt;script&gt;x&lt;/script&gt;"),
        ("a & \"b\" 'c'", "a &amp; &quot;b&quot; &#x27;c&#x27;"),
        ("a\u202eb", 'a<span class="unseen">⟨U+202E⟩</span>b'),
        ("\x1b[31m", '<span class="unseen">⟨U+001B⟩</span>[31m'),
        ("a\u200b" + "\u200b" * 9, 'a<span class="unseen">⟨U+200B … 10 characters⟩</span>'),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("", ""),
    ],
    ids=["script", "entities", "bidi", "ansi", "run", "white space", "empty"],
)
def test_escaped(text: str, shown: str) -> None:
    assert escaped(text) == shown


def test_marks_overlap_and_nest() -> None:
    # 0123456789: the quote covers 2-8, the span 6-10, so that 6-8 is both.
    found = marked("0123456789", [Mark(2, 8, "quote"), Mark(6, 10, "span")])
    assert found == (
        '<div class="foreign-text">01<mark class="quote">2345</mark><mark class="span quote">67</mark>'
        '<mark class="span">89</mark></div>'
    )


def test_a_part_shows_only_its_characters_and_marks() -> None:
    assert marked("0123456789", [Mark(0, 4, "span"), Mark(8, 9, "quote")], first=2, last=6) == (
        '<div class="foreign-text"><mark class="span">23</mark>45</div>'
    )


@given(
    st.text(alphabet=st.characters(exclude_categories=["Cs", "Cc", "Cf", "Mn"]), max_size=60),
    st.lists(st.tuples(st.integers(-5, 70), st.integers(-5, 70)), max_size=5),
)
def test_taking_our_marks_away_gives_the_text_back(text: str, ranges: list[tuple[int, int]]) -> None:
    found = marked(text, [Mark(start, end, "quote") for start, end in ranges])
    plain = html.unescape(_OURS.sub("", found))
    assert plain == escaped_free(text)
    assert "<" not in _OURS.sub("", found)


def escaped_free(text: str) -> str:
    """What a reader sees of a text: invisible characters written out."""
    return html.unescape(_OURS.sub("", escaped(text)))


def test_quotes_are_found_up_to_spelling_and_missing_ones_have_no_mark() -> None:
    text = "The canal  is narrow. Nothing else."
    assert quote_marks(["the canal is narrow", "the disc is gone"], text) == [Mark(0, 20, "quote")]


def test_parts() -> None:
    assert n_parts("") == 1
    assert n_parts("x" * PART) == 1
    assert n_parts("x" * (PART + 1)) == 2
    assert (part_of(PART - 1), part_of(PART)) == (1, 2)
