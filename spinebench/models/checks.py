"""Whether a model can be used, found out before the work."""

from __future__ import annotations

import asyncio
import itertools

from spinebench.errors import SpinebenchError
from spinebench.models.policy import GatewayPolicy
from spinebench.models.protocol import ChatModel, ModelFailure
from spinebench.models.provider_errors import internal_failure, provider_error
from spinebench.models.retry import GiveUp, RetryRule
from spinebench.records import FailureClass


async def check_model(model: ChatModel, policy: GatewayPolicy, retry: RetryRule) -> SpinebenchError | None:
    """Why `model` cannot be used or reached, after a few attempts; None if it can.

    A provider that answers 429 is one that can be used: the gateway will wait for it.
    """
    seconds = policy.check_timeout_s
    for attempt in itertools.count(1):
        try:
            async with asyncio.timeout(None if seconds == float("inf") else seconds):
                await model.check()
            return None
        except SpinebenchError as error:
            return error
        except TimeoutError:
            failure = ModelFailure(FailureClass.TIMEOUT, f"no answer within {seconds:g} s")
        except ModelFailure as met:
            failure = met
        except Exception as error:  # noqa: BLE001 - told to the user as this model's failure
            failure = internal_failure(error)
        if failure.failure_class is FailureClass.RATE_LIMIT:
            return None
        again = retry.after(failure, attempt=attempt, time_left_s=seconds, item_timeout_s=seconds)
        if attempt > policy.check_retries or isinstance(again, GiveUp):
            return provider_error(model, failure)
        await asyncio.sleep(again.wait_s)
    raise AssertionError("unreachable")
