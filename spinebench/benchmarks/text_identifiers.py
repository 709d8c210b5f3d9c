"""What may identify a person in free text, English or Chinese, by its form or its label. A net, not a method.

What is looked for follows the list of the HIPAA safe harbour (45 CFR 164.514(b)(2)): names, places below a state, all
parts of dates but the year, ages above 89, numbers of telephones, records, insurance and devices, addresses of mail and
web. A name that no label, title or degree announces is not found.
"""

from __future__ import annotations

import re
from typing import Final

from spinebench.benchmarks.identifier_forms import (
    CITATION,
    FORMS,
    HAN_PLACES,
    TextKind,
    is_chinese_identity_number,
    is_name,
    proper_place,
    with_han_before,
)
from spinebench.records import Record

MOST: Final = 1000
"""Findings told of one text: whoever sees a thousand has to clean the whole."""
_FOLDED: Final = {code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)} | {
    0x3000: " ", 0x00A0: " ", 0x202F: " ", 0x2009: " ",
    **dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2014, 0x2212), "-"),
}  # fmt: skip


class TextIdentifier(Record):
    """Something in a text that may identify a person."""

    kind: TextKind
    span: tuple[int, int]
    """Half-open range of the text."""
    masked: str
    """Its form without its content: `Xxxx Xxxxx`, `9999-99-99`, at most 40 characters."""


def find_identifiers(text: str) -> tuple[TextIdentifier, ...]:
    """What may identify a person in a text, in order, without overlaps; at most 1000. Linear in the length.

    Levels, sizes, scores, angles, doses, sutures, years alone and relative times are none.
    """
    folded = text.translate(_FOLDED)
    taken = bytearray(len(text))
    for match in CITATION.finditer(folded):
        taken[match.start() : match.end()] = b"\1" * (match.end() - match.start())
    found: list[TextIdentifier] = []
    for kind, pattern in FORMS:
        for match in pattern.finditer(folded):
            span = _span(kind, match, folded)
            if span is None or any(taken[span[0] : span[1]]):
                continue
            taken[span[0] : span[1]] = b"\1" * (span[1] - span[0])
            found.append(TextIdentifier(kind=kind, span=span, masked=_masked(text[slice(*span)])))
            if len(found) >= MOST:
                break
    return tuple(sorted(found, key=lambda one: one.span)[:MOST])


def _span(kind: TextKind, match: re.Match[str], text: str) -> tuple[int, int] | None:
    """Where the identifier stands; None where what has its form is none."""
    low, high = match.span("v")
    value = match["v"]
    match kind:
        case TextKind.ID_NUMBER if re.fullmatch(r"\d{17}[\dXx]", value) and low == match.start():
            return (low, high) if is_chinese_identity_number(value) else None
        case TextKind.NAME if "A" <= value[:1] <= "\u024f":
            loose = "loose" in match.re.groupindex
            return (low, high) if is_name(value, loose=loose, after=text[high : high + 3]) else None
        case TextKind.INSTITUTION:
            if value in HAN_PLACES:
                value = text[with_han_before(text, low) : high]
            place = proper_place(value)
            return None if place is None else (high - len(place), high)
        case TextKind.ADDRESS:
            lead = re.match(r"(?:(?:From|In|At|To|Of|Near|Lives) )+", value)
            return low + (lead.end() if lead else 0), high
        case _:
            return low, high


def _masked(value: str) -> str:
    shape = "".join(
        "9" if one.isdigit()
        else "□" if "\u4e00" <= one <= "\u9fff"
        else "X" if one.isupper()
        else "x" if one.isalpha()
        else one
        for one in value[:40]
    )  # fmt: skip
    return re.sub(r"[\x00-\x1f\x7f]", " ", shape)
