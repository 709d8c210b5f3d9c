"""What an audit has found so far, straight from its journal: scores per model and task, and what the judges cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from spinebench.audit_records import AuditSpec, Judgement, JudgementStatus, Pick, Review, Split
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.proportions import Bounds
from spinebench.evaluators.reconciling import EffectiveVotes, effective_votes
from spinebench.evaluators.weighting import hajek_mean
from spinebench.records import Record, Task, Usage
from spinebench.rubrics.rubric import Dimension, Rubric
from spinebench.store.audit_folder import AuditFolder


class DimensionMean(Record):
    """The judges' mean on one dimension, over the traces of the frame that the drawn ones stand for."""

    dimension: str
    scale: tuple[int, ...]
    mean: Estimate
    """Hajek mean of the panel's medians, weighted by inclusion probability; `n`: traces with a vote."""


class AuditCell(Record):
    """One model and task. Counts of judgements are over validation and tuning traces, means over validation only."""

    model: str
    task: Task
    n_traces: int
    n_tuning: int
    n_judgements: int
    """Planned: traces x judges x repeats."""
    n_scored: int
    n_unparsed: int
    n_refused: int
    n_failed: int
    n_referred: int
    """Traces that go to clinicians."""
    dimensions: tuple[DimensionMean, ...]


class JudgeUse(Record):
    """What one judge did and cost in an audit, all sittings together; the examinee's cost is the run's."""

    judge: str
    n_judgements: int
    n_scored: int
    n_unparsed: int
    n_refused: int
    n_failed: int
    n_replies: int
    """Replies that were read, those that had to be asked for again included."""
    n_reused: int
    """Replies that were not paid for again."""
    input_tokens: int | None
    """Of the replies that were not reused; None where none was reported, as with output tokens."""
    output_tokens: int | None
    cost_usd: float | None
    """None as soon as the cost of one reply is unknown."""


class PanelVotes(Record):
    """What the votes on one dimension are worth, over the validation traces of all models and tasks."""

    dimension: str
    votes: EffectiveVotes
    """From the votes alone, which is a lower bound; `agree` has the figure from errors against clinicians."""


class AuditResults(Record):
    """An audit's figures so far."""

    audit_id: str
    n_traces: int
    n_reviewed: int
    n_referred: int
    cells: tuple[AuditCell, ...]
    judges: tuple[JudgeUse, ...]
    panel: tuple[PanelVotes, ...]
    """Empty for fewer than two votes per trace."""


class _Drawn(NamedTuple):
    """What the figures need of a trace: its texts stay on disk."""

    pick: Pick
    task: Task

    @property
    def trace_id(self) -> str:
        return self.pick.trace.trace_id


class _Judged(NamedTuple):
    """What the figures need of a judgement."""

    trace_id: str
    judge: str
    repeat: int
    status: JudgementStatus
    scores: tuple[tuple[str, int], ...]
    used: tuple[tuple[Usage, bool], ...]
    """Of each reply, with whether it was reused."""

    @classmethod
    def of(cls, judgement: Judgement) -> _Judged:
        return cls(
            judgement.key.trace_id,
            judgement.key.judge,
            judgement.key.repeat,
            judgement.status,
            tuple((one.dimension, one.score) for one in judgement.scores),
            tuple((reply.usage, reply.reused) for reply in judgement.replies),
        )


def audit_results(folder: AuditFolder) -> AuditResults:
    """The figures of an audit, in the order of models and tasks. Undefined means carry their reason."""
    spec = folder.spec()
    rubrics = [Rubric.model_validate(rubric) for rubric in spec.rubrics]
    dimensions = [dimension for rubric in rubrics for dimension in rubric.dimensions]
    reviews: dict[str, Review] = {}
    latest: dict[str, _Judged] = {}
    for entry in folder.entries():
        if entry.review is not None:
            reviews[entry.review.trace_id] = entry.review
        elif entry.judgement is not None:
            latest[entry.judgement.key.id()] = _Judged.of(entry.judgement)
    judgements = list(latest.values())
    by_trace: dict[str, list[_Judged]] = {}
    for judgement in judgements:
        by_trace.setdefault(judgement.trace_id, []).append(judgement)
    cells: dict[tuple[str, Task], list[_Drawn]] = {}
    for trace in folder.traces():
        drawn = _Drawn(trace.pick, trace.item.task)
        cells.setdefault((trace.pick.trace.model, drawn.task), []).append(drawn)
    return AuditResults(
        audit_id=folder.audit_id,
        n_traces=spec.n_traces,
        n_reviewed=len(reviews),
        n_referred=sum(bool(review.refers_by) for review in reviews.values()),
        cells=tuple(
            _cell(
                model,
                task,
                traces,
                [one for trace in traces for one in by_trace.get(trace.trace_id, ())],
                reviews,
                [dimension for dimension in dimensions if dimension.applies_to(task)] if spec.judges else [],
                n_votes=len(spec.judges) * spec.repeats,
            )
            for (model, task), traces in sorted(cells.items())
        ),
        judges=tuple(_use(judge, [one for one in judgements if one.judge == judge]) for judge in spec.judges),
        panel=_panel(spec, dimensions, by_trace, [trace for traces in cells.values() for trace in traces]),
    )


