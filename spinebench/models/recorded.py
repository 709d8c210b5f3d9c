"""`recorded/<file>`: answers given earlier, read from a JSONL file or from a run's journal."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Literal

from pydantic import Field, ValidationError

from spinebench.errors import DataError, UsageError
from spinebench.models.protocol import ModelFailure, ModelReply, ModelRequest, RequestTag
from spinebench.models.registry import ModelContext
from spinebench.records import (
    Answer,
    AnswerStatus,
    FailureClass,
    FinishReason,
    ImageCondition,
    JournalEntry,
    Record,
    Usage,
)


class RecordedAnswer(Record):
    """One line of a recorded-answers file. A condition that is left out (None) fits every request."""

    item_id: str = Field(min_length=1)
    text: str
    reasoning: str | None = None
    finish_reason: FinishReason = FinishReason.STOP
    refusal: str | None = None
    model: str | None = None
    """Who answered; a file with several models is read with `-M model=NAME`."""
    role: Literal["examinee", "extractor", "judge"] = "examinee"
    persona: str | None = None
    image_condition: ImageCondition | None = None
    option_permutation: tuple[int, ...] | None = None
    """Order of options the answer was given to, presented[i] = options[permutation[i]]; None: as given."""
    epoch: int | None = Field(None, ge=1)
    usage: Usage = Usage()


@dataclass(frozen=True, slots=True)
class _Entry:
    """Where an answer lies, and for which requests it holds. Texts stay in the file."""

    line: int
    offset: int
    length: int
    model: str | None
    role: str
    persona: str | None
    image_condition: ImageCondition | None
    permutation: tuple[int, ...]
    epoch: int | None

    def fits(self, tag: RequestTag) -> bool:
        """Whether it answers the request, the order of options aside."""
        return (
            self.role == tag.role
            and self.persona in (None, tag.persona)
            and self.image_condition in (None, tag.image_condition)
            and self.epoch in (None, tag.epoch)
        )

    @property
    def conditions(self) -> tuple[object, ...]:
        return (self.model, self.role, self.persona, self.image_condition, self.permutation, self.epoch)

    @property
    def n_stated(self) -> int:
        """How many conditions the record states: the record that states more is preferred."""
        return sum(value is not None for value in (self.persona, self.image_condition, self.epoch))


def create(model_id: str, *, context: ModelContext) -> RecordedModel:
    """The recorded model of a file; the path is relative to the current folder.

    Raises `DataError` for a missing or wrong file (with the line), `UsageError` where it holds several
    models and `-M model=NAME` chooses none of them.
    """
    context.refuse_unknown(("model",))
    file = Path(model_id).expanduser()
    wanted = context.option("model")
    return RecordedModel(context.name, file, model=None if wanted is None else str(wanted))


class RecordedModel:
    """Gives back stored answers, byte for byte. All lines are checked on opening, texts read when needed."""

    simulated = False
    host = None
    account = "recorded"

    def __init__(self, name: str, file: Path, *, model: str | None = None) -> None:
        self._name = name
        self._file = file
        try:
            self._stream: BinaryIO = file.open("rb")
        except OSError as error:
            raise DataError(
                f"recorded answers {str(file)!r}: expected a readable file ({error.strerror}); correct "
                "the path"
            ) from error
        self._journal = False
        self._sha256 = ""
        try:
            entries = self._read()
            self._index = _choose_model(file, entries, model)
        except BaseException:
            self._stream.close()
            raise
        self._n_answers = sum(map(len, self._index.values()))

    @property
    def name(self) -> str:
        return self._name

    @property
    def config(self) -> dict[str, Any]:
        """The file's own digest: another path to the same answers changes nothing."""
        return {"sha256": self._sha256, "answers": self._n_answers}

    async def check(self) -> None:
        """Nothing left to check: the file was read when the model was made."""

    async def aclose(self) -> None:
        self._stream.close()

    async def generate(self, request: ModelRequest) -> ModelReply:
        """The recorded answer. Raises `ModelFailure` of class `bad_request` where there is none that fits."""
        if request.tag is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST, "request without a tag: expected the item it belongs to"
            )
        if self._stream.closed:
            raise ModelFailure(FailureClass.INTERNAL, f"model {self._name!r} is closed")
        return self._reply(self._find(request.tag))

    def _find(self, tag: RequestTag) -> _Entry:
        fitting = [entry for entry in self._index.get(tag.item_id, ()) if entry.fits(tag)]
        if not fitting:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"no recorded answer for item {tag.item_id!r} (role {tag.role}, persona {tag.persona}, "
                "image condition "
                f"{tag.image_condition.value}, epoch {tag.epoch}) in {self._file.name!r}",
            )
        order = _normal(tag.option_permutation)
        same_order = [entry for entry in fitting if entry.permutation == order]
        if not same_order:
            # Its letters name other options than those now presented.
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"the recorded answer for item {tag.item_id!r} (line {fitting[0].line}) was given to the "
                "option order "
                f"{_order_text(fitting[0].permutation)}, the request presents {_order_text(order)}",
            )
        most = max(entry.n_stated for entry in same_order)
        best = [entry for entry in same_order if entry.n_stated == most]
        if len(best) > 1:
            lines = ", ".join(str(entry.line) for entry in best)
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"several recorded answers fit item {tag.item_id!r} equally (lines {lines}): expected one",
            )
        return best[0]

    def _reply(self, entry: _Entry) -> ModelReply:
        self._stream.seek(entry.offset)
        line = self._stream.read(entry.length)
        try:
            if not self._journal:
                recorded = RecordedAnswer.model_validate_json(line)
                return ModelReply(
                    text=recorded.text,
                    reasoning=recorded.reasoning,
                    finish_reason=recorded.finish_reason,
                    refusal=recorded.refusal,
                    usage=recorded.usage.model_copy(update={"cost_usd": None}),
                    provider_model=recorded.model,
                )
            answer = JournalEntry.model_validate_json(line).answer
        except ValidationError as error:
            raise ModelFailure(
                FailureClass.INTERNAL, f"{self._file.name!r} changed after it was opened (line {entry.line})"
            ) from error
        assert answer is not None
        return ModelReply(
            text=answer.text,
            reasoning=answer.reasoning,
            finish_reason=answer.finish_reason or _finish_of(answer.status),
            usage=answer.usage.model_copy(update={"cost_usd": None}),
            provider_model=answer.provider_model,
            response_id=answer.response_id,
        )

    # ------------------------------------------------------------ reading the file

    def _read(self) -> dict[str, list[_Entry]]:
        """All answers by item, the last one of each set of conditions for a journal."""
        whole = hashlib.sha256()
        found: dict[tuple[str, tuple[object, ...]], _Entry] = {}
        offset, kind = 0, None
        for number, line in enumerate(self._stream, start=1):
            whole.update(line)
            start, offset = offset, offset + len(line)
            if number == 1 and line.startswith(b"\xef\xbb\xbf"):
                line, start = line[3:], start + 3
            if not line.strip():
                continue
            if kind is None:
                kind = self._kind(line, number)
                self._journal = kind == "journal"
            for item_id, entry in self._entries(line, number, start):
                key = (item_id, entry.conditions)
                if key in found and not self._journal:
                    raise DataError(
                        f"{self._file.name} line {number}: item {item_id!r}: expected one answer per set "
                        "of conditions, "
                        f"line {found[key].line} has the same; drop one, or tell them apart by model, "
                        "persona, "
                        "image_condition, option_permutation or epoch"
                    )
                found[key] = entry
        if not found:
            raise DataError(
                f"recorded answers {self._file.name!r}: expected at least one answer, found none; "
                "give a JSONL file with item_id and text per line, or the journal.jsonl of a run"
            )
        self._sha256 = whole.hexdigest()
        index: dict[str, list[_Entry]] = defaultdict(list)
        for (item_id, _), entry in found.items():
            index[item_id].append(entry)
        return dict(index)

    def _kind(self, line: bytes, number: int) -> Literal["journal", "answers"]:
        try:
            value = json.loads(line)
        except ValueError as error:
            raise self._wrong(number, f"expected a JSON object, {error}") from error
        if not isinstance(value, dict):
            raise self._wrong(number, f"expected a JSON object, got {type(value).__name__}")
        return "journal" if value.keys() <= {"answer", "scored"} and value else "answers"

    def _entries(self, line: bytes, number: int, offset: int) -> Iterator[tuple[str, _Entry]]:
        if self._journal:
            try:
                answer = JournalEntry.model_validate_json(line).answer
            except ValidationError as error:
                if not line.endswith(b"\n"):
                    return  # the torn last line of an interrupted run: never acknowledged, no answer
                raise self._wrong(number, f"expected a journal entry, {_first_fault(error)}") from error
            if answer is None or answer.status is AnswerStatus.ERROR:
                return  # a later score, or a question that got no reply
            yield answer.key.item_id, _entry_of(answer, number, offset, len(line))
            return
        try:
            recorded = RecordedAnswer.model_validate_json(line)
        except ValidationError as error:
            raise self._wrong(number, _first_fault(error)) from error
        permutation = recorded.option_permutation or ()
        if sorted(permutation) != list(range(len(permutation))):
            raise self._wrong(
                number,
                f"option_permutation {list(permutation)}: expected each of 0 to {len(permutation) - 1} once",
            )
        yield (
            recorded.item_id,
            _Entry(
                line=number,
                offset=offset,
                length=len(line),
                model=recorded.model,
                role=recorded.role,
                persona=recorded.persona,
                image_condition=recorded.image_condition,
                permutation=_normal(permutation),
                epoch=recorded.epoch,
            ),
        )

    def _wrong(self, number: int, what: str) -> DataError:
        return DataError(
            f"{self._file.name} line {number}: {what}; give one JSON object per line with item_id and text, "
            "optionally "
            f"{', '.join(name for name in RecordedAnswer.model_fields if name not in ('item_id', 'text'))}"
        )


