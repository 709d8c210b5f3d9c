"""The runner: drives the exam graph over all planned questions, journals each answer before it counts."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from typing import cast

from spinebench.agents.exam import ExamGraph, exam_graph
from spinebench.agents.exam_records import failed_entry, journal_entry
from spinebench.agents.state import ExamState
from spinebench.errors import SpinebenchError
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.models.spending import total
from spinebench.records import Answer, AnswerKey, AnswerStatus, Item, JournalEntry, RunState, RunStatus
from spinebench.runs.prepare import PreparedRun
from spinebench.runs.progress import Progress
from spinebench.runs.rereading import is_unread, read_again, unread_answers
from spinebench.runs.selection import planned_keys
from spinebench.runs.stopping import StopRequest, StopSwitch
from spinebench.store.run_folder import RunFolder

_log = logging.getLogger(__name__)
_STATUS_EVERY_S = 1.0


async def sit(
    prepared: PreparedRun,
    folder: RunFolder,
    *,
    gateway: Gateway,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> RunStatus:
    """Ask what is missing or failed, and return where the run stands then.

    An answer counts as done once its journal line is on disk. A provider that cannot be used at all, a budget or
    a stop request ends the sitting early; what is finished is kept. The run's lock must be held by the caller.

    Raises `SpinebenchError` of the cause (provider, budget, full disk) after everything finished is journalled.
    """
    sitting = _Sitting(prepared, folder, gateway, switch or StopSwitch(), on_progress)
    return await sitting.run()


class _Sitting:
    def __init__(
        self,
        prepared: PreparedRun,
        folder: RunFolder,
        gateway: Gateway,
        switch: StopSwitch,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._prepared = prepared
        self._folder = folder
        self._gateway = gateway
        self._switch = switch
        self._on_progress = on_progress
        self._done = folder.done_keys()
        self.progress = Progress(n_planned=prepared.spec.n_planned, n_done=len(self._done))
        self._queue: asyncio.Queue[tuple[JournalEntry, asyncio.Future[None]]] = asyncio.Queue()
        self._cause: SpinebenchError | None = None
        self._broken = False
        """Whether something failed that is no item's and no user's fault: nothing more is asked."""
        self._tripped = False
        """Whether the graph itself has failed on an item; the first time is told in full."""

    async def run(self) -> RunStatus:
        self._write_status(RunState.RUNNING)
        try:
            async with self._writer(), self._ticker():
                unread = self._unread()
                workers = [asyncio.create_task(self._read(unread)) for _ in range(self._n_workers())]
                workers += [
                    asyncio.create_task(self._work(model, graph, questions))
                    for model in self._prepared.models
                    for graph, questions in [(self._graph(model), self._questions(model))]
                    for _ in range(self._n_workers())
                ]

                def cancel(request: StopRequest) -> None:
                    if request is StopRequest.ABORT:
                        for worker in workers:
                            worker.cancel()

                self._switch.listen(cancel)
                results = await asyncio.gather(*workers, return_exceptions=True)
        finally:
            complete = self.progress.n_done == self.progress.n_planned
            status = self._write_status(RunState.DONE if complete else RunState.INCOMPLETE)
        for result in results:
            if isinstance(result, BaseException) and not isinstance(result, asyncio.CancelledError):
                raise result
        if self._cause is not None:
            raise self._cause
        return status

    def _n_workers(self) -> int:
        # More workers than connections: one that waits for a retry holds no connection.
        return self._prepared.plan.max_connections * 5 // 4 + 1

    def _graph(self, model: ChatModel) -> ExamGraph:
        prepared = self._prepared
        return exam_graph(
            model,
            gateway=self._gateway,
            images=prepared.images,
            personas=prepared.personas,
            decoding=prepared.plan.decoding(),
            extractor=prepared.extractor,
            closing_phrases=prepared.plan.closing_phrases or None,
        )

    def _questions(self, model: ChatModel) -> Iterator[tuple[Item, AnswerKey]]:
        prepared = self._prepared
        keys = planned_keys(
            prepared.items, prepared.plan, model=model.name, personas=tuple(prepared.personas)
        )
        return (question for question in keys if question[1].id() not in self._done)

    async def _work(
        self, model: ChatModel, graph: ExamGraph, questions: Iterator[tuple[Item, AnswerKey]]
    ) -> None:
        """One worker: takes the next question of its model until there is none or the run is to stop."""
        for item, key in questions:
            if self._over():
                return
            try:
                await self._journal(await self._ask(graph, item, key))
            except SpinebenchError as error:  # no item escapes it: wrong key, budget, full disk
                self._cause = self._cause or error
                return
            except Exception:
                self._broken = True
                raise

    def _unread(self) -> Iterator[tuple[Answer, Item]]:
        """Replies on which the extractor failed in an earlier sitting, with their items."""
        if self._prepared.extractor is not None and self._done:
            items = {item.id: item for item in self._prepared.items}
            for answer in unread_answers(self._folder):
                yield answer, items[answer.key.item_id]

    async def _read(self, unread: Iterator[tuple[Answer, Item]]) -> None:
        """One worker: has the extractor read the next of these replies."""
        extractor = self._prepared.extractor
        for answer, item in unread:
            if self._over() or extractor is None:
                return
            try:
                entry = await read_again(answer, item, extractor=extractor, gateway=self._gateway)
                if entry is None:
                    self.progress.n_unread += 1
                else:
                    await self._journal(entry)
            except SpinebenchError as error:
                self._cause = self._cause or error
                return
            except Exception:
                self._broken = True
                raise

    def _over(self) -> bool:
        return self._switch.request is not None or self._cause is not None or self._broken

    async def _ask(self, graph: ExamGraph, item: Item, key: AnswerKey) -> JournalEntry:
        """The journal entry of one question; whatever goes wrong with this question alone is in it."""
        try:
            state = await graph.ainvoke(
                {
                    "item": item.model_dump(mode="json"),
                    "persona": key.persona,
                    "image_condition": key.image_condition.value,
                    "option_order": key.option_order,
                    "epoch": key.epoch,
                }
            )
        except SpinebenchError:
            raise
        except Exception as error:  # noqa: BLE001 - recorded as this answer's failure
            # One reply that trips a rule must not keep the others from being asked; a paid reply is in the cache.
            level = logging.DEBUG if self._tripped else logging.WARNING
            _log.log(level, "item %r ended in an error of spinebench's own", key.item_id, exc_info=True)
            self._tripped = True
            template = self._prepared.personas[key.persona].template(item.task)
            return failed_entry(
                error, key=key, run_id=self._folder.run_id, prompt_hash=template.hash, at=datetime.now(UTC)
            )
        return journal_entry(
            cast(ExamState, state), key=key, run_id=self._folder.run_id, at=datetime.now(UTC)
        )

    def _count(self, entry: JournalEntry) -> None:
        if entry.answer is None:  # a score of an earlier answer
            return
        self.progress.n_this_sitting += 1
        self.progress.n_unread += self._prepared.extractor is not None and is_unread(entry)
        if entry.answer.status is AnswerStatus.ERROR:
            self.progress.n_failed += 1
        else:
            self.progress.n_done += 1
        self.progress.n_reused += entry.answer.reused

    async def _journal(self, entry: JournalEntry) -> None:
        """Returns once the entry is on disk."""
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait((entry, written))
        await asyncio.shield(written)

    @contextlib.asynccontextmanager
    async def _writer(self) -> AsyncIterator[None]:
        """Writes finished answers: all that wait go into one append with one fsync."""
        task = asyncio.create_task(self._write())
        try:
            yield
        finally:
            await self._queue.join()
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def _write(self) -> None:
        while True:
            batch = [await self._queue.get()]
            while not self._queue.empty():
                batch.append(self._queue.get_nowait())
            try:
                await asyncio.to_thread(self._folder.journal.append, [entry for entry, _ in batch])
            except Exception as error:  # noqa: BLE001 - raised again in each worker that waits for its entry
                if isinstance(error, SpinebenchError):
                    self._cause = self._cause or error
                for _, written in batch:
                    written.set_exception(error)
                    written.exception()  # seen: the worker that waits may have been cancelled
            else:
                for entry, written in batch:
                    self._count(entry)
                    written.set_result(None)
            finally:
                for _ in batch:
                    self._queue.task_done()

    @contextlib.asynccontextmanager
    async def _ticker(self) -> AsyncIterator[None]:
        """Rewrites the status file and calls the display about once a second."""

        async def tick() -> None:
            while True:
                await asyncio.sleep(_STATUS_EVERY_S)
                self._write_status(RunState.RUNNING)

        task = asyncio.create_task(tick())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    def _write_status(self, state: RunState) -> RunStatus:
        spent = total(self._gateway.spending())
        self.progress.cost_usd = spent.cost_usd
        message = str(self._cause) if self._cause else None
        if message is None and self.progress.n_unread:
            message = (
                f"the extractor failed on {self.progress.n_unread} replies; a resumed run has them read again"
            )
        if message is None and self._switch.request is not None:
            message = f"stopped on request ({self._switch.request.value})"
        status = RunStatus(
            run_id=self._folder.run_id,
            state=state,
            n_planned=self.progress.n_planned,
            n_done=self.progress.n_done,
            n_failed=self.progress.n_failed,
            n_reused=self.progress.n_reused,
            cost_usd=spent.cost_usd,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            started_at=self.progress.started_at,
            updated_at=datetime.now(UTC),
            pid=os.getpid(),
            message=message,
        )
        try:
            self._folder.write_status(status)
        except OSError as error:  # for display only; a full disk ends the run at the journal, with its reason
            _log.warning("progress of run %s could not be written: %s", self._folder.run_id, error.strerror)
        if self._on_progress is not None:
            self._on_progress(self.progress)
        return status