def _panel(
    spec: AuditSpec,
    dimensions: Sequence[Dimension],
    by_trace: Mapping[str, Sequence[_Judged]],
    traces: Sequence[_Drawn],
) -> tuple[PanelVotes, ...]:
    import numpy as np

    voters = [(judge, repeat) for judge in spec.judges for repeat in range(1, spec.repeats + 1)]
    if len(voters) < 2:
        return ()
    found = []
    for dimension in dimensions:
        asked = [
            trace
            for trace in traces
            if trace.pick.split is Split.VALIDATION and dimension.applies_to(trace.task)
        ]
        votes = np.full((len(asked), len(voters)), np.nan)
        for row, trace in enumerate(asked):
            for judgement in by_trace.get(trace.trace_id, ()):
                column = voters.index((judgement.judge, judgement.repeat))
                for name, score in judgement.scores:
                    if name == dimension.id:
                        votes[row, column] = score
        found.append(PanelVotes(dimension=dimension.id, votes=effective_votes(votes)))
    return tuple(found)


def _cell(
    model: str,
    task: Task,
    traces: Sequence[_Drawn],
    judgements: Sequence[_Judged],
    reviews: dict[str, Review],
    dimensions: Sequence[Dimension],
    *,
    n_votes: int,
) -> AuditCell:
    def n_with(status: JudgementStatus) -> int:
        return sum(one.status is status for one in judgements)

    found = [reviews[trace.trace_id] for trace in traces if trace.trace_id in reviews]
    return AuditCell(
        model=model,
        task=task,
        n_traces=len(traces),
        n_tuning=sum(trace.pick.split is Split.TUNING for trace in traces),
        n_judgements=len(traces) * n_votes,
        n_scored=n_with(JudgementStatus.SCORED),
        n_unparsed=n_with(JudgementStatus.UNPARSED),
        n_refused=n_with(JudgementStatus.REFUSED),
        n_failed=n_with(JudgementStatus.ERROR),
        n_referred=sum(bool(review.refers_by) for review in found),
        dimensions=tuple(_mean(dimension, traces, reviews) for dimension in dimensions),
    )


def _mean(dimension: Dimension, traces: Sequence[_Drawn], reviews: dict[str, Review]) -> DimensionMean:
    values: list[float] = []
    drawn: list[_Drawn] = []
    for trace in traces:
        review = reviews.get(trace.trace_id)
        votes = [] if review is None else [one for one in review.dimensions if one.dimension == dimension.id]
        if trace.pick.split is Split.VALIDATION and votes and votes[0].median is not None:
            values.append(votes[0].median)
            drawn.append(trace)
    mean = hajek_mean(
        values,
        [trace.pick.probability for trace in drawn],
        clusters=[trace.pick.trace.cluster for trace in drawn],
        strata=[trace.pick.stratum for trace in drawn],
        name=f"judges' mean of {dimension.id}",
        limits=Bounds(dimension.scale[0], dimension.scale[-1]),
    )
    return DimensionMean(dimension=dimension.id, scale=dimension.scale, mean=mean)


def _use(judge: str, judgements: Sequence[_Judged]) -> JudgeUse:
    replies = [used for judgement in judgements for used in judgement.used]
    new = [usage for usage, reused in replies if not reused]
    costs = [usage.cost_usd for usage in new]
    known = [cost for cost in costs if cost is not None]

    def n_with(status: JudgementStatus) -> int:
        return sum(one.status is status for one in judgements)

    def tokens(counts: list[int | None]) -> int | None:
        reported = [count for count in counts if count is not None]
        return sum(reported) if reported else None

    return JudgeUse(
        judge=judge,
        n_judgements=len(judgements),
        n_scored=n_with(JudgementStatus.SCORED),
        n_unparsed=n_with(JudgementStatus.UNPARSED),
        n_refused=n_with(JudgementStatus.REFUSED),
        n_failed=n_with(JudgementStatus.ERROR),
        n_replies=len(replies),
        n_reused=len(replies) - len(new),
        input_tokens=tokens([usage.input_tokens for usage in new]),
        output_tokens=tokens([usage.output_tokens for usage in new]),
        cost_usd=sum(known) if len(known) == len(costs) and (costs or replies) else None,
    )
