"""Agreement between raters, and between a judge and clinicians: coefficients, tests, and the report of an audit."""

from spinebench.evaluators.agreement.alternative_annotator import (
    AlternativeAnnotatorTest,
    alternative_annotator_test,
)
from spinebench.evaluators.agreement.coefficients import (
    brennan_prediger,
    conger,
    fleiss_kappa,
    gwet_ac,
    scott_pi,
)
from spinebench.evaluators.agreement.concordance import kendall_w
from spinebench.evaluators.agreement.correlation import rank_correlation
from spinebench.evaluators.agreement.differences import BlandAltman, bland_altman
from spinebench.evaluators.agreement.dimension_table import DimensionTable, dimension_table
from spinebench.evaluators.agreement.exact import percent_agreement
from spinebench.evaluators.agreement.icc import icc
from spinebench.evaluators.agreement.kappa import BinaryAgreement, binary_agreement, weighted_kappa
from spinebench.evaluators.agreement.krippendorff import krippendorff_alpha
from spinebench.evaluators.agreement.marginals import (
    MarginalShift,
    MarginalTest,
    bhapkar,
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
from spinebench.evaluators.agreement.ranking import RankingAgreement, ranking_agreement
from spinebench.evaluators.agreement.ratings import ratings_from_table
from spinebench.evaluators.agreement.report import AgreementReport, agreement_report
from spinebench.evaluators.agreement.result import Agreement
from spinebench.evaluators.agreement.within_models import WithinAndPooled, within_and_pooled

__all__ = [
    "Agreement",
    "AgreementReport",
    "AlternativeAnnotatorTest",
    "BinaryAgreement",
    "BlandAltman",
    "DimensionTable",
    "MarginalShift",
    "MarginalTest",
    "NonInferiority",
    "PanelComparison",
    "RankingAgreement",
    "WithinAndPooled",
    "agreement_report",
    "alternative_annotator_test",
    "bhapkar",
    "binary_agreement",
    "bland_altman",
    "brennan_prediger",
    "conger",
    "dimension_table",
    "fleiss_kappa",
    "gwet_ac",
    "icc",
    "kendall_w",
    "krippendorff_alpha",
    "marginal_shift",
    "mean_pairwise_kappa",
    "non_inferiority",
    "panel_comparison",
    "percent_agreement",
    "rank_correlation",
    "ranking_agreement",
    "ratings_from_table",
    "scott_pi",
    "stuart_maxwell",
    "weighted_kappa",
    "within_and_pooled",
]
