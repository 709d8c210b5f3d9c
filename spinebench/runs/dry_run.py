"""What a plan would do and cost, without a network call."""

from __future__ import annotations

from spinebench.agents.options import permutation, presented, written
from spinebench.evaluators.written_case import case_text, section_list
from spinebench.models.prices import PriceBook
from spinebench.records import ImageCondition, Item, Record, Task
from spinebench.runs.prepare import PreparedRun, remote_hosts
from spinebench.runs.selection import option_orders

CHARACTERS_PER_TOKEN = (3.0, 5.0)
"""English prose under present tokenizers lies between these; used for a range, never for accounting."""
TOKENS_PER_IMAGE = (85, 3000)
"""From OpenAI's low detail (85) to high-resolution tiles of large images (about 3,000 at 2048 px)."""
_REPLY_TOKENS = (150, 1500)
"""Short answers to long reasoning; the upper end is --max-tokens where that is given."""
_REPORT_TOKENS = (500, 3000)
"""Six sections of one sentence to several paragraphs."""


class ModelEstimate(Record):
    """Planned calls of one model, as ranges; one call for each turn of a consultation."""

    model: str
    host: str | None
    """Host that items and images would be sent to; None: nothing leaves this machine."""
    calls: int
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]
    cost_usd: tuple[float, float] | None
    """None where the price is unknown."""


class DryRun(Record):
    """Items x models x personas x conditions x orders x epochs, and what would leave the machine."""

    run_of: str
    n_items: int
    n_models: int
    n_personas: int
    n_image_conditions: int
    n_option_orders: str
    epochs: int
    n_answers: int
    n_images: int
    n_image_problems: int
    models: tuple[ModelEstimate, ...]
    extractor: str | None
    """Called only where no rule reads a reply: at most once per answer."""
    leaves_machine: tuple[str, ...]
    """Hosts that questions and images would be sent to."""
    warnings: tuple[str, ...]


def dry_run(prepared: PreparedRun) -> DryRun:
    """Count calls and tokens of a prepared run. Token figures are ranges by rules of thumb, not measurements."""
    plan = prepared.plan
    with_image = [c for c in plan.image_conditions if c is not ImageCondition.NONE]
    low = high = 0.0
    out_low = out_high = 0
    n_per_model = 0
    for item in prepared.items:
        orders = len(option_orders(plan, item)) * plan.epochs
        turns = item.case.turns if item.case else ()
        n_turns = max(1, len(turns))
        reply = _reply(item, plan.max_tokens)
        earlier = n_turns * (n_turns - 1) // 2  # replies that are sent again with the turns after them
        for persona in prepared.personas.values():
            characters = n_turns * (len(persona.template(item.task).text) + len(_asked(item)))
            characters += sum((n_turns - place) * len(turn) for place, turn in enumerate(turns))
            images = n_turns * len(item.images) * len(with_image)
            n_answers = orders * len(plan.image_conditions)
            n_per_model += n_answers * n_turns
            low += n_answers * characters / CHARACTERS_PER_TOKEN[1] + orders * images * TOKENS_PER_IMAGE[0]
            high += n_answers * characters / CHARACTERS_PER_TOKEN[0] + orders * images * TOKENS_PER_IMAGE[1]
            low += n_answers * earlier * reply[0]
            high += n_answers * earlier * reply[1]
            out_low += n_answers * n_turns * reply[0]
            out_high += n_answers * n_turns * reply[1]
    tokens_in = (round(low), round(high))
    tokens_out = (out_low, out_high)
    prices = PriceBook(plan.prices)
    estimates = tuple(
        ModelEstimate(
            model=model.name,
            host=model.host,
            calls=n_per_model,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=prices.price_range(model.name, 1, tokens_in, tokens_out, host=model.host),
        )
        for model in prepared.models
    )
    roles = [*prepared.models, *([prepared.extractor] if prepared.extractor else [])]
    return DryRun(
        run_of=prepared.benchmark.info.name,
        n_items=len(prepared.items),
        n_models=len(prepared.models),
        n_personas=len(prepared.personas),
        n_image_conditions=len(plan.image_conditions),
        n_option_orders="one per option" if plan.rotate_options else "1",
        epochs=plan.epochs,
        n_answers=prepared.spec.n_planned,
        n_images=len({ref.path for item in prepared.items for ref in item.images}) if with_image else 0,
        n_image_problems=len(prepared.image_problems),
        models=estimates,
        extractor=None if prepared.extractor is None else prepared.extractor.name,
        leaves_machine=remote_hosts(roles),
        warnings=prepared.warnings,
    )


def _reply(item: Item, limit: int | None) -> tuple[int, int]:
    """Tokens of one reply, at least and at most."""
    least, most = _REPORT_TOKENS if item.task is Task.REPORT else _REPLY_TOKENS
    most = limit or most
    return min(least, most), most


def _asked(item: Item) -> str:
    """What is put into a persona's template: case, question, options, headings."""
    order = permutation("as_given", item_id=item.id, n_options=len(item.options))
    headings = section_list(item.language) if item.task is Task.REPORT else ""
    return case_text(item) + written(presented(item.options, order)) + headings
