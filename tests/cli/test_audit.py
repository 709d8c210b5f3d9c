"""`spinebench audit` as a person calls it, and `spinebench run` with an `audit:` section."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

import spinebench
from spinebench.audits.plan import AuditPlan, audit_plan_from, audit_plan_of_run
from spinebench.errors import UsageError
from spinebench.runs.plan import plan_of
from spinebench.runs.plan_fields import Flag
from spinebench.store.workspace import Workspace
from tests.audits.audited import judge_entries
from tests.exams import MODEL, asking, write_exam
from tests.servers.judge import JudgeAnswers
from tests.written_exams import report_items, write_items

if TYPE_CHECKING:
    from tests.exams import Exam, Said
    from tests.servers.provider import ProviderServer


def test_help_names_every_option_of_the_plan(cli: Callable[..., Said]) -> None:
    said = cli("audit", "--help")
    flags = [
        name.partition("/")[0]
        for info in AuditPlan.model_fields.values()
        for meta in info.metadata
        if isinstance(meta, Flag)
        for name in meta.names.split()
    ]
    assert len(flags) > 20
    for flag in [*flags, "--resume", "--verify", "--extend", "--show", "--plan-ratings"]:
        assert flag in said.out


def test_no_two_options_share_a_name() -> None:
    names = [
        flag
        for info in AuditPlan.model_fields.values()
        for meta in info.metadata
        if isinstance(meta, Flag)
        for name in meta.names.split()
        for flag in name.split("/")
    ]
    own = [
        "--workspace",
        "--json",
        "--display",
        "--dry-run",
        "--print-config",
        "--help",
        "--plan",
        "--resume",
    ]
    own += ["--show", "--verify", "--extend", "--plan-ratings", "--ratings", "--raters"]
    assert len(set(names + own)) == len(names + own)


def test_the_printed_plan_is_a_plan(cli: Callable[..., Said], tmp_path: Path) -> None:
    first = cli(
        "audit", "some-run", "--judge", "openai/x", "--per-cell", 20, "--mode", "common", "--print-config"
    )
    assert first.code == 0, first.err
    file = tmp_path / "plan.yaml"
    file.write_text(first.out)
    again = cli("audit", "--plan", file, "--print-config")
    assert again.out == first.out
    values = yaml.safe_load(again.out)
    assert (values["runs"], values["per_cell"], values["mode"]) == (["some-run"], 20, "common")
    assert values["judges"] == [{"name": "openai/x", "args": {}}]


def test_a_flag_goes_before_the_plan_and_the_plan_before_the_environment(tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text("runs: a\nrubrics: [reasoning, own.yaml]\nper_cell: 5\nrepeats: 2\n")
    environ = {"SPINEBENCH_AUDIT_REPEATS": "3", "SPINEBENCH_AUDIT_SEED": "9", "SPINEBENCH_SEED": "1"}
    plan = audit_plan_from(flags={"per_cell": 6}, file=file, environ=environ)
    assert (plan.runs, plan.per_cell, plan.repeats, plan.seed) == (("a",), 6, 2, 9)
    assert plan.rubrics == ("reasoning", str(tmp_path / "own.yaml"))


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("runs: a\nper_cel: 3\n", "did you mean 'per_cell'"),
        ("runs: a\nrandom_share: 2\n", "random_share 2"),
        ("runs: []\n", "runs"),
        ("[1, 2]\n", "expected keys and values; see docs/audit.md"),
    ],
)
def test_a_wrong_plan_file_is_told(tmp_path: Path, text: str, told: str) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text)
    with pytest.raises(UsageError, match=told):
        audit_plan_from(flags={}, file=file)


def test_an_unknown_key_of_a_section_is_told_with_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"'audit.per_cel': expected a known key, did you mean 'per_cell'"):
        plan_of({"benchmark": "b", "models": "sim/careful", "audit": {"per_cel": 3}})


def test_a_section_takes_over_limits_but_no_budget() -> None:
    values = {"benchmark": "b", "models": "sim/careful", "seed": 3, "max_retries": 2, "budget_usd": 5}
    plan = audit_plan_of_run(
        plan_of({**values, "model_roles": {"judge": "openai/x"}, "audit": {"max_retries": 1}}), ["r"]
    )
    assert (plan.seed, plan.max_retries, plan.budget_usd) == (3, 1, None)
    assert [judge.name for judge in plan.judges] == ["openai/x"]
    with pytest.raises(UsageError, match="one of the two to name the judges"):
        plan_of({**values, "model_roles": {"judge": "openai/x"}, "audit": {"judges": ["openai/y"]}})


# ---------------------------------------------------------------- exam and audit in one command


@pytest.fixture
def exam(cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Exam:
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    monkeypatch.setenv("ANTHROPIC_API_KEY", "key-of-no-worth")
    return write_exam(tmp_path / "bench", n=8, right=[0, 1, 2])


def _batch(tmp_path: Path, exam: Exam, server: ProviderServer, **section: object) -> Path:
    plan = {
        "benchmark": str(exam.file),
        "models": [{"name": MODEL, "args": {"base_url": server.openai_url}}],
        "audit": {"judges": judge_entries(server), "per_cell": 2, "mode": "specific", **section},
    }
    path = tmp_path / "batch.yaml"
    path.write_text(yaml.safe_dump(plan))
    return path


def test_one_plan_file_and_one_command_examine_and_audit(
    cli: Callable[..., Said], tmp_path: Path, exam: Exam, provider_server: ProviderServer
) -> None:
    judges = JudgeAnswers(exam.answer)
    provider_server.answer = judges.answer
    file = _batch(tmp_path, exam, provider_server)
    said = cli("run", file, "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("run")["state"] == "done"
    assert said.record("audit")["n_done"] == 8
    assert said.record("audit")["runs"] == [said.record("run")["run_id"]]
    n_asked = len(judges.asked)
    again = cli("resume", "latest", "--json", "--display", "none")
    assert again.code == 0, again.err
    assert len(judges.asked) == n_asked
    assert len(Workspace("spinebench-workspace").audits()) == 1


def test_a_judge_that_cannot_be_used_is_refused_before_the_exam(
    cli: Callable[..., Said],
    tmp_path: Path,
    exam: Exam,
    provider_server: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("ANTHROPIC_API_KEY")
    provider_server.answer = exam.answer
    said = cli("run", _batch(tmp_path, exam, provider_server))
    assert said.code == 4
    assert "ANTHROPIC_API_KEY" in said.err
    assert exam.asked == []


def test_an_audit_that_stopped_goes_on_with_the_run(
    cli: Callable[..., Said], tmp_path: Path, exam: Exam, provider_server: ProviderServer
) -> None:
    judges = JudgeAnswers(exam.answer)
    provider_server.answer = judges.answer
    fault = provider_server.fault("server", status=500, match="(?s)CASE-")
    file = _batch(tmp_path, exam, provider_server, max_retries=0)
    said = cli("run", file, "--json", "--display", "none")
    assert said.code == 1
    assert said.record("audit")["n_failed"] == 8
    assert said.last.startswith("go on with: spinebench audit --resume ")
    provider_server.faults.remove(fault)
    again = cli("resume", "latest", "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("audit")["n_done"] == 8
    assert len(Workspace("spinebench-workspace").audits()) == 1


def test_a_judge_role_alone_asks_for_an_audit(
    cli: Callable[..., Said], tmp_path: Path, exam: Exam, provider_server: ProviderServer
) -> None:
    judges = JudgeAnswers(exam.answer)
    plan = {
        "benchmark": str(exam.file),
        "models": [{"name": MODEL, "args": {"base_url": provider_server.openai_url}}],
        "model_roles": {"judge": judge_entries(provider_server)[1]},
    }
    file = tmp_path / "plan.yaml"
    file.write_text(yaml.safe_dump(plan))
    provider_server.answer = judges.answer
    said = cli("run", file, "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("audit")["n_done"] == 8


def test_the_python_interface_audits_where_the_plan_asks_for_it(
    tmp_path: Path, exam: Exam, provider_server: ProviderServer
) -> None:
    provider_server.answer = JudgeAnswers(exam.answer).answer
    one = spinebench.run(_batch(tmp_path, exam, provider_server), workspace=tmp_path / "ws")
    (audit,) = one.audits()
    assert audit.status is not None
    assert audit.status.n_done == 8


def test_gates_of_both_kinds_stand_in_the_plan_of_the_run(
    cli: Callable[..., Said], tmp_path: Path, exam: Exam, provider_server: ProviderServer
) -> None:
    provider_server.answer = JudgeAnswers(exam.answer).answer
    file = _batch(tmp_path, exam, provider_server)
    plan = yaml.safe_load(file.read_text())

    def run(*gates: str) -> Said:
        file.write_text(yaml.safe_dump({**plan, "gates": list(gates)}))
        return cli("run", file, "--display", "none")

    kept = run("answered_share >= 1", "judge_mean >= 3")
    assert kept.code == 0, kept.err
    of_run = run("overall > 0.99", "judge_mean >= 3")
    assert of_run.code == 1
    *_, gate, last = of_run.err.splitlines()
    assert gate.startswith("gate missed: overall"), "named last, behind the audit's tables"
    assert "the gates of the plan are not met" in last
    of_audit = run("answered_share >= 1", "judge_mean >= 4")
    assert of_audit.code == 1
    assert "gate missed: judge_mean" in of_audit.err
    assert "what is behind them: spinebench calibrate " in of_audit.err
    assert "case by case, scores beside traces: spinebench dashboard" in of_audit.err
    assert "spinebench audit --show " in of_audit.last
    assert "gate missed: answered_share" not in of_audit.err


def test_an_audit_wants_runs(cli: Callable[..., Said]) -> None:
    said = cli("audit", "--judge", "sim/judge-noisy")
    assert said.code == 2
    assert "RUN: expected the runs" in said.err
    assert "spinebench audit latest" in said.last


# ---------------------------------------------------------------- counting and planning


def test_a_dry_run_counts_and_asks_nobody(
    cli: Callable[..., Said], exam: Exam, provider_server: ProviderServer
) -> None:
    assert cli(*asking(exam, provider_server)).code == 0
    provider_server.clear()
    args = [
        "audit",
        "latest",
        "--judge",
        "openai/gpt-5",
        "--per-cell",
        "2",
        "--repeats",
        "3",
        "--mode",
        "specific",
    ]
    said = cli(*args, "--dry-run", "--json")
    assert said.code == 0, said.err
    report = said.record("dry_run")
    assert (report["n_traces"], report["n_judgements"], report["n_images"]) == (4, 12, 4)
    (judge,) = report["judges"]
    assert judge["calls"] == 12
    assert judge["input_tokens"][0] < judge["input_tokens"][1]
    assert report["leaves_machine"] == ["api.openai.com"]
    assert (provider_server.n_requests, provider_server.n_checks) == (0, 0)
    assert Workspace("spinebench-workspace").audits() == []
    shown = cli(*args, "--dry-run")
    assert "nothing was sent" in shown.out
    assert "Questions, traces and images would be sent to: api.openai.com" in shown.err


def test_the_planner_says_what_ratings_buy(
    cli: Callable[..., Said], exam: Exam, provider_server: ProviderServer
) -> None:
    assert cli(*asking(exam, provider_server)).code == 0
    said = cli("audit", "latest", "--plan-ratings", "--per-cell", 30, "--json")
    assert said.code == 0, said.err
    plan = said.record("rating_plan")
    assert plan["n_ratings"] == 30 * 2 * 2, "traces x tasks x clinicians"
    assert plan["cells"][0]["detectable_bias"] == pytest.approx(0.69, abs=0.005)
    shown = cli("audit", "latest", "--plan-ratings", "--ratings", 40, "--raters", 2)
    assert shown.code == 0, shown.err
    assert "40 ratings" in shown.out


def test_the_page_names_every_key_and_option() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "audit.md").read_text("utf-8")
    for name, info in AuditPlan.model_fields.items():
        assert f"`{name}`" in page
        for flag in (meta.names.split()[0] for meta in info.metadata if isinstance(meta, Flag)):
            assert flag.partition("/")[0] in page or flag.partition("/")[0] == f"--{name.replace('_', '-')}"
    example = page.partition("```yaml\n")[2].partition("```")[0]
    plan = plan_of(yaml.safe_load(example))
    assert audit_plan_of_run(plan, ["r"]).gates == ("judge_unparsed_share <= 0.05",)


def test_ten_dimensions_have_a_row_each(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A column per model then, so that the table stays within a terminal."""
    monkeypatch.setenv("COLUMNS", "100")
    benchmark = write_items(tmp_path / "reports.jsonl", report_items(12))
    assert cli("run", "-b", benchmark, "-m", "sim/careful", "-m", "sim/overcaller").code == 0
    judges = ("--judge", "sim/judge-accurate", "--judge", "sim/judge-noisy")
    said = cli("audit", "latest", "--task", "report", "--rubric", "spinemed_report", *judges)
    assert said.code == 0, said.err
    lines = said.out.splitlines()
    assert max(map(len, lines)) <= 100
    head = next(line.split() for line in lines if line.startswith(" report, dimension"))
    assert head == ["report,", "dimension", "sim/careful", "sim/overcaller"]
    rows = [line.split() for line in lines if re.match(r" \w+ +\d\.\d\d \[", line)]
    assert [row[0] for row in rows] == ["ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp"]
    assert all(len(re.findall(r"\d\.\d\d \[", " ".join(row))) == 2 for row in rows)
    # No answer is right, and the rubric has no failure modes: no empty table for either.
    said = cli("calibrate")
    assert said.code == 0, said.err
    assert "wrong reason" not in said.out
