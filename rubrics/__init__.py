"""Rubrics: what is scored on which scale, and which failures are looked for."""

from spinebench.rubrics.load import RUBRICS, SHIPPED, check_rubric, load_rubric, load_rubrics
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, Section, rubrics_hash

__all__ = [
    "RUBRICS",
    "SHIPPED",
    "Dimension",
    "FailureMode",
    "Rubric",
    "Section",
    "check_rubric",
    "load_rubric",
    "load_rubrics",
    "rubrics_hash",
]
