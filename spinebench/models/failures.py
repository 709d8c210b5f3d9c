"""One HTTP error, whatever provider sent it, put into one failure class.

Sources: the error references of OpenAI, Anthropic, Google (google.rpc.Status), Azure OpenAI, and the bodies
that vLLM, llama.cpp, Ollama, LiteLLM and OpenRouter answer with. A code or type in the body counts more than
the status; the wording of the message is looked at only where providers have no code.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

import httpx2

from spinebench.models.protocol import ModelFailure
from spinebench.models.provider_errors import without_keys
from spinebench.records import FailureClass

_FILTER_CODES = frozenset(
    {
        "content_filter",
        "content_policy_violation",
        "data_inspection_failed",
        "invalid_prompt",
        "moderation_blocked",
        "prohibited_content",
        "responsibleaipolicyviolation",
    }
)
_FILTER_WORDS = re.compile(
    r"content (?:management|filtering|usage) polic|content filter|flagged (?:as|for|by)|"
    r"violat\w+ (?:our|the) (?:usage|content|safety) polic|inappropriate content|blocked by .{0,30}safety",
    re.IGNORECASE,
)
_QUOTA_CODES = frozenset(
    {
        "billing_disabled",
        "billing_error",
        "billing_hard_limit_reached",
        "billing_not_active",
        "contract_spend_limit_reached",
        "enforced_spend_limit_reached",
        "insufficient_balance",
        "insufficient_quota",
    }
)
_QUOTA_WORDS = re.compile(
    r"credit balance is too low|insufficient (?:balance|credits?|funds)|"
    r"credits? (?:are |is |have been )?(?:depleted|exhausted|used up)|spend(?:ing)? (?:limit|cap)|"
    r"specified api usage limits|requires billing|billing .{0,40}(?:disabled|not active|closed)|"
    # Google's quota violations name their limit; a limit of 0 is not lifted by waiting.
    r"\blimit: 0\b",
    re.IGNORECASE,
)
_KEY_CODES = frozenset(
    {
        "api_key_invalid",
        "authentication_error",
        "invalid_api_key",
        # LiteLLM without a database has no other word for a key that is not its master key.
        "no_db_connection",
        "unauthenticated",
    }
)
_KEY_WORDS = re.compile(r"api key (?:not valid|expired|not found)", re.IGNORECASE)
_PLACE_WORDS = re.compile(r"(?:location|country|region|territory).{0,30}not supported", re.IGNORECASE)
_MODEL_CODES = frozenset({"model_not_found", "deploymentnotfound", "unknown_model", "model_not_exist"})
_MODEL_WORDS = re.compile(
    r"\bmodels?\b.{0,200}?(?:does not exist|not exist|not found|is not available|is not supported for)|"
    r"(?:unknown|invalid|no such) model|not a valid model|^model: ",
    re.IGNORECASE | re.DOTALL,
)
_TITLE = re.compile(r"<title[^>]*>\s*(.*?)\s*</title>", re.IGNORECASE | re.DOTALL)

_FLAGS = {
    "temperature": "--temperature",
    "top_p": "--top-p",
    "topP": "--top-p",
    "seed": "--model-seed",
    "max_tokens": "--max-tokens",
    "max_completion_tokens": "--max-tokens",
    "maxOutputTokens": "--max-tokens",
    "max_output_tokens": "--max-tokens",
    "reasoning_effort": "--reasoning-effort",
    "effort": "--reasoning-effort",
    "thinking_level": "--reasoning-effort",
    "thinkingLevel": "--reasoning-effort",
    "thinking": "--thinking-budget",
    "budget_tokens": "--thinking-budget",
    "thinking_budget": "--thinking-budget",
    "thinkingBudget": "--thinking-budget",
}
"""Fields of request bodies -> the option of ours that puts them there."""
_JSON_FIELDS = (
    "response_format",
    "output_config",
    "responseJsonSchema",
    "response_json_schema",
    "json_schema",
)

_RATE_LIMIT_PREFIXES = ("x-ratelimit-", "ratelimit", "anthropic-ratelimit-", "retry-after")


@dataclass(frozen=True, kw_only=True)
class ErrorReply:
    """What an HTTP error says, read from any of the shapes that providers use."""

    status: int
    message: str
    codes: frozenset[str]
    """Codes, types, states and reasons found in the body, lower case."""
    param: str | None = None
    """The request field that the provider complains about, where it names one."""
    retry_after_s: float | None = None


def read_error(status: int, body: bytes | str, headers: Mapping[str, str]) -> ErrorReply:
    """Read an error reply; a body in an unknown shape is shortened to a message."""
    text = body.decode("utf-8", "replace") if isinstance(body, bytes) else body
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    top: dict[str, Any] = value if isinstance(value, dict) else {}
    error: dict[str, Any] = top["error"] if isinstance(top.get("error"), dict) else top
    details = error.get("details")
    infos = [info for info in details if isinstance(info, dict)] if isinstance(details, list) else []
    codes = {
        str(code).lower()
        for code in (
            error.get("code"),
            error.get("type"),
            error.get("status"),
            _nested(error, "innererror", "code"),
            _nested(error, "details", "error_code"),
            *(info.get("reason") for info in infos),
        )
        if isinstance(code, str)
    }
    param = error.get("param")
    return ErrorReply(
        status=status,
        message=_message(top, error, text),
        codes=frozenset(codes),
        param=param if isinstance(param, str) else None,
        retry_after_s=retry_after(headers, infos),
    )


def _nested(error: Mapping[str, Any], *path: str) -> object:
    value: object = error
    for key in path:
        value = value.get(key) if isinstance(value, dict) else None
    return value


def _message(top: Mapping[str, Any], error: Mapping[str, Any], text: str) -> str:
    for value in (error.get("message"), top.get("error"), top.get("message"), top.get("detail")):
        if isinstance(value, str) and value.strip():
            return " ".join(value.split())
    if not top.get("detail") and (title := _TITLE.search(text)):
        return f"an HTML page titled {' '.join(title[1].split())!r}"
    return " ".join(text.split())[:500] or "no further words"


def retry_after(headers: Mapping[str, str], infos: Collection[Mapping[str, Any]] = ()) -> float | None:
    """Seconds to wait that a reply asks for; None if it does not, or not in any known form.

    Read in this order: `retry-after-ms`, `Retry-After` in seconds or as an HTTP date (RFC 9110, 10.2.3),
    Google's RetryInfo (`"retryDelay": "17s"`) in the error details.
    """
    milliseconds = _seconds(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return milliseconds / 1000
    header = headers.get("retry-after", "")
    if header:
        seconds = _seconds(header)
        if seconds is not None:
            return seconds
        try:
            when = parsedate_to_datetime(header)
        except (ValueError, TypeError):
            when = None
        if when is not None:
            aware = when if when.tzinfo is not None else when.replace(tzinfo=UTC)
            return max(0.0, (aware - datetime.now(UTC)).total_seconds())
    for info in infos:
        delay = info.get("retryDelay")
        if isinstance(delay, str):
            return _seconds(delay.removesuffix("s"))
    return None


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None


def rate_limit_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """The rate-limit headers of a reply, lower case."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower().startswith(_RATE_LIMIT_PREFIXES)
    }


