"""The audit graph as a LangGraph user meets it: drawn, streamed, stepped, embedded."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from spinebench.agents.audit import audit_graph
from spinebench.errors import UsageError
from tests.agents.audit_cases import EVIDENCE, MODES, RUBRIC, RUBRICS, TEXT, OneImage, reply, trace, verdict
from tests.agents.audit_graphs import given, graph, judge, judgements

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig


def test_it_can_be_drawn() -> None:
    drawn = graph(judge()).get_graph().draw_mermaid()
    for name in (
        "prepare",
        "checks",
        "judge",
        "check",
        "reconcile",
        "refer",
        "resolve",
        "adjudicate",
        "close",
    ):
        assert f"{name}({name})" in drawn
    for edge in ("prepare -.-> judge", "judge --> check", "check -.-> judge", "check -.-> reconcile"):
        assert edge in drawn


async def test_it_can_be_streamed_node_by_node(images: OneImage) -> None:
    audit = graph(judge(reply("?")), images=images)
    steps = [next(iter(update)) async for update in audit.astream(given(), stream_mode="updates")]
    assert steps[0] == "prepare"
    assert sorted(steps[1:3]) == ["checks", "judge"]
    assert steps[3:] == ["check", "judge", "check", "reconcile", "refer"]


async def test_its_state_is_json_and_holds_no_image_bytes(images: OneImage) -> None:
    saved: list[Any] = [
        state async for state in graph(judge(), images=images).astream(given(), stream_mode="values")
    ]
    for state in saved:
        text = json.dumps(state)
        assert json.loads(text) == state
        assert len(text) < 14_000, "references, not 15 kB of image"
    assert saved[-1]["images"][0]["file"] == str(images.file)


async def test_it_can_be_stepped_with_a_checkpointer(images: OneImage) -> None:
    first = judge()
    audit = graph(first, images=images, checkpointer=InMemorySaver(), interrupt_before=["reconcile"])
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    await audit.ainvoke(given(), config)
    assert (await audit.aget_state(config)).next == ("reconcile",)
    state = await audit.ainvoke(None, config)
    assert state["review"]["trace_id"] == "run-1/answer-1"
    # The same thread, another trace: nothing of the first is left in the second's votes.
    await audit.ainvoke(given(trace(name="answer-2")), config)
    state = await audit.ainvoke(None, config)
    assert [one.key.trace_id for one in judgements(state)] == ["run-1/answer-2"]
    assert state["votes"][0]["votes"] == [4]


async def test_it_can_be_embedded_in_a_users_own_graph(images: OneImage) -> None:
    class Mine(TypedDict, total=False):
        trace: dict[str, Any]
        review: dict[str, Any]
        remark: str

    def remark(state: Mine) -> Mine:
        return {"remark": "to clinicians" if state["review"]["refers_by"] else "done"}

    builder = StateGraph(Mine)
    builder.add_node("audit", graph(judge(reply(verdict(1, 1))), images=images))
    builder.add_node("remark", remark)
    builder.add_edge(START, "audit")
    builder.add_edge("audit", "remark")
    builder.add_edge("remark", END)
    mine: Mine = {"trace": trace().model_dump(mode="json")}
    state = await builder.compile(checkpointer=InMemorySaver()).ainvoke(
        mine, {"configurable": {"thread_id": "1"}}
    )
    assert state["remark"] == "to clinicians"  # a right answer with scores of 1


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "no rubrics": ({"rubrics": ()}, r"rubrics \[\]: expected at least one"),
    "a judge twice": ({"judges": [judge(), judge()]}, "judges 'openai/judge-a': expected each name once"),
    "a dimension twice": ({"rubrics": (RUBRIC, RUBRIC)}, "dimensions 'features, rationality, spatial'"),
    "a mode twice": ({"rubrics": (MODES, MODES)}, "failure modes 'missed_finding, wrong_level'"),
    "no repeat": ({"repeats": 0}, "repeats 0: expected 1 or more"),
    "a share above one": ({"random_share": 1.5}, "random_share 1.5: expected a share"),
}


@pytest.mark.parametrize(("arguments", "message"), WRONG.values(), ids=WRONG)
def test_wrong_arguments_are_refused(arguments: dict[str, Any], message: str) -> None:
    given_arguments: dict[str, Any] = {"judges": [judge()], "rubrics": RUBRICS, **arguments}
    with pytest.raises(UsageError, match=message):
        audit_graph(given_arguments.pop("judges"), **given_arguments)


async def test_rubrics_that_do_not_apply_to_the_task_are_refused_before_any_call(images: OneImage) -> None:
    first = judge()
    only = RUBRIC.model_copy(update={"dimensions": RUBRIC.dimensions[2:]})
    with pytest.raises(UsageError, match="for task 'diagnosis'"):
        await graph(first, images=images, rubrics=(only,)).ainvoke(given())
    assert first.asked == []


def test_the_text_of_the_tests_holds_its_evidence() -> None:
    assert EVIDENCE in TEXT
