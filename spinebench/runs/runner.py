"""The runner: drives the exam graph over all planned questions, journals each answer before it counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any, cast

from spinebench.agents.exam import ExamGraph
from spinebench.agents.exam_records import failed_entry, journal_entry
from spinebench.agents.graphs import task_graphs
from spinebench.agents.state import ExamState
from spinebench.errors import SpinebenchError
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.models.spending import Spending
from spinebench.records import Answer, AnswerKey, AnswerStatus, Item, JournalEntry, RunState, RunStatus, Task
from spinebench.runs.at_work import Sitting
from spinebench.runs.prepare import PreparedRun
from spinebench.runs.progress import Progress
from spinebench.runs.rereading import is_unread, read_again, unread_answers
from spinebench.runs.selection import planned_keys
from spinebench.runs.stopping import StopSwitch
from spinebench.store.run_folder import RunFolder


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


class _Sitting(Sitting[JournalEntry, RunStatus]):
    _folder: RunFolder

    def __init__(
        self,
        prepared: PreparedRun,
        folder: RunFolder,
        gateway: Gateway,
        switch: StopSwitch,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._prepared = prepared
        self._done = folder.done_keys()
        super().__init__(
            folder,
            folder.journal,
            gateway=gateway,
            switch=switch,
            on_progress=on_progress,
            progress=Progress(n_planned=prepared.spec.n_planned, n_done=len(self._done)),
        )

    def _workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        unread = self._unread()
        for _ in range(self._n_workers()):
            yield self._crew.work(unread, self._read)
        for model in self._prepared.models:
            graphs, questions = self._graphs(model), self._questions(model)
            for _ in range(self._n_workers()):
                yield self._crew.work(questions, partial(self._answer, graphs))

    def _is_done(self) -> bool:
        return self.progress.n_done == self.progress.n_planned

    def _n_workers(self) -> int:
        # More workers than connections: one that waits for a retry holds no connection.
        return self._prepared.plan.max_connections * 5 // 4 + 1

    def _graphs(self, model: ChatModel) -> dict[Task, ExamGraph]:
        prepared = self._prepared
        return task_graphs(
            {item.task for item in prepared.items},
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

    async def _answer(self, graphs: Mapping[Task, ExamGraph], question: tuple[Item, AnswerKey]) -> None:
        """One question, from its task's graph to the disk."""
        item, key = question
        await self._writer.write(await self._ask(graphs[item.task], item, key))

    def _unread(self) -> Iterator[tuple[Answer, Item]]:
        """Replies on which the extractor failed in an earlier sitting, with their items."""
        if self._prepared.extractor is not None and self._done:
            items = {item.id: item for item in self._prepared.items}
            for answer in unread_answers(self._folder):
                yield answer, items[answer.key.item_id]

    async def _read(self, unread: tuple[Answer, Item]) -> None:
        """One of these replies, read by the extractor."""
        extractor = self._prepared.extractor
        assert extractor is not None
        entry = await read_again(*unread, extractor=extractor, gateway=self._gateway)
        if entry is None:
            self.progress.n_unread += 1
        else:
            await self._writer.write(entry)

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
            self._tell_own_error(f"item {key.item_id!r}")
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

    def _remark(self) -> str | None:
        if not self.progress.n_unread:
            return None
        return f"the extractor failed on {self.progress.n_unread} replies; a resumed run has them read again"

    def _status(self, state: RunState, spent: Spending, message: str | None) -> RunStatus:
        return RunStatus(
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
