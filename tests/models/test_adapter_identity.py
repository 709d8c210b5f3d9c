"""Who a remote model is: names, addresses, keys and options."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spinebench.errors import ProviderError, UsageError
from spinebench.models.registry import create_model
from tests.models.remote_models import MODELS, Bench, ask, base_url

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer


async def test_identity_names_server_and_no_key(bench: Bench, provider_keys: dict[str, str]) -> None:
    assert bench.model.name == MODELS[bench.provider]
    assert bench.model.account == bench.server.url
    assert bench.model.host is None, "nothing leaves this machine for a loopback address"
    assert bench.model.simulated is False
    assert bench.model.config["base_url"] == base_url(bench.server, bench.provider)
    assert "timeout" not in bench.model.config, "what cannot change an answer is no part of the digest"
    assert not any(key in repr((bench.model.config, bench.model.account)) for key in provider_keys.values())


@pytest.mark.parametrize(
    ("provider", "host"),
    [
        ("openai", "api.openai.com"),
        ("anthropic", "api.anthropic.com"),
        ("google", "generativelanguage.googleapis.com"),
    ],
)
async def test_at_the_vendors_own_address(provider: str, host: str, provider_keys: dict[str, str]) -> None:
    model = create_model(MODELS[provider])
    assert (model.account, model.host) == (provider, host)
    await model.aclose()


async def test_base_urls_of_the_environment(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", provider_server.openai_url)
    monkeypatch.setenv("ANTHROPIC_BASE_URL", provider_server.url)
    monkeypatch.setenv("GOOGLE_GEMINI_BASE_URL", provider_server.url)
    for name in MODELS.values():
        model = create_model(name)
        await model.generate(ask())
        await model.aclose()
    assert provider_server.n_requests == len(MODELS)


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("value", [None, "", "   "], ids=["unset", "empty", "blank"])
def test_a_missing_key_names_its_variable(
    provider: str, value: str | None, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"{provider.upper()}_API_KEY"
    monkeypatch.delenv(variable)
    if value is not None:
        monkeypatch.setenv(variable, value)
    with pytest.raises(ProviderError, match=variable):
        create_model(MODELS[provider])


def test_a_key_with_a_line_break_is_refused_unseen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-first-half\nsecond-half")
    with pytest.raises(ProviderError) as caught:
        create_model("openai/gpt-test")
    assert "OPENAI_API_KEY" in str(caught.value)
    assert "half" not in str(caught.value)


async def test_gemini_key_is_accepted_and_google_key_goes_first(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GEMINI_API_KEY", "AIzaGemini")
    for expected in (provider_keys["GOOGLE_API_KEY"], "AIzaGemini"):
        model = create_model(MODELS["google"], args={"base_url": provider_server.url})
        await model.generate(ask())
        await model.aclose()
        assert provider_server.last.headers["x-goog-api-key"] == expected
        monkeypatch.delenv("GOOGLE_API_KEY", raising=False)


async def test_another_key_variable(
    provider_server: ProviderServer, provider_keys: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_B_KEY", "key-of-team-b")
    for provider, name in MODELS.items():
        args = {"base_url": base_url(provider_server, provider), "api_key_env": "TEAM_B_KEY"}
        model = create_model(name, args=args)
        await model.generate(ask())
        headers = provider_server.last.headers
        assert "key-of-team-b" in (headers.get("authorization", "") + headers.get("x-goog-api-key", ""))
        assert model.account == f"{provider_server.url}#TEAM_B_KEY", (
            "a key of its own has a rate limit of its own"
        )
        await model.aclose()


@pytest.mark.parametrize(
    ("args", "said"),
    [
        ({"api_key": "sk-secret-secret"}, "environment variable"),
        ({"api_key_env": "sk-secret-secret"}, "not the key itself"),
        ({"base_url": "http://user:sk-secret-secret@host/v1"}, "without user"),
        ({"base_url": "http://host/v1?key=sk-secret-secret"}, "query"),
        ({"base_url": "host:8000"}, "http"),
        ({"base_url": "http://"}, "http"),
        ({"base_url": "http://host:99999/v1"}, "http"),
        ({"base_ulr": "http://host"}, "did you mean 'base_url'"),
        ({"timeout": -1}, "timeout"),
        ({"timeout": "soon"}, "timeout"),
        ({"extra_body": "not json"}, "extra_body"),
        ({"extra_body": '{"messages": []}'}, "messages"),
        ({"json_output": "xml"}, "json_output"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else value,
)
def test_wrong_options_are_named_and_keys_are_not(
    args: dict[str, Any], said: str, provider_keys: dict[str, str]
) -> None:
    for name in MODELS.values():
        with pytest.raises(UsageError, match=said) as caught:
            create_model(name, args={"base_url": "http://127.0.0.1:9", **args})
        assert "sk-secret" not in str(caught.value)


def test_a_compatible_server_needs_an_address(provider_keys: dict[str, str]) -> None:
    with pytest.raises(UsageError, match="base_url"):
        create_model("openai-compatible/test-vl")
