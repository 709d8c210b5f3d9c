"""A source of the plan: which data set, where it lies, and for a table which column says what."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, Self

from pydantic import Field, model_validator

from spinebench.records import Record


class Columns(Record):
    """Which column of a table says what. None: a column of a usual name, or not said.

    A column that is named here has to be there; names are compared without regard to case.
    """

    image: str | None = Field(default=None, description="Path of the image below the folder.")
    label: str | None = Field(default=None, description="Disease, or `Healthy`.")
    level: str | None = Field(default=None, description="Disc level, e.g. L4/L5.")
    side: str | None = Field(default=None, description="left or right.")
    severity: str | None = Field(default=None, description="Severity, as the severity policy words it.")
    study: str | None = None
    patient: str | None = None
    modality: str | None = None
    view: str | None = None
    region: str | None = None
    split: str | None = None
    sex: str | None = None
    age: str | None = None


class Source(Record):
    """One source data set of a plan."""

    kind: Literal["rsna", "vindr", "buu", "csxa", "spider", "table"] = Field(
        description="Format of the label files; `table` is a CSV or Parquet file of one's own."
    )
    folder: str = Field(min_length=1, description="Folder of the user's own copy.")
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="Name in ids and results, unique in a plan; default: the kind.",
    )
    file: str | None = Field(
        default=None,
        description="table: the CSV or Parquet file below the folder; default: the only one there.",
    )
    columns: Columns = Field(default_factory=Columns, description="table: names of the columns.")
    separators: str = Field(
        default=";|",
        description="table: characters between several labels or levels of a cell, beside line breaks.",
    )

    @model_validator(mode="after")
    def _fields_of_a_table(self) -> Self:
        usual = {
            name: info.get_default(call_default_factory=True) for name, info in Source.model_fields.items()
        }
        only_table = [
            name for name in ("columns", "file", "separators") if getattr(self, name) != usual[name]
        ]
        if only_table and self.kind != "table":
            raise ValueError(f"{only_table} of a source of kind {self.kind!r}: expected only with kind table")
        return self

    @property
    def source_name(self) -> str:
        """The name, by default the kind."""
        return self.name or self.kind


def kinds(sources: Iterable[Source]) -> dict[str, str]:
    """Kind of each source by its name. Raises ValueError where a name occurs twice."""
    found: dict[str, str] = {}
    for source in sources:
        if source.source_name in found:
            raise ValueError(
                f"source name {source.source_name!r}: expected each once; give one of them a name"
            )
        found[source.source_name] = source.kind
    return found
