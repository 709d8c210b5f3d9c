"""How soon each page of the dashboard shows something, and how soon it answers a click, in a real browser.

    python benchmarks/dashboard_speed.py --workspace FOLDER [--pages overview errors] [--repeats 3] [--json FILE]

Starts `spinebench dashboard` on the workspace (by default one that `large_workspace.py` makes and that is removed
afterwards; the page Reports wants one of `reports_workspace.py`) and drives Chromium. Each page is opened in a browser
context of its own: once as the first thing that is asked of a server newly started on data that no figures are kept
of; then, with the figures that a server prepares beside its pages, once as the first thing asked of a new server, and
several times more, once from another page by its link in a window that is open, and clicks.

Content is there when a figure, a chart or a table is visible: `first_content` those in the HTML that the server sends
too, `drawn` what Streamlit has drawn alone, from when on the page can be worked with; `whole` is when its script has
ended. A click, or a link, is answered when the script has run to its end and the page shows what was asked for; charts
are clicked by a mouse. Beside each wall time stands the server's CPU time, which other work on the machine lengthens
less, and beside all pages that of a dashboard without runs: what Streamlit and the browser take alone.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import re
import shutil
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.error import URLError

from large_workspace import MODELS, RUNS, make

from spinebench.cli.demo import JUDGES
from spinebench.records import Task
from spinebench.store import Workspace

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page, Position

PATIENCE_S = 40
_NO_RUN_MS = 2000
_PAUSE_S = 1
"""After a window is closed: its end takes the browser a while, and is none of the next one's."""
_LOOK_S = 1
"""Between two clicks: a person looks before they click, and the browser has drawn by then."""
_FIGURE = (
    '[data-testid="stVegaLiteChart"] :is(canvas, svg), '
    '[data-testid="stDataFrame"] canvas, [data-testid="stMetric"], [data-testid="stHtml"] .headline'
)
"""A figure of the page's own: not its title, nor what stands in the sidebar."""
_WRITTEN = "#page-head :is(.headline, p)"
"""The figures that the server writes into the HTML, and what it says in their place."""
_STREAMLITS = "#root"
"""Where Streamlit draws."""
Content = tuple[str, str | None]
"""What stands for a page's content: a CSS selector, and a text in it where that tells it."""
_OWN: Content = (_FIGURE, None)
_DONE = '[data-testid="stApp"][data-test-script-state="notRunning"]'
_TEXTS = (
    '[data-testid="stText"], [data-testid="stMarkdownContainer"], [data-testid="stCaptionContainer"], '
    '[data-testid="stAlert"], h1, h2, h3, svg text'
)
_SHOWN = """([css, pattern]) => [...document.querySelectorAll(css)].some((one) => {
    const box = one.getBoundingClientRect();
    return box.width > 0 && box.height > 0 && one.checkVisibility()
        && (pattern === null || new RegExp(pattern).test(one.textContent));
})"""
"""Asked at every frame that the browser draws: Playwright's own waiting for an element looks after 0.27 s for the
next time after 0.77 s, and then every half second."""
_COUNT_RUNS = """() => {
    const app = document.querySelector('[data-testid="stApp"]');
    window.runsBegun = 0;
    new MutationObserver((changes) => {  // a short run has begun and ended by the time that this is called
        window.runsBegun += changes.some((one) => one.oldValue === 'running')
            || app.getAttribute('data-test-script-state') === 'running';
    }).observe(app, { attributes: true, attributeOldValue: true, attributeFilter: ['data-test-script-state'] });
}"""


@dataclass(frozen=True)
class Click:
    """Something a person does on a page, and how it is seen that the page has answered."""

    name: str
    do: Callable[[Page], None]
    seen: Callable[[Page], None]
    before: Callable[[Page], None] | None = None
    """Done first and not timed: a list is opened by the browser alone, which asks the server nothing."""


@dataclass(frozen=True)
class Timed:
    """One wait."""

    wall_s: float
    cpu_s: float
    """Of the server."""


