"""A device without room for a whole batch."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from spinebench.models.checkpoint import find_checkpoint
from spinebench.models.local_engine import LocalEngine
from spinebench.models.local_options import LocalOptions
from spinebench.models.protocol import (
    ModelFailure,
    ModelReply,
)
from spinebench.records import FailureClass
from tests.models.local_models import Draw, ask


class CrampedEngine(LocalEngine):
    """A real engine on a device that has room for a limited number of rows."""

    rows = 2
    tried: list[int]

    def _generate(self, jobs: Sequence[Any], abandoned: threading.Event) -> list[ModelReply]:
        self.tried = [*getattr(self, "tried", []), len(jobs)]

        def allocate(module: Any, args: Any, kwargs: dict[str, Any]) -> None:
            if len(kwargs["input_ids"]) > self.rows:
                raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")

        hook = self._model.register_forward_pre_hook(allocate, with_kwargs=True)
        try:
            return super()._generate(jobs, abandoned)
        finally:
            hook.remove()


@pytest.mark.parametrize(
    ("rows", "tried", "shrunk"),
    [
        # Of five: 3 and 2; the three again in halves.
        pytest.param(2, [5, 3, 2, 1, 2], [3, 2], id="halves fit"),
        pytest.param(0, [5, 3, 2, 1, 1, 1, 2, 1, 1], [3, 2, 1, 1], id="nothing fits"),
    ],
)
def test_out_of_memory_halves_the_batch(
    tiny_llava: Path, draw_image: Draw, rows: int, tried: list[int], shrunk: list[int]
) -> None:
    sizes: list[int] = []
    options = LocalOptions(device="cpu")
    engine = CrampedEngine(find_checkpoint(str(tiny_llava)), options, on_shrink=sizes.append)
    engine.rows = rows
    requests = [ask("Which?", draw_image(seed)) for seed in range(5)]
    replies = engine.answer(requests, threading.Event())
    assert (engine.tried, sizes) == (tried, shrunk)
    assert sum(isinstance(reply, ModelReply) for reply in replies) == (5 if rows else 0)
    for reply in replies:
        if isinstance(reply, ModelFailure):
            assert reply.failure_class is FailureClass.BAD_REQUEST
            assert "out of memory" in reply.message
    if rows:
        expected = LocalEngine(find_checkpoint(str(tiny_llava)), options, on_shrink=sizes.append)
        assert replies == [expected.answer([request], threading.Event())[0] for request in requests]
