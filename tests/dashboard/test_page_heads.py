"""The head of a page, in the HTML that a browser loads before Streamlit has drawn anything."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Callable
from http.client import HTTPConnection, HTTPResponse
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

import pytest

from spinebench.dashboard import head_route
from spinebench.dashboard.address import Address
from spinebench.dashboard.caveats import Caveat
from spinebench.dashboard.head_route import PageHeads
from spinebench.dashboard.headlines import Headline, headline_html
from spinebench.dashboard.navigation import PAGES
from spinebench.dashboard.page_heads import PageHead, head_html, page_head
from spinebench.store import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Page, Route
    from starlette.types import Message, Receive, Scope, Send
    from streamlit.testing.v1 import AppTest

Open = Callable[..., "AppTest"]
_OF_A_FILE = {
    "Accept-Encoding": "gzip",
    "If-None-Match": "*",
    "If-Modified-Since": "Fri, 20 Nov 2099 00:00:00 GMT",
}
"""What a browser asks of a file that it holds already."""
_HTML = b'<html><body><div id="root"></div></body></html>'


@pytest.mark.parametrize(
    ("name", "filters"),
    [
        pytest.param("overview", {}, id="overview"),
        pytest.param("overview", {"run": "of another workspace"}, id="overview of no known run"),
        pytest.param("errors", {}, id="errors"),
        pytest.param("errors", {"part": "localization"}, id="errors, a part without answers"),
        pytest.param("errors", {"part": "nonsense"}, id="errors, no known part"),
        pytest.param("cases", {}, id="cases"),
        pytest.param("cases", {"outcome": "healthy_misdiagnosed", "sort": "model"}, id="cases, filtered"),
        pytest.param("cases", {"page": "2"}, id="cases, second page"),
        pytest.param("rate", {}, id="rate"),
        pytest.param("agreement", {}, id="agreement"),
        pytest.param("agreement", {"audit": "no such audit"}, id="agreement of no known audit"),
        pytest.param("runs", {}, id="runs"),
        pytest.param("reports", {}, id="reports, of which there are none"),
    ],
)
def test_a_head_says_what_its_page_says(
    audited: Workspace, page: Open, name: str, filters: dict[str, str]
) -> None:
    app = page(audited.path, name, **filters)
    assert not app.exception
    head = page_head(name, urlencode(filters))
    shown = [body for one in app.get("html") if 'class="headline"' in (body := str(one.proto.body))]
    if head is None:  # nothing was asked of which the figures would be
        assert shown == []
        return
    assert [headline_html(head.figures)] == shown[:1] if head.figures else shown == []
    assert head.figures or head.instead in app.info[0].value
    assert head.title == app.title[0].value
    caveats = [one for one in head.said if isinstance(one, Caveat)]
    assert [one.said for one in caveats] == [one.value for one in app.warning][: len(caveats)]
    said = {str(getattr(one, "value", "")) for kind in ("text", "caption") for one in app.get(kind)}
    assert {one for one in head.said if isinstance(one, str)} <= said
    assert head.has_sidebar == bool(app.sidebar.multiselect)


def test_simulated_figures_are_marked_before_the_page_is_there(audited: Workspace, page: Open) -> None:
    for name in ("overview", "errors", "cases", "agreement", "rate"):
        page(audited.path, name)
        head = page_head(name)
        assert head is not None
        assert "SIMULATION" in [one.name for one in head.said if isinstance(one, Caveat)], name


@pytest.mark.parametrize(
    ("name", "query"),
    [
        pytest.param("cases", "case=run/answer", id="a case"),
        pytest.param("cases", "text=disc", id="a search, which takes its time"),
        pytest.param("cases", "page=900", id="a page beyond the last"),
        pytest.param("cases", "page=1" + "&item=" * 1000, id="more than Streamlit reads"),
        pytest.param("overview", "run=", id="nothing chosen"),
    ],
)
def test_what_is_not_known_at_once_has_no_head(
    audited: Workspace, monkeypatch: pytest.MonkeyPatch, name: str, query: str
) -> None:
    monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(audited.path))
    if name == "overview":  # of one run alone there is nothing to choose
        monkeypatch.setattr("spinebench.dashboard.run_choice.is_choice", lambda options: True)
    assert page_head(name, query) is None


@pytest.mark.parametrize("name", [name for name, _, _ in PAGES])
def test_where_the_runs_are_gone_only_their_audit_is_told_of(
    audited: Workspace, tmp_path: Path, page: Open, name: str
) -> None:
    workspace = Workspace(tmp_path / "ws")
    shutil.copytree(audited.path, workspace.path)
    for run in workspace.runs():
        shutil.rmtree(run.path)
    app = page(workspace.path, name)
    shown = [body for one in app.get("html") if 'class="headline"' in (body := str(one.proto.body))]
    head = page_head(name)
    assert [headline_html(head.figures)] == shown if head else shown == []
    assert (head is not None) == (name in ("agreement", "rate"))


def test_a_fault_is_left_to_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(address: Address) -> None:
        raise RuntimeError("broken")

    monkeypatch.setattr("spinebench.dashboard.pages.errors.head", fail)
    assert page_head("errors") is None


def test_everything_in_a_head_is_text() -> None:
    hostile = '"></dd></div><script>alert(1)</script><img src=x onerror=alert(1)>&lt;'
    head = PageHead(hostile, (Caveat(hostile, hostile, ""), hostile), (Headline(hostile, hostile, hostile),))
    found = head_html(head)
    plain = head_html(PageHead("", (Caveat("", "", ""), ""), (Headline("", "", ""),)))
    assert "<script" not in found
    for sign in "<>":
        assert found.count(sign) == plain.count(sign)
    assert found.count('"') == plain.count('"')
    assert found.count("&lt;script&gt;alert(1)") == 7


def _asked(address: str, path: str, method: str = "GET", **headers: str) -> tuple[HTTPResponse, bytes]:
    connection = HTTPConnection(urlsplit(address).netloc, timeout=60)
    try:
        connection.request(method, path, headers={key.replace("_", "-"): one for key, one in headers.items()})
        answer = connection.getresponse()
        return answer, answer.read()
    finally:
        connection.close()


@pytest.mark.parametrize(
    "path", ["/", "/errors", "/reports", "/cases", "/rate", "/agreement", "/runs", "/?run=x"]
)
def test_the_html_of_a_page_has_its_head_and_is_not_kept(dashboard: str, path: str) -> None:
    for _ in range(60):  # what takes longer than a moment to look up is known the next time
        answer, body = _asked(dashboard, path, **_OF_A_FILE)
        assert answer.status == 200
        if b'id="page-head"' in body:
            break
        time.sleep(0.5)
    assert body.count(b'id="page-head"') == 1
    assert body.index(b'<div id="root"></div>') < body.index(b'id="page-head"') < body.index(b"</body>")
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.headers["ETag"] is None
    assert int(answer.headers["Content-Length"]) == len(body)


@pytest.mark.parametrize(
    "path", ["/_stcore/health", "/cases?text=disc", "/errors/of/nothing", "/favicon.png"]
)
def test_all_else_goes_through_as_it_is(dashboard: str, path: str) -> None:
    answer, body = _asked(dashboard, path)
    assert answer.status == 200
    assert b"page-head" not in body


def test_the_headers_alone_are_streamlits_own(dashboard: str) -> None:
    answer, body = _asked(dashboard, "/errors", "HEAD")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] != "no-store"
    assert body == b""


async def _through(query: bytes = b"", path: str = "/errors") -> list[Message]:
    """What the middleware sends of a page."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"text/html; charset=utf-8"), (b"etag", b'"1"')]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": _HTML[:20], "more_body": True})
        await send({"type": "http.response.body", "body": _HTML[20:]})

    async def receive() -> Message:
        raise AssertionError("nothing is read")

    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {"type": "http", "method": "GET", "path": path, "query_string": query, "headers": []}
    await PageHeads(app)(scope, receive, send)
    return sent


