from __future__ import annotations

import asyncio
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import ProviderError
from spinebench.models.limits import AccountGate, ConnectionLimit, Signal
from tests.virtual_time import run_virtual


def note(limit: ConnectionLimit, *signals: Signal, saturated: bool = True, cuts: int | None = None) -> int:
    """Take in attempts that began just before they ended, unless `cuts` says when."""
    for signal in signals:
        limit.note(signal, cuts_at_start=limit.cuts if cuts is None else cuts, saturated=saturated)
    return limit.current


# ---------------------------------------------------------------- the number of connections


def test_a_fixed_limit_stays() -> None:
    limit = ConnectionLimit(5)
    assert note(limit, Signal.RATE_LIMITED, Signal.TROUBLED, *[Signal.CLEAN] * 100) == 5


@pytest.mark.parametrize(("ceiling", "start"), [(3, 3), (8, 8), (64, 8)])
def test_an_adaptive_limit_starts_small(ceiling: int, start: int) -> None:
    assert ConnectionLimit(ceiling, adaptive=True).current == start


def test_it_doubles_per_clean_round_up_to_the_ceiling() -> None:
    limit = ConnectionLimit(20, adaptive=True)
    assert note(limit, *[Signal.CLEAN] * 8) == 16
    assert note(limit, *[Signal.CLEAN] * 16) == 20


def test_it_does_not_grow_while_connections_are_idle() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    assert note(limit, *[Signal.CLEAN] * 50, saturated=False) == 8


def test_a_429_halves_it_once_per_round() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    note(limit, *[Signal.CLEAN] * 24)  # 8 -> 32
    # Ten attempts that all started before the first cut: one cut.
    assert note(limit, *[Signal.RATE_LIMITED] * 10, cuts=0) == 16
    assert note(limit, Signal.RATE_LIMITED) == 8


def test_after_a_429_a_whole_clean_round_adds_one() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    assert note(limit, Signal.RATE_LIMITED) == 4
    assert note(limit, *[Signal.CLEAN] * 3) == 4
    assert note(limit, Signal.CLEAN) == 5
    assert note(limit, *[Signal.CLEAN] * 5) == 6


def test_it_never_falls_below_one() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    assert note(limit, *[Signal.RATE_LIMITED] * 20) == 1


def test_server_trouble_holds_growth_back_for_a_round() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    assert note(limit, Signal.TROUBLED, *[Signal.CLEAN] * 8) == 8
    assert note(limit, Signal.CLEAN) == 9


def test_a_wrong_request_says_nothing_about_load() -> None:
    limit = ConnectionLimit(64, adaptive=True)
    assert note(limit, *[Signal.SILENT] * 30) == 8


@given(st.lists(st.sampled_from(list(Signal)), max_size=300), st.integers(1, 40))
def test_it_stays_between_one_and_the_ceiling(signals: list[Signal], ceiling: int) -> None:
    limit = ConnectionLimit(ceiling, adaptive=True)
    for signal in signals:
        assert 1 <= note(limit, signal) <= ceiling


# ---------------------------------------------------------------- who is next


def gate(connections: int = 1) -> AccountGate:
    return AccountGate(ConnectionLimit(connections))


def test_connections_are_given_in_order_of_arrival() -> None:
    async def main() -> list[int]:
        account, order = gate(), list[int]()

        async def one(ticket: int) -> None:
            slot = await account.acquire(ticket)
            order.append(ticket)
            await asyncio.sleep(1)
            account.release(slot, Signal.CLEAN)

        await asyncio.gather(*(one(ticket) for ticket in range(50)))
        return order

    assert run_virtual(main()) == list(range(50))


