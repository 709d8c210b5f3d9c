"""A rubric in use cannot change under its version."""

from __future__ import annotations

from collections.abc import Sequence

from spinebench.errors import DataError
from spinebench.rubrics.rubric import Rubric
from spinebench.store.workspace import Workspace


def refuse_changed_rubrics(rubrics: Sequence[Rubric], workspace: Workspace) -> None:
    """Raise `DataError` where an earlier audit used a rubric of the same id and version with other content."""
    now = {(rubric.id, rubric.version): rubric for rubric in rubrics}
    for folder in workspace.audits():
        for stored in folder.spec().rubrics:
            before = Rubric.model_validate(stored)
            rubric = now.get((before.id, before.version))
            if rubric is not None and rubric.hash != before.hash:
                raise DataError(
                    f"rubric {rubric.id!r}, version {rubric.version!r}: expected the content of that version as "
                    f"audit {folder.audit_id!r} used it ({before.hash[:12]}), found another "
                    f"({rubric.hash[:12]}); give the changed rubric a new version"
                )