def _body(sent: list[Message]) -> bytes:
    return b"".join(one.get("body", b"") for one in sent)


async def test_a_head_that_takes_long_does_not_hold_the_page_up(monkeypatch: pytest.MonkeyPatch) -> None:
    found = Event()

    def slow(address: Address) -> PageHead:
        found.wait(60)
        return PageHead("Errors", (), (Headline("Answers", "1"),))

    monkeypatch.setattr("spinebench.dashboard.pages.errors.head", slow)
    monkeypatch.setattr(head_route, "_PATIENCE_S", 0.05)
    body = _body(await _through())
    assert b'id="page-head"' not in body
    assert b'<script data-page="errors">' in body  # it asks for the head
    found.set()
    monkeypatch.setattr(head_route, "_PATIENCE_S", 60)
    assert b'id="page-head"' in _body(await _through())


async def test_a_page_without_a_head_is_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("spinebench.dashboard.pages.errors.head", lambda address: None)
    for sent in (await _through(), await _through(path="/errors/x")):
        assert _body(sent) == _HTML
        assert (b"etag", b'"1"') in sent[0]["headers"]


def test_heads_are_to_be_had_alone(dashboard: str) -> None:
    answer, body = _asked(dashboard, "/page-head/errors?part=nonsense")
    assert answer.status == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert body.startswith(b"<style>")
    assert b'<dl class="headline">' in body
    for path in ("/page-head/cases?case=a/b", "/page-head/nothing", "/page-head/cases?text=disc"):
        assert _asked(dashboard, path)[0].status == 204


def test_pages_of_other_sites_cause_no_work(dashboard: str) -> None:
    _, body = _asked(dashboard, "/cases?item=x", Sec_Fetch_Dest="image", Sec_Fetch_Site="cross-site")
    assert b"page-head" not in body
    assert _asked(dashboard, "/page-head/errors", Sec_Fetch_Site="cross-site")[0].status == 204
    assert _asked(dashboard, "/page-head/errors", Sec_Fetch_Site="same-origin")[0].status == 200


