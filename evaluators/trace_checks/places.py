"""Whether the levels and sides that a trace calls affected are those of the item."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.levels import disc_position
from spinebench.evaluators.trace_checks.statements import Said, Statement
from spinebench.records import MULTIPLE_ANSWER_TASKS

_AFFECTED = re.compile(
    r"\b(?:narrow\w*|steno\w+|bulg\w+|herniat\w+|protru\w+|extru\w+|degenerat\w+|slip\w*|\w*listhesis"
    r"|compress\w+|collaps\w+|compromis\w+|indent\w+|squeez\w+|tight\w*|worst|has lost|loses"
    r"|loss of|reduced|decreased|osteophyt\w+|dark\w*|desiccat\w+|affected|involved|abnormal\w*|lesions?"
    r"|severe\w*|encroach\w+"
    r"|effac\w+|imping\w+|fractur\w+|displac\w+|obliterat\w+|crowd\w+|patholog\w+|culprit|finding is"
    r"|located at|lies at|hypertroph\w+)\b"
)
_FREE = re.compile(
    r"\b(?:normal\w*|preserved|unremarkable|intact|maintained|spared|healthy|patent|adequate\w*|well|wide"
    r"|unaffected|uninvolved"
    r"|compared|than|relative|versus|unlike|adjacent|neighbou?r\w*|above|below|counting|counted|count"
    r"|exceed\w*|outweigh\w*|contrast|opposed"
    r"|landmark|minimal\w*|mild\w*|considered|free (?:of|from)|clear of"
    r"|spar(?:es|ing)|nothing|little|hardly|barely|artifact\w*|artefact\w*|suspect\w*"
    r"|slight\w*|subtle|early|less|minor|trace|tiny|options?|question|between"
    r"|irrelevant|insignificant|incidental\w*|inconsequential|immaterial|asymptomatic|questionabl\w+|doubtful"
    r"|equivocal|borderline|perhaps|possibl[ey]|probable|age[- ](?:appropriate|related|expected)|averaging"
    r"|resolved|healed|history|histories|status post|s/p|post[- ]?(?:surg|op)\w*|formerly|initially"
    r"|(?:at )?first (?:impression|glance|sight|thought)"
    r"|mislabel\w+)\b"
)
_TAKEN_BACK = re.compile(
    r"^[\s,-]*(?:(?:but )?not (?:here|so|in this|on this|seen|the case)\b"
    r"|(?:(?:but|though|although|yet|and|which|that|this|it|is|are|was|were|i|we|likely|probably|most|of"
    r"|clinically|felt|thought|judged|deemed|considered|to be|doubtfully|rather) )*"
    r"(?:(?:not|no|hardly|scarcely|without|little|n't)\b.*\b(?:significan\w+|relevan\w+|importan\w+"
    r"|convincing|consequence|bearing|causative|responsible|symptomatic|real|definite|clear|true|culprit"
    r"|explain\w*)\b"
    r"|(?:irrelevant|insignificant|incidental|artifact\w*|artefact\w*|volume averaging|age[- ]\w+|resolved"
    r"|mild|minor|minimal|tiny|kept|preserved|maintained|normal)\b))"
)
"""A clause that begins by making light of what the one before it said: `a bulge, not felt to be significant`."""
_OF_SEQUENCES = (
    r"(?:weighted|w\b|signal|images?\b|imaging|sequences?|hyper|hypo|iso|mismatch|mri?\b|contrast|stir|mapping"
    r"|relax)"
)
_LEVEL = re.compile(
    r"(?<![\w/.-])([ctl])\s?(\d{1,2})\s?[-/–_]\s?([ctls])?\s?(\d{1,2})(?![\w/]|\s?[-/]\s?[ctls]?\d|\.\d)"
    rf"(?![\s-]{{0,2}}{_OF_SEQUENCES})"
)
_LEVEL_IN_WORDS = re.compile(
    r"(?<![\w/.-])(l)(5)(s)(1)(?!\w)|\bbetween (?:the )?([ctl])(\d{1,2}) and (?:the )?([ctls])(\d{1,2})(?![\w/-])"
)
_LUMBOSACRAL = re.compile(r"\b(?:lumbosacral|lumbo-sacral) (?:junction|disc|disk|level)\b")
_L5_S1 = 23
_REGIONS: dict[str, tuple[str, int, int]] = {
    # name in an item's region -> positions of discs that such an image may show, C1/C2 = 0 to L5/S1 = 23
    "lumb": ("lumbar", 16, 23),
    "cervic": ("cervical", 0, 8),
    "thorac": ("thoracic", 5, 20),
}
_PICTURE = r"(?:image|picture|film|screen|slice|scan|photo\w*|frame|viewer|reader|observer|page|display)"
_SIDE = re.compile(
    rf"\b(left|right)(?:-|\s)?(?:sided\b|side\b(?! of (?:the|this) {_PICTURE})|(?:l[1-5]"
    r"|s1|neural|lateral|subarticular"
    r"|foram\w+|recess|nerve|root|facet|paracentral|paramedian|posterolateral|central|hemi\w*"
    r"|extraforaminal|disc|disk|thecal|pedicle"
    r"|lamina|exiting|traversing|ligament\w*|and right|more than)\b)|\b(?:on|to|towards?"
    r"|at) the (?:patient's )?(left|right)\b"
    rf"(?! (?:side )?(?:of|in) (?:the|this) {_PICTURE}| (?:{_PICTURE}|answer|option|track|level|place))"
)
_OF_PICTURE = re.compile(
    rf"\b(?:{_PICTURE}'s|your|our|screen|image|picture)[- ](?:left|right)(?:[- ](?:hand(?: side)?|side))?\b"
)
"""Words for a side of the picture, which is mostly not the patient's."""
_BOTH = re.compile(r"\b(?:bilateral\w*|both sides|left and right|right and left|symmetric\w*|either side)\b")
_SIDE_WORD = re.compile(r"(?<![a-z])(left|right)(?![a-z])")


