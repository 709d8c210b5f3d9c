"""Text as it reads once a disguise is taken off: character references, digits for letters, base64 and hexadecimal.

What comes out is only ever searched for orders and delimiters, never shown or scored: ordinary text that happens to be
decodable says nothing of the kind and is not flagged.
"""

from __future__ import annotations

import base64
import binascii
import html
import re
from collections.abc import Iterator

from spinebench.evaluators.folding import Folded, fold

_REFERENCE = re.compile(r"&(?:#\d{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z]{2,8});")
_DIGITS = str.maketrans("013457@$", "oieastas")
_ELL = str.maketrans("1", "l")
_SPELT = re.compile(r"(?<![\w@$])(?=[a-z@$]*[0-9@$])(?=[0-9@$]*[a-z])[a-z013457@$]{3,40}(?![\w@$])")
"""A word of letters and of digits or signs that resemble some: `1gn0r3`."""
_PACKED = re.compile(r"(?<![\w+/=-])(?:(?:[0-9a-fA-F]{2}){12,}|[A-Za-z0-9+/_-]{16,}={0,2})(?![\w+/=])")
_MOST_PACKED = 50
_LONGEST_PACKED = 8_000


def unescaped(text: str) -> Folded | None:
    """`text` with its character references (`&lt;`, `&#105;`) read, folded with lines; None where it has none."""
    chars: list[str] = []
    starts: list[int] = []
    ends: list[int] = []
    place = 0
    for match in _REFERENCE.finditer(text):
        meant = html.unescape(match.group())
        if meant == match.group():
            continue
        chars += [text[place : match.start()], meant]
        starts += [*range(place, match.start()), *([match.start()] * len(meant))]
        ends += [*range(place + 1, match.start() + 1), *([match.end()] * len(meant))]
        place = match.end()
    if not chars:
        return None
    chars.append(text[place:])
    starts += range(place, len(text))
    ends += range(place + 1, len(text) + 1)
    folded = fold("".join(chars), lines=True)
    return Folded(
        folded.text,
        tuple(starts[one] for one in folded.starts),
        tuple(ends[one - 1] for one in folded.ends),
    )


def spelt_out(folded: Folded) -> Iterator[Folded]:
    """The text with digits in words read as letters; twice where a 1 may be an i or an l."""
    if _SPELT.search(folded.text) is None:
        return
    readings = [_SPELT.sub(lambda match: match.group().translate(_DIGITS), folded.text)]
    readings.append(_SPELT.sub(lambda match: match.group().translate(_ELL).translate(_DIGITS), folded.text))
    for text in dict.fromkeys(readings):
        yield Folded(text, folded.starts, folded.ends)


def unpacked(text: str) -> Iterator[tuple[tuple[int, int], str]]:
    """The range of each run of base64 or hexadecimal that holds words, with them; the first 50 runs, 8,000 characters
    of each.
    """
    n_seen = 0
    for match in _PACKED.finditer(text):
        if n_seen == _MOST_PACKED:
            return
        words = _words(match.group()[:_LONGEST_PACKED])
        if words is not None:
            n_seen += 1
            yield match.span(), words


def _words(packed: str) -> str | None:
    try:
        if re.fullmatch(r"(?:[0-9a-fA-F]{2})+", packed):
            data = bytes.fromhex(packed)
        else:
            plain = packed.rstrip("=")
            plain = plain[: len(plain) - (len(plain) % 4 == 1)]
            data = base64.b64decode(
                plain + "=" * (-len(plain) % 4), altchars=b"-_" if "-" in plain or "_" in plain else None
            )
        words = data.decode()
    except (binascii.Error, UnicodeDecodeError):
        return None
    return words if " " in words and words.isprintable() else None
