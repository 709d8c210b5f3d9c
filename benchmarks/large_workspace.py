"""A workspace as large as a whole benchmark makes it: 12 models x 65,000 questions in two runs, 780,000 answers with
their texts, and a finished audit of 20,000 judgements with clinicians' ratings.

    python benchmarks/large_workspace.py FOLDER [--questions 65000] [--per-cell 278] [--text-bytes 1500]

Journals and audit folder are written in the project's own formats and loaded by its own code. Everything in it is
made up and marked as simulated; there are no image files. The full size takes about 4 GB of disk and some minutes.
"""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Iterator, Sequence
from datetime import timedelta
from pathlib import Path

from synthetic_audits import write_audit
from synthetic_runs import NOW, PRICE_PER_ANSWER, WrittenAnswer, answers, items, run_spec

from spinebench.audit_records import AuditTrace, FrameTrace, SampleMode
from spinebench.evaluators.sampling import draw
from spinebench.records import Item, Outcome, RunState, RunStatus
from spinebench.store import Workspace
from spinebench.store.ingest import ingest
from spinebench.store.journal import Line
from spinebench.store.run_folder import RunFolder

MODELS = tuple(f"sim/model-{letter}" for letter in "abcdefghijkl")
RUNS = {"20260101-000000-large-first": MODELS[:8], "20260102-000000-large-second": MODELS[8:]}
AUDIT = "20260103-000000-audit-large"
QUESTIONS, PER_CELL, TEXT_BYTES = 65_000, 278, 1500


def make(
    folder: Path, *, questions: int = QUESTIONS, per_cell: int = PER_CELL, text_bytes: int = TEXT_BYTES
) -> Workspace:
    """Make the workspace and load it: `questions` per model, `per_cell` audited traces per model and task."""
    workspace = Workspace(folder)
    asked = items(questions)
    frame: list[FrameTrace] = []
    places: dict[str, tuple[int, int]] = {}
    for day, (run_id, models) in enumerate(RUNS.items()):
        run = workspace.create_run(run_spec(run_id, asked, models, at=NOW + timedelta(days=day)), asked)
        for trace, place in _written(run, asked, models, text_bytes):
            frame.append(trace)
            places[trace.trace_id] = place
    sample = draw(frame, seed=0, mode=SampleMode.SPECIFIC, per_cell=per_cell)
    frame.clear()
    by_id = {item.id: item for item in asked}
    traces = []
    for pick in sample.picks:
        journal = workspace.run(pick.trace.run_id).journal
        offset, number = places[pick.trace.trace_id]
        with journal.path.open("rb") as file:
            file.seek(offset)
            entry = journal.parse(Line(number, offset, file.readline()))
        assert entry.answer is not None
        traces.append(
            AuditTrace(pick=pick, item=by_id[pick.trace.item_id], answer=entry.answer, scored=entry.scored)
        )
    write_audit(workspace, AUDIT, sample.spec, traces, at=NOW + timedelta(days=2))
    ingest(workspace)
    return workspace


def _written(
    run: RunFolder, asked: Sequence[Item], models: tuple[str, ...], text_bytes: int
) -> Iterator[tuple[FrameTrace, tuple[int, int]]]:
    """Write the run's journal and status; yields what an audit can draw, with its offset and line number."""
    offset = n_failed = 0
    with run.journal.path.open("wb", buffering=1 << 20) as file:
        for number, one in enumerate(answers(asked, models, run.run_id, text_bytes=text_bytes), start=1):
            file.write(one.line)
            if one.text:
                yield _frame_trace(one, run.run_id), (offset, number)
            else:
                n_failed += 1
            offset += len(one.line)
    n = len(asked) * len(models)
    run.write_status(
        RunStatus(
            run_id=run.run_id, state=RunState.DONE, n_planned=n, n_done=n - n_failed, n_failed=n_failed,
            cost_usd=PRICE_PER_ANSWER * (n - n_failed), started_at=NOW, updated_at=NOW + timedelta(hours=9), pid=1,
        )
    )  # fmt: skip


def _frame_trace(one: WrittenAnswer, run_id: str) -> FrameTrace:
    scored = one.form.scored
    return FrameTrace(
        trace_id=f"{run_id}/{one.answer_id}", run_id=run_id, model=one.model, task=one.item.task,
        item_id=one.item.id, image=one.item.images[0].sha256 or one.item.id, cluster=one.item.cluster,
        correct=scored is not None and scored.grade.correct,
        outcome=Outcome.NOT_ANSWERED if scored is None else scored.grade.outcome,
        text_sha256=hashlib.sha256(one.text.encode()).hexdigest(),
    )  # fmt: skip


def main() -> None:
    """Make it where the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    parser.add_argument("--questions", type=int, default=QUESTIONS, help="per model")
    parser.add_argument("--per-cell", type=int, default=PER_CELL, help="audited traces per model and task")
    parser.add_argument("--text-bytes", type=int, default=TEXT_BYTES)
    options = parser.parse_args()
    workspace = make(
        options.folder, questions=options.questions, per_cell=options.per_cell, text_bytes=options.text_bytes
    )
    counts = workspace.sql(
        "SELECT (SELECT count(*) FROM answers) AS answers, (SELECT count(*) FROM graded_rows) AS graded, "
        "(SELECT count(*) FROM judgements) AS judgements, (SELECT count(*) FROM ratings) AS ratings"
    ).to_pylist()[0]
    print(", ".join(f"{n:,} {what}" for what, n in counts.items()))


if __name__ == "__main__":
    main()
