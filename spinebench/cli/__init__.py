"""The `spinebench` command."""

from __future__ import annotations

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script."""
    from spinebench.cli.app import run_app

    raise SystemExit(run_app())
