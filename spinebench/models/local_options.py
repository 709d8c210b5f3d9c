"""The `-M` options of `local/` models."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, TypeVar

from spinebench.errors import UsageError
from spinebench.models.registry import ModelContext

_DEVICE = re.compile(r"auto|cpu|mps|cuda(?::\d+)?")
_DTYPES = ("auto", "float32", "bfloat16", "float16")
T = TypeVar("T")
_TRUE, _FALSE = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}


@dataclass(frozen=True, kw_only=True)
class LocalOptions:
    """How a local checkpoint is loaded and run."""

    device: str = "auto"
    """`auto`: cuda where there is one, otherwise mps, otherwise cpu."""
    dtype: str = "auto"
    """`auto`: as the checkpoint was saved; float16 becomes float32 on a CPU."""
    batch_size: int = 8
    batch_wait_ms: float = 20.0
    """How long the first request of a batch waits for company."""
    revision: str | None = None
    """Branch, tag or commit of a hub id."""
    trust_remote_code: bool = False
    attn_implementation: str | None = None
    max_new_tokens: int | None = None
    """Where the request has no `max_tokens`. None: the checkpoint's own, otherwise 2048."""
    chat_template: str | None = None
    """Text of a Jinja chat template that replaces the checkpoint's."""
    allow_missing_weights: bool = False
    """Load a checkpoint whose files lack weights (those are then random)."""


_NAMES = tuple(LocalOptions.__dataclass_fields__)


def parse_options(context: ModelContext) -> LocalOptions:
    """The options of a model, text or typed. Raises `UsageError` for an unknown option or a wrong value."""
    context.refuse_unknown(_NAMES)
    given = {key: value for key, value in context.args.items() if value is not None}
    reader = _Reader(context.name, given)
    values: dict[str, Any] = {}
    if (device := reader.text("device")) is not None:
        values["device"] = reader.expect(
            "device", _DEVICE.fullmatch(device), "auto, cpu, mps, cuda or cuda:N", device
        )
    if (dtype := reader.text("dtype")) is not None:
        values["dtype"] = reader.expect("dtype", dtype in _DTYPES, ", ".join(_DTYPES), dtype)
    for key in ("batch_size", "max_new_tokens"):
        if key in given:
            number = reader.number(key, "int")
            values[key] = reader.expect(key, number >= 1, "a whole number of at least 1", int(number))
    if "batch_wait_ms" in given:
        wait = reader.number("batch_wait_ms", "float")
        values["batch_wait_ms"] = reader.expect("batch_wait_ms", 0 <= wait <= 60_000, "0 to 60000", wait)
    for key in ("trust_remote_code", "allow_missing_weights"):
        if key in given:
            values[key] = reader.switch(key)
    for key in ("revision", "attn_implementation"):
        if (text := reader.text(key)) is not None:
            values[key] = text
    if (file := reader.text("chat_template")) is not None:
        values["chat_template"] = reader.file(file)
    return LocalOptions(**values)


@dataclass(frozen=True)
class _Reader:
    model: str
    given: Mapping[str, Any]

    def refuse(
        self, key: str, value: object, expected: str, mend: str = "correct the -M option"
    ) -> UsageError:
        return UsageError(f"model option {key!r} of {self.model!r}, {value!r}: expected {expected}; {mend}")

    def expect(self, key: str, holds: object, expected: str, value: T) -> T:
        if not holds:
            raise self.refuse(key, value, expected)
        return value

    def text(self, key: str) -> str | None:
        value = self.given.get(key)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, str | int) or not str(value).strip():
            raise self.refuse(key, value, "text")
        return str(value).strip()  # a revision of digits alone arrives as a number

    def number(self, key: str, kind: Literal["int", "float"]) -> float:
        value = self.given[key]
        try:
            if isinstance(value, bool):
                raise ValueError
            return int(str(value)) if kind == "int" else float(value)
        except (TypeError, ValueError):
            raise self.refuse(key, value, "a whole number" if kind == "int" else "a number") from None

    def switch(self, key: str) -> bool:
        value = str(self.given[key]).strip().lower()
        if value not in _TRUE | _FALSE:
            raise self.refuse(key, self.given[key], "true or false")
        return value in _TRUE

    def file(self, path: str) -> str:
        try:
            return Path(path).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise self.refuse(
                "chat_template", path, f"a readable Jinja file ({error})", "correct the path"
            ) from error
