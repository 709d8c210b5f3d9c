"""The agreement report of an audit: clinicians among themselves, and each judge beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np

from spinebench.evaluators.agreement.alternative_annotator import (
    AlternativeAnnotatorTest,
    alternative_annotator_test,
)
from spinebench.evaluators.agreement.claims import Claims, claims_of
from spinebench.evaluators.agreement.coefficients import gwet_ac
from spinebench.evaluators.agreement.differences import BlandAltman, bland_altman
from spinebench.evaluators.agreement.exact import percent_agreement
from spinebench.evaluators.agreement.icc import icc
from spinebench.evaluators.agreement.intervals import IntervalMethod, IntervalOptions
from spinebench.evaluators.agreement.kappa import weighted_kappa
from spinebench.evaluators.agreement.krippendorff import krippendorff_alpha
from spinebench.evaluators.agreement.marginals import (
    MarginalShift,
    MarginalTest,
    marginal_shift,
    stuart_maxwell,
)
from spinebench.evaluators.agreement.panel import (
    NonInferiority,
    PanelComparison,
    mean_pairwise_kappa,
    non_inferiority,
    panel_comparison,
)
from spinebench.evaluators.agreement.panel_correlation import (
    judge_correlation,
    mean_correlation_with_others,
    mean_pairwise_icc,
    row_means,
)
from spinebench.evaluators.agreement.ranking import RankingAgreement, ranking_agreement
from spinebench.evaluators.agreement.ratings import FloatArray
from spinebench.evaluators.agreement.result import FEW_UNITS, Agreement
from spinebench.evaluators.agreement.totals import JudgeTotals, TaskTotals, macro, total_agreement
from spinebench.evaluators.agreement.trace_table import (
    PANEL,
    Coverage,
    Repeats,
    TraceTable,
    lower_medians,
    trace_tables,
)
from spinebench.evaluators.agreement.within_models import WithinAndPooled, within_and_pooled
from spinebench.evaluators.audit_rows import AuditRows, Source
from spinebench.evaluators.reconciling import EffectiveVotes, effective_votes
from spinebench.records import Record


class HumanCeiling(Record):
    """Clinicians among themselves: what a judge can be expected to reach."""

    alpha: Agreement
    """Krippendorff, ordinal: the primary figure."""
    ac2: Agreement
    icc: Agreement
    """ICC(A,1) of the traces that all clinicians rated."""
    mean_kappa: Agreement
    pairwise_icc: Agreement
    """ICC(A,1), mean over pairs of clinicians."""
    pearson: Agreement
    """Mean over clinicians of r with the others' mean: beside the rest, never alone."""
    exact: Agreement
    within_one: Agreement
    marginals: dict[str, tuple[float, ...] | None]
    """Share of each value of the scale, per clinician."""


class JudgeClinician(Record):
    """A judge and one clinician."""

    clinician: str
    kappa: Agreement
    """Quadratic weights: the primary figure."""
    ac2: Agreement
    exact: Agreement
    within_one: Agreement
    differences: BlandAltman
    """Judge less clinician."""
    shift: MarginalShift
    """The confusion table, judge in rows."""
    margins: MarginalTest


class ModelBias(Record):
    """One model's traces: too few for a coefficient, so only these."""

    model: str
    differences: BlandAltman
    """Judge less the clinicians' mean."""
    exact: Agreement
    within_one: Agreement


class Repeatability(Record):
    """One rater's repeated scores of the same traces."""

    rater: str
    source: Source
    n_traces: int
    identical: Agreement
    """Mean share of pairs of repeats that are equal."""
    kappa: Agreement
    icc: Agreement
    """ICC(1,1): a repeat has no column of its own."""


class JudgeAgreement(Record):
    """One judge, or the median of all, beside the clinicians."""

    judge: str
    n_traces: int
    """With a score of this judge and of a clinician."""
    each: tuple[JudgeClinician, ...]
    panel: PanelComparison
    icc: Agreement
    """ICC(A,1) of the judge with each clinician, mean."""
    pearson: Agreement
    """With the clinicians' mean: beside the rest, never alone."""
    exact: Agreement
    """Mean over traces of the share of clinicians with the judge's score."""
    within_one: Agreement
    differences: BlandAltman
    """Judge less the clinicians' mean: bias and limits of agreement."""
    shift: MarginalShift
    """Judge against the clinicians' lower median."""
    margins: MarginalTest
    alternative_annotator: AlternativeAnnotatorTest
    non_inferiority: NonInferiority
    models: WithinAndPooled
    ranking: RankingAgreement
    per_model: tuple[ModelBias, ...]
    claims: Claims


