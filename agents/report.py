"""The report graph: compose, ask, find the sections. What a report is worth is for judges and clinicians to say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer

from spinebench.agents.asking import Asking
from spinebench.agents.exam import ExamGraph
from spinebench.agents.images import ImageSource
from spinebench.agents.personas import Persona
from spinebench.agents.state import ExamInput, ExamOutput, ExamState
from spinebench.agents.written import read_report
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.records import AnswerStatus, DecodingOptions


def report_graph(
    examinee: ChatModel,
    *,
    gateway: Gateway | None = None,
    images: ImageSource | None = None,
    personas: Mapping[str, Persona] | None = None,
    decoding: DecodingOptions | None = None,
    checkpointer: Checkpointer = None,
    interrupt_before: Sequence[str] = (),
) -> ExamGraph:
    """A compiled LangGraph graph that turns one report item into one report with its sections found.

    All images of the case go in one message. Arguments, input and output as `exam_graph`; the nodes are `compose`,
    `ask` and `find_sections`.
    """
    nodes = _Nodes(examinee, gateway=gateway, images=images, personas=personas, decoding=decoding)
    builder = StateGraph(ExamState, input_schema=ExamInput, output_schema=ExamOutput)
    builder.add_node("compose", nodes.compose)
    builder.add_node("ask", nodes.ask)
    builder.add_node("find_sections", nodes.find_sections)
    builder.add_edge(START, "compose")
    builder.add_edge("compose", "ask")
    builder.add_edge("ask", "find_sections")
    builder.add_edge("find_sections", END)
    return builder.compile(
        name="report", checkpointer=checkpointer, interrupt_before=list(interrupt_before) or None
    )


class _Nodes(Asking):
    async def find_sections(self, state: ExamState) -> ExamState:
        """Find the sections by their headings; what is missing shows by its absence."""
        reply = state["reply"]
        text = "" if reply is None else str(reply["text"])
        extraction, grade = read_report(text, status=AnswerStatus(state["status"]))
        return {"extraction": extraction.model_dump(mode="json"), "grade": grade.model_dump(mode="json")}
