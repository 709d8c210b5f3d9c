"""From the exam graph's final state to the records that are journalled."""

from __future__ import annotations

from datetime import datetime

from spinebench.agents.asking import usage_of
from spinebench.agents.state import ExamState
from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    Extraction,
    Failure,
    FailureClass,
    Grade,
    JournalEntry,
    Scored,
    SentImage,
    Turn,
    Usage,
)


def journal_entry(state: ExamState, *, key: AnswerKey, run_id: str, at: datetime) -> JournalEntry:
    """The answer and its score, as one line of the run's journal."""
    reply = state["reply"] or {}
    extractor_usage = state.get("extractor_usage")
    answer = Answer(
        key=key,
        run_id=run_id,
        status=AnswerStatus(state["status"]),
        text=reply.get("text", ""),
        turns=tuple(Turn.model_validate(turn) for turn in state.get("turns", [])),
        reasoning=reply.get("reasoning"),
        finish_reason=reply.get("finish_reason"),
        option_permutation=tuple(state["permutation"]),
        images=tuple(
            SentImage.model_validate({name: value for name, value in image.items() if name != "file"})
            for image in state["images"]
        ),
        prompt_hash=state["prompt_hash"],
        request_hash=state["request_hash"],
        response_id=reply.get("response_id"),
        provider_model=reply.get("provider_model"),
        usage=usage_of(state),
        extractor_usage=None if extractor_usage is None else Usage.model_validate(extractor_usage),
        latency_s=state.get("latency_s"),
        reused=state.get("reused", False),
        failures=tuple(Failure.model_validate(failure) for failure in state["failures"]),
        attempts=state["attempts"],
        at=at,
    )
    scored = Scored(
        key=key,
        run_id=run_id,
        extraction=Extraction.model_validate(state["extraction"]),
        grade=Grade.model_validate(state["grade"]),
        at=at,
    )
    return JournalEntry(answer=answer, scored=scored)


def failed_entry(
    error: Exception, *, key: AnswerKey, run_id: str, prompt_hash: str, at: datetime
) -> JournalEntry:
    """The entry of a question on which the graph itself failed: an `internal` failure, asked again on resume."""
    failure = Failure(
        failure_class=FailureClass.INTERNAL,
        message=f"{type(error).__name__}: {error}"[:2000],
        attempt=1,
        at=at,
    )
    answer = Answer(
        key=key,
        run_id=run_id,
        status=AnswerStatus.ERROR,
        prompt_hash=prompt_hash,
        failures=(failure,),
        at=at,
    )
    return JournalEntry(answer=answer)
