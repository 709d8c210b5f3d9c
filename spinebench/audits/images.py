"""The images of audited traces: those the examinee was sent, byte for byte, or none."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from spinebench.audit_records import AuditTrace
from spinebench.benchmarks import ImagePolicy, ImageStore
from spinebench.benchmarks.images import PreparedImage
from spinebench.errors import DataError
from spinebench.models.protocol import ImagePart
from spinebench.records import Answer, ImageCondition, ImageRef, Item
from spinebench.runs.images import is_slow
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace


class SentImages:
    """An `ImageSource` over what the examinees of one run were sent.

    An image whose bytes would no longer be those is refused: a judge must not hold a trace against another image.
    """

    def __init__(self, folder: RunFolder, workspace: Workspace, *, image_root: str | None = None) -> None:
        plan = folder.spec().plan
        root = image_root or plan.get("image_root") or Path(plan["benchmark"]).parent
        policy = ImagePolicy(longest_side=plan["longest_side"], format=plan["image_format"])
        self.store = ImageStore(Path(root), cache_dir=workspace.cache_dir / "images", policy=policy)
        self._folder = folder
        self._sent: dict[tuple[str, ImageCondition], Answer] = {}
        self._by_path: dict[str, ImageRef] | None = None

    def add(self, trace: AuditTrace) -> None:
        """Make a trace's images known; traces of one item under one condition were sent the same ones."""
        self._sent[trace.item.id, trace.answer.key.image_condition] = trace.answer

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        """The parts that were sent. Raises `DataError` where a file is gone or its picture is another one."""
        refs = tuple(self._refs(item, condition))
        if any(is_slow(ref) for ref in refs):
            return await asyncio.to_thread(self.now, item, condition)
        return self.now(item, condition)

    def now(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        """As `show`, in this thread."""
        answer = self._answer(item, condition)
        parts = []
        for ref, sent in zip(self._refs(item, condition), answer.images, strict=True):
            prepared = self._prepared(ref, condition)
            if prepared.image.sha256 != sent.sha256:
                raise DataError(
                    f"image {ref.path!r} of item {item.id!r}: expected the bytes that the examinee was sent "
                    f"({sent.sha256[:12]}), found others ({prepared.image.sha256[:12]}); put the file back as it was, "
                    "or audit with --text-only"
                )
            parts.append(ImagePart(image=sent, file=prepared.file))
        return tuple(parts)

    def refs(self, trace: AuditTrace) -> tuple[ImageRef, ...]:
        """References to the pictures of a trace that show a patient: none of a blank one."""
        condition = trace.answer.key.image_condition
        if condition is ImageCondition.BLANK:
            return ()
        return tuple(self._refs(trace.item, condition))

    def _answer(self, item: Item, condition: ImageCondition) -> Answer:
        return self._sent[item.id, condition]

    def _prepared(self, ref: ImageRef, condition: ImageCondition) -> PreparedImage:
        if condition is ImageCondition.BLANK:
            return self.store.blank(ref)
        return self.store.prepare(ref)

    def _refs(self, item: Item, condition: ImageCondition) -> Iterator[ImageRef]:
        answer = self._answer(item, condition)
        if condition is ImageCondition.SWAPPED:
            known = self._all_refs()
            for sent in answer.images:
                path = str(sent.source_path)
                yield known.get(path, ImageRef(path=path))
        else:
            yield from item.images[: len(answer.images)]

    def _all_refs(self) -> dict[str, ImageRef]:
        """Every image of the run's items, by path: where swapped ones come from."""
        if self._by_path is None:
            self._by_path = {ref.path: ref for item in self._folder.items() for ref in item.images}
        return self._by_path


def image_problems(traces: Iterable[AuditTrace], images: Mapping[str, SentImages]) -> dict[str, str]:
    """Trace id -> why its image cannot be shown to a judge as the examinee saw it."""
    problems = {}
    for trace in traces:
        try:
            images[trace.pick.trace.run_id].now(trace.item, trace.answer.key.image_condition)
        except DataError as error:
            problems[trace.trace_id] = str(error)
    return problems
