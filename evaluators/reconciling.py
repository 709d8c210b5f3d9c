"""What a panel's votes on a trace come to, whether clinicians are to see it, and how many votes the panel is worth."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from itertools import pairwise
from statistics import median
from typing import TYPE_CHECKING, Literal, Self

from pydantic import Field, model_validator

from spinebench.audit_records import (
    AuditTrace,
    DimensionVotes,
    Judgement,
    JudgementStatus,
    RefersBy,
    TraceCheck,
)
from spinebench.records import Record

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

DISAGREEMENT_LEVELS = 2
"""Levels of the scale between two votes from which clinicians are asked."""
LOW_SHARE = 0.4
"""Share of a scale's values, from its lowest, that counts as a low score: 1 and 2 of 1 to 5."""
_USUAL_SCALE = (1, 2, 3, 4, 5)
_CONTRADICTION = "contradiction"
"""The failure mode of the shipped rubric."""
_LEAST_UNITS = 3


def reconcile(judgements: Sequence[Judgement], *, dimensions: Sequence[str]) -> tuple[DimensionVotes, ...]:
    """Votes, median and spread of each dimension, in the order given, over all judges and repeats.

    Only scored judgements vote. No vote: median None; below two: spread None.
    """
    found: list[DimensionVotes] = []
    for dimension in dimensions:
        votes = tuple(
            score.score
            for judgement in judgements
            if judgement.status is JudgementStatus.SCORED
            for score in judgement.scores
            if score.dimension == dimension
        )
        found.append(
            DimensionVotes(
                dimension=dimension,
                votes=votes,
                median=float(median(votes)) if votes else None,
                spread=max(votes) - min(votes) if len(votes) > 1 else None,
            )
        )
    return tuple(found)


def highest_low_score(scale: Sequence[int]) -> int:
    """The largest score of a scale that counts as low: the lower 40 % of its values, at least the lowest."""
    return scale[max(1, int(LOW_SHARE * len(scale))) - 1]


def referral(
    trace: AuditTrace,
    votes: Sequence[DimensionVotes],
    checks: Sequence[TraceCheck],
    judgements: Sequence[Judgement],
    *,
    seed: int,
    random_share: float,
    scales: Mapping[str, Sequence[int]] | None = None,
) -> tuple[tuple[RefersBy, ...], float | None]:
    """Why a trace goes to clinicians (empty: it does not), and the probability that it was to go.

    `scales`: dimension -> declared values; 1 to 5 where a dimension is not named. Levels are counted on the scale: on
    1, 3, 5 the votes 1 and 3 are one level apart.

    The probability is 1 with a reason other than chance, else the random share; None where that is 0, since such a
    trace can never be rated and says nothing about those like it. A trace with a reason that chance drew too has
    both, so that the randomly drawn ones can be looked at alone.
    """
    known = scales or {}
    reasons: list[RefersBy] = []
    if any(_levels(one, known.get(one.dimension, _USUAL_SCALE)) >= DISAGREEMENT_LEVELS for one in votes):
        reasons.append(RefersBy.DISAGREEMENT)
    if _contradicts(checks, judgements):
        reasons.append(RefersBy.CONTRADICTION)
    if trace.pick.trace.correct and any(
        one.median is not None and one.median <= highest_low_score(known.get(one.dimension, _USUAL_SCALE))
        for one in votes
    ):
        reasons.append(RefersBy.RIGHT_FOR_WRONG_REASON)
    if any(judgement.status is JudgementStatus.UNPARSED for judgement in judgements):
        reasons.append(RefersBy.FAILED_CHECKS)
    probability = 1.0 if reasons else random_share or None
    if drawn_at_random(trace.trace_id, seed=seed, share=random_share):
        reasons.append(RefersBy.RANDOM)
    return tuple(reasons), probability


def _levels(votes: DimensionVotes, scale: Sequence[int]) -> int:
    """Steps of the scale between the lowest and the highest vote."""
    if len(votes.votes) < 2:
        return 0
    low, high = min(votes.votes), max(votes.votes)
    return sum(low < upper <= high for _, upper in pairwise(scale))


def _contradicts(checks: Sequence[TraceCheck], judgements: Sequence[Judgement]) -> bool:
    """By the deterministic check, or in the eyes of more than half of the judgements that have scores."""
    if any(check.name == "conclusion" and check.verdict == "contradicts" for check in checks):
        return True
    scored = [one for one in judgements if one.status is JudgementStatus.SCORED]
    marked = sum(any(mark.mode == _CONTRADICTION for mark in one.failure_modes) for one in scored)
    return 2 * marked > len(scored)


