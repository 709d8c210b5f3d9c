"""Rating on the web: a real browser, a real server, and what stands in the journals afterwards."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from starlette.testclient import TestClient

from spinebench.audit_records import RaterCard
from spinebench.dashboard.rater_server import create_rater_app
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.locking import lock_ratings
from spinebench.rubrics.load import load_rubric
from spinebench.rubrics.rubric import Rubric
from spinebench.store import AuditFolder, Workspace
from spinebench.store.rater_tokens import current_tokens, issue_token, revoke_token, token_hash
from tests.exams import Said
from tests.rated_audits import MODELS, PERSONA, RUN, make_audit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Dialog, Page, Route

    from spinebench.dashboard.oidc_settings import OidcSettings

AT = datetime(2026, 3, 4, tzinfo=UTC)
HOSTILE = (
    "</script><script>window.taken=1</script><img src='http://evil.example/x.png' onerror='window.taken=1'> "
    "![x](http://evil.example/y.png) [a](javascript:window.taken=1) \x1b[31m \u202egnp\u202c"
)


def study(folder: Path, **options: Any) -> tuple[Workspace, AuditFolder]:
    """Ten traces, each assigned to raters a and b."""
    workspace, audit = make_audit(folder, **{"n_items": 10, "models": ("sim/x",), **options})
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    audit.write_assignments(
        assign([Rateable.of(one) for one in audit.traces()], ["a", "b"], audit_id=audit.audit_id, seed=3, at=AT,
               duplicates=0)
    )  # fmt: skip
    return workspace, audit


def signed_in(workspace: Workspace, rater: str = "a") -> TestClient:
    client = TestClient(create_rater_app(workspace))
    reply = client.post(
        "/sign-in", data={"token": issue_token(workspace, rater, at=AT)}, follow_redirects=False
    )
    assert reply.status_code == 303
    return client


def page_of(client: TestClient) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="packet">(.*?)</script>', client.get("/").text, re.DOTALL
    )
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def rated(content: dict[str, Any], place: int = 0, *, score: int = 3, **changes: Any) -> dict[str, Any]:
    case = content["cases"][place]
    return {
        "packet_id": case["packet_id"], "shown_sha256": case["shown_sha256"], "failure_modes": [], "safety": False,
        "dimensions": dict.fromkeys(case["dimensions"], score), "comment": "", "opened_at": "2026-03-04T05:00:00Z",
        "saved_at": "2026-03-04T05:01:00Z", "active_s": 41.5, "follows": None, **changes,
    }  # fmt: skip


# ---------------------------------------------------------------- tokens and addresses


def test_a_token_is_shown_once_and_stored_as_a_hash(
    tmp_path: Path, cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace, _ = study(tmp_path)
    said = cli("rate", "token", "a", "--workspace", workspace.path)
    token = said.out.strip()
    assert said.code == 0
    assert current_tokens(workspace) == {"a": token_hash(token)}
    assert not [
        path for path in workspace.path.rglob("*") if path.is_file() and token.encode() in path.read_bytes()
    ]
    nobody = cli("rate", "token", "z", "--workspace", workspace.path)
    assert nobody.code == 2
    assert "spinebench rate raters add z" in nobody.err


def test_a_wrong_a_replaced_and_a_revoked_token_open_nothing(tmp_path: Path) -> None:
    workspace, _ = study(tmp_path)
    client = TestClient(create_rater_app(workspace))
    for wrong in ("", "x" * 32, token_hash("x")):
        reply = client.post("/sign-in", data={"token": wrong}, follow_redirects=False)
        assert (reply.status_code, reply.headers.get("set-cookie")) == (403, None)
    client = signed_in(workspace)
    address = client.get("/", follow_redirects=False).headers["location"]
    assert client.get(address, follow_redirects=False).status_code == 200
    issue_token(workspace, "a", at=AT)  # ends the session that the earlier one opened
    assert client.get(address, follow_redirects=False).headers["location"] == "/"
    client = signed_in(workspace)
    assert revoke_token(workspace, "a", at=AT)
    assert not revoke_token(workspace, "a", at=AT)
    assert client.post(f"{address}/ratings", json={}).status_code == 401
    client = signed_in(workspace)
    client.post("/sign-out")
    assert client.get(address, follow_redirects=False).status_code == 303


def test_a_rater_reaches_their_own_packet_and_no_other_page(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path)
    own, other = signed_in(workspace, "a"), signed_in(workspace, "b")
    theirs = other.get("/", follow_redirects=False).headers["location"]
    content = page_of(other)
    for path in (theirs, f"{theirs}/images/{next(iter(content['images']))}", "/overview", "/cases", "/agreement",
                 "/errors", "/runs", "/_stcore/health", f"/rate/{audit.audit_id}", "/../x"):  # fmt: skip
        assert own.get(path).status_code == 404, path
    assert own.post(f"{theirs}/ratings", json=rated(content)).status_code == 403
    assert own.post(f"/rate/{'0' * 24}/ratings", json=rated(content)).status_code == 403
    # Through the own address a packet of somebody else is refused too.
    mine = own.get("/", follow_redirects=False).headers["location"]
    assert own.post(f"{mine}/ratings", json=rated(content)).status_code == 422
    assert audit.ratings() == []


def test_another_site_can_hand_in_nothing(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path)
    client = signed_in(workspace)
    sent, mine = rated(page_of(client)), client.get("/", follow_redirects=False).headers["location"]
    for headers in (
        {"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"origin": "null"}, {"origin": "http://["}
    ):  # fmt: skip
        assert client.post(f"{mine}/ratings", json=sent, headers=headers).status_code == 403
    assert audit.ratings() == []


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        pytest.param(
            {"active_s": 10**400}, "active_s: expected seconds", id="a whole number that no float holds"
        ),
        pytest.param({"active_s": -1}, "active_s: expected seconds", id="less than no time"),
        pytest.param({"dimensions": {"\ud800": 3}}, "?: expected a dimension", id="half a character"),
    ],
)
def test_what_no_page_sends_is_refused_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], reason: str
) -> None:
    workspace, audit = study(tmp_path)
    client = signed_in(workspace)
    sent, mine = rated(page_of(client)), client.get("/", follow_redirects=False).headers["location"]
    reply = client.post(f"{mine}/ratings", content=json.dumps({**sent, **changes}))
    assert reply.status_code == 422
    assert reason in reply.json()["reason"]
    assert audit.ratings() == []


def test_nothing_that_is_to_stay_hidden_is_sent(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path, n_items=4, models=MODELS)
    client = signed_in(workspace)
    content = page_of(client)
    text = client.get("/").text.casefold()
    secrets = {
        *MODELS,
        "gpt-4o",
        "claude",
        PERSONA,
        RUN,
        "secret",
        audit.audit_id,
        "study-",
        '"correct"',
        "duplicate",
    }
    for trace in audit.traces():
        secrets |= {
            trace.trace_id,
            trace.item.id,
            trace.item.cluster,
            *(one.sha256 for one in trace.answer.images),
        }
    assert [one for one in secrets if one.casefold() in text] == []
    for key, image in content["images"].items():
        assert image["src"].endswith(key)
        reply = client.get(image["src"])
        assert reply.headers["content-type"] == "image/png"
        assert b"secret" not in reply.content
    assert client.get(image["src"].replace(key, "../../../x")).status_code == 404


# ---------------------------------------------------------------- handing in


def test_the_same_rating_again_adds_nothing_and_a_changed_one_supersedes(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path)
    client = signed_in(workspace)
    content = page_of(client)
    submit = content["server"]["submit"]
    first = client.post(submit, json=rated(content)).json()["rating_id"]
    for again in (rated(content), rated(content, active_s=99), rated(content, follows="somewhere else")):
        assert client.post(submit, json=again).json() == {"rating_id": first}
    (stands,) = audit.ratings()
    assert (stands.source, stands.active_s, stands.rating_id) == ("page", 41.5, first)
    assert page_of(client)["server"]["standing"][stands.packet_id]["rating_id"] == first

    later = rated(content, score=5, saved_at="2026-03-04T05:02:00Z")
    conflict = client.post(submit, json=later)  # as another tab that does not know of the first
    assert (conflict.status_code, conflict.json()["stands"]) == (409, first)
    second = client.post(submit, json=later | {"follows": first}).json()["rating_id"]
    # The first one once more, from a tab that never heard it was taken: it does not come back.
    assert client.post(submit, json=rated(content)).json() == {"rating_id": first}
    assert [one.rating_id for one in audit.ratings()] == [second]
    assert len(audit.ratings(superseded=True)) == 2


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"dimensions": {}}, "not finished"),
        ({"dimensions": {"clinical_rationality": 6, "visual_features": 1}}, "expected one of 1, 2, 3, 4, 5"),
        ({"shown_sha256": "ab" * 32}, "packet was made from something else"),
        ({"failure_modes": ["invented"]}, "expected failure modes"),
        ({"packet_id": "nobody's"}, "expected a packet"),
        ({"active_s": -1}, "expected seconds"),
        ({"dimensions": [1]}, "expected an object"),
    ],
    ids=["unfinished", "off the scale", "shown", "mode", "packet", "seconds", "shape"],
)
def test_what_is_not_a_rating_is_refused_with_its_reason(
    tmp_path: Path, changes: dict[str, Any], why: str
) -> None:
    workspace, audit = study(tmp_path, n_items=2, images=False)
    client = signed_in(workspace)
    content = page_of(client)
    reply = client.post(content["server"]["submit"], json=rated(content, **changes))
    assert (reply.status_code, why in reply.json()["reason"]) == (422, True), reply.json()
    for body in (b"", b"{", b"[" * 100_000, b'"x"', b"1" * (1 << 21)):
        assert client.post(content["server"]["submit"], content=body).status_code in {400, 422}
    assert audit.ratings() == []


def test_twenty_at_once_are_one(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path, n_items=2, images=False)
    client = signed_in(workspace)
    content = page_of(client)
    replies: list[str] = []

    def send() -> None:
        replies.append(client.post(content["server"]["submit"], json=rated(content)).json()["rating_id"])

    threads = [threading.Thread(target=send) for _ in range(20)]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert (len(replies), len(set(replies)), len(audit.ratings(superseded=True))) == (20, 1, 1)


def test_behind_the_lock_nothing_is_taken(tmp_path: Path) -> None:
    workspace, audit = study(tmp_path, n_items=2, images=False)
    client = signed_in(workspace)
    content = page_of(client)
    client.post(content["server"]["submit"], json=rated(content))
    audit.lock_ratings(at=AT)
    reply = client.post(content["server"]["submit"], json=rated(content, 1))
    assert (reply.status_code, reply.json()["reason"]) == (404, "the ratings of this study are final by now.")
    assert "nothing for you to do" in client.get("/").text
    assert len(audit.ratings()) == 1


# ---------------------------------------------------------------- in a browser


class Server:
    """The raters' server on a port of its own."""

    def __init__(
        self, workspace: Workspace, port: int = 0, *, oidc: Callable[[str], OidcSettings] | None = None
    ) -> None:
        """`oidc`: the settings of a provider, given the address of this server."""
        import uvicorn

        self._listening = socket.create_server(("127.0.0.1", port))
        self.port = self._listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        app = create_rater_app(workspace, oidc=None if oidc is None else oidc(self.address))
        config = uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1)
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()


