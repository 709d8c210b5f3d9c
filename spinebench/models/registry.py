"""Model strings: `provider/id`, where each provider's adapter lives, and how one is made."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from typing import Any

from spinebench.audit_records import AuditTrace
from spinebench.errors import UsageError
from spinebench.models.protocol import ChatModel
from spinebench.records import Item

_BUILT_IN: dict[str, str] = {
    "openai": "spinebench.models.openai:create",
    "openai-compatible": "spinebench.models.openai:create_compatible",
    "anthropic": "spinebench.models.anthropic:create",
    "google": "spinebench.models.google:create",
    "local": "spinebench.models.local:create",
    "langchain": "spinebench.models.langchain:create",
    "recorded": "spinebench.models.recorded:create",
    "sim": "spinebench.models.simulated:create",
    "baseline": "spinebench.models.baseline:create",
}


def _no_items() -> Sequence[Item]:
    return ()


def _no_traces() -> Sequence[AuditTrace]:
    return ()


@dataclass(frozen=True, kw_only=True)
class ModelContext:
    """What an adapter's factory gets beside the model id."""

    name: str
    """Canonical model string, to be returned as `ChatModel.name`."""
    args: dict[str, Any] = field(default_factory=dict)
    """`-M key=value` options (base_url, device, dtype ...). A factory refuses keys it does not know."""
    items: Callable[[], Sequence[Item]] = _no_items
    """The run's items, for simulated and baseline models only."""
    traces: Callable[[], Sequence[AuditTrace]] = _no_traces
    """The audit's traces, for simulated judges only."""
    seed: int = 0
    dry: bool = False
    """True where nothing will be sent: a missing key is no error then."""

    def option(self, key: str, default: Any = None) -> Any:
        return self.args.get(key, default)

    def refuse_unknown(self, known: Sequence[str]) -> None:
        """Raise `UsageError` for an option that the provider does not have."""
        for key in self.args:
            if key not in known:
                expected = f"one of {', '.join(sorted(known))}" if known else "no options"
                raise UsageError(
                    f"model option {key!r} of {self.name!r}: expected {expected}; "
                    "correct or drop the -M option"
                )


def providers() -> dict[str, str]:
    """Provider name -> `module:factory`: built-in ones and those of entry points in `spinebench.models`."""
    return {**{entry.name: entry.value for entry in entry_points(group="spinebench.models")}, **_BUILT_IN}


def canonical_name(model: str) -> str:
    """`provider/id` of a model string; `provider:id` is accepted where the provider is known."""
    known = providers()
    head, slash, tail = model.partition("/")
    if not (slash and head in known):
        colon_head, colon, colon_tail = model.partition(":")
        if colon and colon_head in known:
            head, tail = colon_head, colon_tail
    if head not in known or not tail:
        raise UsageError(
            f"model {model!r}: expected provider/id with provider one of {', '.join(sorted(known))}; "
            "e.g. openai/gpt-5.2 or local/./my-checkpoint"
        )
    return f"{head}/{tail}"


def create_model(
    model: str,
    *,
    args: dict[str, Any] | None = None,
    items: Callable[[], Sequence[Item]] = _no_items,
    traces: Callable[[], Sequence[AuditTrace]] = _no_traces,
    seed: int = 0,
    dry: bool = False,
) -> ChatModel:
    """The chat model of a model string. Nothing is called yet; the provider's SDK is imported here.

    `dry` is for counting and describing only: the model is made without its key.

    Raises `UsageError` for an unknown provider or option, `ProviderError` for a missing key.
    """
    name = canonical_name(model)
    provider, _, model_id = name.partition("/")
    module, _, attribute = providers()[provider].partition(":")
    factory: Callable[..., ChatModel] = getattr(import_module(module), attribute)
    context = ModelContext(name=name, args=dict(args or {}), items=items, traces=traces, seed=seed, dry=dry)
    return factory(model_id, context=context)