def level(trace: AuditTrace, texts: Sequence[Said]) -> TraceCheck:
    """The check `level`: discs that the trace calls affected against the item's levels, else against its region.

    Vertebrae, ranges of levels, levels that are counted, compared or called free are not looked at. A level that heads
    a line (`L4-L5: severe narrowing`) has what follows said of it.
    """
    known = _known_levels(trace)
    affected: dict[int, str] = {}
    named: dict[int, str] = {}
    for text in texts:
        for sentence in text.sentences:
            if sentence.asks:
                continue
            quote = text.quote(sentence.start, sentence.start + len(sentence.text))
            for clause, found in _levels(sentence):
                for position in found:
                    named.setdefault(position, quote)
                    if _called_affected(clause, sentence):
                        affected.setdefault(position, quote)
    outside = _outside_region(trace, affected)
    if outside is not None:
        region, position = outside
        return _check(
            "level", "contradicts", f"{_name(position)} is not on a {region} image", affected[position]
        )
    if known:
        wanted = ", ".join(map(_name, sorted(known)))
        extra = sorted(set(affected) - known)
        if extra and (trace.item.task in MULTIPLE_ANSWER_TASKS or not set(affected) & known):
            told = ", ".join(map(_name, extra))
            return _check(
                "level",
                "contradicts",
                f"{told} called affected, the item's levels are {wanted}",
                affected[extra[0]],
            )
        if set(affected) & known:
            first = min(set(affected) & known)
            return _check("level", "agrees", f"affected levels named are among {wanted}", affected[first])
        return _check("level", "not_stated", f"no level is called affected; the item's are {wanted}")
    limits = _region(trace)
    if limits is not None and named:
        inside = [position for position in named if limits[1] <= position <= limits[2]]
        if len(inside) == len(named):
            return _check("level", "agrees", f"levels named lie in the {limits[0]} spine", named[inside[0]])
    return _check(
        "level", "not_stated", "the item names no level to hold against" if named else "no level is named"
    )


def _called_affected(clause: Statement, sentence: Statement) -> bool:
    if _AFFECTED.search(clause.text) is None or _FREE.search(clause.text) or clause.denies or clause.supposes:
        return False
    end = clause.start - sentence.start + len(clause.text)
    after = sentence.text[end : end + 200]
    return _TAKEN_BACK.match(after.partition(";")[0].lstrip(",( ")) is None


def _levels(sentence: Statement) -> Iterator[tuple[Statement, list[int]]]:
    heads: list[int] = []
    for clause in sentence.clauses():
        found: list[int] = []
        for match in (*_LEVEL.finditer(clause.text), *_LEVEL_IN_WORDS.finditer(clause.text)):
            region, upper, below, lower = (group for group in match.groups() if group or match.re is _LEVEL)
            position = disc_position(f"{region}{upper}/{below or ''}{lower}")
            if position is not None:
                found.append(position)
        if _LUMBOSACRAL.search(clause.text):
            found.append(_L5_S1)
        if found and _heads(clause, sentence):
            heads = found
            continue
        found = found or heads
        heads = []
        if found:
            # `between L5 and S1` is a place; without it, `between` compares.
            yield Statement(_LEVEL_IN_WORDS.sub(" ", clause.text), clause.start), found


