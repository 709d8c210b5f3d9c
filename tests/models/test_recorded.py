"""Recorded answers come back byte for byte, or not at all."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import DataError, UsageError
from spinebench.models.protocol import (
    ChatModel,
    Message,
    ModelFailure,
    ModelReply,
    ModelRequest,
    RequestTag,
    TextPart,
)
from spinebench.models.recorded import RecordedModel
from spinebench.models.registry import create_model
from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    Extraction,
    FailureClass,
    FinishReason,
    Grade,
    ImageCondition,
    JournalEntry,
    Outcome,
    Scored,
    Usage,
)

Write = Callable[..., Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """`write(*records)`: a JSONL file; text goes in as it is."""

    def write_file(*records: dict[str, Any] | str) -> Path:
        file = tmp_path / "answers.jsonl"
        lines = [record if isinstance(record, str) else json.dumps(record) for record in records]
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
        return file

    return write_file


def record(item_id: str = "i1", text: str = "My final option: [A]", **more: Any) -> dict[str, Any]:
    return {"item_id": item_id, "text": text, **more}


def ask(item_id: str = "i1", **tag: Any) -> ModelRequest:
    question = Message(role="user", parts=(TextPart(text="Which?"),))
    return ModelRequest(messages=(question,), tag=RequestTag(item_id=item_id, **tag))


def answer(file: Path, request: ModelRequest, **args: Any) -> ModelReply:
    async def run() -> ModelReply:
        model = create_model(f"recorded/{file}", args=args)
        try:
            return await model.generate(request)
        finally:
            await model.aclose()

    return asyncio.run(run())


def refused(file: Path, request: ModelRequest) -> str:
    with pytest.raises(ModelFailure) as failed:
        answer(file, request)
    assert failed.value.failure_class is FailureClass.BAD_REQUEST
    return failed.value.message


def test_it_is_a_chat_model_of_this_machine(write: Write) -> None:
    file = write(record())
    model = create_model(f"recorded:{file}")
    assert isinstance(model, ChatModel)
    assert (model.host, model.simulated, model.account) == (None, False, "recorded")
    assert model.config["answers"] == 1
    assert str(file) not in json.dumps(model.config)
    asyncio.run(model.check())
    asyncio.run(model.aclose())
    with pytest.raises(ModelFailure, match="closed"):
        asyncio.run(model.generate(ask()))


def test_all_that_was_recorded_comes_back(write: Write) -> None:
    file = write(
        record(
            text=" Ä\r\n[B] ",
            reasoning="because",
            finish_reason="length",
            refusal="no",
            model="org/model",
            usage={"input_tokens": 5, "output_tokens": 7, "cost_usd": 0.5},
        )
    )
    assert answer(file, ask()) == ModelReply(
        text=" Ä\r\n[B] ",
        reasoning="because",
        finish_reason=FinishReason.LENGTH,
        refusal="no",
        usage=Usage(input_tokens=5, output_tokens=7),
        provider_model="org/model",
    )


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_is_kept_byte_for_byte(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.mktemp("recorded") / "answers.jsonl"
    file.write_text(json.dumps(record(text=text), ensure_ascii=False) + "\n", encoding="utf-8", newline="")
    assert answer(file, ask()).text == text


@pytest.mark.parametrize(
    ("tag", "text"),
    [
        pytest.param({}, "any", id="nothing stated"),
        pytest.param({"persona": "surgeon"}, "surgeon", id="persona"),
        pytest.param({"persona": "surgeon", "epoch": 2}, "surgeon, second", id="the closest record"),
        pytest.param({"persona": "radiologist", "epoch": 2}, "any", id="no closer record"),
        pytest.param({"image_condition": ImageCondition.BLANK}, "blank", id="image condition"),
        pytest.param({"option_permutation": (1, 0)}, "turned", id="option order"),
        pytest.param({"option_permutation": (0, 1)}, "any", id="as given, written out"),
        pytest.param({"role": "judge"}, "judged", id="role"),
    ],
)
def test_the_record_that_fits_best_answers(write: Write, tag: dict[str, Any], text: str) -> None:
    file = write(
        record(text="any"),
        record(text="surgeon", persona="surgeon"),
        record(text="surgeon, second", persona="surgeon", epoch=2),
        record(text="blank", image_condition="blank"),
        record(text="turned", option_permutation=[1, 0]),
        record(text="judged", role="judge"),
        record("i2", text="another item"),
    )
    assert answer(file, ask(**tag)).text == text


@pytest.mark.parametrize(
    ("kept", "tag", "said"),
    [
        pytest.param({}, {"item_id": "i9"}, "no recorded answer for item 'i9'", id="another item"),
        pytest.param({"persona": "none"}, {"persona": "surgeon"}, "no recorded answer", id="another persona"),
        pytest.param({"epoch": 1}, {"epoch": 2}, "no recorded answer", id="another epoch"),
        pytest.param({}, {"role": "extractor"}, "no recorded answer", id="another role"),
        pytest.param(
            {},
            {"option_permutation": (2, 0, 1)},
            r"as given, the request presents \[2, 0, 1\]",
            id="shuffled now",
        ),
        pytest.param(
            {"option_permutation": [2, 0, 1]},
            {},
            r"option order \[2, 0, 1\], the request presents as given",
            id="shuffled then",
        ),
    ],
)
def test_an_answer_to_another_question_is_never_given(
    write: Write, kept: dict[str, Any], tag: dict[str, Any], said: str
) -> None:
    import re

    assert re.search(said, refused(write(record(**kept)), ask(**tag)))


def test_two_records_that_fit_equally_are_not_chosen_between(write: Write) -> None:
    file = write(record(persona="surgeon"), record(epoch=1))
    assert "lines 1, 2" in refused(file, ask(persona="surgeon", epoch=1))


def test_a_request_without_a_tag_is_refused(write: Write) -> None:
    assert "without a tag" in refused(write(record()), ask().model_copy(update={"tag": None}))


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        pytest.param(['{"item_id": "a", "text": '], "line 1: .*JSON", id="broken JSON"),
        pytest.param(["[]"], "line 1: expected a JSON object, got list", id="no object"),
        pytest.param([record(), "", "nonsense"], "line 3: ", id="later line"),
        pytest.param([{"item_id": "a"}], "line 1: text: Field required", id="no text"),
        pytest.param([{"text": "a"}], "line 1: item_id: Field required", id="no item"),
        pytest.param([record(answer="B")], "line 1: answer: .*got 'B'", id="unknown field"),
        pytest.param([{"item_id": "a", "text": None}], "line 1: text: ", id="null text"),
        pytest.param([record(epoch=0)], "line 1: epoch: .*got 0", id="epoch"),
        pytest.param([record(image_condition="dark")], "line 1: image_condition: ", id="image condition"),
        pytest.param(
            [record(option_permutation=[0, 2])], r"option_permutation \[0, 2\]: expected", id="order"
        ),
        pytest.param([record(), record(text="B")], "line 2: item 'i1': .* line 1 has the same", id="twice"),
        pytest.param([], "expected at least one answer", id="empty"),
        pytest.param(["", "  "], "expected at least one answer", id="blank lines"),
    ],
)
def test_a_wrong_file_is_refused_with_the_line(write: Write, lines: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said) as error:
        create_model(f"recorded/{write(*lines)}")
    assert "; " in str(error.value)


def test_bytes_that_are_no_text_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_bytes(b'{"item_id": "a", "text": "\xff"}\n')
    with pytest.raises(DataError, match="line 1"):
        create_model(f"recorded/{file}")


@pytest.mark.parametrize("name", ["missing.jsonl", "."])
def test_a_file_that_cannot_be_opened(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match="expected a readable file"):
        create_model(f"recorded/{tmp_path / name}")


def test_a_byte_order_mark_is_no_part_of_the_answers(tmp_path: Path) -> None:
    file = tmp_path / "answers.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + json.dumps(record(text="B")).encode())
    assert answer(file, ask()).text == "B"


def test_one_of_several_models_has_to_be_chosen(write: Write) -> None:
    file = write(record(text="1", model="m/one"), record(text="2", model="m/two"), record("i2", text="all"))
    with pytest.raises(UsageError, match="it holds m/one, m/two; choose one with -M model=m/one"):
        create_model(f"recorded/{file}")
    with pytest.raises(UsageError, match="expected one of m/one, m/two"):
        create_model(f"recorded/{file}", args={"model": "m/three"})
    assert answer(file, ask(), model="m/two").text == "2"
    assert answer(file, ask("i2"), model="m/two").text == "all"


def test_an_unknown_option_is_refused(write: Write) -> None:
    with pytest.raises(UsageError, match="'persona'"):
        create_model(f"recorded/{write(record())}", args={"persona": "surgeon"})


# ------------------------------------------------------------ journals


def entry(
    text: str,
    *,
    item_id: str = "i1",
    model: str = "openai/gpt",
    epoch: int = 1,
    status: AnswerStatus = AnswerStatus.ANSWERED,
    permutation: tuple[int, ...] = (0, 1),
    order: str = "as_given",
) -> str:
    key = AnswerKey(
        item_id=item_id,
        model=model,
        persona="surgeon",
        image_condition=ImageCondition.NORMAL,
        option_order=order,
        epoch=epoch,
    )
    kept = Answer(
        key=key,
        run_id="r",
        status=status,
        text=text,
        reasoning="thought",
        finish_reason=None if status is AnswerStatus.REFUSED else FinishReason.STOP,
        option_permutation=permutation,
        prompt_hash="0" * 64,
        response_id="resp-1",
        provider_model="gpt-2026",
        usage=Usage(input_tokens=1, output_tokens=2, cost_usd=3.0),
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    return JournalEntry(answer=kept).model_dump_json()


def later_score() -> str:
    whole = JournalEntry.model_validate_json(entry("x"))
    assert whole.answer is not None
    scored = Scored(
        key=whole.answer.key,
        run_id="r",
        extraction=Extraction(status=AnswerStatus.NO_ANSWER, version="1"),
        grade=Grade(correct=False, gold=("Healthy",), outcome=Outcome.NOT_ANSWERED, version="1"),
        at=datetime(2026, 11, 20, tzinfo=UTC),
    )
    return JournalEntry(scored=scored).model_dump_json()


def test_a_runs_journal_is_replayed(write: Write) -> None:
    file = write(
        entry("failed", status=AnswerStatus.ERROR),
        entry("[A]"),
        entry("[B], asked again"),
        later_score(),
        entry("turned", permutation=(1, 0), order="shuffled:1"),
        entry("refused", item_id="i2", status=AnswerStatus.REFUSED),
    )
    assert answer(file, ask(persona="surgeon")) == ModelReply(
        text="[B], asked again",
        reasoning="thought",
        finish_reason=FinishReason.STOP,
        usage=Usage(input_tokens=1, output_tokens=2),
        provider_model="gpt-2026",
        response_id="resp-1",
    )
    assert answer(file, ask(persona="surgeon", option_permutation=(1, 0))).text == "turned"
    assert answer(file, ask("i2", persona="surgeon")).finish_reason is FinishReason.REFUSAL
    assert "no recorded answer" in refused(file, ask(persona="none"))


def test_a_torn_last_line_of_a_journal_is_no_answer(write: Write, tmp_path: Path) -> None:
    file = write(entry("[A]"), entry("[B]", item_id="i2"))
    file.write_bytes(file.read_bytes()[:-40])
    assert answer(file, ask(persona="surgeon")).text == "[A]"
    assert "no recorded answer" in refused(file, ask("i2", persona="surgeon"))


def test_a_torn_line_within_a_journal_is_an_error(write: Write) -> None:
    with pytest.raises(DataError, match="line 2: expected a journal entry"):
        create_model(f"recorded/{write(entry('[A]'), entry('[B]')[:-40], entry('[C]'))}")


def test_a_journal_of_several_models_needs_a_choice(write: Write) -> None:
    file = write(entry("1"), entry("2", model="google/gemini"))
    with pytest.raises(UsageError, match="it holds google/gemini, openai/gpt"):
        create_model(f"recorded/{file}")
    assert answer(file, ask(persona="surgeon"), model="google/gemini").text == "2"


def test_a_file_that_changes_under_way_is_noticed(write: Write) -> None:
    file = write(record(text="first answer, long enough"))
    model = RecordedModel("recorded/x", file)
    file.write_text("x" * file.stat().st_size)
    with pytest.raises(ModelFailure, match="changed after it was opened"):
        asyncio.run(model.generate(ask()))
    asyncio.run(model.aclose())