def _entry_of(answer: Answer, number: int, offset: int, length: int) -> _Entry:
    return _Entry(
        line=number,
        offset=offset,
        length=length,
        model=answer.key.model,
        role="examinee",
        persona=answer.key.persona,
        image_condition=answer.key.image_condition,
        permutation=_normal(answer.option_permutation),
        epoch=answer.key.epoch,
    )


def _choose_model(file: Path, index: dict[str, list[_Entry]], wanted: str | None) -> dict[str, list[_Entry]]:
    """The answers of one model. Answers that name no model belong to any."""
    names = sorted(
        {entry.model for entries in index.values() for entry in entries if entry.model is not None}
    )
    if wanted is None and len(names) > 1:
        raise UsageError(
            f"recorded answers {file.name!r}: expected the answers of one model, it holds "
            f"{', '.join(names)}; "
            f"choose one with -M model={names[0]}"
        )
    if wanted is None:
        return index
    if names and wanted not in names:
        raise UsageError(
            f"model option 'model' {wanted!r}: expected one of {', '.join(names)} as in {file.name!r}; "
            "correct the -M option"
        )
    chosen: dict[str, list[_Entry]] = {}
    for item_id, entries in index.items():
        own = [entry for entry in entries if entry.model in (None, wanted)]
        if own:
            chosen[item_id] = own
    return chosen


def _normal(permutation: Sequence[int]) -> tuple[int, ...]:
    """Empty for the order as given, so that both ways to write it are equal."""
    return () if list(permutation) == list(range(len(permutation))) else tuple(permutation)


def _order_text(permutation: tuple[int, ...]) -> str:
    return "as given" if not permutation else str(list(permutation))


def _finish_of(status: AnswerStatus) -> FinishReason:
    return {
        AnswerStatus.REFUSED: FinishReason.REFUSAL,
        AnswerStatus.FILTERED: FinishReason.FILTER,
        AnswerStatus.TRUNCATED: FinishReason.LENGTH,
    }.get(status, FinishReason.OTHER)


def _first_fault(error: ValidationError) -> str:
    fault = error.errors(include_url=False, include_context=False)[0]
    where = ".".join(str(part) for part in fault["loc"])
    value = repr(fault["input"])
    shown = value if len(value) <= 80 else value[:77] + "..."
    return f"{where + ': ' if where else ''}{fault['msg']}" + (
        "" if fault["type"] == "missing" else f", got {shown}"
    )
