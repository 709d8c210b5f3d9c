"""Review in a real browser: on a server, without a connection for a while, and from a file."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.audit_records import RaterCard
from spinebench.builder.records import ReviewDecision
from spinebench.builder.review.desk import Desks
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.review.prescreen_records import prescreen_steps
from spinebench.builder.review.queue import Review
from spinebench.builder.review.sheet import read_sheet
from spinebench.dashboard.rater_server import create_rater_app
from spinebench.dashboard.review_page import offline_pages
from spinebench.runs.steps import StepEntry
from spinebench.store import Workspace
from spinebench.store.rater_tokens import issue_token
from tests.builder.review_builds import candidate, localization, make_build

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

AT = datetime(2026, 3, 4, tzinfo=UTC)
HOSTILE = "</script><script>window.taken=1</script><img src=x onerror='window.taken=1'> \u202egnp\u202c"


class Site:
    """The raters' server with one build, for reviewer anna alone."""

    def __init__(self, workspace: Workspace, build: Path, port: int = 0) -> None:
        import uvicorn

        self.workspace, self.build = workspace, build
        listening = socket.create_server(("127.0.0.1", port))
        self.port = listening.getsockname()[1]
        self.address = f"http://127.0.0.1:{self.port}"
        config = uvicorn.Config(
            create_rater_app(workspace, review=build), log_level="error", timeout_graceful_shutdown=1
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [listening]})
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()

    def sign_in(self, page: Page) -> None:
        page.goto(self.address)
        page.fill("#token", issue_token(self.workspace, "anna", at=AT))
        page.keyboard.press("Enter")
        page.wait_for_selector("#choices")

    def decisions(self) -> dict[str, ReviewDecision]:
        return {one.item_id: one for one in decisions_of(self.build / "review")}


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Three diagnoses and a localization, one of them with a remark of a pre-screen."""
    candidates = [
        *(candidate(number, question=f"{number} {HOSTILE}") for number in range(3)),
        localization(3),
    ]
    made = make_build(tmp_path, candidates, ReviewPlan(reviewers=("anna",), double_share=0))
    remark = {
        "supported": "no", "also_right": [], "quality": "good", "text_in_picture": "none",
        "remark": f"Look at the <b>slip</b> {HOSTILE}",
    }  # fmt: skip
    prescreen_steps(made / "review").journal.append(
        [
            StepEntry(
                part=candidates[1].hash(), step="prescreen", request_hash="x", prompt_hash="x", model="openai/m",
                replies=("",), value=remark, at=AT,
            )
        ]
    )  # fmt: skip
    return made


@pytest.fixture
def site(tmp_path: Path, build: Path) -> Iterator[Site]:
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    workspace.save_rater(RaterCard(rater="anna"))
    found = Site(workspace, build)
    yield found
    found.stop()


@pytest.fixture
def page(chromium: Browser, site: Site) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    site.sign_in(opened)
    yield opened
    assert opened.evaluate("window.taken") is None
    assert troubles == []
    opened.goto("about:blank")
    context.close()


def ready(page: Page, item: str) -> None:
    """The item's text and image are shown."""
    page.wait_for_function(
        "item => document.querySelector('#place').textContent.includes(item)"
        " && document.querySelector('.viewer')?.dataset.loaded === '0'",
        arg=item,
    )


def order(site: Site) -> list[str]:
    desk = Desks(site.build).of("anna")
    assert desk is not None
    return list(desk.review.items_of("anna"))


def decided(page: Page, n: int) -> None:
    page.wait_for_function(
        "n => document.querySelector('#progress').textContent.startsWith(n + ' of 4')"
        " && !Object.keys(localStorage).some((name) => name.startsWith('spinebench-review-'))",
        arg=n,
    )


def to(page: Page, site: Site, item: str) -> None:
    """By the arrow keys, as a person goes there."""
    names = order(site)
    here = next(place for place, name in enumerate(names) if name in page.inner_text("#place"))
    target = names.index(item)
    for _ in range(abs(target - here)):
        page.keyboard.press("ArrowRight" if target > here else "ArrowLeft")
    ready(page, item)