def is_filtered(error: ErrorReply) -> bool:
    """Whether the error is a content filter's verdict on the prompt: a kind of reply, not a failure."""
    if error.status not in (400, 403, 422):
        return False
    return bool(error.codes & _FILTER_CODES or _FILTER_WORDS.search(error.message))


def classify(error: ErrorReply) -> FailureClass:
    """The class of an HTTP error that is no content filter's verdict."""
    status, codes, words = error.status, error.codes, error.message
    if status == 402 or codes & _QUOTA_CODES or (status < 500 and _QUOTA_WORDS.search(words)):
        return FailureClass.QUOTA
    if status == 401 or (status in (400, 403) and (codes & _KEY_CODES or _KEY_WORDS.search(words))):
        return FailureClass.AUTH
    if codes & _MODEL_CODES or (status in (400, 404) and _MODEL_WORDS.search(words)):
        return FailureClass.UNKNOWN_MODEL
    if status == 403 or (status == 400 and _PLACE_WORDS.search(words)):
        return FailureClass.PERMISSION
    if status == 429:
        return FailureClass.RATE_LIMIT
    if status == 408:
        return FailureClass.TIMEOUT
    # 409 and 425 are transient locks; 501 says that the server will never do it.
    if status in (409, 425) or (status >= 500 and status != 501):
        return FailureClass.SERVER
    return FailureClass.BAD_REQUEST


def http_failure(error: ErrorReply, *, sent: Collection[str] = (), hint: str | None = None) -> ModelFailure:
    """The failure of an HTTP error: the provider's message, and which of our options to drop or change.

    `sent` are the fields of the request body: an option is named only if it was sent.
    """
    failure_class = classify(error)
    advice = hint
    if failure_class is FailureClass.BAD_REQUEST:
        advice = hint or _advice(error, sent)
    message = without_keys(error.message)
    return ModelFailure(
        failure_class,
        message if advice is None else f"{message}; {advice}",
        status_code=error.status,
        retry_after_s=error.retry_after_s,
    )


def _advice(error: ErrorReply, sent: Collection[str]) -> str | None:
    named = {error.param} if error.param is not None else set()
    named |= set(re.findall(r"[A-Za-z_]+", error.message))
    for name, flag in _FLAGS.items():
        if name in named and name in sent:
            return f"drop or change {flag}"
    if any(name in sent and name in named for name in _JSON_FIELDS):
        return "set -M json_output=prompt"
    if 300 <= error.status < 400:
        return "the server redirects; set -M base_url to its final address"
    if error.status in (404, 405):
        return "no such path on the server; check -M base_url"
    return None


def transport_failure(error: BaseException, *, origin: str) -> ModelFailure:
    """The failure of a call that got no HTTP reply, from the HTTP library's own exception."""
    if isinstance(error, httpx2.TimeoutException):
        return ModelFailure(FailureClass.TIMEOUT, f"{origin}: timed out ({type(error).__name__})")
    if isinstance(error, httpx2.DecodingError):
        return ModelFailure(FailureClass.MALFORMED, f"{origin}: reply cannot be decompressed")
    said = without_keys(str(error) or _innermost(error))
    if isinstance(error, httpx2.ConnectError):
        mend = "check that the server is running"
        if "CERTIFICATE" in said:
            mend = "set SSL_CERT_FILE to the certificates of the authority that signed the server's"
        return ModelFailure(FailureClass.CONNECTION, f"{origin}: cannot connect ({said}); {mend}")
    return ModelFailure(
        FailureClass.CONNECTION, f"{origin}: connection broke ({said or type(error).__name__})"
    )


def _innermost(error: BaseException) -> str:
    while (inner := error.__cause__ or error.__context__) is not None:
        error = inner
    return str(error) or type(error).__name__
