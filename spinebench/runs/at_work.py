"""What the runners of exams and of audits share: workers, the writing of the journal, progress that is kept."""

from __future__ import annotations

import logging
from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from typing import Any, Generic, TypeVar

from spinebench.models.gateway import Gateway
from spinebench.models.spending import Spending, total
from spinebench.records import Record, RunState
from spinebench.runs.crew import Crew, raise_first
from spinebench.runs.progress import Progress
from spinebench.runs.stopping import StopSwitch
from spinebench.runs.writing import JournalWriter, every
from spinebench.store.journal import Journal
from spinebench.store.work_folder import StatusT, WorkFolder

_log = logging.getLogger(__name__)
_STATUS_EVERY_S = 1.0

EntryT = TypeVar("EntryT", bound=Record)


class Sitting(ABC, Generic[EntryT, StatusT]):
    """One sitting of a run or an audit: from the first worker to the last status.

    What is written goes through `_writer`, and counts (`_count`) once it is on disk.
    """

    def __init__(
        self,
        folder: WorkFolder[Any, StatusT],
        journal: Journal[EntryT],
        *,
        gateway: Gateway,
        switch: StopSwitch,
        on_progress: Callable[[Progress], None] | None,
        progress: Progress,
    ) -> None:
        self._folder: WorkFolder[Any, StatusT] = folder
        self._gateway = gateway
        self._switch = switch
        self._on_progress = on_progress
        self._crew = Crew(switch)
        self._writer: JournalWriter[EntryT] = JournalWriter(
            lambda entries: journal.append(entries), on_written=self._count, on_failed=self._crew.ends
        )
        self.progress = progress
        self._tripped = False
        """Whether a graph itself has failed; the first time is told in full."""

    async def run(self) -> StatusT:
        """Do what is missing. Raises the cause that ended the sitting early, once what is finished is written."""
        self._write_status(RunState.RUNNING)
        raised: list[BaseException] = []
        try:
            async with self._writer.at_work(), every(_STATUS_EVERY_S, self._still_running):
                raised = await self._crew.all_of(list(self._workers()))
        finally:
            status = self._write_status(RunState.DONE if self._is_done() else RunState.INCOMPLETE)
        raise_first(raised, self._crew.cause)
        return status

    @abstractmethod
    def _workers(self) -> Iterable[Coroutine[Any, Any, None]]:
        """The workers that share what is missing."""

    @abstractmethod
    def _is_done(self) -> bool:
        """Whether nothing is missing."""

    @abstractmethod
    def _count(self, entry: EntryT) -> None:
        """Take note of an entry that is on disk."""

    @abstractmethod
    def _status(self, state: RunState, spent: Spending, message: str | None) -> StatusT:
        """The status to be kept."""

    def _remark(self) -> str | None:
        """What else the status has to say, where no cause ended the sitting."""
        return None

    def _tell_own_error(self, about: str) -> None:
        """Log the error that is being handled, one of spinebench's own: the first in full view, others on demand."""
        level = logging.DEBUG if self._tripped else logging.WARNING
        _log.log(level, "%s ended in an error of spinebench's own", about, exc_info=True)
        self._tripped = True

    def _still_running(self) -> None:
        self._write_status(RunState.RUNNING)

    def _write_status(self, state: RunState) -> StatusT:
        spent = total(self._gateway.spending())
        self.progress.cost_usd = spent.cost_usd
        message = str(self._crew.cause) if self._crew.cause else self._remark()
        if message is None and self._switch.request is not None:
            message = f"stopped on request ({self._switch.request.value})"
        status = self._status(state, spent, message)
        try:
            self._folder.write_status(status)
        except (
            OSError
        ) as error:  # for display only; a full disk ends the work at the journal, with its reason
            _log.warning("progress of %s could not be written: %s", self._folder.title, error.strerror)
        if self._on_progress is not None:
            self._on_progress(self.progress)
        return status
