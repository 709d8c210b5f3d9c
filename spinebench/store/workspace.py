"""A workspace: the folder that holds runs, audits, the cache and the database over them."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from spinebench.audit_records import AuditSpec, AuditTrace, RaterCard
from spinebench.errors import DataError, SpinebenchError, UsageError
from spinebench.records import Item, RunSpec
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.journal import SharedJournal
from spinebench.store.locks import turn
from spinebench.store.run_folder import RunFolder

if TYPE_CHECKING:
    import pyarrow

    from spinebench.store.database import Database, Parameter

FORMAT = 1
"""Of the folder's layout, in `workspace.json`."""
_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,199}")


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
    def audits_dir(self) -> Path:
        return self.path / "audits"

    @property
    def cache_dir(self) -> Path:
        """Where replies and prepared images are kept between runs; may be removed at any time."""
        return self.path / "cache"

    def exists(self) -> bool:
        """Whether there is a workspace at the path yet."""
        return (self.path / "workspace.json").is_file() or bool(self._folders() + self._audit_folders())

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
        _check_id("run", spec.run_id)
        self.create()
        return RunFolder.create(self.runs_dir / spec.run_id, spec, items)

    def run(self, id_or_prefix: str) -> RunFolder:
        """The run of that id, or the only one whose id begins so. Raises UsageError for none or several."""
        run = RunFolder(
            self._named(self._folders(), id_or_prefix, "run", "call 'spinebench runs list' to see their ids")
        )
        run.spec()
        return run

    def runs(self) -> list[RunFolder]:
        """All readable runs, oldest first; empty without a workspace. See `unreadable_runs`."""
        return _opened([RunFolder(path) for path in self._folders()])[0]

    def unreadable_runs(self) -> list[tuple[Path, SpinebenchError]]:
        """Folders that hold a `run.json` which cannot be used, each with the reason."""
        return _opened([RunFolder(path) for path in self._folders()])[1]

    def latest(self) -> RunFolder | None:
        """The run created last; None without runs."""
        runs = self.runs()
        return runs[-1] if runs else None

    def create_audit(self, spec: AuditSpec, traces: Iterable[AuditTrace]) -> AuditFolder:
        """Make the workspace where it is not there yet, and in it the audit's folder.

        Raises UsageError for an id that exists or is no file name, DataError for traces that do not fit the
        spec.
        """
        _check_id("audit", spec.audit_id)
        self.create()
        return AuditFolder.create(self.audits_dir / spec.audit_id, spec, traces)

    def audit(self, id_or_prefix: str) -> AuditFolder:
        """The audit of that id, or the only one whose id begins so. Raises UsageError for none or several."""
        audit = AuditFolder(
            self._named(
                self._audit_folders(),
                id_or_prefix,
                "audit",
                "name it in full, or make one by 'spinebench audit RUN'",
            )
        )
        audit.spec()
        return audit

    def audits(self) -> list[AuditFolder]:
        """All readable audits, oldest first; empty without a workspace. See `unreadable_audits`."""
        return _opened([AuditFolder(path) for path in self._audit_folders()])[0]

    def unreadable_audits(self) -> list[tuple[Path, SpinebenchError]]:
        """Folders that hold an `audit.json` which cannot be used, each with the reason."""
        return _opened([AuditFolder(path) for path in self._audit_folders()])[1]

    def latest_audit(self) -> AuditFolder | None:
        """The audit created last; None without audits."""
        audits = self.audits()
        return audits[-1] if audits else None

    def raters(self) -> dict[str, RaterCard]:
        """Pseudonym -> card, as last saved, in the order of the first ones. Raises CorruptLineError."""
        return {card.rater: card for card in self.raters_journal.read()}

    def save_rater(self, card: RaterCard) -> None:
        """Add a rater, or replace their card; nothing is written where it is the same.

        Raises UsageError for a pseudonym that differs from another's in upper and lower case only: on some
        disks their journals would be one file.
        """
        self.create()

        def new() -> list[RaterCard]:
            known = self.raters()
            for other in known:
                if other != card.rater and other.lower() == card.rater.lower():
                    raise UsageError(
                        f"rater {card.rater!r}: expected a pseudonym unlike {other!r} in more than upper and "
                        "lower case; choose another"
                    )
            return [] if known.get(card.rater) == card else [card]

        self.raters_journal.append_new(new)

    @property
    def raters_journal(self) -> SharedJournal[RaterCard]:
        """`raters.jsonl`: the latest card of a rater counts."""

        @contextmanager
        def in_turn() -> Iterator[None]:
            with turn(self.path / "locks" / "raters.lock"):
                yield

        return SharedJournal(
            self.path / "raters.jsonl",
            RaterCard,
            way_on="add the rater again by 'spinebench rate raters add'",
            turn=in_turn,
        )

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
        """The latest answers with their texts and scores, of one run or of all; what is new is loaded first.

        One row per answer; `run_id` may be a unique beginning. Raises UsageError for an unknown run.
        """
        from spinebench.store.ingest import ingest

        named = None if run_id is None else self.run(run_id).run_id
        if self.path.is_dir():  # asking makes no workspace
            ingest(self, named)
        return self.query("answers", run_id=named)

    def judgements(self, audit_id: str | None = None) -> pyarrow.Table:
        """The latest judgement of each trace, judge and repeat, of one audit or of all, also those without a
        score; what is new is loaded first.

        Scores, failure modes and claims have rows of their own: `query("judge_scores")`, `"judge_marks"`,
        `"judge_claims"`. Raises UsageError for an unknown audit.
        """
        return self._of_audits("judgements", audit_id)

    def ratings(self, audit_id: str | None = None) -> pyarrow.Table:
        """The clinicians' ratings that stand, one row per rater and showing, of one audit or of all; what is new
        is loaded first.

        Scores and failure modes have rows of their own: `query("rating_scores")`, `"rating_marks"`. Raises
        UsageError for an unknown audit.
        """
        return self._of_audits("ratings", audit_id)

    def _of_audits(self, query: str, audit_id: str | None) -> pyarrow.Table:
        from spinebench.store.ingest_audits import ingest_audit

        named = None if audit_id is None else self.audit(audit_id).audit_id
        if self.path.is_dir():  # asking makes no workspace
            ingest_audit(self, named)
        return self.query(query, audit_id=named)

    def _named(self, folders: list[Path], id_or_prefix: str, what: str, way_on: str) -> Path:
        names = [path.name for path in folders]
        found = [name for name in names if name == id_or_prefix]
        found = found or [name for name in names if id_or_prefix and name.startswith(id_or_prefix)]
        if len(found) != 1:
            shown = ", ".join(sorted(found or names)[-5:])
            article = "an" if what == "audit" else "a"
            expected = (
                f"one {what}, not {len(found)}: {shown}"
                if found
                else f"{article} {what} of {str(self.path)!r}"
            )
            known = f" (the last ones: {shown})" if shown and not found else ""
            raise UsageError(f"{what} {id_or_prefix!r}: expected {expected}{known}; {way_on}")
        return folders[names.index(found[0])]

    def _folders(self) -> list[Path]:
        return _folders_with(self.runs_dir, "run.json")

    def _audit_folders(self) -> list[Path]:
        return _folders_with(self.audits_dir, "audit.json")

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


