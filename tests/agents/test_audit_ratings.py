"""The audit graph entered again with ratings: nobody is asked; what lies apart is adjudicated, once locked."""

from __future__ import annotations

from typing import Any

import pytest

from spinebench.agents.audit import audit_graph
from spinebench.audit_records import Adjudicated, RatedDimension, Rating
from spinebench.errors import UsageError
from tests.agents.audit_cases import AT, RUBRICS, SHA, quick, trace
from tests.scripted_model import ScriptedModel


def rating(rater: str, rationality: int, features: int, **more: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "rating_id": SHA,
        "audit_id": "audit-1",
        "rater": rater,
        "packet_id": f"packet-{rater}",
        "trace_id": "run-1/answer-1",
        "dimensions": (
            RatedDimension(dimension="rationality", score=rationality),
            RatedDimension(dimension="features", score=features),
        ),
        "rubric_hash": SHA,
        "source": "packet",
        "at": AT,
    }
    return Rating(**{**fields, **more}).model_dump(mode="json")


def decided(dimension: str) -> dict[str, Any]:
    return Adjudicated(
        audit_id="audit-1",
        trace_id="run-1/answer-1",
        dimension=dimension,
        score=3,
        by="consensus",
        at=AT,
    ).model_dump(mode="json")


async def entered(ratings: list[dict[str, Any]], **more: Any) -> dict[str, Any]:
    judge = ScriptedModel(name="openai/judge")
    graph = audit_graph([judge], rubrics=RUBRICS, gateway=quick())
    given: Any = {"trace": trace().model_dump(mode="json"), "ratings": ratings, **more}
    state = await graph.ainvoke(given)
    assert judge.asked == []
    assert "review" not in state
    return dict(state)


APART = [rating("r1", 2, 3), rating("r2", 4, 5)]
"""Two levels apart on 1 to 5, one level apart on 1, 3, 5."""
CLOSE = [rating("r1", 3, 3), rating("r2", 4, 5)]
UNSAFE = [*CLOSE[:1], rating("r2", 4, 5, safety=True)]
RATIONALITY = {"trace_id": "run-1/answer-1", "dimension": "rationality", "why": ["range"]}

ENTRIES: dict[str, tuple[list[dict[str, Any]], dict[str, Any], str, list[dict[str, Any]]]] = {
    "apart, not locked": (APART, {}, "waiting", []),
    "close, not locked": (CLOSE, {"locked": False}, "waiting", []),
    "apart": (APART, {"locked": True}, "adjudicate", [RATIONALITY]),
    "close": (CLOSE, {"locked": True}, "closed", []),
    "flagged": (
        UNSAFE,
        {"locked": True},
        "adjudicate",
        [
            {"trace_id": "run-1/answer-1", "dimension": name, "why": ["safety"]}
            for name in ("rationality", "features")
        ],
    ),
    "decided": (APART, {"locked": True, "adjudicated": [decided("rationality")]}, "closed", []),
    "decided in part": (
        UNSAFE,
        {"locked": True, "adjudicated": [decided("rationality")]},
        "adjudicate",
        [{"trace_id": "run-1/answer-1", "dimension": "features", "why": ["safety"]}],
    ),
}


@pytest.mark.parametrize(("ratings", "more", "outcome", "needed"), ENTRIES.values(), ids=ENTRIES)
async def test_what_becomes_of_ratings(
    ratings: list[dict[str, Any]], more: dict[str, Any], outcome: str, needed: list[dict[str, Any]]
) -> None:
    state = await entered(ratings, **more)
    assert state["outcome"] == outcome
    assert state["adjudicate"] == needed


async def test_medians_and_ranges_are_given_in_levels_of_the_scale() -> None:
    state = await entered(APART, locked=True)
    assert [(one["dimension"], one["median"], one["range"]) for one in state["resolved"]] == [
        ("rationality", 3.0, 2),
        ("features", 4.0, 1),
    ]
    assert state["resolved"][0]["scores"] == {"r1": 2, "r2": 4}


async def test_ratings_of_another_trace_are_refused() -> None:
    with pytest.raises(
        UsageError, match="ratings of trace 'run-1/other': expected ratings of 'run-1/answer-1'"
    ):
        await entered([rating("r1", 3, 3, trace_id="run-1/other")])
