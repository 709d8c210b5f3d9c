"""From traces with values to weighted samples: what is read from whole columns is what the rows say one by one."""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import replace

import numpy as np
import pytest

from spinebench.evaluators.audit_rows import AuditRows, TraceRow
from spinebench.evaluators.calibration.units import Domain, Frame, clinician_mean, judge_mean, weigh
from spinebench.evaluators.calibration.votes import Values, mark_values
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.proportions import Bounds
from tests.audit_samples import drawn_audit

SHARE = Bounds(0.0, 1.0)


def audit(kind: str) -> AuditRows:
    """A simulated audit of two models, with what makes weighing harder."""
    rows = drawn_audit(7, n_models=2, per_stratum=12).rows
    match kind:
        case "ratings missing":
            left = {row.trace_id for row in rows.traces[::3]}
            return replace(
                rows,
                marks=tuple(row for row in rows.marks if row.source == "judge" or row.trace_id not in left),
            )
        case "votes missing":
            left = {row.trace_id for row in rows.traces[::5]}
            return replace(
                rows,
                marks=tuple(
                    replace(row, present=None) if row.source == "judge" and row.trace_id in left else row
                    for row in rows.marks
                ),
            )
        case "no review":
            return with_traces(rows, rating_probability=None, referred=False)
        case "shared clusters":
            traces = tuple(replace(row, cluster=f"c{i // 3}") for i, row in enumerate(rows.traces))
            return replace(rows, traces=traces)
        case "lonely strata":
            traces = tuple(
                replace(row, stratum=f"lonely {i}") if i % 11 == 0 else row
                for i, row in enumerate(rows.traces)
            )
            return replace(rows, traces=traces)
        case "no right answer":
            return with_traces(rows, correct=None)
        case _:
            return rows


def with_traces(rows: AuditRows, **changes: object) -> AuditRows:
    return replace(rows, traces=tuple(replace(row, **changes) for row in rows.traces))  # type: ignore[arg-type]


def rating_probabilities(traces: tuple[TraceRow, ...], values: Values) -> dict[str, float]:
    """Row by row as `weigh` describes it."""
    given = [row for row in traces if row.trace_id in values.clinician]
    if len(given) == len(traces):
        return {row.trace_id: 1.0 for row in given}
    if all(row.rating_probability is None for row in traces):
        return {row.trace_id: len(given) / len(traces) for row in given}
    found = {}
    for row in given:
        if row.referred and row.rating_probability is not None:
            alike = [
                one for one in traces if one.referred and one.rating_probability == row.rating_probability
            ]
            share = sum(one.trace_id in values.clinician for one in alike) / len(alike)
            found[row.trace_id] = row.rating_probability * share
    return found


def mean_and_se(entries: list[tuple[float, float, str, str]]) -> tuple[float, float]:
    """Hajek's mean of (value, weight, stratum, cluster) and its standard error, by loops over strata and clusters."""
    total = sum(weight for _, weight, _, _ in entries)
    mean = sum(value * weight for value, weight, _, _ in entries) / total
    sizes = {
        stratum: len({one[3] for one in entries if one[2] == stratum})
        for stratum in dict.fromkeys(one[2] for one in entries)
    }
    lonely = [stratum for stratum, size in sizes.items() if size < 2]
    if len(lonely) == 1 and len(sizes) > 1:
        lonely.append(min((one for one in sizes if one not in lonely), key=lambda one: sizes[one]))
    joined = {stratum: lonely[0] if stratum in lonely else stratum for stratum in sizes}
    variance = 0.0
    for stratum in set(joined.values()):
        own = [one for one in entries if joined[one[2]] == stratum]
        centre = sum(value * weight for value, weight, _, _ in own) / sum(one[1] for one in own)
        pulls: dict[str, float] = defaultdict(float)
        for value, weight, _, cluster in own:
            pulls[cluster] += weight / total * (value - centre)
        if len(pulls) > 1:
            variance += len(pulls) / (len(pulls) - 1) * sum(pull**2 for pull in pulls.values())
    return mean, math.sqrt(variance)


def close(found: Estimate, expected: tuple[float, float]) -> None:
    assert found.value == pytest.approx(expected[0], abs=1e-12)
    assert (found.se or 0.0) == pytest.approx(expected[1], abs=1e-12)


KINDS = (
    "as drawn", "ratings missing", "votes missing", "no review", "shared clusters", "lonely strata", "no right answer",
)  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("everyone", [False, True], ids=["one model", "all models"])
def test_means_are_those_of_the_rows_one_by_one(kind: str, everyone: bool) -> None:
    rows = audit(kind)
    frame = Frame.of(rows)
    model = rows.traces[0].model
    domain = frame.part([row for row in frame.traces if everyone or row.model == model])
    values = mark_values(rows.marks)
    sample = weigh(domain, values)
    probability = rating_probabilities(domain.traces, values)
    assert [row.trace_id for row in sample.rated] == [one for one in domain.ids if one in probability]
    by_raters = [
        (
            values.clinician[row.trace_id],
            1 / (row.probability * probability[row.trace_id]),
            f"{row.model} {row.stratum}",
            row.cluster,
        )
        for row in sample.rated
    ]
    close(clinician_mean("clinicians", sample, limits=SHARE, binary=True, level=0.95), mean_and_se(by_raters))
    judged = [row for row in domain.traces if row.trace_id in values.judge]
    drawn: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in judged:
        drawn[row.model, row.task, row.stratum] += 1 / row.probability
    by_judge = [
        (
            values.judge[row.trace_id],
            1 / row.probability * domain.shares[key] / drawn[key],
            f"{row.model} {row.stratum}",
            row.cluster,
        )
        for row in judged
        for key in [(row.model, row.task, row.stratum)]
    ]
    close(judge_mean("judge", sample, limits=SHARE, binary=True, level=0.95), mean_and_se(by_judge))
    assert np.array_equal(
        sample.judged.label,
        [values.clinician.get(row.trace_id, math.nan) if row.trace_id in probability else math.nan for row in judged],
        equal_nan=True,
    )  # fmt: skip


def test_a_part_stands_for_its_share_of_each_stratum() -> None:
    rows = drawn_audit(7, n_models=2, per_stratum=12).rows
    frame = Frame.of(rows)
    right = frame.part([row for row in frame.traces if row.correct])
    wrong = frame.part([row for row in frame.traces if not row.correct])
    sizes = {(one.model, one.task, one.stratum): one.n_frame for one in rows.strata}
    for key, size in sizes.items():
        assert right.shares.get(key, 0) + wrong.shares.get(key, 0) == pytest.approx(size)
    assert right.n_frame + wrong.n_frame == sum(sizes.values())


def test_no_traces_are_an_empty_sample() -> None:
    sample = weigh(Domain((), {}), Values({}, {}, {}, frozenset(), frozenset()))
    assert (len(sample.judged.judge), len(sample.rated), sample.undefined) == (0, 0, None)
    assert judge_mean("judge", sample, limits=SHARE, binary=True, level=0.95).value is None
