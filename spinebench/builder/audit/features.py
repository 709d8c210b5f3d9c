"""What a baseline may look at, as features: words, option sets, positions, figures of the file; never the picture."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import combinations, pairwise
from pathlib import PurePosixPath
from typing import Literal

import numpy as np

from spinebench.builder.audit.choice_model import Features
from spinebench.builder.audit.facts import Facts, ImageFacts, ending, facts_of
from spinebench.builder.audit.option_features import OptionGroup, option_features
from spinebench.builder.audit.plan import BaselineName
from spinebench.builder.audit.questions import Questions
from spinebench.evaluators.clustered import IntArray
from spinebench.records import Item

ItemGroup = Literal["wording", "companions", "modality", "region", "source", "view", "pairs", "metadata"]
GROUPS: dict[BaselineName, tuple[tuple[ItemGroup, ...], tuple[OptionGroup, ...]]] = {
    BaselineName.FREQUENCY: ((), ()),
    BaselineName.POSITION: ((), ("position",)),
    BaselineName.WORDING: (("wording",), ("named",)),
    BaselineName.OPTIONS: (("companions",), ("form",)),
    BaselineName.TEXT: (("wording", "companions"), ("named", "form")),
    BaselineName.MODALITY: (("modality",), ()),
    BaselineName.REGION: (("region",), ()),
    BaselineName.SOURCE: (("source",), ()),
    BaselineName.VIEW: (("view",), ()),
    BaselineName.METADATA: (("metadata",), ()),
    BaselineName.ALL: (
        ("wording", "companions", "modality", "region", "source", "view", "pairs", "metadata"),
        ("position", "named", "form"),
    ),
}
_MOST_FEATURES = 600
_LEAST_ITEMS = 3
"""Items that a feature needs on either side; one that fewer have, or lack, teaches nothing."""
_BINS = 10
_TOKEN = re.compile(r"[㐀-鿿]|[^\W㐀-鿿]+|[^\w\s]|\s{2,}|[^\S ]|^\s|\s$")
"""A Chinese character, a word, a mark, and every white space that is not one space between words. Case counts."""


def features_of(questions: Questions, name: BaselineName, facts: Facts | None) -> Features | None:
    """The features of a baseline; None where they are the same for every item and option."""
    item_groups, option_groups = GROUPS[name]
    tokens = _together([_ITEM_GROUPS[group](questions, facts) for group in item_groups], len(questions.items))
    rows, row_of = _matrix(tokens)
    parts = [part for group in option_groups if (part := option_features(questions, group)) is not None]
    of_options = np.concatenate(parts, axis=2) if parts else None
    if rows is None and of_options is None and name is not BaselineName.FREQUENCY:
        return None
    return Features(rows=rows, row_of=row_of, of_options=of_options)


Tokens = Sequence[tuple[str, ...]]


def _together(groups: Sequence[Tokens], n: int) -> Tokens:
    return [tuple(token for group in groups for token in group[at]) for at in range(n)]


def _matrix(tokens: Tokens) -> tuple[object, IntArray]:
    """Distinct feature vectors as a sparse matrix, and the row of each item. Features that always occur together
    become one; None where none is left."""
    from scipy.sparse import csr_array

    index: dict[tuple[str, ...], int] = {}
    first = np.array([index.setdefault(own, len(index)) for own in tokens], dtype=np.int64)
    copies = np.bincount(first, minlength=len(index))
    items: Counter[str] = Counter()
    places: dict[str, list[int]] = {}
    for own, at in index.items():
        for token in set(own):
            items[token] += int(copies[at])
            places.setdefault(token, []).append(at)
    n = len(tokens)
    able = [token for token, count in items.items() if _LEAST_ITEMS <= count <= n - _LEAST_ITEMS]
    kept = sorted(able, key=lambda token: (-items[token], token))
    columns = list(dict.fromkeys(tuple(places[token]) for token in kept))[:_MOST_FEATURES]
    if not columns:
        return None, np.zeros(n, dtype=np.int64)
    row_of = np.concatenate([np.array(column) for column in columns])
    column_of = np.repeat(np.arange(len(columns)), [len(column) for column in columns])
    matrix = csr_array((np.ones(len(row_of)), (row_of, column_of)), shape=(len(index), len(columns)))
    return matrix, first


@lru_cache(maxsize=100_000)
def _words(question: str) -> tuple[str, ...]:
    pieces = _TOKEN.findall(question)
    pairs = [f"{one} {other}" for one, other in pairwise(pieces)]
    return (
        *dict.fromkeys(f"word:{piece}" for piece in (*pieces, *pairs)),
        f"question:{question}",
        f"length:{len(question) // 10}",
    )


def _wording(questions: Questions, facts: Facts | None) -> Tokens:
    return [_words(item.question) for item in questions.items]


def _companions(questions: Questions, facts: Facts | None) -> Tokens:
    return [
        (f"options:{len(item.options)}", *(f"with:{text}" for text in sorted(set(item.options))))
        for item in questions.items
    ]


def _field(name: str, value: Callable[[Item], str | None]) -> Callable[[Questions, Facts | None], Tokens]:
    def tokens(questions: Questions, facts: Facts | None) -> Tokens:
        return [(f"{name}:{value(item) or 'not said'}",) for item in questions.items]

    return tokens


def _said(item: Item, key: str) -> object:
    """A value of an item's metadata, or of what the builder wrote into it."""
    builder = item.metadata.get("builder")
    inner = builder.get(key) if isinstance(builder, dict) else None
    return item.metadata.get(key, inner)


