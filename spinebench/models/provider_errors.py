"""What a user is told about a failure: with the name of what to mend, without any key."""

from __future__ import annotations

import os
import re
import traceback
from pathlib import Path

from spinebench.errors import ProviderError
from spinebench.models.keys import KEY_VARIABLES, present
from spinebench.models.policy import provider_of
from spinebench.models.protocol import ChatModel, ModelFailure
from spinebench.records import FailureClass

_SECRET_NAME = re.compile(r"(?:KEY|TOKEN|SECRET|PASSWORD)$")
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


def provider_error(model: ChatModel, failure: ModelFailure) -> ProviderError:
    """The error that ends the work, for a failure that no other item would escape."""
    what, mend = _advice(model, failure.failure_class)
    said = " ".join(without_keys(failure.message).split())[:500].replace("; ", ", ")
    status = "" if failure.status_code is None else f"HTTP {failure.status_code}: "
    return ProviderError(f"model {model.name!r}: {what} ({status}{said}); {mend}")


def _advice(model: ChatModel, failure_class: FailureClass) -> tuple[str, str]:
    variable = _key_variable(model)
    if failure_class is FailureClass.AUTH:
        if variable is None:
            return (
                "expected a key, none was sent",
                "put its key into an environment variable and name that with -M api_key_env=NAME",
            )
        return (
            "expected a valid key, the provider refused the one it got",
            f"set the environment variable {variable} to a valid key",
        )
    if failure_class is FailureClass.PERMISSION:
        other_key = "" if variable is None else f", or set {variable} to a key that has it"
        return (
            "expected permission to use it, the provider denies it",
            f"ask the provider for access{other_key}",
        )
    if failure_class is FailureClass.UNKNOWN_MODEL:
        return "expected a model that the provider knows", "correct the model name"
    if failure_class is FailureClass.QUOTA:
        return "expected credit or quota, the account's is used up", "top the account up and resume the run"
    what = "expected an answer to the check of the model, got none"
    if failure_class is FailureClass.BAD_REQUEST:  # the same call would be refused later, too
        return what, "mend what the server names, or check the address"
    return what, "try again later, or check the address"


def _key_variable(model: ChatModel) -> str | None:
    """The environment variable that the model's key comes from; None where it has no key."""
    named = model.account.partition("#")[2]  # adapters put the name of a variable of the user's choice there
    if named:
        return named
    provider = provider_of(model.name)
    return present(provider) or next(iter(KEY_VARIABLES.get(provider, ())), None)
