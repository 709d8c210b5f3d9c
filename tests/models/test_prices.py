from __future__ import annotations

import subprocess
import sys

import pytest
from genai_prices import Usage as PricedUsage
from genai_prices import calc_price
from genai_prices.data import providers

from spinebench.errors import UsageError
from spinebench.models.prices import PriceBook, TokenPrice
from spinebench.records import Usage

LISTED = [
    (provider.id, model.id)
    for provider in providers
    if provider.id in {"openai", "anthropic", "google"}
    for model in provider.models
]


def test_every_price_agrees_with_the_packages_own_calculation() -> None:
    book = PriceBook()
    priced = 0
    for provider, model in LISTED:
        rates = book.rates(f"{provider}/{model}")
        if rates is None:
            continue
        priced += 1
        for tokens in [(1000, 100, 0), (150_000, 5000, 40_000), (250_000, 1, 1), (1_000_000, 9, 1_000_000)]:
            usage = PricedUsage(input_tokens=tokens[0], output_tokens=tokens[1], cache_read_tokens=tokens[2])
            own = calc_price(usage, model, provider_id=provider)
            assert rates.cost(*tokens) == pytest.approx(float(own.total_price)), (provider, model, tokens)
    assert priced > 100


@pytest.mark.parametrize(
    ("model", "host"),
    [
        pytest.param("openai/gpt-of-the-year-3000", "api.openai.com", id="unknown model"),
        pytest.param("google/gemma-3", "generativelanguage.googleapis.com", id="listed without a price"),
        pytest.param("openai/whisper-1", "api.openai.com", id="priced by the hour"),
        pytest.param("openai/text-embedding-3-small", "api.openai.com", id="no price of output"),
        pytest.param("openai-compatible/gpt-5.2", "10.1.2.3", id="own server, whatever it calls its model"),
        pytest.param("openai-compatible/gpt-5.2", None, id="loopback"),
        pytest.param("local/gpt-5.2", None, id="in this process"),
        pytest.param("sim/careful", None, id="simulated"),
        pytest.param("langchain/mine:model", "api.example.org", id="unknown host"),
    ],
)
def test_an_unknown_price_is_none_and_never_zero(model: str, host: str | None) -> None:
    book = PriceBook()
    usage = Usage(input_tokens=1000, output_tokens=10)
    assert book.rates(model, host=host) is None
    assert book.cost(model, usage, host=host) is None
    assert book.price_range(model, 10, (1, 2), (3, 4), host=host) is None
    assert (book.why_unknown(model, host=host) or "").startswith("no price: ")


@pytest.mark.parametrize(
    "model",
    [
        "openai/gpt-5.2",
        "anthropic/claude-sonnet-4-5-20250929",
        "google/gemini-2.5-pro",
        "google/models/gemini-2.5-pro",
    ],
)
def test_models_of_the_three_providers_have_prices(model: str) -> None:
    cost = PriceBook().cost(model, Usage(input_tokens=1000, output_tokens=100))
    assert cost is not None
    assert 0.0001 < cost < 0.1


def test_a_known_host_of_the_openai_protocol_has_its_own_price_list() -> None:
    model = "openai-compatible/qwen/qwen3-vl-8b-instruct"
    assert PriceBook().rates(model, host="openrouter.ai") is not None
    assert PriceBook().why_unknown(model, host="openrouter.ai") is None


@pytest.mark.parametrize(
    "usage",
    [
        pytest.param(Usage(), id="nothing"),
        pytest.param(Usage(input_tokens=10), id="no output tokens"),
        pytest.param(Usage(output_tokens=10), id="no input tokens"),
    ],
)
def test_a_reply_without_token_counts_has_no_cost(usage: Usage) -> None:
    assert PriceBook().cost("openai/gpt-5.2", usage) is None


def test_a_users_price_goes_first() -> None:
    book = PriceBook({"openai:gpt-5.2": TokenPrice(input=10, output=20, cached_input=1)})
    # (1000 - 400) x 10 + 400 x 1 + 50 x 20 = 7400 USD per million tokens
    usage = Usage(input_tokens=1000, output_tokens=50, cached_input_tokens=400)
    assert book.cost("openai/gpt-5.2", usage) == pytest.approx(0.0074)


def test_a_users_price_may_be_zero() -> None:
    book = PriceBook({"openai-compatible/mine": TokenPrice(input=0, output=0)})
    usage = Usage(input_tokens=1000, output_tokens=50)
    assert book.cost("openai-compatible/mine", usage, host="gpu.example.org") == 0.0


def test_cached_tokens_beyond_the_input_are_not_charged() -> None:
    book = PriceBook({"openai/x": TokenPrice(input=10, output=0, cached_input=1)})
    usage = Usage(input_tokens=100, output_tokens=0, cached_input_tokens=500)
    assert book.cost("openai/x", usage) == pytest.approx(100 * 1 / 1e6)


def test_a_price_of_an_unknown_provider_is_refused() -> None:
    with pytest.raises(UsageError, match="opnai/gpt"):
        PriceBook({"opnai/gpt": TokenPrice(input=1, output=1)})


def test_price_range() -> None:
    book = PriceBook({"openai/x": TokenPrice(input=2, output=10)})
    # low: 100 x (1000 x 2 + 50 x 10) / 1e6; high: 100 x (3000 x 2 + 800 x 10) / 1e6
    assert book.price_range("openai/x", 100, (1000, 3000), (50, 800)) == pytest.approx((0.25, 1.4))
    assert book.price_range("openai/x", 0, (1000, 3000), (50, 800)) == (0.0, 0.0)


def test_the_price_list_is_loaded_only_for_a_priced_model() -> None:
    code = (
        "import sys; import spinebench.models.gateway; from spinebench.models.prices import PriceBook\n"
        "assert PriceBook().rates('sim/careful') is None\n"
        "assert not {'genai_prices', 'httpx2', 'openai'} & set(sys.modules)\n"
        "assert PriceBook().rates('openai/gpt-5.2') is not None\n"
        "assert 'genai_prices' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
