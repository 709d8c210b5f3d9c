"""Checking a remote model: the cheapest call, and what a failed one says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from spinebench.models.protocol import (
    ModelFailure,
)
from spinebench.models.registry import create_model
from spinebench.records import FailureClass
from tests.models.remote_models import MODELS, Bench

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer


async def test_check_costs_no_generation_where_models_are_described(bench: Bench) -> None:
    bench.server.models = [MODELS[bench.provider].partition("/")[2]]
    await bench.model.check()
    assert bench.server.n_requests == 0
    assert bench.server.n_checks == 1


async def test_check_falls_back_to_a_question(bench: Bench) -> None:
    bench.server.lists_models = False
    if bench.provider != "openai-compatible":
        bench.server.describes_models = False
    await bench.model.check()
    assert bench.server.n_requests == 1


async def test_check_outlives_a_connection_that_breaks_after_the_500(
    provider_server: ProviderServer, provider_keys: dict[str, str]
) -> None:
    provider_server.lists_models = False
    provider_server.breaks_after_500 = True
    model = create_model(
        MODELS["openai-compatible"], args={"base_url": provider_server.openai_url, "timeout": 20}
    )
    await model.check()
    await model.aclose()
    assert provider_server.broken
    assert provider_server.n_requests == 1


@pytest.mark.parametrize("status", [None, 405], ids=["answers", "only describes"])
async def test_a_description_in_another_protocols_words_is_not_believed(
    bench: Bench, status: int | None
) -> None:
    bench.server.models = [MODELS[bench.provider].partition("/")[2]]
    bench.server.describes_as = "openai"
    if status is not None:
        bench.server.fault("raw", status=status, body={"detail": "Method Not Allowed"})
    believed = bench.provider.startswith("openai")
    if believed or status is None:
        await bench.model.check()
    else:
        with pytest.raises(ModelFailure, match="no such path on the server") as caught:
            await bench.model.check()
        assert ("api_version=v1beta" in caught.value.message) is (bench.provider == "google")
    assert bench.server.n_requests == (0 if believed else 1)


async def test_check_names_the_nearest_models(bench: Bench) -> None:
    model_id = MODELS[bench.provider].partition("/")[2]
    bench.server.models = [f"{model_id}-2026", "something-else"]
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.UNKNOWN_MODEL
    assert f"{model_id}-2026" in caught.value.message
    assert "something-else" not in caught.value.message


async def test_check_refuses_a_wrong_key(bench: Bench) -> None:
    bench.server.keys = ["the right one"]
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.AUTH


async def test_check_without_a_server(bench: Bench) -> None:
    bench.server.stop()
    with pytest.raises(ModelFailure) as caught:
        await bench.model.check()
    assert caught.value.failure_class is FailureClass.CONNECTION