def _views(item: Item) -> str | None:
    views = [image.view or image.plane or "" for image in item.images]
    said = _said(item, "view")
    return " ".join(sorted({*views, said if isinstance(said, str) else ""})).strip() or None


def _sources(questions: Questions, facts: Facts | None) -> Tokens:
    """The source that an item names, and the folders that its images lie in."""
    return [
        (
            f"source:{item.source or 'not said'}",
            *sorted(
                {f"folder:{folder}" for image in item.images for folder in PurePosixPath(image.path).parents}
            ),
        )
        for item in questions.items
    ]


def _pairs(questions: Questions, facts: Facts | None) -> Tokens:
    """Every two of modality, region, source and view together: what neither says alone."""
    found = []
    for item in questions.items:
        fields = {
            "modality": item.modality,
            "region": item.region,
            "source": item.source,
            "view": _views(item),
        }
        named = [f"{name}:{value or 'not said'}" for name, value in fields.items()]
        found.append(tuple(f"{one} {other}" for one, other in combinations(named, 2)))
    return found


def _metadata(questions: Questions, facts: Facts | None) -> Tokens:
    items = questions.items
    known = [
        facts_of(questions.split, item.images[0], facts) if item.images else ImageFacts() for item in items
    ]
    figures: dict[str, list[float | None]] = {
        "width": [one.width for one in known],
        "height": [one.height for one in known],
        "aspect": [round(one.width / one.height, 3) if one.width and one.height else None for one in known],
        "bytes": [one.n_bytes for one in known],
        "mean": [one.grey_mean for one in known],
        "contrast": [one.grey_contrast for one in known],
        "age": [_number(one.age, _said(item, "age")) for one, item in zip(known, items, strict=True)],
        "images": [float(len(item.images)) for item in items],
    }
    words: dict[str, list[str]] = {
        "size": [f"{one.width}x{one.height}" for one in known],
        "sex": [str(one.sex or _said(item, "sex") or "") for one, item in zip(known, items, strict=True)],
        "ending": [" ".join(sorted({ending(image) for image in item.images})) for item in items],
        "levels shown": [" ".join(sorted({image.level or "" for image in item.images})) for item in items],
        "images of": [" ".join(sorted({image.modality or "" for image in item.images})) for item in items],
    }
    columns = [_binned(name, values) for name, values in figures.items()]
    columns += [[(f"{name}:{value}",) for value in values] for name, values in words.items()]
    return _together(columns, len(items))


def _number(*values: object) -> float | None:
    return next(
        (float(one) for one in values if isinstance(one, int | float) and not isinstance(one, bool)), None
    )


def _binned(name: str, values: Sequence[float | None]) -> Tokens:
    """Tenths of the values, and each value that several items have."""
    known = np.array([one for one in values if one is not None], dtype=np.float64)
    if not len(known):
        return [()] * len(values)
    edges = np.unique(np.quantile(known, np.arange(1, _BINS) / _BINS))
    bins = np.searchsorted(edges, [np.nan if one is None else one for one in values], side="right")
    return [
        (f"{name}:unknown",) if one is None else (f"{name}:bin {at}", f"{name}:{one:g}")
        for one, at in zip(values, bins.tolist(), strict=True)
    ]


_ITEM_GROUPS: dict[ItemGroup, Callable[[Questions, Facts | None], Tokens]] = {
    "wording": _wording,
    "companions": _companions,
    "modality": _field("modality", lambda item: item.modality),
    "region": _field("region", lambda item: item.region),
    "source": _sources,
    "view": _field("view", _views),
    "pairs": _pairs,
    "metadata": _metadata,
}
