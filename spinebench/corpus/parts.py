"""What calls are made about: figures and paragraphs, what is left out before any call, and why."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from enum import StrEnum
from typing import Literal

from spinebench.benchmarks.near_texts import exact_form
from spinebench.benchmarks.picture_hash import NEAR_BITS, distances
from spinebench.corpus.anchoring import weight
from spinebench.corpus.captions import caption_label
from spinebench.corpus.documents import AnchoredFigure, Paragraph, Source
from spinebench.corpus.known_items import KnownItems
from spinebench.corpus.plan import Kind
from spinebench.corpus.reading import ImageFacts, ReadDocument
from spinebench.records import Record, Sha256, digest


class Reason(StrEnum):
    """Why something gives no question."""

    IDENTIFIERS = "identifiers"  # may identify a person: held back
    UNREADABLE = "unreadable"  # document or image that cannot be read
    UNANCHORED = "unanchored"  # a figure that no text belongs to
    SAME_IMAGE = "same_image"  # the same bytes as an earlier figure
    SAME_TEXT = "same_text"  # the same paragraph, or the same question, as an earlier one
    IN_TEST_SET = "in_test_set"  # image or question of a test set
    DISAGREE = "disagree"  # image and text do not agree, says the checker
    INVALID = "invalid"  # what the models wrote breaks a rule after the revision
    NO_REPLY = "no_reply"  # the calls failed: tried again when the command is called again


class LeftOut(Record):
    """Something that gives no question."""

    what: Literal["document", "figure", "paragraph", "question"]
    where: str
    """Document (identifying parts masked), and figure or paragraph."""
    reason: Reason
    detail: str


class Part(Record):
    """A figure with its text, or a paragraph: what questions are made of."""

    id: str
    where: str
    source: Source
    language: str
    material: str
    """The text that the models are shown."""
    images: tuple[ImageFacts, ...] = ()
    kinds: tuple[Kind, ...]
    remarks: tuple[str, ...] = ()
    """For the review: near duplicates of the images."""


class Selection(Record):
    """The parts in the order of the documents, and what was left out before any call."""

    parts: tuple[Part, ...]
    left_out: tuple[LeftOut, ...]
    n_documents: int
    n_figures: int


def select_parts(
    documents: Sequence[ReadDocument], *, kinds: Sequence[Kind], test_set: KnownItems, shortest_paragraph: int
) -> Selection:
    """Parts of all documents that are not held back; exact duplicates are left out, near ones get a remark."""
    selecting = _Selecting(test_set, kinds, shortest_paragraph)
    parts = tuple(part for document in documents for part in selecting.of(document))
    return Selection(
        parts=parts,
        left_out=tuple(selecting.left_out),
        n_documents=len(documents),
        n_figures=sum(len(document.figures) for document in documents),
    )


class _Selecting:
    def __init__(self, test_set: KnownItems, kinds: Sequence[Kind], shortest: int) -> None:
        self._test_set = test_set
        self._of_figures = tuple(kind for kind in Kind if kind in kinds and kind is not Kind.TEXT_MCQ)
        self._with_texts = Kind.TEXT_MCQ in kinds
        self._shortest = shortest
        self.left_out: list[LeftOut] = []
        self._images: dict[Sha256, str] = {}
        self._looks: list[tuple[str, str]] = []
        self._texts: dict[str, str] = {}

    def of(self, document: ReadDocument) -> Iterator[Part]:
        if document.held_back:
            reason = Reason.IDENTIFIERS if document.identifiers else Reason.UNREADABLE
            detail = "; ".join(document.identifiers) or document.problem or ""
            self.left_out.append(LeftOut(what="document", where=document.shown, reason=reason, detail=detail))
            return
        for number, figure in enumerate(document.figures, start=1):
            where = f"{document.shown}, figure {figure.label or f'number {number}'}"
            if self._of_figures and (part := self._figure(document, figure, where)) is not None:
                yield part
        for paragraph in document.paragraphs if self._with_texts else ():
            if (part := self._paragraph(document, paragraph)) is not None:
                yield part

    def _figure(self, document: ReadDocument, figure: AnchoredFigure, where: str) -> Part | None:
        images = tuple(document.images[path] for path in figure.images)
        for image in images:
            if image.identifiers:
                return self._without("figure", where, Reason.IDENTIFIERS, "; ".join(image.identifiers))
            if image.sent is None:
                return self._without("figure", where, Reason.UNREADABLE, f"{image.path!r}: {image.problem}")
        if not figure.anchored:
            return self._without("figure", where, Reason.UNANCHORED, "no caption and no paragraph near it")
        remarks: list[str] = []
        for image in images:
            shas = _hashes(image)
            if (test := self._test_set.image(shas)) is not None:
                return self._without("figure", where, Reason.IN_TEST_SET, f"the image of {test}")
            earlier = next((self._images[sha] for sha in shas if sha in self._images), None)
            if earlier is not None:
                return self._without("figure", where, Reason.SAME_IMAGE, f"the image of {earlier}")
            remarks += self._alike(image)
        for image in images:
            self._images |= dict.fromkeys(_hashes(image), where)
            self._looks.append((image.looks or "", where))
        return self._part(document, figure, figure.context, where, images=images, remarks=tuple(remarks))

    def _alike(self, image: ImageFacts) -> Iterator[str]:
        looks = [*self._test_set.looks, *self._looks]
        if image.looks is None or not looks:
            return
        near = distances([image.looks], [one for one, _ in looks])[0]
        nearest = int(near.argmin())
        if near[nearest] <= NEAR_BITS:
            yield f"the image looks like that of {looks[nearest][1]} ({near[nearest]} of 255 bits differ)"

    def _paragraph(self, document: ReadDocument, paragraph: Paragraph) -> Part | None:
        if weight(paragraph.text) < self._shortest or caption_label(paragraph.text) is not None:
            return None
        where = f"{document.shown}, paragraph {paragraph.number}"
        form = exact_form(paragraph.text)
        if form in self._texts:
            return self._without("paragraph", where, Reason.SAME_TEXT, f"the text of {self._texts[form]}")
        self._texts[form] = where
        return self._part(document, None, (paragraph,), where)

    def _part(
        self,
        document: ReadDocument,
        figure: AnchoredFigure | None,
        context: Sequence[Paragraph],
        where: str,
        *,
        images: tuple[ImageFacts, ...] = (),
        remarks: tuple[str, ...] = (),
    ) -> Part:
        source = Source(
            document=document.path,
            document_sha256=document.sha256,
            figure=None if figure is None else figure.label,
            images=tuple(image.path for image in images),
            image_sha256=tuple(image.source_sha256 for image in images if image.source_sha256),
            paragraphs=tuple(one.number for one in context),
            paragraph_sha256=tuple(digest(one.text) for one in context),
            caption_rule=None if figure is None else figure.caption_rule,
            context_rule=None if figure is None else figure.context_rule,
        )
        caption = [f"Caption: {figure.caption}"] if figure is not None and figure.caption else []
        return Part(
            id=digest(source.model_dump(mode="json"))[:24],
            where=where,
            source=source,
            language=document.language,
            material="\n\n".join([*caption, *(f"Paragraph: {one.text}" for one in context)]),
            images=images,
            kinds=self._of_figures if images else (Kind.TEXT_MCQ,),
            remarks=remarks,
        )

    def _without(
        self, what: Literal["figure", "paragraph"], where: str, reason: Reason, detail: str
    ) -> Part | None:
        self.left_out.append(LeftOut(what=what, where=where, reason=reason, detail=detail))
        return None


def _hashes(image: ImageFacts) -> tuple[Sha256, ...]:
    sent = None if image.sent is None else image.sent.sha256
    return tuple(dict.fromkeys(sha for sha in (image.source_sha256, sent) if sha is not None))
