"""Reading the one option that stands at a given place: its letter, its text, or both."""

from __future__ import annotations

import re
from dataclasses import dataclass

from spinebench.evaluators.extraction.options import NameMatch, OptionSet
from spinebench.evaluators.extraction.text import ANSWER_CLOSE, BOXED, PlainText
from spinebench.evaluators.extraction.vocabulary import (
    AFTER_ARTICLE,
    AFTER_INITIAL,
    AFTER_PRONOUN,
    ASIDE,
    CLOSERS,
    JOINT,
    LETTER_BEHIND,
    LETTER_RUN,
    RANGE,
    RANGE_BETWEEN,
    STOP_AFTER_NAME,
    TENTATIVE,
)


@dataclass(frozen=True)
class Entry:
    """One option of a list: a letter, a text, or both."""

    letters: tuple[str, ...]
    start: int
    end: int
    by_name: bool = False
    conflict: bool = False
    described: bool = False
    """The option's own text goes with the letter."""
    described_from: int | None = None
    """Where a text that is not the letter's own begins."""


_NOT_A_WORD = 0x0E00
"""Letters from here on (Thai, Chinese, Japanese, Korean ...) do not lengthen a Latin word beside them."""


def joins_word(char: str) -> bool:
    """Whether a character beside a Latin letter makes it part of a longer word."""
    return char.isalnum() and ord(char) < _NOT_A_WORD


