"""Small runs with known contents, for tests of the store and of the commands that read it."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    BenchmarkInfo,
    Extraction,
    Failure,
    FailureClass,
    Grade,
    ImageCondition,
    Item,
    JournalEntry,
    Outcome,
    RunSpec,
    RunState,
    RunStatus,
    Scored,
    Task,
    Usage,
)
from spinebench.store import RunFolder, Workspace
from spinebench.terms import HEALTHY, LEVELS

REPOSITORY = Path(__file__).resolve().parents[1]
NOW = datetime(2026, 3, 4, 5, 6, 7, 890123, tzinfo=UTC)
HASH = "ab" * 32
OPTIONS = ("Osteophytes", HEALTHY, "Vertebral collapse", "Spondylolisthesis", "Foraminal stenosis")


def diagnosis(item_id: str, disease: str = "Osteophytes") -> Item:
    """An item with one right option."""
    return Item(
        id=item_id,
        benchmark="bench",
        task=Task.DIAGNOSIS,
        question="Which?",
        options=OPTIONS,
        gold=(disease,),
        disease=disease,
        modality="X-ray",
        source="drawn",
        cluster=f"study of {item_id}",
    )


def localization(item_id: str, levels: tuple[str, ...] = LEVELS[:2]) -> Item:
    """An item with several right options."""
    return Item(
        id=item_id,
        benchmark="bench",
        task=Task.LOCALIZATION,
        question="Where?",
        options=LEVELS,
        gold=levels,
        levels=levels,
        cluster=f"study of {item_id}",
    )


ITEMS = (diagnosis("d1"), diagnosis("d2", HEALTHY), diagnosis("d3"), localization("l1"), localization("l2"))


def key(item_id: str, model: str = "sim/a", *, option_order: str = "as_given", epoch: int = 1) -> AnswerKey:
    """The key of an answer under the default persona and image condition."""
    return AnswerKey(
        item_id=item_id,
        model=model,
        persona="surgeon",
        image_condition=ImageCondition.NORMAL,
        option_order=option_order,
        epoch=epoch,
    )


def answer(
    of: AnswerKey,
    *,
    run_id: str = "run-1",
    status: AnswerStatus = AnswerStatus.ANSWERED,
    text: str = "My final option: [A]",
    failures: int = 0,
    at: datetime = NOW,
    cost: float | None = None,
) -> Answer:
    """An answer with as many failed attempts before it."""
    return Answer(
        key=of,
        run_id=run_id,
        status=status,
        text=text,
        prompt_hash=HASH,
        option_permutation=(0, 1, 2, 3, 4),
        usage=Usage(input_tokens=10, output_tokens=5, cost_usd=cost),
        failures=tuple(
            Failure(failure_class=FailureClass.SERVER, message="500", attempt=n + 1, retryable=True, at=at)
            for n in range(failures)
        ),
        attempts=failures + 1,
        at=at,
    )


def scored(
    of: AnswerKey,
    item: Item,
    chosen: tuple[str, ...],
    outcome: Outcome,
    *,
    run_id: str = "run-1",
    status: AnswerStatus = AnswerStatus.ANSWERED,
    confused_with: str | None = None,
    version: str = "1",
) -> Scored:
    """A score of an answer; the overlap figures as the benchmark defines them."""
    right = len(set(chosen) & set(item.gold))
    several = item.task is Task.LOCALIZATION
    return Scored(
        key=of,
        run_id=run_id,
        extraction=Extraction(
            letters=tuple("ABCDE"[item.options.index(option)] for option in chosen),
            status=status,
            rule="closing" if chosen else None,
            span=(0, 20) if chosen else None,
            version=version,
        ),
        grade=Grade(
            correct=set(chosen) == set(item.gold),
            chosen=chosen,
            gold=item.gold,
            outcome=outcome,
            precision=(right / len(chosen) if chosen else 0.0) if several else None,
            recall=right / len(item.gold) if several else None,
            f1=2 * right / (len(chosen) + len(item.gold)) if several else None,
            jaccard=right / len({*chosen, *item.gold}) if several else None,
            confused_with=confused_with,
            version=version,
        ),
        at=NOW,
    )


def right(
    item: Item, model: str = "sim/a", *, run_id: str = "run-1", text: str = "My final option: [A]"
) -> JournalEntry:
    """A right answer with its score, as a run writes it."""
    of = key(item.id, model)
    outcome = {"diagnosis": Outcome.CORRECT_DISEASE, "localization": Outcome.EXACT}[item.task]
    return JournalEntry(
        answer=answer(of, run_id=run_id, text=text),
        scored=scored(of, item, item.gold, outcome, run_id=run_id),
    )


def failed(item: Item, model: str = "sim/a", *, run_id: str = "run-1", failures: int = 2) -> JournalEntry:
    """An answer that ended in an error, without a score."""
    return JournalEntry(
        answer=answer(
            key(item.id, model), run_id=run_id, status=AnswerStatus.ERROR, text="", failures=failures
        )
    )


def spec(run_id: str = "run-1", *, n_items: int = len(ITEMS), minutes: int = 0, seed: int = 0) -> RunSpec:
    """A run of two models, created some minutes after the first one."""
    return RunSpec(
        run_id=run_id,
        created_at=NOW + timedelta(minutes=minutes),
        benchmark=BenchmarkInfo(
            name="bench",
            format="native-jsonl",
            path="bench.jsonl",
            n_items=len(ITEMS),
            n_by_task={"diagnosis": 3, "localization": 2},
            n_clusters=5,
            items_hash=HASH,
            simulated=True,
        ),
        models=("sim/a", "sim/b"),
        personas=("surgeon",),
        image_conditions=(ImageCondition.NORMAL,),
        option_orders=("as_given",),
        n_items=n_items,
        n_planned=n_items * 2,
        simulated=True,
        seed=seed,
        digest=HASH,
        digest_parts={"seed": seed},
        plan={"models": ["sim/a", "sim/b"]},
        versions={"spinebench": "0"},
    )


def stored_run(
    workspace: Workspace,
    entries: Sequence[JournalEntry] = (),
    *,
    run_id: str = "run-1",
    items: Sequence[Item] = ITEMS,
    minutes: int = 0,
) -> RunFolder:
    """A run on disk with these entries in its journal."""
    run = workspace.create_run(spec(run_id, n_items=len(items), minutes=minutes), items)
    run.journal.append(list(entries))
    run.journal.close()
    return run


def status_of(run: RunFolder, state: RunState, *, n_done: int = 0, pid: int = 1) -> RunStatus:
    """A status as a runner writes it."""
    return RunStatus(
        run_id=run.run_id,
        state=state,
        n_planned=run.spec().n_planned,
        n_done=n_done,
        n_failed=0,
        started_at=NOW,
        updated_at=NOW,
        pid=pid,
    )


def python(code: str, *args: str | Path) -> subprocess.Popen[str]:
    """Another process of this Python that runs `code`, with `args` in `sys.argv[1:]`."""
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", code, *map(str, args)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
