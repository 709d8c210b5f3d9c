"""The pipeline over all parts: check, draft, revise; every step journalled before it counts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from spinebench.corpus.asking import (
    DRAFTS,
    check_request,
    draft_request,
    draft_template,
    revise_request,
    templates,
)
from spinebench.corpus.candidates import Candidate, Written, candidates
from spinebench.corpus.known_items import KnownItems
from spinebench.corpus.parts import LeftOut, Part, Reason
from spinebench.corpus.plan import CorpusPlan, Kind
from spinebench.corpus.questions import problems_of_mcq, problems_of_open, tidy_options
from spinebench.corpus.replies import CheckReply, McqDraft, OpenDraft
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.records import Record
from spinebench.runs.crew import Crew, raise_first
from spinebench.runs.progress import Progress
from spinebench.runs.steps import StepEntry, Steps
from spinebench.runs.stopping import StopSwitch


@dataclass
class Built:
    """What came of the parts so far."""

    candidates: tuple[Candidate, ...]
    left_out: tuple[LeftOut, ...]
    """Of this stage: disagreement, broken rules, duplicates, calls without a reply."""
    n_waiting: int
    """Questions that were not asked for yet: the work was stopped before them."""

    def counts(self) -> dict[str, int]:
        return dict(Counter(one.reason.value for one in self.left_out))


@dataclass
class Building:
    """One sitting over the parts."""

    plan: CorpusPlan
    parts: Sequence[Part]
    models: Mapping[str, ChatModel]
    """By role."""
    steps: Steps
    known: KnownItems
    _ends: dict[tuple[str, Kind], Written | LeftOut] = field(default_factory=dict)

    @property
    def n_planned(self) -> int:
        """Questions planned."""
        return sum(len(part.kinds) for part in self.parts)

    async def run(
        self,
        *,
        switch: StopSwitch | None = None,
        gateway: Gateway | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Work on all parts until they are done or something ends the work; the journal stays whole either way.

        Raises `SpinebenchError` of the cause (provider, budget, full disk) after what is in flight is stored.
        """
        crew = Crew(switch or StopSwitch())
        progress = Progress(n_planned=self.n_planned, n_done=0)

        def tell() -> None:
            over = list(self._ends.values())
            progress.n_failed = sum(
                isinstance(one, LeftOut) and one.reason is Reason.NO_REPLY for one in over
            )
            progress.n_done = len(over) - progress.n_failed
            if gateway is not None:
                costs = [row.cost_usd for row in gateway.spending() if row.cost_usd is not None]
                progress.cost_usd = sum(costs) if costs else None
            if on_progress is not None:
                on_progress(progress)

        async def do(part: Part) -> None:
            before = len(self._ends)
            await self._part(part)
            progress.n_this_sitting += len(self._ends) - before
            tell()

        waiting = iter(self.parts)
        n_workers = max(1, min(len(self.parts), self.plan.max_connections))
        raised = await crew.all_of(crew.work(waiting, do) for _ in range(n_workers))
        tell()
        raise_first(raised, crew.cause)

    def built(self) -> Built:
        """Candidates and what was left out, in the order of the parts, whatever order the calls ended in."""
        ends = [self._ends.get((part.id, kind)) for part in self.parts for kind in part.kinds]
        found, duplicates = candidates(
            (one for one in ends if isinstance(one, Written)), benchmark=self.plan.name, known=self.known
        )
        left_out = [one for one in ends if isinstance(one, LeftOut)]
        return Built(found, (*left_out, *duplicates), n_waiting=sum(one is None for one in ends))

    async def _part(self, part: Part) -> None:
        check = None
        if part.images:
            check = await self._check(part)
            if (end := _end_of_check(check)) is not None:
                for kind in part.kinds:
                    self._ends[part.id, kind] = _left(part, kind, *end)
                return
        for kind in part.kinds:
            self._ends[part.id, kind] = await self._question(part, kind, check)

    async def _check(self, part: Part) -> StepEntry:
        return await self.steps.take(
            "check",
            check_request(part, self.plan.decoding()),
            CheckReply,
            part=part.id,
            kind=None,
            model=self.models["checker"],
            prompt_hash=templates()["check"].hash,
            problems=lambda _: (),
        )

    async def _question(self, part: Part, kind: Kind, check: StepEntry | None) -> Written | LeftOut:
        draft = await self.steps.take(
            "draft",
            draft_request(part, kind, self.plan.decoding()),
            DRAFTS[kind],
            part=part.id,
            kind=kind.value,
            model=self.models["drafter"],
            prompt_hash=draft_template(kind).hash,
            problems=lambda _: (),  # what rules find goes to the reviser
        )
        if draft.value is None:
            return _left(part, kind, *_without_value(draft))
        first = DRAFTS[kind].model_validate(draft.value)
        revision = await self.steps.take(
            "revise",
            revise_request(part, kind, first, problems_of(first, part.language), self.plan.decoding()),
            DRAFTS[kind],
            part=part.id,
            kind=kind.value,
            model=self.models["reviser"],
            prompt_hash=templates()["revise"].hash,
            problems=lambda value: problems_of(value, part.language),
        )
        if revision.value is None:
            return _left(part, kind, *_without_value(revision))
        # By today's rules, not by those of the sitting that asked.
        found = problems_of(DRAFTS[kind].model_validate(revision.value), part.language)
        if found:
            return _left(part, kind, Reason.INVALID, "; ".join(found))
        return Written(part=part, kind=kind, check=check, draft=draft, revision=revision)


def problems_of(draft: Record, language: str) -> tuple[str, ...]:
    """What rules find wrong with a draft or a revision."""
    if isinstance(draft, McqDraft):
        return problems_of_mcq(tidy_options(draft), language=language)
    assert isinstance(draft, OpenDraft), type(draft)
    return problems_of_open(draft, language=language)


def _end_of_check(check: StepEntry) -> tuple[Reason, str] | None:
    if check.value is None:
        return _without_value(check)
    reply = CheckReply.model_validate(check.value)
    return None if reply.agree else (Reason.DISAGREE, reply.reason)


def _without_value(step: StepEntry) -> tuple[Reason, str]:
    if step.asked:
        return Reason.INVALID, f"{step.step}: {step.problem}"
    last = step.failures[-1] if step.failures else None
    return Reason.NO_REPLY, f"{step.step}: " + (
        f"{last.failure_class.value}: {last.message}" if last else "no reply"
    )


def _left(part: Part, kind: Kind, reason: Reason, detail: str) -> LeftOut:
    return LeftOut(what="question", where=f"{part.where}, {kind.value}", reason=reason, detail=detail[:1000])
