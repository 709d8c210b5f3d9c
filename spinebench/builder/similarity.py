"""How similar every image is to the library's images of every disease, by the cosine of their vectors."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from spinebench.builder.embedding import Embeddings
from spinebench.builder.library import Library, LibraryClass
from spinebench.builder.records import SimilarDisease, Similarities, StandardImage
from spinebench.errors import DataError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Excluded = Literal["group", "cluster"]
"""What of the library an image is not compared with: its near-duplicate group, or also its whole cluster."""

DECIMALS: Final = 6
BLOCK: Final = 1024
"""Images in one matrix product: with 2,400 images in the library it takes 20 MB."""


@dataclass(frozen=True)
class SimilarityTable:
    """Figures of images (rows, in the order asked for) against classes of the library (columns)."""

    labels: tuple[str, ...]
    mean: NDArray[np.float64]
    """Not a number where nothing is left to compare with."""
    maximum: NDArray[np.float64]
    n: NDArray[np.int64]
    """Images of the library that were compared."""


def similarities(
    embeddings: Embeddings,
    library: Library,
    images: Sequence[StandardImage],
    *,
    clusters: Mapping[str, str] | None = None,
    exclude: Excluded = "group",
    block: int = BLOCK,
) -> Iterator[Similarities]:
    """The similarity of each image to each disease, in the order of `images`, rounded to six digits.

    `images` hold the library's images too. Never compared: an image with itself, with pictures of the same pixels,
    with its near-duplicate group and, where `exclude` is `cluster`, with its cluster (`clusters`: image id -> cluster).
    A disease of which no image is left to compare with is not among the figures. Raises `DataError` for an image of
    the library that is not in `images`, or a picture without a vector.
    """
    table = similarity_table(
        embeddings, library.diseases, images, clusters=clusters, exclude=exclude, block=block
    )
    for row, image in enumerate(images):
        found = zip(
            table.labels,
            table.mean[row].tolist(),
            table.maximum[row].tolist(),
            table.n[row].tolist(),
            strict=True,
        )
        yield Similarities(
            id=image.id,
            encoder=embeddings.record.encoder,
            simulated=embeddings.record.simulated,
            diseases=tuple(
                SimilarDisease(disease=label, mean=mean, maximum=maximum, n=n)
                for label, mean, maximum, n in found
                if n
            ),
        )


def similarity_table(
    embeddings: Embeddings,
    classes: Sequence[LibraryClass],
    images: Sequence[StandardImage],
    *,
    clusters: Mapping[str, str] | None = None,
    exclude: Excluded = "group",
    block: int = BLOCK,
) -> SimilarityTable:
    """As `similarities`, as arrays, for any classes of a library.

    One matrix product of all vectors and the library's, block by block; in 64 bits, so that six digits do not depend
    on the size of blocks or the number of threads. In memory: the library's vectors, one shard, one block of products,
    and the figures.
    """
    import numpy as np

    assert exclude == "group" or clusters is not None, "to leave out clusters, they have to be known"
    gallery = _Gallery.of(embeddings, classes, images, clusters if exclude == "cluster" else None)
    rows: dict[str, list[int]] = defaultdict(list)
    for row, image in enumerate(images):
        rows[image.pixel_hash].append(row)
    shape = (len(images), len(classes))
    mean, maximum = np.full(shape, np.nan), np.full(shape, np.nan)
    n = np.zeros(shape, dtype=np.int64)
    seen = 0
    for shard in embeddings.blocks():
        here = [(at, row) for at, one in enumerate(shard.pixel_hashes) for row in rows.get(one, ())]
        seen += len(here)
        for start in range(0, len(here), block):
            some = here[start : start + block]
            vectors = shard.vectors[[at for at, _ in some]].astype(np.float64)
            targets = [row for _, row in some]
            mean[targets], maximum[targets], n[targets] = gallery.compared(
                vectors, [images[row] for row in targets]
            )
    if seen < len(images):
        embedded = {one for shard in embeddings.blocks() for one in shard.pixel_hashes}
        missing = next(one for one in images if one.pixel_hash not in embedded)
        raise DataError(
            f"image {missing.id!r}: expected a vector of {embeddings.record.encoder!r} for its picture; build again"
        )
    # Adding zero turns -0.0 into 0.0.
    return SimilarityTable(
        tuple(one.label for one in classes), mean.round(DECIMALS) + 0.0, maximum.round(DECIMALS) + 0.0, n
    )


@dataclass(frozen=True)
class _Gallery:
    """The library's vectors, class after class; an image with several diseases stands in it several times."""

    vectors: NDArray[np.float64]
    bounds: tuple[int, ...]
    """Class k has the columns `bounds[k]` to `bounds[k + 1]`."""
    columns: Mapping[tuple[str, str], list[int]]
    """Columns by what bars them: group, pixel hash or cluster."""
    clusters: Mapping[str, str] | None

    @classmethod
    def of(
        cls,
        embeddings: Embeddings,
        classes: Sequence[LibraryClass],
        images: Sequence[StandardImage],
        clusters: Mapping[str, str] | None,
    ) -> _Gallery:
        import numpy as np

        known = {one.id: one for one in images}
        ids = [name for one in classes for name in one.images]
        for name in ids:
            if name not in known:
                raise DataError(
                    f"image {name!r} of the library: expected it among the {len(images)} images; draw the library anew"
                )
        bounds = (0, *np.cumsum([len(one.images) for one in classes]).tolist())
        columns: dict[tuple[str, str], list[int]] = defaultdict(list)
        for column, name in enumerate(ids):
            for bar in _bars(known[name], clusters):
                columns[bar].append(column)
        vectors = embeddings.vectors([known[name].pixel_hash for name in ids]).astype(np.float64)
        return cls(vectors, bounds, dict(columns), clusters)

    def compared(
        self, vectors: NDArray[np.float64], images: Sequence[StandardImage]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
        """Mean, maximum and number by image and class."""
        import numpy as np

        products = vectors @ self.vectors.T
        barred = [
            (row, column)
            for row, image in enumerate(images)
            for column in {at for bar in _bars(image, self.clusters) for at in self.columns.get(bar, ())}
        ]
        rows, columns = (
            np.array(part, dtype=np.int64) for part in (zip(*barred, strict=True) if barred else ((), ()))
        )
        shape = (len(images), len(self.bounds) - 1)
        mean, maximum, n = np.full(shape, np.nan), np.full(shape, np.nan), np.zeros(shape, dtype=np.int64)
        n += np.diff(self.bounds)
        np.subtract.at(n, (rows, np.searchsorted(self.bounds, columns, side="right") - 1), 1)
        products[rows, columns] = 0.0
        sums = self._by_class(products, np.add)
        products[rows, columns] = -np.inf
        highest = self._by_class(products, np.maximum)
        there = n > 0
        mean[there] = sums[there] / n[there]
        maximum[there] = highest[there]
        return mean, maximum, n

    def _by_class(self, products: NDArray[np.float64], how: np.ufunc) -> NDArray[np.float64]:
        import numpy as np

        found = np.zeros((len(products), len(self.bounds) - 1))
        for place, (low, high) in enumerate(zip(self.bounds, self.bounds[1:], strict=False)):
            if high > low:
                how.reduce(products[:, low:high], axis=1, out=found[:, place])
        return found


def _bars(image: StandardImage, clusters: Mapping[str, str] | None) -> tuple[tuple[str, str], ...]:
    bars = (("group", image.group), ("pixels", image.pixel_hash))
    return (*bars, ("cluster", clusters[image.id])) if clusters is not None else bars
