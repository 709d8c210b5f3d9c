"""Levels named in a text against those of a reference: what each finding and each named level comes to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import StrEnum

from pydantic import model_validator

from spinebench.errors import DataError
from spinebench.evaluators.folding import fold
from spinebench.evaluators.level_naming.chain import Kind, is_vertebra, neighbours, place
from spinebench.evaluators.level_naming.reading import Mention, named_levels
from spinebench.evaluators.level_naming.sides import Side, together
from spinebench.evaluators.level_naming.standing import NAMED, Standing
from spinebench.records import Record

COMPARED = frozenset({Kind.DISC, Kind.VERTEBRA})
"""Kinds that are compared unless told otherwise: roots mostly repeat what the disc says, under another number."""

WITHIN = 1.0
"""Levels up to which a named level counts as near."""


class LevelFinding(Record):
    """One level with a finding, as a reference holds it. The same level twice is one finding, its sides together."""

    level: str
    """Any spelling the reader knows (`L4-5`, `腰4椎体`); kept in canonical form."""
    side: Side | None = None
    """None: no side is said, or the finding has none."""
    kind: Kind | None = None
    """Worked out from the level; `root` has to be said, or written as `L5 root`."""

    @model_validator(mode="before")
    @classmethod
    def _canonical_level(cls, data: object) -> object:
        if not isinstance(data, dict) or not isinstance(data.get("level"), str):
            return data
        level, kind = _canonical(data["level"])
        said = data.get("kind")
        if said is not None and (Kind(said) is Kind.DISC) != (kind is Kind.DISC):
            raise DataError(
                f"kind {str(said)!r} of level {level!r}: expected {kind.value!r}; leave it out, it is worked out"
            )
        return {**data, "level": level, "kind": said or kind}

    @property
    def key(self) -> tuple[str, Kind]:
        assert self.kind is not None
        return self.level, self.kind


class FindingOutcome(StrEnum):
    """What became of one finding of the reference. Every finding has exactly one."""

    EXACT = "exact"
    """The level is named, with the right side where the reference has one."""
    SIDE_NOT_SAID = "side_not_said"
    """The level is named; the reference has a side, the text none."""
    WRONG_SIDE = "wrong_side"
    """The level is named with another side; `both` is another side than `left`."""
    WITHIN_ONE = "within_one"
    """The level is not named, but one at most one level away that belongs to no other finding."""
    MISSED = "missed"


class Support(StrEnum):
    """How a named level stands to the reference."""

    SUPPORTED = "supported"
    """The reference has a finding at this level."""
    BORDERING = "bordering"
    """Half a level away: the vertebra above or below a disc of the reference, or a disc next to its vertebra."""
    UNSUPPORTED = "unsupported"
    """Everything else, one level away too."""


class FindingVerdict(Record):
    """One finding of the reference."""

    level: str
    kind: Kind
    side: Side | None
    outcome: FindingOutcome
    named: str | None
    """The level that answers it; None where it is missed."""
    named_side: Side | None
    distance: float | None
    """Levels between them: 0, 0.5 (vertebra and bordering disc) or 1; None where it is missed."""


class NamedVerdict(Record):
    """One level that the text names."""

    level: str
    kind: Kind
    side: Side | None
    support: Support
    distance: float | None
    """Levels to the nearest finding of the reference; None where it has none."""
    denied: bool
    """The reference text says that there is nothing at this level."""


class LevelComparison(Record):
    """A text against a reference. The denominators are the lengths of the two lists."""

    findings: tuple[FindingVerdict, ...]
    named: tuple[NamedVerdict, ...]

    @property
    def all_right(self) -> bool:
        """Every finding exact and nothing unsupported; true too where both name nothing."""
        return all(one.outcome is FindingOutcome.EXACT for one in self.findings) and not any(
            one.support is Support.UNSUPPORTED for one in self.named
        )


Reference = str | Sequence[LevelFinding]
"""A reference text, read by the same rules as the answer, or the levels themselves."""

_Key = tuple[str, Kind]


def compare_levels(
    text: str | None, reference: Reference, *, kinds: frozenset[Kind] = COMPARED
) -> LevelComparison:
    """Hold the levels that `text` asserts, or holds possible, against the reference.

    Each level counts once, with all sides that are said of it; a level both denied and asserted is asserted. `text`
    None or without levels misses every finding. Exact matches go first; what is left is paired at most one level apart,
    each named level with one finding, as many pairs as can be (both lie on one chain, so going down it in order finds
    them). A reference without findings has no verdicts of findings, and everything named is unsupported.
    """
    named = _asserted(named_levels(text or ""), kinds)
    denied: set[_Key] = set()
    if isinstance(reference, str):
        mentions = named_levels(reference)
        wanted = _asserted(mentions, kinds)
        denied = {
            (one.level, one.kind)
            for one in mentions
            if one.standing in {Standing.NEGATED, Standing.NORMAL} and (one.level, one.kind) not in wanted
        }
    else:
        wanted = _merged(((one.key, one.side) for one in reference), kinds)
    near = _pairs([key for key in wanted if key not in named], [key for key in named if key not in wanted])
    return LevelComparison(
        findings=tuple(_finding(key, side, named, near) for key, side in wanted.items()),
        named=tuple(_named(key, side, wanted, denied) for key, side in named.items()),
    )


def _asserted(mentions: Iterable[Mention], kinds: frozenset[Kind]) -> dict[_Key, Side | None]:
    return _merged(
        (((one.level, one.kind), one.side) for one in mentions if one.standing in NAMED),
        kinds,
    )


def _merged(pairs: Iterable[tuple[_Key, Side | None]], kinds: frozenset[Kind]) -> dict[_Key, Side | None]:
    """Level to side, cranial to caudal; left and right of one level are both."""
    found: dict[_Key, set[Side]] = {}
    for key, side in pairs:
        if key[1] in kinds:
            found.setdefault(key, set()).update(() if side is None else (side,))
    order = sorted(found, key=lambda key: (place(*key), key))
    return {key: together(tuple(found[key])) for key in order}


def _pairs(wanted: Sequence[_Key], named: Sequence[_Key]) -> dict[_Key, _Key]:
    """Findings to named levels at most one level away; roots only to roots."""
    found: dict[_Key, _Key] = {}
    for roots in (False, True):
        left = [key for key in wanted if (key[1] is Kind.ROOT) is roots]
        right = [key for key in named if (key[1] is Kind.ROOT) is roots]
        found |= _closest(left, right)
    return found


def _closest(wanted: Sequence[_Key], named: Sequence[_Key]) -> dict[_Key, _Key]:
    """Most pairs within one level, then the least distance in all: dynamic programming over both sorted lists."""
    best: list[list[tuple[int, float]]] = [[(0, 0.0)] * (len(named) + 1) for _ in range(len(wanted) + 1)]
    for i, want in enumerate(wanted, 1):
        for j, name in enumerate(named, 1):
            choice = max(best[i - 1][j], best[i][j - 1])
            gap = abs(place(*want) - place(*name))
            if gap <= WITHIN:
                pairs, cost = best[i - 1][j - 1]
                choice = max(choice, (pairs + 1, cost - gap))
            best[i][j] = choice
    found: dict[_Key, _Key] = {}
    i, j = len(wanted), len(named)
    while i and j:
        if best[i][j] == best[i - 1][j]:
            i -= 1
        elif best[i][j] == best[i][j - 1]:
            j -= 1
        else:
            i, j = i - 1, j - 1
            found[wanted[i]] = named[j]
    return found


def _finding(
    key: _Key, side: Side | None, named: Mapping[_Key, Side | None], near: Mapping[_Key, _Key]
) -> FindingVerdict:
    match = key if key in named else near.get(key)
    said = None if match is None else named[match]
    if match is None:
        outcome = FindingOutcome.MISSED
    elif match != key:
        outcome = FindingOutcome.WITHIN_ONE
    elif side is None or said == side:
        outcome = FindingOutcome.EXACT
    else:
        outcome = FindingOutcome.SIDE_NOT_SAID if said is None else FindingOutcome.WRONG_SIDE
    return FindingVerdict(
        level=key[0],
        kind=key[1],
        side=side,
        outcome=outcome,
        named=None if match is None else match[0],
        named_side=said,
        distance=None if match is None else abs(place(*match) - place(*key)),
    )


def _named(
    key: _Key, side: Side | None, wanted: Mapping[_Key, Side | None], denied: set[_Key]
) -> NamedVerdict:
    distances = [abs(place(*one) - place(*key)) for one in wanted if one[1] != key[1] or one != key]
    distance = 0.0 if key in wanted else min(distances, default=None)
    if key in wanted:
        support = Support.SUPPORTED
    elif distance == 0.5 and key not in denied:
        support = Support.BORDERING
    else:
        support = Support.UNSUPPORTED
    return NamedVerdict(
        level=key[0], kind=key[1], side=side, support=support, distance=distance, denied=key in denied
    )


def _canonical(level: str) -> tuple[str, Kind]:
    """The canonical name and kind of a single level in any spelling."""
    plain = fold(level).text.upper()
    upper, _, lower = plain.partition("/")
    if lower and is_vertebra(upper) and is_vertebra(lower) and neighbours(upper, lower):
        return plain, Kind.DISC
    if is_vertebra(plain):
        return plain, Kind.VERTEBRA
    if plain == "C8":
        return plain, Kind.ROOT
    found = {(one.level, one.kind) for one in named_levels(f"spine: {level}")}
    if len(found) != 1:
        raise DataError(
            f"level {level!r}: expected one vertebra or disc such as 'L4', 'L4/L5' or '腰4/5';"
            " name each level on its own"
        )
    return found.pop()