@pytest.fixture
def site(tmp_path: Path) -> Iterator[tuple[Workspace, AuditFolder, Server]]:
    workspace, audit = study(
        tmp_path, size=(300, 400), texts=lambda model, number: f"case {number} {HOSTILE}"
    )
    server = Server(workspace)
    yield workspace, audit, server
    server.stop()


@pytest.fixture
def page(chromium: Browser, site: tuple[Workspace, AuditFolder, Server]) -> Iterator[Page]:
    """Rater a, signed in by the form."""
    workspace, _, server = site
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    foreign: list[str] = []
    context.on(
        "request", lambda asked: None if asked.url.startswith(server.address) else foreign.append(asked.url)
    )
    opened = context.new_page()
    faults: list[str] = []
    opened.on("pageerror", lambda error: faults.append(str(error)))
    opened.goto(server.address)
    opened.fill("#token", issue_token(workspace, "a", at=AT))
    opened.keyboard.press("Enter")
    opened.wait_for_selector(".dimension")
    image_seen(opened)
    yield opened
    assert (foreign, faults) == ([], [])
    context.close()


def rate_here(page: Page, score: str = "4") -> None:
    for _ in range(page.locator(".dimension").count()):
        page.keyboard.press(score if page.locator(".current .scale button").count() != 4 else "3")


