"""Human check of every item: who reads what, what they decided, and what of it enters the benchmark."""

from spinebench.builder.review.agreement import AgreementFigure, ReviewAgreement
from spinebench.builder.review.assignment import assign, doubled
from spinebench.builder.review.ledger import ReviewEntry, decisions_of
from spinebench.builder.review.plan import REASONS, ReviewPlan
from spinebench.builder.review.queue import Review, write_queue
from spinebench.builder.review.resolving import Reviewed, resolve

__all__ = [
    "REASONS",
    "AgreementFigure",
    "Review",
    "ReviewAgreement",
    "ReviewEntry",
    "ReviewPlan",
    "Reviewed",
    "assign",
    "decisions_of",
    "doubled",
    "resolve",
    "write_queue",
]
