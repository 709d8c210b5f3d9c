"""Which items a plan asks, in which variants, in which order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from spinebench.agents.options import AS_GIVEN
from spinebench.benchmarks.languages import is_in, not_in
from spinebench.errors import UsageError
from spinebench.records import AnswerKey, Item
from spinebench.runs.plan import RunPlan


def select_items(items: Sequence[Item], plan: RunPlan) -> tuple[Item, ...]:
    """The items of the plan's tasks, languages and ids, then of its limit, in the benchmark's order.

    Raises `UsageError` for an id or a language that is not there and for an empty selection.
    """
    chosen: list[Item] = [item for item in items if not plan.tasks or item.task in plan.tasks]
    if plan.languages:
        spoken = [item for item in chosen if is_in(item, plan.languages)]
        if chosen and not spoken:
            raise not_in(chosen, plan.languages)
        chosen = spoken
    if plan.sample_ids:
        known = {item.id for item in chosen}
        for sample_id in plan.sample_ids:
            if sample_id not in known:
                raise UsageError(
                    f"sample id {sample_id!r}: expected the id of a selected item; "
                    f"list them with 'spinebench data show {plan.benchmark}'"
                )
        wanted = set(plan.sample_ids)
        chosen = [item for item in chosen if item.id in wanted]
    if plan.limit is not None:
        first, _, last = plan.limit.partition("-")
        chosen = chosen[int(first) - 1 : int(last)] if last else chosen[: int(first)]
    if not chosen:
        raise UsageError(
            f"selection of {plan.benchmark!r}: expected at least one item; widen --task, --sample-id or --limit"
        )
    return tuple(chosen)


def is_partial(plan: RunPlan) -> bool:
    """Whether the plan leaves out items of the benchmark: shown wherever the run is named."""
    return plan.limit is not None or bool(plan.sample_ids or plan.tasks or plan.languages)


def option_orders(plan: RunPlan, item: Item) -> tuple[str, ...]:
    """The option orders that an item is asked in."""
    if plan.rotate_options:
        return tuple(f"rotation:{k}" for k in range(max(1, len(item.options))))
    return (AS_GIVEN if plan.shuffle_options is None else f"shuffled:{plan.shuffle_options}",)


def planned_keys(
    items: Iterable[Item], plan: RunPlan, *, model: str, personas: Sequence[str]
) -> Iterator[tuple[Item, AnswerKey]]:
    """Every question that a model is asked, one at a time: epochs outermost, then the benchmark's order.

    With epochs outermost, a run that stops early has whole passes over the benchmark behind it.
    """
    for epoch in range(1, plan.epochs + 1):
        for item in items:
            for persona in personas:
                for condition in plan.image_conditions:
                    for order in option_orders(plan, item):
                        yield (
                            item,
                            AnswerKey(
                                item_id=item.id,
                                model=model,
                                persona=persona,
                                image_condition=condition,
                                option_order=order,
                                epoch=epoch,
                            ),
                        )


def n_planned(items: Sequence[Item], plan: RunPlan, *, n_models: int) -> int:
    """Number of answers planned: items x models x personas x conditions x orders x epochs."""
    orders = sum(len(option_orders(plan, item)) for item in items)
    return orders * n_models * len(plan.personas) * len(plan.image_conditions) * plan.epochs
