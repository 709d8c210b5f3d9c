"""`<stem>.meta.json` beside a benchmark file: what it is called, and whether it is drawn."""

from __future__ import annotations

from pathlib import Path

from pydantic import ConfigDict, Field, ValidationError

from spinebench.errors import DataError
from spinebench.records import Record


class Sidecar(Record):
    """What a benchmark says of itself as a whole; keys not named here are left alone."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    name: str | None = Field(default=None, min_length=1)
    """Shown in place of the format's name, and part of run ids."""
    simulated: bool = False
    """True for drawn images, and where an encoder or reviewers of its making are simulated: labelled wherever the
    benchmark is named."""


def read_sidecar(benchmark: Path) -> Sidecar:
    """The sidecar of a benchmark file; an empty one where there is none. Raises `DataError`."""
    path = benchmark.with_name(f"{benchmark.stem}.meta.json")
    try:
        return Sidecar.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        return Sidecar()
    except (OSError, ValidationError) as error:
        raise DataError(
            f"benchmark description {path.name!r}: expected JSON with 'name' (a text) and 'simulated' (true or "
            f"false), found {str(error).splitlines()[0]}; correct or remove it"
        ) from error
