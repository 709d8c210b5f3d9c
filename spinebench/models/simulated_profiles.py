"""The planted error rates of the simulated examinees. They are a known truth."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator

from spinebench.errors import UsageError
from spinebench.records import Record

Rate = Annotated[float, Field(ge=0.0, le=1.0)]


class SimProfile(Record):
    """Rates at which a simulated examinee errs; every rate is a probability per answer.

    A reply is first refused, truncated or without a choice at the rates of the second block; the rates of the
    first hold among the remaining, answered ones. With an image condition `swapped` they hold against what
    the shown image shows, as far as the options allow.
    """

    healthy_misdiagnosed: Rate
    """A healthy image answered with a disease; the disease is uniform over the other options."""
    disease_missed: Rate
    """A diseased image answered `Healthy`; where that is no option, with another disease."""
    disease_confused: Rate
    """A diseased image answered as another disease."""
    missed_levels: Rate
    """Localization with at least two gold levels: one of them left out. With one gold level: 0."""
    extra_levels: Rate
    """Localization: one or two neighbouring levels too many. With all levels gold: 0."""
    shifted: Rate
    """Localization: all levels off by one, up or down. With all levels gold: 0."""
    other_wrong: Rate
    """Tasks without a taxonomy: another option than the gold one."""

    fact_missed: Rate = 0.0
    """Report: a key fact of the case left out."""
    fact_level_off: Rate = 0.0
    """Report: the levels of a fact told one level off."""
    fact_side_swapped: Rate = 0.0
    """Report: the sides of a fact told the wrong way round."""
    section_missing: Rate = 0.0
    """Report: a section left out, each by itself."""

    unparsed: Rate
    """A text that settles on nothing."""
    refused: Rate
    """Refusal, reported as such by the provider."""
    truncated: Rate
    """The token limit ends the text before its closing line."""

    looks: bool
    """False: the image is ignored, answers are the same whatever is shown; the first block is idle."""
    unseen_healthy: Rate
    """Share of `Healthy` among guesses without an image; other options are uniform."""
    unseen_unparsed: Rate
    """Share of replies that settle on nothing when no image is to be seen, for a model that looks."""

    variety: Rate
    """Share of answers whose closing line has another form than the prompt asks for."""
    native_reasoning: Rate
    """Share of replies with native reasoning beside the text."""
    latency_ms: float = Field(ge=0.0)
    """Wait before each reply, milliseconds; changes no answer."""

    @model_validator(mode="after")
    def _sums(self) -> SimProfile:
        groups = (
            ("disease_missed", "disease_confused"),
            ("missed_levels", "extra_levels", "shifted"),
            ("unparsed", "refused", "truncated"),
            ("unseen_unparsed", "refused", "truncated"),
        )
        for group in groups:
            total = sum(getattr(self, name) for name in group)
            if total > 1 + 1e-9:
                raise ValueError(f"{' + '.join(group)} is {total:g}: expected at most 1")
        return self


PROFILES: Mapping[str, SimProfile] = MappingProxyType(
    {
        "careful": SimProfile(
            healthy_misdiagnosed=0.08,
            disease_missed=0.05,
            disease_confused=0.08,
            missed_levels=0.10,
            extra_levels=0.08,
            shifted=0.06,
            other_wrong=0.12,
            fact_missed=0.10,
            fact_level_off=0.06,
            fact_side_swapped=0.04,
            section_missing=0.01,
            unparsed=0.02,
            refused=0.01,
            truncated=0.01,
            looks=True,
            unseen_healthy=0.50,
            unseen_unparsed=0.25,
            variety=0.35,
            native_reasoning=0.30,
            latency_ms=0.0,
        ),
        "overcaller": SimProfile(
            healthy_misdiagnosed=0.60,
            disease_missed=0.02,
            disease_confused=0.15,
            missed_levels=0.03,
            extra_levels=0.40,
            shifted=0.07,
            other_wrong=0.30,
            fact_missed=0.15,
            fact_level_off=0.20,
            fact_side_swapped=0.08,
            section_missing=0.05,
            unparsed=0.03,
            refused=0.00,
            truncated=0.01,
            looks=True,
            unseen_healthy=0.05,
            unseen_unparsed=0.05,
            variety=0.60,
            native_reasoning=0.0,
            latency_ms=0.0,
        ),
        "guesser": SimProfile(
            healthy_misdiagnosed=0.0,
            disease_missed=0.0,
            disease_confused=0.0,
            missed_levels=0.0,
            extra_levels=0.0,
            shifted=0.0,
            other_wrong=0.0,
            fact_missed=0.50,
            fact_level_off=0.40,
            fact_side_swapped=0.30,
            section_missing=0.10,
            unparsed=0.04,
            refused=0.02,
            truncated=0.0,
            looks=False,
            unseen_healthy=0.30,
            unseen_unparsed=0.0,
            variety=0.50,
            native_reasoning=0.0,
            latency_ms=0.0,
        ),
    }
)
"""careful: small rates; overcaller: disease in healthy spines, too many levels; guesser: looks at nothing."""


def profile_with(name: str, overrides: Mapping[str, Any]) -> SimProfile:
    """A profile with some fields replaced. Raises `UsageError` for an unknown profile or a wrong value."""
    if name not in PROFILES:
        from spinebench.models.simulated_judge import JUDGES

        raise UsageError(
            f"simulated model {name!r}: expected one of {', '.join(sorted((*PROFILES, 'extractor')))}, or as a judge "
            f"one of {', '.join(JUDGES)}; correct the model name"
        )
    try:
        return SimProfile.model_validate({**PROFILES[name].model_dump(), **overrides})
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"]) or "rates"
        given = overrides.get(field, "")
        raise UsageError(
            f"model option {field}={given!r} of 'sim/{name}': expected a valid rate ({first['msg']}); "
            "correct the -M option"
        ) from error
