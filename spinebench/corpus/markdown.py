"""Reads the paragraphs and figures of a Markdown text. Code, comments, front matter and link targets are left out."""

from __future__ import annotations

import html
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from typing import Final

from spinebench.corpus.captions import caption_label
from spinebench.corpus.documents import Block, Document, Figure, Paragraph

_FENCE: Final = re.compile(r"\s{0,3}(`{3,}|~{3,})")
_HEADING: Final = re.compile(r"^\s{0,3}#{1,6}(?:\s|$)")
_UNDERLINE: Final = re.compile(r"\s{0,3}(?:=+|-+)\s*$")
_DEFINITION: Final = re.compile(r"\s{0,3}\[([^\]\n]{1,200})\]:\s*(<[^>\n]*>|\S+)(?:\s+[\"'(](.*)[\"')])?\s*$")
_IMAGE: Final = re.compile(
    r"!\[(?P<alt>(?:[^\[\]\\\n]|\\.|\[[^\[\]\n]{0,200}\]){0,2000})\]"
    r"(?:\(\s*(?P<path><[^<>\n]{0,1000}>|(?:[^\s()<>]|\([^\s()]{0,200}\)){0,1000})"
    r"(?:\s+(?:\"(?P<title>[^\"\n]{0,1000})\"|'(?P<title2>[^'\n]{0,1000})'))?\s*\)(?:\{[^{}\n]{0,200}\})?"
    r"|\[(?P<ref>[^\]\n]{0,200})\])"
)
_IMG: Final = re.compile(r"<img\b[^<>]{0,4000}>", re.IGNORECASE)
_TAG: Final = re.compile(r"</?[A-Za-z][^<>\n]{0,1000}>")
_LINK: Final = re.compile(r"\[([^\[\]\n]{0,1000})\](?:\([^()\n]{0,1000}\)|\[[^\]\n]{0,200}\])")
_EMPHASIS: Final = re.compile(r"(?<!\\)(\*{1,3}|(?<!\w)_{1,3}|_{1,3}(?!\w)|`+|~~)")
_LEAD: Final = re.compile(r"^\s{0,3}(?:>\s?|[-*+]\s+|\d{1,3}[.)]\s+)+")
_ESCAPED: Final = re.compile(r"\\([!-/:-@\[-`{-~])")


def read_markdown(text: str) -> Document:
    """The paragraphs, captions included, and the figures of a text, in order; no blocks for an empty one.

    Figures: Markdown images (inline and by reference), HTML `<img>`, and `<figure>` with its `<figcaption>`. A line
    that begins as a caption does begins a paragraph.
    """
    return Document(blocks=tuple(_Reading(text).blocks()))