class DimensionAgreement(Record):
    """One task and dimension."""

    task: str
    dimension: str
    scale: tuple[int, ...]
    n_traces: int
    """Validation traces with a score of anyone."""
    n_rated: int
    """With a clinician's score."""
    n_clusters: int
    """Studies, patients or images among the rated traces."""
    n_models: int
    clinicians: tuple[str, ...]
    ceiling: HumanCeiling
    judges: tuple[JudgeAgreement, ...]
    panel_votes: EffectiveVotes
    """What the judges together are worth, from their errors against the clinicians' mean."""
    repeatability: tuple[Repeatability, ...]
    coverage: tuple[Coverage, ...]


class AgreementReport(Record):
    """The report on all tasks and dimensions of an audit."""

    dimensions: tuple[DimensionAgreement, ...]
    totals: tuple[TaskTotals, ...] = ()
    """Of tasks with several dimensions of one scale."""
    n_tuning: int
    """Traces of the tuning split, left out."""
    level: float
    interval: IntervalMethod
    seed: int
    locked: bool
    stale: tuple[str, ...]
    simulated: bool
    warnings: tuple[str, ...] = ()


def agreement_report(
    rows: AuditRows,
    *,
    level: float = 0.95,
    seed: int = 0,
    interval: IntervalMethod = "jackknife",
    dimensions: Sequence[str] | None = None,
    judges: Sequence[str] | None = None,
    n_resamples: int = 2000,
) -> AgreementReport:
    """Agreement per task and dimension, on scores before adjudication, validation split only.

    A rater's first showing of a trace is its vote; later ones (a judge's repeats, hidden duplicates) are used for
    repeatability alone. Clusters are resampled whole. Every resampled figure starts from a generator seeded with
    `seed`, so each can be had again by itself. Coefficients over fewer than 10 independent traces are null with a
    reason. `dimensions` and `judges` choose among those there are; with two or more judges their median is added.
    """
    how = _How(level, seed, interval, n_resamples)
    tables = [one for one in trace_tables(rows) if dimensions is None or one.dimension in dimensions]
    warnings = []
    if not rows.locked:
        warnings.append("ratings are not locked: preliminary")
    if rows.stale:
        warnings.append("changed since the ratings: " + ", ".join(rows.stale))
    if not tables:
        warnings.append("no scores of validation traces")
    found = tuple(_dimension(table, rows, judges, how) for table in tables)
    return AgreementReport(
        dimensions=found,
        totals=tuple(_totals(tables, found, judges, how)),
        n_tuning=sum(trace.split != "validation" for trace in rows.traces),
        level=level,
        interval=interval,
        seed=seed,
        locked=rows.locked,
        stale=rows.stale,
        simulated=any(trace.simulated for trace in rows.traces),
        warnings=tuple(warnings),
    )


class _How:
    """How intervals are made throughout a report."""

    def __init__(self, level: float, seed: int, interval: IntervalMethod, n_resamples: int) -> None:
        self.level, self.seed, self.interval, self.n_resamples = level, seed, interval, n_resamples

    def rng(self) -> np.random.Generator:
        return np.random.default_rng(self.seed)

    def options(self, clusters: Sequence[str], comparator: str) -> IntervalOptions:
        return {
            "clusters": clusters,
            "level": self.level,
            "interval": self.interval,
            "rng": self.rng() if self.interval == "bca" else None,
            "n_resamples": self.n_resamples,
            "comparator": comparator,
        }


def _dimension(
    table: TraceTable, rows: AuditRows, judges: Sequence[str] | None, how: _How
) -> DimensionAgreement:
    rated = table.rated()
    votes = _votes(rated, judges)
    ceiling = _ceiling(rated, how)
    columns = [rated.judges.index(name) for name in _chosen(rated, judges)]
    return DimensionAgreement(
        task=table.task,
        dimension=table.dimension,
        scale=table.scale,
        n_traces=len(table.traces),
        n_rated=len(rated.traces),
        n_clusters=len(set(rated.clusters)),
        n_models=len(set(table.models)),
        clinicians=table.clinicians,
        ceiling=ceiling,
        judges=tuple(_judge(rated, name, column, rows, how) for name, column in votes.items()),
        panel_votes=effective_votes(rated.votes[:, columns], reference=row_means(rated.ratings)),
        repeatability=tuple(_repeatability(one, table.scale, how) for one in table.repeats),
        coverage=table.coverage,
    )