def test_a_retry_goes_before_younger_calls() -> None:
    async def main() -> list[int]:
        account, order = gate(), list[int]()
        held = await account.acquire(0)

        async def one(ticket: int) -> None:
            slot = await account.acquire(ticket)
            order.append(ticket)
            account.release(slot, Signal.CLEAN)

        tasks = [asyncio.create_task(one(ticket)) for ticket in (7, 8, 9)]
        await asyncio.sleep(1)
        tasks.append(asyncio.create_task(one(3)))
        await asyncio.sleep(1)
        account.release(held, Signal.CLEAN)
        await asyncio.gather(*tasks)
        return order

    assert run_virtual(main()) == [3, 7, 8, 9]


def test_a_pause_holds_new_attempts_back_and_ends_by_itself() -> None:
    async def main() -> tuple[list[float], float]:
        account, loop = gate(2), asyncio.get_running_loop()
        account.pause(30)
        account.pause(10)  # a shorter one does not end the longer one

        async def one(ticket: int) -> float:
            slot = await account.acquire(ticket)
            at = loop.time()
            await asyncio.sleep(1)
            account.release(slot, Signal.CLEAN)
            return at

        began = await asyncio.gather(*(one(ticket) for ticket in range(4)))
        return began, loop.time()

    began, end = run_virtual(main())
    assert began == pytest.approx([30, 30, 31, 31], abs=0.01)
    assert end == pytest.approx(32, abs=0.01)


def test_a_pause_outlives_the_event_loop_that_set_it() -> None:
    account = gate()

    async def give_up() -> None:
        account.pause(0.2)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(account.acquire(1), 0.01)

    async def go_on() -> None:
        account.release(await asyncio.wait_for(account.acquire(2), 5), Signal.CLEAN)

    asyncio.run(give_up())
    asyncio.run(go_on())
    assert account.in_flight == 0


def test_closing_turns_away_waiting_sleeping_and_later_callers_but_none_in_flight() -> None:
    async def main() -> float:
        account, loop = gate(), asyncio.get_running_loop()
        held = await account.acquire(0)
        waiting = [asyncio.create_task(account.acquire(ticket)) for ticket in range(1, 4)]
        sleeping = [asyncio.create_task(account.sleep(1000)) for _ in range(3)]
        await asyncio.sleep(1)
        account.close(lambda: ProviderError("wrong key"))
        account.close(lambda: ProviderError("something later"))
        outcomes = await asyncio.gather(*waiting, *sleeping, account.acquire(9), return_exceptions=True)
        assert [str(outcome) for outcome in outcomes] == ["wrong key"] * 7
        assert len({id(outcome) for outcome in outcomes}) == 7, "each caller raises an error of its own"
        account.release(held, Signal.CLEAN)
        assert account.in_flight == 0
        return loop.time()

    assert run_virtual(main()) == pytest.approx(1)


@given(seed=st.integers(0, 10_000), connections=st.integers(1, 5), adaptive=st.booleans())
def test_no_connection_is_lost_in_a_storm_of_cancellations(
    seed: int, connections: int, adaptive: bool
) -> None:
    chance = random.Random(seed)

    async def main() -> None:
        account = AccountGate(ConnectionLimit(connections, adaptive=adaptive))
        most = 0

        async def one(ticket: int) -> None:
            nonlocal most
            slot = await account.acquire(ticket)
            most = max(most, account.in_flight)
            try:
                await asyncio.sleep(chance.choice([0, 0, 0.5, 1]))
            finally:
                account.release(slot, chance.choice(list(Signal)))
            if chance.random() < 0.2:
                account.pause(chance.choice([0.5, 3]))

        tasks = [asyncio.create_task(one(ticket)) for ticket in range(40)]
        while not all(task.done() for task in tasks):
            await asyncio.sleep(chance.choice([0, 0, 0.25]))
            chance.choice(tasks).cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert account.in_flight == 0
        assert account.n_waiting == 0
        assert most <= connections
        # Still in working order: as many connections as the limit says, no more.
        slots = [await account.acquire(100 + n) for n in range(account.limit.current)]
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(account.acquire(999), 60)
        for slot in slots:
            account.release(slot, Signal.SILENT)

    run_virtual(main())
