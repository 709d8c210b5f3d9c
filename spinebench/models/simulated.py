"""Simulated examinees: chat models that err at planted rates and write traces that read like reasoning.

They know the gold answer from the run's items (it never travels in a request) and are labelled as simulated
wherever they appear. What they show is that the pipeline recovers what was planted, and nothing about models.
"""

from __future__ import annotations

import asyncio
import hashlib
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spinebench.errors import UsageError
from spinebench.models.protocol import (
    ChatModel,
    ImagePart,
    ModelFailure,
    ModelReply,
    ModelRequest,
    RequestTag,
)
from spinebench.models.questions import Questions, healthy_option, presented
from spinebench.models.registry import ModelContext
from spinebench.models.simulated_extractor import SimulatedExtractor
from spinebench.models.simulated_judge import PREFIX, create_judge
from spinebench.models.simulated_profiles import SimProfile, profile_with
from spinebench.models.simulated_reports import simulated_report, simulated_turn
from spinebench.models.simulated_traces import Trace
from spinebench.records import (
    MULTIPLE_ANSWER_TASKS,
    FailureClass,
    FinishReason,
    ImageCondition,
    Item,
    Task,
    Usage,
)
from spinebench.terms import HEALTHY, canonical_disease, level_index

_TOKENS_PER_IMAGE = 800
_CHARACTERS_PER_TOKEN = 4


def create(model_id: str, *, context: ModelContext) -> ChatModel:
    """The factory of `sim/<profile>`, `sim/extractor` and `sim/judge-<profile>`.

    Options: `seed`, and every field of `SimProfile`, e.g. `-M healthy_misdiagnosed=0.5`. Raises `UsageError`
    for an unknown profile, option or value.
    """
    if model_id == "extractor":
        context.refuse_unknown(())
        return SimulatedExtractor(context)
    if model_id.startswith(PREFIX):
        return create_judge(model_id, context=context)
    context.refuse_unknown((*SimProfile.model_fields, "seed"))
    overrides = {key: value for key, value in context.args.items() if key != "seed"}
    profile = profile_with(model_id, overrides)
    return SimulatedExaminee(context, profile, seed=_seed(context))


def _seed(context: ModelContext) -> int:
    value = context.option("seed", context.seed)
    try:
        return int(value)
    except (TypeError, ValueError):
        raise UsageError(
            f"model option seed={value!r} of {context.name!r}: expected a whole number; correct the -M option"
        ) from None


@dataclass(frozen=True)
class _Shown:
    """What the model is shown, as far as it can tell."""

    seen: bool
    gold: tuple[str, ...] = ()
    """Options of the asked item that are right for the shown image; empty where none is known."""
    level: str | None = None


