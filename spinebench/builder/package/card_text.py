"""`card.md`: the card for people to read, made of `card.json` alone."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from spinebench.builder.audit.report import ClassCount
from spinebench.builder.package.card import BenchmarkCard
from spinebench.builder.package.card_words import in_words
from spinebench.builder.package.markdown import plain, table
from spinebench.records import JsonValue

_MOST_ROWS: Final = 60
_TITLES: Final = {
    "encoder": "Encoder",
    "import": "Import",
    "standardize": "Standardization",
    "embed": "Similarity",
    "items": "Questions and options",
    "review": "Review",
    "selection": "Selection",
    "audit": "Audit",
}
_REVIEWED: Final = ("review", "audit")
"""Reports with a heading of their own; the others stand under how it was built."""
_SHOWN_ELSEWHERE: Final = frozenset({"shortcuts", "splits", "classes", "chance", "positions"})
"""Of an audit's report: in tables of the card; `card.json` has all."""


def card_text(card: BenchmarkCard) -> str:
    """The card as Markdown. Texts of the benchmark are escaped: none of them acts as markup."""
    lines = [f"# {plain(card.title)}", ""]
    if card.simulated:
        lines += [f"**SIMULATION: {plain(', '.join(card.simulated))}. No real result.**", ""]
    lines += [plain(card.description), "", f"Name {plain(card.name)}, version {card.version}."]
    if card.creators:
        lines.append(f"By {plain(', '.join(card.creators))}.")
    if card.citation:
        lines += ["", f"Cite: {plain(card.citation)}"]
    lines += ["", "## Composition", "", *_splits(card), ""]
    images = card.images
    lines += [
        f"{images.n} images, {images.n_included} of them in the release, {images.n_pointed} to be restored.",
        "",
    ]
    lines += [*table(("source", "images"), list(images.by_source.items())), ""]
    for split in card.splits:
        lines += [f"### Classes of {plain(split.name)}", "", *_classes(card, split.name), ""]
    lines += ["### Position of the right option", "", *_positions(card), ""]
    lines += ["## Chance levels", "", *_chance(card), ""]
    lines += ["## How it was built", ""]
    for name, report in card.reports.items():
        if name not in (*_REVIEWED, "settings"):
            lines += [f"### {_TITLES.get(name, plain(name))}", "", *_json(in_words(report)), ""]
    for name in _REVIEWED:
        given = card.reports.get(name)
        shown = _shortcuts(given) if name == "audit" else []
        lines += [
            f"## {_TITLES[name]}",
            "",
            *shown,
            *(["not reported"] if given is None else _json(in_words(_rest(given)))),
            "",
        ]
    lines += [
        "## What was dropped",
        "",
        f"{card.n_dropped} lines in `ledger.jsonl`, by stage, source and reason:",
        "",
    ]
    rows = [(one.stage, one.source, one.reason, one.n) for one in card.dropped]
    lines += [*table(("stage", "source", "reason", "n"), rows), ""]
    for heading, texts in (
        ("Known limits", card.limits),
        ("Intended use", card.intended_use),
        ("Not intended", card.not_intended),
    ):
        lines += [f"## {heading}", "", *(f"- {plain(one)}" for one in texts), ""]
    lines += ["## Licences", "", *_licences(card), "", *(f"- {plain(one)}" for one in card.terms.summary), ""]
    if "settings" in card.reports:
        lines += ["## Settings", "", *_json(card.reports["settings"]), ""]
    return "\n".join(lines)


_BASELINES: Final = (
    "A shortcut is a baseline with both lower bounds above the delta of the settings, and Holm's p below 1 - level. "
    "The reference is what the same items give without what the baseline looks at: for options, text and all together "
    "it is the label frequency, for the others how often each label is right where it is offered; label frequency "
    "itself is compared with chance alone."
)


def _shortcuts(report: JsonValue) -> list[str]:
    """The audit's shortcut baselines as a table; nothing where the report has no list of them."""
    rows = report.get("shortcuts") if isinstance(report, dict) else None
    if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
        return []
    if not rows:
        return ["No baseline was tried without the picture.", ""]
    names = ("split", "task", "baseline", "measure", "score", "chance", "reference")
    shown = [
        (
            *(one.get(name) for name in names),
            _interval(one.get("above_chance")),
            _interval(one.get("above_reference")),
            one.get("shortcut"),
        )
        for one in rows
    ]
    columns = (*names, "above chance, interval", "above reference, interval", "shortcut")
    return [*table(columns, shown), "", _BASELINES, ""]


def _interval(value: JsonValue) -> str | None:
    return f"{value.get('low')} to {value.get('high')}" if isinstance(value, dict) else None


