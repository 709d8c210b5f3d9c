from __future__ import annotations

import asyncio
import math

import pytest

from spinebench.errors import ExitCode, ProviderError, UsageError
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.prices import PriceBook, TokenPrice
from spinebench.models.protocol import FATAL, RETRYABLE, ModelReply, ModelRequest
from spinebench.models.spending import total
from spinebench.records import FailureClass, FinishReason, Usage
from tests.scripted_model import OK, ScriptedModel, Step, failure, request
from tests.virtual_time import run_virtual


async def ask_all(gateway: Gateway, model: ScriptedModel, n: int) -> list[Call]:
    return await asyncio.gather(*(gateway.call(model, request(f"q{number}")) for number in range(n)))


def ask(model: ScriptedModel, policy: GatewayPolicy | None = None) -> Call:
    return run_virtual(Gateway(policy).call(model, request()))


# ---------------------------------------------------------------- one call


def test_a_reply_at_once() -> None:
    call = ask(ScriptedModel([(2.5, OK)]))
    assert call.reply == OK
    assert call.failures == ()
    assert call.attempts == 1
    assert not call.reused
    assert call.latency_s == pytest.approx(2.5)
    assert call.request_hash == request().hash("openai/gpt-5.2")
    assert call.usage.input_tokens == 1000
    assert call.usage.cost_usd is not None
    assert call.usage.cost_usd > 0


@pytest.mark.parametrize("failure_class", sorted(RETRYABLE))
def test_passing_trouble_is_retried(failure_class: FailureClass) -> None:
    call = ask(ScriptedModel([failure(failure_class, "first"), failure(failure_class, "second"), (3.0, OK)]))
    assert call.reply == OK
    assert call.attempts == 3
    assert [(met.failure_class, met.message, met.attempt) for met in call.failures] == [
        (failure_class, "first", 1),
        (failure_class, "second", 2),
    ]
    assert call.latency_s == pytest.approx(3), "of the successful attempt alone"


def test_attempts_are_bounded() -> None:
    model = ScriptedModel(otherwise=failure(FailureClass.SERVER, "down"))
    call = ask(model, GatewayPolicy(max_retries=4))
    assert call.reply is None
    assert call.attempts == len(model.asked) == len(call.failures) == 5
    assert call.failures[-1].message == "down; gave up after 5 attempts"
    assert call.latency_s is None
    assert call.usage == Usage()


def test_no_retries() -> None:
    call = ask(ScriptedModel(otherwise=failure(FailureClass.SERVER, "down")), GatewayPolicy(max_retries=0))
    assert [met.message for met in call.failures] == ["down"]


@pytest.mark.parametrize(
    "failure_class", sorted(set(FailureClass) - RETRYABLE - FATAL - {FailureClass.INTERNAL})
)
def test_the_items_own_failure_is_not_retried(failure_class: FailureClass) -> None:
    model = ScriptedModel([failure(failure_class, "no")])
    call = ask(model)
    assert call.reply is None
    assert len(model.asked) == 1
    assert [met.failure_class for met in call.failures] == [failure_class]


@pytest.mark.parametrize(
    "error",
    [
        pytest.param(ZeroDivisionError("division by zero"), id="error"),
        pytest.param(TimeoutError("its own"), id="a timeout of its own"),
        pytest.param(ExceptionGroup("several", [ValueError("a")]), id="group"),
        pytest.param(asyncio.CancelledError(), id="a cancelled task inside the model"),
        pytest.param(UsageError("wrong option"), id="a usage error"),
    ],
)
def test_an_unexpected_exception_is_the_items_failure(error: BaseException) -> None:
    async def main() -> list[Call]:
        gateway = Gateway()
        broken = ScriptedModel(otherwise=error, account="mine")
        return [*await ask_all(gateway, broken, 2), *await ask_all(gateway, ScriptedModel(), 2)]

    first, second, third, fourth = run_virtual(main())
    assert third.reply == fourth.reply == OK
    for call in (first, second):
        (met,) = call.failures
        assert met.failure_class is FailureClass.INTERNAL
        assert met.message.startswith(type(error).__name__)
        assert "scripted_model.py:" in met.message, "says where it was raised"
        assert call.attempts == 1


