"""Which options a model's reply chooses, by rules that can be named and checked."""

from spinebench.evaluators.extraction.announcements import Rule
from spinebench.evaluators.extraction.engine import EXTRACTION_VERSION, extract
from spinebench.evaluators.extraction.letters import read_letters
from spinebench.evaluators.extraction.phrases import DEFAULT_PHRASES, ClosingPhrases

__all__ = ["DEFAULT_PHRASES", "EXTRACTION_VERSION", "ClosingPhrases", "Rule", "extract", "read_letters"]