class SimulatedExaminee:
    """Answers deterministically by (seed, item, persona, image condition, option order, epoch): the order of
    calls changes nothing, and a repeated question gets the same bytes."""

    def __init__(self, context: ModelContext, profile: SimProfile, *, seed: int) -> None:
        self._name = context.name
        self._profile = profile
        self._seed = seed
        self._questions = Questions(context.items, model=context.name)

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return "sim"

    @property
    def host(self) -> str | None:
        return None

    @property
    def simulated(self) -> bool:
        return True

    @property
    def config(self) -> dict[str, Any]:
        """The planted rates and the seed; not the latency, which changes no answer."""
        return {"seed": self._seed, **self._profile.model_dump(exclude={"latency_ms"})}

    @property
    def profile(self) -> SimProfile:
        """The planted rates."""
        return self._profile

    async def generate(self, request: ModelRequest) -> ModelReply:
        """A reply with planted errors. Raises `ModelFailure` for a request about none of the run's items."""
        item, tag = self._questions.asked(request)
        if tag.role != "examinee":
            raise ModelFailure(
                FailureClass.BAD_REQUEST, f"{self._name} plays the examinee only; it cannot be the {tag.role}"
            )
        if self._profile.latency_ms:
            await asyncio.sleep(self._profile.latency_ms / 1000)
        return self._reply(item, tag, request)

    async def check(self) -> None:
        """Nothing to verify."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _reply(self, item: Item, tag: RequestTag, request: ModelRequest) -> ModelReply:
        profile = self._profile
        decide = self._generator("decision", item, tag)
        options = presented(item, tag)
        trace = Trace(
            item,
            options,
            persona=tag.persona,
            condition=tag.image_condition if profile.looks else ImageCondition.NORMAL,
            rng=self._generator("wording", item, tag),
        )
        shown = self._shown(item, tag, request)
        # One draw for the status and one for the answer, always both: a changed rate moves no other draw.
        fate, error = decide.random(), decide.random()
        unparsed = profile.unseen_unparsed if profile.looks and not shown.seen else profile.unparsed
        chosen = self._choose(item, options, shown, error, decide)
        seen = shown.seen or not profile.looks
        if fate < profile.refused:
            return self._finished(request, "", FinishReason.REFUSAL, refusal=trace.refusal())
        if fate < profile.refused + profile.truncated:
            if options:
                text = trace.cut_off(chosen, seen=seen, level=shown.level)
            else:
                text = self._written(item, tag, request)[:60]
            return self._finished(request, text, FinishReason.LENGTH)
        if not options:
            return self._finished(request, self._written(item, tag, request), FinishReason.STOP)
        if fate < profile.refused + profile.truncated + unparsed:
            return self._finished(request, trace.undecided(seen=seen), FinishReason.STOP)
        text = trace.answered(chosen, seen=seen, level=shown.level, variety=profile.variety)
        thinks = self._generator("thinking", item, tag).random() < profile.native_reasoning
        return self._finished(
            request, text, FinishReason.STOP, reasoning=trace.thoughts(chosen) if thinks else None
        )

    def _written(self, item: Item, tag: RequestTag, request: ModelRequest) -> str:
        rng = self._generator("writing", item, tag)
        if item.task is Task.CONSULTATION:
            number = sum(message.role == "assistant" for message in request.messages)
            return simulated_turn(item, number, rng)
        return simulated_report(item, self._profile, rng)

    def _generator(self, purpose: str, item: Item, tag: RequestTag) -> random.Random:
        # A model that looks at nothing cannot answer differently to another image.
        condition = tag.image_condition.value if self._profile.looks else "any"
        order = tag.option_permutation or tuple(range(len(item.options)))
        key = (self._seed, self._name, purpose, item.id, tag.persona, condition, order, tag.epoch)
        return random.Random(hashlib.sha256(repr(key).encode()).digest())

    def _shown(self, item: Item, tag: RequestTag, request: ModelRequest) -> _Shown:
        if not self._profile.looks:
            return _Shown(seen=False)
        match tag.image_condition:
            case ImageCondition.NORMAL:
                return _Shown(seen=True, gold=item.gold, level=self._level(item))
            case ImageCondition.BLANK | ImageCondition.NONE:
                return _Shown(seen=False)
            case ImageCondition.SWAPPED:
                other = self._swapped_in(request)
                if other is None:
                    return _Shown(seen=True)
                return _Shown(seen=True, gold=self._gold_of(other, item), level=self._level(other))

    def _swapped_in(self, request: ModelRequest) -> Item | None:
        for message in request.messages:
            for part in message.parts:
                if isinstance(part, ImagePart) and part.image.swapped_from is not None:
                    return self._questions.get(part.image.swapped_from)
        return None

    def _same_image(self, item: Item) -> list[Item]:
        paths = {image.path for image in item.images}
        return [other for other in self._questions.showing(paths) if other.id != item.id]

    def _level(self, item: Item) -> str | None:
        """Where the finding lies, from the item or another question on the same image."""
        return next((other.levels[0] for other in (item, *self._same_image(item)) if other.levels), None)

    def _gold_of(self, donor: Item, asked: Item) -> tuple[str, ...]:
        """Options of the asked item that are right for the donor's image; empty where none is known."""
        twins = (donor, *self._same_image(donor))
        if asked.task in MULTIPLE_ANSWER_TASKS:
            wanted = {level_index(level) for other in twins for level in other.levels} - {None}
            return tuple(option for option in asked.options if level_index(option) in wanted)
        label = next((other.disease for other in twins if other.disease is not None), None)
        return tuple(option for option in asked.options if label and canonical_disease(option) == label)

    def _choose(
        self, item: Item, options: Sequence[str], shown: _Shown, error: float, rng: random.Random
    ) -> tuple[str, ...]:
        if not options:
            return ()
        if not shown.gold:
            return self._guess(item, options, rng)
        if item.task in MULTIPLE_ANSWER_TASKS:
            return self._localize(shown.gold, options, error, rng)
        if item.task is Task.DIAGNOSIS:
            return (self._diagnose(shown.gold[0], options, error, rng),)
        others = [option for option in options if option not in shown.gold]
        wrong = error < self._profile.other_wrong and others
        return (rng.choice(others) if wrong else shown.gold[0],)

    def _diagnose(self, gold: str, options: Sequence[str], error: float, rng: random.Random) -> str:
        healthy = healthy_option(options)
        diseases = [option for option in options if option not in (gold, healthy)]
        if canonical_disease(gold) == HEALTHY:
            return rng.choice(diseases) if error < self._profile.healthy_misdiagnosed and diseases else gold
        if error < self._profile.disease_missed:
            return healthy or (rng.choice(diseases) if diseases else gold)
        if error < self._profile.disease_missed + self._profile.disease_confused and diseases:
            return rng.choice(diseases)
        return gold

    def _localize(
        self, gold: tuple[str, ...], options: Sequence[str], error: float, rng: random.Random
    ) -> tuple[str, ...]:
        chain = _chain(options)
        places = sorted(chain.index(option) for option in gold)
        profile = self._profile
        missed = profile.missed_levels if len(places) > 1 else 0.0
        if error < missed:
            places.pop(rng.randrange(len(places)))
        elif missed <= error < missed + profile.extra_levels and len(places) < len(chain):
            free = [place for place in range(len(chain)) if place not in places]
            free.sort(key=lambda place: (min(abs(place - hit) for hit in places), rng.random()))
            places += free[: rng.choice((1, 1, 2))]
        elif missed + profile.extra_levels <= error < missed + profile.extra_levels + profile.shifted:
            steps = [step for step in (-1, 1) if places[0] + step >= 0 and places[-1] + step < len(chain)]
            step = rng.choice(steps) if steps else 0
            places = [place + step for place in places]
        return tuple(chain[place] for place in sorted(places))

    def _guess(self, item: Item, options: Sequence[str], rng: random.Random) -> tuple[str, ...]:
        """An answer without a look: `Healthy` at its own rate, otherwise any option; low levels preferred."""
        if item.task in MULTIPLE_ANSWER_TASKS:
            chain = _chain(options)
            low = rng.choices(range(len(chain)), [1 + place for place in range(len(chain))])[0]
            return tuple(chain[max(0, low - rng.choice((0, 0, 1))) : low + 1])
        healthy = healthy_option(options)
        others = [option for option in options if option != healthy]
        if healthy is not None and (rng.random() < self._profile.unseen_healthy or not others):
            return (healthy,)
        return (rng.choice(others),)

    def _finished(
        self,
        request: ModelRequest,
        text: str,
        finish: FinishReason,
        *,
        refusal: str | None = None,
        reasoning: str | None = None,
    ) -> ModelReply:
        images = sum(isinstance(part, ImagePart) for message in request.messages for part in message.parts)
        asked = sum(len(message.text) for message in request.messages)
        thought = len(reasoning or "") // _CHARACTERS_PER_TOKEN
        return ModelReply(
            text=text,
            reasoning=reasoning,
            finish_reason=finish,
            refusal=refusal,
            usage=Usage(
                input_tokens=asked // _CHARACTERS_PER_TOKEN + images * _TOKENS_PER_IMAGE,
                output_tokens=len(text) // _CHARACTERS_PER_TOKEN + thought,
                reasoning_tokens=thought if reasoning is not None else None,
            ),
            provider_model="simulated",
        )


def _chain(options: Sequence[str]) -> list[str]:
    """Options in anatomical order where they are all lumbar levels, otherwise in the order of their texts."""
    places = {option: level_index(option) for option in options}
    return sorted(options, key=lambda option: (places[option] is None, places[option] or 0, option))
