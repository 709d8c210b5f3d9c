"""What every sitting needs before it may ask: checked models and a gateway with the workspace's reply cache."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine, Mapping, Sequence
from typing import Any

from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Gateway, GatewayPolicy
from spinebench.models.prices import PriceBook, TokenPrice
from spinebench.models.protocol import ChatModel
from spinebench.runs.stopping import StopRequest, StopSwitch
from spinebench.store.workspace import Workspace


@contextlib.asynccontextmanager
async def gateway_to(
    models: Sequence[ChatModel],
    *,
    policy: GatewayPolicy,
    prices: Mapping[str, TokenPrice],
    workspace: Workspace,
    check: bool,
    switch: StopSwitch | None,
) -> AsyncIterator[Gateway]:
    """A gateway to these models, which are checked first and closed at the end.

    Raises `UsageError` for an unknown price under a budget and `ProviderError` for a model that cannot be used. A
    stop request during the checks raises `CancelledError`.
    """
    with contextlib.closing(ReplyCache(workspace.cache_dir / "replies.sqlite")) as cache:
        gateway = Gateway(policy, cache=cache, prices=PriceBook(dict(prices)))
        try:
            gateway.require_prices(models)
            if check:
                await _unless_stopped(gateway.check(models), switch)
            yield gateway
        finally:
            for model in models:
                await model.aclose()


async def _unless_stopped(work: Coroutine[Any, Any, None], switch: StopSwitch | None) -> None:
    """Wait for `work`, which any stop request cancels: nothing has been asked that would have to be drained."""
    task = asyncio.ensure_future(work)

    def cancel(_: StopRequest) -> None:
        task.cancel()

    if switch is not None:
        switch.listen(cancel)
    await task
