"""Which levels the stored answers of runs name, against their items: rows of the level table per task and model."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

from spinebench.errors import DataError, UsageError
from spinebench.evaluators.level_naming import (
    VERSION,
    LevelFinding,
    LevelTally,
    ModelLevels,
    compare_levels,
)
from spinebench.evaluators.proportions import z_quantile
from spinebench.evaluators.report_sections import ReportSection, parse_report
from spinebench.records import WRITTEN_TASKS, AnswerStatus, Record, RunSpec, Task
from spinebench.store.ingest import ingest
from spinebench.store.workspace import Workspace

PAGE = 2000
"""Answers that are read at a time."""

_Row: TypeAlias = dict[str, Any]
_Key: TypeAlias = tuple[Task, str, str, str]
_READ = (ReportSection.FINDINGS, ReportSection.DIAGNOSIS)
_WRITTEN_NOTHING = {AnswerStatus.ERROR.value, AnswerStatus.REFUSED.value, AnswerStatus.FILTERED.value}


class LevelRow(Record):
    """One row of the level table."""

    task: Task
    persona: str
    image_condition: str
    n_asked: int
    n_no_reference: int
    """Answers to items that state no level and have no reference text: in no figure."""
    n_no_text: int
    """Answers without a text (refused, filtered, failed): every finding of their references is missed."""
    n_without_sections: int
    """Reports in which neither findings nor a diagnosis were found: read as a whole."""
    levels: ModelLevels


class LevelTables(Record):
    """The levels named in the answers of some runs."""

    run_ids: tuple[str, ...]
    simulated: bool
    partial: bool
    level: float
    """Of the intervals."""
    rules: str
    """Version of the rules that read the texts."""
    rows: tuple[LevelRow, ...]
    """By task, then in the order in which the plans name the models, personas and image conditions."""


_ABOUT_IMAGES = [task for task in Task if task is not Task.KNOWLEDGE]


def level_tables(
    workspace: Workspace,
    run_ids: Sequence[str],
    *,
    tasks: Sequence[Task | str] = (),
    level: float = 0.95,
) -> LevelTables:
    """Levels and sides named in the answers of some runs, held against what their items say.

    Read are the findings and the diagnosis of a report (the whole of it where neither was found), and the whole text
    of anything else. Held against: of free text the reference with the key facts, as text; else the item's levels, or
    the right options where they name levels. `tasks` empty: all but knowledge questions, whose options may name a
    level that has nothing to do with an image. Answers come from the store page by page, of each a few numbers are
    kept.

    Raises `UsageError` for no run, an unknown run or task, or a level that is no probability; `DataError` where no
    answer has a reference to be held against.
    """
    z_quantile(level)
    if not run_ids:
        raise UsageError("runs []: expected at least one run; name one, or 'latest'")
    wanted = [_task(name) for name in tasks] or _ABOUT_IMAGES
    specs = [run.spec() for run in {run.run_id: run for run in map(workspace.run, run_ids)}.values()]
    counts: dict[_Key, Counter[str]] = {}
    tallies: dict[_Key, LevelTally] = {}
    for spec in specs:
        ingest(workspace, spec.run_id)
        for row in _answers(workspace, spec.run_id, wanted):
            key = (Task(row["task"]), row["model"], row["persona"], row["image_condition"])
            count, tally = counts.setdefault(key, Counter()), tallies.setdefault(key, LevelTally())
            count["asked"] += 1
            reference = _reference(row)
            if reference is None:
                count["no reference"] += 1
                continue
            text, whole = _text(row)
            count["no text"] += text is None
            count["without sections"] += whole
            tally.add(compare_levels(text, reference), row["cluster"])
    if not tallies and not tasks:
        raise DataError(
            f"answers of {', '.join(spec.run_id for spec in specs)!r}: expected at least one; finish a run with "
            "'spinebench resume'"
        )
    if not any(tally.n_texts for tally in tallies.values()):
        raise DataError(
            f"answers of {', '.join(spec.run_id for spec in specs)!r} to {', '.join(wanted)}: expected items with "
            "levels, a reference or key facts, but none of those answered has any; name other runs or tasks, or give "
            "the benchmark's items 'levels' or a 'reference'"
        )
    return LevelTables(
        run_ids=tuple(spec.run_id for spec in specs),
        simulated=any(spec.simulated for spec in specs),
        partial=any(spec.partial for spec in specs),
        level=level,
        rules=VERSION,
        rows=tuple(
            LevelRow(
                task=key[0],
                persona=key[2],
                image_condition=key[3],
                n_asked=counts[key]["asked"],
                n_no_reference=counts[key]["no reference"],
                n_no_text=counts[key]["no text"],
                n_without_sections=counts[key]["without sections"],
                levels=tallies[key].levels(key[1], level=level),
            )
            for task in wanted
            for key in _ordered([key for key in tallies if key[0] is task], specs)
            if tallies[key].n_texts
        ),
    )


def _task(name: Task | str) -> Task:
    try:
        return Task(name)
    except ValueError:
        raise UsageError(f"task {str(name)!r}: expected one of {', '.join(Task)}; correct its name") from None


def _ordered(keys: Sequence[_Key], specs: Sequence[RunSpec]) -> list[_Key]:
    models = list(dict.fromkeys(name for spec in specs for name in spec.models))
    personas = list(dict.fromkeys(name for spec in specs for name in spec.personas))
    conditions = list(dict.fromkeys(one.value for spec in specs for one in spec.image_conditions))
    return sorted(
        keys, key=lambda key: (models.index(key[1]), personas.index(key[2]), conditions.index(key[3]))
    )


def _answers(workspace: Workspace, run_id: str, tasks: Sequence[Task]) -> Iterator[_Row]:
    """The latest answers in journal order, a page at a time."""
    after = 0
    while True:
        page = workspace.query(
            "level_texts", run_id=run_id, after=after, size=PAGE, tasks=[task.value for task in tasks]
        ).to_pylist()
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1]["line"]


def _reference(row: _Row) -> str | tuple[LevelFinding, ...] | None:
    """What an answer is held against; None where the item says nothing of levels."""
    if Task(row["task"]) in WRITTEN_TASKS:
        case = json.loads(row["clinical_case"]) if row["clinical_case"] else {}
        texts = [text for text in (row["reference"], *(case.get("key_facts") or ())) if text and text.strip()]
        if texts:
            return "\n".join(texts)
    for names in (row["levels"], row["gold"]):
        if found := _findings(names):
            return found
    return None


def _findings(names: Sequence[str]) -> tuple[LevelFinding, ...]:
    """The levels of a list; () where one of them is no level, as with the options of a diagnosis."""
    try:
        return tuple(LevelFinding(level=name) for name in names)
    except DataError:
        return ()


def _text(row: _Row) -> tuple[str | None, bool]:
    """What is read of an answer, and whether that is a report without the sections that should be read."""
    text: str = row["text"] or ""
    if row["status"] in _WRITTEN_NOTHING or not text.strip():
        return None, False
    if row["task"] != Task.REPORT.value:
        return text, False
    if row["sections"] is None:
        found = [(one.section.value, one.body) for one in parse_report(text).sections]
    else:
        found = [(one["section"], one["span"]) for one in json.loads(row["sections"])]
    ranges = dict.fromkeys((low, high) for name, (low, high) in found if name in _READ and low < high)
    if not ranges:
        return text, True
    return "\n\n".join(text[low:high] for low, high in ranges), False
