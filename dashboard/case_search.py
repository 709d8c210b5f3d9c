"""Looking for words in the texts of answers, a part of them at a time: all of 780,000 texts take seconds."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

import streamlit as st

from spinebench.dashboard.workspace_data import DataStamp, data_stamp, workspace
from spinebench.store.database import Parameter
from spinebench.store.workspace import Workspace

MOST_FOUND = 5_000
"""Cases that a search brings to the page; with more, it ends early and says so."""
_FEWEST_ROWS, _FIRST_ROWS, _MOST_ROWS = 50_000, 100_000, 400_000
"""Rows in a part: a part costs as much as a page of the list, whatever its size, so that small ones take longest."""
_PART_S = 0.6


@dataclass
class TextSearch:
    """A search that goes on each time it is asked to, over a connection for each part. Shared between sessions."""

    workspace: Workspace
    parameters: dict[str, Parameter]
    """Of the query `cases`: which cases, and `text`, what is looked for in them."""
    most: int | None = MOST_FOUND
    found: list[str] = field(default_factory=list)
    """`<run id>/<answer id>` of those whose answer or reasoning holds the text."""
    n_answers: int = 0
    """Of the chosen runs."""
    looked_at: float = 0.0
    """Share of those answers that were looked through, 0 to 1."""
    is_full: bool = False
    """Whether it ended since it had found the most."""
    _next: int | None = None
    _first: int = 0
    _last: int = 0
    _rows: int = field(default_factory=lambda: _FIRST_ROWS)
    _turn: threading.Lock = field(default_factory=threading.Lock)

    @property
    def is_done(self) -> bool:
        """Whether there is nothing more to be found by going on."""
        return self.looked_at >= 1.0 or self.is_full

    def go_on(self, *, for_s: float) -> None:
        """Look through more answers, about so long, at least one part. Raises `SpinebenchError`."""
        until = time.monotonic() + for_s
        with self._turn:
            while not self.is_done:
                self._look()
                if time.monotonic() >= until:
                    return

    def _look(self) -> None:
        if self._next is None:
            [known] = self.workspace.query("case_rows", runs=self.parameters.get("runs")).to_pylist()
            self.n_answers = known["n"]
            self._first = self._next = known["first"] or 0
            self._last = known["last"] or 0
        begun = time.monotonic()
        upto = min(self._next + self._rows, self._last)
        room = None if self.most is None else self.most - len(self.found)
        rows = (
            self.workspace.query(
                "cases",
                **{**self.parameters, "sort": "asked", "text_from": self._next, "text_to": upto},
                size=1 << 40 if room is None else room + 1,
            )
            .select(["run_id", "answer_id"])
            .to_pylist()
        )
        self.found += [f"{row['run_id']}/{row['answer_id']}" for row in rows[:room]]
        if room is not None and len(rows) > room:
            self.is_full = True
        self._next = upto
        span = self._last - self._first
        self.looked_at = (upto - self._first) / span if span else 1.0
        slower = (time.monotonic() - begun) > _PART_S
        self._rows = max(_FEWEST_ROWS, self._rows // 2) if slower else min(_MOST_ROWS, self._rows * 2)


def search_of(parameters: dict[str, Parameter]) -> TextSearch:
    """The search for `text` in the cases that these parameters leave; one per state of the data."""
    kept = {name: value for name, value in parameters.items() if name != "sort"}
    return _searches(
        str(workspace().path),
        data_stamp(),
        tuple(
            (name, tuple(value) if isinstance(value, list) else value) for name, value in sorted(kept.items())
        ),
    )


@st.cache_resource(max_entries=60, show_spinner=False)
def _searches(
    path: str, stamp: DataStamp | None, parameters: tuple[tuple[str, Parameter], ...]
) -> TextSearch:
    # The path and the stamp are part of the key: rows may have moved in a new state of the data.
    return TextSearch(Workspace(Path(path)), dict(parameters))
