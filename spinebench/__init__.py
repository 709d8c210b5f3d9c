"""Evaluation and reasoning audit of multimodal LLMs on spine images."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from spinebench.api import (
        Audit,
        Run,
        Workspace,
        aaudit,
        agreement,
        arun,
        audit,
        calibrate,
        compare,
        levels,
        load_benchmark,
        run,
        scores,
    )

try:
    __version__ = version("spinebench")
except PackageNotFoundError:  # imported from a source tree that was never installed
    __version__ = "0+unknown"

__all__ = [
    "Audit",
    "Run",
    "Workspace",
    "__version__",
    "aaudit",
    "agreement",
    "arun",
    "audit",
    "calibrate",
    "compare",
    "levels",
    "load_benchmark",
    "run",
    "scores",
]


def __getattr__(name: str) -> Any:
    """Load the Python interface on first use, so that `import spinebench` stays light."""
    if name in __all__:
        from spinebench import api

        return getattr(api, name)
    raise AttributeError(f"module 'spinebench' has no attribute {name!r}")
