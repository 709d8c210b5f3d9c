"""Reading the choice that stands at a given place: letters, option texts, none of them, or nothing clear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from itertools import pairwise

from spinebench.evaluators.extraction.entries import Entry, EntryReader
from spinebench.evaluators.extraction.options import OptionSet
from spinebench.evaluators.extraction.text import PlainText
from spinebench.evaluators.extraction.vocabulary import (
    ALL,
    ALL_WORD,
    ASIDE,
    CLAUSE,
    CLOSERS,
    CONDITION,
    EXCEPT,
    FILLER,
    ITEM,
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


class ChoiceReader:
    """Reads choices in one reply. `multiple`: whether several options may be right."""

    def __init__(self, plain: PlainText, options: OptionSet, *, multiple: bool) -> None:
        self._text = plain.text
        self._flat = plain.flat
        self._options = options
        self._known = frozenset(options.letters)
        self._multiple = multiple
        self._entries = EntryReader(plain, options, multiple=multiple)

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
        entry = self._entries.read(place, lower=lower)
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
        if (
            letter in self._known
            or not ("A" <= letter <= "Z")
            or not self._entries.is_alone(place, place + 1)
        ):
            return None
        behind = self._text[place + 1 : place + 3]
        if behind == "" or behind[0] in ")]}\"'\n,;/|" or (behind[0] in ".:" and not behind[1:].isalnum()):
            return Reading(Kind.OUTSIDE, place, place + 1)
        return None

    def _list(self, first: Entry) -> Reading:
        entries = [first]
        hedged = False
        place = first.end
        text = self._text
        while len(entries) <= 2 * len(self._known):
            if not entries[-1].by_name and len(entries[-1].letters) == 1:
                span = RANGE.match(text, place)
                if span is not None and self._is_range(span, entries[-1]):
                    return Reading(Kind.RANGE, first.start, span.end())
            ranged = self._entries.range_end(entries[-1])
            if ranged is not None or RANGE_BEFORE.search(text, max(0, first.start - 20), first.start):
                return Reading(Kind.RANGE, first.start, ranged or first.end)
            guess = TENTATIVE.match(text, place)
            guessed = (
                None
                if guess is None or guess.end() >= len(text)
                else self._entries.read(guess.end(), lower=False)
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
            entry = (
                self._entries.read(begin, lower=text[first.start].islower()) if begin < len(text) else None
            )
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

    def _reasoned(self, entries: list[Entry]) -> Entry | None:
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
                found = self._entries.read_on(semicolon + 1 if spaces is None else spaces.end())
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
        found = None if opened is None else self._entries.read_on(opened.end())
        if found is None:
            return None
        if not REASON.match(text, found.end) and (not found.described or RULED_OUT.match(text, found.end)):
            return None
        known = {letter for entry in entries for letter in entry.letters}
        return None if known & set(found.letters) else found

    def _is_range(self, span: re.Match[str], last: Entry) -> bool:
        other = span.group(1)
        if other.islower() or other not in self._known:
            return False
        word = span.group()[:-1].strip()
        return word != "-" or not last.described

    def _goes_on(self, separator: re.Match[str], entry: Entry) -> bool:
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

    def _judged(self, entries: list[Entry], *, hedged: bool) -> Reading:
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

    def _explained_together(self, entries: list[Entry]) -> tuple[str, ...] | None:
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
                if (not match.weak or self._entries.ends_name(match))
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
