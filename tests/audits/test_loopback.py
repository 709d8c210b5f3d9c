"""An audit of a run that was made through loopback providers, by two judges of different protocols."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

import spinebench
from spinebench.audit_records import JudgementStatus
from spinebench.store.workspace import Workspace
from tests.audits.audited import ANTHROPIC, OPENAI, judge_entries, write_plan
from tests.servers.judge import WRONG_QUOTE, JudgeAnswers

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exams import Said
    from tests.servers.provider import ProviderServer


def test_two_judges_of_different_protocols_score_the_drawn_traces(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path, provider_server: ProviderServer
) -> None:
    said = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    assert said.code == 0, said.err
    record = said.record("audit")
    assert (record["state"], record["n_done"], record["n_planned"]) == ("done", 16, 16)
    assert not record["simulated"]
    folder = Workspace("spinebench-workspace").audit(record["audit_id"])
    traces = list(folder.traces())
    assert len(traces) == 8
    assert {request.protocol for request in judges.asked} == {"openai", "anthropic"}
    assert len(judges.asked) == 16
    judgements = folder.judgements()
    assert {one.status for one in judgements} == {JudgementStatus.SCORED}
    assert {(one.key.judge, score.score) for one in judgements for score in one.scores} == {
        (OPENAI, 4), (ANTHROPIC, 2),
    }  # fmt: skip
    # the examinee's image, byte for byte, and nothing of the examinee's name or score
    sent = {image.sha256 for trace in traces for image in trace.answer.images}
    assert {image for request in judges.asked for image in request.images} == sent
    for request in judges.asked:
        assert len(request.images) == 1
        assert "test-model" not in json.dumps(request.body)
    # votes of 4 and 2: two levels apart, so all go to clinicians
    assert record["n_referred"] == 8
    cells = [one for one in said.records if one["type"] == "audit_cell"]
    assert {cell["task"] for cell in cells} == {"diagnosis", "localization"}
    for cell in cells:
        assert (cell["n_traces"], cell["n_judgements"], cell["n_scored"]) == (4, 8, 8)
        assert {one["mean"]["value"] for one in cell["dimensions"]} == {3.0}
    uses = {one["judge"]: one for one in said.records if one["type"] == "judge"}
    assert uses[OPENAI]["input_tokens"] == uses[ANTHROPIC]["input_tokens"] == 8000
    assert uses[OPENAI]["n_replies"] == 8
    shown = cli("audit", "--show", "latest")
    assert shown.code == 0
    assert "8/8" in shown.out
    assert cli("audit", "--show", "latest", "--json").records == said.records
    assert cli("audit", "--verify", "latest").code == 0


FAULTS: list[tuple[str, dict[str, Any]]] = [
    ("rate_limit", {"times": 2, "retry_after_s": 0.05}),
    ("server", {"times": 2}),
    ("truncated", {"times": 2}),
    ("reset", {"times": 1}),
]


def test_faults_of_the_provider_and_wrong_quotes_are_mended(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path, provider_server: ProviderServer
) -> None:
    judges.misquotes_first = frozenset({"gpt-judge"})
    for kind, settings in FAULTS:
        provider_server.fault(kind, match="(?s)CASE-", **settings)
    said = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    assert said.code == 0, said.err
    (folder,) = Workspace("spinebench-workspace").audits()
    for judgement in folder.judgements():
        assert judgement.status is JudgementStatus.SCORED
        misquoted = judgement.key.judge == OPENAI
        assert len(judgement.replies) == 1 + misquoted
        if misquoted:
            assert any(WRONG_QUOTE in problem for problem in judgement.replies[0].problems)
    classes = {one.failure_class.value for j in folder.judgements() for one in j.failures}
    assert classes == {"rate_limit", "server", "malformed", "connection"}


def test_a_judge_that_keeps_misquoting_is_recorded_as_unparsed(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path
) -> None:
    judges.quote = WRONG_QUOTE
    said = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("audit")["n_unparsed"] == 16
    assert len(judges.asked) == 3 * 16
    for cell in (one for one in said.records if one["type"] == "audit_cell"):
        assert (cell["n_unparsed"], cell["n_scored"]) == (8, 0)
        for one in cell["dimensions"]:
            assert one["mean"]["value"] is None
            assert one["mean"]["reason"]


def test_failed_judgements_are_asked_again_on_resume_and_no_others(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path, provider_server: ProviderServer
) -> None:
    provider_server.fault("server", status=500, match="(?s)CASE-.*case 000[0-5]")
    said = cli("audit", "latest", "--plan", plan, "--max-retries", 0, "--json", "--display", "none")
    assert said.code == 1
    record = said.record("audit")
    assert record["n_failed"] > 0
    assert record["n_done"] + record["n_failed"] == 16
    assert f"{record['n_failed']} of 16 judgements failed: {record['n_failed']} server\n" in said.err
    uses = {one["judge"]: one for one in said.records if one["type"] == "judge"}
    assert sum(one["n_failed"] for one in uses.values()) == record["n_failed"]
    audit_id = record["audit_id"]
    assert said.last == f"go on with: spinebench audit --resume {audit_id} --workspace spinebench-workspace"

    provider_server.clear()
    judges.asked.clear()
    again = cli("audit", "--resume", audit_id, "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("audit")["n_done"] == 16
    assert len(judges.asked) == record["n_failed"]
    judges.asked.clear()
    assert cli("audit", "--resume", audit_id, "--display", "none").code == 0
    assert judges.asked == []


def test_a_judge_that_is_down_for_good_costs_nothing_of_the_other(
    cli: Callable[..., Said],
    judges: JudgeAnswers,
    tmp_path: Path,
    provider_server: ProviderServer,
    other_server: ProviderServer,
) -> None:
    entries = [judge_entries(provider_server)[0], judge_entries(other_server)[1]]
    plan = write_plan(tmp_path / "audit.yaml", provider_server, judges=entries)
    other_server.answer = judges.answer
    other_server.fault("server", status=503)
    said = cli("audit", "latest", "--plan", plan, "--max-retries", 1, "--json", "--display", "none")
    assert said.code == 1
    assert f"8 of 16 judgements failed: 8 server ({ANTHROPIC})" in said.err
    uses = {one["judge"]: one for one in said.records if one["type"] == "judge"}
    assert (uses[OPENAI]["n_scored"], uses[OPENAI]["n_failed"]) == (8, 0)
    assert (uses[ANTHROPIC]["n_scored"], uses[ANTHROPIC]["n_failed"]) == (0, 8)
    for cell in (one for one in said.records if one["type"] == "audit_cell"):
        assert (cell["n_judgements"], cell["n_scored"], cell["n_failed"]) == (8, 4, 4)
        assert {one["mean"]["value"] for one in cell["dimensions"]} == {4.0}, "of the judge that answered"
    shown = cli("audit", "--show", "latest")
    assert "0/8" in shown.out
    assert "8/8" in shown.out
    (folder,) = Workspace("spinebench-workspace").audits()
    kept = {one.key.id(): one for one in folder.judgements() if one.status is JudgementStatus.SCORED}

    other_server.faults.clear()
    judges.asked.clear()
    again = cli("audit", "--resume", "latest", "--json", "--display", "none")
    assert again.code == 0, again.err
    assert {request.model for request in judges.asked} == {"claude-judge"}
    assert len(judges.asked) == 8
    now = {one.key.id(): one for one in folder.judgements()}
    assert len(now) == 16
    assert kept.items() <= now.items(), "what the other had judged is as it was"
    for cell in (one for one in again.records if one["type"] == "audit_cell"):
        assert {one["mean"]["value"] for one in cell["dimensions"]} == {3.0}


def test_a_budget_in_dollars_stops_an_audit_and_a_price_is_wanted_first(
    cli: Callable[..., Said], judges: JudgeAnswers, tmp_path: Path, provider_server: ProviderServer
) -> None:
    """1000 tokens in and 200 out at 1 and 5 USD per million: 0.002 USD per judgement."""
    price = {"input": 1.0, "output": 5.0}
    plan = write_plan(
        tmp_path / "audit.yaml", provider_server, budget_usd=0.012, prices={OPENAI: price, ANTHROPIC: price}
    )
    said = cli("audit", "latest", "--plan", plan, "--max-connections", 1, "--json", "--display", "none")
    assert said.code == 5, said.err
    record = said.record("audit")
    assert 0 < record["n_done"] < 16
    assert 0 < record["cost_usd"] <= 0.012
    assert record["cost_usd"] == pytest.approx(0.002 * record["n_done"])
    again = cli("audit", "--resume", "latest", "--budget-usd", 1, "--json", "--display", "none")
    assert again.code == 0, again.err
    assert len(judges.asked) == 16
    uses = [one for one in again.records if one["type"] == "judge"]
    assert sum(one["cost_usd"] for one in uses) == pytest.approx(0.032)


def test_a_budget_stops_an_audit_which_can_be_resumed(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path
) -> None:
    said = cli(
        "audit", "latest", "--plan", plan, "--token-limit", 4000, "--max-connections", 1, "--json", "--display", "none"
    )  # fmt: skip
    assert said.code == 5, said.err
    assert 0 < said.record("audit")["n_done"] < 16
    assert said.last.startswith("go on with: spinebench audit --resume ")
    n_before = len(judges.asked)
    (folder,) = Workspace("spinebench-workspace").audits()
    assert len(folder.done_keys()) == n_before, "what was paid for is kept"
    again = cli("audit", "--resume", "latest", "--token-limit", 10**7, "--json", "--display", "none")
    assert again.code == 0, again.err
    assert len(judges.asked) == 16


def test_an_extension_keeps_picks_and_judgements(
    cli: Callable[..., Said], judges: JudgeAnswers, plan: Path
) -> None:
    first = cli("audit", "latest", "--plan", plan, "--json", "--display", "none")
    assert first.code == 0, first.err
    asked = len(judges.asked)
    said = cli("audit", "--extend", "latest", "--per-cell", 6, "--json", "--display", "none")
    assert said.code == 0, said.err
    earlier, later = Workspace("spinebench-workspace").audits()
    before = {trace.trace_id for trace in earlier.traces()}
    after = {trace.trace_id for trace in later.traces()}
    assert before < after
    assert len(after) == 12
    assert len(judges.asked) - asked == 2 * (12 - len(before))
    uses = {one["judge"]: one for one in said.records if one["type"] == "judge"}
    assert uses[OPENAI]["n_reused"] == len(before)
    assert uses[OPENAI]["input_tokens"] == 1000 * (12 - len(before))
    assert cli("audit", "--verify", later.audit_id).code == 0


def test_gates_on_an_audit_are_held_against_it(
    cli: Callable[..., Said], judges: JudgeAnswers, tmp_path: Path, provider_server: ProviderServer
) -> None:
    """Two judges give 4 and 2 throughout: the panel's median is 3; nobody has rated."""
    kept = ["judge_unparsed_share <= 0", "judge_mean >= 3", "judge_mean[diagnosis] <= 3"]
    plan = write_plan(tmp_path / "audit.yaml", provider_server, gates=kept)
    said = cli("audit", "latest", "--plan", plan, "--display", "none")
    assert said.code == 0, said.err

    missed = [
        "judge_mean > 3",
        "judge_unparsed_share <= 0.1 (upper bound)",
        "alpha_judge_vs_clinicians >= 0.6",
    ]
    plan = write_plan(tmp_path / "audit.yaml", provider_server, gates=[*kept, *missed])
    said = cli("audit", "latest", "--plan", plan, "--display", "none")
    assert said.code == 1
    told = [line for line in said.err.splitlines() if line.startswith("gate missed: ")]
    assert all(any(gate.split()[0] in line for line in told) for gate in missed)
    assert not any("judge_mean" in line and ">= 3" in line for line in told)
    assert any("alpha_judge_vs_clinicians" in line and "undefined" in line for line in told)
    assert "spinebench audit --show" in said.last
    assert cli("audit", "--show", "latest").code == 1
    wrong = write_plan(tmp_path / "audit.yaml", provider_server, gates=["overall >= 0.2"])
    assert "put it into the run's plan" in cli("audit", "latest", "--plan", wrong).err


async def test_the_python_interface_audits_too(
    judges: JudgeAnswers, plan: Path, provider_server: ProviderServer
) -> None:
    run_id = Workspace("spinebench-workspace").runs()[0].run_id
    found = spinebench.audit({"runs": [run_id], "judges": judge_entries(provider_server), "per_cell": 2})
    assert found.status is not None
    assert found.status.state.value == "done"
    assert {one.judge for one in found.results().judges} == {OPENAI, ANTHROPIC}
    assert {row.score for row in found.rows().scores} == {2, 4}
    assert found.id in repr(found)
    again = await spinebench.aaudit({"runs": run_id, "per_cell": 1})
    assert again.spec.judges == ()
