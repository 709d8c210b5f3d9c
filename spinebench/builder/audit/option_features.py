"""Features of the options of an item: where they stand, how they are written, whether the question names them."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from functools import lru_cache
from typing import Literal

import numpy as np

from spinebench.builder.audit.questions import Questions
from spinebench.evaluators.clustered import FloatArray
from spinebench.records import Item
from spinebench.terms import fold

OptionGroup = Literal["position", "form", "named"]
_MOST_POSITIONS = 10


def option_features(questions: Questions, group: OptionGroup) -> FloatArray | None:
    """Items x places x features; for sets of options the mean over their members. None where nothing varies."""
    per_option = {"position": _positions, "form": _forms, "named": _named}[group](questions)
    table = _of_sets(questions, per_option) if questions.several else per_option
    offered = questions.choices.offered >= 0
    values = table[offered]
    varying = np.flatnonzero(np.ptp(values, axis=0) > 0) if len(values) else np.zeros(0, dtype=np.int64)
    return np.where(offered[:, :, None], table[:, :, varying], 0.0) if len(varying) else None


def _empty(items: Sequence[Item], n_features: int) -> FloatArray:
    return np.zeros((len(items), max(len(item.options) for item in items), n_features))


def _positions(questions: Questions) -> FloatArray:
    """The place of an option, and whether it alone stands out of an alphabetical order of the others."""
    table = _empty(questions.items, _MOST_POSITIONS + 1)
    for at in range(table.shape[1]):
        table[:, at, min(at, _MOST_POSITIONS - 1)] = 1.0
    for row, item in enumerate(questions.items):
        table[row, : len(item.options), -1] = _out_of_order(item.options)
    return table


@lru_cache(maxsize=100_000)
def _out_of_order(options: tuple[str, ...]) -> tuple[float, ...]:
    """1 for every option without which the others are in alphabetical order, where all of them are not."""
    folded = [fold(text) for text in options]
    if folded == sorted(folded):
        return (0.0,) * len(folded)
    rests = [folded[:at] + folded[at + 1 :] for at in range(len(folded))]
    return tuple(float(rest == sorted(rest)) for rest in rests)


@lru_cache(maxsize=100_000)
def _form(text: str) -> tuple[float, ...]:
    return (
        float(text[:1].isupper()),
        float(text.isupper()),
        float(any(letter.isdigit() for letter in text)),
        float(bool(re.search(r"[,;()/:]", text))),
        float(text.rstrip().endswith(".")),
        float(text != " ".join(text.split())),
    )


def _forms(questions: Questions) -> FloatArray:
    """How an option is written, whether otherwise than most of its class, and whether it is the longest or the
    shortest of its item."""
    items, class_of = questions.items, questions.class_of
    table = _empty(items, 10)
    spellings: dict[str, Counter[str]] = {}
    for item in items:
        for text in item.options:
            spellings.setdefault(class_of[text], Counter())[text] += 1
    usual = {
        label: min(counts, key=lambda text: (-counts[text], text)) for label, counts in spellings.items()
    }
    for row, item in enumerate(items):
        lengths = [len(text) for text in item.options]
        longest, shortest = max(lengths), min(lengths)
        for at, text in enumerate(item.options):
            alone = lengths.count(lengths[at]) == 1
            table[row, at] = (
                *_form(text),
                float(text != usual[class_of[text]]),
                float(alone and lengths[at] == longest),
                float(alone and lengths[at] == shortest),
                lengths[at] / longest if longest else 0.0,
            )
    return table


def _named(questions: Questions) -> FloatArray:
    """Whether the question names the option, and the share of the option's words that it has."""
    table = _empty(questions.items, 2)
    for row, item in enumerate(questions.items):
        question = fold(item.question)
        words = set(re.findall(r"\w+", question))
        for at, text in enumerate(item.options):
            own = fold(text)
            parts = set(re.findall(r"\w+", own))
            table[row, at] = (
                float(bool(own) and own in question),
                len(parts & words) / len(parts) if parts else 0.0,
            )
    return table


def _of_sets(questions: Questions, per_option: FloatArray) -> FloatArray:
    """The mean of the members' features, items x places x features."""
    members = questions.members
    texts = {text: at for at, text in enumerate(sorted({text for one in members for text in one}))}
    belongs = np.zeros((len(members), len(texts)))
    for place, own in enumerate(members):
        belongs[place, [texts[text] for text in own]] = 1 / len(own)
    by_text = np.zeros((len(per_option), len(texts), per_option.shape[2]))
    for row, item in enumerate(questions.items):
        for at, text in enumerate(item.options):
            if text in texts:
                by_text[row, texts[text]] = per_option[row, at]
    return np.asarray(np.einsum("pt,itk->ipk", belongs, by_text))
