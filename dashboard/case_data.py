"""Everything that is stored about one case, read over one short connection."""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass
from pathlib import Path
from threading import Lock, Timer
from typing import Any

import streamlit as st
from pydantic import ValidationError

from spinebench.dashboard.workspace_data import DataStamp, data_stamp, workspace
from spinebench.errors import SpinebenchError
from spinebench.evaluators.written_case import asked_text, expected_text
from spinebench.evaluators.written_parts import (
    WrittenPart,
    missing_sections,
    report_parts,
    turn_parts,
    unanswered_turns,
)
from spinebench.records import WRITTEN_TASKS, AnswerStatus, Item, Outcome, SectionSpan, SentImage, Task, Turn
from spinebench.runs.asked_prompt import asked_prompt
from spinebench.store.workspace import Workspace

_COMPARED = 6_000
"""Characters of each model's text that are shown side by side."""
_ASKED = ("run_id", "item_id", "persona", "image_condition", "option_order", "epoch")
"""What answers to the same question have in common."""
_OF_ANSWER = ("trace", "case_usage")
_OF_TRACE = (
    "judgements",
    "judge_scores",
    "judge_marks",
    "judge_claims",
    "trace_checks",
    "rating_scores",
    "rating_marks",
)

_MOMENT_S = 0.5
_AHEAD_GUARD = Lock()
_ahead: Timer | None = None
_log = logging.getLogger(__name__)

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One answer with all that belongs to it; rows are those of the store's queries."""

    answer: Row
    """Of `trace`."""
    usage: list[Row]
    judgements: list[Row]
    judge_scores: list[Row]
    judge_marks: list[Row]
    claims: list[Row]
    checks: list[Row]
    ratings: list[Row]
    rating_marks: list[Row]
    images: list[SentImage]
    prompt: str | None
    """The prompt's text, where it can be composed again exactly."""
    item: Item | None = None
    """Of free text: the item with its case."""

    @property
    def name(self) -> str:
        """`<run id>/<answer id>`, as addresses and audits name it."""
        return f"{self.answer['run_id']}/{self.answer['answer_id']}"

    @property
    def outcome(self) -> str:
        """As the list of cases has it, where a question without a reply counts as not answered."""
        ungraded = (
            "not graded yet" if self.answer["status"] == AnswerStatus.ANSWERED else Outcome.NOT_ANSWERED
        )
        return str(self.answer["outcome"] or ungraded)

    @property
    def quotes(self) -> list[str]:
        """All passages that judges and checks quote as evidence."""
        lists = [one["quotes"] for one in (*self.judge_scores, *self.judge_marks)]
        quoted = [quote for quotes in lists for quote in quotes]
        return [*quoted, *(one["quote"] for one in (*self.claims, *self.checks) if one["quote"])]

    @property
    def question(self) -> str:
        """What was asked, of free text with the whole case."""
        return str(self.answer["question"]) if self.item is None else asked_text(self.item)

    @property
    def expected(self) -> tuple[str, ...]:
        """Reference and key facts of free text, where known."""
        return () if self.item is None else expected_text(self.item)

    @property
    def parts(self) -> tuple[WrittenPart, ...]:
        """A free text by its sections or turns; () for an answer to options, and where nothing was written."""
        if self.item is None:
            return ()
        if self.item.task is Task.CONSULTATION:
            return turn_parts(self._turns)
        return report_parts(self.answer["text"], self._sections)

    @property
    def missing(self) -> tuple[str, ...]:
        """Sections that a report lacks, or replies that a consultation lacks."""
        if self.item is None:
            return ()
        if self.item.task is Task.CONSULTATION:
            return unanswered_turns(self.item.case.turns if self.item.case else (), self._turns)
        return missing_sections(self._sections)

    @property
    def has_turns(self) -> bool:
        """Whether it is a consultation in which something was said; native reasoning then stands with each reply."""
        return bool(self._turns)

    @property
    def _turns(self) -> list[Turn]:
        return [Turn.model_validate(one) for one in json.loads(self.answer["turns"] or "[]")]

    @property
    def _sections(self) -> list[SectionSpan]:
        return [SectionSpan.model_validate(one) for one in json.loads(self.answer["sections"] or "[]")]

    @property
    def options(self) -> list[str]:
        """Option texts in the order in which the model was shown them."""
        return [self.answer["options"][place] for place in self.answer["option_permutation"]]


