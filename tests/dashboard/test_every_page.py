"""What holds for every page: it opens by its address, and asks nothing of other machines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Page


@pytest.mark.parametrize("name", ["", "errors", "cases", "rate", "agreement", "runs"])
def test_a_page_opens_and_asks_nothing_of_other_machines(dashboard: str, tab: Page, name: str) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{dashboard}/{name}")
    tab.get_by_role("heading", level=1).wait_for()
    tab.wait_for_load_state("networkidle")
    assert tab.get_by_role("heading", level=1).inner_text() == (name or "overview").capitalize()
    assert len(asked) > 5, "requests are seen"
    assert [url for url in asked if not url.startswith((dashboard, "data:", "blob:"))] == []
    assert tab.get_by_text("Deploy", exact=True).count() == 0
