"""Whether a failed attempt is made again, and after how long."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass

from spinebench.models.policy import GatewayPolicy
from spinebench.models.protocol import ModelFailure


@dataclass(frozen=True)
class Again:
    """Try again after `wait_s` seconds."""

    wait_s: float


@dataclass(frozen=True)
class GiveUp:
    """Make no further attempt; `why` is None where the failure speaks for itself."""

    why: str | None = None


class RetryRule:
    """Decides after each failed attempt. One instance per gateway: its seeded generator draws the jitter."""

    def __init__(self, policy: GatewayPolicy) -> None:
        self._policy = policy
        self._random = random.Random(policy.seed)

    def after(
        self, failure: ModelFailure, *, attempt: int, time_left_s: float, item_timeout_s: float
    ) -> Again | GiveUp:
        """What follows attempt number `attempt` (from 1), with `time_left_s` of the item's time left.

        A Retry-After is never undercut, except where it exceeds `policy.retry_after_max_s`. Without one, the
        wait is drawn uniformly from 0 to the exponential bound ("full jitter"), so that calls that failed
        together do not come back together.
        """
        if not failure.retryable:
            return GiveUp()
        if attempt > self._policy.max_retries:
            return GiveUp(f"gave up after {attempt} attempts" if attempt > 1 else None)
        asked = asked_wait(failure.retry_after_s)
        if asked is not None and asked > time_left_s:
            return GiveUp(
                f"the provider asks to wait {asked:g} s, longer than the {max(time_left_s, 0):.0f} s left of "
                f"the item timeout of {item_timeout_s:g} s"
            )
        wait = max(self._backoff(attempt), min(asked or 0.0, self._policy.retry_after_max_s))
        if wait >= time_left_s:
            return GiveUp(f"no time left for another attempt: item timeout of {item_timeout_s:g} s")
        return Again(wait)

    def pause(self, failure: ModelFailure, *, item_timeout_s: float) -> float:
        """Seconds for which the whole account starts no new call, because the provider asked for it.

        Never longer than an item may take: where the provider asks for more than that, each round of items
        fails with that message instead of the run standing still for hours.
        """
        return min(asked_wait(failure.retry_after_s) or 0.0, self._policy.retry_after_max_s, item_timeout_s)

    def _backoff(self, attempt: int) -> float:
        # The exponent is capped because 2.0 ** 1024 overflows, long after the bound is reached.
        bound = min(self._policy.backoff_max_s, self._policy.backoff_initial_s * 2.0 ** min(attempt - 1, 60))
        return self._random.uniform(0, bound)


def asked_wait(retry_after_s: float | None) -> float | None:
    """A provider's Retry-After in seconds; None where there is none or it makes no sense."""
    if retry_after_s is None or math.isnan(retry_after_s) or retry_after_s < 0:
        return None
    return retry_after_s
