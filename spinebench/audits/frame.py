"""The frame of an audit: every answer with a text, of the runs that are audited."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from spinebench.audit_records import AuditTrace, FrameTrace, Pick
from spinebench.errors import DataError, UsageError
from spinebench.records import (
    WRITTEN_TASKS,
    Answer,
    AnswerStatus,
    ImageCondition,
    ImageRef,
    Item,
    JournalEntry,
    Outcome,
    Record,
    Scored,
    Task,
)
from spinebench.store.run_folder import RunFolder


class LeftOut(Record):
    """Answers of the runs that are no trace, by run, model and reason."""

    run_id: str
    model: str
    reason: str
    """`no text (<status>)`, or `image condition <name>`."""
    n: int


class FrameEntry(NamedTuple):
    """A trace of the frame with what it was made of."""

    trace: FrameTrace
    item: Item
    answer: Answer
    scored: Scored | None


@dataclass(frozen=True)
class Frame:
    """The traces that can be drawn, and the runs that hold their texts.

    Texts stay on disk: a frame of 100,000 answers is some 100 MB of short records.
    """

    runs: tuple[RunFolder, ...]
    traces: tuple[FrameTrace, ...]
    """In the order of the runs, and of the answers within each."""
    left_out: tuple[LeftOut, ...]
    n_unscored: int
    """Traces without a score: they count as incorrect, outcome `not_answered`."""

    @property
    def simulated(self) -> bool:
        """True if a run of it is simulated."""
        return any(run.spec().simulated for run in self.runs)

    @property
    def partial(self) -> bool:
        """True if a run of it sat only part of its benchmark."""
        return any(run.spec().partial for run in self.runs)

    @property
    def notes(self) -> tuple[str, ...]:
        """What is to be said of the frame: what it leaves out, and what may still change."""
        found = []
        for one in self.left_out:
            found.append(
                f"run {one.run_id}, {one.model}: {one.n} {'answer' if one.n == 1 else 'answers'} with nothing to "
                f"audit: {one.reason}"
            )
        if self.n_unscored:
            found.append(
                f"{self.n_unscored} answers have no score and count as incorrect; call 'spinebench score' first"
            )
        for run in self.runs:
            if run.is_live():
                found.append(f"run {run.run_id} is still at work: its later answers are not in this frame")
        return tuple(found)

    def entries(self, trace_ids: Iterable[str]) -> Iterator[FrameEntry]:
        """The named traces with item, answer and score, in the frame's order; one pass over the runs.

        Raises DataError for an id that is not in the frame, and where an answer has changed since.
        """
        wanted = set(trace_ids)
        known = {trace.trace_id: trace for trace in self.traces if trace.trace_id in wanted}
        for name in sorted(wanted - known.keys()):
            raise DataError(
                f"trace {name!r}: expected one of the frame of {', '.join(run.run_id for run in self.runs)}; "
                "name the runs it was drawn from"
            )
        for run in self.runs:
            here = {name for name, trace in known.items() if trace.run_id == run.run_id}
            items = {known[name].item_id for name in here}
            found = {item.id: item for item in run.items() if item.id in items} if here else {}
            for entry in run.latest() if here else ():
                answer = entry.answer
                if answer is None or (name := trace_id(answer)) not in here:
                    continue
                here.discard(name)
                if _text_hash(answer) != known[name].text_sha256:
                    raise DataError(
                        f"trace {name!r}: expected the text it had when the frame was made, but the run has "
                        "answered again since; make the audit when the run has ended"
                    )
                yield FrameEntry(known[name], found[known[name].item_id], answer, entry.scored)
            for name in sorted(here):
                raise DataError(
                    f"trace {name!r}: expected its answer in run {run.run_id!r}, but it is gone; "
                    "call 'spinebench store check'"
                )

    def audit_traces(self, picks: Sequence[Pick]) -> tuple[AuditTrace, ...]:
        """The drawn traces in full, in the order of the picks. Errors as `entries`."""
        held = {entry.trace.trace_id: entry for entry in self.entries(pick.trace.trace_id for pick in picks)}
        return tuple(
            AuditTrace(pick=pick, item=entry.item, answer=entry.answer, scored=entry.scored)
            for pick in picks
            for entry in (held[pick.trace.trace_id],)
        )


def frame_of(
    runs: Sequence[RunFolder],
    *,
    image_condition: ImageCondition | None = ImageCondition.NORMAL,
    models: Sequence[str] | None = None,
    tasks: Sequence[Task] | None = None,
) -> Frame:
    """The frame of some runs, streamed: answers with text under one image condition (None: under any).

    Answers that were not parsed or were cut off have a text and are in it; an answer without one (refused
    without words, filtered, failed) is counted in `left_out`. `models` and `tasks` narrow it.

    Raises UsageError for a run named twice and for a model that no run has, DataError for an answer to an item
    that its run does not have.
    """
    ids = [run.run_id for run in runs]
    twice = sorted({run_id for run_id in ids if ids.count(run_id) > 1})
    if twice:
        raise UsageError(f"run {twice[0]!r}: expected each run once; name it once")
    there = sorted({model for run in runs for model in run.spec().models})
    for model in models or ():
        if model not in there:
            raise UsageError(
                f"model {model!r}: expected one of the runs' models, {', '.join(there)}; correct the name"
            )
    several = len({run.spec().benchmark.name for run in runs}) > 1
    images = _Images()
    drafts: list[tuple[FrameTrace, _Brief, str | None]] = []
    left_out: Counter[tuple[str, str, str]] = Counter()
    n_unscored = 0
    for run in runs:
        items = {item.id: _Brief.of(item, several) for item in run.items()}
        for entry in run.latest():
            answer = entry.answer
            if answer is None or (models is not None and answer.key.model not in models):
                continue
            item = items.get(answer.key.item_id)
            if item is None:
                raise DataError(
                    f"answer {answer.key.id()!r} of run {run.run_id!r}: expected its item "
                    f"{answer.key.item_id!r} in the run; call 'spinebench store check'"
                )
            if tasks is not None and item.task not in tasks:
                continue
            reason = _reason_against(answer, image_condition)
            if reason is not None:
                left_out[run.run_id, answer.key.model, reason] += 1
                continue
            n_unscored += entry.scored is None
            drafts.append((_draft(entry, answer, item), item, images.seen(item, answer)))
    return Frame(
        runs=tuple(runs),
        traces=tuple(
            trace.model_copy(update={"image": shown or images.of(item)}) for trace, item, shown in drafts
        ),
        left_out=tuple(
            LeftOut(run_id=run_id, model=model, reason=reason, n=n)
            for (run_id, model, reason), n in sorted(left_out.items())
        ),
        n_unscored=n_unscored,
    )


def trace_id(answer: Answer) -> str:
    """`<run id>/<answer id>`."""
    return f"{answer.run_id}/{answer.key.id()}"


class _Brief(NamedTuple):
    """What the frame needs of an item."""

    id: str
    task: Task
    cluster: str
    images: tuple[ImageRef, ...]
    scope: str
    """Set before names that only one benchmark gives, where there are several benchmarks."""

    @classmethod
    def of(cls, item: Item, several: bool) -> _Brief:
        scope = f"{item.benchmark}:" if several else ""
        return cls(item.id, item.task, scope + item.cluster, item.images, scope)


class _Images:
    """What an image is called, the same for all models: by the SHA-256 of its file where any answer tells it."""

    def __init__(self) -> None:
        self._files: dict[tuple[str, str], str] = {}

    def seen(self, item: _Brief, answer: Answer) -> str | None:
        """Note the files of an answer; the id of what was shown, where that is not the item's own image."""
        if answer.key.image_condition is ImageCondition.SWAPPED:
            shown = [image.source_sha256 for image in answer.images]
            return "+".join(filter(None, shown)) or None
        if answer.key.image_condition is ImageCondition.NORMAL:
            for ref, sent in zip(item.images, answer.images, strict=False):
                if sent.source_sha256 is not None and sent.source_path in (None, ref.path):
                    self._files[item.scope, ref.path] = sent.source_sha256
        return None

    def of(self, item: _Brief) -> str:
        names = []
        for ref in item.images:
            name = self._files.get((item.scope, ref.path)) or ref.sha256 or item.scope + ref.path
            # One file can hold many images: a slice or frame is an image of its own.
            part = "".join(f"#{one}" for one in (ref.plane, ref.frame) if one is not None)
            names.append(name + part)
        return "+".join(names) or f"{item.scope}item {item.id}"


def _draft(entry: JournalEntry, answer: Answer, item: _Brief) -> FrameTrace:
    grade = None if entry.scored is None else entry.scored.grade
    return FrameTrace(
        trace_id=trace_id(answer),
        run_id=answer.run_id,
        model=answer.key.model,
        task=item.task,
        item_id=item.id,
        image="",
        cluster=item.cluster,
        correct=None if item.task in WRITTEN_TASKS else grade is not None and bool(grade.correct),
        outcome=(Outcome.NOT_ANSWERED if grade is None else grade.outcome).value,
        text_sha256=_text_hash(answer),
    )


def _reason_against(answer: Answer, condition: ImageCondition | None) -> str | None:
    if condition is not None and answer.key.image_condition is not condition:
        return f"image condition {answer.key.image_condition.value}"
    if not answer.text.strip():
        # A reply of nothing but white space has the status of an answer that came.
        status = AnswerStatus.NO_ANSWER if answer.status is AnswerStatus.ANSWERED else answer.status
        return f"no text ({status.value})"
    return None


def _text_hash(answer: Answer) -> str:
    return hashlib.sha256(answer.text.encode("utf-8", "surrogatepass")).hexdigest()