def _chosen(table: TraceTable, judges: Sequence[str] | None) -> list[str]:
    return [name for name in table.judges if judges is None or name in judges]


def _votes(table: TraceTable, judges: Sequence[str] | None) -> dict[str, FloatArray]:
    """Judge to its scores; of two or more the median too."""
    chosen = _chosen(table, judges)
    votes: dict[str, FloatArray] = {name: table.votes[:, table.judges.index(name)] for name in chosen}
    if len(chosen) > 1:
        votes[PANEL] = lower_medians(table.votes[:, [table.judges.index(name) for name in chosen]])
    return votes


def _totals(
    tables: Sequence[TraceTable],
    found: Sequence[DimensionAgreement],
    judges: Sequence[str] | None,
    how: _How,
) -> Iterator[TaskTotals]:
    for task in dict.fromkeys(one.task for one in found):
        own = [table.rated() for table in tables if table.task == task]
        reports = [one for one in found if one.task == task]
        if len(own) < 2 or len({table.scale for table in own}) > 1:
            continue
        votes = [_votes(table, judges) for table in own]
        names = [name for name in votes[0] if all(name in other for other in votes)]
        clinicians, with_judge = total_agreement(
            own,
            {name: [one[name] for one in votes] for name in names},
            how.options((), "totals over dimensions"),
        )
        by_judge = {
            name: [judge.pearson for one in reports for judge in one.judges if judge.judge == name]
            for name in names
        }
        yield TaskTotals(
            task=task,
            dimensions=tuple(one.dimension for one in reports),
            macro_pearson=macro([one.ceiling.pearson for one in reports]),
            icc=enough(clinicians),
            judges=tuple(
                JudgeTotals(judge=name, macro_pearson=macro(by_judge[name]), icc=enough(with_judge[name]))
                for name in names
            ),
        )


def _ceiling(table: TraceTable, how: _How) -> HumanCeiling:
    scale, ratings = table.scale, table.ratings
    options = how.options(table.clusters, "clinicians with each other")
    return HumanCeiling(
        alpha=enough(krippendorff_alpha(ratings, scale=scale, metric="ordinal", **options)),
        ac2=enough(gwet_ac(ratings, scale=scale, weights="quadratic", **options)),
        icc=enough(icc(ratings, scale=scale, form="A,1", **options)),
        mean_kappa=enough(mean_pairwise_kappa(ratings, scale=scale, **options)),
        pairwise_icc=enough(mean_pairwise_icc(ratings, scale=scale, **options)),
        pearson=enough(mean_correlation_with_others(ratings, scale=scale, **options)),
        exact=percent_agreement(ratings, scale=scale, **options),
        within_one=percent_agreement(ratings, scale=scale, within=1, **options),
        marginals={name: _shares(ratings[:, column], scale) for column, name in enumerate(table.clinicians)},
    )


