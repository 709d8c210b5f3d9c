"""The runner: drives the audit graph over all drawn traces, journals each judgement before it counts."""

from __future__ import annotations

import os
from collections.abc import Callable, Coroutine, Iterator
from datetime import UTC, datetime
from typing import Any

from spinebench.agents.audit import AuditGraph, audit_graph
from spinebench.agents.audit_state import AuditInput
from spinebench.agents.judge_case import case_of
from spinebench.audit_records import (
    AuditEntry,
    AuditStatus,
    AuditTrace,
    Judgement,
    JudgementKey,
    JudgementStatus,
    Review,
)
from spinebench.audits.prepare import PreparedAudit
from spinebench.errors import SpinebenchError
from spinebench.models.gateway import Gateway
from spinebench.models.spending import Spending
from spinebench.records import Failure, FailureClass, RunState
from spinebench.runs.at_work import Sitting
from spinebench.runs.progress import Progress
from spinebench.runs.stopping import StopSwitch
from spinebench.store.audit_folder import AuditFolder


async def audit_traces(
    prepared: PreparedAudit,
    folder: AuditFolder,
    *,
    gateway: Gateway,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
) -> AuditStatus:
    """Have every trace judged whose judgements are missing or failed, review it, and return where the audit stands.

    A judgement counts as done once its journal line is on disk. A provider that cannot be used at all, a budget or a
    stop request ends the sitting early; what is finished is kept. The audit's lock must be held by the caller.

    Raises `SpinebenchError` of the cause (provider, budget, full disk) after everything finished is journalled.
    """
    sitting = _Sitting(prepared, folder, gateway, switch or StopSwitch(), on_progress)
    return await sitting.run()


