"""Which levels and sides of the spine a text names, and how they stand to a reference."""

from spinebench.evaluators.level_naming.chain import Kind
from spinebench.evaluators.level_naming.comparing import (
    FindingOutcome,
    FindingVerdict,
    LevelComparison,
    LevelFinding,
    NamedVerdict,
    Support,
    compare_levels,
)
from spinebench.evaluators.level_naming.reading import VERSION, Mention, named_levels
from spinebench.evaluators.level_naming.report import LevelTally, LevelText, ModelLevels, level_report
from spinebench.evaluators.level_naming.sides import Side
from spinebench.evaluators.level_naming.standing import NAMED, Standing

__all__ = [
    "NAMED",
    "VERSION",
    "FindingOutcome",
    "FindingVerdict",
    "Kind",
    "LevelComparison",
    "LevelFinding",
    "LevelTally",
    "LevelText",
    "Mention",
    "ModelLevels",
    "NamedVerdict",
    "Side",
    "Standing",
    "Support",
    "compare_levels",
    "level_report",
    "named_levels",
]
