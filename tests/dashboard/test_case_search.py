"""Looking for a text part by part: everything is looked at once, the most ends it, and it says how far it came."""

from __future__ import annotations

from typing import Any

import pytest

from spinebench.dashboard import case_search
from spinebench.dashboard.case_search import TextSearch
from spinebench.store import Workspace


def finished(search: TextSearch) -> TextSearch:
    for _ in range(100):
        if search.is_done:
            return search
        search.go_on(for_s=0.0)
    raise AssertionError("the search does not end")


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("_FEWEST_ROWS", "_FIRST_ROWS", "_MOST_ROWS"):
        monkeypatch.setattr(case_search, name, 7)


def holding(workspace: Workspace, text: str) -> set[str]:
    return {
        f"{one['run_id']}/{one['answer_id']}"
        for one in workspace.answers().to_pylist()
        if text.lower() in (one["text"] + (one["reasoning"] or "")).lower()
    }


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("text", ["FINAL option", "%", "nobody ever said this"])
def test_all_parts_together_find_what_one_look_finds(audited: Workspace, text: str) -> None:
    search = finished(TextSearch(audited, {"text": text}))
    assert len(search.found) == len(set(search.found))
    assert set(search.found) == holding(audited, text)
    assert (search.looked_at, search.n_answers, search.is_full) == (1.0, 90, False)


@pytest.mark.usefixtures("small_parts")
def test_other_filters_hold_in_every_part(audited: Workspace) -> None:
    asked: dict[str, Any] = {"models": ["sim/guesser"]}
    search = finished(TextSearch(audited, {"text": "option", **asked}))
    of_model = {
        f"{one['run_id']}/{one['answer_id']}" for one in audited.query("cases", size=100, **asked).to_pylist()
    }
    assert set(search.found) == holding(audited, "option") & of_model


@pytest.mark.usefixtures("small_parts")
def test_the_most_ends_it_and_it_says_so(audited: Workspace) -> None:
    search = finished(TextSearch(audited, {"text": "option"}, most=10))
    assert (len(search.found), search.is_full) == (10, True)
    assert search.looked_at < 1
    assert set(search.found) < holding(audited, "option")


def test_without_answers_it_is_done_at_once(audited: Workspace) -> None:
    search = finished(TextSearch(audited, {"text": "option", "runs": ["nowhere"]}))
    assert (search.found, search.n_answers, search.looked_at) == ([], 0, 1.0)
