"""What a corpus must not repeat: questions and images of benchmark files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from multiprocessing import get_context
from pathlib import Path

from spinebench.benchmarks.images import ImageStore
from spinebench.benchmarks.load import load_benchmark
from spinebench.benchmarks.near_texts import exact_form
from spinebench.benchmarks.picture_hash import picture_hash
from spinebench.benchmarks.problems import ImageError
from spinebench.records import WRITTEN_TASKS, ImageRef, Item, Record, Sha256

_ALONE = 64
"""Images up to which starting other processes takes longer than reading."""


@dataclass
class KnownItems:
    """Questions and images that may not be repeated, each with the item that has them."""

    wordings: dict[str, list[tuple[frozenset[Sha256], str]]] = field(default_factory=dict)
    """Exact form of question and options -> images and name of every item that has it."""
    texts: dict[str, str] = field(default_factory=dict)
    """Text for the near comparison -> first item that has it."""
    images: dict[Sha256, str] = field(default_factory=dict)
    looks: list[tuple[str, str]] = field(default_factory=list)
    """Perceptual hash and item."""
    n_items: int = 0
    n_unreadable: int = 0
    """Images that could not be compared: missing or damaged."""

    def image(self, hashes: Iterable[Sha256]) -> str | None:
        """The item that shows one of these images; None for none."""
        return next((self.images[one] for one in hashes if one in self.images), None)

    def add(self, item: Item, hashes: Iterable[Sha256], *, name: str) -> None:
        """Take in an item whose images have these hashes."""
        self.wordings.setdefault(wording(item), []).append((frozenset(hashes), name))
        self.texts.setdefault(near_text(item), name)
        self.n_items += 1

    def same_wording(self, item: Item, hashes: Iterable[Sha256]) -> str | None:
        """The item with the same question and options and, where there are images, one of the same images."""
        own = frozenset(hashes)
        for others, name in self.wordings.get(wording(item), ()):
            if own & others or not (own or others):
                return name
        return None


class _Marks(Record):
    hashes: tuple[Sha256, ...]
    looks: str


def wording(item: Item) -> str:
    """The exact form of an item's question and options, whatever their order."""
    return "\n".join([exact_form(item.question), *sorted(exact_form(one) for one in item.options)])


def near_text(item: Item) -> str:
    """What is compared for near duplicates: the question with its right options, or with its reference answer."""
    answer = [item.reference or ""] if item.task in WRITTEN_TASKS else item.gold
    return "\n".join([item.question, *answer])


def read_test_sets(files: Sequence[Path], *, cache: Path, workers: int | None = None) -> KnownItems:
    """All items of some benchmark files with their images. Raises `DataError` for a file that is no benchmark."""
    found = KnownItems()
    for file in files:
        benchmark = load_benchmark(file)
        refs = list(
            {ref.path: ImageRef(path=ref.path) for item in benchmark.items for ref in item.images}.values()
        )
        marks = dict(
            zip(
                (ref.path for ref in refs),
                _all_marks(benchmark.image_root, refs, cache, workers),
                strict=True,
            )
        )
        found.n_unreadable += sum(one is None for one in marks.values())
        for item in benchmark.items:
            name = f"{item.id} of {file.name}"
            seen = [one for ref in item.images if (one := marks[ref.path]) is not None]
            found.add(item, (sha for one in seen for sha in one.hashes), name=name)
            for one in seen:
                for sha in one.hashes:
                    found.images.setdefault(sha, name)
        owners = {ref.path: item.id for item in reversed(benchmark.items) for ref in item.images}
        found.looks += [
            (one.looks, f"{owners[path]} of {file.name}") for path, one in marks.items() if one is not None
        ]
    return found


def _all_marks(root: Path, refs: Sequence[ImageRef], cache: Path, workers: int | None) -> list[_Marks | None]:
    marks = partial(_marks, root, cache)
    if len(refs) <= _ALONE or workers == 1:
        return list(map(marks, refs))
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        return list(pool.map(marks, refs, chunksize=32))


def _marks(root: Path, cache: Path, ref: ImageRef) -> _Marks | None:
    try:
        prepared = ImageStore(root, cache_dir=cache).prepare(ref)
        looks = picture_hash(prepared.file.read_bytes())
    except (ImageError, OSError):
        return None
    hashes = (prepared.image.source_sha256, prepared.image.sha256)
    return _Marks(hashes=tuple(dict.fromkeys(one for one in hashes if one is not None)), looks=looks)
