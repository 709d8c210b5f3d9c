"""The run digest: everything that can change an answer, nothing that cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from spinebench.agents.extractor import extractor_template
from spinebench.agents.personas import Persona
from spinebench.models.protocol import ChatModel
from spinebench.records import Item, JsonValue, Task, digest
from spinebench.runs.plan import RunPlan


def digest_parts(
    plan: RunPlan,
    *,
    items: Sequence[Item],
    image_hashes: Mapping[str, str | None],
    models: Sequence[ChatModel],
    extractor: ChatModel | None,
    personas: Mapping[str, Persona],
) -> dict[str, JsonValue]:
    """The named parts that the digest is taken over.

    Left out, since they cannot change an answer: retries, connections, timeouts, budgets, display, thresholds.
    """
    return {
        "items": digest([item.model_dump(mode="json") for item in items]),
        "images": digest(dict(image_hashes)),
        "models": {model.name: model.config for model in models},
        "extractor": None
        if extractor is None
        else {
            "model": extractor.name,
            "config": extractor.config,
            "prompts": [extractor_template(task).hash for task in (Task.DIAGNOSIS, Task.LOCALIZATION)],
        },
        "personas": {name: persona.hash() for name, persona in personas.items()},
        "decoding": plan.decoding().model_dump(mode="json", exclude_none=True),
        "image_conditions": [condition.value for condition in plan.image_conditions],
        "option_orders": {"shuffle": plan.shuffle_options, "rotate": plan.rotate_options},
        "image_policy": {"longest_side": plan.longest_side, "format": plan.image_format},
        "epochs": plan.epochs,
        "seed": plan.seed,
    }


def differences(before: Mapping[str, JsonValue], after: Mapping[str, JsonValue]) -> list[str]:
    """One line for each part that differs between two sets of digest parts; empty if none does."""
    lines = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if old != new:
            lines.append(f"{name}: was {_short(old)}, is now {_short(new)}")
    return lines


def _short(value: JsonValue) -> str:
    text = str(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
