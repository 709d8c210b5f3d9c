"""Command-line options made from the fields of a plan: one list for flags, plan keys, help and schema."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import typer
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from spinebench.errors import UsageError
from spinebench.runs.plan_fields import Flag, ModelEntry

Command = Callable[..., object]


def with_plan_options(plan: type[BaseModel]) -> Callable[[Command], Command]:
    """Give a command function, whose last parameter is `**flags`, one option for each flagged field of a plan.

    Every option defaults to None, so that only what was given on the command line goes before the plan file.
    """
    return lambda command: _with_options(command, plan)


def _with_options(command: Command, plan: type[BaseModel]) -> Command:
    signature = inspect.signature(command, eval_str=True)
    own = [p for p in signature.parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    options = [
        inspect.Parameter(
            name,
            inspect.Parameter.KEYWORD_ONLY,
            default=None,
            annotation=Annotated[_flag_type(info.annotation) | None, _option(info, flag)],
        )
        for name, info in plan.model_fields.items()
        for flag in [meta for meta in info.metadata if isinstance(meta, Flag)]
    ]
    parameters = [*own, *options]
    vars(command)["__signature__"] = signature.replace(parameters=parameters)
    command.__annotations__ = {p.name: p.annotation for p in parameters}
    return command


def given(flags: Mapping[str, Any], plan: type[BaseModel]) -> dict[str, Any]:
    """The plan values of the options that were given, in the form that the plan takes."""
    values: dict[str, Any] = {}
    for name, value in flags.items():
        if value is None or value == []:
            continue
        kind = plan.model_fields[name].annotation
        if get_origin(kind) is dict:
            pairs = [pair for text in value for pair in _pairs(name, text)]
            values[name] = {key: _scalar(name, text) for key, text in pairs}
        else:
            values[name] = tuple(value) if isinstance(value, list) else value
    return values


def _option(info: FieldInfo, flag: Flag) -> Any:
    default = info.get_default(call_default_factory=True)
    text = info.description or ""
    if not info.is_required() and default not in (None, (), {}) and not isinstance(default, bool):
        values = default if isinstance(default, tuple) else (default,)
        text = f"{text.removesuffix('.')}; default: {', '.join(map(str, values))}."
    return typer.Option(
        *flag.names.split(),
        help=text,
        metavar=_metavar(info.annotation),
        show_default=False,
        rich_help_panel=flag.panel,
    )


def _metavar(annotation: Any) -> str | None:
    """What stands for the value of a repeatable option in its help; None: as typer has it."""
    kind = _flag_type(annotation)
    if get_origin(kind) is not list:
        return None
    (one,) = get_args(kind)
    return "|".join(one) if issubclass(one, StrEnum) else "<str>"


def _flag_type(annotation: Any) -> Any:
    """The type of a command-line value for the type of a plan field."""
    origin = get_origin(annotation)
    if origin in (Union, types.UnionType):
        kinds = [kind for kind in get_args(annotation) if kind is not type(None)]
        return _flag_type(kinds[0])
    if origin is Annotated:
        return _flag_type(get_args(annotation)[0])
    if origin is tuple:
        return types.GenericAlias(list, (_flag_type(get_args(annotation)[0]),))
    if origin is dict:
        return list[str]
    if origin is Literal:
        return Literal[tuple(map(str, get_args(annotation)))]  # members of an enumeration by their values
    if annotation is ModelEntry:
        return str
    if isinstance(annotation, type) and issubclass(annotation, StrEnum | bool | int | float | str):
        return annotation
    raise AssertionError(f"plan field of type {annotation!r} has no command-line form")


def _pairs(name: str, text: str) -> list[tuple[str, str]]:
    """`key=value` pairs; several, separated by commas, only for model roles."""
    flag = "--model-role" if name == "model_roles" else "-M"
    pairs = []
    for piece in text.split(",") if name == "model_roles" else [text]:
        key, equals, value = piece.partition("=")
        if not equals or not key.strip():
            raise UsageError(f"{flag} {piece!r}: expected key=value; write it as {flag} key=value")
        pairs.append((key.strip(), value.strip()))
    return pairs


def _scalar(name: str, text: str) -> Any:
    """A value of `-M` as YAML reads it (numbers, true, false, lists); a role's model string as it stands."""
    if name == "model_roles":
        return text
    from spinebench.runs.plan_yaml import read_yaml

    try:
        return read_yaml(text, source="-M")
    except UsageError:
        return text
