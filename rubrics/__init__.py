"""Rubrics: what is scored on which scale, and which failures are looked for."""

from spinebench.rubrics.load import RUBRICS, check_rubric, load_rubric, load_rubrics
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, rubrics_hash

__all__ = [
    "RUBRICS",
    "Dimension",
    "FailureMode",
    "Rubric",
    "check_rubric",
    "load_rubric",
    "load_rubrics",
    "rubrics_hash",
]
