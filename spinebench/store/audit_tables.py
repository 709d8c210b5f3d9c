"""From the records of an audit to the rows of its tables. What a row means stands in the migration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, TypeAlias

from spinebench.audit_records import (
    Adjudicated,
    Assignment,
    AuditSpec,
    AuditTrace,
    Judgement,
    RaterCard,
    Rating,
    RatingLock,
    Review,
)
from spinebench.records import JsonValue, canonical_json
from spinebench.store.statements import utc

if TYPE_CHECKING:
    import duckdb

Row: TypeAlias = dict[str, JsonValue]


class Rows:
    """Rows that wait to be inserted, by table."""

    def __init__(self, spec: AuditSpec) -> None:
        self._of = {"audit_id": spec.audit_id}
        self._labels = {"simulated": spec.simulated, "partial": spec.partial}
        self._rows: dict[str, list[Row]] = {}

    def insert(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Insert them all."""
        for table, rows in self._rows.items():
            insert(connection, table, rows)

    def stratum(self, name: str, n_frame: int, n_drawn: int) -> None:
        """`name` is `task/model/<facet>`; a model's name may itself hold slashes."""
        task, _, rest = name.partition("/")
        self._add(
            "audit_strata",
            {
                "stratum": name,
                "model": rest.rpartition("/")[0] or rest,
                "task": task,
                "n_frame": n_frame,
                "n_drawn": n_drawn,
            },
            labelled=False,
        )

    def trace(self, trace: AuditTrace, position: int) -> None:
        """One drawn trace."""
        pick, item, answer = trace.pick, trace.item, trace.answer
        key, drawn = answer.key, trace.pick.trace
        self._add(
            "audit_traces",
            {
                "trace_id": drawn.trace_id,
                "position": position,
                "run_id": drawn.run_id,
                "answer_id": key.id(),
                "item_id": drawn.item_id,
                "model": drawn.model,
                "persona": key.persona,
                "image_condition": key.image_condition.value,
                "option_order": key.option_order,
                "epoch": key.epoch,
                "benchmark": item.benchmark,
                "task": drawn.task.value,
                "disease": item.disease,
                "modality": item.modality,
                "source": item.source,
                "image": drawn.image,
                "cluster": drawn.cluster,
                "correct": drawn.correct,
                "outcome": drawn.outcome,
                "stratum": pick.stratum,
                "u": pick.u,
                "probability": pick.probability,
                "drawn_by": pick.by,
                "split": pick.split.value,
                "text_sha256": drawn.text_sha256,
                "question": item.question,
                "options": list(trace.options),
                "gold": list(item.gold),
                "chosen": list(trace.scored.grade.chosen) if trace.scored else [],
                "text": answer.text,
                "reasoning": answer.reasoning,
                "images": canonical_json([image.model_dump(mode="json") for image in answer.images]),
                "item_images": canonical_json([image.model_dump(mode="json") for image in item.images]),
                "subspecialty": item.subspecialty,
                "language": item.language,
            },
        )

    def usage(self, judgement: Judgement, line: int) -> None:
        """What a judgement cost, kept also where a later one takes its place."""
        of = {"judgement_id": judgement.key.id(), "line": line, "judge": judgement.key.judge}
        for number, reply in enumerate(judgement.replies, start=1):
            self._add(
                "judge_usage",
                {**of, "number": number, **reply.usage.model_dump(), "reused": reply.reused},
            )
        for failure in judgement.failures:
            self._add(
                "judge_failures",
                {
                    **of,
                    "trace_id": judgement.key.trace_id,
                    "attempt": failure.attempt,
                    "failure_class": failure.failure_class.value,
                    "message": failure.message,
                    "status_code": failure.status_code,
                    "retryable": failure.retryable,
                    "failed_at": utc(failure.at),
                },
                labelled=False,
            )

    def judgement(self, judgement: Judgement, line: int) -> None:
        """The latest judgement of its key."""
        key = judgement.key
        of = {
            "judgement_id": key.id(),
            "trace_id": key.trace_id,
            "judge": key.judge,
            "repeat": key.repeat,
        }
        self._add(
            "judgements",
            {
                **of,
                "line": line,
                "status": judgement.status.value,
                "n_replies": len(judgement.replies),
                "n_failures": len(judgement.failures),
                "steering": list(judgement.steering),
                "prompt_hash": judgement.prompt_hash,
                "rubric_hash": judgement.rubric_hash,
                "shown_sha256": judgement.shown_sha256,
                "judged_at": utc(judgement.at),
            },
        )
        for score in judgement.scores:
            self._add("judge_scores", {**of, **score.model_dump(mode="json")})
        for mark in judgement.failure_modes:
            self._add("judge_marks", {**of, **mark.model_dump(mode="json")})
        for number, claim in enumerate(judgement.claims, start=1):
            self._add("judge_claims", {**of, "number": number, **claim.model_dump(mode="json")})
        for number, reply in enumerate(judgement.replies, start=1):
            self._add(
                "judge_replies",
                {
                    "judgement_id": key.id(),
                    "number": number,
                    "text": reply.text,
                    "reasoning": reply.reasoning,
                    "problems": list(reply.problems),
                    "request_hash": reply.request_hash,
                    "response_id": reply.response_id,
                    "provider_model": reply.provider_model,
                },
                labelled=False,
            )

    def review(self, review: Review, line: int) -> None:
        """The latest review of its trace."""
        self._add(
            "reviews",
            {
                "trace_id": review.trace_id,
                "line": line,
                "n_unparsed": review.n_unparsed,
                "refers_by": [reason.value for reason in review.refers_by],
                "rating_probability": review.rating_probability,
                "reviewed_at": utc(review.at),
            },
        )
        for votes in review.dimensions:
            self._add("review_dimensions", {"trace_id": review.trace_id, **votes.model_dump(mode="json")})
        for check in review.checks:
            self._add("trace_checks", {"trace_id": review.trace_id, **check.model_dump(mode="json")})

    def rating(self, rating: Rating, line: int) -> None:
        """A rating, superseded or not."""
        of = {"rating_id": rating.rating_id, "rater": rating.rater, "trace_id": rating.trace_id}
        simulated = self._labels["simulated"] or rating.source == "simulated"
        self._add(
            "ratings",
            {
                **of,
                "line": line,
                "packet_id": rating.packet_id,
                "duplicate": rating.duplicate,
                "comment": rating.comment,
                "safety": rating.safety,
                "opened_at": utc(rating.opened_at) if rating.opened_at else None,
                "saved_at": utc(rating.saved_at) if rating.saved_at else None,
                "active_s": rating.active_s,
                "rubric_hash": rating.rubric_hash,
                "shown_sha256": rating.shown_sha256,
                "source": rating.source,
                "taken_in_at": utc(rating.at),
            },
            simulated=simulated,
        )
        for one in rating.dimensions:
            self._add("rating_scores", {**of, **one.model_dump(mode="json")}, simulated=simulated)
        for mode in dict.fromkeys(rating.failure_modes):
            self._add("rating_marks", {**of, "mode": mode}, simulated=simulated)

    def lock(self, lock: RatingLock, line: int) -> None:
        """A lock of the ratings."""
        self._add(
            "rating_locks",
            {
                "line": line,
                "locked_at": utc(lock.at),
                "n_ratings": lock.n_ratings,
                "ratings_hash": lock.ratings_hash,
            },
            labelled=False,
        )

    def adjudicated(self, decided: Adjudicated, line: int) -> None:
        """The latest decision on its trace and dimension."""
        self._add(
            "adjudications",
            {
                "trace_id": decided.trace_id,
                "dimension": decided.dimension,
                "line": line,
                "score": decided.score,
                "decided_by": decided.by,
                "rater": decided.rater,
                "note": decided.note,
                "decided_at": utc(decided.at),
            },
        )

    def assignment(self, assignment: Assignment) -> None:
        """What one rater rates."""
        for one in assignment.traces:
            self._add(
                "assignments",
                {
                    "rater": assignment.rater,
                    "seed": Decimal(assignment.seed),
                    "assigned_at": utc(assignment.created_at),
                    **one.model_dump(mode="json"),
                },
                labelled=False,
            )

    def _add(
        self, table: str, row: Mapping[str, JsonValue], *, labelled: bool = True, simulated: bool = False
    ) -> None:
        labels = {**self._labels, "simulated": self._labels["simulated"] or simulated} if labelled else {}
        self._rows.setdefault(table, []).append({**self._of, **row, **labels})