def _rest(report: JsonValue) -> JsonValue:
    """A report without what the card shows as tables of its own."""
    if not isinstance(report, dict) or "shortcuts" not in report:
        return report
    return {name: one for name, one in report.items() if name not in _SHOWN_ELSEWHERE}


def _splits(card: BenchmarkCard) -> list[str]:
    tasks = sorted({task for split in card.splits for task in split.n_by_task})
    rows = [
        (one.name, one.n_items, *(one.n_by_task.get(task, 0) for task in tasks), one.n_images, one.n_clusters)
        for one in card.splits
    ]
    return table(("split", "items", *tasks, "images", "clusters"), rows)


def _classes(card: BenchmarkCard, split: str) -> list[str]:
    grouped: dict[tuple[str, str], list[ClassCount]] = defaultdict(list)
    for one in card.classes:
        if one.split == split:
            grouped[one.task, one.label].append(one)
    rows = [
        (
            task,
            label,
            sum(one.n_items for one in group),
            ", ".join(f"{one.source or '–'} {one.modality or '–'} {one.n_items}" for one in group),
        )
        for (task, label), group in grouped.items()
    ]
    return table(("task", "label", "items", "source, modality, items"), rows)


def _positions(card: BenchmarkCard) -> list[str]:
    letters = sorted({letter for counts in card.gold_positions.values() for letter in counts})
    return table(
        ("task", *letters),
        [(task, *(counts.get(one, 0) for one in letters)) for task, counts in card.gold_positions.items()],
    )


def _chance(card: BenchmarkCard) -> list[str]:
    rows = [
        (
            level.split,
            level.task,
            one.name if one.answer is None else f"{one.name} ({one.answer})",
            f"{one.accuracy:.4f}",
            None if one.jaccard is None else f"{one.jaccard:.4f}",
            one.n_items,
        )
        for level in card.chance
        for one in level.baselines
    ]
    note = (
        "Expected scores of answering without looking; accuracy of a localization is that of the exact set."
    )
    return [*table(("split", "task", "guess", "accuracy", "Jaccard", "items"), rows), "", note]


def _licences(card: BenchmarkCard) -> list[str]:
    rows = [
        (
            one.name,
            f"{one.title}{' ' + one.version if one.version else ''}",
            one.licence,
            one.redistribution,
            one.non_commercial,
            one.doi or one.where,
        )
        for one in card.licences
    ]
    return table(
        ("source", "data set", "licence", "copies allowed", "non-commercial only", "DOI or place"), rows
    )


def _json(value: JsonValue, depth: int = 0) -> list[str]:
    """Any JSON as nested lists; a list of alike objects as a table, at the top behind the rest."""
    indent = "  " * depth
    if isinstance(value, dict):
        lines = []
        tables: list[str] = []
        for key, one in value.items():
            if (isinstance(one, list) and len(one) > 1 and _alike(one)) or (
                isinstance(one, dict) and one and any(_alike(part) for part in _lists(one))
            ):
                tables += ["", f"{plain(key)}:", "", *_json(one)]
            elif isinstance(one, dict | list) and one:
                lines += [f"{indent}- {plain(key)}:", *_json(one, depth + 1)]
            else:
                lines.append(f"{indent}- {plain(key)}: {_scalar(one)}")
        return [*lines, *tables] or [f"{indent}- none"]
    if isinstance(value, list):
        shown = value[:_MOST_ROWS]
        rest = len(value) - len(shown)
        more = [f"{indent}- and {rest} more in `card.json`"] if rest else []
        if depth == 0 and _alike(shown):
            return [
                *table(tuple(map(plain, shown[0])), [tuple(map(_cell, one.values())) for one in shown]),
                *more,
            ]
        lines = []
        for one in shown:
            if _alike([one]):
                lines.append(
                    f"{indent}- " + "; ".join(f"{plain(key)}: {_scalar(part)}" for key, part in one.items())
                )
            elif isinstance(one, dict | list) and one:
                lines += [f"{indent}-", *_json(one, depth + 1)]
            else:
                lines.append(f"{indent}- {_scalar(one)}")
        return lines + more
    return [f"{indent}- {_scalar(value)}"]


def _lists(value: dict[str, JsonValue]) -> list[list[JsonValue]]:
    """The lists of several right inside an object."""
    return [one for one in value.values() if isinstance(one, list) and len(one) > 1]


def _alike(rows: list[JsonValue]) -> bool:
    """Whether all are objects of the same keys whose values are no objects."""
    return all(
        isinstance(one, dict)
        and one
        and one.keys() == rows[0].keys()
        and not any(isinstance(part, dict | list) and part for part in one.values())
        for one in rows
    )


def _scalar(value: JsonValue) -> str:
    return "none" if value in ([], {}) else plain(value)


def _cell(value: JsonValue) -> JsonValue:
    return "none" if value in ([], {}) else value
