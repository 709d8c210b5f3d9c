"""Healthy images taken for diseased ones, by where the images are from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spinebench.evaluators.answers import read_answers
from spinebench.evaluators.estimate import Rate
from spinebench.evaluators.rates import share
from spinebench.records import Outcome, Record, Task
from spinebench.terms import HEALTHY

NOT_STATED = "not stated"


class HealthyMisdiagnosis(Record):
    """How often one model answers healthy images of one kind with a disease."""

    model: str
    by: str
    """The column that tells the kinds apart, e.g. `modality`."""
    value: str
    """The kind; `not stated` where the column is empty."""
    rate: Rate
    """Exact intervals: this is an error that would harm a patient."""


def healthy_misdiagnosis(
    graded: object, *, by: Sequence[str], level: float = 0.95
) -> list[HealthyMisdiagnosis]:
    """One rate per model and value of each column of `by`, models and values in the order of their names.

    `graded` is as for `summarize`, with the columns of `by` beside it; answers to other questions than diagnoses of
    healthy images are left out. [] where there are none. Raises DataError when a column is missing.
    """
    return list(_strata(graded, by, level))


def _strata(graded: object, by: Sequence[str], level: float) -> Iterator[HealthyMisdiagnosis]:
    answers = read_answers(graded).of_task(Task.DIAGNOSIS)
    healthy = answers.take(answers.disease.equals(HEALTHY))
    models = healthy.columns.text("model").take(healthy.rows)
    for name in by:
        values = healthy.columns.text(name).take(healthy.rows)
        pairs = {*zip(models.codes.tolist(), values.codes.tolist(), strict=True)}
        named = sorted(
            (models.labels[model], values.labels[value] if value >= 0 else NOT_STATED, model, value)
            for model, value in pairs
        )
        for model_name, value_name, model, value in named:
            part = healthy.take(np.asarray((models.codes == model) & (values.codes == value)))
            yield HealthyMisdiagnosis(
                model=model_name,
                by=name,
                value=value_name,
                rate=share(
                    f"healthy images misdiagnosed, {name} {value_name}",
                    part,
                    part.has_outcome(Outcome.HEALTHY_MISDIAGNOSED),
                    safety=True,
                    level=level,
                    empty="no question on a healthy image",
                ),
            )