class Server:
    """`spinebench dashboard` in a process of its own."""

    def __init__(self, workspace: Path) -> None:
        begun = time.monotonic()
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        self.address = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [
                sys.executable, "-m", "spinebench", "dashboard", "--workspace", str(workspace), "--port", str(port),
                "--no-browser",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )  # fmt: skip
        deadline = time.monotonic() + PATIENCE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise SystemExit("the dashboard did not come up")
            time.sleep(0.05)
        self.up_after_s = time.monotonic() - begun

    def cpu_s(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self.process.pid}/stat").read_text("utf-8").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def peak_mb(self) -> float:
        """Peak of the resident memory."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text("utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM")) / 1024

    def end(self) -> None:
        os.killpg(self.process.pid, signal.SIGTERM)
        self.process.wait(timeout=PATIENCE_S)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.address}/_stcore/health", timeout=5):
                return True
        except (URLError, OSError):
            return False


@contextmanager
def tab(browser: Browser) -> Iterator[Page]:
    """A new window of 1440 x 900 that remembers nothing."""
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    context.set_default_timeout(PATIENCE_S * 1000)
    yield context.new_page()
    context.close()
    time.sleep(_PAUSE_S)


def shown(page: Page, css: str, pattern: str | None = None) -> None:
    """Wait until an element is visible, or one whose text a regular expression is found in."""
    page.wait_for_function(_SHOWN, arg=[css, pattern], polling="raf")


def opened(server: Server, page: Page, path: str, content: Content = _OWN) -> dict[str, Timed]:
    """Open a page: until content is visible, until its own is, and until its script has run to its end."""
    wall, cpu = time.monotonic(), server.cpu_s()

    def now() -> Timed:
        return Timed(time.monotonic() - wall, server.cpu_s() - cpu)

    page.goto(f"{server.address}/{path}", wait_until="commit")
    css, text = content
    shown(page, f"{css}, {_WRITTEN}", text)
    first = now()
    shown(page, f"{_STREAMLITS} :is({css})", text)
    drawn = now()
    shown(page, _DONE)
    return {"first_content": first, "drawn": drawn, "whole": now()}


def led_to(server: Server, page: Page, name: str) -> Timed:
    """Open a page by its link in a window that shows another one, until its script has run to its end."""
    title = (name or "overview").capitalize()
    opened(server, page, "" if name else "runs")
    link = Click(
        title,
        lambda page: page.get_by_test_id("stTopNavLink").get_by_text(title, exact=True).click(),
        lambda page: shown(page, "h1", f"^{title}$"),
    )
    return answered(server, page, link)


def answered(server: Server, page: Page, click: Click) -> Timed:
    """Do it, and wait until the page shows what was asked for and the script that it started has ended."""
    from playwright.sync_api import TimeoutError

    if click.before is not None:
        click.before(page)
    time.sleep(_LOOK_S)
    page.evaluate(_COUNT_RUNS)
    wall, cpu = time.monotonic(), server.cpu_s()
    click.do(page)
    click.seen(page)
    seen = Timed(time.monotonic() - wall, server.cpu_s() - cpu)
    try:
        page.wait_for_function("window.runsBegun > 0", timeout=_NO_RUN_MS, polling="raf")
    except TimeoutError:  # a run too short to be told by the page
        return seen
    shown(page, _DONE)
    return Timed(time.monotonic() - wall, server.cpu_s() - cpu)


# ---------------------------------------------------------------- what is clicked


def _button(name: str) -> Callable[[Page], None]:
    return lambda page: page.get_by_role("button", name=name, exact=True).first.click()


def _keyed_button(name: str) -> Callable[[Page], None]:
    """A button that has a key too, which its name on the page tells."""
    return lambda page: (
        page.get_by_test_id("stButton").get_by_role("button").filter(has_text=name).first.click()
    )


def _part(name: str) -> Callable[[Page], None]:
    """Choose one of the parts of a page that stand side by side."""
    return lambda page: page.get_by_test_id("stButtonGroup").get_by_text(name, exact=True).first.click()


def _row(number: int) -> Callable[[Page], None]:
    """Select a row of the first table: its box is left of the row; heading and rows are 35 pixels high."""
    at: Position = {"x": 15, "y": 35 * number + 17}
    return lambda page: (
        page.get_by_test_id("stDataFrame").locator("canvas").first.click(position=at, force=True)
    )


def _mark(chart: int, kind: str) -> Callable[[Page], None]:
    """Click the first mark of that kind (`symbol`, `rect`) in a chart."""

    def do(page: Page) -> None:
        drawn = page.get_by_test_id("stVegaLiteChart").nth(chart)
        drawn.locator(f"svg .mark-{kind}.role-mark path").first.click(force=True)

    return do


def _opened_list(label: str) -> Callable[[Page], None]:
    """Open a list by its label."""

    def do(page: Page) -> None:
        box = page.get_by_role("combobox", name=label, exact=True).first
        box.click()
        box.press("ArrowDown")
        page.get_by_role("option").first.wait_for()

    return do


def _option(name: str) -> Callable[[Page], None]:
    """Choose from the list that is open. Pressed on, an option that is cut off moves away from under the mouse."""

    def do(page: Page) -> None:
        option = page.get_by_role("option", name=name).first
        option.evaluate("(one) => one.scrollIntoView({ block: 'nearest' })")
        option.click()

    return do


def _last_option(name: str) -> Callable[[Page], None]:
    """Choose from a list that takes several, and close it: an open one hides all else from `get_by_role`."""

    def do(page: Page) -> None:
        _option(name)(page)
        page.keyboard.press("Escape")

    return do


def _text(text: str) -> Callable[[Page], None]:
    return lambda page: shown(page, _TEXTS, re.escape(text))


def _address(part: str) -> Callable[[Page], None]:
    return lambda page: page.wait_for_url(f"**{part}**")


def _cases(page: Page) -> None:
    """The list of cases, filled."""
    shown(page, _TEXTS, "^[0-9,]+ cases$")
    shown(page, '[data-testid="stDataFrame"] canvas')


_FIRST, *_, _LAST = RUNS
PAGES: dict[str, tuple[Click, ...]] = {
    "": (
        Click("one run less", _button(f"Remove {_LAST} (simulated)"), _address("run=")),
        Click(
            "another first model",
            _option(MODELS[2]),
            _text(f"only one of {MODELS[2]} and"),
            _opened_list("First model"),
        ),
        Click("a point, to its cases", _mark(0, "symbol"), _cases),
    ),
    "errors": (
        Click(
            "one model",
            _option(MODELS[2]),
            _text(f"gold against answered, {MODELS[2]}"),
            _opened_list("Model"),
        ),
        Click("one run less", _button(f"Remove {_LAST} (simulated)"), _address("run=")),
        Click("localization", _part("Localization"), _text("Sensitivity: questions with")),
        Click("failure modes", _part("Failure modes"), _text("All shares stand for the audit's frame")),
        Click("back to diagnosis", _part("Diagnosis"), _text("Most confused pairs")),
        Click("a cell, to its cases", _mark(1, "rect"), _cases),
    ),
    "cases": (
        Click("next page", _button("Next page"), _address("page=2")),
        Click("a row, to its case", _row(2), _text("Case 27 of")),
        Click("next case", _keyed_button("Next"), _text("Case 28 of")),
        Click("back to the list", _keyed_button("Back to the list"), _cases),
        Click("one model", _last_option(MODELS[2]), _address("model="), _opened_list("Model")),
        Click(
            "one outcome", _last_option("healthy misdiagnosed"), _address("outcome="), _opened_list("Outcome")
        ),
    ),
    "agreement": (
        Click("one dimension", _option("spatial"), _address("dimension="), _opened_list("Dimension")),
        Click("models", _part("Models"), _address("")),
        Click("corrected scores", _part("Corrected scores"), _address("")),
    ),
    "runs": (
        Click("another run", _option(_FIRST), _address("run="), _opened_list("Run")),
        Click("data quality", _part("Data quality"), _text("Shared images")),
        Click("audit", _part("Audit"), _text("Who scored how much")),
    ),
    "rate": (),
    "reports": (
        Click("one judge", _option(JUDGES[0]), _address("rater="), _opened_list("Reports scored by")),
        Click("another division", _part("source"), _address("by=source")),
        Click("a cell, to its cases", _mark(4, "rect"), _cases),
    ),
}
"""What is done on each page, in this order."""
_NO_FREE_TEXT: Content = (_TEXTS, "hold no knowledge question")
"""What the page Reports says of a workspace without any."""
_FLOOR = "(empty workspace)"


def measure(workspace: Path, pages: Sequence[str], repeats: int) -> dict[str, object]:
    """Every page, then the dashboard on a workspace without runs: what browser and Streamlit take by themselves."""
    from playwright.sync_api import sync_playwright

    chromium = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if chromium is None:
        raise SystemExit("Chromium is needed")
    found: dict[str, object] = {}
    kept = workspace / "cache" / "figures"
    prepare(workspace)
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        for name in pages:
            with put_aside(kept):
                unprepared = _visit_once(browser, workspace, name)
            content = _content_of(workspace, name)
            found[name or "overview"] = {
                "first_visit_nothing_kept": unprepared,
                **_measure_page(browser, workspace, name, repeats, content=content),
            }
            print(name or "overview", json.dumps(found[name or "overview"]), flush=True)
        with tempfile.TemporaryDirectory() as empty:
            Workspace(empty).create()
            found[_FLOOR] = _measure_page(
                browser, Path(empty), "", repeats, content=('[data-testid="stAlert"]', None)
            )
        browser.close()
    return found


def _content_of(workspace: Path, name: str) -> Content:
    if name != "reports":
        return _OWN
    tasks = set(Workspace(workspace).query("run_tasks")["task"].to_pylist())
    return _OWN if Task.REPORT in tasks else _NO_FREE_TEXT


def prepare(workspace: Path) -> None:
    """Let the dashboard's own process keep the figures that pages show first."""
    subprocess.run(
        [sys.executable, "-m", "spinebench.dashboard.preparing", str(workspace)],
        check=True,
        capture_output=True,
    )


