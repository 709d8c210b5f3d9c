"""What `spinebench run` prints, and where its settings come from."""

from __future__ import annotations

import contextlib
import json
import os
import re
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from spinebench.store.workspace import Workspace
from tests.exams import MODEL, ROOT, asking, command, finish, start, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer


def test_the_table_shows_accuracies_with_intervals_and_what_was_not_answered(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    """Three of four diagnoses right; of 3/4, Wilson's interval is [0.301, 0.954]."""
    exam = write_exam(tmp_path / "bench", n=8, right=[0, 2, 4, 1])
    exam.planted[exam.question(7)] = "None of the above."
    said = cli(*asking(exam, provider_server))
    assert said.code == 0, said.err
    row = next(line for line in said.out.splitlines() if line.startswith(f" {MODEL}"))
    assert "75.0 [30–95]" in row
    assert "25.0 [" in row
    assert "50.0 [" in row, "overall: mean of 75 and 25"
    assert "4+4" in row
    assert "Not answered" in said.out
    assert "Without looking, diagnosis: random option 20.0" in said.out
    assert re.search(
        r"run \S+ in spinebench-workspace; read it with: spinebench runs show \S+$", said.err, re.M
    )


@pytest.mark.parametrize("width", ["30", "80", "300"])
def test_no_figure_is_ever_cut_off(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: str
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    monkeypatch.setenv("COLUMNS", width)
    said = cli(
        "run", "-b", exam.file, "-m", "baseline/random", "--image-condition", "normal",
        "--image-condition", "none", "--persona", "surgeon", "--persona", "radiologist",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert "…" not in said.out
    for label in ("baseline/random, surgeon, normal", "baseline/random, radiologist, none"):
        assert label in said.out
    assert len(re.findall(r"\d\.\d \[\d+–\d+\]", said.out)) >= 12
    assert "\x1b" not in said.out, "no colours where there is no terminal"


def test_json_is_one_record_a_line_and_all_else_is_on_stderr(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    provider_server.fault("bad_request", match="case 0000")
    said = cli(*asking(exam, provider_server), "--json", "--display", "plain")
    assert [record["type"] for record in said.records] == ["run", "result"]
    assert said.code == 1
    assert "1 of 4 answers failed" in said.err
    dry = cli(*asking(exam, provider_server), "--json", "--dry-run")
    assert [record["type"] for record in dry.records] == ["dry_run"]
    config = cli(*asking(exam, provider_server), "--json", "--print-config")
    assert config.records[0]["models"] == [{"name": MODEL, "args": {}}]


def test_a_dry_run_counts_and_makes_no_call(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    exam = write_exam(tmp_path / "bench", n=6)
    (exam.folder / exam.records[5]["image"]).unlink()
    said = cli(
        *asking(exam, provider_server), "--dry-run", "--epochs", 2, "--persona", "surgeon", "--persona", "none",
        "--image-condition", "normal", "--image-condition", "none", "--max-tokens", 100,
        "--model-role", "extractor=openai/gpt-4o-mini", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert (provider_server.n_requests, provider_server.n_checks) == (0, 0)
    assert not list(Path("spinebench-workspace").glob("runs/*"))
    report = said.records[0]
    assert report["n_answers"] == 6 * 2 * 2 * 2
    assert report["n_image_problems"] == 1
    (model,) = report["models"]
    assert model["calls"] == 48
    assert model["output_tokens"] == [4800, 4800]
    assert model["input_tokens"][0] < model["input_tokens"][1]
    assert report["leaves_machine"] == ["api.openai.com"]
    shown = cli(*asking(exam, provider_server), "--dry-run")
    assert "nothing was sent" in shown.out
    assert "Nothing would leave this machine." in shown.err


def test_a_dry_run_counts_each_turn_of_a_consultation_with_what_is_sent_again(
    cli: Callable[..., Said], tmp_path: Path
) -> None:
    """Three turns resend a history of 6,000 characters: at five to a token no less than 3 x 1,200 tokens in.

    Out: a report of 500 to 3,000 tokens and three replies of 150 to 1,500; of these, one and two are sent again.
    """
    case = {"history": "x" * 6000, "turns": ["One.", "Two.", "Three."]}
    rows = [
        {"id": "c", "task": "consultation", "question": "?", "case": case},
        {"id": "r", "task": "report", "question": "?", "case": {"history": "x" * 6000}},
    ]
    file = tmp_path / "items.jsonl"
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    said = cli("run", "-b", file, "-m", "sim/careful", "--dry-run", "--json")
    assert said.code == 0, said.err
    report = said.records[0]
    assert report["n_answers"] == 2
    (model,) = report["models"]
    assert model["calls"] == 4
    assert model["output_tokens"] == [500 + 3 * 150, 3000 + 3 * 1500]
    assert 4 * 1200 + 3 * 150 < model["input_tokens"][0] < 4 * 1200 + 3 * 150 + 2000
    short = cli("run", "-b", file, "-m", "sim/careful", "--dry-run", "--json", "--max-tokens", 100).records[0]
    assert short["models"][0]["output_tokens"] == [400, 400]


def test_a_dry_run_names_host_and_price(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-no-worth")
    exam = write_exam(tmp_path / "bench", n=4)
    said = cli("run", "-b", exam.file, "-m", "anthropic/claude-sonnet-4-5", "--dry-run")
    assert said.code == 0, said.err
    assert "api.anthropic.com" in said.out
    assert "$0." in said.out
    assert "Questions and images would be sent to: api.anthropic.com" in said.err


FULL: dict[str, Any] = {
    "models": [{"name": "baseline/random"}, "sim/careful"],
    "model_roles": {"extractor": "sim/careful"},
    "personas": ["none"],
    "image_conditions": ["normal", "blank"],
    "limit": "2-3",
    "epochs": 2,
    "shuffle_options": 3,
    "temperature": 0.5,
    "longest_side": None,
    "timeout": float("inf"),
    "prices": {"openai/x": {"input": 1.0, "output": 2.0}},
    "gates": ["overall >= 0.5"],
    "seed": 11,
}


def test_the_printed_plan_is_a_plan(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    first = tmp_path / "first.yaml"
    first.write_text(yaml.safe_dump({"benchmark": str(exam.file), **FULL}))
    printed = cli("run", first, "--print-config")
    assert printed.code == 0, printed.err
    second = tmp_path / "second.yaml"
    second.write_text(printed.out)
    again = cli("run", second, "--print-config")
    assert again.out == printed.out
    values = yaml.safe_load(printed.out)
    assert values["longest_side"] is None
    assert values["timeout"] == float("inf")
    assert "top_p" not in values
    assert cli("run", second, "--print-config", "--json").records[0]["seed"] == 11


def test_a_flag_goes_before_the_plan_the_plan_before_the_environment(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    monkeypatch.setenv("SPINEBENCH_SEED", "1")
    monkeypatch.setenv("SPINEBENCH_EPOCHS", "2")
    monkeypatch.setenv("SPINEBENCH_LIMIT", "3")
    (tmp_path / ".env").write_text("SPINEBENCH_SEED=5\nSPINEBENCH_TOP_P=0.5\nSPINEBENCH_MODELS=sim/careful\n")
    plan = tmp_path / "plan.yaml"
    plan.write_text(f"benchmark: {exam.file}\nepochs: 20\nlimit: 30\n")
    said = cli("run", plan, "--limit", "300", "--print-config")
    assert said.code == 0, said.err
    values = yaml.safe_load(said.out)
    assert values["limit"] == "300", "flag"
    assert values["epochs"] == 20, "plan"
    assert values["seed"] == 1, "environment, before .env"
    assert values["top_p"] == 0.5, ".env"
    assert values["models"] == [{"name": "sim/careful", "args": {}}]
    assert values["max_retries"] == 6, "default"
    for name in ("SPINEBENCH_TOP_P", "SPINEBENCH_MODELS"):
        os.environ.pop(name, None)


def test_paths_in_a_plan_count_from_its_folder(cli: Callable[..., Said], tmp_path: Path) -> None:
    write_exam(tmp_path / "study" / "bench", n=2)
    (tmp_path / "study" / "mine.txt").write_text("Q {{question}} O {{options}} My final option: [X]")
    plan = tmp_path / "study" / "plan.yaml"
    plan.write_text("benchmark: bench/test.json\nmodels: baseline/random\npersonas: [none, mine.txt]\n")
    said = cli("run", plan, "--json")
    assert said.code == 0, said.err
    assert [record["persona"] for record in said.records[1:]] == ["none", "file:mine"]


def test_a_workspace_named_in_dot_env_is_used(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    (tmp_path / ".env").write_text("SPINEBENCH_WORKSPACE=from-dot-env\n")
    said = finish(start("run", "-b", exam.file, "-m", "baseline/random", cwd=tmp_path))
    assert said.code == 0, said.err
    assert len(Workspace(tmp_path / "from-dot-env").runs()) == 1


def test_gates_of_the_plan_are_kept(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    plan = tmp_path / "plan.yaml"

    def run(gate: str) -> Said:
        values = {"benchmark": str(exam.file), "models": ["baseline/always-healthy"], "gates": gate}
        plan.write_text(json.dumps(values))  # JSON is YAML
        return cli("run", plan)

    kept = run("diagnosis_accuracy of baseline/always-healthy >= 0.33")
    assert kept.code == 0, kept.err
    missed = run("diagnosis_accuracy >= 0.34")
    assert missed.code == 1
    assert "gate missed: diagnosis_accuracy of baseline/always-healthy: 0.3333, interval " in missed.err
    assert "n = 3; expected >= 0.34" in missed.err
    assert missed.last.startswith("The run is complete; the gates of the plan are not met. Its answers: ")
    assert "; case by case, by outcome: spinebench dashboard" in missed.last
    audited = run("alpha_judge_vs_clinicians >= 0.6")
    assert audited.code == 1
    assert "alpha_judge_vs_clinicians >= 0.6: no audit gave such a figure" in audited.err


def test_a_gate_on_an_unknown_metric_is_refused(cli: Callable[..., Said], tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text("benchmark: b.json\nmodels: sim/careful\ngates: helthy_misdiagnosis <= 0.2\n")
    said = cli("run", plan)
    assert said.code == 2
    assert "did you mean 'healthy_misdiagnosis'?" in said.err


def test_model_options_are_read_as_numbers_words_and_dates(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    said = cli(
        "run", "-b", exam.file, "-m", "local/x", "-M", "revision=2025-06-01", "-M", "max_batch=4",
        "-M", "device=cpu", "-M", "note=a: b: c", "--print-config", "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.records[0]["model_args"] == {
        "revision": "2025-06-01", "max_batch": 4, "device": "cpu", "note": "a: b: c",
    }  # fmt: skip


def test_help_names_every_option_of_the_plan(cli: Callable[..., Said]) -> None:
    from spinebench.runs.plan import RunPlan
    from spinebench.runs.plan_fields import Flag

    said = cli("run", "--help")
    flags = [
        name.partition("/")[0]
        for info in RunPlan.model_fields.values()
        for meta in info.metadata
        if isinstance(meta, Flag)
        for name in meta.names.split()
    ]
    assert len(flags) > 25
    for flag in flags:
        assert flag in said.out


def test_a_dry_run_needs_no_key(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    said = cli(
        "run", "-b", exam.file, "-m", "openai/gpt-5", "-m", "google/gemini-2.5-pro", "--dry-run", "--json"
    )
    assert said.code == 0, said.err
    assert said.records[0]["leaves_machine"] == ["api.openai.com", "generativelanguage.googleapis.com"]


@pytest.mark.parametrize("no_colour", [True, False])
def test_colours_only_on_a_terminal_that_wants_them(
    provider_server: ProviderServer, tmp_path: Path, no_colour: bool
) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    provider_server.delay_s = 0.3
    arguments = [part for part in asking(exam, provider_server) if part not in {"--display", "none"}]
    master, slave = os.openpty()
    environment = {
        "TERM": "xterm-256color",
        "HOME": str(tmp_path),
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(ROOT),
    }
    process = subprocess.Popen(
        command(*arguments, "--max-connections", "1"),
        cwd=tmp_path,
        env=environment | ({"NO_COLOR": "1"} if no_colour else {}),
        stdin=slave,
        stdout=slave,
        stderr=slave,
    )
    os.close(slave)
    shown = b""
    with contextlib.suppress(OSError):  # the terminal is gone when the process is
        while piece := os.read(master, 65536):
            shown += piece
    os.close(master)
    assert process.wait(timeout=30) == 0
    text = shown.decode()
    assert "/6 done" in text, "a bar with what is done"
    assert "asking" in text
    coloured = re.search(r"\x1b\[(?:\d+;)*(?:3[0-8]|9[0-7])[;m]", text) is not None
    assert coloured == (not no_colour)
