"""The images of a benchmark as the exam graph wants them, by image condition."""

from __future__ import annotations

import asyncio

from spinebench.benchmarks import Benchmark, ImageStore
from spinebench.benchmarks.images import PreparedImage
from spinebench.models.protocol import ImagePart
from spinebench.records import ImageCondition, ImageRef, Item

_QUICK = (".png", ".jpg", ".jpeg")


def is_slow(ref: ImageRef) -> bool:
    """Whether an image takes long to prepare (DICOM, NIfTI, unknown endings): worth a thread, not a preflight."""
    return not ref.path.lower().endswith(_QUICK)


class BenchmarkImages:
    """An `ImageSource` over a benchmark's image folder."""

    def __init__(
        self,
        benchmark: Benchmark,
        store: ImageStore,
        *,
        seed: int,
    ) -> None:
        self._benchmark = benchmark
        self._store = store
        self._seed = seed

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        """The parts to send. Raises `DataError` for an image that cannot be used."""
        match condition:
            case ImageCondition.NONE:
                return ()
            case ImageCondition.NORMAL:
                return tuple([await self._part(ref) for ref in item.images])
            case ImageCondition.BLANK:
                return tuple([_part(await asyncio.to_thread(self._store.blank, ref)) for ref in item.images])
            case ImageCondition.SWAPPED:
                return tuple([await self._swapped(item, position) for position in range(len(item.images))])

    async def _swapped(self, item: Item, position: int) -> ImagePart:
        other, ref = self._benchmark.swapped_image(item, seed=self._seed, position=position)
        part = await self._part(ref)
        image = part.image.model_copy(update={"swapped_from": other.id})
        return part.model_copy(update={"image": image})

    async def _part(self, ref: ImageRef) -> ImagePart:
        if is_slow(ref):
            return _part(await asyncio.to_thread(self._store.prepare, ref))
        return _part(self._store.prepare(ref))


def _part(prepared: PreparedImage) -> ImagePart:
    return ImagePart(image=prepared.image, file=prepared.file)
