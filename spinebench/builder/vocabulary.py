"""Which diseases a benchmark tells apart, and by what names sources and options call them."""

from __future__ import annotations

from functools import cached_property
from typing import Self

from pydantic import Field, model_validator

from spinebench.records import Record
from spinebench.terms import DISEASES, HEALTHY, canonical_disease, fold, synonyms


class Vocabulary(Record):
    """The diseases of a benchmark in their order, and other names for them.

    Names are compared without regard to case, width, spaces, `-` and `_`. A label of the pathology benchmark
    (`spinebench.terms`) keeps its synonyms there without their being written again, except those that another label
    claims.
    """

    diseases: tuple[str, ...] = Field(
        min_length=1,
        description="Labels of the diseases, as options show them; `Healthy` is not one of them.",
    )
    synonyms: dict[str, tuple[str, ...]] = Field(
        default_factory=dict,
        description="Other names, label -> names; the label is one of the diseases, or `Healthy`.",
    )
    healthy: str = Field(
        default=HEALTHY, min_length=1, description="The option of an image without a disease."
    )

    @classmethod
    def default(cls) -> Vocabulary:
        """The eleven diseases of the pathology benchmark."""
        return cls(diseases=DISEASES)

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        labels = (self.healthy, *self.diseases)
        if unknown := sorted(set(self.synonyms) - set(labels)):
            raise ValueError(f"synonyms of {unknown!r}: expected a label of diseases, or {self.healthy!r}")
        owners: dict[str, str] = {}
        for label in labels:
            for name in (label, *self.synonyms.get(label, ())):
                form = _form(name)
                if not form:
                    raise ValueError(f"name {name!r} of {label!r}: expected letters")
                if owners.setdefault(form, label) != label:
                    raise ValueError(
                        f"name {name!r}: expected to belong to one label; it is given to {owners[form]!r} and {label!r}"
                    )
        if len({_form(label) for label in labels}) < len(labels):
            raise ValueError(f"diseases {list(self.diseases)!r}: expected each label once")
        return self

    def canonical(self, text: str) -> str | None:
        """The label (a disease or `healthy`) of a label or synonym; None where it is none of them."""
        return self._labels.get(_form(text))

    def first(self, *texts: str) -> str | None:
        """The label of the first text that has one: for sources whose wording is known to have several readings."""
        return next((label for text in texts if (label := self.canonical(text)) is not None), None)

    def same(self, one: str, other: str) -> bool:
        """Whether two options mean the same: names of one label, or equal but for case, spaces and hyphens."""
        if _form(one) == _form(other):
            return True
        label = self.canonical(one)
        return label is not None and label == self.canonical(other)

    def names(self, label: str) -> tuple[str, ...]:
        """Every name of a label in comparison form, its own first; only its own form where it is no label."""
        found = [form for form, owner in self._labels.items() if owner == label]
        return tuple(dict.fromkeys((_form(label), *found)))

    @cached_property
    def _labels(self) -> dict[str, str]:
        labels = (self.healthy, *self.diseases)
        found = {_form(name): label for label in labels for name in (label, *self.synonyms.get(label, ()))}
        for label in labels:
            # Not for a label that is itself only a synonym there: retrolisthesis is a slip, not every slip one of its.
            known = HEALTHY if label == self.healthy else canonical_disease(label)
            if known is not None and (label == self.healthy or _form(known) == _form(label)):
                for name in synonyms(known):
                    found.setdefault(_form(name), label)
        return found


def _form(text: str) -> str:
    return fold(text.replace("_", " ").replace("-", " "))
