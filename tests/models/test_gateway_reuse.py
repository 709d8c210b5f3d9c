from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from spinebench.errors import ProviderError
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import ModelReply
from spinebench.records import FailureClass, FinishReason
from tests.scripted_model import OK, ScriptedModel, Step, failure, request
from tests.virtual_time import run_virtual

REFUSED = OK.model_copy(update={"text": "", "finish_reason": FinishReason.REFUSAL})


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[ReplyCache]:
    with ReplyCache(tmp_path / "replies.sqlite") as opened:
        yield opened


def ask(cache: ReplyCache | None, model: ScriptedModel, *, epoch: int = 1, reuse: bool = True) -> Call:
    gateway = Gateway(GatewayPolicy(reuse=reuse), cache=cache)
    return run_virtual(gateway.call(model, request(epoch=epoch)))


def test_the_same_question_is_paid_once(cache: ReplyCache) -> None:
    model = ScriptedModel()
    first, second = ask(cache, model), ask(cache, model)
    assert len(model.asked) == 1
    assert not first.reused
    assert second.reused
    assert second.reply == first.reply
    assert second.attempts == 0
    assert second.latency_s is None
    assert second.usage.input_tokens == 1000
    assert second.usage.cost_usd == 0
    assert second.request_hash == first.request_hash


def test_reuse_costs_nothing_and_is_counted_apart(cache: ReplyCache) -> None:
    model = ScriptedModel()
    ask(cache, model)
    gateway = Gateway(cache=cache)
    run_virtual(gateway.call(model, request()))
    (row,) = gateway.spending()
    assert (row.calls, row.reused, row.attempts, row.input_tokens) == (1, 1, 0, None)
    assert row.cost_usd == 0


def test_reuse_under_an_unknown_price_has_no_cost(cache: ReplyCache) -> None:
    model = ScriptedModel(name="openai-compatible/x", host="gpu.example.org")
    ask(cache, model)
    assert ask(cache, model).usage.cost_usd is None


@pytest.mark.parametrize(
    "other",
    [
        pytest.param(ScriptedModel(name="openai/gpt-5.1"), id="model"),
        pytest.param(ScriptedModel(config={"base_url": "http://127.0.0.1:8000"}), id="settings of the model"),
        pytest.param(ScriptedModel(config={"dtype": object}), id="settings that are no JSON"),
    ],
)
def test_another_model_is_asked_itself(cache: ReplyCache, other: ScriptedModel) -> None:
    ask(cache, ScriptedModel())
    assert not ask(cache, other).reused


def test_epochs_are_asked_themselves(cache: ReplyCache) -> None:
    model = ScriptedModel()
    assert [ask(cache, model, epoch=epoch).reused for epoch in (1, 2, 3, 2)] == [False, False, False, True]


@pytest.mark.parametrize(
    "bad",
    [
        pytest.param(REFUSED, id="refused"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.FILTER}), id="filtered"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.LENGTH}), id="truncated"),
        pytest.param(OK.model_copy(update={"text": " "}), id="empty"),
        pytest.param(failure(FailureClass.BAD_REQUEST), id="failed"),
    ],
)
def test_what_is_no_good_answer_is_asked_again(cache: ReplyCache, bad: Step) -> None:
    model = ScriptedModel([bad])
    ask(cache, model)
    again = ask(cache, model)
    assert again.reply == OK
    assert not again.reused
    assert len(cache) == 1


@pytest.mark.parametrize(
    "model",
    [
        ScriptedModel(name="sim/careful", host=None, simulated=True),
        ScriptedModel(name="baseline/random", host=None, simulated=True),
        ScriptedModel(name="recorded/answers.jsonl", host=None),
        ScriptedModel(name="mine/simulated", simulated=True),
    ],
    ids=lambda model: model.name,
)
def test_replies_that_depend_on_the_item_alone_bypass_the_cache(
    cache: ReplyCache, model: ScriptedModel
) -> None:
    assert [ask(cache, model).reused for _ in range(2)] == [False, False]
    assert len(cache) == 0


def test_without_reuse_everything_is_asked_and_the_newest_reply_kept(cache: ReplyCache) -> None:
    newer = OK.model_copy(update={"text": "My final option: [C]"})
    ask(cache, ScriptedModel())
    assert ask(cache, ScriptedModel([newer]), reuse=False).reply == newer
    assert ask(cache, ScriptedModel()).reply == newer


def test_without_a_cache_everything_is_asked() -> None:
    model = ScriptedModel(otherwise=(1.0, OK))

    async def main() -> list[Call]:
        gateway = Gateway()
        return await asyncio.gather(*(gateway.call(model, request()) for _ in range(3)))

    assert not any(call.reused for call in run_virtual(main()))
    assert len(model.asked) == 3


def test_an_unusable_cache_harms_nothing(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with ReplyCache(tmp_path / "file" / "replies.sqlite") as cache:
        assert [ask(cache, ScriptedModel()).reply for _ in range(2)] == [OK, OK]


# ---------------------------------------------------------------- identical calls at the same time


def together(
    cache: ReplyCache, model: ScriptedModel, n: int, *, cancel: tuple[int, ...] = ()
) -> list[Call | BaseException]:
    async def main() -> list[Call | BaseException]:
        gateway = Gateway(GatewayPolicy(max_connections=4), cache=cache)
        tasks = [asyncio.create_task(gateway.call(model, request())) for _ in range(n)]
        await asyncio.sleep(0.5)
        for index in cancel:
            tasks[index].cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert all(in_flight == 0 for in_flight, _ in gateway.connections().values())
        return outcomes

    return run_virtual(main())


def test_identical_calls_are_asked_once(cache: ReplyCache) -> None:
    model = ScriptedModel(otherwise=(1.0, OK))
    calls = [outcome for outcome in together(cache, model, 20) if isinstance(outcome, Call)]
    assert len(model.asked) == 1
    assert [call.reused for call in calls] == [False] + [True] * 19
    assert all(call.reply == OK for call in calls)


def test_if_the_first_fails_the_others_find_out_for_themselves(cache: ReplyCache) -> None:
    model = ScriptedModel([(1.0, failure(FailureClass.BAD_REQUEST))], otherwise=(1.0, OK))
    first, *others = together(cache, model, 4)
    assert isinstance(first, Call)
    assert first.reply is None
    assert all(isinstance(other, Call) and other.reply == OK for other in others)


def test_a_refusal_is_not_passed_on(cache: ReplyCache) -> None:
    model = ScriptedModel([(1.0, REFUSED)], otherwise=(1.0, OK))
    replies: list[ModelReply | None] = [
        outcome.reply for outcome in together(cache, model, 3) if isinstance(outcome, Call)
    ]
    assert replies == [REFUSED, OK, OK]


def test_if_the_first_is_cancelled_another_takes_its_place(cache: ReplyCache) -> None:
    model = ScriptedModel(otherwise=(1.0, OK))
    outcomes = together(cache, model, 5, cancel=(0, 3))
    assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [
        True, False, False, True, False,
    ]  # fmt: skip
    assert len(model.asked) == 2
    assert [outcome.reused for outcome in outcomes if isinstance(outcome, Call)] == [False, True, True]


def test_if_the_first_meets_a_wrong_key_all_end(cache: ReplyCache) -> None:
    model = ScriptedModel(otherwise=(1.0, failure(FailureClass.AUTH)))
    outcomes = together(cache, model, 5)
    assert all(isinstance(outcome, ProviderError) for outcome in outcomes)
    assert len(model.asked) == 1
