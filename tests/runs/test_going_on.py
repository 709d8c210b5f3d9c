"""Resuming, scoring again and reusing replies: what is allowed to change, and what a changed thing is called."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from spinebench.store.workspace import Workspace
from tests.exams import Exam, asking, draw, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer


@pytest.fixture
def own_persona(tmp_path: Path) -> Path:
    path = tmp_path / "own.txt"
    path.write_text("Q: {{question}}\nO: {{options}}\nMy final option: [X]\n")
    return path


@pytest.fixture
def half_done(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path, own_persona: Path
) -> Exam:
    """A run of eight questions of which the last two failed."""
    exam = write_exam(tmp_path / "bench", n=8)
    provider_server.fault("bad_request", match="case 000[67]")
    said = cli(*asking(exam, provider_server), "--persona", own_persona, "--persona", "surgeon", "--limit", 8)
    assert said.code == 1, said.err
    provider_server.clear()
    exam.asked.clear()
    return exam


def _edit_question(exam: Exam, _: Path) -> list[str]:
    exam.records[3]["question"] += " Look twice."
    exam.rewrite()
    return ["items: ", "(gone)", "(new)"]


def _edit_gold(exam: Exam, _: Path) -> list[str]:
    exam.records[0]["answers"] = "Spondylolisthesis"
    exam.rewrite()
    return ["items: diagnosis-"]


def _edit_image(exam: Exam, _: Path) -> list[str]:
    draw(exam.folder / exam.records[1]["image"], 77)
    return [f"images: {exam.records[1]['image']}"]


def _lose_image(exam: Exam, _: Path) -> list[str]:
    (exam.folder / exam.records[1]["image"]).unlink()
    return [f"images: {exam.records[1]['image']}"]


def _edit_template(_: Exam, persona: Path) -> list[str]:
    persona.write_text(persona.read_text() + "Be brief.\n")
    return ["personas: file:own: was "]


def _drop_record(exam: Exam, _: Path) -> list[str]:
    del exam.records[5]
    exam.rewrite()
    return ["items: ", "(gone)"]


CHANGES = {
    "a question": _edit_question,
    "a gold answer": _edit_gold,
    "an image": _edit_image,
    "a lost image": _lose_image,
    "a template": _edit_template,
    "a record less": _drop_record,
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_resuming_is_refused_when_an_answer_could_differ(
    cli: Callable[..., Said],
    half_done: Exam,
    own_persona: Path,
    change: Callable[[Exam, Path], list[str]],
) -> None:
    expected = change(half_done, own_persona)
    said = cli("resume", "latest")
    assert said.code == 2
    for part in expected:
        assert part in said.err
    assert half_done.asked == []
    assert said.last == "put it back, or start a new run with 'spinebench run'"


def test_resuming_with_other_limits_and_from_another_place_is_allowed(
    cli: Callable[..., Said], half_done: Exam, tmp_path: Path
) -> None:
    moved = half_done.folder.rename(tmp_path / "moved here")
    lost = cli("resume", "latest")
    assert lost.code == 3
    said = cli(
        "resume", "latest", "-b", moved / "test.json", "--max-connections", 2, "--timeout", 30,
        "--item-timeout", 60, "--max-retries", 0, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert sorted(half_done.asked) == sorted([half_done.question(6), half_done.question(7)] * 2)
    assert said.record("run")["n_done"] == 16
    assert all(record["partial"] for record in said.records)


@pytest.mark.parametrize(
    ("option", "value"), [("--timeout", "0"), ("--fail-on-error", "-1"), ("--budget-usd", "-3")]
)
def test_a_wrong_limit_is_refused(cli: Callable[..., Said], half_done: Exam, option: str, value: str) -> None:
    said = cli("resume", "latest", option, value)
    assert said.code == 2
    assert "Traceback" not in said.err


def test_a_run_that_is_not_there(cli: Callable[..., Said], half_done: Exam) -> None:
    for name in ("resume", "score"):
        said = cli(name, "nosuch")
        assert said.code == 2
        assert "nosuch" in said.err
        assert "runs list" in said.last


def test_resuming_a_finished_run_asks_nobody(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    first = cli(*asking(exam, provider_server), "--json")
    before = (provider_server.n_requests, provider_server.n_checks)
    again = cli("resume", "latest", "--json")
    assert again.code == 0, again.err
    assert (provider_server.n_requests, provider_server.n_checks) == before
    assert again.record("result") == first.record("result")


# ---------------------------------------------------------------- reuse


def test_the_same_question_is_not_paid_twice(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6, right=[0, 1])
    first = cli(*asking(exam, provider_server), "--json")
    assert len(exam.asked) == 6
    again = cli(*asking(exam, provider_server), "--json")
    assert len(exam.asked) == 6, "the second run asks nothing"
    assert again.record("run")["n_reused"] == 6
    assert again.record("run")["run_id"] != first.record("run")["run_id"]
    assert again.record("result")["diagnosis"] == first.record("result")["diagnosis"]

    anew = cli(*asking(exam, provider_server), "--no-reuse", "--json")
    assert len(exam.asked) == 12
    assert anew.record("run")["n_reused"] == 0

    cli(*asking(exam, provider_server), "--temperature", "0.5")
    assert len(exam.asked) == 18, "another temperature is another question"
    cli(*asking(exam, provider_server), "--persona", "none")
    assert len(exam.asked) == 24, "another prompt is another question"
    cli(*asking(exam, provider_server), "--epochs", "2")
    assert len(exam.asked) == 30, "a second epoch is a draw of its own"


def test_failed_and_refused_replies_are_not_kept_for_reuse(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    provider_server.fault("refusal", match="case 0000")
    provider_server.fault("empty", match="case 0001")
    provider_server.fault("length", match="case 0002")
    assert cli(*asking(exam, provider_server)).code == 0
    provider_server.clear()
    exam.asked.clear()
    said = cli(*asking(exam, provider_server), "--json")
    assert sorted(exam.asked) == [exam.question(0), exam.question(2), exam.question(1)]
    assert said.record("run")["n_reused"] == 3


# ---------------------------------------------------------------- scoring again


def test_scoring_again_calls_nobody_and_changes_no_answer(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    for index in (0, 2):
        exam.planted[exam.question(index)] = "Ich habe lange hingesehen.\nMein Tipp lautet ==> A"
    first = cli(*asking(exam, provider_server), "--json")
    assert first.code == 0, first.err
    (run,) = Workspace("spinebench-workspace").runs()
    before = run.journal.path.read_bytes()
    provider_server.stop()

    same = cli("score", "latest", "--json")
    assert same.code == 0, same.err
    assert same.record("rescore")["n_rescored"] == 0
    assert run.journal.path.read_bytes() == before, "nothing differs, nothing is written"

    said = cli("score", "latest", "--phrase", r"Mein Tipp lautet ==>", "--json")
    assert said.code == 0, said.err
    assert said.record("rescore")["n_answers"] == 6
    now = run.journal.path.read_bytes()
    assert now.startswith(before), "scores are appended, answers stay"
    assert all(json.loads(line)["answer"] is None for line in now[len(before) :].splitlines())
    # gold: Osteophytes (A), Healthy (B), Spondylolisthesis (C): with the phrase, A is right once
    assert said.record("result")["diagnosis"]["accuracy"]["of_asked"]["value"] == pytest.approx(2 / 3)
    assert said.record("result")["localization"]["accuracy"]["of_asked"]["value"] == 1.0


def test_a_score_is_printed_with_what_changed(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    assert cli("run", "-b", exam.file, "-m", "baseline/random").code == 0
    said = cli("score", "latest")
    assert said.code == 0
    assert "0 of 4 answers score differently now; no model was called" in said.err
    assert "baseline/random" in said.out
