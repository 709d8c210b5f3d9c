"""Statistics as a reporting sheet quotes them: one line per group."""

from __future__ import annotations

from collections.abc import Sequence

from spinebench.exchange.audit_facts import SheetFigure, Topic


def figure_lines(all_figures: Sequence[SheetFigure], topic: Topic) -> list[str]:
    """The figures of a topic: a line each for those without a group, then one line per group, in order of appearance.

    A figure without a value is told as undefined, with its reason. Empty where the topic has no figure.
    """
    lines: list[str] = []
    groups: dict[str, list[SheetFigure]] = {}
    for one in all_figures:
        if one.topic == topic and one.group:
            groups.setdefault(one.group, []).append(one)
        elif one.topic == topic:
            lines.append(_quoted(one))
    return lines + [_line(group, figures) for group, figures in groups.items()]


def _line(group: str, figures: Sequence[SheetFigure]) -> str:
    """`clinicians, logic (n = 20 traces): alpha 0.61 (95% interval 0.50 to 0.70); exact agreement 0.40 (0.31 to ...)`.

    Number of units and level of the intervals stand once where all figures share them.
    """
    shared = len({(one.n, one.unit) for one in figures}) == 1
    parts, level = [], None
    for one in figures:
        if one.value is None:
            parts.append(f"{one.name} undefined ({one.reason})")
            continue
        text = f"{one.name} {one.value:.2f}"
        if one.low is not None and one.high is not None:
            told = "" if one.level == level else f"{one.level:.0%} interval "
            level = one.level
            text += f" ({told}{one.low:.2f} to {one.high:.2f})"
        parts.append(text if shared or one.n is None else f"{text}, n = {one.n} {one.unit}".rstrip())
    n = figures[0].n if shared else None
    about = "" if n is None else f" (n = {n} {figures[0].unit}".rstrip() + ")"
    return f"{group}{about}: {'; '.join(parts)}"


def _quoted(figure: SheetFigure) -> str:
    if figure.value is None:
        return f"{figure.name}: undefined ({figure.reason})"
    text = f"{figure.name}: {figure.value:.3g}"
    if figure.low is not None and figure.high is not None:
        text += f" ({figure.level:.0%} interval {figure.low:.3g} to {figure.high:.3g})"
    return text + ("" if figure.n is None else f", n = {figure.n} {figure.unit}".rstrip())
