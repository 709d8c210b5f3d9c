"""Reading the choice that stands at a given place: letters, option texts, none of them, or nothing clear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from spinebench.evaluators.extraction.options import NameMatch, OptionSet
from spinebench.evaluators.extraction.text import ANSWER_CLOSE, BOXED, PlainText
from spinebench.evaluators.extraction.vocabulary import (
    AFTER_ARTICLE,
    AFTER_INITIAL,
    AFTER_PRONOUN,
    ALL,
    ALL_WORD,
    ASIDE,
    CLAUSE,
    CLOSERS,
    CONDITION,
    EXCEPT,
    FILLER,
    ITEM,
    JOINT,
    LETTER_BEHIND,
    LETTER_RUN,
    LISTED,
    MARKED,
    MAX_FILLERS,
    MODAL_BEHIND,
    NEGATION_BEFORE,
    NONE,
    NOT_CHOSEN,
    QUESTION_MARK,
    RANGE,
    RANGE_BEFORE,
    RANGE_BETWEEN,
    REASON,
    RULED_OUT,
    SEPARATOR,
    STOP_AFTER_NAME,
    TEMPLATE,
    TENTATIVE,
)


class Kind(StrEnum):
    """What stands where a choice is expected."""

    LETTERS = "letters"
    NAMES = "names"  # option texts in place of letters
    ALL = "all"  # all of the options
    NONE = "none"  # none of the options
    OUTSIDE = "outside"  # a letter that is no option
    SEVERAL = "several"  # several options where one is asked for, or a text that two options share
    CONFLICT = "conflict"  # a letter with another option's text
    HEDGED = "hedged"  # this or that
    RANGE = "range"
    WITHDRAWN = "withdrawn"  # ruled out, asked, or conditional: no choice at all
    TEMPLATE = "template"  # a placeholder: the prompt's own form
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reading:
    """A choice and the half-open range of plain text that holds it."""

    kind: Kind
    start: int
    end: int
    letters: tuple[str, ...] = ()
    described: bool = False
    """Whether the last letter comes with its own option's text."""


@dataclass(frozen=True)
class _Entry:
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


