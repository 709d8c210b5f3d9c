"""Garbage collection around a run: off while it is set up, rare while it asks.

Measured with docs/performance.md: at the default settings it takes 0.4 s of the CPU of the imports and 8 % of that
of asking, since imports leave half a million objects behind and answers make few cycles.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def off() -> Iterator[None]:
    """No collection inside: for imports and for reading a benchmark, which make no garbage."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


@contextmanager
def rare() -> Iterator[None]:
    """What is there now is not looked at again inside, and the rest seldom."""
    usual = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)
    try:
        yield
    finally:
        gc.set_threshold(*usual)
        gc.unfreeze()  # what is frozen at the end is never freed, and DuckDB complains of it below our last line
