"""The single scores behind a comparison: which traces are in it, and with which values."""

from __future__ import annotations

import pytest

from spinebench.errors import UsageError
from spinebench.evaluators.agreement.scored_pairs import scored_pairs
from spinebench.evaluators.agreement.trace_table import PANEL
from spinebench.evaluators.audit_rows import AuditRows, ScoreRow, Source, TraceRow


def trace(name: str, *, split: str = "validation") -> TraceRow:
    return TraceRow(
        name, "run", f"m-{name}", "diagnosis", name, name, True, "correct", "s", 1.0, 1.0, True, split
    )


def score(name: str, source: Source, rater: str, value: int | None, repeat: int = 1) -> ScoreRow:
    return ScoreRow(name, "d", source, rater, repeat, value, "unparsed" if value is None else "scored")


ROWS = AuditRows(
    traces=(trace("a"), trace("b"), trace("c"), trace("t", split="tuning")),
    strata=(),
    scores=(
        score("a", "judge", "j1", 4), score("a", "judge", "j2", 2), score("a", "judge", "j1", 1, 2),
        score("a", "clinician", "x", 5), score("a", "clinician", "y", 2),
        score("b", "judge", "j1", None), score("b", "judge", "j2", 3), score("b", "clinician", "x", 3),
        score("c", "judge", "j1", 5),
        score("t", "judge", "j1", 1), score("t", "clinician", "x", 1),
    ),
    marks=(),
    scales={"d": (1, 2, 3, 4, 5)},
    adjudicated={},
)  # fmt: skip


@pytest.mark.parametrize(
    ("judge", "expected"),
    [
        # b has no score of j1, c none of a clinician, t is a tuning trace; the second showing of a does not count.
        pytest.param("j1", [("a", 4, 3.5, 2, 2)], id="one judge: mean of 5 and 2, the lower as median"),
        pytest.param("j2", [("a", 2, 3.5, 2, 2), ("b", 3, 3, 3, 1)], id="another"),
        pytest.param(PANEL, [("a", 2, 3.5, 2, 2), ("b", 3, 3, 3, 1)], id="panel: the lower of 4 and 2"),
    ],
)
def test_pairs(judge: str, expected: list[tuple[str, float, float, float, int]]) -> None:
    found = scored_pairs(ROWS, task="diagnosis", dimension="d", judge=judge)
    assert [
        (one.trace_id, one.judge, one.clinicians_mean, one.clinicians_median, one.n_clinicians)
        for one in found
    ] == expected
    assert [one.model for one in found] == [f"m-{name}" for name, *_ in expected]


def test_a_task_without_scores_has_no_pairs() -> None:
    assert scored_pairs(ROWS, task="localization", dimension="d", judge="j1") == ()


def test_an_unknown_judge_is_refused() -> None:
    with pytest.raises(UsageError, match="judge 'j3'"):
        scored_pairs(ROWS, task="diagnosis", dimension="d", judge="j3")
