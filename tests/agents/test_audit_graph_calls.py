"""The calls of the audit graph: over HTTP in every protocol, booked, and ended from outside."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.agents.audit import AuditGraph, audit_graph
from spinebench.audit_records import Judgement, JudgementStatus
from spinebench.errors import ProviderError, StoppedError
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.models.registry import create_model
from spinebench.records import DecodingOptions, FailureClass
from tests.agents.audit_cases import RUBRICS, OneImage, quick, reply, verdict
from tests.agents.audit_graphs import FIRST, SECOND, given, graph, judge, judgements
from tests.scripted_model import ScriptedModel, failure
from tests.servers.faults import Fault
from tests.servers.wire import Reply

if TYPE_CHECKING:
    from spinebench.models.protocol import ChatModel
    from tests.servers.provider import ProviderServer
    from tests.servers.wire import Received


@pytest.mark.parametrize("protocol", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("takes_schema", [True, False], ids=["schema", "schema refused"])
async def test_judges_of_every_protocol(
    protocol: str,
    takes_schema: bool,
    provider_server: ProviderServer,
    images: OneImage,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[Received] = []

    def answer(request: Received) -> Reply:
        asked.append(request)
        bad = verdict(quotes=["the upper body was displaced forwards"])
        return Reply(text=json.dumps(bad if len(asked) == 1 else verdict()))

    provider_server.answer = answer
    if not takes_schema:
        provider_server.faults.append(Fault(kind="bad_request", message="no schema", times=1))
    monkeypatch.setenv(f"{protocol.upper()}_API_KEY", "key")
    model = create_model(f"{protocol}/judge", args={"base_url": getattr(provider_server, f"{protocol}_url")})
    try:
        (made,) = judgements(await graph_of(model, images).ainvoke(given()))
    finally:
        await model.aclose()
    assert made.status is JudgementStatus.SCORED
    assert [one.plain_json for one in made.replies] == [not takes_schema] * 2
    assert [one.failure_class.value for one in made.failures] == ([] if takes_schema else ["bad_request"])
    assert "You assess how well somebody reasoned" in asked[0].system
    assert len(asked[0].images) == 1
    assert "the upper body is displaced forwards" in asked[1].text
    assert "confidential" not in json.dumps(asked[1].body)
    assert "zebra" not in json.dumps(asked[1].body)


def graph_of(model: ChatModel, images: OneImage) -> AuditGraph:
    return audit_graph([model], rubrics=RUBRICS, gateway=quick(), images=images)


async def test_usage_is_booked_under_judge(images: OneImage) -> None:
    gateway = quick()
    state = await graph(judge(reply("?")), images=images, gateway=gateway).ainvoke(given())
    (row,) = gateway.spending()
    assert (row.role, row.model) == ("judge", FIRST)
    (made,) = judgements(state)
    assert [one.usage.input_tokens for one in made.replies] == [1000, 1000]


async def test_decoding_and_seed_reach_the_request(images: OneImage) -> None:
    seen: list[ModelRequest] = []

    def decide(request: ModelRequest, _: int) -> ModelReply:
        seen.append(request)
        return reply(verdict())

    decoding = DecodingOptions(temperature=0.0, max_tokens=900)
    for seed in (1, 2):
        model = ScriptedModel(decide=decide, name=FIRST)
        await graph(model, images=images, decoding=decoding, seed=seed).ainvoke(given())
    assert [one.decoding for one in seen] == [decoding] * 2
    assert seen[0].messages[1] != seen[1].messages[1]
    assert [part.kind for part in seen[0].messages[1].parts] == ["text", "image"]


@pytest.mark.parametrize(
    ("raised", "policy", "error"),
    [
        pytest.param(failure(FailureClass.AUTH, "wrong key"), {}, ProviderError, id="no key"),
        pytest.param(reply("?"), {"token_limit": 1}, StoppedError, id="limit reached"),
    ],
)
async def test_an_end_of_all_work_is_raised_after_the_other_judges_have_finished(
    images: OneImage, raised: Any, policy: dict[str, Any], error: type[Exception]
) -> None:
    first, second = judge(raised), judge((0.02, reply(verdict())), name=SECOND)
    given_out: list[Judgement] = []
    audit = graph(first, second, images=images, gateway=quick(**policy))

    async def stream() -> None:
        async for update in audit.astream(given(), stream_mode="updates"):
            given_out.extend(judgements(update.get("check") or {"judgements": []}))

    with pytest.raises(error):
        await stream()
    assert {one.key.judge for one in given_out} <= {SECOND}
    if error is ProviderError:
        assert [one.status for one in given_out] == [JudgementStatus.SCORED]
