"""What pages need, made ready before they are asked for: the libraries that draw, and the figures that are shown first.

Libraries are loaded before the server listens. Figures are computed by a process beside it (`preparing`), at its start
and whenever the data have changed and then rested.
"""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

from streamlit import runtime

from spinebench.dashboard.navigation import PAGES
from spinebench.dashboard.workspace_data import workspace
from spinebench.errors import SpinebenchError

_EVERY_S = 5.0
_FIRST_S = 3.0
"""The window that is opened as the server begins has the machine to itself."""
_ALSO = ("pandas", "pyarrow.pandas_compat", "scipy.stats")
"""Loaded by what pages call, when it is called first."""
_log = logging.getLogger(__name__)


def load_libraries() -> None:
    """Load every page with all that it draws with, for a process that does nothing but serve them."""
    from spinebench.dashboard.charts import leave_unchecked
    from spinebench.dashboard.kept_figures import code_digest

    for name, _, _ in PAGES:
        import_module(f"spinebench.dashboard.pages.{name}")
    for name in _ALSO:
        import_module(name)
    leave_unchecked()
    code_digest()  # of the code that was loaded, not of what stands in its place when a page is opened
    # Streamlit collects garbage after every run of a script. What was loaded so far is none: going through it each
    # time takes 0.08 s.
    gc.collect()
    gc.freeze()


@contextmanager
def kept_ready() -> Iterator[None]:
    """Prepare figures in the background for as long as this lasts. Whatever goes wrong there is said by the page that
    meets it."""
    stop = threading.Event()
    thread = threading.Thread(target=_keep_ready, args=(stop,), name="preparing", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()


def _keep_ready(stop: threading.Event) -> None:
    while not runtime.exists():
        if stop.wait(0.05):
            return
    if stop.wait(_FIRST_S):
        return
    from spinebench.dashboard.preparing import is_prepared, state_of_everything

    prepared, seen = None, None
    while True:
        try:
            now = state_of_everything()
            # A run or audit at work has a new state all the time: its figures are prepared when it rests.
            if now != prepared and (prepared is None or now == seen):
                if not is_prepared(now):
                    _prepare(stop)
                prepared = now
            seen = now
        except (SpinebenchError, OSError) as error:
            _log.info("not made ready: %s", error)
        if stop.wait(_EVERY_S):
            return


def _prepare(stop: threading.Event) -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "spinebench.dashboard.preparing", str(workspace().path)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None:
        if stop.wait(0.2):
            process.terminate()
            process.wait()
            return
