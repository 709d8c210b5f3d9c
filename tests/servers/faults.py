"""What can go wrong at a provider, by name, and which request it happens to."""

from __future__ import annotations

import re
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Literal

from tests.servers.wire import Protocol, Received, encode, error_body

Kind = Literal[
    "rate_limit",  # 429; `retry_after_s` in the spelling of `retry_after_as`
    "quota",  # money or quota used up, as each provider says it
    "server",  # `status` (500 if not given) with the provider's error body
    "overloaded",  # 529 with Anthropic's type, 503 elsewhere
    "gateway_html",  # 502 with an HTML page, as a proxy in front of the provider sends it
    "auth",  # 401
    "permission",  # 403
    "unknown_model",  # 404 that names the model
    "no_route",  # 404 without any mention of a model
    "bad_request",  # 400 with `message`
    "too_large",  # 413
    "unprocessable",  # 422
    "filter_400",  # the prompt is blocked: HTTP 400 (OpenAI, Azure), promptFeedback (Google)
    "reset",  # TCP reset before any byte
    "cut",  # the connection ends in the middle of the promised body
    "truncated",  # a whole HTTP reply whose JSON stops in the middle
    "invalid_json",  # HTTP 200 with an HTML page
    "no_content",  # HTTP 200 with `{}`
    "hang",  # no answer until the client gives up
    "slow",  # the usual answer after `delay_s`
    "refusal",  # the model refuses
    "filter",  # stopped by a content filter, in the finish reason
    "empty",  # no text
    "length",  # cut off by the token limit
    "raw",  # `status`, `headers` and `body` as given
]


@dataclass(kw_only=True)
class Fault:
    """One thing that goes wrong, for the requests it matches."""

    kind: Kind
    times: int | None = None
    """How many matching requests it happens to; None: all of them."""
    after: int = 0
    """Matching requests that are answered as usual before it starts."""
    every: int = 1
    """Happens to every n-th matching request only."""
    match: str | None = None
    """Regular expression on the request's text; None: all requests."""
    status: int | None = None
    message: str | None = None
    retry_after_s: float | None = None
    retry_after_as: Literal["seconds", "date", "ms", "body"] = "seconds"
    """`body` is Google's RetryInfo in the error details."""
    delay_s: float = 0.0
    headers: dict[str, str] = field(default_factory=dict)
    body: Any = None
    seen: int = 0
    happened: int = 0

    def strikes(self, request: Received) -> bool:
        """Whether it happens to this request; counts."""
        if self.match is not None and not re.search(self.match, request.text):
            return False
        self.seen += 1
        due = self.seen > self.after and (self.seen - self.after - 1) % self.every == 0
        if not due or (self.times is not None and self.happened >= self.times):
            return False
        self.happened += 1
        return True

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class HttpReply:
    """A whole HTTP reply of a fault."""

    status: int
    body: bytes
    headers: dict[str, str]


def _retry_headers(fault: Fault) -> dict[str, str]:
    seconds = fault.retry_after_s
    if seconds is None or fault.retry_after_as == "body":
        return {}
    if fault.retry_after_as == "ms":
        return {"retry-after-ms": str(round(seconds * 1000))}
    if fault.retry_after_as == "date":
        when = datetime.now(UTC) + timedelta(seconds=seconds)
        return {"retry-after": format_datetime(when, usegmt=True)}
    return {"retry-after": f"{seconds:g}"}


def _quota(protocol: Protocol, message: str | None) -> tuple[int, dict[str, Any]]:
    if protocol == "openai":
        text = message or "You exceeded your current quota, please check your plan and billing details."
        return 429, error_body(protocol, 429, text, code="insufficient_quota")
    if protocol == "anthropic":
        text = message or "Your credit balance is too low to access the API."
        return 400, error_body(protocol, 400, text)
    text = message or "Your prepayment credits are depleted. Please manage your billing."
    return 429, error_body(protocol, 429, text)


def _filter_400(protocol: Protocol, message: str | None) -> tuple[int, dict[str, Any]]:
    text = message or "The response was filtered due to the prompt triggering the content management policy."
    if protocol == "google":
        feedback = {"blockReason": "PROHIBITED_CONTENT", "blockReasonMessage": text}
        return 200, {"promptFeedback": feedback, "usageMetadata": {"promptTokenCount": 100}}
    if protocol == "anthropic":
        return 400, error_body(protocol, 400, message or "Output blocked by content filtering policy")
    return 400, error_body(protocol, 400, text, code="content_filter")


_HTML = b"<html><head><title>502 Bad Gateway</title></head><body><h1>502 Bad Gateway</h1></body></html>"


def http_reply(fault: Fault, request: Received) -> HttpReply | None:
    """The HTTP reply of a fault; None for faults of the connection, of time and of the model's text."""
    protocol = request.protocol
    headers = {**_retry_headers(fault), **fault.headers}
    details: list[dict[str, Any]] = []
    if fault.retry_after_s is not None and fault.retry_after_as == "body":
        info = "type.googleapis.com/google.rpc.RetryInfo"
        details = [{"@type": info, "retryDelay": f"{fault.retry_after_s:g}s"}]
    simple: dict[str, tuple[int, str, str | None]] = {
        "rate_limit": (429, "Rate limit reached for requests", "rate_limit_error"),
        "server": (fault.status or 500, "Internal server error", None),
        "auth": (401, "Incorrect API key provided: sk-...", None),
        "permission": (403, "The key may not use this model", None),
        "no_route": (404, "Not Found", None),
        "bad_request": (400, "Bad request", None),
        "too_large": (413, "Request exceeds the maximum size", None),
        "unprocessable": (422, "Unprocessable content", None),
    }
    if fault.kind in simple:
        status, message, code = simple[fault.kind]
        status = fault.status or status
        text = fault.message or message
        return HttpReply(
            status, encode(error_body(protocol, status, text, code=code, details=details)), headers
        )
    if fault.kind == "overloaded":
        status = fault.status or (529 if protocol == "anthropic" else 503)
        return HttpReply(status, encode(error_body(protocol, status, fault.message or "Overloaded")), headers)
    if fault.kind == "unknown_model":
        text = fault.message or f"The model `{request.model}` does not exist or you do not have access to it."
        body = error_body(protocol, 404, text, code="model_not_found" if protocol == "openai" else None)
        return HttpReply(404, encode(body), headers)
    if fault.kind == "quota":
        status, body = _quota(protocol, fault.message)
        return HttpReply(status, encode(body), headers)
    if fault.kind == "filter_400":
        status, body = _filter_400(protocol, fault.message)
        return HttpReply(status, encode(body), headers)
    if fault.kind == "gateway_html":
        return HttpReply(fault.status or 502, _HTML, {"content-type": "text/html", **headers})
    if fault.kind == "invalid_json":
        return HttpReply(200, _HTML, {"content-type": "text/html", **headers})
    if fault.kind == "no_content":
        return HttpReply(200, b"{}", headers)
    if fault.kind == "raw":
        raw = fault.body.encode() if isinstance(fault.body, str) else encode(fault.body)
        return HttpReply(fault.status or 200, raw, headers)
    return None
