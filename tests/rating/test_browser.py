"""A packet filled in a real browser, from a file, without a network; what it saves goes through the import."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.audit_records import RaterCard
from tests.exams import Said
from tests.rated_audits import RUBRIC, make_audit

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = (
    "</script><script>window.taken=1</script><img src=x onerror='window.taken=1'> "
    "\x1b[31m \u202egnp\u202c **bold**"
)
OWN = ("file:", "data:", "blob:")


@pytest.fixture
def packet(tmp_path: Path, cli: Callable[..., Said]) -> Path:
    """The page of rater a: 6 traces, the texts hostile."""
    workspace, _ = make_audit(
        tmp_path,
        n_items=6,
        models=("sim/x",),
        texts=lambda model, number: f"case {number} {HOSTILE}",
        size=(300, 400),
    )
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    said = cli("rate", "packets", "--workspace", workspace.path, "--rater", "a", "--rater", "b", "--json")
    assert said.code == 0, said.err
    return Path(next(one["html"] for one in said.records if one["type"] == "packet" and one["rater"] == "a"))


@pytest.fixture
def page(chromium: Browser, packet: Path) -> Iterator[Page]:
    context = chromium.new_context(viewport={"width": 1280, "height": 800}, accept_downloads=True)
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.on("console", lambda message: troubles.append(message.text) if message.type == "error" else None)
    opened.on("request", lambda asked: None if asked.url.startswith(OWN) else troubles.append(asked.url))
    opened.goto(packet.absolute().as_uri())
    yield opened
    assert opened.evaluate("window.taken") is None
    assert troubles == []
    context.close()


def save(page: Page, folder: Path) -> Path:
    with page.expect_download() as waiting:
        page.click("#save")
    path = folder / waiting.value.suggested_filename
    waiting.value.save_as(path)
    return path


def test_filled_by_keys_and_taken_in(page: Page, tmp_path: Path, cli: Callable[..., Said]) -> None:
    page.keyboard.press("2")  # a key before anything was clicked
    n = 6
    for number in range(n):
        dimensions = page.locator(".dimension").count()
        assert dimensions == (3 if "levels" in page.inner_text("#question") else 2)
        for key in ("3", "0", "5")[:dimensions]:
            if number > 0 or key != "3":
                page.keyboard.press(key)
        if number == 1:
            page.keyboard.press("s")
            page.locator("#modes input").first.check()
            page.keyboard.press("c")
            page.keyboard.type("3 of 5 levels seen")  # digits in a comment are no scores
            page.keyboard.press("Escape")
        if number < n - 1:
            page.keyboard.press("ArrowRight")
    assert page.inner_text("#progress") == "6 of 6 rated"
    path = save(page, tmp_path)
    assert path.name.startswith("ratings-a-")
    saved = json.loads(path.read_text("utf-8"))
    assert all(one["opened_at"] <= one["saved_at"] and one["active_s"] >= 0 for one in saved["ratings"])

    said = cli("rate", "import", "latest", path, "--workspace", "workspace", "--json")
    assert (said.code, said.err) == (0, "")
    done = said.record("import")
    assert (done["format"], done["n_new"], done["n_rejected"]) == ("packet", 6, 0)
    again = cli("rate", "import", "latest", path, "--workspace", "workspace", "--json").record("import")
    assert (again["n_new"], again["n_changed"], again["n_known"]) == (0, 0, 6)

    from spinebench.store import Workspace

    (audit,) = Workspace("workspace").audits()
    ratings = audit.ratings()
    assert sorted(rating.packet_id for rating in ratings) == sorted(
        shown.packet_id for shown in audit.assignments()["a"].traces
    )
    marked = [rating for rating in ratings if rating.safety]
    assert [(one.comment, one.failure_modes) for one in marked] == [
        ("3 of 5 levels seen", ("missed_finding",))
    ]
    assert sorted(rating.dimensions[0].score or 0 for rating in ratings) == [2, 3, 3, 3, 3, 3]
    assert all(rating.dimensions[1].cannot_assess for rating in ratings)
    assert all(rating.shown_sha256 is not None for rating in ratings)


def test_hostile_text_is_read_not_run(page: Page) -> None:
    shown = page.inner_text("#answer")
    assert "</script><script>window.taken=1</script>" in shown
    assert "ESC[31m" in shown
    assert "U+202Egnp" in shown
    assert page.locator("#answer img, #answer script, #answer b").count() == 0
    assert page.evaluate("document.querySelector('#image').naturalWidth") == 300


def test_a_long_word_of_a_rubric_is_broken(
    chromium: Browser, tmp_path: Path, cli: Callable[..., Said]
) -> None:
    word = "<b>" + "W" * 400
    dimensions = tuple(
        one.model_copy(update={"name": word, "focus": word, "anchors": dict.fromkeys(one.anchors, word)})
        for one in RUBRIC.dimensions
    )
    modes = tuple(one.model_copy(update={"name": word, "definition": word}) for one in RUBRIC.failure_modes)
    rubric = RUBRIC.model_copy(update={"dimensions": dimensions, "failure_modes": modes})
    workspace, _ = make_audit(tmp_path, n_items=2, models=("sim/x",), rubrics=(rubric,), images=False)
    for rater in "ab":
        workspace.save_rater(RaterCard(rater=rater))
    said = cli("rate", "packets", "--workspace", workspace.path, "--rater", "a", "--rater", "b", "--json")
    packet = Path(next(one["html"] for one in said.records if one["type"] == "packet"))
    page = chromium.new_page(viewport={"width": 1280, "height": 800})
    page.goto(packet.absolute().as_uri())
    page.click("#definitions")
    width, inside = page.evaluate("(f => [f.scrollWidth, f.clientWidth])(document.querySelector('#form'))")
    assert width <= inside
    page.close()


def test_work_is_there_after_the_page_was_closed(page: Page) -> None:
    page.keyboard.press("4")
    page.locator("#comment").fill("half way")
    page.keyboard.press("Escape")
    page.click("#next")
    page.reload()
    assert page.inner_text("#place").startswith("Trace 2 of 6")
    page.click("#previous")
    assert page.locator(".scale button[aria-checked=true]").inner_text() == "4"
    assert page.input_value("#comment") == "half way"


def test_a_saved_file_goes_on_in_another_browser(
    page: Page, chromium: Browser, packet: Path, tmp_path: Path
) -> None:
    page.keyboard.press("4")
    path = save(page, tmp_path)
    context = chromium.new_context()
    other = context.new_page()
    other.goto(packet.absolute().as_uri())
    assert other.locator(".scale button[aria-checked=true]").count() == 0
    other.click("#overview-open")
    other.set_input_files("#load", path)
    other.wait_for_selector(".scale button[aria-checked=true]")
    assert other.locator(".scale button[aria-checked=true]").inner_text() == "4"
    context.close()


def test_an_unfinished_trace_is_said_and_not_taken(
    page: Page, tmp_path: Path, cli: Callable[..., Said]
) -> None:
    page.keyboard.press("4")
    path = save(page, tmp_path)
    assert "1 begun trace has no score yet in some dimension" in page.inner_text("#notice")
    said = cli("rate", "import", "latest", path, "--workspace", "workspace")
    assert said.code == 3
    assert "the rating is not finished" in said.err


@pytest.mark.parametrize(
    "size", [(1280, 800), (1024, 768), (768, 1024), (420, 860)], ids=["laptop", "tablet", "upright", "phone"]
)
def test_it_fits_the_screen(page: Page, size: tuple[int, int]) -> None:
    page.set_viewport_size({"width": size[0], "height": size[1]})
    assert page.evaluate("document.documentElement.scrollWidth") <= size[0]
    for button in ("#next", "#save", "#overview-open"):
        box: Any = page.locator(button).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= size[0]
        assert box["y"] + box["height"] <= size[1]


def test_the_image_is_zoomed_and_fitted_again(page: Page) -> None:
    def width() -> float:
        box: Any = page.locator("#image").bounding_box()
        return float(box["width"])

    fitted = width()
    stage: Any = page.locator("#stage").bounding_box()
    assert fitted <= stage["width"] + 1
    page.mouse.move(stage["x"] + 100, stage["y"] + 100)
    page.mouse.wheel(0, -400)
    page.wait_for_function(
        "w => document.querySelector('#image').getBoundingClientRect().width > 2 * w", arg=fitted
    )
    page.click("#zoom-fit")
    assert width() == pytest.approx(fitted)
