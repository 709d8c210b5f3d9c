"""From finished steps to items for review, with where they come from and what a reviewer should look at."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from spinebench.benchmarks.near_texts import near_texts
from spinebench.benchmarks.text_identifiers import find_identifiers
from spinebench.corpus.known_items import KnownItems, near_text
from spinebench.corpus.parts import LeftOut, Part, Reason
from spinebench.corpus.plan import Kind
from spinebench.corpus.questions import remarks_on_mcq, tidy_options
from spinebench.corpus.reading import ImageFacts
from spinebench.corpus.replies import McqDraft, OpenDraft
from spinebench.records import ClinicalCase, ImageRef, Item, Record, Sha256, Task, digest
from spinebench.runs.steps import StepEntry

IMAGES = "images"
"""Folder of the images beside the benchmark file."""


class Written(Record):
    """A question that went through all steps."""

    part: Part
    kind: Kind
    check: StepEntry | None
    """None for a question without an image."""
    draft: StepEntry
    revision: StepEntry


class Candidate(Record):
    """An item for review."""

    item: Item
    hash: Sha256
    """Of the item: a decision holds for exactly what was read."""
    where: str
    material: str
    """The text that it was made from."""
    remarks: tuple[str, ...]
    reason: str | None
    """Why the checker says that image and text agree."""
    draft: dict[str, Any]
    revision: dict[str, Any]
    images: tuple[ImageFacts, ...]


def candidates(
    written: Iterable[Written], *, benchmark: str, known: KnownItems
) -> tuple[tuple[Candidate, ...], tuple[LeftOut, ...]]:
    """Items for review in the order of the parts, and the questions that are exact duplicates.

    Exact: the same question and options, in any order, with a common image or without any. Near duplicates, of a
    test set's item or of an earlier candidate, are kept with a remark.
    """
    kept: list[Candidate] = []
    left_out: list[LeftOut] = []
    own = KnownItems()
    for one in written:
        candidate = _candidate(one, benchmark)
        hashes = [image.sha256 for image in candidate.item.images if image.sha256]
        for others, reason in ((known, Reason.IN_TEST_SET), (own, Reason.SAME_TEXT)):
            same = others.same_wording(candidate.item, [*hashes, *_sources(candidate)])
            if same is not None:
                left_out.append(
                    LeftOut(
                        what="question",
                        where=f"{candidate.where}, {one.kind.value}",
                        reason=reason,
                        detail=f"the question of {same}",
                    )
                )
                break
        else:
            own.add(candidate.item, [*hashes, *_sources(candidate)], name=candidate.item.id)
            kept.append(candidate)
    return tuple(_with_near(kept, known)), tuple(left_out)


def image_name(image: ImageFacts) -> str:
    """Name of an image beside the benchmark: its hash, so that no file name goes on."""
    assert image.sent is not None
    return f"{IMAGES}/{image.sent.sha256[:24]}.{image.sent.media_type.removeprefix('image/').replace('jpeg', 'jpg')}"


def write_images(folder: Path, chosen: Sequence[Candidate]) -> None:
    """The images of candidates, as they were sent: without headers and texts."""
    (folder / IMAGES).mkdir(parents=True, exist_ok=True)
    for image in {image_name(one): one for candidate in chosen for one in candidate.images}.values():
        assert image.file is not None
        target = folder / image_name(image)
        part = target.with_name(f".{target.name}.part")
        part.write_bytes(Path(image.file).read_bytes())
        part.replace(target)


def _candidate(one: Written, benchmark: str) -> Candidate:
    assert one.revision.value is not None
    part = one.part
    fields: dict[str, Any]
    if one.kind is Kind.IMAGE_OPEN:
        revised = OpenDraft.model_validate(one.revision.value)
        fields = {
            "task": Task.REPORT,
            "question": revised.question,
            "reference": revised.reference,
            "case": ClinicalCase(
                history=revised.history.strip() or None,
                examination=revised.examination.strip() or None,
                key_facts=revised.key_facts,
            ),
        }
        remarks: tuple[str, ...] = ()
        texts = [
            revised.question,
            revised.history,
            revised.examination,
            revised.reference,
            *revised.key_facts,
        ]
    else:
        mcq = tidy_options(McqDraft.model_validate(one.revision.value))
        order = list(mcq.options)
        random.Random(f"{part.id} {one.kind}").shuffle(order)  # models like to put the right one first
        fields = {
            "task": Task.KNOWLEDGE,
            "question": mcq.question,
            "options": tuple(order),
            "gold": (mcq.answer,),
        }
        fields["reference"] = mcq.explanation.strip() or None
        remarks = remarks_on_mcq(mcq)
        texts = [mcq.question, *mcq.options, mcq.explanation]
    found = {found.kind.words for text in texts for found in find_identifiers(text)}
    remarks += tuple(f"may hold a {words}" for words in sorted(found))
    subspecialty = str(one.revision.value["subspecialty"]).strip() or None
    item = Item(
        **fields,
        id=f"{one.kind.value}-{digest([part.id, one.kind.value, one.revision.value])[:16]}",
        benchmark=benchmark,
        images=tuple(ImageRef(path=image_name(image), sha256=_sent_sha(image)) for image in part.images),
        cluster=f"document:{part.source.document_sha256[:16]}",
        subspecialty=subspecialty,
        language=part.language,
        metadata={"corpus": _provenance(one)},
    )
    reason = None if one.check is None or one.check.value is None else str(one.check.value["reason"])
    return Candidate(
        item=item,
        hash=digest(item.model_dump(mode="json")),
        where=part.where,
        material=part.material,
        remarks=(*part.remarks, *remarks),
        reason=reason,
        draft=one.draft.value or {},
        revision=one.revision.value,
        images=part.images,
    )


def _provenance(one: Written) -> dict[str, Any]:
    steps = [step for step in (one.check, one.draft, one.revision) if step is not None]
    return {
        "part": one.part.id,
        "kind": one.kind.value,
        "source": one.part.source.model_dump(mode="json"),
        "models": {step.step: step.model for step in steps},
        "prompt_sha256": {step.step: step.prompt_hash for step in steps},
        "request_sha256": {step.step: step.request_hash for step in steps},
        "draft_sha256": digest(one.draft.value),
        "revision_sha256": digest(one.revision.value),
    }


def _with_near(kept: Sequence[Candidate], known: KnownItems) -> Iterator[Candidate]:
    texts = [near_text(one.item) for one in kept]
    remarks: dict[int, list[str]] = {}
    names = list(known.texts.values())
    for row, column, overlap in near_texts(texts, list(known.texts)):
        remarks.setdefault(row, []).append(f"reads like {names[column]} (overlap {overlap:.2f})")
    for row, column, overlap in near_texts(texts, texts):
        if column < row:
            remarks.setdefault(row, []).append(f"reads like {kept[column].item.id} (overlap {overlap:.2f})")
    for row, one in enumerate(kept):
        yield one.model_copy(update={"remarks": (*one.remarks, *remarks.get(row, ())[:5])})


def _sources(candidate: Candidate) -> list[Sha256]:
    return [image.source_sha256 for image in candidate.images if image.source_sha256]


def _sent_sha(image: ImageFacts) -> Sha256:
    assert image.sent is not None
    return image.sent.sha256
