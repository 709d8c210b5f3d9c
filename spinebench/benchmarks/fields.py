"""Takes the fields of a JSON record under any of their names and notes what is wrong with them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from difflib import get_close_matches

from spinebench.benchmarks.problems import RecordProblem, shown

_LETTERED = re.compile(r"^(?:option|choice|candidate)[\s_\-.:]*\(?([a-z])\)?$", re.IGNORECASE)
_PREFIX = re.compile(r"^\s*\(?([A-Z])\s*[.:)]\s*(?=\S)")
_LISTS = ("options", "choices", "candidates")
LARGEST_N_OPTIONS = 26


class Fields:
    """A record being read: what was taken, what is left over, and what was wrong."""

    def __init__(self, record: Mapping[str, object]) -> None:
        self._record = record
        self._taken: set[str] = set()
        self.problems: list[RecordProblem] = []

    def wrong(self, field: str | None, value: object, expected: str) -> None:
        """Note a value that is not what was expected."""
        self.problems.append(RecordProblem(field=field, value=shown(value), expected=expected))

    def missing(self, field: str, expected: str, *, detail: str = "") -> None:
        """Note a field that is not there."""
        self.problems.append(RecordProblem(field=field, value=f"missing{detail}", expected=expected))

    def take(self, *names: str) -> tuple[str, object]:
        """The name and value of a field that goes by one of several names; (first name, None) if absent.

        Null counts as absent. Two names with different values are a problem.
        """
        given = [name for name in names if self._record.get(name) is not None]
        self._taken.update(names)
        if not given:
            return names[0], None
        value = self._record[given[0]]
        for other in given[1:]:
            if self._record[other] != value:
                self.wrong(other, self._record[other], f"the same as {given[0]!r}, or only one of the two")
        return given[0], value

    def text(self, *names: str, expected: str = "a text") -> str | None:
        """A field that must be a text with more than white space in it."""
        name, value = self.take(*names)
        if value is None:
            others = f" (or {', '.join(map(repr, names[1:]))})" if names[1:] else ""
            self.missing(name, expected + others)
        elif not isinstance(value, str) or not value.strip():
            self.wrong(name, value, expected)
        else:
            return value
        return None

    def optional_text(self, *names: str) -> str | None:
        """A field that is taken if it is a text, and left among the rest if it is something else."""
        for name in names:
            value = self._record.get(name)
            if isinstance(value, str) and value.strip():
                self._taken.add(name)
                return value.strip()
        return None

    def texts(self, *names: str, expected: str) -> tuple[str, tuple[str, ...]]:
        """A field that is one text or a list of texts, with the name it went by; empty if it is wrong."""
        name, value = self.take(*names)
        if value is None:
            others = f" (or {', '.join(map(repr, names[1:]))})" if names[1:] else ""
            self.missing(name, expected + others)
            return name, ()
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not values:
            self.wrong(name, value, expected)
            return name, ()
        texts = [entry.strip() for entry in values if isinstance(entry, str) and entry.strip()]
        if len(texts) != len(values):
            self.wrong(name, value, expected)
            return name, ()
        return name, tuple(texts)

    def rest(self) -> dict[str, object]:
        """Fields that nothing has taken, null ones left out."""
        return {
            name: value
            for name, value in self._record.items()
            if name not in self._taken and value is not None
        }

    def options(self) -> tuple[str, ...]:
        """Option texts: of `options`, `choices`, `candidates` (list, or letter -> text) or lettered keys."""
        name, value = self.take(*_LISTS)
        match value:
            case None:
                options = self._lettered_keys()
                name = "options"
            case list():
                options = self._listed(name, value)
            case dict():
                options = self._by_letter(name, value, as_written=name)
            case _:
                self.wrong(name, value, "a list of option texts, or a mapping from letters to option texts")
                return ()
        if options and not 2 <= len(options) <= LARGEST_N_OPTIONS:
            self.wrong(name, list(options), f"2 to {LARGEST_N_OPTIONS} options")
            return ()
        return options

    def _listed(self, name: str, value: Sequence[object]) -> tuple[str, ...]:
        texts = [entry.strip() for entry in value if isinstance(entry, str) and entry.strip()]
        if not texts or len(texts) != len(value):
            self.wrong(name, value, "a list of option texts, none of them empty")
            return ()
        prefixes = [_PREFIX.match(text) for text in texts]
        letters = [match.group(1) if match else "" for match in prefixes]
        if len(texts) > 1 and letters == [chr(ord("A") + i) for i in range(len(texts))]:
            # Every option carries its own letter, in order: the letters are no part of the texts.
            texts = [text[match.end() :] for text, match in zip(texts, prefixes, strict=True) if match]
        return tuple(texts)

    def _lettered_keys(self) -> tuple[str, ...]:
        named = {
            key: match.group(1)
            for key in self._record
            if (match := _LETTERED.match(key.strip())) and key not in _LISTS  # `options` ends in an s
        }
        if not named and {"A", "B"} <= self._record.keys():
            named = {key: key for key in self._record if len(key) == 1 and "A" <= key <= "Z"}
        if not named:
            keys = shown(sorted(self._record), limit=200)
            self.missing(
                "options",
                "'options', 'choices' or 'candidates' (a list, or a mapping from letters to texts), "
                "or keys such as 'option A', 'option B'",
                detail=f" among the keys {keys}",
            )
            return ()
        self._taken.update(named)
        return self._by_letter("options", {key: self._record[key] for key in named}, as_written="keys")

    def _by_letter(self, name: str, mapping: Mapping[str, object], *, as_written: str) -> tuple[str, ...]:
        by_letter: dict[str, object] = {}
        for key, value in mapping.items():
            match = _LETTERED.match(key.strip())
            letter = (match.group(1) if match else key.strip(" .:()")).upper()
            if len(letter) != 1 or not "A" <= letter <= "Z":
                self.wrong(name, key, "a letter A, B, C, ... for each option")
                return ()
            if letter in by_letter:
                self.wrong(name, key, f"each letter once; {letter} stands twice in {as_written}")
                return ()
            by_letter[letter] = value
        letters = sorted(by_letter)
        while letters and by_letter[letters[-1]] is None:  # a table's empty cells behind the last option
            letters.pop()
        if letters != [chr(ord("A") + i) for i in range(len(letters))] or not letters:
            self.wrong(name, letters, "the letters A, B, C, ... without a gap")
            return ()
        texts = []
        for letter in letters:
            text = by_letter[letter]
            if not isinstance(text, str) or not text.strip():
                self.wrong(f"{name} {letter}", text, "an option text")
                return ()
            texts.append(text.strip())
        return tuple(texts)


def nearest(name: str, known: Sequence[str]) -> str:
    """` (did you mean 'x'?)` for the known name most like this one; empty if none is."""
    close = get_close_matches(name, known, n=1, cutoff=0.6)
    return f" (did you mean {close[0]!r}?)" if close else ""
