"""What the adapters of models behind an HTTP address share: identity, connection pool, replies of filters."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from typing import Any

import httpx2

from spinebench.models.failures import ErrorReply
from spinebench.models.protocol import ModelFailure, ModelReply
from spinebench.models.provider_errors import without_keys
from spinebench.models.settings import RemoteSettings
from spinebench.models.transport import Endpoint, open_client
from spinebench.records import FailureClass, FinishReason


class RemoteModel:
    """Name, account, host, configuration and HTTP client of one remote model; adapters add the protocol."""

    def __init__(
        self, name: str, model_id: str, *, endpoint: Endpoint, vendor: str | None, settings: RemoteSettings
    ) -> None:
        """`vendor` is the account's name at the vendor's own address; None for any other server."""
        self._name = name
        self._model_id = model_id
        self._endpoint = endpoint
        self._own_address = vendor is not None
        account = vendor or endpoint.origin
        self._account = account if settings.api_key_env is None else f"{account}#{settings.api_key_env}"
        self._config: dict[str, Any] = {"base_url": endpoint.base_url, **settings.affecting_answers()}
        self._http: httpx2.AsyncClient = open_client(endpoint, timeout_s=settings.timeout)

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return self._account

    @property
    def host(self) -> str | None:
        return self._endpoint.host

    @property
    def simulated(self) -> bool:
        return False

    @property
    def config(self) -> dict[str, Any]:
        return dict(self._config)

    async def aclose(self) -> None:
        await self._http.aclose()


def filtered_reply(error: ErrorReply) -> ModelReply:
    """A prompt that the provider's filter turned down: a reply without text."""
    return ModelReply(text="", finish_reason=FinishReason.FILTER, refusal=without_keys(error.message))


def unknown_model(model_id: str, known: Sequence[str], *, status_code: int | None) -> ModelFailure:
    """The failure for a model id that is not among the ids a provider lists; it names the nearest ones."""
    near = difflib.get_close_matches(model_id, known, n=3, cutoff=0.4)
    hint = f"did you mean {' or '.join(repr(name) for name in near)}?" if near else _some(known)
    return ModelFailure(
        FailureClass.UNKNOWN_MODEL,
        f"the provider knows no model {model_id!r}" + (f"; {hint}" if hint else ""),
        status_code=status_code,
    )


def _some(known: Sequence[str]) -> str:
    if not known:
        return ""
    more = "" if len(known) <= 5 else f" and {len(known) - 5} more"
    return f"it lists {', '.join(known[:5])}{more}"


def bad_request(message: str) -> ModelFailure:
    """A request that the provider is known to refuse; met before any call."""
    return ModelFailure(FailureClass.BAD_REQUEST, message)
