"""One folder per stage: what it was made from, what it holds, and whether that still holds."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import Field, ValidationError

from spinebench.builder.record_files import file_sha256, make_folder, write_json
from spinebench.builder.records import Stage
from spinebench.records import JsonValue, Record, Sha256, digest

STAGE_FILE: Final = "stage.json"
VERSION: Final = "1"
"""Version of everything that decides a stage's output, whatever the stage; part of every key."""


class StageRecord(Record):
    """`stage.json`: a stage that came to its end."""

    stage: Stage
    key: Sha256
    """Over the stage's settings and the outputs of the stages before it."""
    files: dict[str, Sha256]
    """The outputs that later stages are keyed by: file below the stage's folder -> SHA-256."""
    counts: dict[str, int] = Field(default_factory=dict)
    """For the table of a build, in the order of the stage."""

    def outputs(self) -> Sha256:
        """One hash over all outputs."""
        return digest(dict(sorted(self.files.items())))


@dataclass(frozen=True)
class BuildFolder:
    """The folder of a build."""

    path: Path

    def of(self, stage: Stage) -> Path:
        """The folder of a stage; made where missing."""
        folder = self.path / stage.value
        make_folder(folder)
        return folder

    def clear_halves(self) -> None:
        """Delete the halves of files that killed builds left; only where no other process builds here."""
        for folder in (self.path, *(self.path / stage.value for stage in Stage)):
            for half in sorted(folder.glob(".*.part")):
                if half.is_file():
                    half.unlink(missing_ok=True)

    def record(self, stage: Stage) -> StageRecord | None:
        """The record of a stage that came to its end and whose outputs are as it left them; None otherwise."""
        folder = self.path / stage.value
        try:
            record = StageRecord.model_validate_json((folder / STAGE_FILE).read_bytes())
            whole = all(file_sha256(folder / name) == sha256 for name, sha256 in record.files.items())
        except (OSError, ValidationError):
            return None
        return record if whole else None

    def run(
        self,
        stage: Stage,
        inputs: JsonValue,
        work: Callable[[Path], dict[str, int]],
        *,
        files: Iterable[str],
    ) -> StageRecord:
        """The record of a stage of these inputs, made now unless it is there.

        `inputs`: everything that decides the outputs, as plain JSON. `work` gets the stage's folder, writes `files`
        into it and returns the counts; what it raises is passed on, and the stage is then begun again next time.
        """
        key = digest([stage.value, VERSION, inputs])
        known = self.record(stage)
        if known is not None and known.key == key:
            return known
        folder = self.of(stage)
        (folder / STAGE_FILE).unlink(missing_ok=True)
        return self.ended(stage, inputs, files=files, counts=work(folder))

    def ended(
        self, stage: Stage, inputs: JsonValue, *, files: Iterable[str], counts: dict[str, int]
    ) -> StageRecord:
        """Write and return the record of a stage whose `files` were just written, whether it had one or not."""
        folder = self.of(stage)
        record = StageRecord(
            stage=stage,
            key=digest([stage.value, VERSION, inputs]),
            files={name: file_sha256(folder / name) for name in files},
            counts=counts,
        )
        write_json(folder / STAGE_FILE, record.model_dump(mode="json"))
        return record
