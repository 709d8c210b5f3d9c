"""An audit that nobody made, as an audit writes it: verdicts of a panel on drawn traces, referral, clinicians' ratings.

Each trace has a made-up quality; judges and clinicians score around it, some harsher than others. What follows from
the votes (medians, who is referred, who rates what) is the project's own code. Every record is a simulation.
"""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from spinebench.audit_records import (
    AuditEntry,
    AuditSpec,
    AuditStatus,
    AuditTrace,
    Blinding,
    Claim,
    ClaimVerdict,
    DimensionScore,
    FailureMark,
    Judgement,
    JudgementKey,
    JudgementStatus,
    JudgeReply,
    RatedDimension,
    RaterCard,
    Rating,
    Review,
    SampleSpec,
    TraceCheck,
)
from spinebench.evaluators.reconciling import reconcile, referral
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.locking import lock_ratings
from spinebench.records import RunState, Usage, digest
from spinebench.rubrics import Dimension, FailureMode, Rubric, load_rubrics, rubrics_hash
from spinebench.store import Workspace
from spinebench.store.audit_folder import AuditFolder

JUDGES = {"sim/judge-one": 0.0, "sim/judge-two": 0.15, "sim/judge-three": -0.15}
"""Judge -> how many levels it scores above the trace's quality."""
RATERS = {"rater-one": 0.0, "rater-two": 0.2, "rater-three": -0.2, "rater-four": 0.1}
_RANDOM_SHARE = 0.05
_PROMPT_HASH = digest("synthetic judge prompt")
_BATCH = 2000


@dataclass(frozen=True)
class _Asked:
    """What is scored."""

    rubrics: tuple[Rubric, ...]
    rubric_hash: str
    dimensions: tuple[Dimension, ...]
    modes: tuple[FailureMode, ...]

    @classmethod
    def of(cls, rubrics: tuple[Rubric, ...]) -> _Asked:
        return cls(
            rubrics,
            rubrics_hash(rubrics),
            tuple(one for rubric in rubrics for one in rubric.dimensions),
            tuple(one for rubric in rubrics for one in rubric.failure_modes),
        )


def write_audit(
    workspace: Workspace, audit_id: str, sample: SampleSpec, traces: Sequence[AuditTrace], *, at: datetime
) -> AuditFolder:
    """Write the audit of these traces into the workspace, finished and its ratings locked; it is not loaded."""
    asked = _Asked.of(load_rubrics())
    folder = workspace.create_audit(
        AuditSpec(
            audit_id=audit_id, created_at=at, sample=sample, judges=tuple(JUDGES), blinding=Blinding(),
            rubrics=tuple(one.model_dump(mode="json") for one in asked.rubrics), rubric_hash=asked.rubric_hash,
            prompt_hash=_PROMPT_HASH, random_share=_RANDOM_SHARE, seed=0, n_traces=len(traces), simulated=True,
            digest=digest(audit_id), digest_parts={}, plan={}, versions={},
        ),
        traces,
    )  # fmt: skip
    referred = []
    with folder.lock():
        for start in range(0, len(traces), _BATCH):
            entries = []
            for trace in traces[start : start + _BATCH]:
                judgements = [_judgement(trace, judge, audit_id, asked, at) for judge in JUDGES]
                review = _review(trace, judgements, audit_id, asked, at)
                entries += [AuditEntry(judgement=one) for one in judgements] + [AuditEntry(review=review)]
                if review.refers_by:
                    referred.append(trace)
            folder.journal.append(entries)
        folder.journal.close()
        n = len(traces) * len(JUDGES)
        folder.write_status(
            AuditStatus(
                audit_id=audit_id, state=RunState.DONE, n_planned=n, n_done=n, n_unparsed=0, n_failed=0,
                n_referred=len(referred), started_at=at, updated_at=at + timedelta(hours=5), pid=1,
            )
        )  # fmt: skip
    _rate(workspace, folder, referred, asked, at + timedelta(days=7))
    return folder


def _quality(trace: AuditTrace) -> float:
    """The made-up score of the trace's reasoning: right answers are reasoned better, most of the time."""
    return random.Random(trace.trace_id).gauss(3.9 if trace.pick.trace.correct else 2.6, 0.8)


def _score(dimension: Dimension, wanted: float, chance: random.Random) -> int:
    seen = wanted + chance.gauss(0, 0.25)
    return min(dimension.scale, key=lambda level: abs(level - seen))


def _marked(trace: AuditTrace, asked: _Asked, chance: random.Random) -> list[str]:
    """Failure modes found: the worse the reasoning, the more."""
    share = max(0.01, min(0.5, 0.1 * (4.5 - _quality(trace))))
    task = trace.item.task
    return [one.id for one in asked.modes if one.applies_to(task) and chance.random() < share]


