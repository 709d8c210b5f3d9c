"""A workspace: the folder that holds runs, the cache and the database over them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from spinebench.errors import DataError, SpinebenchError, UsageError
from spinebench.records import Item, RunSpec
from spinebench.store.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow

    from spinebench.store.database import Database, Parameter

FORMAT = 1
"""Of the folder's layout, in `workspace.json`."""
_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


class Workspace:
    """A folder of runs. Nothing is written before the first run is created.

    Raises UsageError where the path is a file, or was written by a later version.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path).expanduser()
        self._check()

    @property
    def runs_dir(self) -> Path:
        return self.path / "runs"

    @property
    def cache_dir(self) -> Path:
        """Where replies and prepared images are kept between runs; may be removed at any time."""
        return self.path / "cache"

    def exists(self) -> bool:
        """Whether there is a workspace at the path yet."""
        return (self.path / "workspace.json").is_file() or bool(self._folders())

    def create(self) -> None:
        """Make the folder a workspace; nothing changes where it is one. `create_run` does it by itself.

        Raises UsageError for a folder that holds other things, or that cannot be written to.
        """
        foreign = [] if self.exists() or not self.path.is_dir() else _foreign(self.path)
        if foreign:
            raise UsageError(
                f"workspace {str(self.path)!r}: expected a workspace or an empty folder, but it holds "
                f"{foreign[0]!r}; "
                "name a new folder with --workspace"
            )
        try:
            self.runs_dir.mkdir(parents=True, exist_ok=True)
            marker = self.path / "workspace.json"
            if not marker.exists():
                marker.write_text(json.dumps({"application": "spinebench", "format": FORMAT}) + "\n", "utf-8")
        except OSError as error:
            raise UsageError(
                f"workspace {str(self.path)!r}: expected a folder to write to, but {error.strerror}; "
                "name another with --workspace"
            ) from error

    def create_run(self, spec: RunSpec, items: Iterable[Item]) -> RunFolder:
        """Make the workspace where it is not there yet, and in it the run's folder.

        Raises UsageError for an id that exists or is no file name, and for a folder full of other things.
        """
        if not _RUN_ID.fullmatch(spec.run_id):
            raise UsageError(
                f"run id {spec.run_id!r}: expected letters, digits and . _ + -, beginning with a "
                "letter or digit; "
                "choose another"
            )
        self.create()
        return RunFolder.create(self.runs_dir / spec.run_id, spec, items)

    def run(self, id_or_prefix: str) -> RunFolder:
        """The run of that id, or the only one whose id begins so. Raises UsageError for none or several."""
        names = [path.name for path in self._folders()]
        found = [name for name in names if name == id_or_prefix]
        found = found or [name for name in names if id_or_prefix and name.startswith(id_or_prefix)]
        if len(found) != 1:
            shown = ", ".join(sorted(found or names)[-5:])
            expected = f"one run, not {len(found)}: {shown}" if found else f"a run of {str(self.path)!r}"
            known = f" (the last ones: {shown})" if shown and not found else ""
            raise UsageError(
                f"run {id_or_prefix!r}: expected {expected}{known}; call 'spinebench runs list' to "
                "see their ids"
            )
        run = RunFolder(self.runs_dir / found[0])
        run.spec()
        return run

    def runs(self) -> list[RunFolder]:
        """All readable runs, oldest first; empty without a workspace. See `unreadable_runs`."""
        return [run for run, error in self._opened() if error is None]

    def unreadable_runs(self) -> list[tuple[Path, SpinebenchError]]:
        """Folders that hold a `run.json` which cannot be used, each with the reason."""
        return [(run.path, error) for run, error in self._opened() if error is not None]

    def latest(self) -> RunFolder | None:
        """The run created last; None without runs."""
        runs = self.runs()
        return runs[-1] if runs else None

    @property
    def database(self) -> Database:
        """The database over the journals, with its locks."""
        from spinebench.store.database import Database

        return Database(self.path)

    def query(self, name: str, **params: Parameter) -> pyarrow.Table:
        """The answer to a named query (`spinebench/store/queries/<name>.sql`), read-only.

        A parameter that is left out is NULL, which the shipped queries take for "all". Only what was
        ingested is there. Raises UsageError for an unknown name or parameter, StoppedError when a writer
        does not let go.
        """
        return self.database.query(name, params)

    def sql(self, text: str, params: Mapping[str, Parameter] | None = None) -> pyarrow.Table:
        """The answer to one SQL statement of your own, read-only and without access to other files.

        Raises UsageError with the database's own message for wrong SQL.
        """
        return self.database.sql(text, params)

    def answers(self, run_id: str | None = None) -> pyarrow.Table:
        """The latest answers with their texts and scores, of one run or of all."""
        return self.query("answers", run_id=run_id)

    def _opened(self) -> list[tuple[RunFolder, SpinebenchError | None]]:
        opened: list[tuple[RunFolder, SpinebenchError | None]] = []
        for path in self._folders():
            run = RunFolder(path)
            try:
                run.spec()
                opened.append((run, None))
            except DataError as error:
                opened.append((run, error))
        readable = [pair for pair in opened if pair[1] is None]
        readable.sort(key=lambda pair: (pair[0].spec().created_at.timestamp(), pair[0].run_id))
        return readable + [pair for pair in opened if pair[1] is not None]

    def _folders(self) -> list[Path]:
        if not self.runs_dir.is_dir():
            return []
        return sorted(
            path
            for path in self.runs_dir.iterdir()
            if not path.name.startswith(".") and (path / "run.json").is_file()
        )

    def _check(self) -> None:
        if self.path.exists() and not self.path.is_dir():
            raise UsageError(
                f"workspace {str(self.path)!r}: expected a folder, but it is a file; name another "
                "with --workspace"
            )
        try:
            marker = json.loads((self.path / "workspace.json").read_bytes())
            number = marker["format"]
            newer = number > FORMAT
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise DataError(
                f"workspace {str(self.path)!r}: expected a readable workspace.json ({error!r}); "
                f'write {{"format": {FORMAT}}} into it if the folder is a workspace'
            ) from error
        if newer:
            raise UsageError(
                f"workspace {str(self.path)!r}: expected format {FORMAT} or earlier, but it is {number!r}; "
                "use the version of spinebench that wrote it, or a later one"
            )


def _foreign(folder: Path) -> list[str]:
    """Names in a folder that no workspace has; hidden ones (`.gitignore`, `.DS_Store`) do not count."""
    ours = ("cache", "locks", "runs", "spinebench.duckdb", "workspace.json")
    return sorted(
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".") and not path.name.startswith(ours)
    )
