"""The rows that the statistics of audits are computed from, read from the store."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from pydantic import ValidationError

from spinebench.audit_records import AuditSpec
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.audit_rows import AuditRows, MarkRow, ScoreRow, StratumRow, TraceRow
from spinebench.records import Task
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric

if TYPE_CHECKING:
    import pyarrow

    from spinebench.store import AuditFolder, Workspace

_Row: TypeAlias = dict[str, Any]
_Status: TypeAlias = Literal["scored", "unparsed", "refused", "error"]
_QUERIES = (
    "audit_strata",
    "audit_traces",
    "judgements",
    "judge_scores",
    "judge_marks",
    "judge_versions",
    "ratings",
    "rating_scores",
    "rating_marks",
    "adjudications",
    "audits",
)


_READ = {
    "audit_traces": [
        "trace_id", "run_id", "model", "task", "image", "cluster", "correct", "outcome", "stratum", "probability",
        "rating_probability", "referred", "split", "simulated",
    ],
    "judgements": ["judgement_id", "trace_id", "judge", "repeat", "status", "task"],
    "judge_scores": ["judgement_id", "dimension", "score"],
    "judge_marks": ["judgement_id", "mode"],
    "rating_scores": ["rating_id", "dimension", "score", "cannot_assess"],
    "rating_marks": ["rating_id", "mode"],
}  # fmt: skip
"""Of the long tables what is used: texts, reasons and quotes would take most of the time."""


def audit_rows(workspace: Workspace, audit_ids: Sequence[str]) -> AuditRows:
    """Everything that agreement and calibration of these audits need, after loading what is new of them.

    - A judgement or rating gives one row per dimension that the rubrics apply to the trace's task, and one per
      failure mode, found or not. Judgements without scores give rows without a score; those not made yet give
      none.
    - A clinician's rating of a hidden duplicate is repeat 2. Superseded ratings are left out. A dimension that
      a rating does not mention, or a score off the scale (made with another rubric), is `unparsed`.
    - Of several audits the strata keep their audit's id in front of their names, as each was drawn for itself.

    `audit_ids` are ids or unique beginnings. Raises UsageError for an empty list, an unknown id, audits whose
    scales of one dimension differ or that share a trace; DataError for unreadable files.
    """
    from spinebench.store.ingest_audits import ingest_audit

    audits = {audit.audit_id: audit for audit in map(workspace.audit, audit_ids)}
    if not audits:
        raise UsageError("audits: expected at least one id; name one, or 'latest'")
    made = _Rows(several=len(audits) > 1)
    for audit in audits.values():
        ingest_audit(workspace, audit.audit_id)
        made.add(audit, workspace.database.queries(_QUERIES, {"audit_id": audit.audit_id}))
    return made.rows()


@dataclass
class _Rows:
    several: bool
    traces: dict[str, TraceRow] = field(default_factory=dict)
    strata: list[StratumRow] = field(default_factory=list)
    scores: list[ScoreRow] = field(default_factory=list)
    marks: list[MarkRow] = field(default_factory=list)
    scales: dict[str, tuple[int, ...]] = field(default_factory=dict)
    adjudicated: dict[tuple[str, str], int | None] = field(default_factory=dict)
    stale: list[str] = field(default_factory=list)
    locked: list[bool] = field(default_factory=list)
    declared_by: dict[str, str] = field(default_factory=dict)
    """Dimension -> the audit that declared its scale."""
    hashes: dict[str, list[str]] = field(default_factory=lambda: {"prompt": [], "rubric": []})
    """Of the audits so far."""

    def rows(self) -> AuditRows:
        return AuditRows(
            traces=tuple(self.traces.values()),
            strata=tuple(self.strata),
            scores=tuple(self.scores),
            marks=tuple(self.marks),
            scales=self.scales,
            adjudicated=self.adjudicated,
            stale=tuple(self.stale),
            locked=all(self.locked),
        )

    def add(self, audit: AuditFolder, tables: Mapping[str, pyarrow.Table]) -> None:
        found = {
            name: table.select(_READ.get(name, table.column_names)).to_pylist()
            for name, table in tables.items()
        }
        spec = audit.spec()
        asked = _Asked.of(spec)
        self._add_scales(asked, spec)
        prefix = f"{spec.audit_id}:" if self.several else ""
        self.strata += [_stratum(row, prefix) for row in found["audit_strata"]]
        for row in found["audit_traces"]:
            if row["trace_id"] in self.traces:
                raise UsageError(
                    f"trace {row['trace_id']!r}: expected audits without a trace in common, but "
                    f"{spec.audit_id!r} and an earlier one share it; name one of them"
                )
            self.traces[row["trace_id"]] = _trace(row, prefix)
        self._add_judgements(asked, found)
        self._add_ratings(asked, found)
        for row in found["adjudications"]:
            self.adjudicated[row["trace_id"], row["dimension"]] = row["score"]
        self.stale += _stale(spec, found)
        self._compare(spec)
        self.locked += [row["locked_at"] is not None for row in found["audits"]]

    def _add_scales(self, asked: _Asked, spec: AuditSpec) -> None:
        for dimension in asked.dimensions:
            known = self.scales.setdefault(dimension.id, dimension.scale)
            first = self.declared_by.setdefault(dimension.id, spec.audit_id)
            if known != dimension.scale:
                raise UsageError(
                    f"audits {first!r} and {spec.audit_id!r}: expected one scale of {dimension.id!r}, but the one "
                    f"has {list(known)} and the other {list(dimension.scale)}; name audits of one rubric"
                )

    def _compare(self, spec: AuditSpec) -> None:
        for name, own in (("prompt", spec.prompt_hash), ("rubric", spec.rubric_hash)):
            if self.hashes[name] and own not in self.hashes[name]:
                self.stale.append(f"{name}: audit {spec.audit_id} has another {name} than those before it")
            self.hashes[name].append(own)

    def _add_judgements(self, asked: _Asked, found: Mapping[str, list[_Row]]) -> None:
        given = {(row["judgement_id"], row["dimension"]): row["score"] for row in found["judge_scores"]}
        marked = {(row["judgement_id"], row["mode"]) for row in found["judge_marks"]}
        for row in found["judgements"]:
            own_id, trace_id, judge, repeat = (
                row["judgement_id"],
                row["trace_id"],
                row["judge"],
                row["repeat"],
            )
            status: _Status = row["status"]
            for dimension in asked.dimensions_of[row["task"]]:
                score = given.get((own_id, dimension.id)) if status == "scored" else None
                score = score if score in dimension.scale else None
                said: _Status = "unparsed" if status == "scored" and score is None else status
                self.scores.append(ScoreRow(trace_id, dimension.id, "judge", judge, repeat, score, said))
            for mode in asked.modes_of[row["task"]]:
                present = (own_id, mode.id) in marked if status == "scored" else None
                self.marks.append(MarkRow(trace_id, mode.id, "judge", judge, repeat, present))

    def _add_ratings(self, asked: _Asked, found: Mapping[str, list[_Row]]) -> None:
        given = {(row["rating_id"], row["dimension"]): row for row in found["rating_scores"]}
        marked = {(row["rating_id"], row["mode"]) for row in found["rating_marks"]}
        # Two packets of one trace that are no duplicates of each other cannot be told apart: the later counts.
        latest = {(row["rater"], row["trace_id"], row["duplicate"]): row for row in found["ratings"]}
        for row in latest.values():
            trace_id, rater, repeat = row["trace_id"], row["rater"], 2 if row["duplicate"] else 1
            for dimension in asked.dimensions_of[row["task"]]:
                rated = given.get((row["rating_id"], dimension.id))
                if rated is not None and rated["cannot_assess"]:
                    self.scores.append(
                        ScoreRow(trace_id, dimension.id, "clinician", rater, repeat, None, "cannot_assess")
                    )
                    continue
                score = rated["score"] if rated is not None and rated["score"] in dimension.scale else None
                said = ScoreRow(
                    trace_id,
                    dimension.id,
                    "clinician",
                    rater,
                    repeat,
                    score,
                    "scored" if score is not None else "unparsed",
                )
                self.scores.append(said)
            for mode in asked.modes_of[row["task"]]:
                present = (row["rating_id"], mode.id) in marked
                self.marks.append(MarkRow(trace_id, mode.id, "clinician", rater, repeat, present))


@dataclass(frozen=True, slots=True)
class _Asked:
    """What the rubrics of an audit ask about."""

    dimensions: tuple[Dimension, ...]
    dimensions_of: Mapping[str, tuple[Dimension, ...]]
    """By task; so too the modes."""
    modes_of: Mapping[str, tuple[FailureMode, ...]]

    @classmethod
    def of(cls, spec: AuditSpec) -> _Asked:
        try:
            rubrics = [Rubric.model_validate(content) for content in spec.rubrics]
        except ValidationError as error:
            raise DataError(
                f"audit {spec.audit_id!r}: expected rubrics of this version in its audit.json, but {error}; "
                "use the version of spinebench that wrote it"
            ) from None
        dimensions = tuple(dimension for rubric in rubrics for dimension in rubric.dimensions)
        modes = tuple(mode for rubric in rubrics for mode in rubric.failure_modes)
        return cls(
            dimensions,
            {task.value: tuple(one for one in dimensions if one.applies_to(task)) for task in Task},
            {task.value: tuple(one for one in modes if one.applies_to(task)) for task in Task},
        )


def _trace(row: _Row, prefix: str) -> TraceRow:
    return TraceRow(
        trace_id=row["trace_id"],
        run_id=row["run_id"],
        model=row["model"],
        task=row["task"],
        image=row["image"],
        cluster=row["cluster"],
        correct=row["correct"],
        outcome=row["outcome"],
        stratum=prefix + row["stratum"],
        probability=row["probability"],
        rating_probability=row["rating_probability"],
        referred=row["referred"],
        split=row["split"],
        simulated=row["simulated"],
    )


def _stratum(row: _Row, prefix: str) -> StratumRow:
    return StratumRow(
        stratum=prefix + row["stratum"],
        model=row["model"],
        task=row["task"],
        n_frame=row["n_frame"],
        n_drawn=row["n_drawn"],
    )


def _stale(spec: AuditSpec, found: Mapping[str, list[_Row]]) -> Iterator[str]:
    """What differs, within the audit, from what it declared."""
    n_ratings = len(found["ratings"])
    n_other = sum(row["rubric_hash"] != spec.rubric_hash for row in found["ratings"])
    if n_other:
        yield f"rubric: {n_other} of {n_ratings} ratings were made with other rubrics than the audit's"
    versions: defaultdict[str, list[_Row]] = defaultdict(list)
    for row in found["judge_versions"]:
        versions[row["judge"]].append(row)
    for judge, rows in versions.items():
        n = sum(row["n"] for row in rows)
        for name, declared, what in (
            ("prompt", spec.prompt_hash, "another prompt"),
            ("rubric", spec.rubric_hash, "other rubrics"),
        ):
            n_other = sum(row["n"] for row in rows if row[f"{name}_hash"] != declared)
            if n_other:
                yield f"{name}: {n_other} of {n} judgements by {judge} were made with {what} than the audit's"
        models = sorted({row["provider_model"] for row in rows} - {None})
        if len(models) > 1:
            yield f"judge: {judge} answered as {len(models)} models: {', '.join(models)}"
