"""How far each clinician of an audit is, counted once per state of the assignments and ratings."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import streamlit as st
from pydantic import TypeAdapter

from spinebench.dashboard.headlines import Headline
from spinebench.dashboard.kept_figures import KeptFigures, kept_record, key_of
from spinebench.dashboard.workspace_data import workspace
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.progress import Progress, progress
from spinebench.store.audit_folder import AuditFolder

_PROGRESS = TypeAdapter(list[Progress])
_Stamp = tuple[tuple[str, int, int], ...]


@dataclass(frozen=True)
class AuditProgress:
    """Of all raters of an audit."""

    raters: tuple[Progress, ...]
    n_traces: int
    """That are assigned, each to one rater or more."""
    at: datetime
    """When an assignment or rating was last written, UTC."""

    @property
    def n_assigned(self) -> int:
        """Showings of traces, hidden duplicates among them."""
        return sum(one.n_assigned for one in self.raters)

    @property
    def n_rated(self) -> int:
        """Of them rated on every dimension that is asked."""
        return sum(one.n_rated for one in self.raters)


def rating_progress(folder: AuditFolder) -> AuditProgress | None:
    """The present progress; None where nothing is assigned yet. Raises `SpinebenchError`."""
    assignments = folder.assignments()
    if not any(one.traces for one in assignments.values()):
        return None
    stamp = _stamp(folder)
    return AuditProgress(
        tuple(_counted(str(folder.path), stamp)),
        len({shown.trace_id for one in assignments.values() for shown in one.traces}),
        datetime.fromtimestamp(max(written for _, written, _ in stamp) / 1e9, UTC),
    )


def rating_headline(found: AuditProgress) -> list[Headline]:
    """Ratings in a few numbers."""
    return [
        Headline(
            "Assignments rated",
            f"{found.n_rated:,} of {found.n_assigned:,}",
            "Traces shown to raters, hidden duplicates among them.",
        ),
        Headline("Traces assigned", f"{found.n_traces:,}", "Each to one rater or more."),
        Headline("Clinicians assigned", f"{len(found.raters):,}", "They need not have rated yet."),
    ]


def _stamp(folder: AuditFolder) -> _Stamp:
    """Which state the assignments and the ratings of an audit are in."""
    files = [
        folder.path / "assignments.jsonl",
        *(folder.ratings_journal(one).path for one in folder.rater_ids()),
    ]
    return tuple((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in files)


@st.cache_data(max_entries=50, show_spinner=False)
def _counted(path: str, stamp: _Stamp) -> list[Progress]:
    # The stamp is part of the key: a new state is counted anew.
    folder = AuditFolder(Path(path))
    return kept_record(
        KeptFigures(workspace().cache_dir),
        key_of("rating progress", folder.audit_id, stamp),
        _PROGRESS,
        lambda: progress(RatingBook.open(folder), folder.ratings()),
        lambda: _stamp(folder) == stamp,
    )
