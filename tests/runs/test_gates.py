from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import UsageError
from spinebench.evaluators.estimate import Estimate, Interval, undefined
from spinebench.evaluators.results import summarize
from spinebench.runs.gate_figures import run_figures
from spinebench.runs.gate_metrics import METRICS
from spinebench.runs.gates import (
    Gate,
    GateFigure,
    gate_pattern,
    missed,
    parse_gate,
)
from spinebench.terms import HEALTHY


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "healthy_misdiagnosis <= 0.2 (upper bound)",
            Gate(metric="healthy_misdiagnosis", comparison="<=", limit=0.2, bound="upper"),
            id="with a bound",
        ),
        pytest.param(
            "alpha_judge_vs_clinicians >= 0.6",
            Gate(metric="alpha_judge_vs_clinicians", comparison=">=", limit=0.6),
            id="of an audit",
        ),
        pytest.param(
            "diagnosis_accuracy of sim/x >= 0.5 (lower bound)",
            Gate(metric="diagnosis_accuracy", model="sim/x", comparison=">=", limit=0.5, bound="lower"),
            id="of a model",
        ),
        pytest.param(
            "  alpha_judge_vs_clinicians[ clinical_rationality ]>=.6 ",
            Gate(metric="alpha_judge_vs_clinicians", part="clinical_rationality", comparison=">=", limit=0.6),
            id="of a dimension, loosely written",
        ),
        pytest.param(
            "diagnosis_accuracy[Foraminal stenosis] of openai-compatible/a b:7 > 0",
            Gate(
                metric="diagnosis_accuracy",
                part="Foraminal stenosis",
                model="openai-compatible/a b:7",
                comparison=">",
                limit=0,
            ),
            id="label and model with spaces",
        ),
        pytest.param(
            "judge_bias > -0.5", Gate(metric="judge_bias", comparison=">", limit=-0.5), id="below zero"
        ),
    ],
)
def test_gates_are_read(text: str, expected: Gate) -> None:
    assert parse_gate(text) == expected
    assert parse_gate(expected.text) == expected
    assert re.search(gate_pattern(), text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param("helthy_misdiagnosis <= 0.2", "did you mean 'healthy_misdiagnosis'", id="misspelt"),
        pytest.param("<= 0.2", "name of a metric", id="no metric"),
        pytest.param("", "name of a metric", id="empty"),
        pytest.param("overall 0.2", "comparison", id="no comparison"),
        pytest.param("overall =< 0.2", "comparison", id="turned comparison"),
        pytest.param("overall == 0.2", "comparison", id="equality"),
        pytest.param("overall >= high", "number", id="no number"),
        pytest.param("overall >= 50", "from 0 to 1", id="percent"),
        pytest.param("overall >= -0.1", "from 0 to 1", id="negative share"),
        pytest.param("alpha_clinicians >= 1.1", "from -1 to 1", id="coefficient above one"),
        pytest.param("overall >= 0.2 (middle bound)", "upper bound", id="no such bound"),
        pytest.param("overall >= 0.2 or so", "write it so", id="more behind it"),
        pytest.param("overall[x] >= 0.2", r"no \[part\]", id="a part where there is none"),
        pytest.param("diagnosis_accuracy[] >= 0.2", "write it so", id="empty part"),
        pytest.param("overall of >= 0.2", "write it so", id="empty model"),
    ],
)
def test_what_is_no_gate_is_refused(text: str, problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        parse_gate(text)
    assert not re.search(gate_pattern(), text)


@given(
    metric=st.sampled_from([*METRICS, "overal"]), part=st.sampled_from(["", "[a b]", " [x/y]", "[ ]"]),
    model=st.sampled_from(["", " of a/b", " of  x:1 ", " of"]), comparison=st.sampled_from(["<=", ">", " >= ", "="]),
    number=st.sampled_from(["0.5", "-0.5", "1", "1.01", ".5", "0.", "7", "1.0", "1e-3"]),
    bound=st.sampled_from(["", " (upper bound)", "(lower  bound) ", "(bound)"]),
)  # fmt: skip
def test_the_schema_and_the_reader_are_of_one_mind(
    metric: str, part: str, model: str, comparison: str, number: str, bound: str
) -> None:
    text = metric + part + model + comparison + number + bound
    try:
        gate = parse_gate(text)
    except UsageError:
        assert not re.search(gate_pattern(), text)
    else:
        assert re.search(gate_pattern(), text)
        assert parse_gate(gate.text) == gate


def figure(
    value: float | None, low: float | None = None, high: float | None = None, **more: str | int | None
) -> GateFigure:
    reason = "nothing to see" if value is None else None
    return GateFigure.model_validate(
        {"metric": "healthy_misdiagnosis", "value": value, "reason": reason, "low": low, "high": high, **more}
    )


@pytest.mark.parametrize(
    ("gate", "figures", "lines"),
    [
        pytest.param("healthy_misdiagnosis <= 0.2", [figure(0.2)], [], id="kept at the limit"),
        pytest.param(
            "healthy_misdiagnosis < 0.2", [figure(0.2)],
            ["healthy_misdiagnosis: 0.2000; expected < 0.2"], id="not below the limit",
        ),
        pytest.param("healthy_misdiagnosis <= 0.2 (upper bound)", [figure(0.1, 0.02, 0.19)], [], id="bound kept"),
        pytest.param(
            "healthy_misdiagnosis <= 0.2 (upper bound)", [figure(0.0, 0.0, 0.3085, n=10, model="sim/a")],
            ["healthy_misdiagnosis of sim/a: 0.0000, interval 0.0000 to 0.3085, n = 10; expected <= 0.2 (upper bound)"],
            id="none of ten is too few",
        ),
        pytest.param(
            "healthy_misdiagnosis <= 0.2 (upper bound)", [figure(0.1)],
            ["healthy_misdiagnosis: 0.1000, without the upper bound that is asked for; "
             "expected <= 0.2 (upper bound)"], id="no interval",
        ),
        pytest.param(
            "healthy_misdiagnosis <= 0.2", [figure(None)],
            ["healthy_misdiagnosis: undefined (nothing to see); expected <= 0.2"], id="undefined",
        ),
        pytest.param(
            "healthy_misdiagnosis <= 0.2", [figure(0.20000001)],
            ["healthy_misdiagnosis: 0.20000001; expected <= 0.2"], id="just above it",
        ),
        pytest.param(
            "healthy_misdiagnosis <= 0.2", [figure(0.1, model="a"), figure(0.3, model="b", about="persona none")],
            ["healthy_misdiagnosis of b (persona none): 0.3000; expected <= 0.2"], id="every model",
        ),
        pytest.param("healthy_misdiagnosis of a <= 0.2", [figure(0.1, model="a"), figure(0.3, model="b")], [],
                     id="only the named model"),
        pytest.param(
            "healthy_misdiagnosis of c <= 0.2", [figure(0.1, model="a")],
            ["healthy_misdiagnosis of c <= 0.2: no figure of model 'c', only of a"], id="no such model",
        ),
        pytest.param("healthy_misdiagnosis <= 0.2", [],
                     ["healthy_misdiagnosis <= 0.2: no such figure in the run"], id="no figure"),
        pytest.param("alpha_clinicians >= 0.2", [figure(0.1)],
                     ["alpha_clinicians >= 0.2: no audit gave such a figure"], id="no audit"),
    ],
)  # fmt: skip
def test_gates_are_held_against_figures(gate: str, figures: list[GateFigure], lines: list[str]) -> None:
    assert [one.line for one in missed([parse_gate(gate)], figures)] == lines


def estimate(value: float) -> Estimate:
    interval = Interval(low=value - 0.1, high=value + 0.1, method="t")
    return Estimate(name="x", value=value, interval=interval, n=40, n_clusters=40)


AUDIT = tuple(
    GateFigure.of(metric, figure, model=model, part=part)
    for (metric, model, part), figure in {
        ("alpha_judge_vs_clinicians", None, "clinical_rationality/diagnosis"): estimate(0.7),
        ("alpha_judge_vs_clinicians", None, "spatial/diagnosis"): estimate(0.5),
        ("alpha_judge_vs_clinicians", None, "spatial/localization"): undefined("x", "both constant"),
        ("corrected_mean", "sim/a", "spatial/diagnosis"): estimate(3.5),
        ("judge_unparsed_share", None, None): estimate(0.3),
        ("judge_unparsed_share", "sim/a", "spatial"): estimate(0.9),
    }.items()
)


@pytest.mark.parametrize(
    ("gate", "n_missed"),
    [
        pytest.param("alpha_judge_vs_clinicians >= 0.6", 2, id="every part where none stands for all"),
        pytest.param("alpha_judge_vs_clinicians[clinical_rationality] >= 0.6", 0, id="a dimension"),
        pytest.param("alpha_judge_vs_clinicians[spatial] >= 0.4", 1, id="a dimension in both tasks"),
        pytest.param("alpha_judge_vs_clinicians[diagnosis] >= 0.6", 1, id="a task in both dimensions"),
        pytest.param("alpha_judge_vs_clinicians[spatial/diagnosis] >= 0.45", 0, id="both"),
        pytest.param(
            "alpha_judge_vs_clinicians[spatial/diagnosis] >= 0.45 (lower bound)", 1, id="its lower bound"
        ),
        pytest.param("alpha_judge_vs_clinicians[beauty] >= 0.1", 1, id="no such dimension"),
        pytest.param("corrected_mean of sim/a >= 3", 0, id="of a model"),
        pytest.param("judge_unparsed_share <= 0.5", 0, id="the figure over all parts stands for them"),
    ],
)
def test_gates_on_an_audit(gate: str, n_missed: int) -> None:
    assert len(missed([parse_gate(gate)], AUDIT)) == n_missed


def graded(n: int, **columns: Sequence[object]) -> dict[str, Sequence[object]]:
    base: dict[str, Sequence[object]] = {
        "model": ["sim/a"] * n,
        "item_id": [f"i{k}" for k in range(n)],
        "cluster": [f"c{k}" for k in range(n)],
        "task": ["diagnosis"] * n,
        "status": ["answered"] * n,
        "outcome": ["correct_disease"] * n,
        "correct": [True] * n,
        "disease": ["Osteophytes"] * n,
        "image_condition": ["normal"] * n,
    }
    return {**base, **columns}


def test_figures_of_a_run() -> None:
    # Four healthy images, one answered with a disease; four diseased ones: right, missed, confused, not answered.
    figures = run_figures(
        summarize(
            graded(
                8,
                disease=[HEALTHY] * 4 + ["Osteophytes"] * 4,
                outcome=["correct_healthy"] * 3
                + [
                    "healthy_misdiagnosed",
                    "correct_disease",
                    "disease_missed",
                    "disease_confused",
                    "not_answered",
                ],
                correct=[True] * 3 + [False, True, False, False, False],
                status=["answered"] * 7 + ["unparsed"],
            )
        )
    )
    values = {one.metric: one.value for one in figures if one.part is None}
    assert values["diagnosis_accuracy"] == 0.5
    assert values["healthy_misdiagnosis"] == 0.25
    assert values["disease_missed"] == values["disease_confusion"] == values["correct_disease"] == 0.25
    assert values["correct_healthy"] == 0.75
    assert values["answered_share"] == 7 / 8
    assert values["diagnosis_not_answered"] == 1 / 8
    assert values["overall"] is None
    by_label = {one.part: one.value for one in figures if one.metric == "diagnosis_accuracy"}
    assert by_label[HEALTHY] == 0.75
    made = {one.metric for one in figures}
    asked = {name for name, metric in METRICS.items() if metric.made_by == "run"}
    assert made == asked - {"level_sensitivity", "level_specificity"}  # nothing was asked about levels
    safety = next(one for one in figures if one.metric == "healthy_misdiagnosis")
    assert (safety.n, safety.high is not None) == (4, True)


def test_the_normal_image_condition_is_what_gates_are_about() -> None:
    table = graded(
        4, image_condition=["normal", "normal", "blank", "blank"], correct=[True, True, False, False]
    )
    table["outcome"] = ["correct_disease"] * 2 + ["disease_missed"] * 2
    assert missed([parse_gate("disease_missed <= 0")], run_figures(summarize(table))) == []
    blank = {name: values[2:] for name, values in table.items()}
    assert len(missed([parse_gate("disease_missed <= 0")], run_figures(summarize(blank)))) == 1


def test_every_metric_is_documented() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "plan-file.md").read_text("utf-8")
    for name, metric in METRICS.items():
        assert f"| `{name}` | {metric.parts} | {metric.says} |" in page
    for line in page.partition("## Gates")[2].partition("```yaml")[2].partition("```")[0].splitlines():
        if line.strip().startswith("- "):
            parse_gate(line.strip().removeprefix("- "))
