"""What a LangChain model raised: a failure by status or kind of exception, or a content filter's verdict."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from spinebench.models.failures import ErrorReply, http_failure, is_filtered, read_error
from spinebench.models.protocol import ModelFailure, ModelReply
from spinebench.models.provider_errors import internal_failure
from spinebench.records import FailureClass, FinishReason

_BROKEN = ("connect", "network", "remoteprotocol", "readerror", "writeerror")


def read_exception(error: BaseException) -> ModelReply | ModelFailure:
    """What an exception stands for; looks through the exceptions it was raised from.

    An HTTP error counts first: its status and the body the SDK keeps, read as for our own adapters. Then
    time-outs and broken connections, by type or by the name of the type, since every SDK has its own.
    Anything else is a fault in the model's own code (`internal`, not retried).
    """
    chain = list(_chain(error))
    for one in chain:
        reply = _http_error(one)
        if reply is None:
            continue
        if is_filtered(reply):
            return ModelReply(text="", finish_reason=FinishReason.FILTER, refusal=reply.message)
        return http_failure(reply)
    for one in chain:
        name = type(one).__name__.lower()
        said = f"{type(one).__name__}: {one}"
        if isinstance(one, TimeoutError) or "timeout" in name:
            return ModelFailure(FailureClass.TIMEOUT, said)
        if isinstance(one, ConnectionError) or any(word in name for word in _BROKEN):
            return ModelFailure(FailureClass.CONNECTION, said)
        if isinstance(one, json.JSONDecodeError):
            return ModelFailure(FailureClass.MALFORMED, said)
    return internal_failure(error)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: set[int] = set()
    here: BaseException | None = error
    while here is not None and id(here) not in seen:
        seen.add(id(here))
        yield here
        here = here.__cause__ or (None if here.__suppress_context__ else here.__context__)


def _http_error(error: BaseException) -> ErrorReply | None:
    """The HTTP error that an SDK's exception carries; None for an exception that is none."""
    response: Any = getattr(error, "response", None)
    status = _status(error, response)
    if status is None:
        return None
    body = getattr(error, "body", None)
    if not isinstance(body, str | bytes):
        body = json.dumps(body) if isinstance(body, dict) else None
    headers = getattr(response, "headers", None)
    return read_error(
        status,
        body or f"{type(error).__name__}: {error}",
        {str(name).lower(): str(value) for name, value in headers.items()}
        if isinstance(headers, Mapping)
        else {},
    )


def _status(error: BaseException, response: Any) -> int | None:
    for owner, names in (
        (error, ("status_code", "http_status", "status", "code")),
        (response, ("status_code", "status")),
    ):
        for name in names:
            value = getattr(owner, name, None)
            if isinstance(value, int) and not isinstance(value, bool) and 400 <= value <= 599:
                return int(value)
    if isinstance(response, Mapping):  # botocore keeps a plain mapping
        metadata = response.get("ResponseMetadata")
        value = metadata.get("HTTPStatusCode") if isinstance(metadata, Mapping) else None
        return value if isinstance(value, int) and 400 <= value <= 599 else None
    return None
