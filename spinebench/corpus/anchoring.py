"""Which caption and which paragraphs belong to which figure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from spinebench.corpus.captions import Label, caption_label, label_of_file, mentions
from spinebench.corpus.documents import AnchoredFigure, Block, CaptionRule, Document, Figure, Paragraph

MOST_PARAGRAPHS: Final = 3
"""Paragraphs that name a figure and are shown with it, from the first."""
SHORTEST: Final = 20
"""Characters of a paragraph that may stand with a figure because it is the nearest; a Chinese one needs half."""


@dataclass
class _Group:
    """Images with nothing between them, at most one of them with a caption of its own."""

    figures: list[Figure]
    first: int
    """Place of the first image in the document's blocks."""
    last: int


@dataclass
class _Captioned:
    group: _Group
    label: Label | None
    caption: str | None
    rule: CaptionRule | None


def anchored_figures(document: Document) -> tuple[AnchoredFigure, ...]:
    """Every figure with its caption and paragraphs, in order; one without any text is not `anchored`.

    A caption is, in this order: the `<figcaption>`; a paragraph that begins with a figure's number, directly below or
    above; the alternative text or title. Whether captions stand below or above is what most figures of the document
    have, below where neither has the majority. Images side by side over one caption are one figure. Paragraphs: those
    that name the figure, otherwise the nearest of its section that is no caption (before it, where two are as near).
    """
    blocks = document.blocks
    captions = {
        place: label
        for place, block in enumerate(blocks)
        if isinstance(block, Paragraph) and (label := caption_label(block.text)) is not None
    }
    groups = list(_groups(blocks))
    below = sum(group.last + 1 in captions for group in groups)
    above = sum(group.first - 1 in captions for group in groups)
    order: tuple[CaptionRule, CaptionRule] = ("below", "above") if below >= above else ("above", "below")
    claimed = _claims(groups, captions, order)
    captioned = [
        one
        for number, group in enumerate(groups)
        for one in _captioned(document, group, captions, claimed.get(number))
    ]
    bodies = {
        place: (block, mentions(block.text))
        for place, block in enumerate(blocks)
        if isinstance(block, Paragraph) and place not in captions
    }
    return tuple(_with_context(one, captioned, bodies) for one in captioned)


def _groups(blocks: Sequence[Block]) -> Iterator[_Group]:
    held: _Group | None = None
    for place, block in enumerate(blocks):
        if not isinstance(block, Figure):
            continue
        alone = bool(block.figcaption) or _own_label(block) is not None
        before = held.figures[-1] if held else None
        joins = (
            held is not None
            and held.last == place - 1
            and before is not None
            and before.section == block.section
            and before.figcaption == block.figcaption
            and (not alone or bool(block.figcaption))
            and _own_label(before) is None
        )
        if joins and held is not None:
            held.figures.append(block)
            held.last = place
            continue
        if held:
            yield held
        held = _Group([block], place, place)
    if held:
        yield held


def _claims(
    groups: Sequence[_Group], captions: dict[int, Label], order: tuple[CaptionRule, CaptionRule]
) -> dict[int, tuple[int, CaptionRule]]:
    """Group -> place of its caption; none is given to two groups."""
    claimed: dict[int, tuple[int, CaptionRule]] = {}
    taken: set[int] = set()
    for rule in order:
        for number, group in enumerate(groups):
            place = group.last + 1 if rule == "below" else group.first - 1
            own = _own_label(group.figures[-1])
            if number in claimed or place in taken or place not in captions or group.figures[0].figcaption:
                continue
            if own is not None and not own.means(captions[place]):
                continue
            claimed[number] = (place, rule)
            taken.add(place)
    return claimed


def _captioned(
    document: Document, group: _Group, captions: dict[int, Label], claim: tuple[int, CaptionRule] | None
) -> Iterator[_Captioned]:
    first = group.figures[0]
    if claim is None and not first.figcaption and len(group.figures) > 1:
        # Nothing holds them together: each goes by its own alternative text.
        for offset, figure in enumerate(group.figures):
            place = group.first + offset
            yield from _captioned(document, _Group([figure], place, place), captions, None)
        return
    caption: str | None
    rule: CaptionRule | None
    label: Label | None = None
    if first.figcaption:
        caption, rule, label = first.figcaption, "figcaption", caption_label(first.figcaption)
    elif claim is not None:
        block = document.blocks[claim[0]]
        assert isinstance(block, Paragraph)
        caption, rule, label = block.text, claim[1], captions[claim[0]]
    elif _says_something(first.title):
        caption, rule, label = first.title, "title", caption_label(first.title)
    elif _says_something(first.alt):
        caption, rule, label = first.alt, "alt", caption_label(first.alt)
    else:
        caption, rule = None, None
    label = label or _own_label(first) or label_of_file(first.path.rpartition("/")[2])
    yield _Captioned(group, label, caption, rule)


def _with_context(
    one: _Captioned, others: Sequence[_Captioned], bodies: dict[int, tuple[Paragraph, frozenset[Label]]]
) -> AnchoredFigure:
    group, label = one.group, one.label
    context: list[Paragraph] = []
    if label is not None:
        # Chapters that count from 1 again: a paragraph means the figure of its section, or the nearest, of that number.
        rivals = [other.group for other in others if other.label == label and other is not one]
        context = [
            body
            for place, (body, named) in bodies.items()
            if any(label.means(another) for another in named)
            and all(_far(group, place, body) <= _far(rival, place, body) for rival in rivals)
        ]
    near = None if context else _nearest(bodies, group, group.figures[0].section)
    return AnchoredFigure(
        images=tuple(figure.path for figure in group.figures),
        label=None if label is None else str(label),
        caption=one.caption,
        caption_rule=one.rule,
        context=(near,) if near else tuple(context[:MOST_PARAGRAPHS]),
        context_rule="mention" if context else "nearest" if near else None,
    )


def _distance(group: _Group, place: int) -> int:
    """Blocks from a group's images to a paragraph."""
    return group.first - place if place < group.first else place - group.last


def _far(group: _Group, place: int, body: Paragraph) -> tuple[bool, int]:
    return group.figures[0].section != body.section, _distance(group, place)


def _nearest(
    bodies: dict[int, tuple[Paragraph, frozenset[Label]]], group: _Group, section: int
) -> Paragraph | None:
    """The nearest paragraph of the section that is long enough to say something."""
    distances = [
        (_distance(group, place), place > group.last, place)
        for place, (body, _) in bodies.items()
        if body.section == section and weight(body.text) >= SHORTEST
    ]
    return bodies[min(distances)[2]][0] if distances else None


def weight(text: str) -> int:
    """Characters, a Chinese one counted twice: it says about as much as two of an alphabet."""
    return len(text) + sum("\u4e00" <= one <= "\u9fff" for one in text)


def _own_label(figure: Figure) -> Label | None:
    return caption_label(figure.title) or caption_label(figure.alt)


def _says_something(text: str) -> bool:
    """Whether an alternative text or title describes: a caption's number, or more than a name or a word or two."""
    return caption_label(text) is not None or len(text.split()) >= 3 or weight(text) - len(text) >= 4
