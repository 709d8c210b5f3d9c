"""The rounds of writing wordings: written, held against the rules, judged, until there are enough."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from spinebench.builder.question_asking import (
    JudgeReply,
    WriterReply,
    judge_request,
    templates,
    write_request,
)
from spinebench.builder.question_plan import WritingPlan
from spinebench.builder.question_pool import Phrasing, PoolFile
from spinebench.builder.question_rules import problems_of_pool, problems_of_wording
from spinebench.builder.vocabulary import Vocabulary
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel, ModelRequest
from spinebench.records import Record, digest
from spinebench.runs.crew import Crew, raise_first
from spinebench.runs.progress import Progress
from spinebench.runs.steps import StepEntry, Steps
from spinebench.runs.stopping import StopSwitch

_SPARE: Final = 1.5
"""Wordings asked for per wording that is missing: some always fall to the rules or the judge."""
_LONGEST: Final = 1000
"""Characters that are kept of a rejected wording and of its reason."""
Reason = Literal["rule", "repeated", "not_asked_for", "other_meaning", "no_judgement", "surplus"]


class Rejected(Record):
    """A wording that did not get into the pool."""

    text: str
    reason: Reason
    detail: str


class WrittenPool(Record):
    """What came of the writing so far."""

    pool: PoolFile | None
    """None before any wording was accepted."""
    rejected: tuple[Rejected, ...]
    n_wanted: int
    n_accepted: int
    n_unanswered: int
    """Calls without a reply; they are made when the command is called again."""
    unusable: tuple[str, ...] = ()
    """What is wrong with replies of the writer that hold no wordings: one text for each."""
    done: bool
    """Whether nothing is left to ask: enough wordings, or all rounds are over."""


@dataclass
class Writing:
    """One sitting. Every call is found again in the journal, so the same replies always give the same pool."""

    plan: WritingPlan
    models: Mapping[str, ChatModel]
    """By role."""
    steps: Steps
    reference: str
    known: tuple[str, ...]
    """Wordings of other pools, which are not to be repeated."""
    vocabulary: Vocabulary
    accepted: list[str] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    n_unanswered: int = 0
    unusable: list[str] = field(default_factory=list)
    """What is wrong with replies of the writer that hold no wordings."""
    _seen: list[str] = field(default_factory=list)
    _round: int = 0
    _dry: bool = False
    """The writer gave nothing new: it would be asked the same again."""

    @property
    def part(self) -> str:
        """What the journal's steps are filed under."""
        return f"{self.plan.task.value}-{self.plan.language}"

    @property
    def rounds_left(self) -> int:
        return self.plan.rounds - self._round

    @property
    def missing(self) -> int:
        return self.plan.n - len(self.accepted)

    @property
    def done(self) -> bool:
        """Whether nothing is left to ask."""
        return self.n_unanswered == 0 and (self.missing <= 0 or self._dry or self.rounds_left <= 0)

    async def run(
        self,
        *,
        switch: StopSwitch | None = None,
        gateway: Gateway | None = None,
        on_progress: Callable[[Progress], None] | None = None,
    ) -> None:
        """Write and judge, round by round, until there are enough wordings or something ends the work.

        Raises `SpinebenchError` of the cause after what is in flight is stored.
        """
        crew = Crew(switch or StopSwitch())
        progress = Progress(n_planned=self.plan.n, n_done=0)

        def tell() -> None:
            progress.n_this_sitting += len(self.accepted) - progress.n_done
            progress.n_done = len(self.accepted)
            progress.n_failed = self.n_unanswered
            costs = (
                [row.cost_usd for row in gateway.spending() if row.cost_usd is not None] if gateway else []
            )
            progress.cost_usd = sum(costs) if costs else None
            if on_progress is not None:
                on_progress(progress)

        while not self.done and not self.n_unanswered and not crew.over:
            asked = self.asked_for
            written: list[StepEntry] = []

            async def write(request: ModelRequest, into: list[StepEntry] = written) -> None:
                into.append(await self._write(request))

            raised = await crew.all_of([crew.work(iter([self.request()]), write)])
            raise_first(raised, crew.cause)
            if not written:
                return
            if not written[0].asked:
                self.n_unanswered += 1
                tell()
                return
            wordings = self.sift(written[0], asked)
            judged: dict[str, StepEntry] = {}

            async def judge(wording: str, into: dict[str, StepEntry] = judged) -> None:
                into[wording] = await self._judge(wording)

            waiting = iter(wordings)
            n_workers = max(1, min(len(wordings), self.plan.max_connections))
            raised = await crew.all_of(crew.work(waiting, judge) for _ in range(n_workers))
            raise_first(raised, crew.cause)
            if len(judged) < len(wordings):
                return  # stopped; what is done is in the journal
            self.settle([(wording, judged[wording]) for wording in wordings])
            tell()
        tell()

    @property
    def asked_for(self) -> int:
        """Wordings that the next round asks for."""
        return math.ceil(self.missing * _SPARE)

    def request(self) -> ModelRequest:
        """The writer's next request."""
        return write_request(
            self.reference,
            [*self.known, *self._seen],
            self.asked_for,
            task=self.plan.task,
            language=self.plan.language,
            decoding=self.plan.decoding(),
        )

    def judge_request(self, wording: str) -> ModelRequest:
        """The judge's request for a wording."""
        return judge_request(
            self.reference, wording, language=self.plan.language, decoding=self.plan.decoding()
        )

    def sift(self, written: StepEntry, asked: int) -> list[str]:
        """The wordings of a reply that the rules let pass, in their order; the others are rejected."""
        texts = () if written.value is None else WriterReply.model_validate(written.value).phrasings
        if written.value is None:
            self.unusable.append(written.problem or "the writer's reply cannot be used")
        passed: list[str] = []
        before = len(self._seen)
        for place, raw in enumerate(texts):
            text = " ".join(raw.split())
            if place >= asked:
                self._reject(text, "not_asked_for", f"{asked} wordings were asked for")
                continue
            problems = problems_of_wording(
                text, task=self.plan.task, language=self.plan.language, vocabulary=self.vocabulary
            )
            others = [self.reference, *self.known, *self.accepted, *passed]
            repeated = [why for at, _, why in problems_of_pool([*others, text]) if at == len(others)]
            if problems:
                self._reject(text, "rule", "; ".join(problems))
            elif repeated:
                self._reject(text, "repeated", f"{repeated[0]} as one that is there already")
            else:
                passed.append(text)
            if text and not repeated:
                self._seen.append(text[:300])
        self._round += 1
        self._dry = len(self._seen) == before
        return passed

    def settle(self, judged: Sequence[tuple[str, StepEntry]]) -> None:
        """Take or reject the wordings of a round by their judgements."""
        for wording, entry in judged:
            if not entry.asked:
                self.n_unanswered += 1
            elif entry.value is None:
                self._reject(wording, "no_judgement", entry.problem or "the judge's reply cannot be used")
            elif not (reply := JudgeReply.model_validate(entry.value)).same:
                self._reject(wording, "other_meaning", reply.reason)
            elif self.missing > 0:
                self.accepted.append(wording)
            else:
                self._reject(wording, "surplus", f"{self.plan.n} wordings were wanted")

    def result(self) -> WrittenPool:
        """The pool and what was rejected, as it stands."""
        plan = self.plan
        pool = None
        if self.accepted:
            pool = PoolFile(
                task=plan.task,
                language=plan.language,
                reference=self.reference,
                phrasings=tuple(
                    Phrasing(id=f"{plan.task.value}-{plan.language}-{digest(text)[:8]}", text=text)
                    for text in self.accepted
                ),
                written={
                    **{role: self.models[role].name for role in WritingPlan.ROLES},
                    "simulated": any(self.models[role].simulated for role in WritingPlan.ROLES),
                    "prompt_sha256": {name: templates()[name].hash for name in ("write", "judge")},
                    "n_wanted": plan.n,
                    "n_rejected": len(self.rejected),
                },
            )
        return WrittenPool(
            pool=pool,
            rejected=tuple(self.rejected),
            n_wanted=plan.n,
            n_accepted=len(self.accepted),
            n_unanswered=self.n_unanswered,
            unusable=tuple(self.unusable),
            done=self.done,
        )

    async def _write(self, request: ModelRequest) -> StepEntry:
        return await self.steps.take(
            "write",
            request,
            WriterReply,
            part=self.part,
            kind=self.plan.task.value,
            model=self.models["writer"],
            prompt_hash=templates()["write"].hash,
            problems=lambda reply: () if reply.phrasings else ("there are no wordings in the list",),
        )

    async def _judge(self, wording: str) -> StepEntry:
        return await self.steps.take(
            "judge",
            self.judge_request(wording),
            JudgeReply,
            part=self.part,
            kind=self.plan.task.value,
            model=self.models["judge"],
            prompt_hash=templates()["judge"].hash,
            problems=lambda _: (),
        )

    def _reject(self, text: str, reason: Reason, detail: str) -> None:
        self.rejected.append(Rejected(text=text[:_LONGEST], reason=reason, detail=detail[:_LONGEST]))
