"""Characters that nobody sees: which they are, how they are written out, when they belong to ordinary text."""

from __future__ import annotations

import re

_RANGES = (
    "\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f"  # controls but tab, line breaks and NEL; ESC begins ANSI escapes
    "\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f"
    "\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164"
    "\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ufffe\uffff"
    "\ud800-\udfff"  # half of a character: text that was decoded by force
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
INVISIBLE = re.compile(f"[{_RANGES}]")
"""One character that is not seen: zero width, direction marks, variation selectors, tags, controls."""

ESCAPED = re.compile(r"⟨U\+[0-9A-F]{4,6}(?: … [0-9]{1,7} characters)?⟩")
"""What `written_out` puts in place of them."""
_RUN = re.compile(f"([{_RANGES}])([{_RANGES}]*)")
_LONGEST_RUN = 4

_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff#*0-9\ufe0f\u200d\U000e0061-\U000e007f"
_JOINING = (
    "\u0600-\u08ff\u0900-\u0dff\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u1800-\u18af\ufb50-\ufdff\ufe70-\ufeff"
)
_RIGHT_TO_LEFT = "\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
_ORDINARY = re.compile(
    f"\\A\ufeff"  # a byte-order mark
    f"|(?<=[{_EMOJI}])[\ufe0e\ufe0f]|(?<=[{_EMOJI}])\u200d(?=[{_EMOJI}])"  # emoji of several parts
    f"|(?<=[{_JOINING}])[\u200c\u200d]"  # between letters that join: part of the spelling
    f"|(?<=[{_RIGHT_TO_LEFT}])[\u200e\u200f\u061c]|[\u200e\u200f\u061c](?=[{_RIGHT_TO_LEFT}])"
    "|(?<=[^\\W\\d_])\u00ad(?=[^\\W\\d_])"  # a soft hyphen within a word
    "|[\x0c\x0b](?=\\s|\\Z|[A-Z])"  # page breaks
)
"""Invisible characters at their proper place."""


def written_out(text: str) -> str:
    """`text` with invisible characters as `⟨U+200B⟩`; more than four in a row are one mark with their number."""

    def shown(match: re.Match[str]) -> str:
        run = match.group()
        if len(run) > _LONGEST_RUN:
            return f"⟨U+{ord(run[0]):04X} … {len(run)} characters⟩"
        return "".join(f"⟨U+{ord(char):04X}⟩" for char in run)

    return _RUN.sub(shown, text)


def out_of_place(text: str) -> list[tuple[int, int]]:
    """Half-open ranges of invisible characters that no ordinary writing needs, adjacent ones together."""
    if INVISIBLE.search(text) is None:
        return []
    proper = {match.start() for match in _ORDINARY.finditer(text)}
    found: list[tuple[int, int]] = []
    for match in INVISIBLE.finditer(text):
        place = match.start()
        if place in proper:
            continue
        if found and found[-1][1] == place:
            found[-1] = (found[-1][0], place + 1)
        else:
            found.append((place, place + 1))
    return found