def rater_row(card: RaterCard) -> Row:
    """The row of a rater's card."""
    return card.model_dump(mode="json")


def insert(connection: duckdb.DuckDBPyConnection, table: str, rows: Sequence[Row]) -> None:
    """Insert rows by the names of their columns; a column that a row does not name is NULL.

    By way of Arrow, in one go: a statement per row takes far longer.
    """
    import pyarrow

    if not rows:
        return
    schema = connection.table(table).limit(0).to_arrow_table().schema
    unknown = {name for row in rows for name in row} - set(schema.names)
    assert not unknown, f"table {table} has no columns {sorted(unknown)}"
    connection.from_arrow(pyarrow.Table.from_pylist(list(rows), schema=schema)).insert_into(table)


def spec_params(spec: AuditSpec) -> dict[str, JsonValue]:
    """The row of `audits`, as parameters of `loading/audit.sql`."""
    sample = spec.sample
    return {
        "audit_id": spec.audit_id,
        "created_at": utc(spec.created_at),
        "run_ids": list(sample.run_ids),
        "judges": list(spec.judges),
        "repeats": spec.repeats,
        "rubrics": canonical_json(list(spec.rubrics)),
        "rubric_hash": spec.rubric_hash,
        "prompt_hash": spec.prompt_hash,
        "shows_image": spec.blinding.image,
        "shows_gold": spec.blinding.gold,
        "mode": sample.mode.value,
        "strata_by": sample.strata_by.value,
        "per_cell": sample.per_cell,
        "tuning_share": sample.tuning_share,
        "sample_seed": sample.seed,
        "n_frame": sample.n_frame,
        "frame_hash": sample.frame_hash,
        "random_share": spec.random_share,
        "seed": spec.seed,
        "n_traces": spec.n_traces,
        "simulated": spec.simulated,
        "partial": spec.partial,
        "digest": spec.digest,
        "digest_parts": canonical_json(spec.digest_parts),
        "plan": canonical_json(spec.plan),
        "versions": canonical_json(spec.versions),
    }