class _Sitting(Sitting[AuditEntry, AuditStatus]):
    _folder: AuditFolder

    def __init__(
        self,
        prepared: PreparedAudit,
        folder: AuditFolder,
        gateway: Gateway,
        switch: StopSwitch,
        on_progress: Callable[[Progress], None] | None,
    ) -> None:
        self._prepared = prepared
        super().__init__(
            folder,
            folder.journal,
            gateway=gateway,
            switch=switch,
            on_progress=on_progress,
            progress=Progress(n_planned=n_planned(prepared), n_done=0),
        )
        self._statuses: dict[str, JudgementStatus] = {}
        """Of the latest judgements by id, of this and earlier sittings; errors left out."""
        self._referred: dict[str, bool] = {}
        """Trace id -> whether its latest review sends it to clinicians."""
        for entry in folder.entries():
            self._note(entry)
        self._earlier = self._judgements_so_far()

    def _is_done(self) -> bool:
        reviewed = len(self._referred) == len(self._prepared.traces)
        return reviewed and self.progress.n_done == self.progress.n_planned

    def _workers(self) -> Iterator[Coroutine[Any, Any, None]]:
        graphs = {
            run_id: audit_graph(
                self._prepared.judges,
                rubrics=self._prepared.rubrics,
                gateway=self._gateway,
                images=images,
                repeats=self._prepared.spec.repeats,
                blinding=self._prepared.spec.blinding,
                random_share=self._prepared.spec.random_share,
                seed=self._prepared.spec.seed,
                decoding=self._prepared.plan.decoding(),
            )
            for run_id, images in self._prepared.images.items()
        }

        async def judge(trace: AuditTrace) -> None:
            await self._judge(graphs[trace.pick.trace.run_id], trace)

        waiting = self._waiting()
        for _ in range(self._n_workers()):
            yield self._crew.work(waiting, judge)

    def _n_workers(self) -> int:
        # One trace asks every judge `repeats` times at once; more traces than that fills the connections only wait,
        # and would all be in flight when the audit is stopped.
        return max(2, self._prepared.plan.max_connections * 5 // 4 // self._prepared.spec.repeats + 1)

    def _waiting(self) -> Iterator[AuditTrace]:
        """The traces that lack a judgement or their review."""
        for trace in self._prepared.traces:
            if trace.trace_id not in self._referred or self._missing(trace):
                yield trace

    def _missing(self, trace: AuditTrace) -> dict[str, JudgementKey]:
        """The judgements that are not stored, or as errors only, by id."""
        return {name: key for name, key in self._keys(trace).items() if name not in self._statuses}

    def _judgements_so_far(self) -> dict[str, list[Judgement]]:
        """Trace id -> what earlier sittings stored of a trace that is still to be done; errors left out.

        Of the others nothing is held: a judgement with its replies takes some 20 KB.
        """
        waiting = {trace.trace_id for trace in self._waiting()}
        found: dict[str, dict[str, Judgement]] = {}
        for entry in self._folder.entries() if waiting and self._statuses else ():
            one = entry.judgement
            if one is None or one.key.trace_id not in waiting:
                continue
            held = found.setdefault(one.key.trace_id, {})
            held.pop(one.key.id(), None)
            if one.status is not JudgementStatus.ERROR:
                held[one.key.id()] = one
        return {trace_id: list(held.values()) for trace_id, held in found.items()}

    def _keys(self, trace: AuditTrace) -> dict[str, JudgementKey]:
        keys = (
            JudgementKey(trace_id=trace.trace_id, judge=judge, repeat=repeat)
            for judge in self._prepared.spec.judges
            for repeat in range(1, self._prepared.spec.repeats + 1)
        )
        return {key.id(): key for key in keys}

    async def _judge(self, graph: AuditGraph, trace: AuditTrace) -> None:
        """One trace from the judges to its review; whatever goes wrong with it alone is in its judgements."""
        stored: set[str] = set()
        state: AuditInput = {
            "trace": trace.model_dump(mode="json"),
            "audit_id": self._folder.audit_id,
            "done": [
                judgement.model_dump(mode="json") for judgement in self._earlier.pop(trace.trace_id, ())
            ],
        }
        try:
            # Updates, not the end alone: what is over when a provider ends the work for all is still stored.
            async for update in graph.astream(state, stream_mode="updates"):
                for node in update.values():
                    await self._store(node or {}, stored)
        except SpinebenchError:
            raise
        except Exception as error:  # noqa: BLE001 - recorded as this trace's failure
            self._tell_own_error(f"trace {trace.trace_id!r}")
            missing = [key for name, key in self._missing(trace).items() if name not in stored]
            await self._writer.write(
                *(AuditEntry(judgement=self._failed(key, trace, error)) for key in missing)
            )

    async def _store(self, update: dict[str, Any], stored: set[str]) -> None:
        """Append what a node gave out: judgements that are over, and the review."""
        entries = []
        for one in update.get("judgements", []):
            judgement = Judgement.model_validate(one)
            if judgement.key.id() not in stored:
                stored.add(judgement.key.id())
                entries.append(AuditEntry(judgement=judgement))
        if "review" in update:
            entries.append(AuditEntry(review=Review.model_validate(update["review"])))
        if entries:
            await self._writer.write(*entries)

    def _failed(self, key: JudgementKey, trace: AuditTrace, error: Exception) -> Judgement:
        now = datetime.now(UTC)
        failure = Failure(
            failure_class=FailureClass.INTERNAL,
            message=f"{type(error).__name__}: {error}"[:2000],
            attempt=1,
            at=now,
        )
        return Judgement(
            key=key,
            audit_id=self._folder.audit_id,
            status=JudgementStatus.ERROR,
            failures=(failure,),
            prompt_hash=self._prepared.spec.prompt_hash,
            rubric_hash=self._prepared.spec.rubric_hash,
            shown_sha256=case_of(trace, self._prepared.spec.blinding).shown_hash(()),
            at=now,
        )

    # ------------------------------------------------------------ counting

    def _count(self, entry: AuditEntry) -> None:
        self._note(entry)
        if entry.judgement is None:
            return
        self.progress.n_this_sitting += 1
        if entry.judgement.status is JudgementStatus.ERROR:
            self.progress.n_failed += 1
        else:
            replies = entry.judgement.replies
            self.progress.n_reused += bool(replies) and all(reply.reused for reply in replies)

    def _note(self, entry: AuditEntry) -> None:
        """What a stored entry says of how far the audit is."""
        if entry.review is not None:
            self._referred[entry.review.trace_id] = bool(entry.review.refers_by)
        if entry.judgement is not None:
            name = entry.judgement.key.id()
            self._statuses.pop(name, None)
            if entry.judgement.status is not JudgementStatus.ERROR:
                self._statuses[name] = entry.judgement.status
            self.progress.n_done = len(self._statuses)

    def _status(self, state: RunState, spent: Spending, message: str | None) -> AuditStatus:
        return AuditStatus(
            audit_id=self._folder.audit_id,
            state=state,
            n_planned=self.progress.n_planned,
            n_done=self.progress.n_done,
            n_unparsed=sum(one is JudgementStatus.UNPARSED for one in self._statuses.values()),
            n_failed=self.progress.n_failed,
            n_referred=sum(self._referred.values()),
            cost_usd=spent.cost_usd,
            input_tokens=spent.input_tokens,
            output_tokens=spent.output_tokens,
            started_at=self.progress.started_at,
            updated_at=datetime.now(UTC),
            pid=os.getpid(),
            message=message,
        )


def n_planned(prepared: PreparedAudit) -> int:
    """Judgements planned: traces x judges x repeats."""
    return len(prepared.traces) * len(prepared.judges) * prepared.spec.repeats
