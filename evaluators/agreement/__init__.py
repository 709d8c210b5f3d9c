"""Agreement between raters, and between a judge and clinicians: coefficients, tests, and the report of an audit."""

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
from spinebench.evaluators.agreement.ratings import ratings_from_table
from spinebench.evaluators.agreement.result import Agreement

__all__ = [
    "Agreement",
    "BinaryAgreement",
    "BlandAltman",
    "MarginalShift",
    "MarginalTest",
    "bhapkar",
    "binary_agreement",
    "bland_altman",
    "brennan_prediger",
    "conger",
    "fleiss_kappa",
    "gwet_ac",
    "icc",
    "kendall_w",
    "krippendorff_alpha",
    "marginal_shift",
    "percent_agreement",
    "rank_correlation",
    "ratings_from_table",
    "scott_pi",
    "stuart_maxwell",
    "weighted_kappa",
]
