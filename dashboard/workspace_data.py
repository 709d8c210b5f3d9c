"""What pages know of the workspace: answers to named queries, each over a short connection, kept until the data change.

No page holds a connection: a run that loads its journal waits for one query at most, and a page that cannot get
through shows what it had.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import pyarrow as pa
import streamlit as st
from pydantic import TypeAdapter

from spinebench.dashboard.kept_figures import KeptFigures, kept_record, kept_table, key_of
from spinebench.errors import DataError, SpinebenchError
from spinebench.evaluators.invisible import INVISIBLE, written_out
from spinebench.store.database import Parameter
from spinebench.store.workspace import Workspace

WORKSPACE_VARIABLE = "SPINEBENCH_DASHBOARD_WORKSPACE"
FoundT = TypeVar("FoundT")
_KEPT = 200
"""Answers to queries that are kept, of all sessions together."""
_LASTING = frozenset(
    {
        "audit_dimensions", "audit_usage", "audits", "case_rubric", "case_values", "cases", "confusion", "coverage",
        "discordant", "failures", "item_counts", "item_duplicates", "item_images", "item_sizes", "judge_failures",
        "outcomes", "run_tasks", "runs", "score_spread", "shifts", "statuses", "timing", "usage", "written_reports",
    }
)  # fmt: skip
"""Queries whose answers are kept beyond the server's end: counts over everything and pages of lists, no texts."""


@dataclass(frozen=True)
class DataStamp:
    """Which state of the database an answer is from."""

    modified_ns: int
    size: int

    @property
    def at(self) -> datetime:
        """When the database was last written, UTC."""
        return datetime.fromtimestamp(self.modified_ns / 1e9, UTC)


def workspace() -> Workspace:
    """The workspace that the dashboard was started on."""
    return Workspace(os.environ.get(WORKSPACE_VARIABLE, "spinebench-workspace"))


def data_stamp() -> DataStamp | None:
    """The present state of the database; None where there is none yet."""
    path = workspace().database.path
    try:
        found = path.stat()
    except OSError:
        return None
    return DataStamp(found.st_mtime_ns, found.st_size)


def query(name: str, **params: Parameter) -> pa.Table:
    """The answer to a shipped query (`store/queries/<name>.sql`), of the present state of the data.

    Parameters are bound, never written into SQL. Raises `SpinebenchError` for what the page has to show as a message.
    """
    return _kept(str(workspace().path), data_stamp(), name, tuple(sorted(params.items())))


def rows(name: str, **params: Parameter) -> list[dict[str, object]]:
    """`query` as a list of dictionaries: for a page's worth of rows."""
    return list(query(name, **params).to_pylist())


@st.cache_data(max_entries=_KEPT, show_spinner=False)
def _kept(
    path: str, stamp: DataStamp | None, name: str, params: tuple[tuple[str, Parameter], ...]
) -> pa.Table:
    # The path and the stamp are part of the key: a new state of the data is asked anew.
    place = Workspace(Path(path))
    asked = dict(params)
    if stamp is None or name not in _LASTING or asked.get("cases") is not None:
        return place.query(name, **asked)
    return kept_table(
        KeptFigures(place.cache_dir),
        key_of(f"query {name}", stamp.modified_ns, stamp.size, params),
        lambda: place.query(name, **asked),
        lambda: data_stamp() == stamp,
    )


def kept_of_data(
    path: str,
    stamp: DataStamp | None,
    kind: TypeAdapter[FoundT],
    what: str,
    asked: tuple[object, ...],
    compute: Callable[[], FoundT],
) -> FoundT:
    """A figure computed from the database in the state of `stamp`, kept beyond the server's end."""
    if stamp is None:
        return compute()
    return kept_record(
        KeptFigures(Workspace(Path(path)).cache_dir),
        key_of(what, stamp.modified_ns, stamp.size, asked),
        kind,
        compute,
        lambda: data_stamp() == stamp,
    )


def say_when(stamp: DataStamp | None) -> None:
    """One line: when the shown data are from."""
    st.caption(when_said(stamp))


def when_said(stamp: DataStamp | None) -> str:
    """When the shown data are from, in words."""
    return "No data yet." if stamp is None else f"Data as of {stamp.at:%Y-%m-%d %H:%M:%S} UTC."


def plain(text: str) -> str:
    """A text on one line whose every character stands for itself where Streamlit reads Markdown.

    It becomes code: elsewhere Streamlit makes icons, links and arrows even of what is escaped, and of the two dashes
    of an option one long one. (Of `:material/x:` it shows `:material_x:` even there.)
    """
    line = INVISIBLE.sub(lambda found: written_out(found.group()), " ".join(text.split()))
    fence = "`" * (max(map(len, re.findall("`+", line)), default=0) + 1)
    return f"{fence} {line} {fence}" if line else ""


def stop_with(error: SpinebenchError) -> None:
    """End the page with a message that says what is wrong and how to mend it, and no traceback."""
    st.error(plain(str(error)), icon=":material/error:")
    st.stop()


def stop_with_file_fault(error: OSError) -> None:
    """End the page where the file system failed it: a disk that is full or gone, a folder taken away or locked up."""
    st.error("A file of the workspace cannot be read or written:", icon=":material/error:")
    st.text(str(error))
    st.info(
        "Mend that (is the folder still there, may it be read, is there room on the disk?), then reload this page. "
        "`spinebench store check` looks through the whole workspace.",
        icon=":material/info:",
    )
    st.stop()


def stop_if_empty() -> None:
    """End the page with what to do first, where the workspace holds no run."""
    try:
        place = workspace()
        if place.runs():
            return
        if not place.path.is_dir():
            raise DataError(
                f"workspace {str(place.path)!r}: expected the folder that the dashboard was started on, but it is "
                "gone; put it back and reload this page, or start the dashboard on another"
            )
        unreadable = place.unreadable_runs()
    except SpinebenchError as error:
        stop_with(error)
        return
    st.info(
        "This workspace holds no run yet. Begin with `spinebench demo`, or with "
        "`spinebench run -b FILE -m MODEL`, then reload this page.",
        icon=":material/info:",
    )
    for path, fault in unreadable:
        st.warning(plain(f"{path.name}: {fault}"))
    st.stop()