def image_seen(page: Page) -> None:
    page.wait_for_function(
        "() => (({ hidden, complete, naturalWidth }) => !hidden && complete && naturalWidth > 0)"
        "(document.querySelector('#image'))"
    )


def submitted(page: Page, n: int) -> None:
    page.wait_for_function(
        f"() => document.querySelector('#progress').textContent.startsWith('{n} of 10 submitted')"
    )


def test_ten_traces_by_keyboard_with_reload_and_double_click(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    _, audit, _ = site
    for number in range(10):
        assert page.inner_text("#state") == "not begun"
        if number == 3:
            page.keyboard.press("4")
            page.reload()  # in the middle of a trace: the draft is there
            page.wait_for_selector(".dimension")
            assert page.inner_text("#state") == "draft"
            assert page.locator(".scale button[aria-checked=true]").inner_text() == "4"
            page.keyboard.press("Enter")
            assert "in every dimension" in page.inner_text("#notice")
        rate_here(page)
        if number == 5:
            page.dblclick("#submit")
        else:
            page.keyboard.press("Enter")
            page.keyboard.press("Enter")  # on a trace that is not begun it hands in nothing
        submitted(page, number + 1)
    ratings = audit.ratings(superseded=True)
    assert sorted(one.packet_id for one in ratings) == sorted(
        one.packet_id for one in audit.assignments()["a"].traces
    )
    assert {one.source for one in ratings} == {"page"}
    assert all(one.opened_at and one.saved_at and one.opened_at <= one.saved_at for one in ratings)
    page.reload()
    submitted(page, 10)


@pytest.mark.parametrize(
    ("typed", "modifier", "checked"),
    [
        pytest.param("٤", {}, ["4"], id="Arabic digits"),
        pytest.param("४", {}, ["4"], id="Devanagari digits"),
        pytest.param("'", {}, ["4"], id="French, without Shift"),
        pytest.param("$", {"shiftKey": True}, [], id="no digit, with Shift"),
        pytest.param("{", {"modifierAltGraph": True}, [], id="no digit, with AltGr"),
        pytest.param("ArrowLeft", {}, [], id="an arrow of the number pad"),
    ],
)
def test_the_row_of_digits_scores_on_any_keyboard(
    page: Page, typed: str, modifier: dict[str, bool], checked: list[str]
) -> None:
    code = "Numpad4" if typed == "ArrowLeft" else "Digit4"
    page.evaluate(
        "([key, code, more]) => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key, code, bubbles: true, cancelable: true, ...more}))",
        [typed, code, modifier],
    )
    assert page.locator(".scale button[aria-checked=true]").all_inner_texts() == checked


def test_two_tabs_show_one_work(page: Page, site: tuple[Workspace, AuditFolder, Server]) -> None:
    _, audit, _ = site
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".dimension")
    rate_here(page)
    other.wait_for_function("() => document.querySelectorAll('.scale button[aria-checked=true]').length >= 2")
    page.evaluate("document.querySelector('#submit').click()")
    other.evaluate("document.querySelector('#submit').click()")
    submitted(page, 1)
    submitted(other, 1)
    assert len(audit.ratings(superseded=True)) == 1


