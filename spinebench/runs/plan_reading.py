"""From flags, a plan file and the environment to a plan of any kind, with errors that name key, value and remedy."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from spinebench.errors import UsageError
from spinebench.records import Record
from spinebench.runs.plan_fields import Flag
from spinebench.runs.plan_yaml import read_yaml

P = TypeVar("P", bound=Record)
Relocate = Callable[[dict[str, Any], Path], None]
"""Makes the paths in a plan file's values count from the file's folder."""


def read_plan(
    kind: type[P],
    *,
    flags: Mapping[str, Any],
    file: Path | None,
    environ: Mapping[str, str] | None,
    prefix: str,
    relocate: Relocate,
    page: str,
) -> P:
    """A plan by precedence flag > plan file > environment (`<prefix><FIELD>`) > default.

    `flags` holds only what was given on the command line; `page` documents the keys. Raises `UsageError` naming
    an unknown key with the nearest known one, or the field, value and expectation.
    """
    values: dict[str, Any] = {}
    for name in kind.model_fields:
        variable = f"{prefix}{name.upper()}"
        text = (environ or {}).get(variable)
        if text:
            values[name] = read_yaml(text, source=f"environment variable {variable}")
    if file is not None:
        values.update(_read_file(kind, file, relocate, page))
    values.update(flags)
    return validated(kind, values, page=page)


def validated(kind: type[P], values: Mapping[str, Any], *, page: str) -> P:
    """The plan of a mapping of its fields. Raises `UsageError` naming field, value and what was expected."""
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise UsageError(_explain(kind, error, page)) from error


def from_folder(folder: Path, path: str) -> str:
    """A path of a plan file, counted from the file's folder."""
    return str(folder / Path(path).expanduser())


def relocated_names(value: object, folder: Path, *, known: Iterable[str]) -> object:
    """Names and paths, one or a list of them: what is no known name is a path and counts from the folder."""
    if isinstance(value, str):
        value = [value]
    if not isinstance(value, list):
        return value
    names = set(known)
    return [one if not isinstance(one, str) or one in names else from_folder(folder, one) for one in value]


def _read_file(kind: type[Record], file: Path, relocate: Relocate, page: str) -> dict[str, Any]:
    try:
        text = file.read_text("utf-8-sig")
    except OSError as error:
        raise UsageError(
            f"plan file {str(file)!r}: expected a readable YAML file, but {error.strerror}; correct the path"
        ) from error
    except UnicodeDecodeError as error:
        raise UsageError(
            f"plan file {str(file)!r}: expected UTF-8 text, found byte {error.start} is none; "
            "save it as UTF-8"
        ) from error
    data = read_yaml(text, source=f"plan file {str(file)!r}")
    if not isinstance(data, dict):
        hint = (
            ", or pass it with --benchmark if it is a benchmark file"
            if "benchmark" in kind.model_fields
            else ""
        )
        raise UsageError(f"plan file {str(file)!r}: expected keys and values; see {page}{hint}")
    data.pop("$schema", None)
    for key in data:
        if key not in kind.model_fields:
            near = _near(str(key), kind.model_fields, page)
            raise UsageError(f"plan file {str(file)!r}, key {key!r}: expected a known key; {near}")
    relocate(data, file.parent)
    return data


def _near(key: str, fields: Iterable[str], page: str) -> str:
    near = difflib.get_close_matches(key, fields, n=1, cutoff=0.5)
    return f"did you mean {near[0]!r}?" if near else f"see {page} for the keys there are"


def _explain(kind: type[Record], error: ValidationError, page: str) -> str:
    lines = []
    problems = error.errors()
    for problem in problems:
        depth = len(problem["loc"])
        if problem["type"] == "too_short" and any(
            one["loc"][:depth] == problem["loc"] and len(one["loc"]) > depth for one in problems
        ):
            continue  # a list that is too short only because its entries are wrong
        field = ".".join(str(part) for part in problem["loc"]) or "plan"
        if problem["type"] == "extra_forbidden":
            inside = _model_at(kind, problem["loc"][:-1])
            near = "" if inside is None else f", {_near(str(problem['loc'][-1]), inside.model_fields, page)}"
            lines.append(f"key {field!r}: expected a known key{near}")
        elif problem["type"] == "missing":
            flag = next(iter(flag_names(kind, field)), None)
            lines.append(
                f"{field}: expected a value" + (f" ({flag} or a key of the plan file)" if flag else "")
            )
        else:
            message = problem["msg"].removeprefix("Value error, ")
            given = "" if problem["type"] == "value_error" else f" {problem['input']!r}"
            where = f"{field}{given}: " if problem["loc"] else ""
            lines.append(f"{where}{message[:1].lower()}{message[1:]}")
    return "; ".join(["plan: " + " | ".join(lines), "correct the plan or the options"])


def _model_at(kind: type[BaseModel], loc: tuple[int | str, ...]) -> type[BaseModel] | None:
    """The model whose key stands behind `loc`, where plain sections lead there; None behind lists and unions."""
    for part in loc:
        info = kind.model_fields.get(str(part))
        kinds = [] if info is None else [info.annotation, *get_args(info.annotation)]
        found = [one for one in kinds if isinstance(one, type) and issubclass(one, BaseModel)]
        if not found:
            return None
        kind = found[0]
    return kind


def flag_names(kind: type[BaseModel], field: str) -> tuple[str, ...]:
    """The options that a plan's field is given with on the command line; () for none."""
    info = kind.model_fields.get(field)
    flags = [meta.names for meta in info.metadata if isinstance(meta, Flag)] if info else []
    return tuple(flags[0].split()) if flags else ()