def test_a_model_that_returns_something_else() -> None:
    class Wrong(ScriptedModel):
        async def generate(self, request: ModelRequest) -> ModelReply:
            return "My final option: [B]"  # type: ignore[return-value]

    (met,) = ask(Wrong()).failures
    assert met.failure_class is FailureClass.INTERNAL
    assert met.message == "model returned str: expected a ModelReply"


@pytest.mark.parametrize("finish", [FinishReason.REFUSAL, FinishReason.FILTER, FinishReason.LENGTH])
def test_refusals_and_cut_replies_are_replies(finish: FinishReason) -> None:
    reply = OK.model_copy(update={"text": "", "finish_reason": finish})
    assert ask(ScriptedModel([reply])).reply == reply


def test_half_a_surrogate_pair_becomes_storable() -> None:
    reply = OK.model_copy(update={"text": "L4\ud800/L5 [B] \U0001f9b4", "reasoning": "ok ü"})
    call = ask(ScriptedModel([reply]))
    assert call.reply is not None
    assert call.reply.text == "L4\ufffd/L5 [B] \U0001f9b4"
    assert call.reply.reasoning == "ok ü"
    assert Call.model_validate_json(call.model_dump_json()) == call


def test_no_key_reaches_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_SERVER_API_KEY", "correct-horse-battery")
    said = "no access with correct-horse-battery or sk-proj-abcdefghijklmnop"
    (met,) = ask(ScriptedModel([failure(FailureClass.BAD_REQUEST, said)])).failures
    assert met.message == "no access with <MY_SERVER_API_KEY> or <key>"


# ---------------------------------------------------------------- time


def test_an_attempt_that_hangs_is_given_up_and_made_again() -> None:
    async def main() -> tuple[Call, float]:
        call = await Gateway().call(ScriptedModel([1e9, (1.0, OK)]), request())
        return call, asyncio.get_running_loop().time()

    call, took = run_virtual(main())
    assert call.reply == OK
    assert [met.message for met in call.failures] == ["no reply within the attempt timeout of 180 s"]
    assert call.failures[0].failure_class is FailureClass.TIMEOUT
    assert 181 <= took <= 182


def test_an_item_ends_with_its_time() -> None:
    async def main() -> tuple[Call, float]:
        policy = GatewayPolicy(attempt_timeout_s=40, item_timeout_s=100)
        call = await Gateway(policy).call(ScriptedModel(otherwise=1e9), request())
        return call, asyncio.get_running_loop().time()

    call, took = run_virtual(main())
    assert call.reply is None
    assert call.attempts == 3
    assert "item timeout of 100 s" in call.failures[-1].message
    assert took == pytest.approx(100, abs=0.1)


def test_waiting_for_the_first_connection_is_not_the_items_time() -> None:
    async def main() -> list[Call]:
        policy = GatewayPolicy(max_connections=1, item_timeout_s=15)
        return await ask_all(Gateway(policy), ScriptedModel(otherwise=(10.0, OK)), 30)

    assert all(call.reply == OK for call in run_virtual(main()))


@pytest.mark.parametrize(
    ("name", "explicit", "gives_up"),
    [
        ("openai/gpt-5.2", None, True),
        ("openai-compatible/x", None, True),
        ("local/tiny", None, False),
        ("local/tiny", 60.0, True),
        ("openai/gpt-5.2", math.inf, False),
    ],
)
def test_a_model_in_this_process_has_no_timeout_of_its_own(
    name: str, explicit: float | None, gives_up: bool
) -> None:
    policy = GatewayPolicy(max_retries=0, attempt_timeout_s=explicit, item_timeout_s=explicit)
    call = ask(ScriptedModel(name=name, otherwise=(3600.0, OK)), policy)
    assert (call.reply is None) is gives_up


def test_retry_after_beyond_the_items_time_fails_with_that_message() -> None:
    model = ScriptedModel([failure(FailureClass.RATE_LIMIT, "slow down", retry_after_s=7200)])
    (met,) = ask(model).failures
    assert met.message == (
        "slow down; the provider asks to wait 7200 s, longer than the 900 s left of the item timeout of 900 s"
    )


# ---------------------------------------------------------------- many calls


