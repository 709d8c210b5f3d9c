"""Free text on the rating page, in a real browser: sections, turns, ten dimensions by keys alone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.written_audits import REPORT, packet_of, written_book

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

HOSTILE = (
    "## Findings\n<img src=x onerror='window.taken=1'>\n\n"
    "## <script>window.taken=1</script> Diagnosis\n\u202enone"
)
LONG = "## Findings\n" + "A disc is narrowed.\n" * 1200
IN_VIEW = """() => {
  const box = (one) => one.getBoundingClientRect();
  const form = box(document.getElementById("form"));
  return [...document.querySelectorAll(".current .anchors li, .current .scale button")]
    .every((one) => box(one).height > 0 && box(one).top >= form.top && box(one).bottom <= form.bottom);
}"""


@pytest.fixture
def page(chromium: Browser, tmp_path: Path) -> Iterator[Page]:
    """Three reports and a consultation, as rater a has them."""
    packet = packet_of(written_book(tmp_path, texts=[REPORT, HOSTILE, LONG]), tmp_path / "out")
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    opened = context.new_page()
    troubles: list[str] = []
    opened.on("pageerror", lambda error: troubles.append(str(error)))
    opened.goto(packet.html.absolute().as_uri())
    yield opened
    assert opened.evaluate("window.taken") is None
    assert troubles == []
    context.close()


def go_to(page: Page, text: str) -> None:
    """To the first trace whose answer begins with this text or holds it."""
    n = page.evaluate("JSON.parse(document.getElementById('packet').textContent).cases.length")
    for _ in range(n):
        if text in page.inner_text("#answer"):
            return
        page.keyboard.press("n")
    raise AssertionError(f"no trace shows {text!r}")


def test_a_report_stands_under_its_own_headings_with_what_is_missing(page: Page) -> None:
    go_to(page, "Protrusion at L4/L5.")
    assert page.locator(".piece h3").all_inner_texts() == [
        "## Imaging findings\nread as: Imaging findings", "## Diagnosis\nread as: Diagnosis",
    ]  # fmt: skip
    assert "Treatment, Risk and prognosis" in page.inner_text("#missing")
    assert page.inner_text("#answer-title").casefold() == "report"


def test_a_consultation_stands_turn_by_turn(page: Page) -> None:
    go_to(page, "Any weakness?")
    said = page.locator(".piece").all_inner_texts()
    assert [text.partition("\n")[0] for text in said] == ["Patient", "Reply", "Patient", "Reply"]
    assert "Reply 3" in page.inner_text("#missing")


def test_all_dimensions_are_rated_by_keys_with_the_anchors_in_view(page: Page) -> None:
    go_to(page, "Protrusion at L4/L5.")
    n = page.locator(".dimension").count()
    assert n == 11
    for number in range(n):
        assert page.evaluate(IN_VIEW), f"dimension {number}"
        page.keyboard.press(str(1 + number % 5))
    assert page.locator(".dimension small").count() == n
    for _ in range(n):
        page.keyboard.press("ArrowUp")
        assert page.evaluate(IN_VIEW)


def test_keys_reach_the_end_of_a_long_report(page: Page) -> None:
    go_to(page, "A disc is narrowed.")
    for _ in range(200):
        page.keyboard.press("PageDown")
    left = "(told) => told.scrollHeight - told.clientHeight - told.scrollTop"
    assert page.locator("#told").evaluate(left) <= 1
    page.keyboard.press("[")
    assert page.evaluate("document.getElementById('told').scrollTop") < 200


def test_headings_and_texts_are_read_not_run(page: Page) -> None:
    go_to(page, "onerror")
    assert "<script>window.taken=1</script> Diagnosis" in page.inner_text("#answer")
    assert "U+202E" in page.inner_text("#answer")
