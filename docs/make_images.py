"""The screenshots of docs/images: the dashboard's pages and the rating page, on a workspace of `spinebench demo`.

    make images                                           # a new demo workspace, then the images
    python docs/make_images.py --workspace FOLDER --out FOLDER --scheme dark --width 1100   # to look at them oneself

Needs Chromium and Playwright's Python package. With --workspace the folder is copied first and stays as it is.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from PIL import Image
from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
WAITS_S = 90.0
PAGES = ("overview", "errors", "reports", "cases", "rate", "agreement", "runs")
HEIGHTS = {"errors": 1480, "reports": 1860}
"""Of pictures that are to hold a matrix and the mark of the simulation too."""
RATER = "r-1"
LARGEST = 300_000
"""Bytes of a picture."""


def spinebench(*words: str | Path) -> str:
    """What a command printed on stdout; raises CalledProcessError where it failed."""
    command = [sys.executable, "-m", "spinebench", *map(str, words)]
    done = subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, text=True, check=True)
    return done.stdout


def simulated_workspace(folder: Path, source: Path | None) -> Path:
    """The demo's workspace in the folder: made, or copied from one that is there."""
    workspace = folder / "spinebench-workspace"
    if source is not None:
        shutil.copytree(source, workspace)
    else:
        spinebench("demo", "--workspace", workspace)
    return workspace


def work_to_rate(workspace: Path) -> str:
    """Hand out traces that nobody has rated, since the demo's ratings are locked; the rater's token."""
    spinebench("audit", "latest", "--per-cell", "3", "--seed", "7", "--workspace", workspace)
    for rater in (RATER, "r-2"):
        spinebench("rate", "raters", "add", rater, "--specialty", "radiology", "--workspace", workspace)
    raters = ("--rater", RATER, "--rater", "r-2")
    spinebench("rate", "assign", "latest", *raters, "--seed", "7", "--workspace", workspace)
    token = json.loads(spinebench("rate", "token", RATER, "--json", "--workspace", workspace))
    return str(token["token"])


@contextmanager
def serving(workspace: Path, path: str, *words: str) -> Iterator[str]:
    """The address of a server on the workspace that a command starts, while it answers at `path`.

    It is started beside the workspace, as a user would, so that no picture shows where this machine keeps it.
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [sys.executable, "-m", "spinebench", *words, "--workspace", workspace.name, "--port", str(port)]
    process = subprocess.Popen(
        command,
        cwd=workspace.parent,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    address = f"http://127.0.0.1:{port}"
    try:
        _wait(lambda: _answers(address + path), f"an answer at {address}{path}")
        yield address
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(timeout=WAITS_S)


def dashboard_images(page: Page, address: str) -> Iterator[str]:
    """Open each page, and one case; yields the name of what is in front when all of it is drawn."""
    for name in PAGES:
        page.goto(f"{address}/{'' if name == 'overview' else name}")
        settle(page)
        if name in HEIGHTS:
            page.set_viewport_size({"width": page.evaluate("innerWidth"), "height": HEIGHTS[name]})
            settle(page)
        yield name
    # A wrong answer whose trace judges and clinicians scored says the most.
    page.goto(f"{address}/cases?outcome=healthy_misdiagnosed&sort=difference")
    settle(page)
    table = page.get_by_test_id("stDataFrame").first
    table.locator("canvas").first.click(position={"x": 20, "y": 52}, force=True)  # the first row's box
    page.wait_for_url("**case=**")
    settle(page)
    yield "case"


def rating_image(page: Page, address: str, token: str) -> Iterator[str]:
    """Sign in, score two dimensions of the first trace; yields its name when it stands there."""
    page.goto(address)
    page.locator("input[type=password]").fill(token)
    page.keyboard.press("Enter")
    page.wait_for_url("**/rate/**")
    page.wait_for_function("document.images.length && [...document.images].every(one => one.complete)")
    page.keyboard.press("4")
    page.keyboard.press("3")
    yield "rating"


def settle(page: Page) -> None:
    """Wait until Streamlit's script has ended and everything it sent is drawn."""
    page.get_by_role("heading").first.wait_for()
    page.wait_for_function(
        "document.querySelector('[data-testid=stApp]').dataset.testScriptState === 'notRunning'"
        " && !document.querySelector('[data-testid=stSkeleton]')"
    )
    page.wait_for_load_state("networkidle")
    page.wait_for_timeout(3000)  # charts are drawn, and tables faded in, after the script has ended


def save(page: Page, path: Path, *, whole: bool) -> None:
    """A PNG; of 192 colours where it would be large otherwise, which is seen in photographs least."""
    if whole:
        _grow(page)
    image = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    packed = io.BytesIO()
    image.save(packed, "png", optimize=True)
    if packed.tell() > LARGEST:
        image.quantize(colors=192, dither=Image.Dither.NONE).save(
            packed := io.BytesIO(), "png", optimize=True
        )
    path.write_bytes(packed.getvalue())


def _grow(page: Page) -> None:
    """Make the window as high as the page, which scrolls inside itself."""
    height = page.evaluate(
        "Math.max(...[...document.querySelectorAll('[data-testid=stMain], html')].map(one => one.scrollHeight))"
    )
    size = page.viewport_size
    assert size is not None
    page.set_viewport_size({"width": size["width"], "height": max(size["height"], int(height))})
    page.wait_for_timeout(1500)


def _answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


def _wait(ready: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + WAITS_S
    while not ready():
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {WAITS_S:.0f} s for {what}")
        time.sleep(0.1)


def take(
    workspace: Path, out: Path, *, scheme: Literal["light", "dark"], size: tuple[int, int], whole: bool
) -> None:
    """Write one PNG per page into `out`."""
    out.mkdir(parents=True, exist_ok=True)
    executable = next(
        filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
    )
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=executable, args=["--no-sandbox"])

        def window() -> Page:
            context = browser.new_context(
                viewport={"width": size[0], "height": size[1]}, color_scheme=scheme, locale="en-GB"
            )
            context.set_default_timeout(WAITS_S * 1000)
            return context.new_page()

        with serving(workspace, "/_stcore/health", "dashboard", "--no-browser") as address:
            page = window()
            for name in dashboard_images(page, address):
                save(page, out / f"{name}.png", whole=whole)
                page.set_viewport_size({"width": size[0], "height": size[1]})
        token = work_to_rate(workspace)
        with serving(workspace, "/", "rate", "serve") as address:
            page = window()
            for name in rating_image(page, address, token):
                save(page, out / f"{name}.png", whole=False)
        browser.close()


def main() -> None:
    """Read the options and take the pictures."""
    parser = argparse.ArgumentParser(description="Screenshots of the demo's pages.")
    parser.add_argument("--workspace", type=Path, help="of 'spinebench demo'; default: a new one")
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images")
    parser.add_argument("--scheme", choices=["light", "dark"], default="light")
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--height", type=int, default=900)
    parser.add_argument("--whole", action="store_true", help="pages in full height")
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        workspace = simulated_workspace(Path(folder), chosen.workspace)
        size = (chosen.width, chosen.height)
        take(workspace, chosen.out, scheme=chosen.scheme, size=size, whole=chosen.whole)


if __name__ == "__main__":
    main()
