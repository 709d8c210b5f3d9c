"""Scores of the level-aware benchmark: hand-derived values, missing scores, intervals over cases, divisions."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from typing import Any, Literal

import numpy as np
import pytest

from spinebench.errors import DataError
from spinebench.evaluators import cluster_bootstrap
from spinebench.evaluators.audit_rows import ScoreRow
from spinebench.evaluators.published import replay
from spinebench.evaluators.published.cells import half_up
from spinebench.evaluators.published.tables import level_aware_tables
from spinebench.evaluators.report_formula import weighted_mean
from spinebench.evaluators.report_points import report_points
from spinebench.evaluators.report_results import LevelAwareScores
from spinebench.evaluators.report_rows import (
    Facets,
    LayoutDimension,
    LayoutSection,
    QuestionRow,
    ReportLayout,
    ReportRow,
)
from spinebench.evaluators.report_scores import level_aware_scores
from spinebench.records import AnswerStatus
from spinebench.rubrics import load_rubric

LAYOUT = ReportLayout.of_rubric(load_rubric("spinemed_report").model_dump(mode="json"))
ORDER = ("ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp")


def question(
    number: int,
    part: Literal["text", "image"],
    correct: bool | None,
    *,
    cluster: str | None = None,
    **facets: str,
) -> QuestionRow:
    """A question of model `m`; `correct` None: refused."""
    status = AnswerStatus.REFUSED if correct is None else AnswerStatus.ANSWERED
    name = f"{part}-{number}"
    return QuestionRow(name, "m", cluster or name, part, status, bool(correct), Facets(**facets))


def report(
    name: str, *, cluster: str | None = None, status: AnswerStatus = AnswerStatus.ANSWERED, **facets: str
) -> ReportRow:
    return ReportRow(name, name, "m", cluster or name, status, Facets(**facets))


def votes(
    name: str, *scores: int | None, rater: str = "judge", missing: str = "cannot_assess"
) -> list[ScoreRow]:
    """Ten votes on a report; None: no score, for the reason `missing`."""
    rows = []
    for dimension, score in zip(ORDER, scores, strict=True):
        status: Any = missing if score is None else "scored"
        rows.append(ScoreRow(name, dimension, "judge", rater, 1, score, status))
    return rows


def scores(*args: Any, **settings: Any) -> LevelAwareScores:
    (found,) = level_aware_scores(*args, **{"layout": LAYOUT, "resamples": 200, **settings})
    return found


QUESTIONS = [
    *(question(n, "text", correct) for n, correct in enumerate([True, True, True, None])),
    *(question(n, "image", correct) for n, correct in enumerate([True, True, False, False, False])),
]
REPORTS = [report("r1"), report("r2"), report("r3"), report("r4", status=AnswerStatus.REFUSED)]
VOTES = [
    *votes("r1", 4, 5, 3, 4, 5, 2, 5, 5, 4, 4),
    *votes("r2", 3, 3, 3, 3, None, 3, 3, 3, 3, 3),
    *votes("r3", 3, None, 3, 3, 3, 3, 3, 3, 3, 3, missing="unparsed"),
]


def test_a_worked_example() -> None:
    """By hand.

    r1: sections 4; 5; (3 + 4 + 5) / 3 = 4; 2; (5 + 5 + 4 + 4) / 4 = 4.5; their mean 19.5 / 5 = 3.9, 20 x 3.9 = 78
    (the mean of the ten dimensions, 4.1, would give 82). r2: 60, one dimension of three missing. r3: DGN has no score,
    so its section has none, so it is unscored. r4: not written.
    P_report = (78 + 60) / 2 = 69; with r4 at zero (78 + 60 + 0) / 3 = 46. P_text = 3 / 4, of answered 3 / 3.
    P_image = 2 / 5. Overall = (4 x 75 + 5 x 40 + 2 x 69) / 11 = 638 / 11 = 58. Gap = 75 - 40 = 35.
    """
    found = scores(QUESTIONS, REPORTS, VOTES)
    parts = found.scores
    assert parts.text.of_asked.value == pytest.approx(75)
    assert parts.text.of_answered.value == pytest.approx(100)
    assert parts.image.of_asked.value == pytest.approx(40)
    assert parts.report.value == pytest.approx(69)
    assert parts.overall.value == pytest.approx(58)
    assert parts.weights.model_dump() == {"text": 4, "image": 5, "report": 2}
    assert found.text_less_image.value == pytest.approx(35)
    assert found.report.score.value == pytest.approx(69)
    assert found.report.not_written_as_zero.value == pytest.approx(46)
    assert found.report.counts.model_dump() == {
        "asked": 4, "scored": 2, "incomplete": 1, "unscored": 1, "not_written": 1,
    }  # fmt: skip
    assert found.report.votes.model_dump() == {
        "scored": 28, "cannot_assess": 1, "unparsed": 1, "refused": 0, "error": 0,
    }  # fmt: skip
    # Sections and dimensions over all reports that have a score there: IR (4 + 3 + 3) / 3, TR (4 + 3 + 3) / 3.
    assert found.report.dimensions["ir"].value == pytest.approx(10 / 3)
    assert found.report.dimensions["dgn"].n == 2
    assert found.report.sections["tr"].value == pytest.approx(10 / 3)
    assert found.report.sections["aad"].value == pytest.approx(4)
    assert parts.text.of_asked.denominators is not None
    assert (parts.text.of_asked.denominators.asked, parts.text.of_asked.denominators.refused) == (4, 1)
    assert [warning.split(" reports")[0] for warning in found.warnings] == [
        "1 of 4", "1 of 4", "1 of 2 scored",
    ]  # fmt: skip


def test_several_raters_and_repeats_count_by_rater() -> None:
    """IR: judge a gave 2 and 4 (mean 3), judge b gave 5: (3 + 5) / 2 = 4, not 11 / 3. All else 4 from both: 20 x 4."""
    rows = [
        *votes("r1", *[4] * 10, rater="b"),
        *(replace(vote, repeat=repeat) for repeat in (1, 2) for vote in votes("r1", *[4] * 10, rater="a")),
    ]
    rows = [
        replace(row, score={"b": 5, "a": 2 * row.repeat}[row.rater]) if row.dimension == "ir" else row
        for row in rows
    ]
    found = scores([], [report("r1")], rows)
    assert found.report.dimensions["ir"].value == pytest.approx(4)
    assert found.report.score.value == pytest.approx(80)
    assert found.scores.overall.value == pytest.approx(80)
    assert found.warnings[0] == "nothing scored in text and image: overall is of the other parts alone"


def test_weights_of_dimensions_and_sections() -> None:
    """Section a: (1 x 2 + 3 x 4) / 4 = 3.5, weight 1; section b: 5, weight 2: (3.5 + 10) / 3 = 4.5; 20 x 4.5 = 90."""
    layout = ReportLayout(
        sections=(
            LayoutSection(id="a", dimensions=(LayoutDimension(id="x"), LayoutDimension(id="y", weight=3.0))),
            LayoutSection(id="b", weight=2.0, dimensions=(LayoutDimension(id="z"),)),
        ),
        scale=(1, 2, 3, 4, 5),
    )
    given = {"x": Fraction(2), "y": Fraction(4), "z": Fraction(5)}
    assert report_points(given, layout).points == 90
    assert report_points({"x": Fraction(2), "z": Fraction(5)}, layout).points == 80
    assert report_points({"z": Fraction(5)}, layout).points is None


def test_clinicians_and_judges_are_apart() -> None:
    rows = [
        *votes("r1", *[5] * 10),
        *(replace(vote, source="clinician", score=3) for vote in votes("r1", *[5] * 10)),
    ]
    assert scores([], [report("r1")], rows).report.score.value == pytest.approx(100)
    assert scores([], [report("r1")], rows, source="clinician").report.score.value == pytest.approx(60)


@pytest.mark.parametrize("model", level_aware_tables().table6.rows)
def test_the_published_rows_by_the_same_formula(model: str) -> None:
    """The printed sections of table 6 give what its replay recomputes; where it finds no contradiction, as printed."""
    tables = level_aware_tables()
    layout = ReportLayout(
        sections=tuple(
            LayoutSection(id=section, dimensions=(LayoutDimension(id=section),))
            for section in tables.sections
        ),
        scale=(1, 2, 3, 4, 5),
    )
    row = dict(zip(tables.table6.columns, map(Fraction, tables.table6.rows[model]), strict=True))
    cells = {
        cell.cell: cell
        for cell in replay("level-aware").cells
        if (cell.table, cell.row) == ("6", model) and cell.cell in {"report_score", "overall"}
    }
    points = report_points({section: row[section] for section in tables.sections}, layout).points
    assert points is not None
    counts = tables.counts
    overall = weighted_mean(
        [row["text_acc"], row["image_acc"], row["report_score"]],
        [counts.text_mcq, counts.image_mcq, counts.report],
    )
    assert cells["report_score"].recomputed == (half_up(points, 2),)
    assert cells["overall"].recomputed == (half_up(overall, 2),)
    if not cells["overall"].contradicts:
        assert float(overall) == pytest.approx(cells["overall"].printed, abs=0.011)


def many(part: Literal["text", "image"], n: int, p: float, seed: int) -> list[QuestionRow]:
    hits = np.random.default_rng(seed).random(n) < p
    return [question(i, part, bool(hit)) for i, hit in enumerate(hits)]


def test_same_seed_same_numbers_whatever_else_is_scored() -> None:
    rows = [*QUESTIONS, *many("text", 50, 0.6, 1)]
    alone = scores(rows, REPORTS, VOTES, seed=7)
    others = [replace(row, model="other", correct=not row.correct) for row in rows]
    together = level_aware_scores([*others, *rows], REPORTS, VOTES, layout=LAYOUT, resamples=200, seed=7)
    assert [one.model for one in together] == ["other", "m"]
    assert together[1] == alone
    assert (
        scores(rows, REPORTS, VOTES, seed=8).scores.text.of_asked.interval
        != alone.scores.text.of_asked.interval
    )


def test_draws_that_are_kept_are_those_that_are_made_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = QUESTIONS, [report("a"), report("b")], [*votes("a", *[4] * 10), *votes("b", *[3] * 10)]
    cluster_bootstrap._draws.cache_clear()
    made = scores(*asked)
    assert scores(*asked) == made
    assert cluster_bootstrap._draws.cache_info().hits
    monkeypatch.setattr(cluster_bootstrap, "_KEPT_UNITS", 0)
    cluster_bootstrap._draws.cache_clear()
    assert scores(*asked) == made
    assert not cluster_bootstrap._draws.cache_info().currsize


def test_copies_within_a_case_add_nothing() -> None:
    rows = many("text", 60, 0.7, 2)
    copied = [replace(row, item_id=f"{row.item_id}/{copy}") for row in rows for copy in range(10)]
    once, often = (scores(some, [], []).scores.text.of_asked for some in (rows, copied))
    assert once.interval == often.interval
    assert (often.n, often.n_clusters) == (600, 60)
    assert often.design_effect == pytest.approx(10, rel=0.02)


def test_the_interval_of_independent_questions_is_near_wilsons() -> None:
    """p = 0.7 or so of 400: Wilson's interval has a half width of 1.96 sqrt(p (1 - p) / 400), about 4.5 points."""
    found = scores(many("text", 400, 0.7, 3), [], [], resamples=4000).scores.text.of_asked
    assert found.interval is not None
    assert found.value is not None
    share = found.value / 100
    half = 196 * (share * (1 - share) / 400) ** 0.5
    assert (found.interval.high - found.interval.low) / 2 == pytest.approx(half, rel=0.08)