class _Reading:
    def __init__(self, text: str) -> None:
        text = _without_front_matter(
            text.replace("\0", "\ufffd").replace("\r\n", "\n").replace("\r", "\n").removeprefix("\ufeff")
        )
        text = _without_code(text)
        text = _cut(text, "<!--", "-->", lambda _: " ")
        self._figures: list[tuple[list[dict[str, str]], str]] = []
        text = _cut(text, "<figure", "</figure>", self._keep)
        self._targets: dict[str, tuple[str, str]] = {}
        lines = []
        for line in text.split("\n"):
            match = _DEFINITION.match(line)
            if match is None:
                lines.append(line)
            else:
                self._targets[match[1].strip().casefold()] = (match[2].strip("<>"), match[3] or "")
        self._lines = lines
        self._section = self._paragraphs = 0

    def blocks(self) -> Iterator[Block]:
        held: list[str] = []
        for line in self._lines:
            if held and _UNDERLINE.match(line):
                self._section += 1
                held = []
                continue
            rest, figures = self._without_figures(line)
            text = _plain(_HEADING.sub("", rest))
            captions = caption_label(text) is not None
            if _HEADING.match(line) and not captions:  # converters write captions as headings, too
                yield from self._paragraph(held)
                self._section += 1
                held = []
                for figure in figures:
                    yield figure.model_copy(update={"section": self._section})
                continue
            says = any(one.isalnum() for one in text)  # the bars of a table with pictures say nothing
            if not says or captions:
                yield from self._paragraph(held)
                held = []
            if says:
                held.append(text if captions else rest)
            if figures and says:  # an image within a line: the paragraph that holds it goes before it
                yield from self._paragraph(held)
                held = []
            yield from figures
        yield from self._paragraph(held)

    def _paragraph(self, lines: list[str]) -> Iterator[Paragraph]:
        text = _plain("\n".join(lines))
        if text:
            self._paragraphs += 1
            yield Paragraph(number=self._paragraphs, text=text, section=self._section)

    def _keep(self, element: str) -> str:
        """A `<figure>` replaced by a line of its own, which no document can write."""
        reader = _FigureElement()
        reader.feed(element)
        reader.close()
        caption = " ".join("".join(reader.caption).split())
        images = list(reader.images)
        for match in _IMAGE.finditer(element):
            images.append({"src": (match["path"] or "").strip("<>"), "alt": match["alt"]})
        self._figures.append((images, caption))
        return f"\n\n\0{len(self._figures) - 1}\0\n\n"

    def _without_figures(self, line: str) -> tuple[str, list[Figure]]:
        figures: list[tuple[int, Figure]] = []
        if line.startswith("\0"):
            images, caption = self._figures[int(line.strip("\0"))]
            return "", [
                Figure(
                    path=one["src"], alt=one.get("alt", ""), title=one.get("title", ""),
                    figcaption=caption, section=self._section,
                )
                for one in images if one.get("src")
            ]  # fmt: skip

        def markdown(match: re.Match[str]) -> str:
            path, title = (match["path"] or "").strip("<>"), match["title"] or match["title2"] or ""
            if match["ref"] is not None:
                name = (match["ref"] or match["alt"]).strip().casefold()
                path, title = self._targets.get(name, ("", ""))
            if path:
                alt = _plain(match["alt"])
                figures.append(
                    (match.start(), Figure(path=path, alt=alt, title=_plain(title), section=self._section))
                )
            return " "

        def element(match: re.Match[str]) -> str:
            reader = _FigureElement()
            reader.feed(match.group())
            for one in reader.images:
                if one.get("src"):
                    figures.append(
                        (
                            match.start(),
                            Figure(
                                path=one["src"], alt=one.get("alt", ""), title=one.get("title", ""),
                                section=self._section,
                            ),
                        )
                    )  # fmt: skip
            return " "

        rest = _IMG.sub(element, _IMAGE.sub(markdown, line))
        return rest, [figure for _, figure in figures]


class _FigureElement(HTMLParser):
    """Images and caption of a `<figure>`."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.images: list[dict[str, str]] = []
        self.caption: list[str] = []
        self._within = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "img":
            self.images.append({name: value or "" for name, value in attrs})
        elif tag == "figcaption":
            self._within = True

    def handle_endtag(self, tag: str) -> None:
        if tag == "figcaption":
            self._within = False

    def handle_data(self, data: str) -> None:
        if self._within:
            self.caption.append(data)


def _plain(text: str) -> str:
    """A Markdown text without its markup, white space folded."""
    text = "\n".join(_LEAD.sub("", line) for line in text.split("\n"))
    text = _TAG.sub(" ", _LINK.sub(r"\1", text))
    return " ".join(html.unescape(_ESCAPED.sub(r"\1", _EMPHASIS.sub("", text))).replace("\0", " ").split())


def _without_front_matter(text: str) -> str:
    if not text.startswith("---\n"):
        return text
    end = text.find("\n---\n", 3)
    return text if end < 0 else text[end + 5 :]


def _without_code(text: str) -> str:
    """Without fenced code; a fence that is never closed goes to the end, as Markdown has it."""
    kept, fence = [], ""
    for line in text.split("\n"):
        match = _FENCE.match(line)
        if fence:
            if match and match[1].startswith(fence) and not line.strip(" `~"):
                fence = ""
            continue
        if match:
            fence = match[1]
            continue
        kept.append(line)
    return "\n".join(kept)


def _cut(text: str, opening: str, closing: str, replace: Callable[[str], str]) -> str:
    """Every part from `opening` to the next `closing` replaced. Linear: an opening without an end ends the search."""
    pieces: list[str] = []
    at, folded = 0, text.lower() if len(text.lower()) == len(text) else text
    while True:
        start = folded.find(opening, at)
        end = folded.find(closing, start) if start >= 0 else -1
        if end < 0:
            return "".join([*pieces, text[at:]])
        end += len(closing)
        pieces += [text[at:start], replace(text[start:end])]
        at = end
