"""One sitting of an audit from lock to database: shared by the commands and the Python interface."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from functools import partial

from spinebench.audit_records import AuditEntry, AuditStatus
from spinebench.audits.prepare import PreparedAudit
from spinebench.audits.runner import audit_traces, n_planned
from spinebench.runs.calling import gateway_to
from spinebench.runs.progress import Progress
from spinebench.runs.sitting import ingest_if_possible
from spinebench.runs.stopping import StopSwitch
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.ingest_audits import ingest_audit
from spinebench.store.workspace import Workspace


async def audit_through(
    prepared: PreparedAudit,
    workspace: Workspace,
    *,
    folder: AuditFolder | None = None,
    check_models: bool = True,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[AuditFolder], None] | None = None,
) -> AuditStatus:
    """Check the judges, create the audit (or go on with `folder`), judge, journal, and fill the database.

    The database is filled also when the sitting ends early. Raises `SpinebenchError` of what ended it: before the
    first judgement nothing is left behind, afterwards everything finished is. A stop request that comes before the
    first call raises `CancelledError`.
    """
    plan = prepared.plan
    async with contextlib.AsyncExitStack() as stack:
        if folder is not None:  # a second process is refused before it calls anyone
            stack.enter_context(folder.lock())
            check_models = check_models and len(folder.done_keys()) < n_planned(prepared)
        gateway = await stack.enter_async_context(
            gateway_to(
                prepared.judges,
                policy=plan.gateway_policy(),
                prices=plan.prices,
                workspace=workspace,
                check=check_models,
                switch=switch,
            )
        )
        if folder is None:
            folder = workspace.create_audit(prepared.spec, prepared.traces)
            stack.enter_context(folder.lock())
            if prepared.reused:
                folder.journal.append([AuditEntry(judgement=one) for one in prepared.reused])
        if on_start is not None:
            on_start(folder)
        try:
            status = await audit_traces(
                prepared, folder, gateway=gateway, switch=switch, on_progress=on_progress
            )
        except BaseException:
            ingest_if_possible(partial(ingest_audit, workspace, folder.audit_id), "judgements")
            raise
        ingest_audit(workspace, folder.audit_id)
        return status
