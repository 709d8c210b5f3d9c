"""Extract and grade again from the stored text: scoring is apart from asking, no call is made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime

from spinebench.agents.exam import extract_reply
from spinebench.agents.extractor import is_unread
from spinebench.agents.options import presented
from spinebench.agents.written import read_written
from spinebench.errors import DataError
from spinebench.evaluators.scoring import grade
from spinebench.records import WRITTEN_TASKS, Answer, JournalEntry, Record, Scored
from spinebench.store.run_folder import RunFolder

_BATCH = 500


class Rescore(Record):
    """What a second scoring changed."""

    n_answers: int
    n_rescored: int
    """Answers whose letters, status, rule or grade came out differently, or that had no score."""
    n_kept_model_extractions: int
    """Answers read by the LLM extractor that no rule reads now: its reading is kept."""


def rescore(folder: RunFolder, *, closing_phrases: Sequence[str] | None = None) -> Rescore:
    """Score every stored answer with the present rules; append only the scores that differ.

    `closing_phrases`: in place of those of the run's plan. The answers stay as they are.

    Raises `DataError` where an answer's item is not stored with the run.
    """
    phrases = closing_phrases or folder.spec().plan.get("closing_phrases") or None
    items = {item.id: item for item in folder.items()}
    n_answers = n_kept = n_rescored = 0
    batch: list[JournalEntry] = []
    for answer, before in _latest(folder):
        n_answers += 1
        item = items.get(answer.key.item_id)
        if item is None:
            raise DataError(
                f"item {answer.key.item_id!r} of run {folder.run_id!r}: expected it in the run's items.jsonl; "
                "restore that file"
            )
        if item.task in WRITTEN_TASKS:
            extraction, graded = read_written(answer, item)
        else:
            extraction = extract_reply(
                answer.text,
                status=answer.status,
                task=item.task,
                options=presented(item.options, answer.option_permutation),
                closing_phrases=phrases,
            )
            read_by_model = before is not None and (before.extraction.rule or "").startswith("model:")
            if before is not None and read_by_model and is_unread(extraction):
                extraction = before.extraction
                n_kept += 1
            graded = grade(item, extraction, permutation=answer.option_permutation)
        scored = Scored(
            key=answer.key,
            run_id=folder.run_id,
            extraction=extraction,
            grade=graded,
            at=datetime.now(UTC),
        )
        if before is None or _essence(before) != _essence(scored):
            n_rescored += 1
            batch.append(JournalEntry(scored=scored))
        if len(batch) >= _BATCH:
            folder.journal.append(batch)
            batch = []
    if batch:
        folder.journal.append(batch)
    return Rescore(n_answers=n_answers, n_rescored=n_rescored, n_kept_model_extractions=n_kept)


def _latest(folder: RunFolder) -> Iterator[tuple[Answer, Scored | None]]:
    for entry in folder.latest():
        if entry.answer is not None:
            yield entry.answer, entry.scored


def _essence(scored: Scored) -> tuple[object, object]:
    return scored.extraction, scored.grade