def _judgement(trace: AuditTrace, judge: str, audit_id: str, asked: _Asked, at: datetime) -> Judgement:
    chance = random.Random(f"{judge} {trace.trace_id}")
    key = JudgementKey(trace_id=trace.trace_id, judge=judge, repeat=1)
    shown = digest([trace.trace_id, "shown"])
    sentences = [f"{part.strip()}." for part in trace.answer.text.split(".") if part.strip()]
    if chance.random() < 0.01:
        broken = JudgeReply(
            text="No verdict.", problems=("no JSON",), request_hash=shown, provider_model=judge
        )
        return Judgement(
            key=key, audit_id=audit_id, status=JudgementStatus.UNPARSED, replies=(broken,) * 3,
            prompt_hash=_PROMPT_HASH, rubric_hash=asked.rubric_hash, shown_sha256=shown, at=at,
        )  # fmt: skip
    scores = tuple(
        DimensionScore(
            dimension=one.id,
            quotes=(chance.choice(sentences),),
            reason="Made up around the quality of the trace.",
            score=_score(one, _quality(trace) + JUDGES[judge], chance),
        )
        for one in asked.dimensions
        if one.applies_to(trace.item.task)
    )
    modes = tuple(
        FailureMark(mode=mode, quotes=(chance.choice(sentences),)) for mode in _marked(trace, asked, chance)
    )
    claims = tuple(
        Claim(quote=quote, verdict=chance.choice(list(ClaimVerdict)))
        for quote in chance.sample(sentences, min(3, len(sentences)))
    )
    content = {
        "scores": [one.model_dump(mode="json") for one in scores],
        "failure_modes": [one.model_dump(mode="json") for one in modes],
        "claims": [one.model_dump(mode="json") for one in claims],
    }
    reply = JudgeReply(
        text=json.dumps(content, indent=1), request_hash=shown, provider_model=judge,
        usage=Usage(input_tokens=2800, output_tokens=300, cost_usd=0.002),
    )  # fmt: skip
    return Judgement(
        key=key, audit_id=audit_id, status=JudgementStatus.SCORED, scores=scores, failure_modes=modes, claims=claims,
        replies=(reply,), prompt_hash=_PROMPT_HASH, rubric_hash=asked.rubric_hash, shown_sha256=shown, at=at,
    )  # fmt: skip


def _review(
    trace: AuditTrace, judgements: Sequence[Judgement], audit_id: str, asked: _Asked, at: datetime
) -> Review:
    votes = reconcile(
        judgements, dimensions=[one.id for one in asked.dimensions if one.applies_to(trace.item.task)]
    )
    checks = tuple(
        TraceCheck(name=name, verdict="agrees", detail="made up")
        for name in ("conclusion", "modality", "persona")
    )
    reasons, probability = referral(trace, votes, checks, judgements, seed=0, random_share=_RANDOM_SHARE)
    return Review(
        trace_id=trace.trace_id, audit_id=audit_id, dimensions=votes,
        n_unparsed=sum(one.status is JudgementStatus.UNPARSED for one in judgements), checks=checks,
        refers_by=reasons, rating_probability=probability, at=at,
    )  # fmt: skip


def _rate(
    workspace: Workspace, folder: AuditFolder, referred: Sequence[AuditTrace], asked: _Asked, at: datetime
) -> None:
    if not referred:
        return
    for rater in RATERS:
        workspace.save_rater(RaterCard(rater=rater, training="none: a simulation", simulated=True))
    lists = assign(
        [Rateable.of(trace) for trace in referred], list(RATERS), audit_id=folder.audit_id, seed=0, at=at
    )
    folder.write_assignments(lists)
    by_id = {trace.trace_id: trace for trace in referred}
    ratings = []
    for one in lists:
        for shown in one.traces:
            trace = by_id[shown.trace_id]
            chance = random.Random(f"{one.rater} {shown.packet_id}")
            scores = tuple(
                RatedDimension(
                    dimension=dimension.id,
                    score=_score(dimension, _quality(trace) + RATERS[one.rater], chance),
                )
                if chance.random() > 0.02
                else RatedDimension(dimension=dimension.id, cannot_assess=True)
                for dimension in asked.dimensions
                if dimension.applies_to(trace.item.task)
            )
            name = f"{one.rater} {shown.packet_id}"
            ratings.append(
                Rating(
                    rating_id=hashlib.sha256(name.encode()).hexdigest(), audit_id=folder.audit_id, rater=one.rater,
                    packet_id=shown.packet_id, trace_id=shown.trace_id, duplicate=shown.duplicate,
                    dimensions=scores, failure_modes=tuple(_marked(trace, asked, chance)),
                    active_s=chance.lognormvariate(4.3, 0.4), rubric_hash=asked.rubric_hash, source="simulated", at=at,
                )
            )  # fmt: skip
    folder.add_ratings(ratings)
    lock_ratings(folder, at=at)