def test_all_is_decided_by_keys(page: Page, site: Site) -> None:
    names = order(site)
    assert page.inner_text("#progress") == "0 of 4 decided"
    ready(page, names[0])
    to(page, site, "item-000")
    assert "</script><script>window.taken=1</script>" in page.inner_text("#question")
    assert "U+202E" in page.inner_text("#question")
    assert page.locator("#question img, #question script").count() == 0
    assert page.locator("#options li.right").inner_text().startswith("B")
    assert "Osteophytes · Moderate — train.csv:2" in page.inner_text("#findings")
    assert "1 other image" in page.inner_text("#alike")
    page.keyboard.press("a")
    decided(page, 1)
    to(page, site, "item-002")
    page.keyboard.press("r")
    page.keyboard.press("Enter")
    assert page.inner_text("#notice") == "Choose a reason."
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    decided(page, 2)
    to(page, site, "level-003")
    page.keyboard.press("c")
    for key in "24w":  # options 2 and 4, the second reason
        page.keyboard.press(key)
    page.click("#confirm")
    decided(page, 3)
    to(page, site, "item-001")
    page.keyboard.press("m")
    page.keyboard.type("a c r")  # letters in a note decide nothing
    page.keyboard.press("Escape")
    assert page.locator("#remarks").is_hidden()
    page.keyboard.press("a")
    decided(page, 4)
    page.wait_for_selector("#remarks:not([hidden])")
    assert page.locator("#remarks-list").is_hidden()  # folded
    page.click("#remarks-title")
    assert "<b>slip</b>" in page.inner_text("#remarks-list")
    found = site.decisions()
    assert {name: one.decision for name, one in found.items()} == {
        "item-000": "accept", "item-001": "accept", "item-002": "reject", "level-003": "correct",
    }  # fmt: skip
    assert (found["item-002"].reason, found["item-001"].note) == ("poor_image", "a c r")
    # The options are L5/S1, L4/L5, L3/L4, L2/L3, L1/L2; the second and the fourth were chosen.
    assert (found["level-003"].gold, found["level-003"].reason) == (("L4/L5", "L2/L3"), "not_visible")


def test_undo_and_deciding_again(page: Page, site: Site) -> None:
    (first, *_) = order(site)
    ready(page, first)
    page.keyboard.press("a")
    decided(page, 1)
    page.keyboard.press("u")
    decided(page, 0)
    assert site.decisions() == {}
    ready(page, first)
    page.keyboard.press("r")
    page.keyboard.press("q")
    page.keyboard.press("Enter")
    decided(page, 1)
    assert (site.decisions()[first].decision, site.decisions()[first].reason) == ("reject", "wrong_label")
    page.reload()
    page.wait_for_selector("#choices")
    page.wait_for_function("() => document.querySelector('#place').textContent.startsWith('Item 2')")
    page.keyboard.press("ArrowLeft")
    ready(page, first)
    assert page.inner_text("#state") == "rejected"
    assert page.inner_text("#stated") == "The picture does not show what the marked answer says"
    page.keyboard.press("a")
    page.wait_for_function("() => document.querySelector('#progress').textContent.startsWith('1 of 4')")
    decided(page, 1)
    assert site.decisions()[first].decision == "accept"
    lines = (site.build / "review/decisions/anna.jsonl").read_bytes().splitlines()
    assert len(lines) == 4  # accepted, taken back, rejected, accepted


def test_a_lost_connection_loses_nothing(page: Page, site: Site) -> None:
    names = order(site)
    ready(page, names[0])
    page.wait_for_load_state("networkidle")
    page.route("**/decisions", lambda route: route.abort())
    page.keyboard.press("a")
    page.wait_for_function(
        "() => document.querySelector('#connection').textContent.includes('No connection')"
    )
    assert "1 decision is kept in this browser" in page.inner_text("#connection")
    assert site.decisions() == {}
    page.reload()
    page.wait_for_function("() => document.querySelector('#progress').textContent.startsWith('1 of 4')")
    page.unroute("**/decisions")
    decided(page, 1)
    assert {name: one.decision for name, one in site.decisions().items()} == {names[0]: "accept"}


