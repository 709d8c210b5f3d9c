"""The environment of a command: variables, with a `.env` file in the working folder below them."""

from __future__ import annotations

import os


def environment() -> dict[str, str]:
    """Load `.env` (existing variables win) into the process and return the variables.

    Only commands do this, never an import: provider SDKs then find keys under their vendors' names.
    """
    from dotenv import load_dotenv

    load_dotenv(".env", override=False)
    # langgraph brings a tracing client along; nothing is sent anywhere unless the user asks for it
    os.environ.setdefault("LANGSMITH_TRACING", "false")
    return dict(os.environ)
