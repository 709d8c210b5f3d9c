"""The exam graph: compose, ask, extract by rule, extract by model where no rule fired, grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from spinebench.agents.extractor import extractor_request, is_unread, read_extractor_reply
from spinebench.agents.images import ImageSource, NoImages
from spinebench.agents.options import AS_GIVEN, permutation, presented, written
from spinebench.agents.personas import PERSONAS, Persona, load_persona
from spinebench.agents.state import ExamInput, ExamOutput, ExamState
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.extraction import DEFAULT_PHRASES, EXTRACTION_VERSION, extract
from spinebench.evaluators.scoring import grade
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import ChatModel, ImagePart, Message, ModelRequest, RequestTag, TextPart
from spinebench.records import (
    AnswerStatus,
    DecodingOptions,
    Extraction,
    Failure,
    FailureClass,
    FinishReason,
    ImageCondition,
    Item,
    SentImage,
    Task,
    Usage,
)

ExamGraph = CompiledStateGraph[ExamState, None, ExamInput, ExamOutput]


def exam_graph(
    examinee: ChatModel,
    *,
    gateway: Gateway | None = None,
    images: ImageSource | None = None,
    personas: Mapping[str, Persona] | None = None,
    decoding: DecodingOptions | None = None,
    extractor: ChatModel | None = None,
    closing_phrases: Sequence[str] | None = None,
    checkpointer: Checkpointer = None,
    interrupt_before: Sequence[str] = (),
) -> ExamGraph:
    """A compiled LangGraph graph that turns one item into one graded answer.

    It takes an `ExamInput` and gives the whole `ExamState`; state is plain JSON, images travel as references.
    A batch run has no checkpointer: it resumes from its journal.

    Args:
        examinee: the model under test.
        gateway: limits, retries, budget and cache; one with default policy if None.
        images: where images come from; None refuses items that have images.
        personas: name -> persona that inputs may name, the first being the default; None: the packaged ones.
        decoding: options of every examinee call.
        extractor: model that reads replies in which no rule fired; None leaves them `unparsed`.
        closing_phrases: further patterns of closing phrases, see `evaluators.extraction`.
        checkpointer: for stepping the graph by itself: it keeps the state between the steps. In a user's own graph
            the outer graph's checkpointer serves both.
        interrupt_before: nodes to stop before, of `compose`, `ask`, `extract`, `extract_by_model`, `grade`.
    """
    nodes = _Nodes(
        examinee=examinee,
        gateway=gateway or Gateway(GatewayPolicy()),
        images=images or NoImages(),
        personas=dict(personas) if personas else {name: load_persona(name) for name in PERSONAS},
        decoding=decoding or DecodingOptions(),
        extractor=extractor,
        closing_phrases=closing_phrases,
    )
    builder = StateGraph(ExamState, input_schema=ExamInput, output_schema=ExamOutput)
    builder.add_node("compose", nodes.compose)
    builder.add_node("ask", nodes.ask)
    builder.add_node("extract", nodes.extract)
    builder.add_edge(START, "compose")
    builder.add_edge("compose", "ask")
    builder.add_edge("ask", "extract")
    builder.add_node("grade", nodes.grade)
    if extractor is None:
        builder.add_edge("extract", "grade")
    else:
        builder.add_node("extract_by_model", nodes.extract_by_model)
        builder.add_conditional_edges("extract", nodes.after_extract, ["extract_by_model", "grade"])
        builder.add_edge("extract_by_model", "grade")
    builder.add_edge("grade", END)
    return builder.compile(
        name="exam", checkpointer=checkpointer, interrupt_before=list(interrupt_before) or None
    )


class _Nodes:
    """The nodes, bound to what they work with. Each takes the state and returns what it adds to it."""

    def __init__(
        self,
        *,
        examinee: ChatModel,
        gateway: Gateway,
        images: ImageSource,
        personas: dict[str, Persona],
        decoding: DecodingOptions,
        extractor: ChatModel | None,
        closing_phrases: Sequence[str] | None,
    ) -> None:
        self._examinee = examinee
        self._gateway = gateway
        self._images = images
        self._personas = personas
        self._decoding = decoding
        self._extractor = extractor
        self._closing_phrases = closing_phrases

    async def compose(self, state: ExamState) -> ExamState:
        """Order the options, fill the persona's template, prepare the images."""
        item = Item.model_validate(state["item"])
        persona = self._persona(state)
        template = persona.template(item.task)
        order = permutation(state.get("option_order", AS_GIVEN), item_id=item.id, n_options=len(item.options))
        prompt = template.fill(question=item.question, options=written(presented(item.options, order)))
        composed: ExamState = {
            "permutation": list(order),
            "prompt": prompt,
            "prompt_hash": template.hash,
            "images": [],
            "failures": [],
        }
        try:
            parts = await self._images.show(item, ImageCondition(state.get("image_condition", "normal")))
        except DataError as error:
            failure = Failure(
                failure_class=FailureClass.IMAGE, message=str(error)[:2000], attempt=1, at=datetime.now(UTC)
            )
            return {**composed, "failures": [failure.model_dump(mode="json")]}
        composed["images"] = [
            {**part.image.model_dump(mode="json"), "file": str(part.file)} for part in parts
        ]
        return composed

    async def ask(self, state: ExamState) -> ExamState:
        """Put the question to the examinee, through the gateway. Nothing is sent if composing failed."""
        if state["failures"]:
            return {"reply": None, "status": AnswerStatus.ERROR.value, "request_hash": None, "attempts": 0}
        call = await self._gateway.call(self._examinee, self._request(state), role="examinee")
        return {
            "reply": None if call.reply is None else call.reply.model_dump(mode="json"),
            "status": reply_status(call).value,
            "request_hash": call.request_hash,
            "failures": [failure.model_dump(mode="json") for failure in call.failures],
            "attempts": call.attempts,
            "usage": call.usage.model_dump(mode="json"),
            "latency_s": call.latency_s,
            "reused": call.reused,
        }

    async def extract(self, state: ExamState) -> ExamState:
        """Read the chosen letters by rule, where there is a text to read."""
        status = AnswerStatus(state["status"])
        reply = state["reply"]
        text = "" if reply is None else str(reply["text"])
        item = Item.model_validate(state["item"])
        options = presented(item.options, state["permutation"])
        extraction = extract_reply(
            text, status=status, task=item.task, options=options, closing_phrases=self._closing_phrases
        )
        return {"extraction": extraction.model_dump(mode="json")}

    def after_extract(self, state: ExamState) -> Literal["extract_by_model", "grade"]:
        """To the model only where there is text, the reply is complete and no rule read it."""
        unread = is_unread(Extraction.model_validate(state["extraction"]))
        return "extract_by_model" if unread else "grade"

    async def extract_by_model(self, state: ExamState) -> ExamState:
        """Have the extractor model read the reply; where that fails too, the answer stays `unparsed`."""
        assert self._extractor is not None
        reply = state["reply"]
        assert reply is not None
        item = Item.model_validate(state["item"])
        options = presented(item.options, state["permutation"])
        request = extractor_request(reply["text"], item=item, options=options, tag=self._tag(state))
        call = await self._gateway.call(self._extractor, request, role="extractor")
        added: ExamState = {
            "extractor_usage": call.usage.model_dump(mode="json"),
            "failures": [*state["failures"], *(failure.model_dump(mode="json") for failure in call.failures)],
        }
        if call.reply is not None:
            extraction = read_extractor_reply(
                call.reply.text, model=self._extractor.name, task=item.task, options=options
            )
            added["extraction"] = extraction.model_dump(mode="json")
        return added

    async def grade(self, state: ExamState) -> ExamState:
        """Hold the extraction against the gold answer."""
        item = Item.model_validate(state["item"])
        graded = grade(item, Extraction.model_validate(state["extraction"]), permutation=state["permutation"])
        return {"grade": graded.model_dump(mode="json")}

    def _persona(self, state: ExamState) -> Persona:
        name = state.get("persona", next(iter(self._personas)))
        try:
            return self._personas[name]
        except KeyError:
            raise UsageError(
                f"persona {name!r}: expected one of {', '.join(self._personas)}; "
                "name one of these, or give it to exam_graph(personas=...)"
            ) from None

    def _tag(self, state: ExamState) -> RequestTag:
        return RequestTag(
            item_id=state["item"]["id"],
            persona=self._persona(state).name,
            image_condition=ImageCondition(state.get("image_condition", "normal")),
            option_permutation=tuple(state["permutation"]),
            epoch=state.get("epoch", 1),
        )

    def _request(self, state: ExamState) -> ModelRequest:
        parts: list[TextPart | ImagePart] = [TextPart(text=state["prompt"])]
        for entry in state["images"]:
            image = SentImage.model_validate({key: value for key, value in entry.items() if key != "file"})
            parts.append(ImagePart(image=image, file=Path(entry["file"])))
        return ModelRequest(
            messages=(Message(role="user", parts=tuple(parts)),),
            decoding=self._decoding,
            tag=self._tag(state),
        )


