"""What a document consists of, as far as questions are made of it."""

from __future__ import annotations

from typing import Literal

from spinebench.records import Record, Sha256

CaptionRule = Literal["figcaption", "below", "above", "alt", "title"]
"""Where a caption was found: `below` and `above` are paragraphs that begin with the figure's number."""
ContextRule = Literal["mention", "nearest"]
"""Why a paragraph stands with a figure: it names the figure, or no other is nearer."""


class Paragraph(Record):
    """A paragraph as plain text."""

    number: int
    """Counted from 1 over the paragraphs of the document, captions too."""
    text: str
    section: int = 0
    """Number of the heading that it stands under; 0 before the first."""


class Figure(Record):
    """An image as the document refers to it."""

    path: str
    """As written, e.g. `images/fig%201.png`."""
    alt: str = ""
    title: str = ""
    figcaption: str = ""
    section: int = 0


Block = Paragraph | Figure


class Document(Record):
    """A Markdown document, in order."""

    blocks: tuple[Block, ...]

    @property
    def paragraphs(self) -> tuple[Paragraph, ...]:
        return tuple(block for block in self.blocks if isinstance(block, Paragraph))


class AnchoredFigure(Record):
    """A figure (one image, or several under one caption) with the text that belongs to it."""

    images: tuple[str, ...]
    """Paths as the document writes them."""
    label: str | None
    """Number of the figure, e.g. `2` or `1-2a`; None where nothing numbers it."""
    caption: str | None
    caption_rule: CaptionRule | None
    context: tuple[Paragraph, ...]
    context_rule: ContextRule | None

    @property
    def anchored(self) -> bool:
        """Whether any text belongs to it."""
        return self.caption is not None or bool(self.context)


class Source(Record):
    """Where an item comes from."""

    document: str
    """Path below the folder of documents."""
    document_sha256: Sha256
    figure: str | None
    """Number of the figure."""
    images: tuple[str, ...]
    """Paths below the folder of documents."""
    image_sha256: tuple[Sha256, ...]
    """Of the files as they lie there."""
    paragraphs: tuple[int, ...]
    paragraph_sha256: tuple[Sha256, ...]
    """Of the paragraphs' plain text."""
    caption_rule: CaptionRule | None
    context_rule: ContextRule | None
