"""Corrupt journal lines moved out of the way, so that what they held can be asked or taken in again."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial

from spinebench.errors import StoppedError
from spinebench.records import Record
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.ingest import check_entry
from spinebench.store.journal import (
    CorruptLineError,
    EntryT,
    Journal,
    Line,
    SetAside,
    free_name,
    sync_folder,
)
from spinebench.store.run_folder import RunFolder


def set_aside_corrupt(run: RunFolder) -> SetAside | None:
    """Rewrite the journal without the lines that are no entries of this run; None where there are none.

    The lines are kept, as they were, in `journal.corrupt-<n>` beside the journal, which is replaced whole.
    Takes the run's lock: raises UsageError while another process is at work on it, StoppedError on a full
    disk.
    """
    with run.lock():
        item_ids = {item.id for item in run.items()}
        return _rewrite(run.journal, lambda line: check_entry(run, line, item_ids))


def set_aside_corrupt_in_audit(audit: AuditFolder) -> list[SetAside]:
    """The same for the journal of an audit and those of its raters; empty where there is nothing.

    A rater's lines go to `ratings/<rater>.corrupt-<n>`. Importers wait meanwhile.
    """
    with audit.lock():
        done = [_rewrite(audit.journal, audit.entry)]
        for rater in audit.rater_ids():
            with audit.ratings_turn(rater):
                journal = audit.ratings_journal(rater)
                done.append(_rewrite(journal, partial(audit.rating, rater)))
    return [aside for aside in done if aside is not None]


def _rewrite(journal: Journal[EntryT], check: Callable[[Line], Record]) -> SetAside | None:
    folder, stem = journal.path.parent, journal.path.stem
    torn = journal.open()
    journal.close()
    draft = folder / f"{stem}.jsonl.new"
    aside = free_name(folder, f"{stem}.corrupt")
    first: int | None = None
    try:
        with draft.open("wb") as good, aside.open("xb") as bad:
            for line in journal.lines():
                try:
                    check(line)
                except CorruptLineError:
                    first = line.offset if first is None else first
                    bad.write(line.data)
                else:
                    good.write(line.data)
            for file in (good, bad):
                file.flush()
                os.fsync(file.fileno())
        if first is None:
            return torn
        sync_folder(folder)
        draft.replace(journal.path)
        sync_folder(folder)
    except OSError as error:
        first = None
        raise StoppedError(
            f"journal {str(journal.path)!r}: expected room for a copy, but {error.strerror}; make "
            "room, then try again"
        ) from error
    finally:
        draft.unlink(missing_ok=True)
        if first is None:
            aside.unlink(missing_ok=True)
    return SetAside(file=str(aside.relative_to(folder)), offset=first, n_bytes=aside.stat().st_size)
