"""The `-M key=value` options that models behind a network address share."""

from __future__ import annotations

import difflib
import json
from typing import Any, Literal, TypeVar

from pydantic import Field, ValidationError, field_validator

from spinebench.errors import UsageError
from spinebench.models.provider_errors import without_keys
from spinebench.models.registry import ModelContext
from spinebench.records import JsonValue, Record

_RESERVED = frozenset({"messages", "contents", "model", "stream", "system", "systemInstruction"})


class RemoteSettings(Record):
    """Options of every provider reached over HTTP."""

    base_url: str | None = None
    """Address of another server that speaks the provider's protocol; None: the vendor's own."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the key. The key itself is never an option."""
    timeout: float | None = Field(None, gt=0)
    """Seconds to wait for a reply; None: the gateway's timeout decides. Never part of a run's digest."""
    extra_body: dict[str, JsonValue] = Field(default_factory=dict)
    """Further fields of the request body, as JSON; they win over ours."""
    json_output: Literal["schema", "prompt"] = "schema"
    """How JSON output is asked for: the provider's schema mode, or words in the prompt where it has none."""

    @field_validator("api_key_env", mode="after")
    @classmethod
    def _a_name(cls, value: str | None) -> str | None:
        if value is not None and (not value.isidentifier() or without_keys(value) != value):
            raise ValueError("expected the name of an environment variable, not the key itself")
        return value

    @field_validator("extra_body", mode="before")
    @classmethod
    def _from_text(cls, value: object) -> object:
        return json.loads(value) if isinstance(value, str) else value

    @field_validator("extra_body", mode="after")
    @classmethod
    def _no_reserved_fields(cls, value: dict[str, JsonValue]) -> dict[str, JsonValue]:
        taken = sorted(_RESERVED & value.keys())
        if taken:
            raise ValueError(f"{taken[0]!r} is composed by spinebench and cannot be replaced")
        return value

    def affecting_answers(self) -> dict[str, Any]:
        """The settings that differ from the defaults and can change an answer: part of the run digest."""
        return self.model_dump(
            mode="json", exclude_defaults=True, exclude={"base_url", "api_key_env", "timeout"}
        )


SettingsT = TypeVar("SettingsT", bound=RemoteSettings)


def read_settings(kind: type[SettingsT], context: ModelContext) -> SettingsT:
    """The typed options of a model. Raises `UsageError` that names the option, but never shows a key."""
    for key in context.args:
        if key in ("api_key", "key", "token"):
            raise UsageError(
                f"model option {key!r} of {context.name!r}: expected the key in an environment variable; "
                "set the variable, and name it with -M api_key_env=NAME where it is not the vendor's own"
            )
        if key not in kind.model_fields:
            near = difflib.get_close_matches(key, kind.model_fields, n=1, cutoff=0.6)
            hint = f"did you mean {near[0]!r}?" if near else "correct or drop the -M option"
            known = ", ".join(sorted(kind.model_fields))
            raise UsageError(f"model option {key!r} of {context.name!r}: expected one of {known}; {hint}")
    try:
        return kind.model_validate(context.args)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        option = str(first["loc"][0]) if first["loc"] else "options"
        expected = first["msg"].removeprefix("Value error, ")
        given = "" if option == "api_key_env" else f", value {context.args.get(option)!r}"
        raise UsageError(
            f"model option {option!r} of {context.name!r}{given}: "
            f"{expected[:1].lower()}{expected[1:]}; correct -M {option}=..."
        ) from None