def _judge(table: TraceTable, judge: str, votes: FloatArray, rows: AuditRows, how: _How) -> JudgeAgreement:
    scale, ratings = table.scale, table.ratings
    clusters = table.clusters
    options = how.options(clusters, f"{judge} with clinicians")
    means, medians = row_means(ratings), lower_medians(ratings)
    compared = panel_comparison(ratings, votes, scale=scale, **options)
    differences = bland_altman(
        np.column_stack([votes, means]),
        level=how.level,
        clusters=clusters,
        comparator=f"{judge} less clinicians' mean",
    )
    beside_median = np.column_stack([votes, medians])
    models = within_and_pooled(ratings, votes, table.models, scale=scale, **options)
    found = JudgeAgreement(
        judge=judge,
        n_traces=int((~np.isnan(votes) & ~np.isnan(means)).sum()),
        each=tuple(
            _with_clinician(judge, name, np.column_stack([votes, ratings[:, column]]), table, how)
            for column, name in enumerate(table.clinicians)
        ),
        panel=compared.model_copy(
            update={name: enough(getattr(compared, name)) for name in PanelComparison.model_fields}
        ),
        icc=enough(mean_pairwise_icc(ratings, judge=votes, scale=scale, **options)),
        pearson=enough(judge_correlation(ratings, votes, scale=scale, **options)),
        exact=percent_agreement(ratings, scale=scale, against=votes, **options),
        within_one=percent_agreement(ratings, scale=scale, against=votes, within=1, **options),
        differences=differences,
        shift=marginal_shift(beside_median, scale=scale),
        margins=stuart_maxwell(beside_median, scale=scale),
        alternative_annotator=alternative_annotator_test(ratings, votes, scale=scale, clusters=clusters),
        non_inferiority=non_inferiority(
            ratings,
            votes,
            scale=scale,
            rng=how.rng(),
            clusters=clusters,
            level=how.level,
            n_resamples=how.n_resamples,
        ),
        models=models.model_copy(update={"pooled": enough(models.pooled), "within": enough(models.within)}),
        ranking=ranking_agreement(
            ratings,
            votes,
            table.models,
            rng=how.rng(),
            clusters=clusters,
            level=how.level,
            n_resamples=how.n_resamples,
        ),
        per_model=tuple(_per_model(table, name, votes, means, how) for name in sorted(set(table.models))),
        claims=Claims(may=(), may_not=()),
    )
    return found.model_copy(
        update={
            "claims": claims_of(
                judge,
                differences,
                found.panel,
                found.alternative_annotator,
                found.non_inferiority,
                table,
                rows,
            )
        }
    )


def _with_clinician(
    judge: str, clinician: str, pairs: FloatArray, table: TraceTable, how: _How
) -> JudgeClinician:
    scale = table.scale
    both = (~np.isnan(pairs)).all(axis=1)
    pairs = pairs[both]
    clusters = [table.clusters[place] for place in np.flatnonzero(both).tolist()]
    options = how.options(clusters, f"{judge} with {clinician}")
    return JudgeClinician(
        clinician=clinician,
        kappa=enough(weighted_kappa(pairs, scale=scale, **options)),
        ac2=enough(gwet_ac(pairs, scale=scale, **options)),
        exact=percent_agreement(pairs, scale=scale, **options),
        within_one=percent_agreement(pairs, scale=scale, within=1, **options),
        differences=bland_altman(
            pairs, level=how.level, clusters=clusters, comparator=f"{judge} less {clinician}"
        ),
        shift=marginal_shift(pairs, scale=scale),
        margins=stuart_maxwell(pairs, scale=scale),
    )


def _per_model(table: TraceTable, model: str, votes: FloatArray, means: FloatArray, how: _How) -> ModelBias:
    own = np.array([name == model for name in table.models])
    clusters = [cluster for cluster, one in zip(table.clusters, own, strict=True) if one]
    options = how.options(clusters, f"judge with clinicians, {model}")
    ratings = table.ratings[own]
    return ModelBias(
        model=model,
        differences=bland_altman(
            np.column_stack([votes, means])[own],
            level=how.level,
            clusters=clusters,
            comparator="judge less clinicians' mean",
        ),
        exact=percent_agreement(ratings, scale=table.scale, against=votes[own], **options),
        within_one=percent_agreement(ratings, scale=table.scale, against=votes[own], within=1, **options),
    )


def _repeatability(repeats: Repeats, scale: tuple[int, ...], how: _How) -> Repeatability:
    options = how.options(repeats.clusters, f"{repeats.rater} with itself")
    values = repeats.values
    return Repeatability(
        rater=repeats.rater,
        source=repeats.source,
        n_traces=len(values),
        identical=percent_agreement(values, scale=scale, **options),
        kappa=enough(mean_pairwise_kappa(values, scale=scale, **options)),
        icc=enough(icc(values, scale=scale, form="1,1", **options)),
    )


def enough(found: Agreement) -> Agreement:
    """The figure, or null with a reason below 10 independent units, where no coefficient is to be printed."""
    if found.value is None or found.n_clusters >= FEW_UNITS:
        return found
    reason = f"{found.n_clusters} independent traces, fewer than {FEW_UNITS}: no coefficient is given"
    return found.model_copy(
        update={
            "value": None,
            "reason": reason,
            "interval": None,
            "interval_reason": None,
            "other_intervals": (),
            "se": None,
        }
    )


def _shares(column: FloatArray, scale: tuple[int, ...]) -> tuple[float, ...] | None:
    known = column[~np.isnan(column)]
    if not len(known):
        return None
    return tuple(float((known == value).mean()) for value in scale)
