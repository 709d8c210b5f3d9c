"""What goes wrong at a provider is recorded with its class, asked again on resume, and no other item notices."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.store.workspace import Workspace
from tests.exams import answers, asking, statuses, write_exam

if TYPE_CHECKING:
    from pathlib import Path

    from tests.exams import Said
    from tests.servers.provider import ProviderServer

FAULTS: list[tuple[str, dict[str, Any], str, str | None, int]] = [
    # kind, settings, status, class of the failures, requests sent (retries: 1)
    ("rate_limit", {"times": 1, "retry_after_s": 0.1}, "answered", "rate_limit", 2),
    ("server", {"times": 1}, "answered", "server", 2),
    ("reset", {"times": 1}, "answered", "connection", 2),
    ("truncated", {"times": 1}, "answered", "malformed", 2),
    ("server", {"status": 503}, "error", "server", 2),
    ("reset", {}, "error", "connection", 2),
    ("truncated", {}, "error", "malformed", 2),
    ("gateway_html", {}, "error", "server", 2),
    ("hang", {}, "error", "timeout", 2),
    ("bad_request", {}, "error", "bad_request", 1),
    ("refusal", {"message": "I cannot help with that."}, "refused", None, 1),
    ("filter", {}, "filtered", None, 1),
    ("empty", {}, "no_answer", None, 1),
    ("length", {"message": "The vertebral bodies are"}, "truncated", None, 1),
]
MODELS = {
    "openai-compatible": ("openai-compatible/test-model", None, {}),
    "anthropic": ("anthropic/claude-test", "ANTHROPIC_API_KEY", {"filtered": "refused"}),
    "google": ("google/gemini-test", "GOOGLE_API_KEY", {"refused": "filtered"}),
}
"""Model, key variable, and what a protocol cannot say: Anthropic has no filter stop, Google no refusal."""


@pytest.mark.slow
@pytest.mark.parametrize("protocol", MODELS)
def test_every_fault_stays_with_its_item(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    protocol: str,
) -> None:
    model, key, said_as = MODELS[protocol]
    if key is not None:
        monkeypatch.setenv(key, "key-of-no-worth")
    n = len(FAULTS) + 4
    exam = write_exam(tmp_path / "bench", n=n)
    for index, (kind, settings, *_) in enumerate(FAULTS):
        provider_server.fault(kind, match=f"case {index:04d}", **settings)

    said = cli(
        *asking(exam, provider_server, model=model),
        "--json",
        "--max-retries",
        1,
        "--timeout",
        2,
    )

    n_errors = sum(status == "error" for _, _, status, _, _ in FAULTS)
    assert said.code == 1
    assert f"{n_errors} of {n} answers failed: " in said.err
    run = said.record("run")
    assert (run["state"], run["n_done"], run["n_failed"]) == ("incomplete", n - n_errors, n_errors)
    folder = Workspace("spinebench-workspace").run(run["run_id"])
    expected = {exam.question(i): said_as.get(fault[2], fault[2]) for i, fault in enumerate(FAULTS)}
    assert statuses(folder) == {question: expected.get(question, "answered") for question in exam.planted}
    for index, (_, _, _, failure_class, n_requests) in enumerate(FAULTS):
        answer = answers(folder)[exam.question(index)]
        assert answer.attempts == n_requests
        assert {failure.failure_class.value for failure in answer.failures} == (
            set() if failure_class is None else {failure_class}
        )
        asked = [request for request in provider_server.requests if exam.question(index) in request.text]
        assert len(asked) == n_requests
    counts = said.record("result")["denominators"]
    assert (counts["asked"], counts["errored"], counts["refused"] + counts["filtered"]) == (n, n_errors, 2)
    assert (counts["no_answer"], counts["truncated"], counts["answered"]) == (1, 1, n - n_errors - 4)
    assert said.last == f"go on with: spinebench resume {run['run_id']} --workspace spinebench-workspace"

    provider_server.clear()
    again = cli("resume", run["run_id"], "--json", "--display", "none")
    assert again.code == 0, again.err
    assert again.record("run")["state"] == "done"
    assert sorted(exam.question_in(request) for request in provider_server.requests) == sorted(
        question for question, status in expected.items() if status == "error"
    )


def test_a_missing_reply_is_wrong_and_counted_as_such(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    provider_server.fault("bad_request", match="case 0000")
    said = cli(*asking(exam, provider_server), "--json")
    result = said.record("result")
    assert result["diagnosis"]["accuracy"]["of_asked"]["value"] == 0.5
    assert result["diagnosis"]["accuracy"]["of_answered"]["value"] == 1.0
    assert result["localization"]["accuracy"]["of_asked"]["value"] == 1.0
    assert {one["outcome"]: one["rate"]["of_asked"]["count"] for one in result["diagnosis"]["outcomes"]}[
        "not_answered"
    ] == 1


@pytest.mark.parametrize(("threshold", "code"), [(None, 1), ("0.2", 1), ("0.25", 0), ("1", 1), ("2", 0)])
def test_failures_up_to_the_threshold_are_tolerated(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    threshold: str | None,
    code: int,
) -> None:
    """Two of eight answers fail: a share of 0.25, a number of 2."""
    exam = write_exam(tmp_path / "bench", n=8)
    provider_server.fault("bad_request", match="case 000[34]")
    more = [] if threshold is None else ["--fail-on-error", threshold]
    said = cli(*asking(exam, provider_server), *more)
    assert said.code == code
    assert ("2 of 8 answers failed: 2 bad_request" in said.err) == (code == 1)
    assert "6/8 answers" in said.out
    assert ("go on with: spinebench resume" in said.last) == (code == 1)


def test_a_provider_that_fails_for_good_ends_the_run_which_can_be_resumed(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=12)
    provider_server.fault("quota", after=3)
    said = cli(*asking(exam, provider_server), "--max-connections", 1)
    assert said.code == 4
    assert "quota" in said.err
    assert "3/12 answers" in said.out
    assert said.last.startswith("go on with: spinebench resume ")

    provider_server.clear()
    exam.asked.clear()
    again = cli("resume", "latest", "--display", "none")
    assert again.code == 0, again.err
    assert sorted(exam.asked) == sorted(list(exam.planted)[3:])


def test_text_of_models_and_providers_reaches_the_terminal_without_escapes(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    exam.planted[exam.question(0)] = "\x1b[2J\x1b]0;owned\x07My final option: \x1b[31m[A]\x1b[0m"
    provider_server.fault(
        "bad_request", match="case 0001", message="bad \x1b[2J\x1b]0;owned\x07 \x9b31m image"
    )
    said = cli(*asking(exam, provider_server), "--json")
    plain = cli("runs", "show", said.record("run")["run_id"])
    refused = cli("run", "-b", "\x1b[2Jnowhere.json", "-m", "sim/careful")
    for text in (said.err, plain.out, plain.err, refused.err):
        assert "\x1b" not in text
        assert "\x9b" not in text
    answer = answers(Workspace("spinebench-workspace").runs()[0])[exam.question(0)]
    assert answer.text == exam.planted[exam.question(0)], "the stored trace is never edited"
