"""Everything `spinebench data check` tells about a benchmark, as one record."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from statistics import fmean
from tempfile import TemporaryDirectory

from spinebench.benchmarks.benchmark import Benchmark
from spinebench.benchmarks.identifiers import IdentifierFinding
from spinebench.benchmarks.images import ImageStore
from spinebench.benchmarks.item_identifiers import in_items
from spinebench.benchmarks.preparing import ImagePolicy
from spinebench.benchmarks.problems import ImageError, ImageProblem, InvalidRecord
from spinebench.benchmarks.vocabulary import canonical, nearest_label
from spinebench.records import BenchmarkInfo, ImageRef, Item, Record, Task


class UnknownLabel(Record):
    """An option text that the task's vocabulary does not know."""

    task: Task
    label: str
    n_items: int
    nearest: str | None
    """The known label most like it; None if it is like none."""


class UnusableImage(Record):
    """An image that cannot be sent."""

    path: str
    problem: ImageProblem
    message: str
    item_ids: tuple[str, ...]


class ClusterSizes(Record):
    """How many items share a cluster, over all clusters."""

    n_clusters: int
    smallest: int
    mean: float
    largest: int
    largest_cluster: str


class CheckReport(Record):
    """What a check found. Counts are of valid items unless they say otherwise."""

    info: BenchmarkInfo
    n_by_disease: dict[str, int]
    """Items by the disease they state; items that state none are not counted."""
    n_by_modality: dict[str, int]
    n_by_source: dict[str, int]
    n_by_number_of_options: dict[str, int]
    clusters: ClusterSizes
    n_images: int
    """Different image paths."""
    n_images_shared: int
    """Image paths that more than one item shows."""
    same_images: tuple[tuple[str, ...], ...]
    """Different paths that hold the same bytes."""
    duplicates: tuple[tuple[str, ...], ...]
    """Ids of items whose records ask the same and give the same answer."""
    unknown_labels: tuple[UnknownLabel, ...]
    invalid: tuple[InvalidRecord, ...]
    unusable: tuple[UnusableImage, ...]
    identifiers: tuple[IdentifierFinding, ...]
    """Direct ones of images; sex and age in paths are counted apart."""
    text_identifiers: tuple[IdentifierFinding, ...]
    """In the texts of items, ids and clusters."""
    n_paths_with_demographics: int


def check_benchmark(benchmark: Benchmark, *, policy: ImagePolicy | None = None) -> CheckReport:
    """Check a benchmark loaded with `skip_invalid`, with all its images. Converted images are thrown away."""
    items = benchmark.items
    by_image: dict[str, list[Item]] = defaultdict(list)
    refs: dict[ImageRef, None] = {}
    for item in items:
        for path in dict.fromkeys(image.path for image in item.images):
            by_image[path].append(item)
        refs.update(dict.fromkeys(item.images))
    unusable: list[UnusableImage] = []
    findings: dict[str, tuple[IdentifierFinding, ...]] = {}
    by_hash: dict[str, dict[str, None]] = defaultdict(dict)
    with TemporaryDirectory(prefix="spinebench-check-") as scratch:
        store = ImageStore(benchmark.image_root, cache_dir=scratch, policy=policy)
        for ref in refs:
            try:
                sent = store.check(ref)
                found = store.identifiers(ref, demographics=True)
            except ImageError as error:
                ids = tuple(item.id for item in by_image[ref.path])
                unusable.append(
                    UnusableImage(path=ref.path, problem=error.problem, message=str(error), item_ids=ids)
                )
                continue
            by_hash[sent.source_sha256 or sent.sha256][ref.path] = None
            findings[ref.path] = found
    return CheckReport(
        info=benchmark.info,
        n_by_disease=_counted(item.disease for item in items),
        n_by_modality=_counted(item.modality for item in items),
        n_by_source=_counted(item.source for item in items),
        n_by_number_of_options=_counted(str(len(item.options)) for item in items),
        clusters=_clusters(items),
        n_images=len(by_image),
        n_images_shared=sum(len(sharing) > 1 for sharing in by_image.values()),
        same_images=tuple(tuple(paths) for paths in by_hash.values() if len(paths) > 1),
        duplicates=benchmark.duplicates,
        unknown_labels=tuple(_unknown(items)),
        invalid=benchmark.invalid,
        unusable=tuple(unusable),
        identifiers=tuple(one for found in findings.values() for one in found if one.direct),
        text_identifiers=tuple(in_items(items)),
        n_paths_with_demographics=sum(not all(one.direct for one in found) for found in findings.values()),
    )


def _counted(values: Iterable[str | None]) -> dict[str, int]:
    counts = Counter(value for value in values if value is not None)
    return dict(sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])))


def _clusters(items: tuple[Item, ...]) -> ClusterSizes:
    sizes = Counter(item.cluster for item in items)
    largest, n_largest = max(sizes.items(), key=lambda entry: (entry[1], entry[0]))
    return ClusterSizes(
        n_clusters=len(sizes),
        smallest=min(sizes.values()),
        mean=fmean(sizes.values()),
        largest=n_largest,
        largest_cluster=largest,
    )


def _unknown(items: tuple[Item, ...]) -> Iterator[UnknownLabel]:
    counts: Counter[tuple[Task, str]] = Counter()
    for item in items:
        if item.task in {Task.DIAGNOSIS, Task.LOCALIZATION}:
            counts.update((item.task, option) for option in item.options)
    for (task, label), n_items in sorted(counts.items(), key=lambda entry: (-entry[1], entry[0])):
        if canonical(label, task=task) is None:
            yield UnknownLabel(
                task=task, label=label, n_items=n_items, nearest=nearest_label(label, task=task)
            )
