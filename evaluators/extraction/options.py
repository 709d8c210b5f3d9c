"""The options as they were presented: letters, texts, and the names by which a reply may call them."""

from __future__ import annotations

import re
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from spinebench import terms
from spinebench.errors import UsageError
from spinebench.evaluators.extraction.text import flat_name

_OUTER = " \t\n.,;:!?\"'`"
_WEAK = frozenset({"normal", "no finding", "no findings", "healthy"})
"""Names that are ordinary adjectives too: they count only where nothing follows them."""

_LEVEL = re.compile(
    r"([ctls])\s?([1-9][0-2]?)(?:\s?[-/_]\s?([ctls])?\s?|(?=[ctls]))((?:(?<=[0-9])[ctls])?[1-9][0-2]?)"
    r"(?!\w|\.\d)(?!\s?[-/_]\s?[ctls]?[0-9]{1,2}(?![0-9]|\s?[-/_]\s?[ctls]?[0-9]))"
)
_NEXT_REGION = {"c": "t", "t": "l", "l": "s"}
_Level = tuple[str, int, str, int]


def _level(match: re.Match[str]) -> _Level:
    """`L4-5`, `L4/L5`, `L4L5` and `l4 - l5` are one level; `L5/1` is L5/S1."""
    region, upper, below, last = match.group(1), int(match.group(2)), match.group(3), match.group(4)
    if not last[0].isdigit():
        below, last = last[0], last[1:]
    lower = int(last)
    if below is None:
        below = _NEXT_REGION.get(region, region) if lower == 1 else region
    return region, upper, below, lower


@dataclass(frozen=True)
class NameMatch:
    """One option named by its text."""

    letters: tuple[str, ...]
    """More than one where options share the name."""
    end: int
    weak: bool


@dataclass(frozen=True)
class OptionSet:
    """Letters and names of the options of one item, in presented order."""

    letters: tuple[str, ...]
    names: tuple[tuple[str, tuple[str, ...]], ...]
    """(flat name, letters that bear it), longest first."""
    initials: frozenset[str]
    levels: tuple[tuple[_Level, tuple[str, ...]], ...]

    def name_at(self, flat: str, place: int) -> NameMatch | None:
        """The longest option name that begins at `place` and ends at a word boundary."""
        if place >= len(flat):
            return None
        if self.levels and flat[place] in "ctls":
            match = _LEVEL.match(flat, place)
            if match is not None and _starts_word(flat, place):
                level = _level(match)
                for known, letters in self.levels:
                    if known == level:
                        return NameMatch(letters, match.end(), weak=False)
        if flat[place] not in self.initials or not _starts_word(flat, place):
            return None
        for name, letters in self.names:
            if flat.startswith(name, place) and _ends_word(flat, place + len(name)):
                return NameMatch(letters, place + len(name), weak=name in _WEAK)
        return None

    def names_in(self, flat: str, start: int, stop: int) -> list[tuple[int, NameMatch]]:
        """All option names between two places, left to right, longest first, without overlap."""
        found: list[tuple[int, NameMatch]] = []
        place = start
        while place < stop:
            match = self.name_at(flat, place)
            if match is not None and match.end <= stop:
                found.append((place, match))
                place = match.end
            else:
                place += 1
        return found


def _starts_word(flat: str, place: int) -> bool:
    if place == 0 or not flat[place].isalnum():
        return True
    before = flat[place - 1]
    if before.isalnum() and ord(before) < 0x0E00:
        return False
    return not (before in ".,-/" and place > 1 and flat[place - 2].isalnum() and flat[place].isdigit())


def _ends_word(flat: str, end: int) -> bool:
    if end >= len(flat):
        return True
    after = flat[end]
    if flat[end - 1].isalnum() and after.isalnum() and ord(after) < 0x0E00:
        return False
    if after in "%°^":
        return False
    # 1 is not named by 1.5, 1/2 or 1,000.
    return not (after in ".,/-" and flat[end - 1].isdigit() and flat[end + 1 : end + 2].isdigit())


def _label(key: str) -> str:
    letter = key.strip().upper()
    if len(letter) != 1 or letter not in string.ascii_uppercase:
        raise UsageError(
            f"option letter {key!r}: expected one letter from A to Z; "
            "give the options as a list of texts or as a mapping from letter to text"
        )
    return letter


def option_set(options: Sequence[str] | Mapping[str, str]) -> OptionSet:
    """The option set of texts in presented order (letters by position) or of a mapping letter -> text.

    Raises `UsageError` above 26 options, and for a key that is not a single Latin letter.
    """
    if isinstance(options, Mapping):
        pairs = tuple((_label(key), str(text)) for key, text in options.items())
    else:
        if len(options) > len(string.ascii_uppercase):
            raise UsageError(f"number of options {len(options)!r}: expected at most 26; split the item")
        pairs = tuple(zip(string.ascii_uppercase, map(str, options), strict=False))
    return _option_set(pairs)


@lru_cache(maxsize=4096)
def _option_set(pairs: tuple[tuple[str, str], ...]) -> OptionSet:
    names: dict[str, list[str]] = {}
    levels: dict[_Level, list[str]] = {}
    for letter, text in pairs:
        for name in _names(letter, text):
            match = _LEVEL.fullmatch(name)
            holders = names.setdefault(name, []) if match is None else levels.setdefault(_level(match), [])
            if letter not in holders:
                holders.append(letter)
    return OptionSet(
        letters=tuple(sorted({letter for letter, _ in pairs})),
        names=tuple(
            (name, tuple(sorted(letters)))
            for name, letters in sorted(names.items(), key=lambda pair: (-len(pair[0]), pair[0]))
        ),
        initials=frozenset(name[0] for name in names),
        levels=tuple((level, tuple(letters)) for level, letters in levels.items()),
    )


def _names(letter: str, text: str) -> list[str]:
    """Flat names of one option: its text, without its own label, and the synonyms of a known disease."""
    own = flat_name(text).strip(_OUTER)
    labelled = own[2:].lstrip() if own[:1] == letter.lower() and own[1:2] in tuple(".):") else own
    found = [own, labelled]
    canonical = terms.canonical_disease(own)
    if canonical is not None:
        found += [flat_name(name).strip(_OUTER) for name in terms.synonyms(canonical)]
    # A text that is itself one letter cannot be told from the letter of an option.
    return [name for name in dict.fromkeys(found) if name and not (len(name) == 1 and name.isalpha())]
