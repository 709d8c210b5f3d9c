"""The exam graph: compose, ask, extract by rule, extract by model where no rule fired, grade."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from spinebench.agents.asking import Asking
from spinebench.agents.extractor import extractor_request, is_unread, read_extractor_reply
from spinebench.agents.images import ImageSource
from spinebench.agents.options import presented
from spinebench.agents.personas import Persona
from spinebench.agents.state import ExamInput, ExamOutput, ExamState
from spinebench.evaluators.extraction import DEFAULT_PHRASES, EXTRACTION_VERSION, extract
from spinebench.evaluators.scoring import grade
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.records import AnswerStatus, DecodingOptions, Extraction, Item, Task

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
        examinee,
        gateway=gateway,
        images=images,
        personas=personas,
        decoding=decoding,
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


class _Nodes(Asking):
    """Asking, then reading and grading what came back."""

    def __init__(
        self,
        examinee: ChatModel,
        *,
        gateway: Gateway | None,
        images: ImageSource | None,
        personas: Mapping[str, Persona] | None,
        decoding: DecodingOptions | None,
        extractor: ChatModel | None,
        closing_phrases: Sequence[str] | None,
    ) -> None:
        super().__init__(examinee, gateway=gateway, images=images, personas=personas, decoding=decoding)
        self._extractor = extractor
        self._closing_phrases = closing_phrases

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
        request = extractor_request(reply["text"], item=item, options=options, tag=self.tag(state))
        call = await self.gateway.call(self._extractor, request, role="extractor")
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