def reply_status(call: Call) -> AnswerStatus:
    """What the reply alone tells: `answered` means that there is a complete text to extract from."""
    reply = call.reply
    if reply is None:
        return AnswerStatus.ERROR
    if reply.finish_reason is FinishReason.FILTER:
        return AnswerStatus.FILTERED
    if reply.finish_reason is FinishReason.REFUSAL or (reply.refusal and not reply.text.strip()):
        return AnswerStatus.REFUSED
    if reply.finish_reason is FinishReason.LENGTH:
        return AnswerStatus.TRUNCATED
    return AnswerStatus.ANSWERED if reply.text.strip() else AnswerStatus.NO_ANSWER


def extract_reply(
    text: str,
    *,
    status: AnswerStatus,
    task: Task,
    options: Sequence[str],
    closing_phrases: Sequence[str] | None = None,
) -> Extraction:
    """The extraction by rule of a reply with a known `reply_status`; also used by `spinebench score`.

    A refusal, a filter stop, an error and an empty reply keep their status. A truncated text counts as answered
    only where a complete declaration stands in it; otherwise it stays `truncated`.
    """
    if status in {AnswerStatus.ANSWERED, AnswerStatus.TRUNCATED}:
        phrases = None if closing_phrases is None else (*DEFAULT_PHRASES.patterns, *closing_phrases)
        extraction = extract(text, task=task, options=options, phrases=phrases)
        if status is AnswerStatus.ANSWERED or _complete(extraction, text):
            return extraction
        return Extraction(status=AnswerStatus.TRUNCATED, rule=extraction.rule, version=extraction.version)
    return Extraction(status=status, version=EXTRACTION_VERSION)


def _complete(extraction: Extraction, text: str) -> bool:
    """Whether a declaration in a cut-off text is closed: bracketed, or followed by more text."""
    if extraction.status is not AnswerStatus.ANSWERED or extraction.span is None:
        return False
    start, end = extraction.span
    closed = text[start:end].rstrip("*_ .`")[-1:] in {"]", ")", "}", "$"}
    return closed or bool(text[end:].strip())


def usage_of(state: ExamState) -> Usage:
    """Usage of the examinee's call; empty where nothing was sent."""
    usage: dict[str, Any] | None = state.get("usage")
    return Usage() if usage is None else Usage.model_validate(usage)
