"""What tokens cost: prices from the genai-prices package (offline, inside its wheel) or from the user."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from pydantic import Field

from spinebench.models.policy import IN_PROCESS, provider_of
from spinebench.models.registry import canonical_name
from spinebench.records import Record, Usage

if TYPE_CHECKING:
    from genai_prices.types import ModelPrice

_LISTED = frozenset({"openai", "anthropic", "google"})
"""Providers whose own price list holds for their model ids, whatever proxy stands in between."""

_NEEDS_MORE = ("requests_kcount", "output_reasoning_mtok", "input_image_mtok")
"""Price parts that cannot be computed from the tokens a reply reports: such models have no known price."""

_REFRESH_S = 900
"""Some prices change with the date or the hour of the day."""


class TokenPrice(Record):
    """A user's price of a model, in USD per million tokens."""

    input: float = Field(ge=0, allow_inf_nan=False)
    output: float = Field(ge=0, allow_inf_nan=False)
    """Reasoning tokens are output tokens."""
    cached_input: float | None = Field(default=None, ge=0, allow_inf_nan=False)
    """Of input tokens read from the provider's prompt cache; None: as `input`."""


@dataclass(frozen=True)
class _Part:
    """Price of one kind of token; above a threshold of input tokens another price holds for all of them."""

    base: float
    tiers: tuple[tuple[int, float], ...] = ()

    def at(self, input_tokens: int) -> float:
        price = self.base
        for start, tier in self.tiers:
            if input_tokens > start:
                price = tier
        return price


@dataclass(frozen=True)
class Rates:
    """Prices of one model, in USD per million tokens."""

    input: _Part
    output: _Part
    cached_input: _Part

    def cost(self, input_tokens: int, output_tokens: int, cached_input_tokens: int = 0) -> float:
        """USD for one call. Cached tokens are part of the input tokens."""
        cached = min(cached_input_tokens, input_tokens)
        return (
            self.input.at(input_tokens) * (input_tokens - cached)
            + self.cached_input.at(input_tokens) * cached
            + self.output.at(input_tokens) * output_tokens
        ) / 1e6


class PriceBook:
    """Prices by model string. `overrides` (from the plan) go before the package's own list."""

    def __init__(self, overrides: Mapping[str, TokenPrice] | None = None) -> None:
        """Raises `UsageError` for an override whose model string has no known provider."""
        self._own = {canonical_name(name): _own_rates(price) for name, price in (overrides or {}).items()}

    def rates(self, model: str, *, host: str | None = None) -> Rates | None:
        """Prices of a canonical model string; None where they are unknown.

        `openai/`, `anthropic/` and `google/` are looked up by model id. For other providers the host that is
        called decides: a known price list (OpenRouter, Together ...) is used, otherwise there is none.
        """
        own = self._own.get(model)
        return own if own is not None else _listed_rates(model, host, int(time.time()) // _REFRESH_S)

    def cost(self, model: str, usage: Usage, *, host: str | None = None) -> float | None:
        """USD for one reply; None where the price is unknown or the tokens were not reported."""
        rates = self.rates(model, host=host)
        if rates is None or usage.input_tokens is None or usage.output_tokens is None:
            return None
        return rates.cost(usage.input_tokens, usage.output_tokens, usage.cached_input_tokens or 0)

    def why_unknown(self, model: str, *, host: str | None = None) -> str | None:
        """A few words for a table where `rates` is None; None where there is a price."""
        if self.rates(model, host=host) is not None:
            return None
        provider = provider_of(model)
        if provider in IN_PROCESS:
            return f"no price: {provider}"
        return "no price: unknown model" if provider in _LISTED else "no price: unknown provider"

    def price_range(
        self,
        model: str,
        calls: int,
        input_tokens_range: tuple[int, int],
        output_tokens_range: tuple[int, int],
        *,
        host: str | None = None,
    ) -> tuple[float, float] | None:
        """Lowest and highest USD for `calls` calls of so many tokens each; None where no price is known."""
        rates = self.rates(model, host=host)
        if rates is None:
            return None
        low = calls * rates.cost(input_tokens_range[0], output_tokens_range[0])
        return low, calls * rates.cost(input_tokens_range[1], output_tokens_range[1])


def _own_rates(price: TokenPrice) -> Rates:
    cached = price.input if price.cached_input is None else price.cached_input
    return Rates(input=_Part(price.input), output=_Part(price.output), cached_input=_Part(cached))


@lru_cache(maxsize=1024)
def _listed_rates(model: str, host: str | None, _period: int) -> Rates | None:
    provider, _, model_id = model.partition("/")
    if provider in IN_PROCESS or (provider not in _LISTED and host is None):
        return None
    # Imported here: 0.2 s that a run without priced models need not spend.
    from genai_prices import Usage as PricedUsage
    from genai_prices import calc_price

    usage = PricedUsage(input_tokens=1, output_tokens=1)
    try:
        if provider in _LISTED:
            found = calc_price(usage, model_id.removeprefix("models/"), provider_id=provider)
        else:
            found = calc_price(usage, model_id, provider_api_url=f"https://{host}")
    except LookupError:
        return None
    return _rates(found.model_price)


def _rates(price: ModelPrice) -> Rates | None:
    if price.input_mtok is None or price.output_mtok is None:
        return None  # the package counts a missing price as 0
    if any(getattr(price, part, None) is not None for part in _NEEDS_MORE):
        return None
    cached = price.input_mtok if price.cache_read_mtok is None else price.cache_read_mtok
    return Rates(input=_part(price.input_mtok), output=_part(price.output_mtok), cached_input=_part(cached))


def _part(price: Any) -> _Part:
    tiers = getattr(price, "tiers", None)
    if tiers is None:
        return _Part(float(price))
    return _Part(float(price.base), tuple((tier.start, float(tier.price)) for tier in tiers))
