"""Level awareness per model: how often the levels and sides a text names are those of the reference."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

import numpy as np

from spinebench.evaluators.clustered import BoolArray, IntArray, proportion
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.comparing import (
    COMPARED,
    FindingOutcome,
    FindingVerdict,
    LevelComparison,
    LevelFinding,
    NamedVerdict,
    Support,
    compare_levels,
)
from spinebench.evaluators.proportions import z_quantile
from spinebench.records import Record


class LevelText(Record):
    """One answer or report with its reference."""

    model: str
    item_id: str
    cluster: str
    """The study, patient or image that several items share: the unit of errors. The item's id where there is none."""
    text: str | None
    """None: no answer came; every finding of the reference is missed."""
    reference: str | tuple[LevelFinding, ...]
    """A reference text, or the levels themselves; see `compare_levels`."""


class ModelLevels(Record):
    """The level table's row of one model. Every figure carries its denominator and interval."""

    model: str
    n_texts: int
    n_silent: int
    """Texts that name no level, absent ones with them."""
    n_without_findings: int
    """Texts whose reference has no level: they have no part in the shares of findings."""
    outcomes: dict[FindingOutcome, Estimate]
    """Of all findings of the references; the five shares add up to 1."""
    exact_or_within_one: Estimate
    """Of all findings: named at the level, whatever the side, or at most one level away."""
    wrong_side: Estimate
    """Of the findings with a side whose level is named with a side."""
    support: dict[Support, Estimate]
    """Of all levels named, each once per text; the three shares add up to 1."""
    denied: Estimate
    """Of all levels named: those of which the reference text says that there is nothing."""
    all_right: Estimate
    """Of all texts: every finding exact and no level unsupported."""


def level_report(
    rows: Iterable[LevelText], *, kinds: frozenset[Kind] = COMPARED, level: float = 0.95
) -> tuple[ModelLevels, ...]:
    """One row per model, in the order in which the models come first. No rows: ().

    A model's shares are of findings or named levels pooled over its texts, so a text with many levels weighs more.
    Intervals: Wilson's where every unit is a cluster of its own, else the cluster-robust t interval over `cluster`
    (see `evaluators.clustered`). A share without denominator is undefined and says why.
    """
    z_quantile(level)
    texts: dict[str, list[tuple[LevelText, LevelComparison]]] = {}
    for row in rows:
        compared = compare_levels(row.text, row.reference, kinds=kinds)
        texts.setdefault(row.model, []).append((row, compared))
    return tuple(_of_model(model, mine, level) for model, mine in texts.items())


def _of_model(model: str, mine: Sequence[tuple[LevelText, LevelComparison]], level: float) -> ModelLevels:
    codes: dict[str, int] = {}
    clusters = [codes.setdefault(row.cluster, len(codes)) for row, _ in mine]
    compared = [one for _, one in mine]
    findings = [(code, one) for code, each in zip(clusters, compared, strict=True) for one in each.findings]
    named = [(code, one) for code, each in zip(clusters, compared, strict=True) for one in each.named]
    sided = [
        (code, one)
        for code, one in findings
        if one.side is not None and one.named_side is not None and one.distance == 0
    ]

    def of_findings(name: str, hit: Callable[[FindingVerdict], bool]) -> Estimate:
        return _share(f"{name}, of findings", findings, hit, level, "the references name no level")

    def of_named(name: str, hit: Callable[[NamedVerdict], bool]) -> Estimate:
        return _share(f"{name}, of named levels", named, hit, level, "the texts name no level")

    def with_outcome(outcome: FindingOutcome) -> Callable[[FindingVerdict], bool]:
        return lambda one: one.outcome is outcome

    def with_support(support: Support) -> Callable[[NamedVerdict], bool]:
        return lambda one: one.support is support

    return ModelLevels(
        model=model,
        n_texts=len(mine),
        n_silent=sum(not one.named for one in compared),
        n_without_findings=sum(not one.findings for one in compared),
        outcomes={
            outcome: of_findings(outcome.value.replace("_", " "), with_outcome(outcome))
            for outcome in FindingOutcome
        },
        exact_or_within_one=of_findings(
            "level exact or within one", lambda one: one.outcome is not FindingOutcome.MISSED
        ),
        wrong_side=_share(
            "wrong side, of findings with a side named at their level",
            sided,
            with_outcome(FindingOutcome.WRONG_SIDE),
            level,
            "no finding with a side was named at its level with a side",
        ),
        support={support: of_named(support.value, with_support(support)) for support in Support},
        denied=of_named("denied by the reference", lambda one: one.denied),
        all_right=_share(
            "all findings exact and nothing unsupported, of texts",
            list(zip(clusters, compared, strict=True)),
            lambda one: one.all_right,
            level,
            "no texts",
        ),
    )


_T = TypeVar("_T")


def _share(
    name: str, units: Sequence[tuple[int, _T]], hit: Callable[[_T], bool], level: float, empty: str
) -> Estimate:
    hits: BoolArray = np.array([hit(one) for _, one in units], dtype=bool)
    codes: IntArray = np.array([code for code, _ in units], dtype=np.int64)
    return proportion(name, hits, codes, level=level, empty=empty)
