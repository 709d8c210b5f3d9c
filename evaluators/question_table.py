"""Graded answers question by question: a question's own columns once, and a number for each answer to it.

All models answer the same questions, so what belongs to a question (item, task, cluster, gold, options) need not be
read again for each of them. The store's query `questions` packs the answers; here they become the columns again that
every statistic reads, of any of the runs, personas and image conditions.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from spinebench.evaluators.clustered import BoolArray
from spinebench.evaluators.columns import Coded, CodedLists, GradedColumns, SharedLists
from spinebench.records import WRITTEN_TASKS, AnswerStatus, Outcome, RunSpec

STATUSES = tuple(status.value for status in AnswerStatus)
"""In the order that the query is given."""
_TEXTS = ("item_id", "task", "cluster", "disease", "persona", "image_condition", "option_order", "epoch")
_GRADED = "graded"
"""In place of an outcome, which the query does not tell of a task with right answers."""
_OUTCOMES = (_GRADED, Outcome.NOT_ANSWERED.value, Outcome.COMPLETE.value, Outcome.INCOMPLETE.value)


@dataclass(frozen=True)
class QuestionTable:
    """Answers of some runs on one benchmark, decoded: an entry per question, and one per answer to it."""

    runs: tuple[RunSpec, ...]
    models: tuple[str, ...]
    texts: dict[str, Coded]
    """A question's own columns."""
    gold: CodedLists
    options: CodedLists
    question: NDArray[np.int32]
    """Of each answer, which question it is to; so too the rest. Answers of later runs stand behind earlier ones."""
    run: NDArray[np.int16]
    model: NDArray[np.int16]
    status: NDArray[np.int8]
    has_outcome: BoolArray
    holds: BoolArray
    """Right; of free text, complete."""

    @classmethod
    def of(cls, table: object, runs: Sequence[RunSpec], models: Sequence[str]) -> QuestionTable:
        """Decode the answer to the query `questions`, asked for these runs and models and for `STATUSES`, each in this
        order. Raises DataError when a column is missing."""
        columns = GradedColumns(table)
        every = np.arange(columns.n, dtype=np.int64)
        lengths, packed = columns.integers("answers")
        rest, flags = np.divmod(packed, 4)
        rest, status = np.divmod(rest, len(STATUSES))
        run, model = (part.astype(np.int16) for part in np.divmod(rest, max(1, len(models))))
        order = np.argsort(run, kind="stable")
        return cls(
            runs=tuple(runs),
            models=tuple(models),
            texts={name: columns.text(name) for name in _TEXTS},
            gold=columns.lists("gold", every),
            options=columns.lists("options", every),
            question=np.repeat(every, lengths).astype(np.int32)[order],
            run=run[order],
            model=model[order],
            status=status.astype(np.int8)[order],
            has_outcome=flags[order] >= 2,
            holds=flags[order] % 2 == 1,
        )

    def graded(
        self,
        *,
        run_ids: Collection[str],
        models: Collection[str],
        personas: Collection[str],
        conditions: Collection[str],
    ) -> GradedColumns:
        """The answers of these runs and models under these personas and image conditions, as columns for `accuracies`
        and `compare`: which outcome a wrong answer has, and what was chosen, is not among them. Free text is complete
        or not, and never correct."""
        asked = _among(self.texts["persona"], personas) & _among(self.texts["image_condition"], conditions)
        of_runs = np.array([run.run_id in run_ids for run in self.runs], dtype=bool)
        of_models = np.array([model in models for model in self.models], dtype=bool)
        rows = np.flatnonzero(asked[self.question] & of_runs[self.run] & of_models[self.model])
        question, run = self.question[rows].astype(np.int64), self.run[rows].astype(np.int64)
        has_outcome, holds = self.has_outcome[rows], self.holds[rows]
        is_written = _among(self.texts["task"], WRITTEN_TASKS)[question]
        outcome = np.where(is_written, np.where(holds, 2, 3), 0)
        names = list(dict.fromkeys(one.benchmark.name for one in self.runs))
        name_of = np.array([names.index(one.benchmark.name) for one in self.runs], dtype=np.int64)
        return GradedColumns(
            {name: Coded(coded.codes[question], coded.labels) for name, coded in self.texts.items()}
            | {
                "run_id": Coded(run, tuple(one.run_id for one in self.runs)),
                "benchmark": Coded(name_of[run], tuple(names)),
                "model": Coded(self.model[rows].astype(np.int64), self.models),
                "status": Coded(self.status[rows].astype(np.int64), STATUSES),
                "outcome": Coded(np.where(has_outcome, outcome, 1), _OUTCOMES),
                "correct": holds & ~is_written,
                "simulated": np.array([one.simulated for one in self.runs], dtype=bool)[run],
                "partial": np.array([one.partial for one in self.runs], dtype=bool)[run],
                "gold": SharedLists(self.gold, question),
                "options": SharedLists(self.options, question),
            }
        )


def _among(coded: Coded, labels: Collection[str]) -> BoolArray:
    # The entry behind the last label is that of a missing value, whose code is -1.
    return np.array([*(label in labels for label in coded.labels), False], dtype=bool)[coded.codes]
