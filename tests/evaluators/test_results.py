"""Summaries per model."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import DataError
from spinebench.evaluators.diagnosis import DiagnosisSummary
from spinebench.evaluators.localization import LocalizationSummary
from spinebench.evaluators.proportions import clopper_pearson, wilson
from spinebench.evaluators.rates import OutcomeRate
from spinebench.evaluators.results import ModelSummary, summarize
from spinebench.records import AnswerStatus, Outcome
from spinebench.terms import DISEASES, HEALTHY, LEVELS
from tests.graded_columns import Asked, columns, diagnosis, localization

L12, L23, L34, L45, L51 = LEVELS


def only(summaries: list[ModelSummary]) -> ModelSummary:
    assert len(summaries) == 1
    return summaries[0]


def diagnosis_of(summary: ModelSummary) -> DiagnosisSummary:
    assert summary.diagnosis is not None
    return summary.diagnosis


def localization_of(summary: ModelSummary) -> LocalizationSummary:
    assert summary.localization is not None
    return summary.localization


def outcome(rates: tuple[OutcomeRate, ...], name: Outcome) -> OutcomeRate:
    return next(rate for rate in rates if rate.outcome is name)


def healthy(name: str) -> Any:
    return diagnosis(name, HEALTHY, "Osteophytes", "Spondylolisthesis")


def osteophytes(name: str) -> Any:
    return diagnosis(name, "Osteophytes", HEALTHY, "Spondylolisthesis")


def test_diagnosis_counts_by_hand() -> None:
    asked = [
        Asked(osteophytes("1"), ("Osteophytes",)),
        Asked(osteophytes("2"), ("Osteophytes",)),
        Asked(osteophytes("3"), (HEALTHY,)),
        Asked(osteophytes("4"), ("Spondylolisthesis",)),
        Asked(osteophytes("5"), None),
        Asked(osteophytes("6"), None, status=AnswerStatus.REFUSED),
        Asked(healthy("7"), (HEALTHY,)),
        Asked(healthy("8"), ("Osteophytes",)),
        Asked(healthy("9"), None, status=AnswerStatus.ERROR),
        Asked(diagnosis("10", "cervical Lordosis", HEALTHY), ("cervical Lordosis",)),
        Asked(diagnosis("11", "Spondylolisthesis", HEALTHY), (HEALTHY,)),
    ]
    summary = only(summarize(columns(asked)))
    found = diagnosis_of(summary)
    # right: 1, 2, 7, 10 of 11 asked, of 8 answered
    strict, lenient = found.accuracy.of_asked, found.accuracy.of_answered
    assert (strict.count, strict.n) == (4, 11)
    assert strict.value == pytest.approx(4 / 11)
    assert (lenient.count, lenient.n) == (4, 8)
    assert strict.interval is not None
    assert (strict.interval.method, strict.interval.low, strict.interval.high) == ("Wilson", *wilson(4, 11))
    counts = summary.denominators
    assert (counts.asked, counts.answered, counts.unparsed, counts.refused, counts.errored) == (
        11,
        8,
        1,
        1,
        1,
    )
    # macro: osteophytes 2/6, spondylolisthesis 0/1; neither Healthy nor cervical Lordosis
    assert found.macro_accuracy.of_asked.value == pytest.approx((2 / 6 + 0) / 2)
    assert found.macro_accuracy.of_answered.value == pytest.approx((2 / 4 + 0) / 2)
    assert [one.label for one in found.per_label] == [
        "Osteophytes", "Spondylolisthesis", "cervical Lordosis", HEALTHY,
    ]  # fmt: skip
    # of 3 healthy images one is called diseased, of 8 diseased two are called healthy; intervals exact
    alarm = outcome(found.outcomes, Outcome.HEALTHY_MISDIAGNOSED)
    missed = outcome(found.outcomes, Outcome.DISEASE_MISSED)
    assert (alarm.among, alarm.rate.of_asked.count, alarm.rate.of_asked.n) == ("healthy", 1, 3)
    assert (missed.among, missed.rate.of_asked.count, missed.rate.of_asked.n) == ("diseased", 2, 8)
    assert missed.rate.of_answered.n == 6
    assert missed.rate.of_asked.interval is not None
    assert (missed.rate.of_asked.interval.low, missed.rate.of_asked.interval.high) == clopper_pearson(2, 8)
    gone = outcome(found.outcomes, Outcome.NOT_ANSWERED)
    assert (gone.rate.of_asked.count, gone.rate.of_answered.value) == (3, None)
    # outcomes of the diseased and of the healthy images add up
    by_name = {rate.outcome: rate.rate.of_asked.count or 0 for rate in found.outcomes}
    assert sum(by_name.values()) == 11
    # chance: three options for nine questions, two for two
    chance = (9 / 3 + 2 / 2) / 11
    assert found.chance_corrected.value == pytest.approx((4 / 11 - chance) / (1 - chance))


def test_zero_of_ten_keeps_its_upper_bound() -> None:
    summary = only(summarize(columns(Asked(healthy(str(i)), (HEALTHY,)) for i in range(10))))
    rate = outcome(diagnosis_of(summary).outcomes, Outcome.HEALTHY_MISDIAGNOSED).rate.of_asked
    assert rate.value == 0
    assert rate.interval is not None
    assert rate.interval.high == pytest.approx(0.3085, abs=5e-5)
    # no diseased image: undefined, with the reason
    missed = outcome(diagnosis_of(summary).outcomes, Outcome.DISEASE_MISSED).rate.of_asked
    assert (missed.value, missed.reason) == (None, "no question on a diseased image")
    assert diagnosis_of(summary).macro_accuracy.of_asked.value is None


def test_localization_by_hand() -> None:
    asked = [
        Asked(localization("1", L34, L45), (L34, L45)),
        Asked(localization("2", L34, L45), (L45, L51)),  # shifted by one
        Asked(localization("3", L45), (L34, L45)),  # one too many
        Asked(localization("4", L12), None),
    ]
    summary = only(summarize(columns(asked), distances=True))
    found = localization_of(summary)
    assert found.accuracy.of_asked.value == 0.25
    assert found.accuracy.of_answered.value == pytest.approx(1 / 3)
    # precision 1, 1/2, 1/2 and 0; recall 1, 1/2, 1 and 0
    assert found.precision.of_asked.value == pytest.approx(2 / 4)
    assert found.precision.of_answered.value == pytest.approx(2 / 3)
    assert found.recall.of_asked.value == pytest.approx(2.5 / 4)
    assert found.jaccard.of_asked.value == pytest.approx((1 + 1 / 3 + 1 / 2 + 0) / 4)
    assert found.calls is not None
    assert (found.calls.extra_levels, found.calls.missed_levels) == (2, 1)
    assert (found.calls.over_called, found.calls.under_called) == (2, 1)
    levels = {one.level: one for one in found.levels}
    assert list(levels) == list(LEVELS)
    # L4/L5 is gold in 1, 2, 3 and called in all three; L1/L2 only in 4, not answered
    assert levels[L45].sensitivity.of_asked.value == 1
    assert levels[L12].sensitivity.of_asked.value == 0
    assert levels[L12].sensitivity.of_answered.value is None
    # L5/S1 is never gold; called in 2 of 3 answered no, so 2/3, and 2/4 when the unanswered one counts as wrong
    assert levels[L51].specificity.of_answered.value == pytest.approx(2 / 3)
    assert levels[L51].specificity.of_asked.value == pytest.approx(2 / 4)
    assert found.distances is not None
    # 0; both one off: 1; one met, one left over: 3 / 2; unanswered: 3
    assert found.distances.distance.of_answered.value == pytest.approx((0 + 1 + 1.5) / 3)
    assert found.distances.distance.of_asked.value == pytest.approx((0 + 1 + 1.5 + 3) / 4)
    assert found.distances.within_one.of_answered.value == 1
    assert found.distances.offset.value == pytest.approx(1 / 3)
    assert found.distances.uniform_shifts.of_answered.count == 1
    assert summarize(columns(asked))[0].localization is not None
    assert localization_of(only(summarize(columns(asked)))).distances is None


def test_overall_is_the_mean_of_both_tasks_with_their_shared_images() -> None:
    # Six images, each with both tasks, and always both right or both wrong: overall then is one accuracy of six
    # clusters, 3 of 6, with the standard error of six answers, sqrt(.25 / 5), not of twelve.
    asked = []
    for i in range(6):
        right = i < 3
        asked.append(
            Asked(
                diagnosis(f"d{i}", "Osteophytes", HEALTHY, cluster=f"c{i}"),
                ("Osteophytes",) if right else (HEALTHY,),
            )
        )
        asked.append(Asked(localization(f"l{i}", L45, cluster=f"c{i}"), (L45,) if right else (L34,)))
    overall = only(summarize(columns(asked))).overall.of_asked
    assert overall.value == 0.5
    assert overall.se == pytest.approx((0.25 / 5) ** 0.5)
    assert overall.design_effect == pytest.approx(2 * (1 / 5) / (1 / 5))
    assert (overall.n, overall.n_clusters) == (12, 6)


def test_overall_needs_both_tasks() -> None:
    summary = only(summarize(columns([Asked(osteophytes("1"), (HEALTHY,))])))
    assert summary.localization is None
    assert summary.overall.of_asked.value is None
    assert "no localization questions" in (summary.overall.of_asked.reason or "")


def test_overall_is_the_unweighted_mean_whatever_the_sizes() -> None:
    asked = [Asked(osteophytes(str(i)), ("Osteophytes",)) for i in range(9)]
    asked += [Asked(localization("l", L45), (L34,))]
    assert only(summarize(columns(asked))).overall.of_asked.value == 0.5


def test_questions_that_share_an_image_get_the_cluster_interval_with_wilsons_beside_it() -> None:
    asked = [
        Asked(
            diagnosis(str(i), "Osteophytes", HEALTHY, cluster=f"study {i // 2}"),
            ("Osteophytes" if i < 30 else HEALTHY,),
        )
        for i in range(80)
    ]
    accuracy = diagnosis_of(only(summarize(columns(asked)))).accuracy.of_asked
    assert (accuracy.n, accuracy.n_clusters) == (80, 40)
    assert accuracy.interval is not None
    assert accuracy.interval.method == "cluster-robust t"
    assert [other.method for other in accuracy.other_intervals] == ["Wilson"]
    # pairs always agree: residual sums twice as large in half as many clusters, 40/39 over 80/79
    assert accuracy.design_effect == pytest.approx(2 * (40 / 39) / (80 / 79))
    assert accuracy.n_effective == pytest.approx(80 / (2 * (40 / 39) / (80 / 79)))
    assert accuracy.warnings == ()


def test_few_clusters_are_marked() -> None:
    asked = [
        Asked(diagnosis(str(i), "Osteophytes", HEALTHY, cluster=str(i % 4)), (HEALTHY,)) for i in range(8)
    ]
    summary = only(summarize(columns(asked)))
    assert any("fewer than 30" in warning for warning in summary.warnings)
    assert any("fewer than 30" in warning for warning in diagnosis_of(summary).accuracy.of_asked.warnings)


def test_one_summary_per_model_persona_condition_and_family_of_orders() -> None:
    item = osteophytes("1")
    asked = [
        Asked(item, (HEALTHY,), model="b"),
        Asked(item, (HEALTHY,), model="a", option_order="rotation:0"),
        Asked(item, (HEALTHY,), model="a", option_order="rotation:1"),
        Asked(item, (HEALTHY,), model="a", persona="none"),
        Asked(item, (HEALTHY,), model="a", image_condition="blank"),
        Asked(item, (HEALTHY,), model="a", option_order="shuffled:7"),
    ]
    found = summarize(columns(asked))
    keys = [(one.model, one.persona, one.image_condition, one.option_order) for one in found]
    assert keys == [
        ("b", "surgeon", "normal", "as_given"),
        ("a", "surgeon", "normal", "rotation"),
        ("a", "none", "normal", "as_given"),
        ("a", "surgeon", "blank", "as_given"),
        ("a", "surgeon", "normal", "shuffled"),
    ]
    assert found[1].answers_per_item == 2
    assert any("1 items" in warning for warning in found[1].warnings)


def test_arrow_and_plain_columns_give_the_same() -> None:
    asked = [
        Asked(osteophytes("1"), ("Osteophytes",)),
        Asked(osteophytes("2"), None, status=AnswerStatus.ERROR),
        Asked(localization("3", L34, L45), (L45,)),
        Asked(localization("4", L12), None),
        Asked(diagnosis("5", "Vertebral collapse", HEALTHY), (HEALTHY,), model="other"),
    ]
    plain = columns(asked)
    table = pa.table(plain)
    chunked = pa.concat_tables([table.slice(0, 2), table.slice(2, 3)])
    expected = summarize(plain, distances=True)
    assert summarize(table, distances=True) == expected
    assert summarize(chunked, distances=True) == expected
    encoded = table.set_column(2, "model", table.column("model").dictionary_encode())
    assert summarize(encoded, distances=True) == expected


def test_answers_that_were_never_graded_are_wrong_and_counted() -> None:
    # As the store's view holds an item whose model call failed: no outcome, no gold from a grade, nulls throughout.
    table = columns([Asked(osteophytes("1"), ("Osteophytes",)), Asked(localization("2", L45), (L45,))])
    for name in ("outcome", "correct", "precision", "recall", "f1", "jaccard", "chosen", "confused_with"):
        table[name] += [None, None]
    for name, value in {
        "status": "error",
        "item_id": "3",
        "task": "diagnosis",
        "disease": "Osteophytes",
    }.items():
        table[name] += [value, value if name != "item_id" else "4"]
    table["task"][3] = "localization"
    for name in set(table) - {
        "outcome",
        "correct",
        "precision",
        "recall",
        "f1",
        "jaccard",
        "chosen",
        "confused_with",
    }:
        table[name] += [table[name][0]] * (4 - len(table[name]))
    table["gold"][2:] = [None, None]
    summary = only(summarize(pa.table(table)))
    assert summary.denominators.errored == 2
    assert diagnosis_of(summary).accuracy.of_asked.value == 0.5
    assert localization_of(summary).precision.of_asked.value == 0.5
    assert localization_of(summary).precision.of_answered.value == 1


def test_no_rows_give_no_summaries() -> None:
    empty: dict[str, list[Any]] = {name: [] for name in columns([Asked(osteophytes("1"), None)])}
    assert summarize(empty) == []


def test_a_missing_column_is_named() -> None:
    table = columns([Asked(osteophytes("1"), None)])
    del table["cluster"]
    with pytest.raises(DataError, match="'cluster'"):
        summarize(table)
    with pytest.raises(DataError, match="mapping"):
        summarize([1, 2])


def test_the_ordinary_path_loads_neither_pandas_nor_scipys_heavy_parts() -> None:
    # From JSON lines: pyarrow would import pandas itself to make a table of Python lists.
    code = """