def read_case(run_id: str, answer_id: str) -> Case | None:
    """The case of an answer; None where there is none. Raises `SpinebenchError` for an unusable database."""
    return _kept(str(workspace().path), data_stamp(), run_id, answer_id)


def read_siblings(case: Case) -> list[Row]:
    """Answers of all models to the question of a case, its own among them, with the beginnings of their texts.

    Raises `SpinebenchError` for an unusable database.
    """
    asked = tuple((name, case.answer[name]) for name in _ASKED)
    return _kept_siblings(str(workspace().path), data_stamp(), asked)


def read_ahead(name: str) -> None:
    """Read the case (`<run id>/<answer id>`) that will be asked for next, in a thread beside the page.

    A moment later, since the browser may be on this machine and is drawing now.
    """
    global _ahead
    with _AHEAD_GUARD:
        if _ahead is not None:
            _ahead.cancel()  # whoever goes on quickly has passed that one
        _ahead = Timer(_MOMENT_S, _read_quietly, args=name.split("/", 1))
        _ahead.daemon = True
        _ahead.start()


def _read_quietly(run_id: str, answer_id: str) -> None:
    try:
        read_case(run_id, answer_id)
    except (SpinebenchError, OSError, ValidationError) as error:  # it is said where the case is opened
        _log.info("not read ahead: %s", error)


@st.cache_data(max_entries=24, show_spinner=False)
def _kept(path: str, stamp: DataStamp | None, run_id: str, answer_id: str) -> Case | None:
    trace_id = f"{run_id}/{answer_id}"
    found = Workspace(Path(path)).database.queries(
        (*_OF_ANSWER, *_OF_TRACE), {"run_id": run_id, "answer_id": answer_id, "trace_id": trace_id}
    )
    rows = found["trace"].to_pylist()
    if not rows:
        return None
    answer = rows[0]
    tables = {name: table.to_pylist() for name, table in found.items()}
    item = _written_item(answer)
    return Case(
        answer=answer,
        usage=tables["case_usage"],
        judgements=[one for one in tables["judgements"] if one["trace_id"] == trace_id],
        judge_scores=tables["judge_scores"],
        judge_marks=tables["judge_marks"],
        claims=tables["judge_claims"],
        checks=tables["trace_checks"],
        ratings=tables["rating_scores"],
        rating_marks=tables["rating_marks"],
        images=[SentImage.model_validate(one) for one in json.loads(answer["images"])],
        prompt=asked_prompt(
            persona=answer["persona"],
            task=answer["task"],
            prompt_hash=answer["prompt_hash"],
            question=answer["question"],
            options=answer["options"],
            permutation=answer["option_permutation"],
            item=item,
        ),
        item=item,
    )


@st.cache_data(max_entries=12, show_spinner=False)
def _kept_siblings(path: str, stamp: DataStamp | None, asked: tuple[tuple[str, Any], ...]) -> list[Row]:
    return list(Workspace(Path(path)).query("case_siblings", length=_COMPARED, **dict(asked)).to_pylist())


def _written_item(answer: Row) -> Item | None:
    """The item of a free text; None for a task with options."""
    task = Task(answer["task"])
    if task not in WRITTEN_TASKS:
        return None
    return Item(
        id=answer["item_id"],
        benchmark=answer["benchmark"],
        task=task,
        question=answer["question"],
        images=json.loads(answer["item_images"]),
        cluster=answer["cluster"],
        reference=answer["reference"],
        case=None if answer["clinical_case"] is None else json.loads(answer["clinical_case"]),
        language=answer["language"],
    )
