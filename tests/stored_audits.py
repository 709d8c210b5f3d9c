"""A small audit with known contents, for tests of the store and of what is computed from it.

Four traces of two models: diagnosis right and wrong, localization right and wrong; two judges; one rubric of
two dimensions (`logic` for all tasks, `place` for localization only) and two failure modes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import timedelta

from spinebench.audit_records import (
    Adjudicated,
    AssignedTrace,
    Assignment,
    AuditEntry,
    AuditSpec,
    AuditTrace,
    Blinding,
    Claim,
    ClaimVerdict,
    DimensionScore,
    DimensionVotes,
    FailureMark,
    FrameTrace,
    Judgement,
    JudgementKey,
    JudgementStatus,
    JudgeReply,
    Pick,
    RatedDimension,
    Rating,
    RefersBy,
    Review,
    SampleMode,
    SampleSpec,
    StrataBy,
    Stratum,
    TraceCheck,
)
from spinebench.records import Failure, FailureClass, Item, Outcome, Task, Usage
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, rubrics_hash
from spinebench.store import AuditFolder, Workspace
from tests.stored_runs import HASH, ITEMS, NOW, answer, key, scored

D1, _, _, L1, _ = ITEMS
RUBRIC = Rubric(
    id="small",
    version="1",
    title="Small",
    language="en",
    source="made up",
    dimensions=(
        Dimension(
            id="logic",
            name="Logic",
            focus="Does it follow?",
            scale=(1, 2, 3, 4, 5),
            anchors={1: "no", 5: "yes"},
        ),
        Dimension(
            id="place",
            name="Place",
            focus="Is it there?",
            scale=(1, 3, 5),
            anchors={1: "no", 5: "yes"},
            tasks=(Task.LOCALIZATION,),
        ),
    ),
    failure_modes=tuple(
        FailureMode(id=mode, name=mode, definition="d", example="e", counter_example="c", tasks=tasks)
        for mode, tasks in (("invented", ()), ("wrong_level", (Task.LOCALIZATION,)))
    ),
)
JUDGES = ("openai/j1", "anthropic/j2")
RUBRIC_HASH = rubrics_hash((RUBRIC,))


def trace(
    item: Item, model: str, *, right: bool, run_id: str = "run-1", text: str = "Reasons."
) -> AuditTrace:
    """A drawn trace; its inclusion probability is 1/2."""
    of = key(item.id, model)
    chosen = item.gold if right else (item.options[-1],)
    several = item.task is Task.LOCALIZATION
    outcome = {
        (False, True): Outcome.CORRECT_DISEASE,
        (False, False): Outcome.DISEASE_CONFUSED,
        (True, True): Outcome.EXACT,
        (True, False): Outcome.DISJOINT,
    }[several, right]
    drawn = FrameTrace(
        trace_id=f"{run_id}/{of.id()}",
        run_id=run_id,
        model=model,
        task=item.task,
        item_id=item.id,
        image=f"image of {item.id}",
        cluster=item.cluster,
        correct=right,
        outcome=outcome.value,
        text_sha256=hashlib.sha256(text.encode()).hexdigest(),
    )
    stratum = f"{item.task.value}/{model}/{'correct' if right else 'incorrect'}"
    return AuditTrace(
        pick=Pick(trace=drawn, stratum=stratum, u=0.25, probability=0.5, by="specific"),
        item=item,
        answer=answer(of, run_id=run_id, text=text),
        scored=scored(of, item, chosen, outcome, run_id=run_id),
    )


TRACES = (
    trace(D1, "sim/a", right=True, text="naïve \x00 🦴"),
    trace(D1, "hub/org/b", right=False),
    trace(L1, "sim/a", right=False),
    trace(L1, "hub/org/b", right=True),
)
T1, T2, T3, T4 = (one.trace_id for one in TRACES)
"""Diagnosis right (sim/a), wrong (hub/org/b); localization wrong (sim/a), right (hub/org/b)."""


def spec(
    audit_id: str = "audit-1",
    *,
    traces: Sequence[AuditTrace] = TRACES,
    rubric: Rubric = RUBRIC,
    repeats: int = 2,
    simulated: bool = True,
    minutes: int = 0,
) -> AuditSpec:
    """An audit by two judges."""
    strata = {
        one.pick.stratum: [two for two in traces if two.pick.stratum == one.pick.stratum] for one in traces
    }
    return AuditSpec(
        audit_id=audit_id,
        created_at=NOW + timedelta(minutes=minutes),
        sample=SampleSpec(
            run_ids=tuple(sorted({one.pick.trace.run_id for one in traces})),
            seed=2**63,
            mode=SampleMode.MIXED,
            strata_by=StrataBy.CORRECT,
            per_cell=1,
            n_frame=2 * len(traces),
            frame_hash=HASH,
            strata=tuple(
                Stratum(name=name, n_frame=2 * len(drawn), n_drawn=len(drawn))
                for name, drawn in strata.items()
            ),
        ),
        rubrics=(rubric.model_dump(mode="json"),),
        rubric_hash=rubrics_hash((rubric,)),
        judges=JUDGES,
        repeats=repeats,
        blinding=Blinding(),
        prompt_hash=HASH,
        random_share=0.2,
        seed=7,
        n_traces=len(traces),
        simulated=simulated,
        digest=HASH,
        digest_parts={"seed": 7},
        plan={},
        versions={"spinebench": "0"},
    )


def judgement(
    trace_id: str,
    scores: dict[str, int] | None = None,
    *,
    judge: str = JUDGES[0],
    repeat: int = 1,
    audit_id: str = "audit-1",
    status: JudgementStatus | None = None,
    modes: Sequence[str] = (),
    cost: float | None = 0.25,
    provider_model: str | None = "j1-snapshot",
    prompt_hash: str = HASH,
) -> AuditEntry:
    """A judgement; without scores it is unparsed after three replies, or of the status named."""
    status = status or (JudgementStatus.SCORED if scores else JudgementStatus.UNPARSED)
    n_replies = {JudgementStatus.SCORED: 1, JudgementStatus.UNPARSED: 3}.get(status, 0)
    return AuditEntry(
        judgement=Judgement(
            key=JudgementKey(trace_id=trace_id, judge=judge, repeat=repeat),
            audit_id=audit_id,
            status=status,
            scores=tuple(
                DimensionScore(dimension=name, quotes=("Reasons.",), reason="because", score=score)
                for name, score in (scores or {}).items()
            ),
            failure_modes=tuple(FailureMark(mode=mode, quotes=("Reasons.",)) for mode in modes),
            claims=(Claim(quote="Reasons.", verdict=ClaimVerdict.NOT_VERIFIABLE),) if scores else (),
            replies=tuple(
                JudgeReply(
                    text="{}",
                    problems=() if scores else ("no scores",),
                    request_hash=HASH,
                    provider_model=provider_model,
                    usage=Usage(input_tokens=100, output_tokens=10, cost_usd=cost),
                )
                for _ in range(n_replies)
            ),
            failures=(
                (Failure(failure_class=FailureClass.SERVER, message="500", attempt=1, at=NOW),)
                if status is JudgementStatus.ERROR
                else ()
            ),
            prompt_hash=prompt_hash,
            rubric_hash=RUBRIC_HASH,
            shown_sha256=HASH,
            at=NOW,
        )
    )


def review(
    trace_id: str, *refers_by: RefersBy, audit_id: str = "audit-1", votes: tuple[int, ...] = (2, 4)
) -> AuditEntry:
    """A review with one check; referred for these reasons."""
    return AuditEntry(
        review=Review(
            trace_id=trace_id,
            audit_id=audit_id,
            dimensions=(
                DimensionVotes(
                    dimension="logic",
                    votes=votes,
                    median=sum(votes) / len(votes),
                    spread=max(votes) - min(votes),
                ),
            ),
            n_unparsed=0,
            checks=(TraceCheck(name="side", verdict="not_stated", detail="no side is named"),),
            refers_by=refers_by,
            rating_probability=0.2 if set(refers_by) <= {RefersBy.RANDOM} else 1.0,
            at=NOW,
        )
    )


def rating(
    trace_id: str,
    scores: dict[str, int | None],
    *,
    rater: str = "r1",
    packet: str | None = None,
    audit_id: str = "audit-1",
    duplicate: bool = False,
    modes: Sequence[str] = (),
    comment: str = "",
    rubric_hash: str = RUBRIC_HASH,
) -> Rating:
    """A rating; a score of None is 'cannot assess'."""
    packet = packet or f"{rater}-{TRACE_NUMBERS.get(trace_id, 0)}{'-again' if duplicate else ''}"
    told = f"{audit_id}|{rater}|{packet}|{trace_id}|{scores}|{modes}|{comment}|{rubric_hash}"
    return Rating(
        rating_id=hashlib.sha256(told.encode()).hexdigest(),
        audit_id=audit_id,
        rater=rater,
        packet_id=packet,
        trace_id=trace_id,
        duplicate=duplicate,
        dimensions=tuple(
            RatedDimension(dimension=name, score=score, cannot_assess=score is None)
            for name, score in scores.items()
        ),
        failure_modes=tuple(modes),
        comment=comment,
        saved_at=NOW,
        active_s=12.5,
        rubric_hash=rubric_hash,
        source="packet",
        at=NOW,
    )


TRACE_NUMBERS = {trace_id: number for number, trace_id in enumerate((T1, T2, T3, T4), start=1)}


def assignment(
    rater: str = "r1", traces: Sequence[str] = (T1, T2), *, audit_id: str = "audit-1"
) -> Assignment:
    """What `rating` rates by default."""
    return Assignment(
        audit_id=audit_id,
        rater=rater,
        seed=2**63 + 1,
        created_at=NOW,
        traces=tuple(
            AssignedTrace(
                packet_id=f"{rater}-{TRACE_NUMBERS[trace_id]}", trace_id=trace_id, position=place, sitting=1
            )
            for place, trace_id in enumerate(traces, start=1)
        ),
    )


def decision(trace_id: str, dimension: str, score: int | None, *, audit_id: str = "audit-1") -> AuditEntry:
    """A decision by consensus."""
    return AuditEntry(
        adjudicated=Adjudicated(
            audit_id=audit_id, trace_id=trace_id, dimension=dimension, score=score, by="consensus", at=NOW
        )
    )


def stored_audit(
    workspace: Workspace,
    entries: Sequence[AuditEntry] = (),
    *,
    audit_id: str = "audit-1",
    traces: Sequence[AuditTrace] = TRACES,
    repeats: int = 2,
    minutes: int = 0,
) -> AuditFolder:
    """An audit on disk with these entries in its journal."""
    audit = workspace.create_audit(spec(audit_id, traces=traces, repeats=repeats, minutes=minutes), traces)
    audit.journal.append(list(entries))
    audit.journal.close()
    return audit
