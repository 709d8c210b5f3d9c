"""The consultation graph: a scripted patient says one thing after another, the model replies to each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.types import Checkpointer

from spinebench.agents.asking import NOT_SENT, Asking, reply_status
from spinebench.agents.exam import ExamGraph
from spinebench.agents.images import ImageSource
from spinebench.agents.personas import Persona
from spinebench.agents.state import ExamInput, ExamOutput, ExamState
from spinebench.agents.written import read_consultation
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel, Message, TextPart
from spinebench.models.spending import added_usage
from spinebench.records import AnswerStatus, DecodingOptions, Item, Turn


def consultation_graph(
    examinee: ChatModel,
    *,
    gateway: Gateway | None = None,
    images: ImageSource | None = None,
    personas: Mapping[str, Persona] | None = None,
    decoding: DecodingOptions | None = None,
    checkpointer: Checkpointer = None,
    interrupt_before: Sequence[str] = (),
) -> ExamGraph:
    """A compiled LangGraph graph that plays one consultation item to its end.

    The first message holds the persona, the case with its images and the patient's first words; what the patient
    says next is the script's, whatever the model replied. A turn without a text ends the consultation. Each turn is a
    call of its own, so that one that fails is asked again with the turns before it taken from the cache. Arguments,
    input and output as `exam_graph`; the nodes are `compose`, `turn` (once per turn) and `close`.
    """
    nodes = _Nodes(examinee, gateway=gateway, images=images, personas=personas, decoding=decoding)
    builder = StateGraph(ExamState, input_schema=ExamInput, output_schema=ExamOutput)
    builder.add_node("compose", nodes.compose)
    builder.add_node("turn", nodes.turn)
    builder.add_node("close", nodes.close)
    builder.add_edge(START, "compose")
    builder.add_edge("compose", "turn")
    builder.add_conditional_edges("turn", nodes.after_turn, ["turn", "close"])
    builder.add_edge("close", END)
    return builder.compile(
        name="consultation", checkpointer=checkpointer, interrupt_before=list(interrupt_before) or None
    )


class _Nodes(Asking):
    async def turn(self, state: ExamState) -> ExamState:
        """The patient's next words, and the reply to them."""
        if "status" not in state and state["failures"]:
            return NOT_SENT
        script = _script(state)
        turns = [Turn.model_validate(turn) for turn in state.get("turns", [])]
        said: list[Message] = []
        for number, turn in enumerate(turns):
            said += [_message("assistant", turn.text), _message("user", script[number + 1])]
        call = await self.gateway.call(self.examinee, self.request(state, *said), role="examinee")
        status = reply_status(call)
        reply = call.reply
        if reply is not None:
            turns.append(
                Turn(
                    patient=script[len(turns)],
                    text=reply.text,
                    reasoning=reply.reasoning,
                    finish_reason=reply.finish_reason,
                    request_hash=call.request_hash,
                    response_id=reply.response_id,
                    usage=call.usage,
                    latency_s=call.latency_s,
                    reused=call.reused,
                )
            )
        text = "\n\n".join(turn.text for turn in turns if turn.text.strip())
        seconds = [turn.latency_s for turn in turns if turn.latency_s is not None]
        return {
            "turns": [turn.model_dump(mode="json") for turn in turns],
            "reply": None if reply is None else {**reply.model_dump(mode="json"), "text": text},
            "status": status.value,
            "request_hash": call.request_hash,
            "failures": [*state["failures"], *(one.model_dump(mode="json") for one in call.failures)],
            "attempts": state.get("attempts", 0) + call.attempts,
            "usage": added_usage(turn.usage for turn in turns).model_dump(mode="json"),
            "latency_s": sum(seconds) if seconds else None,
            "reused": call.reused and state.get("reused", True),
        }

    def after_turn(self, state: ExamState) -> Literal["turn", "close"]:
        """On with the script while the model replies."""
        going = state["status"] == AnswerStatus.ANSWERED.value
        return "turn" if going and len(state["turns"]) < len(_script(state)) else "close"

    async def close(self, state: ExamState) -> ExamState:
        """Say whether every turn has a reply."""
        turns = tuple(Turn.model_validate(turn) for turn in state.get("turns", []))
        extraction, grade = read_consultation(
            turns, n_turns=len(_script(state)), status=AnswerStatus(state["status"])
        )
        return {"extraction": extraction.model_dump(mode="json"), "grade": grade.model_dump(mode="json")}


def _script(state: ExamState) -> Sequence[str]:
    case = Item.model_validate(state["item"]).case
    assert case is not None, "the reader refuses a consultation without a script"
    return case.turns


def _message(role: Literal["user", "assistant"], text: str) -> Message:
    return Message(role=role, parts=(TextPart(text=text),))