class ChoiceReader:
    """Reads choices in one reply. `multiple`: whether several options may be right."""

    def __init__(self, plain: PlainText, options: OptionSet, *, multiple: bool) -> None:
        self._text = plain.text
        self._flat = plain.flat
        self._options = options
        self._known = frozenset(options.letters)
        self._multiple = multiple

    def read(self, place: int, *, lower: bool = True, stop: int | None = None) -> Reading:
        """The choice that begins at `place`, after filler words and opening brackets.

        `lower`: whether a bare lower-case letter may be an option ("answer: b").
        """
        stop = len(self._text) if stop is None else stop
        begin = place
        for _ in range(MAX_FILLERS):
            if begin >= stop:
                return Reading(Kind.UNREADABLE, place, place)
            found = self._first(begin, lower=lower)
            if found is not None:
                return found
            filler = FILLER.match(self._text, begin, stop)
            if filler is None:
                break
            begin = filler.end()
        return Reading(Kind.UNREADABLE, begin, begin)

    def _first(self, place: int, *, lower: bool) -> Reading | None:
        entry = self._entry(place, lower=lower)
        if entry is not None:
            return self._list(entry)
        template = TEMPLATE.match(self._text, place)
        if template is not None and template.end() > place:
            letter = template.group()[0].upper()
            bracketed = place > 0 and self._text[place - 1] in "[({\"'"
            if template.group()[1:] or bracketed or letter in "XYN":
                return Reading(Kind.TEMPLATE, place, template.end())
        none = NONE.match(self._text, place)
        if none is not None:
            return Reading(Kind.NONE, place, none.end())
        outside = self._outside(place)
        if outside is not None:
            return outside
        everything = ALL.match(self._text, place)
        if everything is not None and ALL_WORD.search(everything.group()):
            if EXCEPT.match(self._text, everything.end()):
                return Reading(Kind.RANGE, place, everything.end())
            return Reading(Kind.ALL, place, everything.end(), self._options.letters)
        return None

    def _outside(self, place: int) -> Reading | None:
        """A lone capital that is no option's letter: bracketed, or with nothing but an end behind it."""
        letter = self._text[place]
        if letter in self._known or not ("A" <= letter <= "Z") or not self._alone(place, place + 1):
            return None
        behind = self._text[place + 1 : place + 3]
        if behind == "" or behind[0] in ")]}\"'\n,;/|" or (behind[0] in ".:" and not behind[1:].isalnum()):
            return Reading(Kind.OUTSIDE, place, place + 1)
        return None

    def _alone(self, start: int, end: int) -> bool:
        before = self._text[start - 1] if start else " "
        after = self._text[end] if end < len(self._text) else " "
        if before == "'" and start > 1 and joins_word(self._text[start - 2]):
            return False
        return not joins_word(before) and not joins_word(after) and before not in "_\\"

    def _entry(self, place: int, *, lower: bool) -> _Entry | None:
        """One option at exactly this place."""
        name = self._options.name_at(self._flat, place)
        letters = self._letter(place, lower=lower)
        if name is not None and (letters is None or name.end > letters.end):
            if self._ends_name(name):
                return self._with_letter_behind(place, name)
            if letters is None:
                return None
        return letters

    def _ends_name(self, name: NameMatch) -> bool:
        if name.weak:
            rest = self._text[name.end : name.end + 2].lstrip()
            return not rest or rest[0] in "\n.,;:!)]}\"'|(" + ANSWER_CLOSE
        return STOP_AFTER_NAME.match(self._text, name.end) is not None

    def _with_letter_behind(self, place: int, name: NameMatch) -> _Entry:
        """`Osteophytes (B)`: the letter must be the text's own."""
        behind = LETTER_BEHIND.match(self._text, name.end)
        bracket = behind is not None and any(c in "([" or c.islower() for c in behind.group())
        if behind is None or not bracket or behind.group(1) not in self._known:
            return _Entry(name.letters, place, name.end, by_name=True)
        letter = behind.group(1)
        return _Entry((letter,), place, behind.end(), conflict=letter not in name.letters, described=True)

    def _letter(self, place: int, *, lower: bool) -> _Entry | None:
        text = self._text
        char = text[place]
        letter = char.upper()
        if not ("A" <= letter <= "Z"):
            return None
        if not self._alone(place, place + 1):
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

    def _described(self, letter: str, place: int) -> _Entry:
        """A letter with whatever option text goes with it."""
        text = self._text
        closed = CLOSERS.match(text, place + 1)
        end = place + 1 if closed is None else closed.end()
        if closed is not None and text.startswith(". ", end):
            return _Entry((letter,), place, end)  # `(B). Osteophytes are ...` begins a new sentence
        joint = JOINT.match(text, end)
        begin = end if joint is None else joint.end()
        name = self._options.name_at(self._flat, begin)
        if name is not None and letter in name.letters:
            behind = CLOSERS.match(text, name.end)
            return _Entry((letter,), place, name.end if behind is None else behind.end(), described=True)
        if name is not None and self._contradicts(joint, name, begin):
            return _Entry((letter,), place, name.end, conflict=True, described_from=begin)
        aside = None if TENTATIVE.match(text, end) else ASIDE.match(text, end)
        return _Entry((letter,), place, end if aside is None else aside.end())

    def _contradicts(self, joint: re.Match[str] | None, name: NameMatch, begin: int) -> bool:
        """Another option's text right behind the letter, long enough or alone enough to mean it."""
        if joint is not None and "," in joint.group() and self._multiple:
            return False
        rest = self._text[name.end : name.end + 3].lstrip(" )]\"'.")
        ends = not rest or rest[0] == "\n"
        return ends or (not name.weak and name.end - begin >= 4 and self._ends_name(name))

    def _joined_letters(self, place: int) -> _Entry | None:
        """`ACD` where several options may be right."""
        run = LETTER_RUN.match(self._text, place)
        if not self._multiple or run is None or not self._alone(place, run.end()):
            return None
        letters = run.group()
        bracketed = place > 0 and self._text[place - 1] in "[({" + BOXED
        ends = self._text[run.end() : run.end() + 1] in ("", "\n", ".", ")", "]", "}", '"')
        if not set(letters) <= self._known or len(set(letters)) < len(letters) or not ends:
            return None
        if not bracketed and list(letters) != sorted(letters):
            return None
        return _Entry(tuple(letters), place, run.end())

    def _list(self, first: _Entry) -> Reading:
        entries = [first]
        hedged = False
        place = first.end
        text = self._text
        while len(entries) <= 2 * len(self._known):
            if not entries[-1].by_name and len(entries[-1].letters) == 1:
                span = RANGE.match(text, place)
                if span is not None and self._is_range(span, entries[-1]):
                    return Reading(Kind.RANGE, first.start, span.end())
            ranged = self._range_end(entries[-1])
            if ranged is not None or RANGE_BEFORE.search(text, max(0, first.start - 20), first.start):
                return Reading(Kind.RANGE, first.start, ranged or first.end)
            guess = TENTATIVE.match(text, place)
            guessed = (
                None if guess is None or guess.end() >= len(text) else self._entry(guess.end(), lower=False)
            )
            if guessed is not None:
                hedged = True
                entries.append(guessed)
                place = guessed.end
                continue
            reasoned = self._reasoned(entries)
            if reasoned is not None:
                hedged = hedged or NOT_CHOSEN.match(text, reasoned.end) is not None
                entries.append(reasoned)
                place = reasoned.end
                continue
            closed = (ASIDE.match(text, place) or CLOSERS.match(text, place)) if entries[-1].by_name else None
            separator = SEPARATOR.match(text, place if closed is None else closed.end())
            if separator is None or separator.end() >= len(text):
                break
            listed = LISTED.match(text, separator.end())
            begin = separator.end() if listed is None else listed.end()
            if text.startswith("...", begin):
                return Reading(Kind.TEMPLATE, first.start, begin + 3)
            entry = self._entry(begin, lower=text[first.start].islower()) if begin < len(text) else None
            if entry is None or not self._goes_on(separator, entry):
                outside = (
                    self._outside(begin) if begin < len(text) and "\n" not in separator.group() else None
                )
                if outside is None:
                    if entry is not None and self._multiple and MODAL_BEHIND.match(text, entry.end):
                        entries.append(entry)
                        hedged = "\n" not in separator.group()
                    break
                return Reading(Kind.OUTSIDE, first.start, outside.end)
            if set(entry.letters) & {x for e in entries for x in e.letters} and "\n" in separator.group():
                break
            hedged = hedged or separator.group("either") is not None
            entries.append(entry)
            place = entry.end
        return self._judged(entries, hedged=hedged)

    def _range_end(self, last: _Entry) -> int | None:
        """Where `L3/L4 to L5/S1` or `[A]-[C]` ends; None where no second end follows."""
        joint = RANGE_BETWEEN.match(self._text, last.end)
        if joint is None or joint.end() >= len(self._text):
            return None
        other = self._entry(joint.end(), lower=False)
        if other is None or other.letters == last.letters:
            return None
        alike = other.by_name == last.by_name and (not last.described or other.described)
        return other.end if joint.group("mark") is None or alike else None

    def _reasoned(self, entries: list[_Entry]) -> _Entry | None:
        """The next option of a list whose entries come with reasons.

        One entry per line, each marked alike (a hyphen, a number, or nothing), or on one line behind semicolons.
        None where the list ends.
        """
        text = self._text
        last = entries[-1]
        line = text.rfind("\n", max(0, entries[0].start - 12), entries[0].start) + 1
        end = _line_end(text, last.end)
        semicolon = text.find(";", last.end, end)
        if semicolon >= 0 and not NOT_CHOSEN.match(text, last.end):
            because = REASON.match(text, last.end, semicolon)
            if because is not None and because.group().strip() and "." not in text[last.end : semicolon]:
                spaces = LISTED.match(text, semicolon + 1)
                found = self._at(semicolon + 1 if spaces is None else spaces.end())
                if found is not None and REASON.match(text, found.end):
                    return found
        if not line or end >= len(text) or text[end] != "\n" or not text[last.end : end].strip(" )]\"'."):
            return None
        item = ITEM.match(text, line)
        marked = item.group()[-2:] if item is not None else ""
        if text[line : entries[0].start].removeprefix(item.group() if item else "").strip(" ([\"'"):
            return None
        begin = end + 1
        if text.startswith("\n", begin) and marked:
            begin += 1
        next_item = ITEM.match(text, begin)
        if next_item is None or next_item.group()[-2:] != marked:
            return None
        opened = LISTED.match(text, next_item.end()) if not text.startswith("\n", begin) else None
        found = None if opened is None else self._at(opened.end())
        if found is None:
            return None
        if not REASON.match(text, found.end) and (not found.described or RULED_OUT.match(text, found.end)):
            return None
        known = {letter for entry in entries for letter in entry.letters}
        return None if known & set(found.letters) else found

    def _at(self, place: int) -> _Entry | None:
        """One option at exactly this place, if the text goes on so far."""
        return self._entry(place, lower=False) if place < len(self._text) else None

    def _is_range(self, span: re.Match[str], last: _Entry) -> bool:
        other = span.group(1)
        if other.islower() or other not in self._known:
            return False
        word = span.group()[:-1].strip()
        return word != "-" or not last.described

    def _goes_on(self, separator: re.Match[str], entry: _Entry) -> bool:
        """Whether an option behind a separator still belongs to the list, and opens no clause of its own."""
        between = separator.group()
        behind = self._text[entry.end : entry.end + 1]
        if "\n" in between:
            if RULED_OUT.match(self._text, entry.end):
                return False
            return (
                entry.described
                or entry.by_name
                or behind in ("", "\n")
                or self._text[entry.end : entry.end + 2] in (".", ".\n")
            )
        if RULED_OUT.match(self._text, entry.end):
            return False
        return CLAUSE.match(self._text, entry.end) is None or not between.strip() or between.strip() in "/|"

    def _judged(self, entries: list[_Entry], *, hedged: bool) -> Reading:
        start, end = entries[0].start, entries[-1].end
        letters = tuple(sorted({letter for entry in entries for letter in entry.letters}))
        text = self._text
        if RULED_OUT.match(text, end) or CONDITION.match(text, end):
            return Reading(Kind.WITHDRAWN, start, end)
        if QUESTION_MARK.match(text, end):
            return Reading(Kind.WITHDRAWN, start, end)
        if any(entry.conflict for entry in entries):
            together = self._explained_together(entries) if self._multiple else None
            if together is None or hedged:
                return Reading(Kind.CONFLICT, start, end, letters)
            return Reading(Kind.LETTERS, start, end, together)
        if hedged and len(letters) > 1:
            return Reading(Kind.HEDGED, start, end, letters)
        if any(entry.by_name and len(entry.letters) > 1 for entry in entries):
            return Reading(Kind.SEVERAL, start, end, letters)
        if not self._multiple and len(letters) > 1:
            return Reading(Kind.SEVERAL, start, end, letters)
        by_name = all(entry.by_name for entry in entries)
        return Reading(Kind.NAMES if by_name else Kind.LETTERS, start, end, letters, entries[-1].described)

    def _explained_together(self, entries: list[_Entry]) -> tuple[str, ...] | None:
        """The letters of `A and C (L4/L5 and L5/S1)`: the texts behind the last one are those of all."""
        lettered = [entry for entry in entries if not entry.by_name]
        begin = lettered[-1].described_from
        letters = {letter for entry in lettered for letter in entry.letters}
        if begin is None or len(letters) < 2 or any(entry.conflict for entry in lettered[:-1]):
            return None
        names = self._options.names_in(self._flat, begin, _line_end(self._text, begin))
        named = {letter for _, match in names for letter in match.letters}
        return tuple(sorted(letters)) if named == letters else None

    def within(self, start: int, stop: int, *, names: bool) -> Reading:
        """The one option that a sentence names: `... (option B)`, or with `names` its text; else UNREADABLE."""
        marked = [m for m in MARKED.finditer(self._text, start, stop) if not self._negated(m.start(), start)]
        letters = {m.group(1) or m.group(2) for m in marked}
        if len(letters) == 1 and letters <= self._known:
            first = self.read(marked[-1].start(), stop=stop)
            if first.kind is Kind.LETTERS and first.letters == tuple(letters):
                return Reading(Kind.LETTERS, marked[-1].start(), marked[-1].end(), tuple(letters))
        if len(letters) > 1 and letters <= self._known:
            return Reading(Kind.SEVERAL, marked[0].start(), marked[-1].end(), tuple(sorted(letters)))
        if names and not letters:
            found = [
                (place, match)
                for place, match in self._options.names_in(self._flat, start, stop)
                if (not match.weak or self._ends_name(match))
                and match.end - place > 2
                and not self._negated(place, start)
            ]
            bearers = {letter for _, match in found for letter in match.letters}
            for (place, one), (_, other) in pairwise(found):
                if one.letters != other.letters and (
                    RANGE_BETWEEN.match(self._text, one.end)
                    or RANGE_BEFORE.search(self._text, max(start, place - 20), place)
                ):
                    return Reading(Kind.RANGE, found[0][0], other.end, tuple(sorted(bearers)))
            if found and (
                len(bearers) == 1 or (self._multiple and all(len(m.letters) == 1 for _, m in found))
            ):
                end = found[-1][1].end
                if not RULED_OUT.match(self._text, end):
                    return Reading(Kind.NAMES, found[0][0], end, tuple(sorted(bearers)))
        return Reading(Kind.UNREADABLE, start, start)

    def _negated(self, place: int, start: int) -> bool:
        return NEGATION_BEFORE.search(self._text[max(start, place - 40) : place]) is not None


def _line_end(text: str, place: int) -> int:
    """End of the line, at most 300 characters on."""
    end = text.find("\n", place, place + 300)
    return min(len(text), place + 300) if end < 0 else end
