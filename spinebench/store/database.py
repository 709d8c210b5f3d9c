"""The DuckDB database over the journals: opened for one query or one transaction, then closed again.

An open connection shuts every other process out (DuckDB 2.0: a writer all readers, a reader all writers), so
none is kept, and the lock of `spinebench.store.locks` decides who is next.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias

import duckdb

from spinebench.errors import DataError, StoppedError, UsageError
from spinebench.store.locks import DatabaseLock

if TYPE_CHECKING:
    import pyarrow

Scalar: TypeAlias = str | int | float | bool | datetime | None
Parameter: TypeAlias = Scalar | Sequence[Scalar]

_Config: TypeAlias = dict[str, str | bool | int | float | list[str]]
_COMMON: _Config = {
    "autoinstall_known_extensions": "false",  # nothing is ever downloaded
    "autoload_known_extensions": "false",
    "memory_limit": "2GB",
}
_READ: _Config = {**_COMMON, "enable_external_access": "false"}
_WRITE: _Config = {
    **_COMMON,
    # Halves both the time and the memory of a load (780,000 answers of 2 KB), whose rows carry their line
    # number.
    "preserve_insertion_order": "false",
    # Files written so can still be opened by DuckDB 1.5, as other tools may bring it.
    "storage_compatibility_version": "v1.5.0",
}
_PATIENCE_S = 10.0
# Replacements: DuckDB would take a table that it does not know for a variable of whatever Python code is running.
_SESSION = "SET enable_progress_bar = false; SET TimeZone = 'UTC'; SET python_enable_replacements = false"
NEEDED = re.compile(r"\$([a-z0-9_]+)")
"""Names of the parameters of a shipped statement."""


class Database:
    """`spinebench.duckdb` of a workspace."""

    def __init__(self, workspace: Path) -> None:
        self.workspace = workspace
        self.path = workspace / "spinebench.duckdb"
        self.lock = DatabaseLock(workspace / "locks")

    def query(self, name: str, params: Mapping[str, Parameter]) -> pyarrow.Table:
        """The answer to a named query; see `Workspace.query`."""
        return self.queries([name], params)[name]

    def queries(self, names: Sequence[str], params: Mapping[str, Parameter]) -> dict[str, pyarrow.Table]:
        """The answers to several named queries at one moment: no writer comes between them.

        Each takes those of the parameters that it names. Raises as `Workspace.query`.
        """
        texts = {name: _query_text(name) for name in names}
        needed = {name: set(NEEDED.findall(text)) for name, text in texts.items()}
        known = set().union(*needed.values())
        if unknown := sorted(set(params) - known):
            raise UsageError(
                f"query parameter {unknown[0]!r}: expected one of {', '.join(sorted(known)) or 'none'} "
                f"for query {', '.join(map(repr, names))}; leave the others out"
            )
        found: dict[str, pyarrow.Table] = {}
        name = ""
        try:
            with self.reading() as connection:
                for name, text in texts.items():
                    found[name] = _rows(connection, text, {key: params.get(key) for key in needed[name]})
        except duckdb.Error as error:
            raise UsageError(
                f"query {name!r}: expected parameters of its types, but {error}; mend them"
            ) from error
        return found

    def sql(self, text: str, params: Mapping[str, Parameter] | None = None) -> pyarrow.Table:
        """The answer to one statement; see `Workspace.sql`."""
        try:
            with self.reading() as connection:
                return _rows(connection, text, dict(params or {}))
        except duckdb.Error as error:
            raise UsageError(
                f"SQL: expected one statement that reads, but: {error}; mend the statement"
            ) from error

    @contextmanager
    def reading(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A read-only connection to an up-to-date schema; other readers may be inside, no writer is.

        A database that is missing or of an older schema is made or migrated first. Raises DataError for a
        file that is no database, UsageError where there is no workspace.
        """
        self._make_if_missing()
        for _ in range(2):
            with self.lock.shared(), connect(self.path, read_only=True) as connection:
                if schema_version(connection) == latest_version():
                    yield connection
                    return
            with self.writing():  # migrates
                pass
        raise AssertionError("a migrated database is of the latest version")

    @contextmanager
    def writing(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The one connection of all processes, inside one transaction: all of it is kept, or nothing."""
        self._make_if_missing()
        with self.lock.exclusive(), connect(self.path, read_only=False) as connection:
            migrate(connection)
            with transaction(connection):
                yield connection

    def _make_if_missing(self) -> None:
        """A new database appears whole: a kill while it is made leaves none, rather than a broken one."""
        self.require_workspace()
        if self.path.exists():
            return
        draft = self.path.with_name(self.path.name + ".draft")
        with self.lock.exclusive():
            if self.path.exists():
                return
            remove(draft)
            with connect(draft, read_only=False) as connection:
                migrate(connection)
            remove(self.path)  # its log, where someone removed the database alone
            draft.replace(self.path)

    def require_workspace(self) -> None:
        """Raise UsageError where there is no workspace folder."""
        if not (self.workspace / "runs").is_dir():
            raise UsageError(
                f"workspace {str(self.workspace)!r}: expected a folder with runs, but there are none; "
                "name it with --workspace, or make one by 'spinebench run' or 'spinebench demo'"
            )


def _query_text(name: str) -> str:
    if name not in query_names():
        raise UsageError(f"query {name!r}: expected one of {', '.join(query_names())}; choose one of these")
    return statement("queries", name)


def _rows(connection: duckdb.DuckDBPyConnection, text: str, params: dict[str, Parameter]) -> pyarrow.Table:
    relation = connection.sql(text, params=params) if params else connection.sql(text)
    if relation is None:
        raise UsageError("SQL: expected one statement that returns rows; begin it with SELECT")
    return relation.to_arrow_table()


_FULL = (duckdb.IOException, duckdb.TransactionException)
"""What a full disk raises: on a write, or on the commit that cannot be written."""
_BREAKDOWNS = (*_FULL, duckdb.OutOfMemoryException, duckdb.FatalException)


@contextmanager
def connect(path: Path, *, read_only: bool) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with the store's settings. The caller holds the lock.

    Raises DataError for a file that is no database, StoppedError where another program has it open or the
    disk is full.
    """
    connection = _open(path, read_only=read_only)
    try:
        connection.execute(_SESSION)
        yield connection
    except _BREAKDOWNS as error:
        raise _unusable(path, error) from error
    finally:
        connection.close()


def _open(path: Path, *, read_only: bool) -> duckdb.DuckDBPyConnection:
    """Other programs know nothing of our lock: while one has the file open, try again for a while."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return duckdb.connect(str(path), read_only=read_only, config=_READ if read_only else _WRITE)
        except duckdb.Error as error:
            if not _taken(error) or time.monotonic() > deadline:
                raise _unusable(path, error) from error
        time.sleep(0.05)


def _taken(error: duckdb.Error) -> bool:
    return isinstance(error, duckdb.ConnectionException) or "Conflicting lock" in str(error)


def remove(path: Path) -> None:
    """Remove a database file and its log."""
    path.unlink(missing_ok=True)
    wal(path).unlink(missing_ok=True)


def wal(path: Path) -> Path:
    """The log of a database file; left by a kill, it must not be replayed into another file of that name."""
    return path.with_name(path.name + ".wal")


@contextmanager
def transaction(connection: duckdb.DuckDBPyConnection) -> Iterator[None]:
    """All or nothing: what goes wrong inside, an interrupt included, rolls everything back."""
    connection.execute("BEGIN")
    try:
        yield
    except BaseException:
        try:
            connection.execute("ROLLBACK")
        except duckdb.Error:  # the connection is dead: closing it rolls back
            pass
        raise
    connection.execute("COMMIT")


def schema_version(connection: duckdb.DuckDBPyConnection) -> int:
    """The schema's version; 0 for an empty database.

    Raises UsageError for one made by a later version of spinebench.
    """
    try:  # to look for the table in the catalog first takes ten times as long, at every query
        [(newest,)] = connection.execute("SELECT coalesce(max(version), 0) FROM schema_version").fetchall()
    except duckdb.CatalogException:
        return 0
    version = int(newest)
    if version > latest_version():
        raise UsageError(
            f"database schema {version}: expected at most {latest_version()}, as this version of "
            "spinebench knows; "
            "upgrade spinebench, or call 'spinebench store rebuild' to make the database anew from "
            "the journals"
        )
    return version


def migrate(connection: duckdb.DuckDBPyConnection, *, upto: int | None = None) -> None:
    """Bring the schema to the latest version (or `upto`), each migration in a transaction of its own."""
    current = schema_version(connection)
    for version, name in migrations():
        if version <= current or (upto is not None and version > upto):
            continue
        with transaction(connection):
            connection.execute(
                "CREATE TABLE IF NOT EXISTS schema_version (version INTEGER, name VARCHAR, "
                "applied_at TIMESTAMP)"
            )
            connection.execute(statement("migrations", name))
            connection.execute(
                "INSERT INTO schema_version VALUES (?, ?, ?)",
                [version, name, datetime.now(UTC).replace(tzinfo=None)],
            )


def migrations() -> list[tuple[int, str]]:
    """Number and name of every migration, in order."""
    names = sorted(entry.name for entry in (files("spinebench.store") / "migrations").iterdir())
    return [(int(name[:4]), name.removesuffix(".sql")) for name in names if name.endswith(".sql")]


def latest_version() -> int:
    """The schema version that this code reads and writes."""
    return migrations()[-1][0]


def query_names() -> tuple[str, ...]:
    """Names of the shipped queries."""
    entries = (files("spinebench.store") / "queries").iterdir()
    return tuple(sorted(entry.name.removesuffix(".sql") for entry in entries if entry.name.endswith(".sql")))


def statement(folder: str, name: str) -> str:
    """The text of a shipped `.sql` file."""
    return (files("spinebench.store") / folder / f"{name}.sql").read_text(encoding="utf-8")


def _unusable(path: Path, error: duckdb.Error) -> DataError | StoppedError:
    text = str(error).splitlines()[0]
    if _taken(error):
        return StoppedError(
            f"database {str(path)!r}: expected no other program or connection to have it open ({text}); "
            "close that program"
        )
    if isinstance(error, _FULL) and "not a valid DuckDB database" not in text:
        return StoppedError(
            f"database {str(path)!r}: {text}: expected it to be readable and its disk to have room; "
            "the journals are unharmed: mend that, then call 'spinebench store rebuild'"
        )
    return DataError(
        f"database {str(path)!r}: expected a DuckDB database, but {text}; the journals are unharmed: "
        "call 'spinebench store rebuild'"
    )
