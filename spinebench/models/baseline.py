"""Baselines: answer rules that read no image. What any model has to beat.

They are no simulations of a model, their figures are as real as the benchmark: `simulated` is False, the name
`baseline/...` says what they are.
"""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any

from spinebench.errors import UsageError
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.models.questions import Questions, closing_line, healthy_option, letters_of, presented
from spinebench.models.registry import ModelContext
from spinebench.records import MULTIPLE_ANSWER_TASKS, FinishReason, Item, Task, Usage


def create(model_id: str, *, context: ModelContext) -> BaselineModel:
    """The factory of `baseline/<name>`. Raises `UsageError` for an unknown name or option."""
    context.refuse_unknown(())
    if model_id not in BASELINES:
        raise UsageError(
            f"baseline {model_id!r}: expected one of {', '.join(sorted(BASELINES))}; correct the model name"
        )
    return BaselineModel(model_id, context)


class Priors:
    """How often each option text is gold among the run's items, by task."""

    def __init__(self, items: Sequence[Item]) -> None:
        self._gold: dict[Task, Counter[str]] = {}
        self._sets: dict[Task, Counter[frozenset[str]]] = {}
        for item in items:
            self._gold.setdefault(item.task, Counter()).update(item.gold)
            self._sets.setdefault(item.task, Counter())[frozenset(item.gold)] += 1

    def weight(self, task: Task, option: str) -> int:
        return self._gold.get(task, Counter())[option]

    def sets(self, task: Task) -> list[tuple[frozenset[str], int]]:
        """Gold sets of the task, most frequent first, ties in the order of their texts."""
        counted = self._sets.get(task, Counter())
        return sorted(counted.items(), key=lambda pair: (-pair[1], sorted(pair[0])))


_Rule = Callable[[Item, Sequence[str], Priors, random.Random], list[str]]


def _random(item: Item, options: Sequence[str], priors: Priors, rng: random.Random) -> list[str]:
    if item.task not in MULTIPLE_ANSWER_TASKS:
        return [rng.choice(options)]
    # Every non-empty subset is equally likely: 1 of 31 is right for five options.
    drawn = rng.randrange(1, 2 ** len(options))
    return [option for index, option in enumerate(options) if drawn >> index & 1]


def _always_healthy(item: Item, options: Sequence[str], priors: Priors, rng: random.Random) -> list[str]:
    healthy = healthy_option(options)
    return [healthy] if healthy is not None else _random(item, options, priors, rng)


def _prior_matched(item: Item, options: Sequence[str], priors: Priors, rng: random.Random) -> list[str]:
    if item.task in MULTIPLE_ANSWER_TASKS:
        known = [(gold, n) for gold, n in priors.sets(item.task) if gold and gold <= set(options)]
        if known:
            return sorted(rng.choices([gold for gold, _ in known], [n for _, n in known])[0])
        return _random(item, options, priors, rng)
    weights = [priors.weight(item.task, option) for option in options]
    return [rng.choices(options, weights)[0]] if any(weights) else [rng.choice(options)]


def _select_all(item: Item, options: Sequence[str], priors: Priors, rng: random.Random) -> list[str]:
    return list(options) if item.task in MULTIPLE_ANSWER_TASKS else _random(item, options, priors, rng)


def _best_constant(item: Item, options: Sequence[str], priors: Priors, rng: random.Random) -> list[str]:
    if item.task in MULTIPLE_ANSWER_TASKS:
        fitting = [gold for gold, _ in priors.sets(item.task) if gold and gold <= set(options)]
        return sorted(fitting[0]) if fitting else _random(item, options, priors, rng)
    ordered = sorted(options, key=lambda option: (-priors.weight(item.task, option), option))
    return [ordered[0]]


BASELINES = MappingProxyType(
    {
        "random": _random,
        "always-healthy": _always_healthy,
        "prior-matched": _prior_matched,
        "select-all": _select_all,
        "best-constant": _best_constant,
    }
)
"""Name -> rule.

- random: a uniform option, or a uniform non-empty subset where several may be right
- always-healthy: the healthy option; random where none is offered
- prior-matched: labels, or whole gold sets, drawn as often as they are gold among the run's items
- select-all: all options where several may be right, otherwise random
- best-constant: the presented label that is gold most often, or the most frequent gold set
"""


class BaselineModel:
    """A chat model that answers by a rule, deterministic by seed, item, persona, condition, order, epoch."""

    def __init__(self, rule_name: str, context: ModelContext) -> None:
        rule: _Rule = BASELINES[rule_name]
        self._rule = rule
        self._name = context.name
        self._seed = context.seed
        self._questions = Questions(context.items, model=context.name)
        self._priors: Priors | None = None

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        return "baseline"

    @property
    def host(self) -> str | None:
        return None

    @property
    def simulated(self) -> bool:
        return False

    @property
    def config(self) -> dict[str, Any]:
        return {"seed": self._seed}

    async def generate(self, request: ModelRequest) -> ModelReply:
        """The closing line alone. Raises `ModelFailure` for a request about none of the run's items."""
        item, tag = self._questions.asked(request)
        if self._priors is None:
            self._priors = Priors(list(self._questions.all()))
        options = presented(item, tag)
        parts = (
            self._seed,
            self._name,
            item.id,
            tag.persona,
            tag.image_condition,
            tag.option_permutation,
            tag.epoch,
        )
        rng = random.Random(hashlib.sha256(repr(tuple(map(str, parts))).encode()).digest())
        chosen = self._rule(item, options, self._priors, rng) if options else []
        text = closing_line(item, letters_of(chosen, options)) if chosen else ""
        return ModelReply(
            text=text,
            finish_reason=FinishReason.STOP,
            usage=Usage(input_tokens=0, output_tokens=0),
            provider_model="baseline",
        )

    async def check(self) -> None:
        """Nothing to verify."""

    async def aclose(self) -> None:
        """Nothing to close."""
