"""The exam graph as a LangGraph user meets it: drawn, stepped, embedded, with plain JSON in its state."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypedDict

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import END, START, StateGraph

from spinebench.agents.exam import exam_graph
from spinebench.agents.images import ImageSource
from spinebench.errors import DataError, UsageError
from spinebench.models.gateway import Gateway, GatewayPolicy
from spinebench.models.protocol import ImagePart, ModelReply, ModelRequest
from spinebench.records import (
    DecodingOptions,
    FailureClass,
    FinishReason,
    ImageCondition,
    ImageRef,
    Item,
    SentImage,
    Task,
    Usage,
)
from tests.scripted_model import ScriptedModel, failure

if TYPE_CHECKING:
    from langchain_core.runnables import RunnableConfig

    from spinebench.agents.state import ExamInput

DISEASES = ("Osteophytes", "Healthy", "Spondylolisthesis", "Vertebral collapse", "Foraminal stenosis")
ITEM = Item(
    id="d-1",
    benchmark="pathology",
    task=Task.DIAGNOSIS,
    question="What is seen?",
    options=DISEASES,
    gold=("Healthy",),
    images=(ImageRef(path="a.png"),),
    disease="Healthy",
    cluster="a.png",
)
LOCALIZATION = Item(
    id="l-1",
    benchmark="pathology",
    task=Task.LOCALIZATION,
    question="Which levels?",
    options=("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"),
    gold=("L4/L5", "L5/S1"),
    levels=("L4/L5", "L5/S1"),
    cluster="b.png",
)
UNREADABLE = "Both seem possible to me and the image is of poor quality; I would look at it again tomorrow."


class OneImage:
    """Shows the same bytes for every item."""

    def __init__(self, file: Path, *, content: bytes = b"\x89PNG-not-really" * 1000) -> None:
        file.write_bytes(content)
        self.file = file
        self.asked: list[tuple[str, ImageCondition]] = []

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        self.asked.append((item.id, condition))
        if condition is ImageCondition.NONE:
            return ()
        sent = SentImage(
            source_path="a.png",
            source_sha256=None,
            sha256="ab" * 32,
            media_type="image/png",
            width=4,
            height=4,
            n_bytes=self.file.stat().st_size,
            transform="as_is",
        )
        return (ImagePart(image=sent, file=self.file),)


class NoImageToday:
    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        raise DataError("image 'a.png': expected a file, there is none; restore it")


@pytest.fixture
def images(tmp_path: Path) -> OneImage:
    return OneImage(tmp_path / "a.png")


def reply(text: str, finish: FinishReason = FinishReason.STOP, **more: Any) -> ModelReply:
    return ModelReply(text=text, finish_reason=finish, usage=Usage(input_tokens=7, output_tokens=3), **more)


def quick(**policy: Any) -> Gateway:
    return Gateway(GatewayPolicy(backoff_initial_s=0.001, **policy))


def given(item: Item = ITEM, **more: Any) -> ExamInput:
    return {"item": item.model_dump(mode="json"), **more}  # type: ignore[typeddict-item]


async def test_an_item_becomes_a_graded_answer(images: OneImage) -> None:
    model = ScriptedModel([reply("Smooth contours.\nMy final option: [B]")])
    state = await exam_graph(model, gateway=quick(), images=images).ainvoke(given())
    assert state["status"] == "answered"
    assert state["extraction"]["letters"] == ["B"]
    assert state["grade"]["correct"] is True
    assert state["grade"]["outcome"] == "correct_healthy"
    assert state["usage"]["input_tokens"] == 7
    assert "What is seen?" in state["prompt"]
    assert "B: Healthy" in state["prompt"]


@pytest.mark.parametrize("extractor", [None, ScriptedModel()], ids=["rules only", "with extractor"])
def test_it_can_be_drawn(extractor: ScriptedModel | None) -> None:
    drawn = exam_graph(ScriptedModel(), extractor=extractor).get_graph().draw_mermaid()
    nodes = ["compose", "ask", "extract", "grade"]
    for name in nodes:
        assert f"{name}({name})" in drawn
    assert ("extract_by_model" in drawn) == (extractor is not None)


async def test_it_can_be_streamed_node_by_node(images: OneImage) -> None:
    graph = exam_graph(ScriptedModel(), gateway=quick(), images=images)
    steps = [next(iter(update)) async for update in graph.astream(given(), stream_mode="updates")]
    assert steps == ["compose", "ask", "extract", "grade"]


async def test_it_can_be_stepped_and_changed_between_the_steps(images: OneImage) -> None:
    model = ScriptedModel()
    graph = exam_graph(
        model, gateway=quick(), images=images, checkpointer=InMemorySaver(), interrupt_before=["ask"]
    )
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    await graph.ainvoke(given(), config)
    waiting = await graph.aget_state(config)
    assert waiting.next == ("ask",)
    assert model.asked == []
    await graph.aupdate_state(config, {"prompt": waiting.values["prompt"] + "\nBe brief."})
    state = await graph.ainvoke(None, config)
    assert state["grade"]["correct"] is True
    assert model.asked[0][1].endswith("Be brief.")


async def test_it_can_be_embedded_in_a_graph_with_a_checkpointer(images: OneImage) -> None:
    class Mine(TypedDict, total=False):
        item: dict[str, Any]
        grade: dict[str, Any]
        remark: str

    def remark(state: Mine) -> Mine:
        return {"remark": "right" if state["grade"]["correct"] else "wrong"}

    saver = InMemorySaver()
    builder = StateGraph(Mine)
    builder.add_node("exam", exam_graph(ScriptedModel(), gateway=quick(), images=images))
    builder.add_node("remark", remark)
    builder.add_edge(START, "exam")
    builder.add_edge("exam", "remark")
    builder.add_edge("remark", END)
    graph = builder.compile(checkpointer=saver, interrupt_before=["remark"])
    config: RunnableConfig = {"configurable": {"thread_id": "1"}}
    item: Mine = {"item": ITEM.model_dump(mode="json")}
    assert "remark" not in await graph.ainvoke(item, config)
    assert (await graph.ainvoke(None, config))["remark"] == "right"


async def test_its_state_is_json_and_holds_no_image_bytes(images: OneImage) -> None:
    graph = exam_graph(
        ScriptedModel([reply("My final option: [B]", reasoning="hm")]), gateway=quick(), images=images
    )
    saved: list[Any] = [state async for state in graph.astream(given(), stream_mode="values")]
    for state in saved:
        text = json.dumps(state)
        assert json.loads(text) == state
        assert len(text) < 10_000, "references, not 16 kB of image"
    assert saved[-1]["images"][0]["file"] == str(images.file)
    assert saved[-1]["reply"]["reasoning"] == "hm"


async def test_the_default_persona_is_the_first_and_an_unknown_one_is_refused(images: OneImage) -> None:
    graph = exam_graph(ScriptedModel(), gateway=quick(), images=images)
    assert "spine surgeon" in (await graph.ainvoke(given()))["prompt"]
    assert "radiologist" in (await graph.ainvoke(given(persona="radiologist")))["prompt"]
    with pytest.raises(UsageError, match="'wizard': expected one of surgeon, radiologist, none"):
        await graph.ainvoke(given(persona="wizard"))


async def test_an_option_order_is_recorded_and_undone(images: OneImage) -> None:
    """Rotated by two places, Healthy (index 1) is shown last, as E."""
    model = ScriptedModel([reply("My final option: [E]")])
    state = await exam_graph(model, gateway=quick(), images=images).ainvoke(given(option_order="rotation:2"))
    assert state["permutation"] == [2, 3, 4, 0, 1]
    assert "E: Healthy" in state["prompt"]
    assert state["grade"]["chosen"] == ["Healthy"]
    assert state["grade"]["correct"] is True


async def test_the_request_carries_decoding_image_and_tag_but_no_gold(images: OneImage) -> None:
    seen: list[ModelRequest] = []

    def decide(request: ModelRequest, _: int) -> ModelReply:
        seen.append(request)
        return reply("My final option: [B]")

    graph = exam_graph(
        ScriptedModel(decide=decide),
        gateway=quick(),
        images=images,
        decoding=DecodingOptions(temperature=0.3, max_tokens=50),
    )
    await graph.ainvoke(given(image_condition="normal", epoch=2, persona="none"))
    (request,) = seen
    assert request.decoding == DecodingOptions(temperature=0.3, max_tokens=50)
    assert [part.kind for part in request.messages[0].parts] == ["text", "image"]
    assert request.tag is not None
    assert (request.tag.item_id, request.tag.epoch, request.tag.persona) == ("d-1", 2, "none")
    assert "gold" not in request.model_dump_json()


async def test_an_image_that_cannot_be_used_asks_nobody() -> None:
    model = ScriptedModel()
    source: ImageSource = NoImageToday()
    state = await exam_graph(model, gateway=quick(), images=source).ainvoke(given())
    assert model.asked == []
    assert state["status"] == "error"
    assert state["failures"][0]["failure_class"] == "image"
    assert state["grade"]["correct"] is False
    assert state["grade"]["outcome"] == "not_answered"


async def test_without_a_source_an_item_with_images_is_an_error_unless_none_are_shown() -> None:
    graph = exam_graph(ScriptedModel(), gateway=quick())
    assert (await graph.ainvoke(given()))["status"] == "error"
    assert (await graph.ainvoke(given(image_condition="none")))["status"] == "answered"
    assert (await graph.ainvoke(given(LOCALIZATION)))["status"] == "answered"


REPLIES = {
    "stop": (reply("My final option: [B]"), "answered", "answered"),
    "nothing": (reply("  \n"), "no_answer", "no_answer"),
    "refused": (reply("No.", FinishReason.REFUSAL), "refused", "refused"),
    "refusal field": (reply("", refusal="I cannot"), "refused", "refused"),
    "filtered": (reply("", FinishReason.FILTER), "filtered", "filtered"),
    "filtered with text": (reply("My final option: [B]", FinishReason.FILTER), "filtered", "filtered"),
    "cut off": (reply("The disc at", FinishReason.LENGTH), "truncated", "truncated"),
    "cut off in the declaration": (
        reply("My final option: [B", FinishReason.LENGTH),
        "truncated",
        "truncated",
    ),
    "cut off after it": (reply("My final option: [B]", FinishReason.LENGTH), "truncated", "answered"),
    "unreadable": (reply(UNREADABLE), "answered", "unparsed"),
}


@pytest.mark.parametrize(("said", "status", "read"), REPLIES.values(), ids=REPLIES)
async def test_what_becomes_of_a_reply(images: OneImage, said: ModelReply, status: str, read: str) -> None:
    state = await exam_graph(ScriptedModel([said]), gateway=quick(), images=images).ainvoke(given())
    assert state["status"] == status
    assert state["extraction"]["status"] == read
    assert state["grade"]["correct"] == (read == "answered")


async def test_failed_attempts_are_kept_also_when_the_answer_came_in_the_end(images: OneImage) -> None:
    model = ScriptedModel([failure(FailureClass.SERVER), failure(FailureClass.TIMEOUT)])
    state = await exam_graph(model, gateway=quick(), images=images).ainvoke(given())
    assert [one["failure_class"] for one in state["failures"]] == ["server", "timeout"]
    assert (state["attempts"], state["status"]) == (3, "answered")


@pytest.mark.parametrize(
    ("text", "asked"),
    [
        ("My final option: [B]", False),  # a rule reads it
        ("My final option: [A, B]", False),  # a rule reads it, as no single choice
        ("", False),  # nothing to read
        (UNREADABLE, True),
    ],
)
async def test_the_extractor_is_asked_only_where_no_rule_fired(
    images: OneImage, text: str, asked: bool
) -> None:
    reader = ScriptedModel([reply('{"letters": ["B"]}')], name="openai/reader")
    graph = exam_graph(ScriptedModel([reply(text)]), gateway=quick(), images=images, extractor=reader)
    state = await graph.ainvoke(given())
    assert len(reader.asked) == asked
    assert (state["extraction"]["rule"] == "model:openai/reader") == asked
    assert state["grade"]["correct"] == (asked or text == "My final option: [B]")
    if asked:
        assert state["extractor_usage"]["input_tokens"] == 7


async def test_an_extractor_that_fails_leaves_the_reply_unparsed_and_says_so(images: OneImage) -> None:
    reader = ScriptedModel(otherwise=failure(FailureClass.SERVER, "down"), name="openai/reader")
    graph = exam_graph(
        ScriptedModel([reply(UNREADABLE)]), gateway=quick(max_retries=1), images=images, extractor=reader
    )
    state = await graph.ainvoke(given())
    assert state["status"] == "answered"
    assert state["extraction"]["status"] == "unparsed"
    assert [one["message"].partition(";")[0] for one in state["failures"]] == ["down", "down"]


async def test_further_closing_phrases_are_read_beside_the_usual_ones() -> None:
    texts = ["Verdict>>> C", "My final option: [C]"]
    graph = exam_graph(
        ScriptedModel([reply(text) for text in texts]), gateway=quick(), closing_phrases=["Verdict>>>"]
    )
    for _ in texts:
        state = await graph.ainvoke(given(image_condition="none"))
        assert state["extraction"]["letters"] == ["C"]


async def test_levels_are_graded_as_a_set() -> None:
    model = ScriptedModel([reply("My final options: [D]")])
    state = await exam_graph(model, gateway=quick()).ainvoke(given(LOCALIZATION))
    grade = state["grade"]
    assert (grade["outcome"], grade["precision"], grade["recall"]) == ("missed_levels", 1.0, 0.5)


def test_the_development_server_finds_the_graph(monkeypatch: pytest.MonkeyPatch) -> None:
    import importlib.util

    root = Path(__file__).resolve().parents[2]
    entry = json.loads((root / "langgraph.json").read_text())["graphs"]["exam"]
    path, _, name = entry.partition(":")
    spec = importlib.util.spec_from_file_location("dev_server_under_test", root / path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.delenv("SPINEBENCH_DEV_BENCHMARK", raising=False)
    assert "compose" in getattr(module, name)().get_graph().draw_mermaid()


async def test_the_development_servers_graph_sits_an_item_of_a_benchmark(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    from spinebench.benchmarks import load_benchmark
    from spinebench.runs.dev_server import exam
    from tests.exams import write_exam

    file = write_exam(tmp_path / "bench", n=2).file
    monkeypatch.setenv("SPINEBENCH_DEV_BENCHMARK", str(file))
    monkeypatch.setenv("SPINEBENCH_DEV_MODEL", "baseline/random")
    item = load_benchmark(file).items[0]
    state = await exam().ainvoke({"item": item.model_dump(mode="json")})
    assert state["status"] == "answered"
    assert state["images"][0]["source_path"] == item.images[0].path
