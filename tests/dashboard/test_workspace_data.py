"""What pages say where the workspace fails them: a message that stays text, and no traceback."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.dashboard.workspace_data import plain
from spinebench.store import Workspace
from tests.dashboard.serving import serving

if TYPE_CHECKING:
    from playwright.sync_api import Page

ODD_NAME = "a --workspace -> b :smile: https:␟evil.invalid␟i.png *c* $x$ `d` <img src=x>\u202e :red[e]"
"""Of a folder, so without a slash."""


@pytest.mark.parametrize(
    ("text", "markdown"),
    [
        ("give --run", "` give --run `"),
        ("a `b` c", "`` a `b` c ``"),
        ("``", "``` `` ```"),
        ("one\n\n# two\n===\n", "` one # two === `"),
        ("\u202egnp", "` ⟨U+202E⟩gnp `"),
        ("", ""),
        (" \n ", ""),
    ],
    ids=["an option", "a back tick", "back ticks alone", "blocks", "right to left", "empty", "blank"],
)
def test_markdown_of_a_plain_text(text: str, markdown: str) -> None:
    assert plain(text) == markdown


def test_the_name_of_a_broken_run_stays_text_in_a_browser(tmp_path: Path, tab: Page) -> None:
    workspace = Workspace(tmp_path / "workspace")
    workspace.create()
    folder = workspace.runs_dir / ODD_NAME
    folder.mkdir()
    (folder / "run.json").write_text("{", "utf-8")
    with serving(workspace) as address:
        tab.goto(address)
        said = tab.get_by_test_id("stAlert").filter(has_text="a --workspace")
        said.wait_for()
        assert ODD_NAME.replace("\u202e", "⟨U+202E⟩") in said.inner_text()
        assert said.locator("a, img, span[role=img]").count() == 0


def test_a_file_that_cannot_be_read_is_named_with_advice(
    audited: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from streamlit.testing.v1 import AppTest

    copied = shutil.copytree(audited.path, tmp_path / "workspace")
    [status] = copied.glob("runs/*/status.json")
    status.unlink()
    status.mkdir()  # as unreadable as a file without permission, for the superuser too
    monkeypatch.setenv("SPINEBENCH_DASHBOARD_WORKSPACE", str(copied))
    script = "from spinebench.dashboard import navigation\nnavigation._show('runs')()\n"
    app = AppTest.from_string(script, default_timeout=60).run()
    assert not app.exception
    assert any("status.json" in one.value for one in [*app.error, *app.text])
    assert app.error