import io, json, sys
import pyarrow.json
from spinebench.evaluators.comparison import compare
from spinebench.evaluators.confusion import confusion
from spinebench.evaluators.results import summarize
table = json.load(sys.stdin)
rows = (dict(zip(table, values)) for values in zip(*table.values()))
table = pyarrow.json.read_json(io.BytesIO("\\n".join(map(json.dumps, rows)).encode()))
print(len(summarize(table)), len(confusion(table)), len(compare(table).scopes))
print([name for name in ("pandas", "statsmodels", "scipy.stats", "scipy.optimize") if name in sys.modules])
"""
    asked = [
        Asked(osteophytes("1"), ("Osteophytes",)),
        Asked(osteophytes("1"), None, model="other", status=AnswerStatus.ERROR),
        Asked(localization("2", L45, L51), (L45,)),
    ]
    table = json.dumps(columns(asked))
    done = subprocess.run(
        [sys.executable, "-c", code], input=table, capture_output=True, text=True, check=False
    )
    assert (done.stdout.split("\n")[:2], done.stderr) == (["2 2 3", "[]"], "")


labels = (*DISEASES, HEALTHY)
answers = st.lists(
    st.tuples(st.sampled_from(labels), st.sampled_from((*labels, None)), st.integers(0, 5)),
    min_size=1,
    max_size=40,
)


@given(answers)
def test_outcomes_partition_the_questions_and_answered_only_is_never_lower(
    rows: list[tuple[str, str | None, int]],
) -> None:
    asked = []
    for i, (gold, chosen, cluster) in enumerate(rows):
        options = [label for label in labels if label != gold]
        item = diagnosis(str(i), gold, *options, cluster=str(cluster))
        asked.append(Asked(item, None if chosen is None else (chosen,)))
    found = diagnosis_of(only(summarize(columns(asked))))
    assert sum(rate.rate.of_asked.count or 0 for rate in found.outcomes) == len(rows)
    strict, lenient = found.accuracy.of_asked, found.accuracy.of_answered
    assert strict.value is not None
    if lenient.value is not None:
        assert lenient.value >= strict.value - 1e-12
    for rate in (strict, lenient, *(one.accuracy.of_asked for one in found.per_label)):
        for interval in filter(None, (rate.interval, *rate.other_intervals)):
            assert rate.value is not None
            assert 0 <= interval.low <= rate.value + 1e-9
            assert rate.value - 1e-9 <= interval.high <= 1


@given(answers, st.randoms(use_true_random=False))
def test_the_order_of_rows_does_not_matter(rows: list[tuple[str, str | None, int]], random: Any) -> None:
    asked = []
    for i, (gold, chosen, cluster) in enumerate(rows):
        item = diagnosis(str(i), gold, *(label for label in labels if label != gold), cluster=str(cluster))
        asked.append(Asked(item, None if chosen is None else (chosen,)))
    one = only(summarize(columns(asked)))
    random.shuffle(asked)
    other = only(summarize(columns(asked)))
    first, second = (diagnosis_of(each).accuracy.of_asked.interval for each in (one, other))
    assert first is not None
    assert second is not None
    assert (first.low, first.high) == pytest.approx((second.low, second.high))
    assert [r.rate.of_asked.count for r in diagnosis_of(one).outcomes] == [
        r.rate.of_asked.count for r in diagnosis_of(other).outcomes
    ]