def drawn_at_random(trace_id: str, *, seed: int, share: float) -> bool:
    """Whether the random share holds a trace: the same for ever, and raising the share keeps earlier ones.

    u = SHA-256 of `<seed>|referral|<trace id>` as UTF-8, its first 52 bits divided by 2**52; drawn where u < share.
    The word in the middle makes it independent of the numbers the sample was drawn by.
    """
    found = hashlib.sha256(f"{seed}|referral|{trace_id}".encode()).hexdigest()
    return int(found[:13], 16) / 2**52 < share


class EffectiveVotes(Record):
    """How many independent votes a panel is worth."""

    value: float | None
    """k / (1 + (k - 1) rho); None with the reason where it is undefined."""
    reason: str | None = None
    n_raters: int = Field(ge=0)
    n_units: int = Field(ge=0)
    """Traces with at least two votes."""
    n_missing: int = Field(ge=0)
    """Cells of the array without a vote (with `reference`: or without a reference)."""
    n_pairs: int = Field(ge=0)
    """Pairs of raters behind rho: three common traces or more, neither constant on them."""
    rho: float | None = None
    """Mean Pearson correlation over these pairs."""
    basis: Literal["errors", "votes"]
    warnings: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _undefined_has_a_reason(self) -> Self:
        if (self.value is None) != (self.reason is not None):
            raise ValueError("effective votes have either a value or a reason for having none")
        return self


_ROUNDING = 1e-9
"""A divisor of 0 as floating point leaves it: above, below or at 0 by the order of the raters."""


def effective_votes(votes: ArrayLike, *, reference: ArrayLike | None = None) -> EffectiveVotes:
    """Effective number of votes of a panel from `votes`, a traces x raters array with NaN for missing.

    n_eff = k / (1 + (k - 1) rho): the design effect of k equally correlated observations (Kish 1965, Survey Sampling,
    section 5.4), with rho the mean correlation over pairs of raters. With `reference` (one value per trace, such as
    the clinicians' median; NaN where there is none) rho is that of the errors, vote minus reference, which is what a
    panel cannot average out. Without it rho is that of the votes: what traces truly differ in counts as shared error,
    so the figure is a lower bound, and says so.

    Undefined below one rater, where no pair has three common traces with variation, and where rho is so negative
    that the formula has no meaning. One rater is one vote.
    """
    import numpy as np

    table = np.asarray(votes, dtype=float)
    if table.ndim != 2:
        raise ValueError(f"votes of shape {table.shape!r}: expected traces x raters")
    basis: Literal["errors", "votes"] = "votes" if reference is None else "errors"
    if reference is not None:
        truth = np.asarray(reference, dtype=float)
        if truth.shape != table.shape[:1]:
            raise ValueError(
                f"reference of shape {truth.shape!r}: expected one value for each of {len(table)} traces"
            )
        table = table - truth[:, None]
    k = table.shape[1]
    seen = np.isfinite(table)
    n_units = int((seen.sum(axis=1) > 1).sum())
    n_missing = int((~seen).sum())

    def result(value: float | None, reason: str | None = None, rho: float | None = None) -> EffectiveVotes:
        return EffectiveVotes(
            value=value, reason=reason, n_raters=k, n_units=n_units, n_missing=n_missing, n_pairs=len(found),
            rho=rho, basis=basis, warnings=tuple(warnings),
        )  # fmt: skip

    found: list[float] = []
    warnings: list[str] = []
    if k == 0:
        return result(None, "no raters")
    if k == 1:
        return result(1.0)
    left_out = 0
    for first in range(k):
        for second in range(first + 1, k):
            both = seen[:, first] & seen[:, second]
            x, y = table[both, first], table[both, second]
            if len(x) < _LEAST_UNITS or np.ptp(x) == 0 or np.ptp(y) == 0:
                left_out += 1
                continue
            found.append(float(np.corrcoef(x, y)[0, 1]))
    if not found:
        return result(None, "no two raters have three common traces on which both vary")
    rho = float(np.mean(found))
    if left_out:
        warnings.append(
            f"{left_out} of {left_out + len(found)} pairs of raters have no correlation and are left out"
        )
    if basis == "votes":
        warnings.append(
            "from votes, not errors: what the traces truly differ in counts as shared error, so this is a lower bound"
        )
    divisor = 1 + (k - 1) * rho
    if divisor <= _ROUNDING:
        return result(
            None, f"a mean correlation of {rho:.3f} among {k} raters has no equivalent in votes", rho
        )
    if rho < 0:
        warnings.append(
            "the votes are negatively correlated: more than one vote per rater, seldom more than chance"
        )
    return result(k / divisor, rho=rho)