@contextmanager
def put_aside(folder: Path) -> Iterator[None]:
    """For a while there is no such folder; what is written there meanwhile is thrown away."""
    aside = folder.with_name(f"{folder.name} put aside")
    folder.rename(aside)
    try:
        yield
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        aside.rename(folder)


def _visit_once(browser: Browser, workspace: Path, name: str) -> dict[str, object]:
    server = Server(workspace)
    try:
        with tab(browser) as page:
            content = _content_of(workspace, name)
            return {what: _said(one) for what, one in opened(server, page, name, content).items()}
    finally:
        server.end()


def _measure_page(
    browser: Browser, workspace: Path, name: str, repeats: int, *, content: Content = _OWN
) -> dict[str, object]:
    """Visits and clicks; with the figures kept that there are."""
    from playwright.sync_api import Error

    server = Server(workspace)
    try:
        visits = []
        for _ in range(1 + repeats):
            with tab(browser) as page:
                visits.append(opened(server, page, name, content))
        first, *later = visits
        links = []
        for _ in range(repeats if content == _OWN else 0):
            with tab(browser) as page:
                links.append(led_to(server, page, name))
        clicks: dict[str, list[Timed]] = {}
        for _ in range(2 if content == _OWN else 0):
            with tab(browser) as page:
                opened(server, page, name, content)
                for click in PAGES[name]:
                    try:
                        clicks.setdefault(click.name, []).append(answered(server, page, click))
                    except (
                        Error
                    ) as error:  # the rest is measured all the same; the figures say that this is not
                        print(f"{name or 'overview'}, {click.name}: {error}", file=sys.stderr)
                        break
        return {
            "first_visit": {what: _said(one) for what, one in first.items()},
            "later_visits": {what: _median([one[what] for one in later]) for what in first}
            if later
            else None,
            "by_its_link": _median(links) if links else None,
            "clicks": {
                what: {"first_time": _said(times[0]), "again": _said(times[-1])}
                for what, times in clicks.items()
                if times
            },
            "server_up_after_s": round(server.up_after_s, 2),
            "server_peak_mb": round(server.peak_mb()),
        }
    finally:
        server.end()


