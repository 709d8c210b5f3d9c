"""What the first page needs, made ready while the server starts: the libraries that draw, and the figures."""

from __future__ import annotations

import logging
import threading
import time
from importlib import import_module

from streamlit import runtime

from spinebench.dashboard.audit_reports import StillComputingError, audit_state, prevalences_of
from spinebench.dashboard.run_choice import usual_choice
from spinebench.dashboard.summaries import model_accuracies
from spinebench.dashboard.workspace_data import data_stamp, workspace
from spinebench.errors import SpinebenchError

_log = logging.getLogger(__name__)


def warm_in_background() -> threading.Thread:
    """Begin, and return at once. A page that asks meanwhile waits for what is being computed, and computes no second
    time. Whatever goes wrong here is said by the page that meets it."""
    thread = threading.Thread(target=_warm, name="warming", daemon=True)
    thread.start()
    return thread


def _warm() -> None:
    while not runtime.exists():  # what is kept, is kept by it
        time.sleep(0.05)
    for name in ("overview", "errors"):
        import_module(f"spinebench.dashboard.pages.{name}")
    try:
        specs = tuple(run.spec() for run in workspace().runs())
        if specs and data_stamp() is not None:
            choice = usual_choice(specs)
            model_accuracies(choice, tuple(choice.run_ids))
            # The slowest figures of the second page; the last audit is the one it shows first.
            audits = [
                one.audit_id
                for one in workspace().audits()
                if {*one.spec().sample.run_ids} & {*choice.run_ids}
            ]
            if audits:
                _wait_for_prevalences(audits[-1])
    except SpinebenchError as error:
        _log.info("not made ready: %s", error)


def _wait_for_prevalences(audit_id: str) -> None:
    while True:
        try:
            prevalences_of(audit_state(audit_id))
        except StillComputingError as error:
            error.wait()
        else:
            return
