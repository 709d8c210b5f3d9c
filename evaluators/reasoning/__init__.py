"""What is said about reasoning: right for the wrong reason, how often each failure mode occurs."""

from spinebench.evaluators.calibration.weighted import weighted_mean
from spinebench.evaluators.reasoning.prevalence import (
    FailurePrevalence,
    JudgeAccuracy,
    failure_prevalence,
)
from spinebench.evaluators.reasoning.wrong_reason import (
    ALL_MODELS,
    ReasoningCell,
    WrongReason,
    right_for_wrong_reason,
)

__all__ = [
    "ALL_MODELS",
    "FailurePrevalence",
    "JudgeAccuracy",
    "ReasoningCell",
    "WrongReason",
    "failure_prevalence",
    "right_for_wrong_reason",
    "weighted_mean",
]
