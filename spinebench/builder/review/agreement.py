"""How far reviewers agree on the items that two or more of them read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from spinebench.builder.records import Candidate, ReviewDecision
from spinebench.builder.review.checking import answer_of
from spinebench.records import MULTIPLE_ANSWER_TASKS, Record

if TYPE_CHECKING:
    from spinebench.evaluators.agreement import Agreement

_CODES = {"accept": 1.0, "correct": 2.0, "reject": 3.0}


class AgreementFigure(Record):
    """One figure, rounded to six digits. Undefined is `value` None with the reason."""

    name: str
    value: float | None
    reason: str | None = None
    low: float | None = None
    high: float | None = None
    """Of the 95 % interval; None where there is none, with `interval_reason`."""
    interval_reason: str | None = None
    n_items: int
    """Items with two decisions or more that are compared: the denominator."""
    n_clusters: int
    """Independent units (studies, patients) among them."""
    n_pairs: int
    """Pairs of decisions that are compared."""


class ReviewAgreement(Record):
    """Agreement on the doubly reviewed share, on the decision and on the right answer."""

    n_candidates: int
    """All items of the review."""
    n_double: int
    """Items with decisions of two reviewers or more, as they stand; the adjudicator's are not counted."""
    n_reviewers: int
    """Who took part in them."""
    simulated: bool
    """Whether any of these decisions is a simulated reviewer's."""
    decision: tuple[AgreementFigure, ...]
    """On accept, correct or reject, over `n_double` items: percent agreement; Cohen's kappa where the same two
    reviewers read all of them, else Fleiss' kappa; Krippendorff's alpha (nominal); Gwet's AC1 (three values)."""
    n_with_gold: int
    """Items of which two reviewers or more say what is right (they accepted or corrected)."""
    gold: tuple[AgreementFigure, ...]
    """On the right answer: percent agreement over `n_with_gold` items; Krippendorff's alpha (nominal) over those of
    them with a single right answer."""


def agreement_of(
    candidates: Sequence[Candidate], decisions: Iterable[ReviewDecision], *, reviewers: Sequence[str]
) -> ReviewAgreement:
    """Agreement over decisions that hold for the candidates as they are; those of others than `reviewers` are left out.

    Percent agreement is the mean over items of the share of agreeing pairs; intervals take whole clusters of items.
    """
    by_item: defaultdict[str, dict[str, ReviewDecision]] = defaultdict(dict)
    for one in decisions:
        if one.reviewer in reviewers:
            by_item[one.item_id][one.reviewer] = one
    double = [one for one in candidates if len(by_item.get(one.item.id, {})) >= 2]
    used = [by_item[one.item.id] for one in double]
    people = [name for name in reviewers if any(name in row for row in used)]
    clusters = [one.item.cluster for one in double]
    coded = [[_CODES[row[name].decision] if name in row else None for name in people] for row in used]
    answers = [
        {name: answer_of(row[name], one.item) for name in row} for one, row in zip(double, used, strict=True)
    ]
    with_gold = [
        (one, {name: gold for name, gold in row.items() if gold is not None})
        for one, row in zip(double, answers, strict=True)
    ]
    with_gold = [(one, row) for one, row in with_gold if len(row) >= 2]
    return ReviewAgreement(
        n_candidates=len(candidates),
        n_double=len(double),
        n_reviewers=len(people),
        simulated=any(one.simulated for row in used for one in row.values()),
        decision=_on_decisions(coded, clusters),
        n_with_gold=len(with_gold),
        gold=_on_gold(with_gold, people),
    )


def _on_decisions(coded: list[list[float | None]], clusters: list[str]) -> tuple[AgreementFigure, ...]:
    if not coded:
        return ()
    import numpy as np

    from spinebench.evaluators.agreement import (
        fleiss_kappa,
        gwet_ac,
        krippendorff_alpha,
        percent_agreement,
        weighted_kappa,
    )

    table = np.array(coded, dtype=np.float64)
    scale = tuple(_CODES.values())
    same_two = table.shape[1] == 2 and not np.isnan(table).any()
    kappa = weighted_kappa if same_two else fleiss_kappa
    return (
        _figure(percent_agreement(table, scale=scale, clusters=clusters)),
        _figure(kappa(table, scale=scale, weights="identity", clusters=clusters)),
        _figure(krippendorff_alpha(table, scale=scale, metric="nominal", clusters=clusters)),
        _figure(gwet_ac(table, scale=scale, weights="identity", clusters=clusters)),
    )


def _on_gold(
    with_gold: Sequence[tuple[Candidate, Mapping[str, tuple[str, ...]]]], people: Sequence[str]
) -> tuple[AgreementFigure, ...]:
    if not with_gold:
        return ()
    from spinebench.evaluators.agreement import krippendorff_alpha, percent_agreement

    figures = [
        _figure(
            percent_agreement(_coded(with_gold, people), clusters=[one.item.cluster for one, _ in with_gold])
        )
    ]
    single = [(one, row) for one, row in with_gold if one.item.task not in MULTIPLE_ANSWER_TASKS]
    if single:
        figures.append(
            _figure(
                krippendorff_alpha(
                    _coded(single, people),
                    metric="nominal",
                    clusters=[one.item.cluster for one, _ in single],
                )
            )
        )
    return tuple(figures)


def _coded(
    rows: Sequence[tuple[Candidate, Mapping[str, tuple[str, ...]]]], people: Sequence[str]
) -> list[list[float]]:
    """Items x reviewers: a number for each answer, the same for the same texts; NaN where none was given."""
    every = sorted({tuple(sorted(gold)) for _, row in rows for gold in row.values()})
    codes = {gold: float(place) for place, gold in enumerate(every)}
    return [
        [codes[tuple(sorted(row[name]))] if name in row else float("nan") for name in people]
        for _, row in rows
    ]


def _figure(found: Agreement) -> AgreementFigure:
    def rounded(value: float | None) -> float | None:
        return None if value is None else round(value, 6) + 0.0

    interval = found.interval
    return AgreementFigure(
        name=found.name,
        value=rounded(found.value),
        reason=found.reason,
        low=rounded(interval.low if interval else None),
        high=rounded(interval.high if interval else None),
        interval_reason=found.interval_reason,
        n_items=found.n_units,
        n_clusters=found.n_clusters,
        n_pairs=found.n_pairs,
    )