@pytest.mark.parametrize("adaptive", [False, True])
def test_never_more_in_flight_than_allowed(adaptive: bool) -> None:
    model = ScriptedModel(otherwise=(1.0, OK))
    gateway = Gateway(GatewayPolicy(max_connections=12, adaptive=adaptive))
    assert len(run_virtual(ask_all(gateway, model, 500))) == 500
    assert model.most_in_flight == 12
    assert gateway.connections() == {"openai": (0, 12)}


def test_the_limit_is_per_account_and_shared_by_its_models() -> None:
    async def main() -> None:
        gateway = Gateway(GatewayPolicy(max_connections=3))
        await asyncio.gather(
            ask_all(gateway, one, 20), ask_all(gateway, two, 20), ask_all(gateway, elsewhere, 20)
        )

    one = ScriptedModel(name="openai/one", otherwise=(1.0, OK))
    two = ScriptedModel(name="openai/two", otherwise=(1.0, OK))
    elsewhere = ScriptedModel(name="google/three", account="google", otherwise=(1.0, OK))
    run_virtual(main())
    assert elsewhere.most_in_flight == 3
    starts = sorted(at for model in (one, two) for at, _ in model.asked)
    # 40 calls of a second, three at a time: the last ones start in the fourteenth second.
    assert starts[-1] == pytest.approx(13, abs=0.1)


def test_retry_after_holds_back_the_account_and_no_other() -> None:
    async def main() -> None:
        gateway = Gateway(GatewayPolicy(max_connections=2))
        await asyncio.gather(ask_all(gateway, limited, 10), ask_all(gateway, other, 10))

    limited = ScriptedModel([(1.0, failure(FailureClass.RATE_LIMIT, retry_after_s=100))], otherwise=(1.0, OK))
    other = ScriptedModel(name="google/x", account="google", otherwise=(1.0, OK))
    run_virtual(main())
    starts = [at for at, _ in limited.asked]
    assert sum(at < 1 for at in starts) == 2, "the one in flight beside it finishes"
    assert all(at >= 101 for at in starts[2:])
    assert starts[2] == pytest.approx(101, abs=0.01)
    assert limited.asked[2][1] == limited.asked[0][1], "the held-back item goes first"
    assert max(at for at, _ in other.asked) < 6


def test_a_connection_is_free_while_its_item_waits_for_a_retry() -> None:
    def decide(asked: ModelRequest, number: int) -> Step | tuple[Step, ...]:
        return failure(FailureClass.SERVER) if number == 1 else (1.0, OK)

    async def main() -> float:
        policy = GatewayPolicy(
            max_connections=1, backoff_initial_s=1000, backoff_max_s=1000, item_timeout_s=1e6
        )
        gateway = Gateway(policy)
        late = asyncio.create_task(gateway.call(model, request("fails first")))
        await asyncio.sleep(0.5)
        await ask_all(gateway, model, 10)
        took = asyncio.get_running_loop().time()
        assert (await late).reply == OK
        return took

    model = ScriptedModel(decide=decide)
    assert run_virtual(main()) < 12


def test_an_adaptive_limit_finds_what_the_provider_bears() -> None:
    class Provider(ScriptedModel):
        """Takes ten calls at a time and answers 429 to any more."""

        async def generate(self, request: ModelRequest) -> ModelReply:
            if self.in_flight >= 10:
                raise failure(FailureClass.RATE_LIMIT)
            return await super().generate(request)

    model = Provider(otherwise=(1.0, OK))
    gateway = Gateway(GatewayPolicy(max_connections=200, adaptive=True, max_retries=20))
    calls = run_virtual(ask_all(gateway, model, 2000))
    assert all(call.reply == OK for call in calls)
    refused = sum(len(call.failures) for call in calls)
    assert refused < 400, "a fixed limit of 200 would be refused nearly always"
    assert gateway.connections()["openai"][1] <= 20


