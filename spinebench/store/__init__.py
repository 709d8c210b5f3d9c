"""Runs and audits on disk: journals are the truth, DuckDB answers the questions.

`Workspace` leads to everything; loading is `spinebench.store.ingest.ingest`. Importing this pulls in neither
DuckDB nor Arrow.
"""

from __future__ import annotations

from spinebench.store.audit_folder import AuditFolder
from spinebench.store.journal import CorruptLineError, Journal, SetAside
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace

__all__ = ["AuditFolder", "CorruptLineError", "Journal", "RunFolder", "SetAside", "Workspace"]
