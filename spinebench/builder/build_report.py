"""How far a build is, as a record and as a file of its folder."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from spinebench.builder.records import Stage
from spinebench.errors import DataError
from spinebench.records import Record

REPORT: Final = "build.json"


class StageLine(Record):
    """One stage of a build, for its table."""

    stage: Stage
    counts: dict[str, int] = Field(default_factory=dict)
    dropped: dict[str, int] = Field(default_factory=dict)
    """Reason -> number."""


class BuildReport(Record):
    """How far a build is; `build.json`."""

    name: str
    version: str
    stages: tuple[StageLine, ...]
    """Those that came to their end, in order."""
    n_waiting: int = 0
    """Items without a decision of the review that holds."""
    waits_for: dict[str, int] = Field(default_factory=dict)
    """How many of them lack a `first` decision, a `second` one, or the `adjudication` where reviewers differ."""
    simulated: tuple[str, ...] = ()
    """What of it is simulated: `encoder`, `review`."""
    failed_checks: dict[str, str] = Field(default_factory=dict)
    """Checks of the audit that end the build, with what they found."""
    not_given: tuple[str, ...] = ()
    """Sources of the plan without an image, and what the selection asked for and the data could not give; in words."""
    finished: bool = False


def read_report(out: Path) -> BuildReport:
    """How far the last call took a build. Raises `DataError` where the folder is none of a build."""
    try:
        return BuildReport.model_validate_json((out / REPORT).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"folder {str(out)!r}: expected {REPORT} of a build, found none that can be read; name the folder that "
            "'spinebench build benchmark' was given with --out"
        ) from error