def test_a_tab_that_writes_down_what_was_before_the_answer_comes_right_again(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    _, audit, _ = site
    other = page.context.new_page()
    other.goto(page.url)
    other.wait_for_selector(".dimension")
    page.evaluate("() => { window.written = []; const put = Storage.prototype.setItem;"
        " Storage.prototype.setItem = function (key, text) {"
        " if (text.includes('\"sending\":[{')) window.written.push([key, text]);"
        " put.call(this, key, text); }; }")  # fmt: skip
    rate_here(page)
    page.keyboard.press("Enter")
    submitted(page, 1)
    submitted(other, 1)
    key, text = page.evaluate("() => window.written[0]")
    for tab in (page, other):  # each as if the other had written it late
        tab.evaluate("([key, text]) => localStorage.setItem(key, text)", [key, text])
        submitted(other if tab is page else page, 0)
        submitted(page, 1)
        submitted(other, 1)
    assert len(audit.ratings(superseded=True)) == 1


def test_without_a_connection_nothing_is_lost(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    workspace, audit, server = site
    server.stop()
    rate_here(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#connection:not([hidden])")
    assert "1 submitted rating kept in this browser" in page.inner_text("#connection")
    assert audit.ratings() == []
    again = Server(workspace, server.port)
    try:
        page.wait_for_selector("#sign-in:not([hidden])")  # the session went with the server
        page.goto(server.address)
        page.fill("#token", issue_token(workspace, "a", at=AT))
        page.keyboard.press("Enter")
        page.wait_for_selector(".dimension")
        submitted(page, 1)
        assert len(audit.ratings(superseded=True)) == 1
    finally:
        page.goto("about:blank")
        again.stop()


def test_what_waits_behind_a_conflict_replaces_nothing_by_itself(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    workspace, audit, _ = site
    page.route("**/ratings", lambda route: route.abort())
    packet = page.evaluate(
        "() => JSON.parse(document.querySelector('#packet').textContent).cases[0].packet_id"
    )
    for score in "24":  # twice, without a connection: two versions wait
        rate_here(page, score)
        page.keyboard.press("Enter")
        page.keyboard.press("p")
    page.wait_for_function(
        "() => document.querySelector('#connection').textContent.includes('2 submitted ratings')"
    )
    image_seen(page)  # signing in elsewhere ends the session here
    elsewhere = signed_in(workspace)
    content = page_of(elsewhere)
    assert elsewhere.post(content["server"]["submit"], json=rated(content, score=5)).status_code == 200
    page.unroute("**/ratings")
    sign_in_again(page, workspace)
    page.wait_for_function("() => document.querySelector('#notice').textContent.includes('was not taken')")
    page.wait_for_timeout(500)
    (stands,) = audit.ratings()
    assert (stands.packet_id, {one.score for one in stands.dimensions}) == (packet, {5})
    assert page.inner_text("#state") == "draft"
    page.keyboard.press("Enter")
    submitted(page, 1)
    assert {one.score for one in audit.ratings()[0].dimensions} == {2, 4}  # the later of the two


def test_a_picture_that_failed_comes_by_itself_after_signing_in_again(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    workspace, _, _ = site
    issue_token(workspace, "a", at=AT)  # ends the session
    page.keyboard.press("n")
    page.wait_for_selector("#image", state="hidden")
    rate_here(page)
    page.keyboard.press("Enter")
    assert "cannot be rated here" in page.inner_text("#notice")
    page.wait_for_selector("#sign-in:not([hidden])")
    assert page.inner_text("#connection") == "You are signed out: sign in again in this browser to go on."
    sign_in_again(page, workspace)
    page.keyboard.press("n")  # the next trace's picture tells that, before the failed one is tried again
    image_seen(page)
    page.wait_for_selector("#connection", state="hidden")
    page.keyboard.press("p")
    image_seen(page)
    page.keyboard.press("Enter")
    submitted(page, 1)


def test_what_is_submitted_after_another_tab_told_of_a_conflict_is_not_taken_back(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    """The answer to what this tab had sent before comes last."""
    workspace, audit, _ = site
    under_way: list[Route] = []
    page.route("**/ratings", lambda route: route.continue_() if under_way else under_way.append(route))
    rate_here(page, "2")
    page.keyboard.press("Enter")
    page.keyboard.press("p")
    image_seen(page)
    elsewhere = signed_in(workspace)
    content = page_of(elsewhere)
    assert elsewhere.post(content["server"]["submit"], json=rated(content, score=5)).status_code == 200
    sign_in_again(page, workspace)
    page.wait_for_function("() => document.querySelector('#notice').textContent.includes('was not taken')")
    page.keyboard.press("Enter")
    under_way[0].continue_()
    submitted(page, 1)
    assert {one.score for one in audit.ratings()[0].dimensions} == {2}


def sign_in_again(page: Page, workspace: Workspace, rater: str = "a") -> None:
    """In another tab, as the page asks for it; the one that rates is left open."""
    other = page.context.new_page()
    other.goto(page.url.split("/rate/")[0])
    if other.locator("#token").count():
        other.fill("#token", issue_token(workspace, rater, at=AT))
        other.keyboard.press("Enter")
        other.wait_for_selector(".dimension")
    other.close()


def test_another_rater_in_the_same_browser_takes_nothing_over(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    workspace, audit, _ = site
    page.context.clear_cookies()
    sign_in_again(page, workspace, "b")
    rate_here(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('#connection').textContent.includes('Somebody else')"
    )
    assert audit.ratings() == []
    page.context.clear_cookies()
    sign_in_again(page, workspace, "a")
    submitted(page, 1)
    assert [one.rater for one in audit.ratings(superseded=True)] == ["a"]
    page.wait_for_selector("#connection", state="hidden")


@pytest.mark.parametrize(
    "reply",
    [
        {"status": 200, "body": "<html>sign in to this network</html>", "content_type": "text/html"},
        {"status": 200, "body": "{}", "content_type": "application/json"},
        {"status": 429, "body": '{"reason": "slow down"}', "content_type": "application/json"},
        {"status": 404, "body": "not found", "content_type": "text/plain"},
    ],
    ids=["a page of the network", "no answer", "too many", "a proxy's 404"],
)
def test_an_answer_that_is_not_the_servers_decides_nothing(
    page: Page, site: tuple[Workspace, AuditFolder, Server], reply: dict[str, Any]
) -> None:
    _, audit, _ = site
    page.route("**/ratings", lambda route: route.fulfill(**reply))
    rate_here(page)
    page.keyboard.press("Enter")
    page.wait_for_function(
        "() => document.querySelector('#connection').textContent.includes('No connection')"
    )
    assert audit.ratings() == []
    page.unroute("**/ratings")
    submitted(page, 1)
    assert len(audit.ratings(superseded=True)) == 1


def test_signing_out_says_what_has_not_been_sent_and_whether_it_was_done(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    asked: list[str] = []

    def answer(dialog: Dialog, *, yes: bool) -> None:
        asked.append(dialog.message)
        dialog.accept() if yes else dialog.dismiss()

    page.route("**/ratings", lambda route: route.abort())
    rate_here(page)
    page.keyboard.press("Enter")
    page.wait_for_selector("#connection:not([hidden])")
    page.once("dialog", lambda dialog: answer(dialog, yes=False))
    page.click("#sign-out")
    page.wait_for_function("() => true")
    assert page.locator(".dimension").count() > 0
    page.route("**/sign-out", lambda route: route.abort())
    page.once("dialog", lambda dialog: answer(dialog, yes=True))
    page.click("#sign-out")
    page.wait_for_function("() => document.querySelector('#notice').textContent.includes('still signed in')")
    assert len(asked) == 2
    assert "1 submitted rating has not been sent yet" in asked[0]
    page.unroute("**/sign-out")
    page.unroute("**/ratings")
    submitted(page, 1)
    page.click("#sign-out")
    page.wait_for_selector("#token")
    assert len(asked) == 2


def test_a_clock_that_is_set_back_loses_no_change(
    page: Page, site: tuple[Workspace, AuditFolder, Server]
) -> None:
    _, audit, _ = site
    rate_here(page)
    page.keyboard.press("Enter")
    submitted(page, 1)
    page.evaluate("() => { const now = Date.now() - 86400000; Date.now = () => now; }")
    page.keyboard.press("p")
    rate_here(page, "2")
    assert page.inner_text("#state") == "draft"
    page.keyboard.press("Enter")
    submitted(page, 1)
    first, second = audit.ratings(superseded=True)
    assert first.saved_at is not None
    assert second.saved_at is not None
    assert second.saved_at > first.saved_at


def test_all_is_on_one_screen_and_text_stays_text(page: Page) -> None:
    page.wait_for_function("() => document.querySelector('#image').naturalWidth === 300")
    assert page.evaluate("[document.documentElement.scrollHeight, document.documentElement.scrollWidth]") == [
        900,
        1440,
    ]
    for part in ("#image", "#question", "#answer", ".current .anchors", "#submit", "#next"):
        box: Any = page.locator(part).bounding_box()
        assert box["y"] >= 0, part
        assert box["y"] + box["height"] <= 900, part
    assert "<script>window.taken=1</script>" in page.inner_text("#answer")
    assert page.locator("#answer img, #answer script, #answer a").count() == 0
    assert page.evaluate("window.taken") is None


@pytest.mark.parametrize(
    "names", [("reasoning", "failure_modes"), ("spinemed_report",)], ids=["audit", "report"]
)
def test_the_shipped_rubrics_fit_on_one_screen(
    chromium: Browser, tmp_path: Path, names: tuple[str, ...]
) -> None:
    def asked_of_all(rubric: Rubric) -> Rubric:
        dimensions = (one.model_copy(update={"tasks": ()}) for one in rubric.dimensions)
        return rubric.model_copy(update={"dimensions": tuple(dimensions)})

    long = "\n\n".join(f"Paragraph {number} of a long trace." for number in range(200))
    workspace, _ = study(
        tmp_path, n_items=2, size=(300, 400), texts=lambda model, number: long,
        rubrics=[asked_of_all(load_rubric(name)) for name in names],
    )  # fmt: skip
    server = Server(workspace)
    try:
        page = chromium.new_page(viewport={"width": 1440, "height": 900})
        page.goto(server.address)
        page.fill("#token", issue_token(workspace, "a", at=AT))
        page.keyboard.press("Enter")
        page.wait_for_selector(".dimension")
        for _ in range(page.locator(".dimension").count()):
            for part in ("form", "asked", "reading"):
                assert page.evaluate(f"() => {part}.scrollHeight <= {part}.clientHeight"), part
            for part in ("#image", "#question", ".current .anchors", "#comment", "#safety", "#submit"):
                box: Any = page.locator(part).bounding_box()
                assert box["y"] >= 0, part
                assert box["y"] + box["height"] <= 900, part
            page.keyboard.press("ArrowDown")
        assert page.evaluate("told.scrollHeight > told.clientHeight")  # the trace, and it alone, scrolls
        assert page.locator("#modes label").count() == (13 if "failure_modes" in names else 0)
    finally:
        page.close()
        server.stop()


def test_a_wrong_token_is_refused(chromium: Browser, site: tuple[Workspace, AuditFolder, Server]) -> None:
    page = chromium.new_page()
    page.goto(site[2].address)
    page.fill("#token", "not-a-token")
    page.keyboard.press("Enter")
    page.wait_for_selector("[role=alert]")
    assert "opens nothing" in page.inner_text("[role=alert]")
    page.close()


# ---------------------------------------------------------------- the researchers' page


def _rate_page() -> None:
    from spinebench.dashboard.pages import rate

    rate.show()


def test_researchers_see_progress_and_no_score(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    workspace, audit = study(tmp_path, n_items=4, images=False)
    monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(workspace.path))
    client = signed_in(workspace)
    content = page_of(client)
    client.post(content["server"]["submit"], json=rated(content))
    page = AppTest.from_function(_rate_page, default_timeout=60).run()
    assert not page.exception
    table = page.dataframe[0].value
    assert list(table["assignments"]) == ["1 of 4", "0 of 4"]
    assert list(table["token"]) == ["has one", "none"]
    assert list(table.columns) == [
        "rater",
        "rated",
        "assignments",
        "sittings done",
        "last activity (UTC)",
        "token",
    ]
    assert page.query_params["audit"] == audit.audit_id
    client.post(content["server"]["submit"], json=rated(content, 1))
    page.run()
    assert list(page.dataframe[0].value["assignments"]) == ["2 of 4", "0 of 4"]
    shown = str(page.get("html")[0].proto.body)
    assert "<dt>Assignments rated</dt><dd>2 of 8</dd>" in shown
    assert "<dt>Traces assigned</dt><dd>4</dd>" in shown
    assert "spinebench rate token" in page.code[0].value
    lock_ratings(audit, at=datetime(2026, 11, 21, tzinfo=UTC), incomplete=True)
    page.run()
    assert len(page.code) == 1
    assert page.code[0].value.startswith(f"spinebench rate adjudicate {audit.audit_id} ")


def test_an_empty_workspace_says_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from streamlit.testing.v1 import AppTest

    monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(tmp_path / "none"))
    page = AppTest.from_function(_rate_page, default_timeout=60).run()
    assert not page.exception
    assert "spinebench audit" in page.info[0].value