FolderT = TypeVar("FolderT", RunFolder, AuditFolder)


def _opened(folders: list[FolderT]) -> tuple[list[FolderT], list[tuple[Path, SpinebenchError]]]:
    """Readable folders, oldest first, and the others, each with the reason."""
    readable: list[FolderT] = []
    unreadable: list[tuple[Path, SpinebenchError]] = []
    for folder in folders:
        try:
            folder.spec()
            readable.append(folder)
        except DataError as error:
            unreadable.append((folder.path, error))
    readable.sort(key=lambda folder: (folder.spec().created_at.timestamp(), folder.path.name))
    return readable, unreadable


def _folders_with(parent: Path, description: str) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(
        path for path in parent.iterdir() if not path.name.startswith(".") and (path / description).is_file()
    )


def _check_id(what: str, identifier: str) -> None:
    if not _ID.fullmatch(identifier):
        raise UsageError(
            f"{what} id {identifier!r}: expected letters, digits and . _ + -, beginning with a letter or "
            "digit; choose another"
        )


def _foreign(folder: Path) -> list[str]:
    """Names in a folder that no workspace has; hidden ones (`.gitignore`, `.DS_Store`) do not count."""
    ours = (
        "audits",
        "cache",
        "identities.jsonl",
        "locks",
        "raters.jsonl",
        "runs",
        "spinebench.duckdb",
        "tokens.jsonl",
        "workspace.json",
    )
    return sorted(
        path.name
        for path in folder.iterdir()
        if not path.name.startswith(".") and not path.name.startswith(ours)
    )
