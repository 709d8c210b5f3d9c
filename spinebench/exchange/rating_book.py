"""What is asked of clinicians in one audit: which packet is whose, which dimensions it asks for, what it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from spinebench.audit_records import AssignedTrace, Assignment, AuditSpec, AuditTrace
from spinebench.errors import UsageError
from spinebench.evaluators.written_case import asked_text, expected_text
from spinebench.evaluators.written_parts import WrittenPart, missing_of, written_parts
from spinebench.records import WRITTEN_TASKS, JsonValue, Sha256, Task, canonical_json, digest
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric
from spinebench.store.audit_folder import AuditFolder

SHOWN_VERSION = "1"
"""Of what `shown_sha256` is taken over."""


@dataclass(frozen=True, slots=True)
class Packet:
    """One thing to rate: whose it is and which trace stands behind it."""

    rater: str
    shown: AssignedTrace
    trace: AuditTrace

    @property
    def task(self) -> Task:
        return self.trace.item.task


@dataclass(frozen=True)
class RatingBook:
    """An audit as the rating side sees it."""

    spec: AuditSpec
    assignments: Mapping[str, Assignment]
    traces: Mapping[str, AuditTrace]
    """The assigned traces by id."""
    only: Mapping[str, frozenset[str]] | None = None
    """Trace id -> the dimensions it is shown for. None: all of its task's, and its failure modes."""

    @classmethod
    def open(cls, folder: AuditFolder) -> RatingBook:
        """Read spec, assignments and the assigned traces of an audit.

        Raises UsageError where nothing is assigned yet, DataError for unreadable files.
        """
        assignments = folder.assignments()
        if not any(one.traces for one in assignments.values()):
            raise UsageError(
                f"audit {folder.audit_id!r}: expected traces that are assigned to raters, but there are none; "
                f"call 'spinebench rate assign {folder.audit_id} --rater ID --rater ID'"
            )
        wanted = {shown.trace_id for one in assignments.values() for shown in one.traces}
        traces = {trace.trace_id: trace for trace in folder.traces(wanted)}
        return cls(folder.spec(), assignments, traces)

    @cached_property
    def rubrics(self) -> tuple[Rubric, ...]:
        return tuple(Rubric.model_validate(one) for one in self.spec.rubrics)

    @cached_property
    def packets(self) -> Mapping[str, Packet]:
        """Packet id -> packet, of all raters."""
        return {
            shown.packet_id: Packet(rater, shown, self.traces[shown.trace_id])
            for rater, one in self.assignments.items()
            for shown in one.traces
        }

    @cached_property
    def _first_showings(self) -> Mapping[tuple[str, str], Packet]:
        return {
            (packet.rater, packet.shown.trace_id): packet
            for packet in self.packets.values()
            if not packet.shown.duplicate
        }

    def first_showing(self, rater: str, trace_id: str) -> Packet | None:
        """The packet by which a rater is first shown a trace; None where it is not assigned to them."""
        return self._first_showings.get((rater, trace_id))

    @cached_property
    def dimensions(self) -> Mapping[str, Dimension]:
        """All dimensions of the audit's rubrics by id, in their order."""
        return {one.id: one for rubric in self.rubrics for one in rubric.dimensions}

    @cached_property
    def failure_modes(self) -> Mapping[str, FailureMode]:
        return {one.id: one for rubric in self.rubrics for one in rubric.failure_modes}

    @cached_property
    def _questions(self) -> Mapping[str, str]:
        """How a question may be called, folded -> id; a dimension before a failure mode of the same name."""
        modes = {
            folded(called): one.id for one in self.failure_modes.values() for called in (one.name, one.id)
        }
        dimensions = {
            folded(called): one.id for one in self.dimensions.values() for called in (one.name, one.id)
        }
        return modes | dimensions

    def question_id(self, name: str) -> str:
        """The dimension or failure mode that a column or question means by id or name, however it is written.

        A name that is none of them comes back as it is.
        """
        if name in self.dimensions or name in self.failure_modes:
            return name
        return self._questions.get(folded(name), name)

    def asked(self, task: Task) -> tuple[Dimension, ...]:
        """The dimensions that a trace of this task is rated on."""
        return tuple(one for one in self.dimensions.values() if one.applies_to(task))

    def asked_of(self, trace: AuditTrace) -> tuple[Dimension, ...]:
        """The dimensions that this trace is rated on: its task's, or those of them that `only` leaves."""
        asked = self.asked(trace.item.task)
        if self.only is None:
            return asked
        left = self.only.get(trace.trace_id, frozenset())
        return tuple(one for one in asked if one.id in left)

    def modes_of(self, trace: AuditTrace) -> tuple[FailureMode, ...]:
        """The failure modes that this trace is asked about: none where `only` names dimensions alone."""
        return self.asked_modes(trace.item.task) if self.only is None else ()

    def asked_modes(self, task: Task) -> tuple[FailureMode, ...]:
        return tuple(one for one in self.failure_modes.values() if one.applies_to(task))

    def set_id(self, rater: str) -> str:
        """Says which audit's packets of which rater a file belongs to, without naming the audit."""
        held = self.assignments[rater]
        return digest(["packet set", self.spec.audit_id, rater, held.seed])[:24]

    def gold(self, trace: AuditTrace) -> tuple[str, ...] | None:
        """The right options, or reference and key facts of free text, where the audit's protocol shows them.

        None where it does not, and where nothing is known of what a free text is to say.
        """
        if not self.spec.blinding.gold:
            return None
        return (expected_text(trace.item) or None) if trace.item.task in WRITTEN_TASKS else trace.item.gold

    def shown_sha256(self, trace: AuditTrace, *, image: bool = True) -> Sha256:
        """Over everything a clinician is shown of a trace: question, options, text, images, gold or not, rubric."""
        answer = trace.answer
        gold = self.gold(trace)
        shown: list[JsonValue] = [
            SHOWN_VERSION,
            asked_text(trace.item),
            list(trace.options),
            answer.reasoning,
            answer.text,
            [one.sha256 for one in answer.images] if image else [],
            None if gold is None else list(gold),
            self.spec.rubric_hash,
        ]
        if trace.item.task in WRITTEN_TASKS:
            shown.append([one.model_dump(mode="json") for one in parts_of(trace)])
        return digest(shown)


def parts_of(trace: AuditTrace) -> tuple[WrittenPart, ...]:
    """The parts of a free text, by the sections that were found when it was read; () for a task with options."""
    return written_parts(trace.item, trace.answer, None if trace.scored is None else trace.scored.extraction)


def missing_from(trace: AuditTrace) -> tuple[str, ...]:
    """Names of what a free text lacks: sections of a report, replies of a consultation."""
    return missing_of(trace.item, trace.answer, None if trace.scored is None else trace.scored.extraction)


def folded(name: str) -> str:
    """A name without regard to case, and to what stands between its words: `Visual-features `, `visual_features`."""
    return "_".join(name.lstrip("\ufeff").casefold().replace("-", "_").split())


def opaque(value: object) -> str:
    """A short key that says nothing about the value it stands for in a packet."""
    return digest(["packet key", canonical_json(value)])[:12]
