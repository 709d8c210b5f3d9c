"""How one text was made from another by copying and replacing, and the way back from places in it."""

from __future__ import annotations

from bisect import bisect_right


class Splices:
    """A text built from ranges of an older one, in order: copied as they stand, or replaced.

    Kept per range and not per character, since most replies are copied in a few long ranges and a span needs two
    places only.
    """

    def __init__(self) -> None:
        self.length = 0
        """Characters put together so far."""
        self._made: list[str] = []
        self._begins: list[int] = []
        self._sources: list[tuple[int, int | None]] = []
        """Start and end of each range in the older text; the end is None where it was copied."""

    def copy(self, source: str, start: int, end: int) -> None:
        """Append `source[start:end]`."""
        if start < end:
            self._append(source[start:end], start, None)

    def put(self, text: str, start: int, end: int) -> None:
        """Append `text` in place of the older text from `start` to `end`."""
        if text:
            self._append(text, start, end)

    def _append(self, text: str, start: int, end: int | None) -> None:
        self._made.append(text)
        self._begins.append(self.length)
        self._sources.append((start, end))
        self.length += len(text)

    def text(self) -> str:
        """The text put together so far."""
        return "".join(self._made)

    def start(self, place: int) -> int:
        """Where, in the older text, that begins which became the character at `place`."""
        begin, start, end = self._around(place)
        return start if end is not None else start + place - begin

    def end(self, place: int) -> int:
        """Where, in the older text, that ends which became the character before `place`."""
        begin, start, end = self._around(place - 1)
        return end if end is not None else start + place - begin

    def _around(self, place: int) -> tuple[int, int, int | None]:
        at = bisect_right(self._begins, place) - 1
        return self._begins[at], *self._sources[at]
