from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.models.policy import GatewayPolicy
from spinebench.models.protocol import FATAL, RETRYABLE, ModelFailure
from spinebench.models.retry import Again, GiveUp, RetryRule
from spinebench.records import FailureClass


def after(
    failure: ModelFailure, *, attempt: int = 1, left: float = 900.0, policy: GatewayPolicy | None = None
) -> Again | GiveUp:
    rule = RetryRule(policy or GatewayPolicy())
    return rule.after(failure, attempt=attempt, time_left_s=left, item_timeout_s=900.0)


@pytest.mark.parametrize("failure_class", sorted(set(FailureClass) - RETRYABLE))
def test_what_waiting_cannot_mend_is_not_retried(failure_class: FailureClass) -> None:
    assert after(ModelFailure(failure_class, "no")) == GiveUp(None)


@pytest.mark.parametrize("failure_class", sorted(RETRYABLE))
def test_passing_trouble_is_retried_up_to_the_limit(failure_class: FailureClass) -> None:
    policy = GatewayPolicy(max_retries=3)
    failure = ModelFailure(failure_class, "busy")
    assert isinstance(after(failure, attempt=3, policy=policy), Again)
    assert after(failure, attempt=4, policy=policy) == GiveUp("gave up after 4 attempts")


def test_classes_are_either_retryable_or_fatal_or_the_items_own() -> None:
    assert not RETRYABLE & FATAL


@given(attempt=st.integers(1, 2000), seed=st.integers(0, 100))
def test_back_off_is_bounded_and_never_negative(attempt: int, seed: int) -> None:
    policy = GatewayPolicy(max_retries=5000, seed=seed)
    again = after(ModelFailure(FailureClass.SERVER, "busy"), attempt=attempt, policy=policy)
    assert isinstance(again, Again)
    assert 0 <= again.wait_s <= min(60.0, 0.5 * 2.0 ** min(attempt - 1, 60))


def test_back_off_spreads_over_the_whole_interval_and_repeats_with_the_seed() -> None:
    def waits(seed: int) -> list[float]:
        rule = RetryRule(GatewayPolicy(seed=seed))
        failure = ModelFailure(FailureClass.RATE_LIMIT, "slow down")
        outcomes = [rule.after(failure, attempt=4, time_left_s=900, item_timeout_s=900) for _ in range(400)]
        return [outcome.wait_s for outcome in outcomes if isinstance(outcome, Again)]

    drawn = waits(1)
    assert len(drawn) == 400
    assert drawn == waits(1)
    assert drawn != waits(2)
    # Uniform on [0, 4]: each quarter expects 100 of 400, standard deviation 8.7.
    quarters = [sum(quarter <= wait < quarter + 1 for wait in drawn) for quarter in range(4)]
    assert all(60 <= count <= 140 for count in quarters)


@pytest.mark.parametrize(
    ("asked", "left", "least"),
    [
        pytest.param(20.0, 900.0, 20.0, id="honoured"),
        pytest.param(0.0, 900.0, 0.0, id="at once, but never sooner than the back-off"),
        pytest.param(899.0, 900.0, 899.0, id="just inside the item timeout"),
        pytest.param(5000.0, math.inf, 900.0, id="capped where no item timeout ends it"),
        pytest.param(math.inf, math.inf, None, id="for ever"),
        pytest.param(-5.0, 900.0, 0.0, id="negative is none"),
        pytest.param(math.nan, 900.0, 0.0, id="not a number is none"),
    ],
)
def test_retry_after(asked: float, left: float, least: float | None) -> None:
    again = after(ModelFailure(FailureClass.RATE_LIMIT, "wait", retry_after_s=asked), left=left)
    assert isinstance(again, Again)
    if least is not None:
        # Back-off after the first attempt is at most half a second.
        assert least <= again.wait_s <= max(least, 0.5)
    assert again.wait_s <= 900


def test_a_wait_longer_than_the_items_time_says_so() -> None:
    verdict = after(ModelFailure(FailureClass.RATE_LIMIT, "wait", retry_after_s=3600), left=850.4)
    assert verdict == GiveUp(
        "the provider asks to wait 3600 s, longer than the 850 s left of the item timeout of 900 s"
    )


def test_no_attempt_is_planned_after_the_items_time() -> None:
    verdict = after(ModelFailure(FailureClass.SERVER, "busy"), left=0.0)
    assert verdict == GiveUp("no time left for another attempt: item timeout of 900 s")


@pytest.mark.parametrize(
    ("asked", "item_timeout", "pause"),
    [
        pytest.param(None, 900.0, 0.0, id="not asked for"),
        pytest.param(7.5, 900.0, 7.5, id="as asked"),
        pytest.param(86400.0, 900.0, 900.0, id="not for a day"),
        pytest.param(86400.0, 30.0, 30.0, id="not longer than an item may take"),
        pytest.param(math.nan, 900.0, 0.0, id="nonsense"),
    ],
)
def test_pause_of_the_account(asked: float | None, item_timeout: float, pause: float) -> None:
    failure = ModelFailure(FailureClass.RATE_LIMIT, "wait", retry_after_s=asked)
    assert RetryRule(GatewayPolicy()).pause(failure, item_timeout_s=item_timeout) == pause
