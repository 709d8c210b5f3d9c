"""What the adapters of models behind an HTTP address share: identity, connection pool, check of the id."""

from __future__ import annotations

import difflib
import os
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2

from spinebench.models.body import mapping
from spinebench.models.failures import ErrorReply
from spinebench.models.keys import KEY_VARIABLES, read_key
from spinebench.models.protocol import ModelFailure, ModelReply
from spinebench.models.provider_errors import without_keys
from spinebench.models.registry import ModelContext
from spinebench.models.settings import RemoteSettings
from spinebench.models.transport import Endpoint, open_client
from spinebench.records import FailureClass, FinishReason

_NO_DESCRIPTION = frozenset({404, 405, 500, 501})
"""What servers answer that do not describe or list their models."""


class RemoteModel(ABC):
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

    async def check(self) -> None:
        """Ask for the model's description, or the list of models; where there is neither, ask the model.

        The second way costs a few tokens and is taken only at addresses that are not the vendor's own.
        Raises `ModelFailure`; an unknown model's names the nearest ids, where the provider lists them.
        """
        try:
            if await self._is_described():
                return
        except ModelFailure as failure:
            unknown = failure.failure_class is FailureClass.UNKNOWN_MODEL
            if self._own_address and unknown:
                raise unknown_model(self._model_id, await self._ids(), status_code=404) from None
            undescribed = failure.status_code in _NO_DESCRIPTION
            malformed = failure.failure_class is FailureClass.MALFORMED
            if self._own_address or not (undescribed or malformed):
                raise
        try:
            await self._ping_on_open_connection()
        except ModelFailure as failure:
            if failure.failure_class is not FailureClass.UNKNOWN_MODEL:
                raise
            known = await self._ids()
            raise unknown_model(self._model_id, known, status_code=failure.status_code) from None

    async def _ping_on_open_connection(self) -> None:
        # uvicorn closes a connection after a 500 that it answered as if to keep it (`transformers serve` where
        # it cannot list its models): the next call on it breaks, and every repetition of the whole check would.
        try:
            await self._ping()
        except ModelFailure as failure:
            if failure.failure_class is not FailureClass.CONNECTION:
                raise
            await self._ping()

    async def _ids(self) -> tuple[str, ...]:
        try:
            return await self._listed()
        except ModelFailure:
            return ()

    @abstractmethod
    async def _is_described(self) -> bool:
        """Whether the provider says that it has the model; False where only a call can tell."""

    @abstractmethod
    async def _listed(self) -> tuple[str, ...]:
        """The model ids that the provider lists."""

    @abstractmethod
    async def _ping(self) -> None:
        """The smallest question there is."""


def vendor_access(
    settings: RemoteSettings, context: ModelContext, *, provider: str, variable: str, url: str
) -> tuple[Endpoint, str]:
    """Address and key of a vendor's model: `-M base_url`, the environment's `variable`, or the vendor's own `url`;
    the key of `-M api_key_env` or of the vendor's variables.

    Raises `UsageError` for an address that is none, `ProviderError` for a missing key unless the model is dry.
    """
    endpoint = Endpoint.parse(settings.base_url or os.environ.get(variable) or url, model=context.name)
    variables = (settings.api_key_env,) if settings.api_key_env else KEY_VARIABLES[provider]
    return endpoint, read_key(variables, model=context.name, needed=not context.dry)


def filtered_reply(error: ErrorReply) -> ModelReply:
    """A prompt that the provider's filter turned down: a reply without text."""
    return ModelReply(text="", finish_reason=FinishReason.FILTER, refusal=without_keys(error.message))


def unknown_model(model_id: str, known: Sequence[str], *, status_code: int | None) -> ModelFailure:
    """The failure for a model id that is not among the ids a provider lists; it names the nearest ones."""
    near = difflib.get_close_matches(model_id, known, n=3, cutoff=0.6)
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


def listed_ids(listing: Mapping[str, Any]) -> tuple[str, ...]:
    """The ids of a list of models in the form of OpenAI and Anthropic."""
    rows = listing.get("data")
    found = [mapping(row).get("id") for row in rows] if isinstance(rows, list) else []
    return tuple(name for name in found if isinstance(name, str))


def bad_request(message: str) -> ModelFailure:
    """A request that the provider is known to refuse; met before any call."""
    return ModelFailure(FailureClass.BAD_REQUEST, message)