@pytest.mark.parametrize(
    "failure_class", [FailureClass.RATE_LIMIT, FailureClass.SERVER, FailureClass.CONNECTION]
)
def test_a_provider_that_is_down_costs_each_item_its_bounded_attempts(failure_class: FailureClass) -> None:
    model = ScriptedModel(otherwise=failure(failure_class))
    healthy = ScriptedModel(name="google/x", account="google", otherwise=(1.0, OK))

    async def main() -> tuple[list[Call], list[Call]]:
        gateway = Gateway(GatewayPolicy(max_connections=8, adaptive=True))
        return await asyncio.gather(ask_all(gateway, model, 300), ask_all(gateway, healthy, 300))

    down, up = run_virtual(main())
    assert len(down) == 300
    assert all(call.reply is None and 1 <= call.attempts <= 7 for call in down)
    assert len(model.asked) == sum(call.attempts for call in down)
    assert all(call.attempts == 1 and call.reply == OK for call in up)
    assert max(at for at, _ in healthy.asked) < 38


def test_cancelling_one_call_leaves_the_others_alone() -> None:
    async def main() -> list[Call]:
        gateway = Gateway(GatewayPolicy(max_connections=2))
        model = ScriptedModel(otherwise=(10.0, OK))
        tasks = [asyncio.create_task(gateway.call(model, request(f"q{n}"))) for n in range(6)]
        await asyncio.sleep(1)
        for task in (tasks[0], tasks[3]):  # one in flight, one waiting
            task.cancel()
        outcomes = await asyncio.gather(*tasks, return_exceptions=True)
        assert [isinstance(outcome, asyncio.CancelledError) for outcome in outcomes] == [
            True, False, False, True, False, False,
        ]  # fmt: skip
        assert gateway.connections() == {"openai": (0, 2)}
        return [outcome for outcome in outcomes if isinstance(outcome, Call)]

    assert all(call.reply == OK for call in run_virtual(main()))


# ---------------------------------------------------------------- the end of the work


@pytest.mark.parametrize("failure_class", sorted(FATAL))
def test_what_no_item_would_escape_ends_the_work_for_all_callers_at_once(failure_class: FailureClass) -> None:
    def decide(_: ModelRequest, number: int) -> Step | tuple[Step, ...]:
        match number:
            case 1:
                return failure(FailureClass.SERVER)  # waits for a retry when the work ends
            case 2:
                return (5.0, OK)  # in flight when the work ends
            case _:
                return (1.0, failure(failure_class, "no, said the provider"))

    model = ScriptedModel(decide=decide)
    other = ScriptedModel(name="google/x", account="google", otherwise=(20.0, OK))

    async def main() -> list[Call | BaseException]:
        policy = GatewayPolicy(
            max_connections=2, backoff_initial_s=1000, backoff_max_s=1000, item_timeout_s=1e6
        )
        gateway = Gateway(policy)
        elsewhere = asyncio.create_task(gateway.call(other, request()))
        outcomes = await asyncio.gather(
            *(gateway.call(model, request(f"q{n}")) for n in range(100)), return_exceptions=True
        )
        assert asyncio.get_running_loop().time() == pytest.approx(5, abs=0.1)
        with pytest.raises(ProviderError):
            await gateway.call(model, request("later"))
        assert (await elsewhere).reply == OK
        return outcomes

    outcomes = run_virtual(main())
    assert isinstance(outcomes[1], Call)
    errors = [outcome for outcome in outcomes if isinstance(outcome, ProviderError)]
    assert len(errors) == 99
    assert errors[0].exit_code is ExitCode.PROVIDER
    assert "openai/gpt-5.2" in str(errors[0])
    assert "no, said the provider" in str(errors[0])
    assert len(model.asked) == 3


@pytest.mark.parametrize(
    ("name", "variable"),
    [
        ("openai/gpt-5.2", "OPENAI_API_KEY"),
        ("anthropic/claude-sonnet-4-5", "ANTHROPIC_API_KEY"),
        ("google/gemini-2.5-pro", "GOOGLE_API_KEY"),
    ],
)
def test_a_refused_key_names_the_variable_and_not_the_key(
    name: str, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, "not-a-key-shape-1234")
    model = ScriptedModel([failure(FailureClass.AUTH, "bad key: not-a-key-shape-1234; see; docs")], name=name)
    with pytest.raises(ProviderError) as caught:
        ask(model)
    assert "not-a-key-shape" not in str(caught.value)
    assert str(caught.value).rpartition("; ")[2] == f"set the environment variable {variable} to a valid key"