def _said(one: Timed) -> dict[str, float]:
    return {"wall_s": round(one.wall_s, 2), "cpu_s": round(one.cpu_s, 2)}


def _median(times: Sequence[Timed]) -> dict[str, float]:
    return _said(
        Timed(statistics.median(one.wall_s for one in times), statistics.median(one.cpu_s for one in times))
    )


def main() -> None:
    """Measure and write."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workspace", type=Path, help="one that large_workspace.py made; else it is made")
    parser.add_argument("--pages", nargs="*", default=[*PAGES], choices=[*PAGES, "overview"])
    parser.add_argument("--repeats", type=int, default=3, help="later visits to each page")
    parser.add_argument("--json", type=Path, help="write the figures into this file")
    options = parser.parse_args()
    pages = ["" if name == "overview" else name for name in options.pages]
    with tempfile.TemporaryDirectory() as folder:
        workspace = options.workspace or make(Path(folder) / "workspace").path
        record = {
            "benchmark": "dashboard_speed",
            "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
            "load_before": round(os.getloadavg()[0], 1),
            "pages": measure(workspace, pages, options.repeats),
            "load_after": round(os.getloadavg()[0], 1),
        }
    text = json.dumps(record, indent=2) + "\n"
    print(text)
    if options.json:
        options.json.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
