"""Level awareness per model: how often the levels and sides a text names are those of the reference."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Sequence

import numpy as np

from spinebench.evaluators.clustered import BoolArray, IntArray, proportion
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.comparing import (
    COMPARED,
    FindingOutcome,
    LevelComparison,
    LevelFinding,
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
    tallies: dict[str, LevelTally] = {}
    for row in rows:
        tally = tallies.setdefault(row.model, LevelTally())
        tally.add(compare_levels(row.text, row.reference, kinds=kinds), row.cluster)
    return tuple(tally.levels(model, level=level) for model, tally in tallies.items())


class LevelTally:
    """The comparisons of one model, one after the other; of each a few numbers are kept and no text."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}
        self._texts = _Units()
        self._findings = _Units()
        self._sided = _Units()
        self._named = _Units()
        self._denied = _Units()
        self.n_silent = 0
        """Texts that name no level."""
        self.n_without_findings = 0

    @property
    def n_texts(self) -> int:
        return len(self._texts.values)

    def add(self, compared: LevelComparison, cluster: str) -> None:
        """Take in one text."""
        code = self._codes.setdefault(cluster, len(self._codes))
        self._texts.add(compared.all_right, code)
        self.n_silent += not compared.named
        self.n_without_findings += not compared.findings
        for finding in compared.findings:
            self._findings.add(_OUTCOMES.index(finding.outcome), code)
            if finding.side is not None and finding.named_side is not None and finding.distance == 0:
                self._sided.add(finding.outcome is FindingOutcome.WRONG_SIDE, code)
        for named in compared.named:
            self._named.add(_SUPPORTS.index(named.support), code)
            self._denied.add(named.denied, code)

    def levels(self, model: str, *, level: float = 0.95) -> ModelLevels:
        """The row of the table. Nothing added: counts of 0 and undefined shares."""

        def of_findings(name: str, *outcomes: FindingOutcome) -> Estimate:
            wanted = [_OUTCOMES.index(one) for one in outcomes]
            return self._findings.share(f"{name}, of findings", wanted, level, "the references name no level")

        def of_named(name: str, units: _Units, *wanted: int) -> Estimate:
            return units.share(f"{name}, of named levels", wanted, level, "the texts name no level")

        return ModelLevels(
            model=model,
            n_texts=self.n_texts,
            n_silent=self.n_silent,
            n_without_findings=self.n_without_findings,
            outcomes={one: of_findings(one.value.replace("_", " "), one) for one in _OUTCOMES},
            exact_or_within_one=of_findings(
                "level exact or within one", *(one for one in _OUTCOMES if one is not FindingOutcome.MISSED)
            ),
            wrong_side=self._sided.share(
                "wrong side, of findings with a side named at their level",
                [1],
                level,
                "no finding with a side was named at its level with a side",
            ),
            support={one: of_named(one.value, self._named, place) for place, one in enumerate(_SUPPORTS)},
            denied=of_named("denied by the reference", self._denied, 1),
            all_right=self._texts.share(
                "all findings exact and nothing unsupported, of texts", [1], level, "no texts"
            ),
        )


_OUTCOMES = tuple(FindingOutcome)
_SUPPORTS = tuple(Support)


class _Units:
    """What each unit of a denominator came to, and its cluster: nine bytes a unit."""

    def __init__(self) -> None:
        self.values = array("b")
        self.codes = array("l")

    def add(self, value: int, code: int) -> None:
        self.values.append(value)
        self.codes.append(code)

    def share(self, name: str, wanted: Sequence[int], level: float, empty: str) -> Estimate:
        values = np.array(self.values, dtype=np.int8)
        codes: IntArray = np.array(self.codes, dtype=np.int64)
        hits: BoolArray = np.isin(values, wanted)
        return proportion(name, hits, codes, level=level, empty=empty)
