"""Runs one function over many items on all cores; results come as they are ready, and no item ends the others."""

from __future__ import annotations

import os
import signal
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from itertools import islice
from multiprocessing import get_context, parent_process
from multiprocessing.connection import wait as wait_for
from typing import Final, TypeVar

from spinebench.errors import StoppedError

T = TypeVar("T")
R = TypeVar("R")
CHUNK: Final = 8
"""Items that a process gets at a time: what is written to a journal with one sync, and lost by a kill."""
_ALONE: Final = 16
"""Up to so many items, starting processes takes longer than the work, unless a number of them is asked for."""
_AHEAD: Final = 3
"""Chunks waiting or at work per process: enough that none is idle, and few enough to stream."""


def available_cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def in_chunks(
    work: Callable[[T], R],
    items: Iterable[T],
    *,
    crashed: Callable[[T], R],
    workers: int | None = None,
    chunk: int = CHUNK,
) -> Iterator[tuple[R, ...]]:
    """The results of all items, some at a time, in the order in which they are ready.

    `work` and the items are sent to other processes (spawned, so that threads and GPUs of this one do no harm): both
    have to be picklable, and `work` a function of a module or a `partial` of one. `workers`: processes; None takes
    all cores, and this process alone for a few items; 1 is this process alone. Items are taken from the iterable only
    as they are needed. What `work` raises is raised here and ends the rest. StoppedError: no process
    can be started.

    A process that dies over an item (a decoder that crashes, a kill for memory) ends neither the others nor the call:
    what it had in hand is done again one by one, and an item that kills its process again gives `crashed(item)`.
    """
    assert chunk > 0, "empty chunks"
    source = iter(items)
    n = available_cores() if workers is None else workers
    if workers is None and n > 1:
        first = list(islice(source, _ALONE + 1))
        n = 1 if len(first) <= _ALONE else n
        source = _joined(first, source)
    if n <= 1:
        while part := tuple(islice(source, chunk)):
            yield tuple(map(work, part))
        return
    yield from _in_processes(work, source, crashed, n, chunk)


def _in_processes(
    work: Callable[[T], R], source: Iterator[T], crashed: Callable[[T], R], n: int, chunk: int
) -> Iterator[tuple[R, ...]]:
    todo: deque[tuple[T, ...]] = deque()
    running: dict[Future[tuple[R, ...]], tuple[T, ...]] = {}
    pool = _started(n)
    try:
        while True:
            while len(running) < _AHEAD * n and (part := tuple(islice(source, chunk))):
                try:
                    running[pool.submit(_all, work, part)] = part
                except BrokenProcessPool:
                    todo.append(part)
                    break
            if not running and not todo:
                return
            for future in wait(running, return_when=FIRST_COMPLETED).done if running else ():
                part = running.pop(future)
                try:
                    results = future.result()
                except BrokenProcessPool:
                    todo.append(part)
                else:
                    yield results
            if todo:
                # Every chunk in the pool is lost with it, also those that did no harm.
                pool.shutdown(wait=True)
                for future, part in running.items():
                    if future.exception() is None:
                        yield future.result()
                    else:
                        todo.append(part)
                running.clear()
                yield from _one_by_one(work, todo, crashed)
                todo.clear()
                pool = _pool(n)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _one_by_one(
    work: Callable[[T], R], parts: Iterable[tuple[T, ...]], crashed: Callable[[T], R]
) -> Iterator[tuple[R, ...]]:
    """In a process of their own, where a death is plainly that of the item at work."""
    pool = _pool(1)
    try:
        for part in parts:
            results = []
            for item in part:
                try:
                    results.append(pool.submit(work, item).result())
                except BrokenProcessPool:
                    pool.shutdown(wait=True)
                    pool = _pool(1)
                    results.append(crashed(item))
            yield tuple(results)
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _all(work: Callable[[T], R], part: tuple[T, ...]) -> tuple[R, ...]:
    return tuple(map(work, part))


def _joined(first: list[T], rest: Iterator[T]) -> Iterator[T]:
    yield from first
    yield from rest


def _started(n: int) -> ProcessPoolExecutor:
    """Processes of which one was seen to start: else every item would pass for one that kills its process."""
    pool = _pool(n)
    try:
        pool.submit(os.getpid).result()
    except (BrokenProcessPool, OSError) as error:
        pool.shutdown(wait=False, cancel_futures=True)
        raise StoppedError(
            f"worker processes: expected this Python to be able to start others, but {error or 'it is not'}; "
            "let it, or call the same command with --workers 1"
        ) from error
    return pool


def _pool(n: int) -> ProcessPoolExecutor:
    return ProcessPoolExecutor(n, mp_context=get_context("spawn"), initializer=_begin)


def _begin() -> None:
    """A worker leaves Ctrl-C to its parent, and ends with it even where that was killed."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = parent_process()
    assert parent is not None, "a worker has a parent"
    threading.Thread(target=_end_with, args=(parent.sentinel,), daemon=True).start()


def _end_with(sentinel: int) -> None:
    wait_for([sentinel])
    os._exit(1)