async def test_a_head_that_hangs_holds_up_no_other_and_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    let_go = Event()

    def hang(address: Address) -> None:
        let_go.wait(60)

    monkeypatch.setattr("spinebench.dashboard.pages.errors.head", hang)
    monkeypatch.setattr(head_route, "_PATIENCE_S", 0.05)
    try:
        for _ in range(head_route._AT_ONCE):
            await _through()
        hanging = [one for one in threading.enumerate() if one.name == "page-head"]
        assert len(hanging) == head_route._AT_ONCE
        assert all(one.daemon for one in hanging)
        monkeypatch.setattr(head_route, "_PATIENCE_S", 60)
        begun = time.monotonic()
        assert _body(await _through()) == _HTML
        assert time.monotonic() - begun < 30
    finally:
        let_go.set()
        for one in hanging:
            one.join()
    monkeypatch.undo()
    monkeypatch.setattr(head_route, "_PATIENCE_S", 60)
    monkeypatch.setattr(
        "spinebench.dashboard.pages.errors.head", lambda address: PageHead("", (), (Headline("", ""),))
    )
    assert b'id="page-head"' in _body(await _through())


async def test_the_address_is_read_as_the_page_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Address] = []
    monkeypatch.setattr("spinebench.dashboard.pages.errors.head", seen.append)
    await _through("run=a,b&run=c%2Cd&run=&part=1&part=é+x".encode())
    assert seen[0].parts("run") == ["a", "b", "c", "d"]
    assert seen[0].all("run") == ["a,b", "c,d", ""]
    assert seen[0].last("part") == "é x"
    assert seen[0].last("model") is None
    assert "model" not in seen[0]


def _script() -> str:
    text = Path(head_route.__file__).with_name("page_head.js").read_text("utf-8")
    return f'<script data-page="errors">{text}</script>'


def _hold_scripts(tab: Page) -> Callable[[], None]:
    """Streamlit's scripts do not arrive before what is returned is called."""
    held: list[Route] = []
    is_over = False

    def hold(route: Route) -> None:
        if is_over:
            route.continue_()
        else:
            held.append(route)

    def release() -> None:
        nonlocal is_over
        is_over = True
        for route in held:
            route.continue_()

    tab.route("**/static/js/**", hold)
    return release


@pytest.mark.parametrize("name", ["", "errors", "cases", "rate", "agreement", "runs"])
def test_the_head_is_there_first_and_goes_when_the_page_is(dashboard: str, tab: Page, name: str) -> None:
    release = _hold_scripts(tab)
    tab.goto(f"{dashboard}/{name}", wait_until="commit")
    tab.locator("#page-head dl.headline").wait_for()
    assert tab.locator("#root *").count() == 0
    first = tab.locator("#page-head dl.headline").inner_text()
    release()
    tab.locator("#root dl.headline").first.wait_for()
    tab.locator("#page-head").wait_for(state="detached")
    assert tab.locator("#root dl.headline").first.inner_text() == first


def test_a_head_that_comes_later_is_shown_and_goes_too(dashboard: str, tab: Page) -> None:
    html = f'<!DOCTYPE html><body><div id="root"></div>{_script()}</body>'
    tab.route(f"{dashboard}/errors?part=x", lambda route: route.fulfill(body=html, content_type="text/html"))
    tab.goto(f"{dashboard}/errors?part=x")
    tab.locator("#page-head dl.headline").wait_for()
    tab.evaluate("document.querySelector('#root').innerHTML = '<p class=\"headline\"></p>'")
    tab.locator("#page-head").wait_for(state="detached")


def test_a_head_that_comes_too_late_is_not_shown(dashboard: str, tab: Page) -> None:
    html = f'<!DOCTYPE html><body><div id="root"></div>{_script()}</body>'
    held: list[Route] = []
    tab.route(f"{dashboard}/errors", lambda route: route.fulfill(body=html, content_type="text/html"))
    tab.route("**/page-head/errors", lambda route: held.append(route))
    tab.goto(f"{dashboard}/errors")
    tab.evaluate("document.querySelector('#root').innerHTML = '<p class=\"headline\"></p>'")
    with tab.expect_event("requestfailed"):  # nobody waits for it any more
        held[0].continue_()
    assert tab.locator("#page-head").count() == 0


def test_the_head_goes_when_the_page_has_ended_without_figures(tab: Page) -> None:
    head = head_html(PageHead("Errors", (), (Headline("Answers", "1"),)))
    head += _script()
    tab.route(
        "http://localhost/errors",
        lambda route: route.fulfill(
            body=f'<!DOCTYPE html><body><div id="root"><p></p></div>{head}</body>', content_type="text/html"
        ),
    )
    tab.goto("http://localhost/errors")
    state = "state => document.querySelector('#root p').setAttribute('data-test-script-state', state)"
    tab.evaluate(state, "notRunning")  # before the first script
    tab.evaluate(state, "running")
    tab.wait_for_timeout(100)
    assert tab.locator("#page-head").is_visible()
    tab.evaluate(state, "notRunning")
    tab.locator("#page-head").wait_for(state="detached")
