"""What an audit is refused for before a call, what is warned of, and what may change when it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from PIL import Image, PngImagePlugin

from spinebench.rubrics.load import load_rubric
from spinebench.store.workspace import Workspace
from tests.audits.audited import OPENAI, judge_entries, write_plan
from tests.exams import MODEL, asking, draw, write_exam

if TYPE_CHECKING:
    from tests.exams import Exam, Said
    from tests.servers.judge import JudgeAnswers
    from tests.servers.provider import ProviderServer


def _own_rubric(path: Path, *, version: str = "1", focus: str = "Whether it is clear.") -> Path:
    rubric = load_rubric("reasoning").model_dump(mode="json")
    rubric |= {"id": "mine", "version": version}
    rubric["dimensions"] = rubric["dimensions"][:1]
    rubric["dimensions"][0] |= {"id": "clarity", "focus": focus}
    rubric["dimensions"][0]["anchors"] = {1: "Muddled.", 5: "Clear."}
    rubric["failure_modes"] = []
    path.write_text(yaml.safe_dump(rubric))
    return path


def test_a_rubric_that_changed_under_its_version_is_refused(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path, tmp_path: Path
) -> None:
    own = _own_rubric(tmp_path / "mine.yaml")
    first = cli("audit", "latest", "--plan", plan, "--rubric", own, "--json", "--display", "none")
    assert first.code == 0, first.err
    (cell, *_) = [one for one in first.records if one["type"] == "audit_cell"]
    assert [one["dimension"] for one in cell["dimensions"]] == ["clarity"]
    n_asked = len(judges.asked)
    _own_rubric(own, focus="Something else.")
    said = cli("audit", "latest", "--plan", plan, "--rubric", own)
    assert said.code == 3
    assert "'mine', version '1'" in said.err
    assert first.record("audit")["audit_id"] in said.err
    assert said.last == "give the changed rubric a new version"
    assert len(judges.asked) == n_asked
    resumed = cli("audit", "--resume", "latest", "--display", "none")
    assert resumed.code == 0, "a stored audit has its rubric with it"
    _own_rubric(own, focus="Something else.", version="2")
    assert cli("audit", "latest", "--plan", plan, "--rubric", own, "--display", "none").code == 0


def test_a_changed_image_is_a_failure_of_its_traces_and_no_judge_sees_it(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    exam: Exam,
    tmp_path: Path,
    provider_server: ProviderServer,
) -> None:
    plan = write_plan(tmp_path / "audit.yaml", provider_server, per_cell=6)
    for index in (3, 7):
        draw(exam.folder / exam.records[index]["image"], 200 + index)
    (exam.folder / exam.records[4]["image"]).unlink()
    said = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    assert said.code == 1
    assert "3 traces have an image that cannot be shown as it was" in said.err
    record = said.record("audit")
    assert (record["n_done"], record["n_failed"], record["n_planned"]) == (18, 6, 24)
    assert "6 of 24 judgements failed: 6 image" in said.err
    asked = [request.text for request in judges.asked]
    assert not any(exam.question(index) in text for index in (3, 4, 7) for text in asked)

    text_only = cli("audit", "latest", "--plan", plan, "--text-only", "--json", "--display", "none")
    assert text_only.code == 0, text_only.err
    assert all(not request.images for request in judges.asked[18:])

    for index in (3, 4, 7):
        draw(exam.folder / exam.records[index]["image"], index)
    again = cli("audit", "--resume", record["audit_id"], "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("audit")["n_done"] == 24


def test_images_that_are_elsewhere_are_found_by_option(
    cli: Callable[..., Said], judges: JudgeAnswers, exam: Exam, plan: Path, tmp_path: Path
) -> None:
    moved = exam.folder.rename(tmp_path / "moved")
    said = cli("audit", "latest", "--plan", plan)
    assert said.code == 3
    assert "--images" in said.last
    assert judges.asked == []
    found = cli("audit", "latest", "--plan", plan, "--images", moved, "--display", "none")
    assert found.code == 0, found.err


def test_images_with_identifiers_do_not_go_to_a_remote_judge(
    cli: Callable[..., Said], judge_keys: None, provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    note = PngImagePlugin.PngInfo()
    note.add_text("PatientName", "DOE^JANE")
    for record in exam.records:
        path = exam.folder / record["image"]
        with Image.open(path) as image:
            image.save(path, pnginfo=note)
    assert cli(*asking(exam, provider_server)).code == 0
    said = cli("audit", "latest", "--judge", OPENAI)
    assert said.code == 3
    assert "api.openai.com" in said.err
    assert "DOE" not in said.err
    assert cli("audit", "latest", "--judge", OPENAI, "--allow-identifiers", "--dry-run").code == 0
    assert cli("audit", "latest", "--judge", OPENAI, "--text-only", "--dry-run").code == 0


REFUSED: dict[str, tuple[list[str], int, str]] = {
    "no run of that name": (["nosuch"], 2, "'nosuch'"),
    "no run at all": ([], 2, "RUN: expected the runs whose traces are drawn"),
    "an unknown judge": (["latest", "--judge", "nobody/x"], 2, "'nobody/x'"),
    "a judge twice": (["latest", "--judge", "openai/a", "--judge", "openai/a"], 2, "expected each one once"),
    "an unknown rubric": (["latest", "--rubric", "reasonin"], 2, "did you mean 'reasoning'"),
    "a rubric twice": (["latest", "--rubric", "reasoning", "--rubric", "reasoning"], 2, "each one once"),
    "no trace of that condition": (["latest", "--image-condition", "blank"], 3, "frame"),
    "an unknown model": (["latest", "--model", "openai/nobody"], 2, "'openai/nobody'"),
    "two things at once": (["--resume", "latest", "--verify", "latest"], 2, "--resume with --verify"),
    "another sample on resume": (["--resume", "latest", "--per-cell", "9"], 2, "--resume with --per-cell"),
    "a run beside a stored audit": (["x", "--show", "latest"], 2, "--show with RUN"),
    "no audit yet": (["--resume", "latest"], 2, "expected at least one audit"),
}


@pytest.mark.parametrize(("args", "code", "told"), REFUSED.values(), ids=REFUSED)
def test_what_is_refused_asks_nobody(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    provider_server: ProviderServer,
    args: list[str],
    code: int,
    told: str,
) -> None:
    said = cli("audit", *args)
    assert said.code == code, said.err
    assert told in said.err
    assert "Traceback" not in said.err
    assert provider_server.n_requests == 0
    assert Workspace("spinebench-workspace").audits() == []


def test_a_missing_and_a_wrong_key_end_it_before_anything_is_written(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    plan: Path,
    provider_server: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    provider_server.keys = ["another-key"]
    wrong = cli("audit", "latest", "--plan", plan)
    assert wrong.code == 4
    assert "OPENAI_API_KEY" in wrong.err
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    missing = cli("audit", "latest", "--plan", plan)
    assert missing.code == 4
    assert "ANTHROPIC_API_KEY" in missing.err
    assert "key-of-no-worth" not in wrong.err + missing.err
    assert Workspace("spinebench-workspace").audits() == []
    assert cli("audit", "latest", "--plan", plan, "--dry-run").code == 0, "counting needs no key"


def test_a_judge_that_is_the_examinee_is_warned_of(
    cli: Callable[..., Said], judges: JudgeAnswers, provider_server: ProviderServer
) -> None:
    said = cli(
        "audit", "latest", "--judge", MODEL, "-M", f"base_url={provider_server.openai_url}", "--per-cell", 1,
        "--display", "none",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert f"warning: {MODEL} judges its own answers" in said.err


def test_without_a_judge_all_traces_go_to_clinicians(
    cli: Callable[..., Said], exam: Exam, provider_server: ProviderServer
) -> None:
    said = cli("audit", "latest", "--per-cell", 3, "--mode", "specific", "--json", "--display", "none")
    assert said.code == 0, said.err
    record = said.record("audit")
    assert (record["n_traces"], record["n_reviewed"], record["n_referred"], record["n_planned"]) == (
        6,
        6,
        6,
        0,
    )
    assert provider_server.n_requests == 0
    assert "for clinicians alone" in said.err
    shown = cli("audit", "--show", "latest")
    assert "no judge was asked" in shown.out


def test_verify_names_what_is_scored_otherwise_since(
    cli: Callable[..., Said], exam: Exam, provider_server: ProviderServer
) -> None:
    assert cli("audit", "latest", "--per-cell", 12, "--display", "none").code == 0
    assert cli("audit", "--verify", "latest", "--json").record("verify")["differences"] == []
    (run,) = Workspace("spinebench-workspace").runs()
    for entry in list(run.latest()):
        assert entry.scored is not None
        if not entry.scored.grade.correct:
            grade = entry.scored.grade.model_copy(update={"correct": True})
            scored = entry.scored.model_copy(update={"grade": grade})
            with run.lock():
                run.journal.append([type(entry)(scored=scored)])
                run.journal.close()
            break
    said = cli("audit", "--verify", "latest", "--json")
    assert said.code == 3
    differences = said.record("verify")["differences"]
    assert any(line.startswith("frame hash") for line in differences)
    refused = cli("audit", "--resume", "latest", "--display", "none")
    assert refused.code == 0, "the audit stands as it was drawn"


def test_resuming_is_refused_when_a_judge_has_other_settings(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path
) -> None:
    said = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    folder = Workspace("spinebench-workspace").audit(said.record("audit")["audit_id"])
    stored = json.loads((folder.path / "audit.json").read_text())
    stored["plan"]["judges"][0]["args"]["base_url"] = "http://127.0.0.1:9/v1"
    (folder.path / "audit.json").write_text(json.dumps(stored))
    again = cli("audit", "--resume", "latest")
    assert again.code == 2
    assert f"models: {OPENAI}" in again.err
    assert again.last.startswith("put it back")


def test_judges_see_the_gold_answer_only_where_the_plan_says_so(
    cli: Callable[..., Said], judges: JudgeAnswers, tmp_path: Path, provider_server: ProviderServer
) -> None:
    entries: list[dict[str, Any]] = judge_entries(provider_server)[:1]
    plan = write_plan(tmp_path / "audit.yaml", provider_server, judges=entries, per_cell=2)
    assert cli("audit", "latest", "--plan", plan, "--display", "none").code == 0
    n_without = len(judges.asked)
    assert cli("audit", "latest", "--plan", plan, "--show-gold", "--display", "none").code == 0
    without, shown = judges.asked[:n_without], judges.asked[n_without:]
    assert len(shown) == n_without, "what judges see is another question: nothing is reused"
    assert sum(map(len, (one.text for one in shown))) > sum(map(len, (one.text for one in without)))
    (_, audit) = Workspace("spinebench-workspace").audits()
    assert audit.spec().blinding.gold
