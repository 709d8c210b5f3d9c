"""Which wrong options an image gets: the diseases most similar to it that are surely not true of it."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Self

from pydantic import Field, model_validator

from spinebench.builder.records import Similarities
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError
from spinebench.records import JsonValue, Record, Task
from spinebench.terms import canonical_disease, fold

DIGITS = 6
"""Decimals of a similarity: more are noise of the arithmetic, and would decide between equals."""
EVERY_LABEL = "*"


class ItemPolicy(Record):
    """How images become items."""

    tasks: tuple[Task, ...] = Field(
        default=(Task.DIAGNOSIS, Task.LOCALIZATION),
        min_length=1,
        description="diagnosis, localization, or both.",
    )
    statistic: Literal["mean", "maximum"] = Field(
        default="mean",
        description="How an image's similarities to the images of a disease become one figure.",
    )
    n_distractors: int = Field(
        default=3,
        ge=1,
        description="Other diseases beside the truth and Healthy; a Healthy image gets one more.",
    )
    per_image: Literal["one", "all"] = Field(
        default="one",
        description="one: an image with several diseases is asked for one of them; all: one item for each.",
    )
    asked: Literal["rarest", "seeded"] = Field(
        default="rarest",
        description="Which of several diseases is asked for: the one with the fewest pictures, or one by the seed.",
    )
    absent: dict[str, tuple[str, ...]] = Field(
        default={
            EVERY_LABEL: ("Normal/Mild", "Normal", "None", "Absent", "No", "0"),
            "Pfirrman grade": ("1",),
        },
        description="Severities that say that a finding is not there, by the source's label; * for every label. Any "
        "other severity that does not count leaves open whether the disease can be seen.",
    )
    below_threshold: Literal["exclude", "keep"] = Field(
        default="exclude",
        description="Whether a disease that is graded on the image, neither absent nor severe enough to count, may be "
        "a wrong option.",
    )
    elsewhere_in_study: Literal["exclude", "keep"] = Field(
        default="exclude",
        description="Whether a disease that is graded somewhere in the image's study, and not absent there, may be a "
        "wrong option.",
    )
    incomplete_levels: Literal["drop", "note"] = Field(
        default="drop",
        description="What becomes of a localization whose image has a finding without a level, or a near duplicate "
        "with more levels.",
    )
    doubtful_levels: Literal["note", "drop"] = Field(
        default="note",
        description="What becomes of a localization where another level is graded below the threshold on the image, "
        "or counts on another image of its series.",
    )
    missing_similarities: Literal["error", "random"] = Field(
        default="error",
        description="Where an image has no similarities: error, or diseases drawn by the seed. With random, diseases "
        "without images in the library fill up what is missing; with error, they are never options.",
    )

    @model_validator(mode="after")
    def _checked(self) -> Self:
        known = {Task.DIAGNOSIS, Task.LOCALIZATION}
        if len(set(self.tasks)) < len(self.tasks) or not known.issuperset(self.tasks):
            found = [task.value for task in self.tasks]
            raise ValueError(f"tasks {found!r}: expected diagnosis, localization or both, each once")
        return self

    def is_absent(self, label: str, severity: str | None) -> bool:
        """Whether a severity says that the finding is not there; an unknown one (None) does not."""
        if severity is None:
            return False
        own = [
            words for name, words in self.absent.items() if name == EVERY_LABEL or fold(name) == fold(label)
        ]
        return fold(severity) in {fold(word) for words in own for word in words}


@dataclass(frozen=True)
class Choice:
    """The options of a diagnosis, the right one first, and how they came about."""

    options: tuple[str, ...]
    provenance: dict[str, JsonValue]


@dataclass(frozen=True)
class TooFew:
    """Fewer options than asked for, and why."""

    detail: str


class Chooser:
    """Chooses the options of diagnoses, picture by picture."""

    def __init__(self, policy: ItemPolicy, vocabulary: Vocabulary, *, seed: int) -> None:
        self.policy = policy
        self.vocabulary = vocabulary
        self.seed = seed
        self._clashes = {
            one: frozenset(
                other
                for other in (*vocabulary.diseases, vocabulary.healthy)
                if other != one and _same(vocabulary, one, other)
            )
            for one in (*vocabulary.diseases, vocabulary.healthy)
        }

    def choose(
        self,
        pixels: str,
        truth: str,
        excluded: Mapping[str, str],
        similarities: Similarities | None,
        *,
        name: str,
    ) -> Choice | TooFew:
        """Options for a picture whose right answer is `truth` (a disease or the vocabulary's `healthy`).

        `excluded`: disease -> why it may not be a wrong option. `name` is what the picture is called in an error.
        Most similar first, figures rounded to `DIGITS`; equal figures are decided by a seeded hash of picture and
        disease. Raises `DataError` where the picture has no similarities and the policy asks for them.
        """
        policy, healthy = self.policy, self.vocabulary.healthy
        wanted = policy.n_distractors + (truth == healthy)
        figures = self._figures(similarities, name)
        fixed = [truth] if truth == healthy else [truth, healthy]
        ranked = self._ranked(pixels, figures)
        chosen: list[str] = []
        closed = set(excluded)
        for one in fixed:
            closed |= {one} | self._clashes[one]
        for disease in ranked:
            if len(chosen) == wanted:
                break
            if disease not in closed:
                chosen.append(disease)
                closed |= {disease} | self._clashes[disease]
        if len(chosen) < wanted:
            return TooFew(self._why(wanted, chosen, excluded, figures))
        provenance: dict[str, JsonValue] = {
            "statistic": policy.statistic,
            "encoder": None if similarities is None else similarities.encoder,
            "distractors": chosen,
            "similarities": {disease: figures[disease] for disease in ranked if disease in figures},
        }
        if drawn := [disease for disease in chosen if disease not in figures]:
            provenance["drawn_by_seed"] = drawn
        if excluded:
            provenance["excluded"] = dict(sorted(excluded.items()))
        return Choice((*fixed, *chosen), provenance)

    def _figures(self, similarities: Similarities | None, name: str) -> dict[str, float]:
        """Disease -> similarity, of the diseases that have one."""
        if similarities is None:
            if self.policy.missing_similarities == "random":
                return {}
            raise DataError(
                f"image {name!r}: expected its similarities to the diseases, found none; embed it, or set "
                "missing_similarities: random"
            )
        found = {}
        for one in similarities.diseases:
            value = one.mean if self.policy.statistic == "mean" else one.maximum
            if one.n > 0 and math.isfinite(value) and one.disease in self.vocabulary.diseases:
                found[one.disease] = round(value, DIGITS) + 0.0  # no -0.0
        return found

    def _ranked(self, pixels: str, figures: Mapping[str, float]) -> list[str]:
        known = sorted(
            figures, key=lambda disease: (-figures[disease], seeded(self.seed, pixels, disease), disease)
        )
        if self.policy.missing_similarities == "error":
            return known
        others = [disease for disease in self.vocabulary.diseases if disease not in figures]
        return [*known, *sorted(others, key=lambda disease: seeded(self.seed, pixels, disease))]

    def _why(
        self, wanted: int, chosen: Sequence[str], excluded: Mapping[str, str], figures: Mapping[str, float]
    ) -> str:
        parts = [f"{len(chosen)} of {wanted} other diseases are left"]
        if excluded:
            parts.append(
                "not offered: " + ", ".join(f"{one} ({why})" for one, why in sorted(excluded.items()))
            )
        unknown = [one for one in self.vocabulary.diseases if one not in figures]
        if unknown and self.policy.missing_similarities == "error":
            parts.append(f"without a similarity: {', '.join(unknown)}")
        return "; ".join(parts)


def seeded(seed: int, *names: str) -> str:
    """A hash that decides between equals: the same for the same seed and names, on every machine."""
    return hashlib.sha256("\x1f".join((str(seed), *names)).encode("utf-8", "surrogatepass")).hexdigest()


def asked_disease(
    diseases: Iterable[str], counts: Mapping[str, int], pixels: str, policy: ItemPolicy, seed: int
) -> str:
    """Which of an image's diseases is asked for. `counts`: pictures of each disease; equal counts by a seeded hash."""
    if policy.asked == "seeded":
        return min(diseases, key=lambda disease: seeded(seed, "asked", pixels, disease))
    return min(diseases, key=lambda disease: (counts[disease], seeded(seed, "asked", disease)))


def _same(vocabulary: Vocabulary, one: str, other: str) -> bool:
    """By the vocabulary, or by the names of the pathology benchmark, through which its readers compare options."""
    known = canonical_disease(one)
    return vocabulary.same(one, other) or (known is not None and known == canonical_disease(other))
