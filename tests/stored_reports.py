"""A run of knowledge questions and reports with an audit of its reports, of known contents.

`sim/a`: three of four text questions right (the fourth unread), one of two image questions; four reports, of which the
last was refused. `sim/b`: nothing right, one report that no audit drew.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from functools import cache

from spinebench.audit_records import AuditEntry, AuditTrace, FrameTrace, JudgementStatus, Pick
from spinebench.records import (
    AnswerStatus,
    ClinicalCase,
    Extraction,
    Grade,
    ImageRef,
    Item,
    JournalEntry,
    Outcome,
    Scored,
    Task,
)
from spinebench.rubrics.load import load_rubrics
from spinebench.rubrics.rubric import Rubric, rubrics_hash
from spinebench.store import AuditFolder, Workspace
from tests.stored_audits import JUDGES, judgement, spec
from tests.stored_runs import NOW, answer, key, stored_run

DIMENSIONS = ("ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp")
EVEN = dict(zip(DIMENSIONS, (3, 4, 2, 3, 4, 5, 1, 2, 3, 4), strict=True))
"""Sections 3, 4, (2 + 3 + 4) / 3 = 3, 5 and (1 + 2 + 3 + 4) / 4 = 2.5, mean 3.5: 70 points."""


def all_at(score: int) -> dict[str, int]:
    return dict.fromkeys(DIMENSIONS, score)


@cache
def report_rubric() -> Rubric:
    (rubric,) = load_rubrics(("spinemed_report",))
    return rubric


def question(name: str, *, image: bool = False, subspecialty: str = "trauma") -> Item:
    return Item(
        id=name,
        benchmark="bench",
        task=Task.KNOWLEDGE,
        question=f"Question {name}?",
        options=("TLIF", "ALIF", "PLIF", "XLIF", "none"),
        gold=("TLIF",),
        images=(ImageRef(path=f"{name}.png", modality="CT"),) if image else (),
        cluster=f"case of {name}",
        subspecialty=subspecialty,
        source="textbook",
        language="en",
    )


def report(name: str, *, subspecialty: str, language: str | None) -> Item:
    return Item(
        id=name,
        benchmark="bench",
        task=Task.REPORT,
        question="Write the report.",
        images=(
            ImageRef(path=f"{name}.png", modality="MRI T2"),
            ImageRef(path=f"{name}b.png", modality="CT"),
        ),
        case=ClinicalCase(history="Leg pain."),
        cluster=f"case of {name}",
        subspecialty=subspecialty,
        source="hospital",
        language=language,
    )


QUESTIONS = (
    *(question(f"t{n}") for n in range(1, 5)),
    *(question(f"i{n}", image=True, subspecialty="degenerative") for n in (1, 2)),
)
REPORTS = (
    report("r1", subspecialty="trauma", language="en"),
    report("r2", subspecialty="degenerative", language="zh"),
    report("r3", subspecialty="degenerative", language="zh"),
    report("r4", subspecialty="degenerative", language=None),
)
RIGHT = {"t1", "t2", "t3", "i1"}


def trace_of(name: str, model: str = "sim/a", *, run_id: str = "run-1") -> str:
    return f"{run_id}/{key(name, model).id()}"


R1, R2, R3 = (trace_of(name) for name in ("r1", "r2", "r3"))


def answered(
    item: Item, model: str, *, right: bool, run_id: str = "run-1", order: str = "as_given"
) -> JournalEntry:
    """An answer to a question; `t4` could not be read."""
    of = key(item.id, model, option_order=order)
    unread = item.id == "t4"
    chosen = () if unread else (item.options[0 if right else 1],)
    return JournalEntry(
        answer=answer(of, run_id=run_id),
        scored=Scored(
            key=of,
            run_id=run_id,
            extraction=Extraction(
                status=AnswerStatus.UNPARSED if unread else AnswerStatus.ANSWERED, version="1"
            ),
            grade=Grade(
                correct=right and not unread,
                chosen=chosen,
                gold=item.gold,
                outcome=Outcome.CORRECT if right and not unread else Outcome.WRONG,
                version="1",
            ),
            at=NOW,
        ),
    )


def written(item: Item, model: str, *, run_id: str = "run-1") -> JournalEntry:
    """A report with every section; of `r4` a refusal."""
    of = key(item.id, model)
    status = AnswerStatus.REFUSED if item.id == "r4" else AnswerStatus.ANSWERED
    text = "Reasons." if status is AnswerStatus.ANSWERED else ""
    sent = answer(of, run_id=run_id, status=status, text=text)
    return JournalEntry(
        answer=sent.model_copy(update={"option_permutation": ()}),
        scored=Scored(
            key=of,
            run_id=run_id,
            extraction=Extraction(status=status, version="1"),
            grade=Grade(
                correct=None,
                gold=(),
                outcome=Outcome.COMPLETE if status == "answered" else Outcome.NOT_ANSWERED,
                version="1",
            ),
            at=NOW,
        ),
    )


def run_of_reports(workspace: Workspace, *, run_id: str = "run-1") -> None:
    entries = [
        *(answered(item, "sim/a", right=item.id in RIGHT, run_id=run_id) for item in QUESTIONS),
        *(answered(item, "sim/b", right=False, run_id=run_id) for item in QUESTIONS),
        *(written(item, "sim/a", run_id=run_id) for item in REPORTS),
        written(REPORTS[0], "sim/b", run_id=run_id),
    ]
    stored_run(workspace, entries, run_id=run_id, items=(*QUESTIONS, *REPORTS))


def drawn(item: Item, *, model: str = "sim/a", run_id: str = "run-1", probability: float = 1.0) -> AuditTrace:
    entry = written(item, model, run_id=run_id)
    assert entry.answer is not None
    text = entry.answer.text
    return AuditTrace(
        pick=Pick(
            trace=FrameTrace(
                trace_id=trace_of(item.id, model, run_id=run_id),
                run_id=run_id,
                model=model,
                task=item.task,
                item_id=item.id,
                image=f"image of {item.id}",
                cluster=item.cluster,
                correct=None,
                outcome=Outcome.COMPLETE.value,
                text_sha256=hashlib.sha256(text.encode()).hexdigest(),
            ),
            stratum=f"report/{model}/written",
            u=0.25,
            probability=probability,
            by="specific",
        ),
        item=item,
        answer=entry.answer,
        scored=entry.scored,
    )


def judged(
    trace_id: str,
    scores: Mapping[str, int] | None,
    *,
    judge: str = JUDGES[0],
    status: JudgementStatus | None = None,
    rubric: Rubric | None = None,
) -> AuditEntry:
    """A judgement by the report rubric; without scores it could not be read."""
    entry = judgement(trace_id, dict(scores or {}), judge=judge, status=status)
    assert entry.judgement is not None
    used = rubrics_hash((rubric or report_rubric(),))
    return entry.model_copy(update={"judgement": entry.judgement.model_copy(update={"rubric_hash": used})})


def audit_of_reports(
    workspace: Workspace,
    entries: Sequence[AuditEntry],
    *,
    traces: Sequence[AuditTrace] | None = None,
    rubric: Rubric | None = None,
    audit_id: str = "audit-1",
    minutes: int = 0,
) -> AuditFolder:
    """An audit of the first three reports, unless others are named, by the report rubric."""
    of = tuple(traces if traces is not None else map(drawn, REPORTS[:3]))
    described = spec(audit_id, traces=of, rubric=rubric or report_rubric(), repeats=1, minutes=minutes)
    audit = workspace.create_audit(described, of)
    audit.journal.append(list(entries))
    audit.journal.close()
    return audit
