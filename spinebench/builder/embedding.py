"""Vectors of all distinct pictures, made shard by shard and kept as Parquet."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pydantic import ValidationError

from spinebench.benchmarks.paths import Folder
from spinebench.benchmarks.problems import ImageError
from spinebench.builder.encoders import (
    Encoder,
    EncoderSpec,
    PreparingEncoder,
    encoder_fingerprint,
    open_encoder,
    unit_length,
)
from spinebench.builder.record_files import file_sha256, put_whole, write_json
from spinebench.builder.records import StandardImage
from spinebench.errors import DataError
from spinebench.records import Record, Sha256, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

EMBEDDINGS_FILE: Final = "embeddings.json"
SHARD_SIZE: Final = 256
"""Pictures in a shard: what a kill can cost, and what is in memory at once when shards are read."""
_SHARD: Final = re.compile(r"shard-\d{5}\.parquet|\.shard-\d{5}\.parquet\..*\.part")


class ShardRecord(Record):
    """One file of vectors."""

    file: str
    n: int
    sha256: Sha256


class EmbeddingsRecord(Record):
    """`embeddings.json`: which encoder made the vectors, and the files that hold them."""

    encoder: str
    """Name, without a machine path."""
    fingerprint: Sha256
    """Of weights, settings and libraries (`encoders.Encoder.fingerprint`)."""
    pooling: str
    simulated: bool
    """Random weights: no figure that rests on these vectors means anything."""
    dimension: int
    n_images: int
    n_pictures: int
    """Of distinct pixels."""
    shards: tuple[ShardRecord, ...]


@dataclass(frozen=True)
class Block:
    """The vectors of one shard."""

    pixel_hashes: tuple[str, ...]
    """In ascending order."""
    vectors: NDArray[np.float32]
    """[n, d], rows of length 1."""


@dataclass(frozen=True)
class Embeddings:
    """Vectors on disk; one shard at a time is read."""

    folder: Path
    record: EmbeddingsRecord

    @classmethod
    def load(cls, folder: Path) -> Embeddings:
        """What `embed` left in a folder. Raises `DataError` where that is not whole."""
        try:
            record = EmbeddingsRecord.model_validate_json((folder / EMBEDDINGS_FILE).read_bytes())
        except (OSError, ValidationError) as error:
            raise DataError(
                f"embeddings in {folder.name!r}: expected a readable {EMBEDDINGS_FILE}, {type(error).__name__}; build "
                "again"
            ) from error
        return cls(folder, record)

    def blocks(self) -> Iterator[Block]:
        """All vectors, in the order of their pixel hashes. Raises `DataError` for a damaged shard."""
        for place in range(len(self.record.shards)):
            yield self._block(place)

    def vectors(self, pixel_hashes: Sequence[str]) -> NDArray[np.float32]:
        """The vectors of some pictures, [n, d], in the order asked for. Raises `DataError` for an unknown one."""
        import numpy as np

        wanted: dict[int, list[int]] = {}
        for at, one in enumerate(pixel_hashes):
            if one not in self._places:
                raise DataError(
                    f"picture {one!r}: expected to be embedded by {self.record.encoder!r}; build again"
                )
            wanted.setdefault(self._places[one][0], []).append(at)
        found = np.zeros((len(pixel_hashes), self.record.dimension), dtype=np.float32)
        for shard, ats in sorted(wanted.items()):
            block = self._block(shard)
            found[ats] = block.vectors[[self._places[pixel_hashes[at]][1] for at in ats]]
        return found

    @cached_property
    def _places(self) -> dict[str, tuple[int, int]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        places = {}
        for shard, one in enumerate(self.record.shards):
            try:
                column = pq.read_table(self.folder / one.file, columns=["pixel_hash"]).column(0)
            except (OSError, pa.ArrowException) as error:
                raise self._damaged(one) from error
            places.update({name: (shard, row) for row, name in enumerate(column.to_pylist())})
        return places

    def _damaged(self, shard: ShardRecord) -> DataError:
        return DataError(
            f"shard {shard.file!r} of {self.record.encoder!r}: expected {shard.n} vectors as they were written; "
            "build again, and it is made anew"
        )

    def _block(self, place: int) -> Block:
        shard = self.record.shards[place]
        block, _ = _read_shard(self.folder / shard.file) or (None, "")
        if block is None or len(block.pixel_hashes) != shard.n:
            raise self._damaged(shard)
        return block


def embed(
    images: Sequence[StandardImage],
    picture_root: Path,
    folder: Path,
    spec: EncoderSpec,
    *,
    base: Path | None = None,
    on_progress: Callable[[int, int], None] | None = None,
    shard_size: int = SHARD_SIZE,
    workers: int | None = None,
) -> Embeddings:
    """Embed every distinct picture of the images, and return what is then in `folder`.

    Pictures are sorted by pixel hash and cut into shards of `shard_size`. A shard is written whole or not at all, and
    made again where it is damaged or of another encoder, batch size or set of pictures; what is right is kept, so that
    a killed build goes on. Bytes do not depend on `workers` (threads that decode beside the model). `on_progress` gets
    the pictures done and their total. No image gives no shard, and dimension 0.

    Raises `DataError` for a picture that is not as standardization left it, `ProviderError` for the encoder.
    """
    pictures = {one.pixel_hash: one for one in sorted(images, key=lambda one: one.id, reverse=True)}
    hashes = sorted(pictures)
    ranges = [tuple(hashes[at : at + shard_size]) for at in range(0, len(hashes), shard_size)]
    fingerprint = encoder_fingerprint(spec, base=base)
    keys = [digest([fingerprint, spec.batch_size, list(one)]) for one in ranges]
    folder.mkdir(parents=True, exist_ok=True)
    names = [_name(place) for place in range(len(ranges))]
    _clear(folder, keep=set(names))
    found = [_kept(folder / name, key) for name, key in zip(names, keys, strict=True)]
    done = sum(len(one) for one, kept in zip(ranges, found, strict=True) if kept)
    if on_progress:
        on_progress(done, len(hashes))
    todo = [place for place, kept in enumerate(found) if not kept]
    if todo:
        encoder = open_encoder(spec, base=base)
        pool_size = workers or min(8, os.cpu_count() or 1)
        batches = [
            (place, [pictures[one] for one in ranges[place][at : at + spec.batch_size]])
            for place in todo
            for at in range(0, len(ranges[place]), spec.batch_size)
        ]
        parts: list[NDArray[np.float32]] = []
        for (place, batch), vectors in zip(
            batches, _vectors(encoder, batches, Folder(picture_root), pool_size), strict=True
        ):
            parts.append(vectors)
            done += len(batch)
            if sum(map(len, parts)) == len(ranges[place]):
                shard = _Shard(keys[place], encoder.pooling, ranges[place], tuple(parts))
                put_whole(folder / names[place], [shard.parquet()])
                parts = []
            if on_progress:
                on_progress(done, len(hashes))
    return _finished(folder, spec, fingerprint, len(images), names, ranges)


def keep_vectors(
    folder: Path,
    pixel_hashes: Sequence[str],
    vectors: NDArray[Any],
    spec: EncoderSpec,
    *,
    fingerprint: Sha256,
    shard_size: int = SHARD_SIZE,
) -> Embeddings:
    """Keep vectors that were made elsewhere, row i of picture `pixel_hashes[i]`, as `embed` keeps its own."""
    order = sorted(range(len(pixel_hashes)), key=lambda at: pixel_hashes[at])
    unit = unit_length(vectors, pixel_hashes)
    ranges = []
    for start in range(0, len(order), shard_size):
        some = order[start : start + shard_size]
        ranges.append(tuple(pixel_hashes[at] for at in some))
        key = digest([fingerprint, spec.batch_size, list(ranges[-1])])
        shard = _Shard(key, spec.pooling, ranges[-1], (unit[some],))
        put_whole(folder / _name(len(ranges) - 1), [shard.parquet()])
    names = [_name(place) for place in range(len(ranges))]
    return _finished(folder, spec, fingerprint, len(pixel_hashes), names, ranges)


def _name(place: int) -> str:
    return f"shard-{place:05}.parquet"


def _finished(
    folder: Path,
    spec: EncoderSpec,
    fingerprint: Sha256,
    n_images: int,
    names: Sequence[str],
    ranges: Sequence[tuple[str, ...]],
) -> Embeddings:
    first = _read_shard(folder / names[0]) if names else None
    record = EmbeddingsRecord(
        encoder=spec.label,
        fingerprint=fingerprint,
        pooling=first[1]["pooling"] if first else spec.pooling,
        simulated=spec.simulated,
        dimension=int(first[0].vectors.shape[1]) if first else 0,
        n_images=n_images,
        n_pictures=sum(map(len, ranges)),
        shards=tuple(
            ShardRecord(file=name, n=len(one), sha256=file_sha256(folder / name))
            for name, one in zip(names, ranges, strict=True)
        ),
    )
    write_json(folder / EMBEDDINGS_FILE, record.model_dump(mode="json"))
    return Embeddings(folder, record)


def _vectors(
    encoder: Encoder,
    batches: Sequence[tuple[int, list[StandardImage]]],
    root: Folder,
    workers: int,
) -> Iterator[NDArray[np.float32]]:
    """Unit vectors batch by batch; threads read, decode and prepare the next batches beside the model."""
    preparing = encoder if isinstance(encoder, PreparingEncoder) else None

    def ready(batch: list[StandardImage]) -> Any:
        pictures = [_picture(root, one) for one in batch]
        return preparing.prepare(pictures) if preparing else pictures

    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[tuple[list[StandardImage], Future[Any]]] = deque()
        try:
            ahead = iter(batches)
            for _ in range(len(batches)):
                while len(waiting) <= workers and (following := next(ahead, None)) is not None:
                    waiting.append((following[1], pool.submit(ready, following[1])))
                batch, future = waiting.popleft()
                given = future.result()
                raw = preparing.encode(given) if preparing else encoder.embed(given)
                yield unit_length(raw, [one.id for one in batch])
        finally:
            pool.shutdown(cancel_futures=True)


def _picture(root: Folder, image: StandardImage) -> Image:
    from PIL import Image, UnidentifiedImageError

    try:
        content = root.locate(image.file).read()
        if hashlib.sha256(content).hexdigest() != image.sha256:
            raise ValueError("its bytes are others")
        with Image.open(io.BytesIO(content)) as opened:
            return opened.convert("RGB")
    except (ImageError, UnidentifiedImageError, ValueError, OSError) as error:
        raise DataError(
            f"picture {image.file!r} of image {image.id!r}: expected the file that standardization wrote, {error}; "
            "delete the build's folder standardize and build again"
        ) from error


@dataclass(frozen=True)
class _Shard:
    key: Sha256
    pooling: str
    pixel_hashes: tuple[str, ...]
    parts: tuple[NDArray[np.float32], ...]

    def parquet(self) -> bytes:
        import numpy as np
        import pyarrow as pa
        import pyarrow.parquet as pq

        vectors = np.ascontiguousarray(np.concatenate(self.parts), dtype="<f4")
        item = pa.field("item", pa.float32(), nullable=False)
        kind = pa.list_(item, vectors.shape[1])
        about = {
            "key": self.key,
            "pooling": self.pooling,
            "content": _content(self.pixel_hashes, vectors),
        }
        schema = pa.schema(
            [pa.field("pixel_hash", pa.string(), nullable=False), pa.field("vector", kind, nullable=False)],
            metadata={"spinebench": json.dumps(about)},
        )
        column = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), type=kind)
        table = pa.table([pa.array(self.pixel_hashes, pa.string()), column], schema=schema)
        sink = io.BytesIO()
        # Vectors do not compress; dictionaries would only cost time.
        pq.write_table(table, sink, compression="none", use_dictionary=False, write_statistics=False)
        return sink.getvalue()


def _read_shard(file: Path) -> tuple[Block, dict[str, str]] | None:
    """The vectors of a file and what is said of them; None where they are not as they were written."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # As a file: a folder or a pipe of that name is no shard.
        with file.open("rb") as stream:
            table = pq.ParquetFile(stream).read()
        about = json.loads(table.schema.metadata[b"spinebench"])
        column = table.column("vector").combine_chunks()
        vectors = column.flatten().to_numpy().reshape(len(table), table.schema.field("vector").type.list_size)
        hashes = tuple(table.column("pixel_hash").to_pylist())
        if about["content"] != _content(hashes, vectors):
            return None
    except (OSError, pa.ArrowException, KeyError, ValueError, TypeError, AttributeError):
        return None
    return Block(hashes, vectors), about


def _content(pixel_hashes: Sequence[str], vectors: NDArray[np.float32]) -> Sha256:
    total = hashlib.sha256("\n".join(pixel_hashes).encode())
    total.update(vectors.tobytes())
    return total.hexdigest()


def _kept(file: Path, key: Sha256) -> bool:
    found = _read_shard(file)
    return found is not None and found[1].get("key") == key


def _clear(folder: Path, *, keep: set[str]) -> None:
    """Take away shards of an earlier build with more pictures, and what a kill left half written."""
    for file in folder.iterdir():
        if _SHARD.fullmatch(file.name) and file.name not in keep and file.is_file():
            file.unlink()
