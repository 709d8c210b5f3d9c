"""The `spinebench` command."""

from __future__ import annotations

import io
import sys

__all__ = ["main"]


def main() -> None:
    """Entry point of the console script."""
    from spinebench.cli.app import run_app

    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            # A terminal that does not know a dash must not cost the table of a finished run.
            stream.reconfigure(errors="replace")
    raise SystemExit(run_app())
