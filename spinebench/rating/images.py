"""The images of traces for packets: found in the run's image folder, and held against what the model was sent."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any

from spinebench.audit_records import AuditTrace
from spinebench.benchmarks.images import ImageStore, PreparedImage
from spinebench.benchmarks.preparing import ImagePolicy
from spinebench.errors import DataError, UsageError
from spinebench.exchange.packet_images import PacketImage, pixels_only
from spinebench.records import ImageRef, SentImage
from spinebench.store import Workspace


class RunImages:
    """Gives a trace's images, pixel for pixel as its model was shown them."""

    def __init__(self, workspace: Workspace, *, root: Path | None = None) -> None:
        """`root`: where the images are now; None: where the run had them."""
        self._workspace = workspace
        self._root = root
        self._store_of = cache(self._store)
        self._pixels = cache(_pixels)

    def __call__(self, trace: AuditTrace) -> tuple[PacketImage, ...]:
        """The images in the order they were sent; () where none was. Raises DataError, which names the image."""
        refs = {ref.path: ref for ref in trace.item.images}
        return tuple(self._one(trace, sent, refs) for sent in trace.answer.images)

    def sent(self, run_id: str, sent: SentImage, refs: Mapping[str, ImageRef]) -> PreparedImage:
        """The file that holds what was sent, byte for byte; `refs`: the item's images by path.

        Raises DataError where a file is gone or gives other bytes now, UsageError where the folder is gone.
        """
        store = self._store_of(run_id)
        if sent.source_path is None:  # a blank image, of the size of the item's own
            prepared = store.blank(next(iter(refs.values())))
        else:
            prepared = store.prepare(refs.get(sent.source_path, ImageRef(path=sent.source_path)))
        if prepared.image.sha256 != sent.sha256:
            raise DataError(
                f"image {sent.source_path!r}: expected the bytes that the model was sent ({sent.sha256[:12]}...), "
                f"but it gives {prepared.image.sha256[:12]}...; restore the file of that run"
            )
        return prepared

    def _one(self, trace: AuditTrace, sent: SentImage, refs: Mapping[str, ImageRef]) -> PacketImage:
        return self._pixels(self.sent(trace.answer.run_id, sent, refs).file)

    def _store(self, run_id: str) -> ImageStore:
        plan: dict[str, Any] = self._workspace.run(run_id).spec().plan
        named = plan.get("image_root")
        root = self._root or Path(named) if named else self._root or Path(plan["benchmark"]).parent
        if not root.is_dir() and not root.is_absolute():  # the run was started beside the workspace
            root = self._workspace.path.resolve().parent / root
        if not root.is_dir():
            raise UsageError(
                f"image folder {str(root)!r} of run {run_id!r}: expected an existing folder; name it by --images"
            )
        policy = ImagePolicy(
            longest_side=plan.get("longest_side", ImagePolicy().longest_side),
            format=plan.get("image_format", "auto"),
        )
        return ImageStore(root, cache_dir=self._workspace.cache_dir / "images", policy=policy)


def _pixels(file: Path) -> PacketImage:
    try:
        return pixels_only(file.read_bytes())
    except OSError as error:
        raise DataError(f"image file {file.name!r}: expected a picture, but {error}; restore it") from error
