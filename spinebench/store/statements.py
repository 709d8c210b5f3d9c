"""Running the shipped `.sql` statements that load the database."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime

import duckdb

from spinebench.store.database import NEEDED, Parameter, statement

Writing = Callable[[], AbstractContextManager[duckdb.DuckDBPyConnection]]
"""Opens a connection inside one transaction."""


def execute(connection: duckdb.DuckDBPyConnection, name: str, /, **params: Parameter) -> None:
    """Run the statements of `loading/<name>.sql` in turn, each with those parameters that it names."""
    for text in _statements(name):
        connection.execute(text, {key: params[key] for key in set(NEEDED.findall(text))})


def utc(moment: datetime) -> datetime:
    """A moment as the tables hold it: UTC, without an offset."""
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _statements(name: str) -> Iterator[str]:
    for text in statement("loading", name).split(";\n"):
        if text.strip():
            yield text
