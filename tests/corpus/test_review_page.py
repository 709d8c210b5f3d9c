"""The review page in a browser: decisions made there become a benchmark."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import Browser

from tests.corpus_authors import author, document, picture
from tests.servers.provider import ProviderServer


def spinebench(*arguments: str, folder: Path) -> str:
    """What `spinebench build` prints, in a process of its own: the browser keeps an event loop in this one."""
    done = subprocess.run(
        [sys.executable, "-m", "spinebench", "build", *arguments],
        cwd=folder, env={**os.environ, "OPENAI_API_KEY": "a-key"}, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return done.stdout


def test_decisions_saved_on_the_page_are_taken(
    tmp_path: Path,
    provider_server: ProviderServer,
    chromium: Browser,
) -> None:
    provider_server.answer = author()
    for number in (1, 2):
        picture(tmp_path / "notes" / "images" / f"{number}.png", number)
    (tmp_path / "notes" / "chapter.md").write_text(document(2), "utf-8")
    base = f"base_url={provider_server.openai_url}"
    spinebench(
        "corpus", "notes", "-o", "out", "-m", "openai/x", "-M", base, "--kind", "image-open", folder=tmp_path
    )

    context = chromium.new_context(offline=True)
    page = context.new_page()
    complaints: list[str] = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.goto((tmp_path / "out" / "review-page-1.html").as_uri())
    articles = page.locator("article")
    assert articles.count() == 2
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    assert page.locator("#count").inner_text() == "0 of 2 decided"
    articles.nth(0).get_by_label("accept").check()
    articles.nth(1).get_by_label("reject").check()
    assert page.locator("#count").inner_text() == "2 of 2 decided"
    page.get_by_label("Reviewer").fill("reader-1")
    with page.expect_download() as download:
        page.get_by_text("Save decisions").click()
    saved = tmp_path / download.value.suggested_filename
    download.value.save_as(saved)
    context.close()

    assert complaints == []
    rows = [json.loads(line) for line in saved.read_text("utf-8").splitlines()]
    assert [(row["decision"], row["reviewer"]) for row in rows] == [
        ("accept", "reader-1"),
        ("reject", "reader-1"),
    ]
    said = spinebench("accept", "out", "--reviewed", saved.name, "--json", folder=tmp_path)
    assert json.loads(said) == {
        "type": "accepted", "file": "out/benchmark.jsonl", "n_accepted": 1, "n_rejected": 1, "n_undecided": 0,
    }  # fmt: skip
