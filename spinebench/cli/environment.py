"""The environment of a command: variables, with a `.env` file in the working folder below them."""

from __future__ import annotations

import os

from spinebench.errors import UsageError


def environment() -> dict[str, str]:
    """Load `.env` (existing variables win) into the process and return the variables.

    Only commands do this, never an import: provider SDKs then find keys under their vendors' names. Raises
    `UsageError` for a `.env` that is no text.
    """
    if os.path.isfile(".env"):
        from dotenv import load_dotenv

        try:
            load_dotenv(".env", override=False)
        except (OSError, UnicodeDecodeError) as error:
            raise UsageError(
                f"file '.env': expected readable UTF-8 lines NAME=value, found {error}; mend it, or move it away"
            ) from error
    # langgraph brings a tracing client along; nothing is sent anywhere unless the user asks for it
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    return dict(os.environ)
