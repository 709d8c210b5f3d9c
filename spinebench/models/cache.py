"""Good replies kept across runs, so that the same question is not paid twice."""

from __future__ import annotations

import json
import logging
import sqlite3
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from filelock import FileLock
from pydantic import ValidationError

from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import FinishReason

_LOG = logging.getLogger(__name__)

_SCHEMA_VERSION = 1
_READ_VERSION = "PRAGMA user_version"
_CREATE = """
CREATE TABLE IF NOT EXISTS replies (
    key TEXT PRIMARY KEY,
    model TEXT NOT NULL,
    reply TEXT NOT NULL,
    stored_at TEXT NOT NULL
)
"""
_WRITE_VERSION = f"PRAGMA user_version = {_SCHEMA_VERSION}"
_GET = "SELECT reply FROM replies WHERE key = ?"
_PUT = "INSERT OR REPLACE INTO replies (key, model, reply, stored_at) VALUES (?, ?, ?, ?)"
_COUNT = "SELECT count(*) FROM replies"

_BUSY_S = 0.1
"""How long a call may wait for another process's write. What cannot be written then waits for the next."""

_WAIT_AT_CLOSE = "PRAGMA busy_timeout = 10000"

_Row = tuple[str, str, str, str]


def is_good(reply: ModelReply, request: ModelRequest) -> bool:
    """Whether a reply may stand for later askings of the same question.

    Refused, filtered, truncated and empty replies may not, nor a reply to a request with a JSON schema that
    is no JSON: asked again, the model may do better.
    """
    if reply.finish_reason is not FinishReason.STOP or reply.refusal is not None or not reply.text.strip():
        return False
    return request.json_schema is None or _is_json(reply.text)


class ReplyCache:
    """A SQLite file (WAL) from request key to reply; several processes may use it at once.

    It is a convenience and never stops a run: a file that is no readable database is moved aside and a new
    one begun; where nothing can be read or written, every lookup misses. `note` then says so in
    one sentence, as does a warning of the module's logger.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.note: str | None = None
        """What is wrong with the cache; None while all is well."""
        self._unwritten: list[_Row] = []
        self._connection: sqlite3.Connection | None = None
        self._open()

    def get(self, key: str) -> ModelReply | None:
        """The stored reply, without its rate-limit headers; None where there is none."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(_GET, (key,)).fetchone()
        except sqlite3.OperationalError as error:
            if not _is_busy(error):
                self._give_up(error)
            return None
        except sqlite3.DatabaseError as error:
            self._give_up(error)
            return None
        if row is None:
            return None
        try:
            return ModelReply.model_validate_json(row[0])
        except ValidationError:  # written by another version: asked again and replaced
            return None

    def put(self, key: str, reply: ModelReply, *, model: str) -> None:
        """Store a reply; it replaces an earlier one of the same key."""
        text = reply.model_dump_json(exclude={"rate_limit"}, exclude_none=True)
        self._unwritten.append((key, model, text, datetime.now(UTC).isoformat(timespec="seconds")))
        self._write()

    def __len__(self) -> int:
        """Number of stored replies."""
        if self._connection is None:
            return 0
        try:
            return int(self._connection.execute(_COUNT).fetchone()[0])
        except sqlite3.DatabaseError as error:
            self._give_up(error)
            return 0

    def close(self) -> None:
        """Write what is still waiting and close the file."""
        if self._connection is not None:
            self._connection.execute(_WAIT_AT_CLOSE)
        self._write()
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _write(self) -> None:
        if self._connection is None or not self._unwritten:
            self._unwritten.clear()
            return
        try:
            with self._connection:
                self._connection.executemany(_PUT, self._unwritten)
        except sqlite3.OperationalError as error:
            if _is_busy(error):
                return  # kept for the next write
            self._give_up(error)
        except sqlite3.DatabaseError as error:
            self._give_up(error)
        self._unwritten.clear()

    def _open(self) -> None:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            try:
                self._connection = _connect(self.path)
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                self._move_aside()
                self._connection = _connect(self.path)
        except (OSError, sqlite3.DatabaseError) as error:
            self._give_up(error)

    def _move_aside(self) -> None:
        # Of several processes that find the same broken file, one moves it; the others find a sound one.
        with FileLock(f"{self.path}.lock", timeout=30):
            try:
                _connect(self.path).close()
            except sqlite3.DatabaseError as error:
                if not _is_corrupt(error):
                    raise
                aside = _free_name(self.path)
                self.path.rename(aside)
                for suffix in ("-wal", "-shm"):
                    Path(f"{self.path}{suffix}").unlink(missing_ok=True)
                self._tell(f"reply cache {self.path.name!r} was no readable database; kept as {aside.name!r}")

    def _give_up(self, error: Exception) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._tell(
            f"reply cache {self.path.name!r} cannot be used ({error}); replies are neither reused nor kept"
        )

    def _tell(self, note: str) -> None:
        self.note = note
        _LOG.warning("%s", note)


def _connect(path: Path) -> sqlite3.Connection:
    # The event loop's thread does all the work, but a notebook may run it in another one than this.
    connection = sqlite3.connect(path, timeout=_BUSY_S, check_same_thread=False)
    try:
        with closing(connection.execute(_READ_VERSION)) as cursor:
            version = int(cursor.fetchone()[0])
        if version > _SCHEMA_VERSION:
            raise sqlite3.NotSupportedError(f"made by a newer version of spinebench: schema {version}")
        connection.execute("PRAGMA journal_mode = WAL")
        # In WAL mode NORMAL loses at most the last replies in a power cut, and never harms the file.
        connection.execute("PRAGMA synchronous = NORMAL")
        if version < _SCHEMA_VERSION:
            with connection:
                connection.execute(_CREATE)
                connection.execute(_WRITE_VERSION)
    except BaseException:
        connection.close()
        raise
    return connection


def _is_corrupt(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT}


def _is_busy(error: sqlite3.OperationalError) -> bool:
    code = getattr(error, "sqlite_errorcode", 0) & 0xFF
    return code in {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}


def _free_name(path: Path) -> Path:
    number = 1
    while (aside := path.with_name(f"{path.name}.broken-{number}")).exists():
        number += 1
    return aside


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except ValueError:
        return False
    return True
