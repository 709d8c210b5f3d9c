"""The run digest: everything that can change an answer, nothing that cannot."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from spinebench.agents.extractor import extractor_template
from spinebench.agents.personas import Persona
from spinebench.models.protocol import ChatModel
from spinebench.records import Answer, ImageCondition, ImageRef, Item, JsonValue, Task, digest
from spinebench.runs.plan import RunPlan

_HASH = re.compile(r"[0-9a-f]{64}")


def digest_parts(
    plan: RunPlan,
    *,
    items: Sequence[Item],
    shown: Mapping[str, Sequence[ImageRef]],
    image_hashes: Mapping[str, str | None],
    models: Sequence[ChatModel],
    extractor: ChatModel | None,
    personas: Mapping[str, Persona],
) -> dict[str, JsonValue]:
    """The named parts that the digest is taken over.

    Left out, since they cannot change an answer: retries, connections, timeouts, budgets, display, thresholds.
    An image that cannot be used has no hash and is named on its own: its item has no answer that a mended file
    could change.
    """
    return {
        "items": digest([item.model_dump(mode="json") for item in items]),
        "images": digest({path: sha256 for path, sha256 in image_hashes.items() if sha256 is not None}),
        "unusable_images": sorted(path for path, sha256 in image_hashes.items() if sha256 is None),
        "swapped_images": digest({item: [ref.path for ref in refs] for item, refs in shown.items()})
        if ImageCondition.SWAPPED in plan.image_conditions
        else None,
        "models": {model.name: model.config for model in models},
        "extractor": None
        if extractor is None
        else {
            "model": extractor.name,
            "config": extractor.config,
            "prompts": [extractor_template(task).hash for task in (Task.DIAGNOSIS, Task.LOCALIZATION)],
        },
        "closing_phrases": list(plan.closing_phrases),
        "personas": {name: persona.hash() for name, persona in personas.items()},
        "decoding": plan.decoding().model_dump(mode="json", exclude_none=True),
        "image_conditions": [condition.value for condition in plan.image_conditions],
        "option_orders": {"shuffle": plan.shuffle_options, "rotate": plan.rotate_options},
        "image_policy": {"longest_side": plan.longest_side, "format": plan.image_format},
        "epochs": plan.epochs,
        "seed": plan.seed,
    }


def differences(
    before: Mapping[str, JsonValue], after: Mapping[str, JsonValue], *, settings: bool = False
) -> list[str]:
    """One line for each part, or entry of a part, that differs between two sets of digest parts.

    A setting of a model that was not known yet (None: say the hash of a checkpoint that was still to be fetched)
    differs from nothing.
    """
    lines = []
    for name in sorted({*before, *after}):
        old, new = before.get(name), after.get(name)
        if isinstance(old, dict) and isinstance(new, dict):
            inside = settings or name in {"models", "config"}
            lines += [f"{name}: {line}" for line in differences(old, new, settings=inside)]
        elif old != new and not (settings and name in before and old is None):
            lines.append(f"{name}: was {_short(old)}, is now {_short(new)}")
    return lines


def changed_items(before: Iterable[Item], after: Iterable[Item]) -> list[str]:
    """Ids of the items that were changed, dropped or added."""
    old, new = {item.id: item for item in before}, {item.id: item for item in after}
    return [
        item_id + (" (gone)" if item_id not in new else " (new)" if item_id not in old else "")
        for item_id in {**old, **new}
        if old.get(item_id) != new.get(item_id)
    ]


def changed_images(answers: Iterable[Answer], after: Mapping[str, str | None]) -> list[str]:
    """Paths of images whose bytes are not those that were shown in the answers so far."""
    changed = {
        image.source_path: ""
        for answer in answers
        for image in answer.images
        if image.source_path is not None and image.source_sha256 != after.get(image.source_path)
    }
    return list(changed)


def _short(value: JsonValue) -> str:
    if isinstance(value, str) and _HASH.fullmatch(value):
        return value[:12]
    text = "none" if value is None else str(value)
    return text if len(text) <= 120 else f"{text[:100]}... ({len(text)} characters)"
