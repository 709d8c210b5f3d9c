"""Corrupt journal lines moved out of the way, so that the run can go on and ask again what they held."""

from __future__ import annotations

import os

from spinebench.errors import StoppedError
from spinebench.store.ingest import check_entry
from spinebench.store.journal import CorruptLineError, SetAside, free_name, sync_folder
from spinebench.store.run_folder import RunFolder


def set_aside_corrupt(run: RunFolder) -> SetAside | None:
    """Rewrite the journal without the lines that are no entries of this run; None where there are none.

    The lines are kept, as they were, in `journal.corrupt-<n>` beside the journal, which is replaced whole.
    Takes the run's lock: raises UsageError while another process is at work on it, StoppedError on a full
    disk.
    """
    with run.lock():
        journal = run.journal
        torn = journal.open()
        journal.close()
        item_ids = {item.id for item in run.items()}
        draft = run.path / "journal.jsonl.new"
        aside = free_name(run.path, "journal.corrupt")
        first: int | None = None
        try:
            with draft.open("wb") as good, aside.open("xb") as bad:
                for line in journal.lines():
                    try:
                        check_entry(run, line, item_ids)
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
            sync_folder(run.path)
            draft.replace(journal.path)
            sync_folder(run.path)
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
        return SetAside(file=aside.name, offset=first, n_bytes=aside.stat().st_size)
