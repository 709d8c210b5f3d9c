"""What a user is told about a failure: with the name of what to mend, without any key."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from spinebench.errors import ProviderError
from spinebench.models.protocol import ModelFailure
from spinebench.records import FailureClass

_KEY_VARIABLES = {
    "openai": "OPENAI_API_KEY",
    "anthropic": "ANTHROPIC_API_KEY",
    "google": "GOOGLE_API_KEY",
}
_SECRET_NAME = re.compile(r"(?:_API_KEY|_TOKEN|_SECRET|_ACCESS_KEY|_PASSWORD)$")
_SECRET_LENGTH = 8
"""Shorter values are no keys, and blanking them out would eat ordinary words."""
_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf)[-_][A-Za-z0-9_\-*.]{6,}"
    r"|\bAIza[A-Za-z0-9_\-]{20,}"
    r"|(?<=Bearer )[A-Za-z0-9_\-.~+/=]{8,}"
)


def without_keys(text: str) -> str:
    """`text` with every key blanked out: values of key-like environment variables, and what looks like a key.

    Some servers repeat the key they were sent in their error message.
    """
    for name, value in os.environ.items():
        if len(value) >= _SECRET_LENGTH and value in text and _SECRET_NAME.search(name.upper()):
            text = text.replace(value, f"<{name}>")
    return _KEY_SHAPES.sub("<key>", text)


def internal_failure(error: BaseException) -> ModelFailure:
    """An unexpected exception of an adapter or a user's model, as a failure that says where it was raised."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" ({Path(frames[-1].filename).name}:{frames[-1].lineno})" if frames else ""
    return ModelFailure(FailureClass.INTERNAL, f"{type(error).__name__}: {error}{where}")


def provider_error(model: str, failure: ModelFailure) -> ProviderError:
    """The error that ends the work, for a failure that no other item would escape."""
    what, mend = _advice(model, failure.failure_class)
    said = " ".join(without_keys(failure.message).split())[:500].replace("; ", ", ")
    status = "" if failure.status_code is None else f"HTTP {failure.status_code}: "
    return ProviderError(f"model {model!r}: {what} ({status}{said}); {mend}")


def _advice(model: str, failure_class: FailureClass) -> tuple[str, str]:
    provider, _, model_id = model.partition("/")
    variable = _KEY_VARIABLES.get(provider)
    key = (
        f"the environment variable {variable}" if variable else "the environment variable that holds its key"
    )
    if failure_class is FailureClass.AUTH:
        return "expected a valid key, the provider refused the one it got", f"set {key} to a valid key"
    if failure_class is FailureClass.PERMISSION:
        return (
            "expected permission to use it, the provider denies it",
            f"ask the provider for access, or set {key} to a key that has it",
        )
    if failure_class is FailureClass.UNKNOWN_MODEL:
        return f"expected a model id that the provider knows, not {model_id!r}", "correct the model name"
    if failure_class is FailureClass.QUOTA:
        return "expected credit or quota, the account's is used up", "top the account up and resume the run"
    return "expected an answer to the check of the model, got none", "try again later, or check the address"