class EntryReader:
    """Reads single options in one reply. `multiple`: whether several options may be right."""

    def __init__(self, plain: PlainText, options: OptionSet, *, multiple: bool) -> None:
        self._text = plain.text
        self._flat = plain.flat
        self._options = options
        self._known = frozenset(options.letters)
        self._multiple = multiple

    def read(self, place: int, *, lower: bool) -> Entry | None:
        """The option that begins at exactly `place`, a text going before a shorter letter; None where none does.

        `lower`: whether a bare lower-case letter may be an option ("answer: b").
        """
        name = self._options.name_at(self._flat, place)
        letters = self._letter(place, lower=lower)
        if name is not None and (letters is None or name.end > letters.end):
            if self.ends_name(name):
                return self._with_letter_behind(place, name)
            if letters is None:
                return None
        return letters

    def ends_name(self, name: NameMatch) -> bool:
        """Whether an option's text is over where it matches, and does not go on as part of a longer one."""
        if name.weak:
            rest = self._text[name.end : name.end + 2].lstrip()
            return not rest or rest[0] in "\n.,;:!)]}\"'|(" + ANSWER_CLOSE
        return STOP_AFTER_NAME.match(self._text, name.end) is not None

    def _with_letter_behind(self, place: int, name: NameMatch) -> Entry:
        """`Osteophytes (B)`: the letter must be the text's own."""
        behind = LETTER_BEHIND.match(self._text, name.end)
        bracket = behind is not None and any(c in "([" or c.islower() for c in behind.group())
        if behind is None or not bracket or behind.group(1) not in self._known:
            return Entry(name.letters, place, name.end, by_name=True)
        letter = behind.group(1)
        return Entry((letter,), place, behind.end(), conflict=letter not in name.letters, described=True)

    def _letter(self, place: int, *, lower: bool) -> Entry | None:
        text = self._text
        char = text[place]
        letter = char.upper()
        if not ("A" <= letter <= "Z"):
            return None
        if not self.is_alone(place, place + 1):
            return self._joined_letters(place) if char == letter else None
        if letter not in self._known:
            return None
        bracketed = place > 0 and text[place - 1] in "[({" + BOXED
        after = text[place + 1 : place + 2]
        described = char != letter and self._described(letter, place).described
        if char != letter and not bracketed and not described and after not in (")", "]"):
            ends = after in ("", "\n") or (after in ".:\"'" and text[place + 2 : place + 3].strip() == "")
            if not lower or not ends:
                return None
        if after == "-" and joins_word(text[place + 2 : place + 3] or " "):
            own = self._options.name_at(self._flat, place + 2)
            if (own is None or letter not in own.letters) and not RANGE.match(text, place + 1):
                return None
        if after == "'" and text[place + 2 : place + 3].isalpha():
            return None
        if after == "." and joins_word(text[place + 2 : place + 3] or " "):
            own = self._options.name_at(self._flat, place + 2)
            if own is None and not text[place + 2].isupper():
                return None
        entry = self._described(letter, place)
        if entry.described or entry.conflict or bracketed:
            return entry
        if self._reads_as_word(char, place):
            return None
        return entry

    def _reads_as_word(self, char: str, place: int) -> bool:
        """The article A, the pronoun I, and initials as in `E. coli`."""
        rest = self._text[place + 1 : place + 24]
        if char == "A" and re.match(r" [0-9A-Za-zÀ-ɏ]", rest):
            return AFTER_ARTICLE.match(rest) is None
        if char == "I" and (re.match(r" [0-9A-Za-zÀ-ɏ]", rest) or rest.startswith("'")):
            return AFTER_PRONOUN.match(rest) is None
        if re.match(r"\.\s[a-z]{3,}", rest):
            return AFTER_INITIAL.match(rest) is None
        return False

    def _described(self, letter: str, place: int) -> Entry:
        """A letter with whatever option text goes with it."""
        text = self._text
        closed = CLOSERS.match(text, place + 1)
        end = place + 1 if closed is None else closed.end()
        if closed is not None and text.startswith(". ", end):
            return Entry((letter,), place, end)  # `(B). Osteophytes are ...` begins a new sentence
        joint = JOINT.match(text, end)
        begin = end if joint is None else joint.end()
        name = self._options.name_at(self._flat, begin)
        if name is not None and letter in name.letters:
            behind = CLOSERS.match(text, name.end)
            return Entry((letter,), place, name.end if behind is None else behind.end(), described=True)
        if name is not None and self._contradicts(joint, name, begin):
            return Entry((letter,), place, name.end, conflict=True, described_from=begin)
        aside = None if TENTATIVE.match(text, end) else ASIDE.match(text, end)
        return Entry((letter,), place, end if aside is None else aside.end())

    def _contradicts(self, joint: re.Match[str] | None, name: NameMatch, begin: int) -> bool:
        """Another option's text right behind the letter, long enough or alone enough to mean it."""
        if joint is not None and "," in joint.group() and self._multiple:
            return False
        rest = self._text[name.end : name.end + 3].lstrip(" )]\"'.")
        ends = not rest or rest[0] == "\n"
        return ends or (not name.weak and name.end - begin >= 4 and self.ends_name(name))

    def _joined_letters(self, place: int) -> Entry | None:
        """`ACD` where several options may be right."""
        run = LETTER_RUN.match(self._text, place)
        if not self._multiple or run is None or not self.is_alone(place, run.end()):
            return None
        letters = run.group()
        bracketed = place > 0 and self._text[place - 1] in "[({" + BOXED
        ends = self._text[run.end() : run.end() + 1] in ("", "\n", ".", ")", "]", "}", '"')
        if not set(letters) <= self._known or len(set(letters)) < len(letters) or not ends:
            return None
        if not bracketed and list(letters) != sorted(letters):
            return None
        return Entry(tuple(letters), place, run.end())

    def read_on(self, place: int) -> Entry | None:
        """As `read`, without bare lower-case letters; None too where the text ends before `place`."""
        return self.read(place, lower=False) if place < len(self._text) else None

    def range_end(self, last: Entry) -> int | None:
        """Where `L3/L4 to L5/S1` or `[A]-[C]` ends; None where no second end follows."""
        joint = RANGE_BETWEEN.match(self._text, last.end)
        if joint is None or joint.end() >= len(self._text):
            return None
        other = self.read(joint.end(), lower=False)
        if other is None or other.letters == last.letters:
            return None
        alike = other.by_name == last.by_name and (not last.described or other.described)
        return other.end if joint.group("mark") is None or alike else None

    def is_alone(self, start: int, end: int) -> bool:
        """Whether what stands from `start` to `end` is part of no longer word, contraction or command."""
        before = self._text[start - 1] if start else " "
        after = self._text[end] if end < len(self._text) else " "
        if before == "'" and start > 1 and joins_word(self._text[start - 2]):
            return False
        return not joins_word(before) and not joins_word(after) and before not in "_\\"