def test_an_adapters_own_provider_error_is_kept() -> None:
    with pytest.raises(ProviderError, match=r"^no key at all; set it$"):
        ask(ScriptedModel([ProviderError("no key at all; set it")]))


# ---------------------------------------------------------------- checks before the work


def check(*models: ScriptedModel) -> float:
    async def main() -> float:
        await Gateway().check(models)
        return asyncio.get_running_loop().time()

    return run_virtual(main())


def test_models_are_checked_side_by_side_and_nothing_is_asked() -> None:
    models = [ScriptedModel(name=f"openai/m{n}", checks=[10.0]) for n in range(5)]
    assert check(*models) == pytest.approx(10)
    assert all(model.asked == [] for model in models)


def test_a_check_outlives_passing_trouble() -> None:
    check(ScriptedModel(checks=[failure(FailureClass.SERVER), failure(FailureClass.CONNECTION)]))


def test_a_rate_limited_check_has_passed() -> None:
    check(ScriptedModel(checks=[failure(FailureClass.RATE_LIMIT, retry_after_s=600)]))


@pytest.mark.parametrize(
    ("checks", "said"),
    [
        pytest.param(
            [failure(FailureClass.UNKNOWN_MODEL, "404")], "correct the model name", id="unknown model"
        ),
        pytest.param([failure(FailureClass.AUTH, "401")], "OPENAI_API_KEY", id="wrong key"),
        pytest.param([failure(FailureClass.SERVER, "down")] * 3, "down", id="down"),
        pytest.param([1e9] * 3, "no answer within 30 s", id="hanging"),
        pytest.param([KeyError("models")], "KeyError", id="broken"),
        pytest.param([ProviderError("no key; set it")], "no key; set it", id="own error"),
    ],
)
def test_a_model_that_cannot_be_used(checks: list[Step], said: str) -> None:
    bad = ScriptedModel(checks=checks)
    with pytest.raises(ProviderError, match=said):
        check(ScriptedModel(name="google/fine", account="google"), bad)


def test_all_unusable_models_are_named() -> None:
    one = ScriptedModel(name="openai/one", checks=[failure(FailureClass.UNKNOWN_MODEL)])
    two = ScriptedModel(name="openai/two", checks=[failure(FailureClass.UNKNOWN_MODEL)])
    with pytest.raises(ProviderError, match="openai/one") as caught:
        check(one, two)
    assert "openai/two" in caught.value.__notes__[0]


# ---------------------------------------------------------------- accounting


def test_spending_per_model_and_role() -> None:
    prices = PriceBook({"openai/a": TokenPrice(input=1, output=10)})
    a = ScriptedModel([failure(FailureClass.SERVER), OK, failure(FailureClass.BAD_REQUEST)], name="openai/a")
    unpriced = ScriptedModel(name="openai-compatible/b", account="b", host="b.example.org")

    async def main() -> Gateway:
        gateway = Gateway(prices=prices)
        for model, role in [(a, "examinee"), (a, "examinee"), (a, "extractor"), (unpriced, "examinee")]:
            await gateway.call(model, request(), role=role)
        return gateway

    rows = run_virtual(main()).spending()
    examinee, extractor, other = rows
    assert (examinee.model, examinee.role) == ("openai/a", "examinee")
    assert (examinee.calls, examinee.failed, examinee.attempts, examinee.retried) == (2, 1, 3, 1)
    assert (examinee.input_tokens, examinee.output_tokens) == (1000, 100)
    assert examinee.reasoning_tokens is None, "never reported"
    assert examinee.cost_usd == pytest.approx(0.002)  # 1000 x 1 + 100 x 10 USD per million
    assert (extractor.role, extractor.calls) == ("extractor", 1)
    assert extractor.cost_usd == pytest.approx(0.002)
    assert other.cost_usd is None
    assert other.known_cost_usd == 0
    assert other.no_price == "no price: unknown provider"
    everything = total(rows)
    assert everything.calls == 4
    assert everything.input_tokens == 3000
    assert everything.cost_usd is None
    assert everything.known_cost_usd == pytest.approx(0.004)


def test_nothing_spent() -> None:
    assert Gateway().spending() == ()
    nothing = total(())
    assert (nothing.calls, nothing.input_tokens, nothing.known_cost_usd) == (0, None, 0)
