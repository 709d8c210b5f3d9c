"""The steps of a corpus: check, draft and revise, kept in its journal."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from spinebench.corpus.asking import templates
from spinebench.models.gateway import Gateway
from spinebench.runs.steps import JOURNAL, Steps

_WAY_ON: Final = "call the same 'spinebench build corpus' again"


def corpus_steps(folder: Path, *, gateway: Gateway | None = None) -> Steps:
    """The stored steps of a corpus's folder; without a gateway they are read only."""
    again = templates()["again"]
    return Steps(folder / JOURNAL, what="corpus", way_on=_WAY_ON, again=again, gateway=gateway)