def _heads(clause: Statement, sentence: Statement) -> bool:
    """Whether it only says where the next clause is: `L4-L5: severe narrowing`, `left foramen: patent`."""
    end = clause.start - sentence.start + len(clause.text)
    told = _AFFECTED.search(clause.text) or _FREE.search(clause.text) or clause.denies or clause.supposes
    return sentence.text[end : end + 1] == ":" and not told


def _known_levels(trace: AuditTrace) -> frozenset[int]:
    texts = [*trace.item.levels, *_metadata(trace, ("level", "levels", "disc_level", "gold_levels"))]
    return frozenset(position for text in texts if (position := disc_position(text)) is not None)


def _region(trace: AuditTrace) -> tuple[str, int, int] | None:
    region = (trace.item.region or "").casefold()
    found = [limits for name, limits in _REGIONS.items() if name in region]
    return found[0] if len(found) == 1 else None


def _outside_region(trace: AuditTrace, affected: dict[int, str]) -> tuple[str, int] | None:
    region = _region(trace)
    if region is None:
        return None
    outside = [position for position in affected if not region[1] <= position <= region[2]]
    return (region[0], outside[0]) if outside else None


def _name(position: int) -> str:
    names = [
        *(f"C{i}" for i in range(1, 8)),
        *(f"T{i}" for i in range(1, 13)),
        *(f"L{i}" for i in range(1, 6)),
        "S1",
    ]
    return f"{names[position]}/{names[position + 1]}"


def side(trace: AuditTrace, texts: Sequence[Said]) -> TraceCheck:
    """The check `side`: the side that the trace calls affected against metadata, gold, label or chosen option.

    Sides of the picture (`on the left of the image`) are not those of the patient and are not looked at.
    """
    known, source = _known_side(trace)
    if known is None:
        return _check("side", "not_stated", "the item names no side to hold against")
    found: dict[str, str] = {}
    for text in texts:
        for sentence in text.sentences:
            if sentence.asks or _BOTH.search(sentence.text):
                continue
            quote = text.quote(sentence.start, sentence.start + len(sentence.text))
            head: set[str] = set()
            for clause in sentence.clauses():
                sides = {match.group(1) or match.group(2) for match in _SIDE.finditer(clause.text)} or head
                head = sides if _heads(clause, sentence) else set()
                if _OF_PICTURE.search(clause.text) or not _called_affected(clause, sentence):
                    continue
                for which in sorted(sides):
                    found.setdefault(which, quote)
    if len(found) != 1:
        return _check(
            "side", "not_stated", "no side is called affected" if not found else "both sides are named"
        )
    ((which, quote),) = found.items()
    verdict = "agrees" if which == known else "contradicts"
    return _check("side", verdict, f"{which} called affected, {source} says {known}", quote)


def _known_side(trace: AuditTrace) -> tuple[str | None, str]:
    item = trace.item
    graded = trace.scored.grade.chosen if trace.scored is not None else ()
    sources: tuple[tuple[str, Sequence[str]], ...] = (
        ("the item's metadata", _metadata(trace, ("side", "laterality", "condition", "label", "finding"))),
        ("the right option", item.gold),
        ("the item's label", (item.disease or "",)),
        ("the chosen option", graded),
    )
    for source, texts in sources:
        sides = {match for text in texts for match in _SIDE_WORD.findall(text.casefold())}
        sides |= {
            {"l": "left", "r": "right"}[text.casefold()] for text in texts if text.casefold() in {"l", "r"}
        }
        if len(sides) == 1:
            return sides.pop(), source
        if sides:
            return None, source
    return None, ""


def _metadata(trace: AuditTrace, names: Sequence[str]) -> list[str]:
    """Texts that the item's metadata hold under one of these names, whatever the case of the key."""
    found: list[str] = []
    for key, value in trace.item.metadata.items():
        if str(key).casefold().replace(" ", "_").replace("-", "_") in names:
            values: list[Any] = value if isinstance(value, list) else [value]
            found += [one for one in values if isinstance(one, str)]
    return found


def _check(name: str, verdict: str, detail: str, quote: str | None = None) -> TraceCheck:
    return TraceCheck.model_validate({"name": name, "verdict": verdict, "detail": detail, "quote": quote})
