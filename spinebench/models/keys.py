"""API keys: read from environment variables only, never options, never stored, never printed."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import MappingProxyType

from spinebench.errors import ProviderError

KEY_VARIABLES = MappingProxyType(
    {
        "openai": ("OPENAI_API_KEY",),
        "anthropic": ("ANTHROPIC_API_KEY",),
        "google": ("GOOGLE_API_KEY", "GEMINI_API_KEY"),
    }
)
"""Provider -> environment variables that may hold its key; the first one set counts."""


def present(provider: str) -> str | None:
    """Name of the variable that holds the provider's key; None if none is set or the provider needs none."""
    return next((name for name in KEY_VARIABLES.get(provider, ()) if os.environ.get(name, "").strip()), None)


def read_key(variables: Sequence[str], *, model: str, needed: bool = True) -> str:
    """The key in the first of `variables` that is set; a stand-in if there is none and none is `needed`.

    Raises `ProviderError` that names the variable where none is set, or where its value cannot be a key
    (a line break pasted along would otherwise fail deep inside the HTTP library, which prints the value).
    """
    for name in variables:
        value = os.environ.get(name, "").strip()
        if not value:
            continue
        if not all("!" <= character <= "~" for character in value):
            raise ProviderError(
                f"model {model!r}: expected a key in {name}, found characters that no key has; "
                f"set {name} again"
            )
        return value
    if not needed:
        return "not-set"
    names = " or ".join(variables)
    raise ProviderError(
        f"model {model!r}: expected its key in the environment variable {names}, which is not set; "
        f"set {variables[0]}, in the shell or in a .env file"
    )