def test_the_gap_of_shared_cases_is_better_known_than_that_of_separate_ones() -> None:
    """Nine in ten cases are answered alike with and without the image; the last tenth is right with it only.

    Each case's difference is 0 or -100, so the variance of their mean is 0.1 x 0.9 / 200: half width 4.2 points.
    Separate: two proportions of about one half, 1.96 x 100 x sqrt(2 x 0.25 / 200) = 9.8 points.
    """
    easy = np.random.default_rng(4).random(200) < 0.5
    easy[:20] = False
    shared = [
        question(i, part, bool(hit) or (part == "image" and i < 20), cluster=f"case {i}")
        for part in ("text", "image")
        for i, hit in enumerate(easy)
    ]
    apart = [replace(row, cluster=row.item_id) for row in shared]
    for rows, n, half in ((shared, 200, 4.2), (apart, 400, 9.8)):
        found = scores(rows, [], [], resamples=2000).text_less_image
        assert found.value == pytest.approx(-10)
        assert found.n_clusters == n
        assert found.interval is not None
        assert (found.interval.high - found.interval.low) / 2 == pytest.approx(half, rel=0.12)


def test_intervals_hold_what_they_promise() -> None:
    """Clusters of three with a common effect: intervals at 95 % cover the truth in 91 to 99 % of 200 trials."""
    rng = np.random.default_rng(5)
    held = 0
    for trial in range(200):
        effect = rng.normal(0, 1, 40)
        rows = [
            question(3 * case + i, "text", bool(effect[case] + rng.normal(0, 1) > 0), cluster=f"case {case}")
            for case in range(40)
            for i in range(3)
        ]
        interval = scores(rows, [], [], seed=trial).scores.text.of_asked.interval
        assert interval is not None
        held += interval.low <= 50 <= interval.high
    assert 182 <= held <= 198


