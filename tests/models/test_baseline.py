from __future__ import annotations

import math
import re
from collections import Counter

import pytest

from spinebench.errors import UsageError
from spinebench.models.baseline import BASELINES
from spinebench.models.protocol import ChatModel, ModelFailure, ModelRequest, RequestTag
from spinebench.models.registry import create_model
from spinebench.records import Item, Task
from spinebench.terms import LEVELS

OPTIONS = ("Osteophytes", "Healthy", "Spondylolisthesis", "Vertebral collapse", "Disc space narrowing")


def item(number: int, task: Task, gold: tuple[str, ...], options: tuple[str, ...]) -> Item:
    return Item(
        id=f"{task.value}-{number}",
        benchmark="b",
        task=task,
        question="?",
        options=options,
        gold=gold,
        cluster=str(number),
    )


# Gold of twenty diagnoses: Healthy 10, Osteophytes 6, Spondylolisthesis 4.
_LABELS = ["Healthy"] * 10 + ["Osteophytes"] * 6 + ["Spondylolisthesis"] * 4
DIAGNOSES = [item(n, Task.DIAGNOSIS, (label,), OPTIONS) for n, label in enumerate(_LABELS)]
# Gold of ten localizations: {L4/L5} 6, {L4/L5, L5/S1} 4.
LOCALIZATIONS = [
    item(n, Task.LOCALIZATION, ("L4/L5",) if n < 6 else ("L4/L5", "L5/S1"), LEVELS) for n in range(10)
]
ITEMS = [*DIAGNOSES, *LOCALIZATIONS]


def make(name: str) -> ChatModel:
    return create_model(f"baseline/{name}", items=lambda: ITEMS, seed=3)


async def ask(
    model: ChatModel, asked: Item, *, permutation: tuple[int, ...] = (), epoch: int = 1
) -> frozenset[str]:
    tag = RequestTag(item_id=asked.id, option_permutation=permutation, epoch=epoch)
    reply = await model.generate(ModelRequest(messages=(), tag=tag))
    match = re.fullmatch(r"My final (options?): \[([A-E](?:, [A-E])*)\]", reply.text)
    assert match is not None
    assert match.group(1) == ("options" if asked.task is Task.LOCALIZATION else "option")
    order = permutation or tuple(range(len(asked.options)))
    return frozenset(asked.options[order["ABCDE".index(letter)]] for letter in match.group(2).split(", "))


async def shares(name: str, asked: Item, *, n: int = 3000) -> dict[frozenset[str], float]:
    model = make(name)
    found = Counter([await ask(model, asked, epoch=epoch) for epoch in range(1, n + 1)])
    return {choice: count / n for choice, count in found.items()}


def close(share: float, expected: float, n: int = 3000) -> bool:
    return abs(share - expected) <= 4 * math.sqrt(expected * (1 - expected) / n)


async def test_random_diagnosis_is_uniform_over_options() -> None:
    found = await shares("random", DIAGNOSES[0])
    assert set(found) == {frozenset({option}) for option in OPTIONS}
    assert all(close(share, 0.2) for share in found.values())


async def test_random_localization_is_uniform_over_non_empty_subsets() -> None:
    found = await shares("random", LOCALIZATIONS[0])
    assert len(found) == 31
    assert all(close(share, 1 / 31) for share in found.values())


@pytest.mark.parametrize("permutation", [(), (4, 2, 0, 1, 3)])
async def test_always_healthy_finds_the_option_wherever_it_stands(permutation: tuple[int, ...]) -> None:
    model = make("always-healthy")
    assert {await ask(model, asked, permutation=permutation) for asked in DIAGNOSES} == {
        frozenset({"Healthy"})
    }


async def test_always_healthy_without_that_option_is_random() -> None:
    assert len(await shares("always-healthy", LOCALIZATIONS[0], n=300)) > 20


async def test_prior_matched_draws_labels_as_often_as_they_are_gold() -> None:
    found = await shares("prior-matched", DIAGNOSES[0])
    assert close(found[frozenset({"Healthy"})], 0.5)
    assert close(found[frozenset({"Osteophytes"})], 0.3)
    assert close(found[frozenset({"Spondylolisthesis"})], 0.2)
    assert len(found) == 3


async def test_prior_matched_draws_whole_gold_sets() -> None:
    found = await shares("prior-matched", LOCALIZATIONS[0])
    assert close(found[frozenset({"L4/L5"})], 0.6)
    assert close(found[frozenset({"L4/L5", "L5/S1"})], 0.4)


async def test_prior_matched_keeps_to_the_presented_options() -> None:
    rare = item(99, Task.DIAGNOSIS, ("cervical Kyphosis",), ("cervical Kyphosis", "cervical Lordosis"))
    model = create_model("baseline/prior-matched", items=lambda: [*DIAGNOSES, rare])
    assert {await ask(model, rare, epoch=epoch) for epoch in range(1, 30)} == {
        frozenset({"cervical Kyphosis"})
    }


async def test_select_all_takes_every_level_but_one_diagnosis() -> None:
    model = make("select-all")
    assert await ask(model, LOCALIZATIONS[0]) == frozenset(LEVELS)
    assert len(await ask(model, DIAGNOSES[0])) == 1


async def test_best_constant_is_the_most_frequent_gold() -> None:
    model = make("best-constant")
    assert {await ask(model, asked) for asked in DIAGNOSES} == {frozenset({"Healthy"})}
    assert {await ask(model, asked) for asked in LOCALIZATIONS} == {frozenset({"L4/L5"})}


@pytest.mark.parametrize("name", sorted(BASELINES))
async def test_answers_are_the_same_in_any_order_of_calls(name: str) -> None:
    forward, backward = make(name), make(name)
    first = [await ask(forward, asked) for asked in ITEMS]
    second = [await ask(backward, asked) for asked in reversed(ITEMS)]
    assert first == second[::-1]


def test_a_baseline_is_named_not_simulated() -> None:
    model = make("random")
    assert model.simulated is False
    assert model.host is None
    assert model.name == "baseline/random"


async def test_an_item_without_options_gets_an_empty_reply() -> None:
    report = Item(id="r", benchmark="b", task=Task.REPORT, question="?", cluster="r")
    model = create_model("baseline/random", items=lambda: [report])
    reply = await model.generate(ModelRequest(messages=(), tag=RequestTag(item_id="r")))
    assert reply.text == ""


def test_unknown_names_and_options_are_refused() -> None:
    with pytest.raises(UsageError, match=r"'coin'.*prior-matched"):
        make("coin")
    with pytest.raises(UsageError, match="temperature"):
        create_model("baseline/random", args={"temperature": 1})


async def test_an_unknown_item_is_a_bad_request() -> None:
    with pytest.raises(ModelFailure, match="no item"):
        await make("random").generate(ModelRequest(messages=(), tag=RequestTag(item_id="zz")))