def test_without_its_picture_an_item_is_not_accepted(page: Page, site: Site) -> None:
    names = order(site)
    ready(page, names[0])
    lost = names[2]  # its picture was not asked for yet
    (site.build / "standardize" / Review.open(site.build).by_id[lost].item.images[0].path).unlink()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "() => document.querySelector('.facts')?.textContent.includes('This image is gone')"
    )
    page.keyboard.press("a")
    assert "only by who sees it" in page.inner_text("#notice")
    page.keyboard.press("r")
    page.keyboard.press("e")
    page.keyboard.press("Enter")
    decided(page, 1)
    assert {name: one.decision for name, one in site.decisions().items()} == {lost: "reject"}


@pytest.mark.parametrize("size", [(1440, 900), (1024, 768), (420, 860)], ids=["desk", "tablet", "phone"])
def test_it_fits_the_screen(page: Page, site: Site, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    ready(page, order(site)[0])
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    canvas = page.locator("canvas").bounding_box()
    assert canvas is not None
    assert canvas["width"] > 200
    scale = page.evaluate("Number(document.querySelector('.viewer').dataset.scale)")
    page.locator("canvas").scroll_into_view_if_needed()
    page.mouse.move(canvas["x"] + 100, canvas["y"] + 100)
    page.mouse.wheel(0, -400)
    page.wait_for_function("s => Number(document.querySelector('.viewer').dataset.scale) > 2 * s", arg=scale)


def test_a_file_without_a_network(chromium: Browser, tmp_path: Path, build: Path) -> None:
    desk = Desks(build).of("anna")
    assert desk is not None
    (html,) = offline_pages(desk)
    assert "slip" not in html  # remarks of the pre-screen stay at home
    (tmp_path / "page.html").write_text(html, "utf-8")
    context = chromium.new_context(accept_downloads=True, viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    asked: list[str] = []
    opened.on(
        "request",
        lambda one: None if one.url.startswith(("file:", "data:", "blob:")) else asked.append(one.url),
    )
    opened.goto((tmp_path / "page.html").as_uri())
    names = list(desk.review.items_of("anna"))
    for number, name in enumerate(names):
        ready(opened, name)
        opened.keyboard.press("a" if number else "r")
        if number == 0:
            opened.keyboard.press("q")
            opened.keyboard.press("Enter")
    assert opened.inner_text("#progress") == "4 of 4 decided"
    opened.reload()  # kept in the browser
    opened.wait_for_function("() => document.querySelector('#progress').textContent.startsWith('4 of 4')")
    with opened.expect_download() as waiting:
        opened.click("#save")
    path = tmp_path / waiting.value.suggested_filename
    waiting.value.save_as(path)
    assert opened.evaluate("window.taken") is None
    assert asked == []
    context.close()
    done = read_sheet(desk, path)
    assert (done.n_new, done.bad) == (4, ())
    assert read_sheet(desk, path).n_known == 4
    found = {one.item_id: one.decision for one in decisions_of(build / "review")}
    assert found == {name: "accept" if number else "reject" for number, name in enumerate(names)}


def test_an_adjudicator_with_nothing_to_decide_yet(chromium: Browser, tmp_path: Path) -> None:
    plan = ReviewPlan(reviewers=("anna",), adjudicator="cora")
    desk = Desks(make_build(tmp_path, [candidate(0)], plan)).of("cora")
    assert desk is not None
    (html,) = offline_pages(desk)
    (tmp_path / "page.html").write_text(html, "utf-8")
    opened = chromium.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.goto((tmp_path / "page.html").as_uri())
    opened.wait_for_function("() => document.querySelector('#progress').textContent === '0 of 0 decided'")
    assert opened.inner_text("#item").startswith("There is nothing for you to decide yet")
    for key in "oaurc":
        opened.keyboard.press(key)
    assert opened.is_disabled("#open")
    assert troubles == []
    opened.close()
