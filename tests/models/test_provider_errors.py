from __future__ import annotations

import pytest

from spinebench.models.protocol import ModelFailure
from spinebench.models.provider_errors import internal_failure, provider_error, without_keys
from spinebench.records import FailureClass
from tests.scripted_model import ScriptedModel


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        pytest.param(
            "Incorrect API key provided: sk-proj-Ab12_cd34.", "Incorrect API key provided: <key>", id="openai"
        ),
        pytest.param(
            "x-api-key sk-ant-api03-abcdef is invalid", "x-api-key <key> is invalid", id="anthropic"
        ),
        pytest.param("key AIzaSyA1234567890abcdefghijk no good", "key <key> no good", id="google"),
        pytest.param(
            "Authorization: Bearer abc.def-ghi_jkl refused",
            "Authorization: Bearer <key> refused",
            id="bearer",
        ),
        pytest.param(
            "token s3cret-of-mine!, again s3cret-of-mine!", "token <LAB_TOKEN>, again <LAB_TOKEN>", id="set"
        ),
        pytest.param("the disk at L4-L5 is risk-free", "the disk at L4-L5 is risk-free", id="plain words"),
    ],
)
def test_keys_are_blanked_out(text: str, shown: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LAB_TOKEN", "s3cret-of-mine!")
    monkeypatch.setenv("EMPTY_API_KEY", "")
    monkeypatch.setenv("SHORT_API_KEY", "disk")
    assert without_keys(text) == shown


@pytest.mark.parametrize(
    ("name", "account", "failure_class", "mend"),
    [
        (
            "openai/x",
            "openai",
            FailureClass.AUTH,
            "set the environment variable OPENAI_API_KEY to a valid key",
        ),
        (
            "google/x",
            "google",
            FailureClass.AUTH,
            "set the environment variable GEMINI_API_KEY to a valid key",
        ),
        (
            "openai-compatible/x",
            "http://127.0.0.1:1#LAB_KEY",
            FailureClass.AUTH,
            "set the environment variable LAB_KEY to a valid key",
        ),
        (
            "openai-compatible/x",
            "http://127.0.0.1:1",
            FailureClass.AUTH,
            "put its key into an environment variable and name that with -M api_key_env=NAME",
        ),
        ("openai-compatible/x", "http://127.0.0.1:1", FailureClass.PERMISSION, "ask the provider for access"),
        (
            "openai/x",
            "openai",
            FailureClass.PERMISSION,
            "ask the provider for access, or set OPENAI_API_KEY to a key that has it",
        ),
        ("openai/x", "openai", FailureClass.UNKNOWN_MODEL, "correct the model name"),
        ("openai/x", "openai", FailureClass.BAD_REQUEST, "mend what the server names, or check the address"),
        ("openai/x", "openai", FailureClass.SERVER, "try again later, or check the address"),
        ("openai/x", "openai", FailureClass.QUOTA, "top the account up and resume the run"),
    ],
)
def test_the_end_of_the_message_says_what_to_do(
    name: str, account: str, failure_class: FailureClass, mend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for variable in ("OPENAI_API_KEY", "GOOGLE_API_KEY"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("GEMINI_API_KEY", "the-key-that-is-used")
    failure = ModelFailure(failure_class, "no; and\n more", status_code=401)
    message = str(provider_error(ScriptedModel(name=name, account=account), failure))
    what, _, found = message.rpartition("; ")
    assert found == mend
    assert what.startswith(f"model {name!r}: expected ")
    assert what.endswith("(HTTP 401: no, and more)")


def test_an_exception_that_was_never_raised_has_no_place() -> None:
    failure = internal_failure(ValueError("bad"))
    assert failure.failure_class is FailureClass.INTERNAL
    assert failure.message == "ValueError: bad"