@pytest.mark.parametrize(("correct", "value"), [(True, 100.0), (False, 0.0)])
def test_all_right_or_all_wrong_keeps_a_bound(correct: bool, value: float) -> None:
    """10 of 10: Wilson's lower limit is n / (n + z^2) = 10 / (10 + 3.8415) = 72.25 %."""
    found = scores([question(i, "text", correct) for i in range(10)], [], []).scores
    for estimate in (found.text.of_asked, found.overall):
        assert estimate.value == value
        assert estimate.interval is not None
        bound = estimate.interval.low if correct else 100 - estimate.interval.high
        assert bound == pytest.approx(72.25, abs=0.01)


def test_a_gap_without_any_spread_keeps_bounds() -> None:
    rows = [
        *(question(i, "text", True) for i in range(10)),
        *(question(i, "image", False) for i in range(10)),
    ]
    gap = scores(rows, [], []).text_less_image
    # Both halves miss by 27.75: 100 - sqrt(2) x 27.75 = 60.75.
    assert gap.value == 100
    assert gap.interval is not None
    assert gap.interval.low == pytest.approx(60.75, abs=0.02)
    assert gap.interval.high == 100


def test_what_was_not_asked_is_undefined_with_a_reason() -> None:
    found = scores([question(0, "text", True)], [], [])
    assert (found.scores.image.of_asked.value, found.scores.image.of_asked.reason) == (
        None,
        "no image questions",
    )
    assert (found.scores.report.value, found.scores.report.reason) == (None, "no reports")
    assert found.text_less_image.reason == "no text questions or no image questions"
    assert found.divided == ()
    unread = scores([], [report("r1", status=AnswerStatus.TRUNCATED)], [])
    assert unread.scores.overall.reason == "nothing was scored"
    assert unread.scores.report.reason == "none of the reports could be scored"
    assert level_aware_scores([], [], [], layout=LAYOUT) == ()


