"""`spinebench models` as a user runs it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from spinebench.cli.app import run_app
from spinebench.errors import ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from tests.servers.provider import ProviderServer

KEY = "sk-test-0123456789abcdef"


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in (
        "OPENAI_API_KEY",
        "ANTHROPIC_API_KEY",
        "GOOGLE_API_KEY",
        "GEMINI_API_KEY",
        "OPENAI_BASE_URL",
    ):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)


def run(capsys: pytest.CaptureFixture[str], *args: str) -> tuple[int, str, str]:
    code = run_app(["models", *args])
    out, err = capsys.readouterr()
    return code, out, err


def test_bare_lists_providers_and_keys_but_no_key(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    code, out, err = run(capsys)
    assert code == ExitCode.DONE
    for provider in ("openai", "openai-compatible", "anthropic", "google", "local", "sim", "baseline"):
        assert f"{provider}/..." in out
    assert "set: OPENAI_API_KEY" in out
    assert "not set: ANTHROPIC_API_KEY" in out
    assert KEY not in out + err


def test_json_is_one_record_per_provider(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", KEY)
    code, out, _ = run(capsys, "--json")
    rows = {row["provider"]: row for row in map(json.loads, out.splitlines())}
    assert code == ExitCode.DONE
    assert rows["google"]["key_present"] is True
    assert rows["anthropic"]["key_present"] is False
    assert rows["local"]["key_variables"] == []
    assert KEY not in out


def test_a_usable_model(
    capsys: pytest.CaptureFixture[str], provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider_server.models = ["gpt-test"]
    code, out, _ = run(capsys, "check", "openai:gpt-test", "-M", f"base_url={provider_server.openai_url}")
    assert code == ExitCode.DONE
    assert "openai/gpt-test" in out
    assert "usable" in out


def test_a_key_in_a_dotenv_file_counts(
    capsys: pytest.CaptureFixture[str],
    provider_server: ProviderServer,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "")  # so that monkeypatch takes the loaded one away again
    monkeypatch.delenv("OPENAI_API_KEY")
    (tmp_path / ".env").write_text(f"OPENAI_API_KEY={KEY}\n")
    provider_server.keys = [KEY]
    code, _, _ = run(capsys, "check", "openai/gpt-test", "-M", f"base_url={provider_server.openai_url}")
    assert code == ExitCode.DONE


def test_an_unknown_model_ends_with_4_and_the_nearest_name(
    capsys: pytest.CaptureFixture[str], provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    provider_server.models = ["gpt-5.2", "whisper"]
    code, out, err = run(capsys, "check", "openai/gpt-5", "-M", f"base_url={provider_server.openai_url}")
    assert code == ExitCode.PROVIDER
    assert "cannot be used" in out
    assert "gpt-5.2" in err
    assert err.strip().splitlines()[-1] == "correct the model name"


def test_several_models_are_all_checked(
    capsys: pytest.CaptureFixture[str], provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    models = ["openai/gpt-test", "anthropic/x", "google/y"]
    code, out, err = run(capsys, "check", *models, "-M", f"base_url={provider_server.openai_url}", "--json")
    rows = [json.loads(line) for line in out.splitlines()]
    assert code == ExitCode.PROVIDER
    assert [(row["model"], row["ok"]) for row in rows] == [
        ("openai/gpt-test", True),
        ("anthropic/x", False),
        ("google/y", False),
    ]
    assert "ANTHROPIC_API_KEY" in err
    assert "GOOGLE_API_KEY" in err


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (["openai/x", "-M", "base_url"], "key=value"),
        (["openai/x", "-M", "nope=1"], "nope"),
        (["openai/x", "-M", f"api_key={KEY}"], "environment variable"),
        (["nowhere/x"], "nowhere"),
        (["openai-compatible/x"], "base_url"),
        ([], "Missing argument"),
    ],
    ids=["no value", "unknown option", "key as option", "unknown provider", "no address", "no model"],
)
def test_wrong_usage_ends_with_2(capsys: pytest.CaptureFixture[str], args: list[str], said: str) -> None:
    code, out, err = run(capsys, "check", *args)
    assert code == ExitCode.USAGE
    assert said in err
    assert KEY not in out + err
