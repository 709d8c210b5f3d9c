"""A judge as users of openevals and LangSmith call it."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from PIL import Image

from spinebench.agents.judge_evaluator import JudgeEvaluator, judge_evaluator
from spinebench.audit_records import Blinding
from spinebench.errors import DataError, ProviderError, UsageError
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import FailureClass, FinishReason
from spinebench.rubrics.load import load_rubric
from tests.agents.audit_cases import EVIDENCE, MODES, RUBRIC, RUBRICS, TEXT, quick, reply, verdict
from tests.scripted_model import ScriptedModel, failure
from tests.servers.wire import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.servers.provider import ProviderServer
    from tests.servers.wire import Received

ASKED = {"question": "What is seen?", "options": ["Healthy", "Spondylolisthesis"]}


class Recording:
    """A judge that keeps its requests."""

    def __init__(self, said: Any = None) -> None:
        self.requests: list[ModelRequest] = []
        self.model = ScriptedModel(decide=self._decide, name="openai/judge")
        self._said = said if said is not None else reply(verdict(2, 3))

    def _decide(self, request: ModelRequest, _: int) -> Any:
        self.requests.append(request)
        return self._said

    @property
    def text(self) -> str:
        return self.requests[-1].messages[1].text


@pytest.fixture
def recording() -> Recording:
    return Recording()


@pytest.fixture
def evaluator(recording: Recording) -> Iterator[JudgeEvaluator]:
    with judge_evaluator(recording.model, rubrics=RUBRICS, gateway=quick()) as made:
        yield made


def test_all_dimensions_and_failure_modes_come_as_a_list(evaluator: JudgeEvaluator) -> None:
    results = evaluator(inputs="What is seen?", outputs=TEXT)
    assert results == [
        {"key": "rationality", "score": 2, "comment": f"The step is named and used.\n> {EVIDENCE}"},
        {"key": "features", "score": 3, "comment": f"The step is named and used.\n> {EVIDENCE}"},
        {"key": "missed_finding", "score": False, "comment": ""},
        {"key": "wrong_level", "score": False, "comment": ""},
    ]
    assert json.loads(json.dumps(results)) == results


def test_one_dimension_comes_alone() -> None:
    said = reply(verdict(modes=[{"mode": "wrong_level", "quotes": [EVIDENCE]}]))
    for key, score in (("features", 5), ("wrong_level", True), ("missed_finding", False)):
        with judge_evaluator(Recording(said).model, rubrics=RUBRICS, dimension=key) as one:
            result = one(inputs="What?", outputs=TEXT, reference_outputs="x")
        assert isinstance(result, dict)
        assert (result["key"], result["score"]) == (key, score)


async def test_it_can_be_awaited_and_called_within_a_running_loop(evaluator: JudgeEvaluator) -> None:
    awaited = await evaluator.evaluate(inputs="What is seen?", outputs=TEXT)
    assert awaited == evaluator(inputs="What is seen?", outputs=TEXT)


def test_it_can_be_called_from_many_threads(evaluator: JudgeEvaluator, recording: Recording) -> None:
    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(lambda n: evaluator(inputs=f"What? {n % 3}", outputs=TEXT), range(24)))
    assert results == [results[0]] * 24
    assert len(recording.requests) == 24


def test_a_closed_evaluator_takes_no_calls(evaluator: JudgeEvaluator) -> None:
    evaluator(inputs="What?", outputs=TEXT)
    evaluator.close()
    evaluator.close()
    with pytest.raises(UsageError, match="'openai/judge': expected an open evaluator"):
        evaluator(inputs="What?", outputs=TEXT)


@pytest.mark.parametrize("field", ["question", "input", "prompt"])
@pytest.mark.parametrize("said", ["text", "answer", "output", "response", "content"])
def test_questions_and_answers_go_by_their_usual_names(
    evaluator: JudgeEvaluator, recording: Recording, field: str, said: str
) -> None:
    evaluator(
        inputs={field: "Which level is it?", "options": ["L1", "L2"]},
        outputs={said: TEXT, "reasoning": "Hm."},
    )
    for wanted in ("Which level is it?", "A: L1\nB: L2", EVIDENCE, "Hm.", "asked without an image"):
        assert wanted in recording.text


def test_an_image_is_sent(evaluator: JudgeEvaluator, recording: Recording, tmp_path: Path) -> None:
    Image.new("RGB", (7, 5)).save(tmp_path / "a.png")
    evaluator(inputs={**ASKED, "images": [tmp_path / "a.png"]}, outputs=TEXT)
    (_, part) = recording.requests[0].messages[1].parts
    assert part.kind == "image"
    assert (part.image.width, part.image.height, part.image.media_type) == (7, 5, "image/png")


@pytest.mark.parametrize(
    "reference", ["Healthy", {"answer": "Healthy"}, ["Healthy"], {"answers": ["Healthy"]}]
)
def test_the_reference_is_shown_only_where_blinding_says_so(reference: Any) -> None:
    for gold in (False, True):
        recording = Recording()
        with judge_evaluator(recording.model, rubrics=RUBRICS, blinding=Blinding(gold=gold)) as one:
            one(inputs=ASKED, outputs=TEXT, reference_outputs=reference)
        assert ("RIGHT ANSWER\nA: Healthy" in recording.text) == gold


def test_a_reference_that_is_no_option_is_shown_as_text() -> None:
    recording = Recording()
    with judge_evaluator(recording.model, rubrics=RUBRICS, blinding=Blinding(gold=True)) as one:
        one(inputs="Why?", outputs=TEXT, reference_outputs="Because of the pars defect.")
    assert "RIGHT ANSWER\nBecause of the pars defect." in recording.text


NONE: dict[str, tuple[ModelReply | Exception, str]] = {
    "unparsed": (reply("I give it a 5."), "unparsed: there is no JSON object"),
    "refused": (reply("No.", FinishReason.REFUSAL), "refused"),
    "error": (failure(FailureClass.IMAGE, "the image is gone"), "error: the image is gone"),
}


@pytest.mark.parametrize(("said", "comment"), NONE.values(), ids=NONE)
def test_without_a_judgement_there_is_no_score(said: Any, comment: str) -> None:
    with judge_evaluator(Recording(said).model, rubrics=RUBRICS, gateway=quick()) as one:
        results = one(inputs="What?", outputs=TEXT)
    assert isinstance(results, list)
    assert [result["score"] for result in results] == [None] * 4
    assert all(result["comment"].startswith(comment) for result in results)


def test_a_wrong_key_is_raised() -> None:
    with (
        judge_evaluator(Recording(failure(FailureClass.AUTH, "no")).model, rubrics=RUBRICS) as one,
        pytest.raises(ProviderError),
    ):
        one(inputs="What?", outputs=TEXT)


WRONG: dict[str, tuple[Any, Any, str]] = {
    "no question": (
        {"options": ["a"]},
        TEXT,
        "inputs with the fields .*expected a text under exactly one of question",
    ),
    "two questions": ({"question": "a", "input": "b"}, TEXT, "exactly one of"),
    "an unknown field": ({"question": "a", "context": "b"}, TEXT, "nothing but images, input"),
    "a number": (3, TEXT, "inputs 'int': expected a text or a mapping"),
    "no answer": ("a", {"score": 3}, "outputs with the fields"),
    "a task": ({"question": "a", "task": "surgery"}, TEXT, "task 'surgery': expected one of diagnosis"),
}


@pytest.mark.parametrize(("inputs", "outputs", "message"), WRONG.values(), ids=WRONG)
def test_other_forms_are_refused(evaluator: JudgeEvaluator, inputs: Any, outputs: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        evaluator(inputs=inputs, outputs=outputs)


@pytest.mark.parametrize("content", [None, b"", b"GIF89a"], ids=["missing", "empty", "no image"])
def test_an_image_that_is_none_is_named(
    evaluator: JudgeEvaluator, tmp_path: Path, content: bytes | None
) -> None:
    path = tmp_path / "a.png"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.png'?: expected a PNG or JPEG file"):
        evaluator(inputs={**ASKED, "images": [path]}, outputs=TEXT)


def test_dimensions_have_to_be_known_and_to_apply() -> None:
    with pytest.raises(UsageError, match="dimension 'style': expected one of rationality, features, spatial"):
        judge_evaluator(Recording().model, rubrics=RUBRICS, dimension="style")
    with (
        judge_evaluator(Recording().model, rubrics=[RUBRIC, MODES], dimension="spatial") as one,
        pytest.raises(UsageError, match="'spatial' for task 'knowledge'"),
    ):
        one(inputs="What?", outputs=TEXT)


def test_a_model_string_and_the_packaged_rubric_do(
    provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Over HTTP: the server gives each dimension that the request's schema names a 3."""

    def answer(request: Received) -> Reply:
        form = request.body["response_format"]["json_schema"]["schema"]["properties"]
        names = form["scores"]["items"]["properties"]["dimension"]["enum"]
        scores = [{"dimension": name, "quotes": [EVIDENCE], "reason": "So.", "score": 3} for name in names]
        return Reply(text=json.dumps({"scores": scores, "claims": []}))

    provider_server.answer = answer
    monkeypatch.setenv("OPENAI_BASE_URL", provider_server.openai_url)
    with judge_evaluator("openai-compatible/judge") as one:
        results = one(inputs={**ASKED, "task": "localization"}, outputs=TEXT)
    assert isinstance(results, list)
    assert [result["key"] for result in results] == [one.id for one in load_rubric("reasoning").dimensions]
    assert {result["score"] for result in results} == {3}
