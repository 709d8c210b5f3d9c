"""The calls that are still to be made, and what they would cost, without a call."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spinebench.corpus.asking import (
    DRAFTS,
    check_request,
    draft_request,
    draft_template,
    revise_request,
    templates,
)
from spinebench.corpus.building import problems_of
from spinebench.corpus.parts import Part
from spinebench.corpus.plan import CorpusPlan, Kind
from spinebench.corpus.replies import CheckReply
from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel
from spinebench.records import Record
from spinebench.runs.dry_run import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE
from spinebench.runs.role_estimate import RoleEstimate
from spinebench.runs.steps import Steps

_REPLY_TOKENS = (80, 1500)
"""A check is short; a report with its key facts, or a model that thinks first, is long."""
_DRAFT_CHARACTERS = 1500
"""Of a draft that is not written yet, as the reviser is shown it."""


class PlannedCall(Record):
    """One call of a role, as long as nothing has to be asked for twice."""

    role: str
    characters: int
    """Of its texts."""
    n_images: int


def estimates(
    parts: Sequence[Part], plan: CorpusPlan, models: Mapping[str, ChatModel], steps: Steps
) -> tuple[RoleEstimate, ...]:
    """Calls, tokens and price by role. Token figures are ranges by rules of thumb, not measurements."""
    calls = list(planned_calls(parts, plan, models, steps))
    prices = PriceBook()
    found = []
    for role in CorpusPlan.ROLES:
        own = [call for call in calls if call.role == role]
        characters, images = sum(call.characters for call in own), sum(call.n_images for call in own)
        most = plan.max_tokens or _REPLY_TOKENS[1]
        tokens_in = (
            round(characters / CHARACTERS_PER_TOKEN[1] + images * TOKENS_PER_IMAGE[0]),
            # A Chinese character is about one token.
            round(
                characters / (1 if _chinese(parts) else CHARACTERS_PER_TOKEN[0])
                + images * TOKENS_PER_IMAGE[1]
            ),
        )
        tokens_out = (len(own) * min(_REPLY_TOKENS[0], most), len(own) * most)
        model = models[role]
        found.append(
            RoleEstimate(
                role=role,
                model=model.name,
                host=model.host,
                calls=len(own),
                input_tokens=tokens_in,
                output_tokens=tokens_out,
                cost_usd=prices.price_range(model.name, 1, tokens_in, tokens_out, host=model.host),
            )
        )
    return tuple(found)


def planned_calls(
    parts: Sequence[Part], plan: CorpusPlan, models: Mapping[str, ChatModel], steps: Steps
) -> Iterator[PlannedCall]:
    """The calls without a stored reply, in the order of the parts."""
    for part in parts:
        yield from _of_part(part, plan, models, steps)


def _of_part(
    part: Part, plan: CorpusPlan, models: Mapping[str, ChatModel], steps: Steps
) -> Iterator[PlannedCall]:
    decoding = plan.decoding()
    if part.images:
        check = steps.known(part.id, models["checker"], check_request(part, decoding))
        if check is None:
            yield _call("checker", part, templates()["check"].text)
        elif check.value is None or not CheckReply.model_validate(check.value).agree:
            return
    for kind in part.kinds:
        yield from _of_question(part, kind, plan, models, steps)


def _of_question(
    part: Part, kind: Kind, plan: CorpusPlan, models: Mapping[str, ChatModel], steps: Steps
) -> Iterator[PlannedCall]:
    decoding = plan.decoding()
    rules = draft_template(kind).text
    revision = _call("reviser", part, templates()["revise"].text, rules, more=_DRAFT_CHARACTERS)
    draft = steps.known(part.id, models["drafter"], draft_request(part, kind, decoding))
    if draft is None:
        yield _call("drafter", part, rules)
        yield revision
    elif draft.value is not None:
        first = DRAFTS[kind].model_validate(draft.value)
        request = revise_request(part, kind, first, problems_of(first, part.language), decoding)
        if steps.known(part.id, models["reviser"], request) is None:
            yield revision


def _call(role: str, part: Part, *texts: str, more: int = 0) -> PlannedCall:
    characters = len(part.material) + sum(map(len, texts)) + more
    return PlannedCall(role=role, characters=characters, n_images=len(part.images))


def _chinese(parts: Sequence[Part]) -> bool:
    return any(part.language == "zh" for part in parts)
