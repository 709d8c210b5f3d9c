"""What holds for every page: it opens by its address, and asks nothing of other machines."""

from __future__ import annotations

import struct
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from spinebench.store import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page
    from streamlit.testing.v1 import AppTest


@pytest.mark.parametrize("name", ["", "errors", "reports", "cases", "rate", "agreement", "runs"])
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


def test_the_first_page_has_an_address_of_its_own_name_too(dashboard: str, tab: Page) -> None:
    tab.goto(f"{dashboard}/overview?persona=surgeon")
    tab.get_by_role("heading", level=1).wait_for()
    assert tab.url == f"{dashboard}/?persona=surgeon"
    assert tab.get_by_role("heading", level=1).inner_text() == "Overview"
    assert tab.get_by_text("Page not found").count() == 0


@pytest.mark.parametrize("name", ["", "errors", "agreement"])
def test_every_chart_can_be_saved_without_a_network(dashboard: str, tab: Page, name: str) -> None:
    asked: list[str] = []
    tab.on("request", lambda request: asked.append(request.url))
    tab.goto(f"{dashboard}/{name}")
    charts = tab.get_by_test_id("stFullScreenFrame").filter(has=tab.get_by_test_id("stVegaLiteChart"))
    charts.first.wait_for()
    tab.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
    )
    tab.wait_for_load_state("networkidle")
    tab.wait_for_timeout(1500)  # every chart is drawn and none moves any more
    assert charts.count() >= 1
    for chart in charts.all():
        chart.evaluate(
            "one => one.scrollIntoView({block: 'center'})"
        )  # the bar of pages lies over what is above
        chart.hover()
        tab.wait_for_timeout(600)  # the toolbar fades in
        with tab.expect_download() as download:
            chart.get_by_label("Download as PNG").click()
        saved = download.value.path().read_bytes()
        width, height = struct.unpack(">II", saved[16:24])
        assert saved.startswith(b"\x89PNG\r\n\x1a\n")
        assert min(width, height) >= 50
    assert [url for url in asked if not url.startswith((dashboard, "data:", "blob:"))] == []


@pytest.mark.parametrize(
    ("name", "state"),
    [
        ("overview", {}),
        ("errors", {}),
        ("errors", {"part": "modes"}),
        ("agreement", {}),
        ("agreement", {"agreement view": "Models"}),
    ],
)
def test_charts_name_the_class_of_each_channel(
    audited: Workspace,
    page: Callable[..., AppTest],
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    state: dict[str, str],
) -> None:
    """For a bare text or dictionary altair searches all its classes, which took a third of a page's time."""

    def searched(*_: object) -> None:
        raise AssertionError("a channel without its class")

    monkeypatch.setattr("altair.utils.schemapi._FromDict.__init__", searched)
    app = page(audited.path, name)
    for key, value in state.items():
        app.session_state[key] = value
    app.run()
    assert not app.exception
    assert app.get("vega_lite_chart")