def test_divisions() -> None:
    rows = [
        question(0, "text", True, subspecialty="Trauma", language="en"),
        question(1, "text", False, subspecialty="Trauma", language="zh"),
        question(2, "image", True, subspecialty="Trauma", modality="MRI"),
        question(3, "image", True),
    ]
    found = scores(rows, [report("r1", subspecialty="Deformity", language="zh")], votes("r1", *[4] * 10))
    table = {(one.by, one.value): one.scores for one in found.divided}
    assert list(table) == [
        ("subspecialty", "Trauma"), ("subspecialty", "Deformity"), ("subspecialty", "not stated"),
        ("modality", "not stated"), ("modality", "MRI"),
        ("language", "not stated"), ("language", "zh"), ("language", "en"),
    ]  # fmt: skip
    trauma = table["subspecialty", "Trauma"]
    assert trauma.text.of_asked.value == 50
    assert trauma.overall.value == pytest.approx(200 / 3)
    assert trauma.report.reason == "no reports"
    assert table["language", "zh"].overall.value == pytest.approx(40)  # (0 + 80) / 2
    assert table["subspecialty", "Deformity"].weights.model_dump() == {"text": 0, "image": 0, "report": 1}


WRONG: dict[str, tuple[list[ReportRow], list[ScoreRow], str]] = {
    "off the scale": ([report("r1")], [ScoreRow("r1", "ir", "judge", "j", 1, 6, "scored")],
                      r"score 6: expected one of \[1, 2, 3, 4, 5\]"),
    "unknown dimension": ([report("r1")], [ScoreRow("r1", "style", "judge", "j", 1, 3, "scored")],
                          "dimension 'style': expected one of ir, dgn"),
    "score without status": ([report("r1")], [ScoreRow("r1", "ir", "judge", "j", 1, 3, "unparsed")],
                             "score 3 with status 'unparsed'"),
    "status without score": ([report("r1")], [ScoreRow("r1", "ir", "judge", "j", 1, None, "scored")],
                             "score None with status 'scored'"),
    "unknown report": ([report("r1")], [ScoreRow("r2", "ir", "judge", "j", 1, 3, "scored")], "vote on 'r2'"),
    "a report twice": ([report("r1"), report("r1")], [], "report 'r1': expected each trace once"),
}  # fmt: skip


@pytest.mark.parametrize(("reports", "given", "message"), WRONG.values(), ids=WRONG)
def test_rows_that_cannot_be(reports: list[ReportRow], given: list[ScoreRow], message: str) -> None:
    with pytest.raises(DataError, match=message):
        level_aware_scores([], reports, given, layout=LAYOUT)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"id": "r", "dimensions": [{"id": "a", "scale": [1, 5]}]}, "expected sections"),
        (
            {
                "id": "r",
                "sections": [{"id": "s"}],
                "dimensions": [
                    {"id": "a", "scale": [1, 5], "section": "s"},
                    {"id": "b", "scale": [1, 3], "section": "s"},
                ],
            },
            "expected one scale",
        ),
    ],
)
def test_rubrics_that_give_no_layout(content: dict[str, Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        ReportLayout.of_rubric(content)
