from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinebench.benchmarks import Benchmark, ImageError, load_benchmark
from spinebench.errors import DataError, UsageError
from spinebench.records import ImageRef, Item, Task
from spinebench.terms import LEVELS

Build = Callable[..., dict[str, Any]]
Write = Callable[..., Path]
FIVE = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Foraminal stenosis"]


@pytest.fixture
def benchmark(diagnosis: Build, localization: Build, as_list: Write) -> Benchmark:
    """30 images of 10 studies, 5 diseases, and X-rays beside them; half the images are also localized."""
    records = []
    for n in range(30):
        path = f"rsna/{n // 3}/1/{n}.jpg"
        records.append(diagnosis(image=path, answers=FIVE[n % 5]))
        if n % 2:
            records.append(localization(image=path, answers=LEVELS[n % 5 :][:2]))
    records += [diagnosis(image=f"buu/{n}.jpg", answers=FIVE[n % 2]) for n in range(6)]
    return load_benchmark(as_list(*records))


def test_swapped_images_show_another_disease_of_another_study(benchmark: Benchmark) -> None:
    shown = {item.images[0].path: item.disease for item in benchmark.items if item.disease}
    for item in benchmark.items:
        donor, image = benchmark.swapped_image(item, seed=7)
        assert image in donor.images
        assert donor.cluster != item.cluster
        assert donor.modality == item.modality
        assert donor.task is item.task
        assert shown[image.path] != shown[item.images[0].path]


def test_swapping_depends_on_the_seed_and_not_on_the_order_of_items(benchmark: Benchmark) -> None:
    def donors(items: tuple[Item, ...], seed: int) -> list[str]:
        mixed = Benchmark(info=benchmark.info, items=items, image_root=benchmark.image_root)
        return [mixed.swapped_image(item, seed=seed)[0].id for item in benchmark.items]

    reordered = tuple(random.Random(1).sample(benchmark.items, len(benchmark.items)))
    assert donors(benchmark.items, 1) == donors(reordered, 1)
    assert donors(benchmark.items, 1) != donors(benchmark.items, 2)


def test_without_another_disease_there_is_nothing_to_swap_in(diagnosis: Build, as_list: Write) -> None:
    benchmark = load_benchmark(as_list(diagnosis(image="a.jpg"), diagnosis(image="b.jpg")))
    with pytest.raises(DataError, match="'swapped'"):
        benchmark.swapped_image(benchmark.items[0], seed=1)


def test_the_only_candidate_is_found_among_many(diagnosis: Build, as_list: Write) -> None:
    records = [diagnosis(image=f"{n}.jpg") for n in range(500)]
    benchmark = load_benchmark(as_list(*records, diagnosis(image="other.jpg", answers="Healthy")))
    assert benchmark.swapped_image(benchmark.items[0], seed=1)[1] == ImageRef(path="other.jpg")


def test_an_image_of_both_diseases_is_not_swapped_in(diagnosis: Build, as_list: Write) -> None:
    both = [diagnosis(image="b.jpg", answers=name, question=name) for name in ("Healthy", "Osteophytes")]
    benchmark = load_benchmark(as_list(diagnosis(image="a.jpg"), *both))
    with pytest.raises(DataError):
        benchmark.swapped_image(benchmark.items[0], seed=1)


def test_localizations_alone_swap_for_other_levels(localization: Build, as_list: Write) -> None:
    records = [localization(image=f"{n}.jpg", answers=["L1/L2"]) for n in range(5)]
    benchmark = load_benchmark(as_list(*records, localization(image="x.jpg", answers=["L5/S1"])))
    assert benchmark.swapped_image(benchmark.items[0], seed=3)[1].path == "x.jpg"


def test_several_images_are_swapped_for_those_of_one_donor() -> None:
    def item(name: str, n_images: int) -> Item:
        images = tuple(ImageRef(path=f"{name}{n}.png") for n in range(n_images))
        return Item(id=name, benchmark="b", task=Task.REPORT, question="?", images=images, cluster=name)

    items = (item("a", 3), item("b", 2))
    info = load_info()
    benchmark = Benchmark(info=info, items=items, image_root=Path())
    swapped = [benchmark.swapped_image(items[0], seed=1, position=n)[1].path for n in range(3)]
    assert swapped == ["b0.png", "b1.png", "b0.png"]


def load_info() -> Any:
    from spinebench.records import BenchmarkInfo

    return BenchmarkInfo(
        name="b", format="native-jsonl", path="b", n_items=2, n_by_task={}, n_clusters=2, items_hash="0" * 64
    )


def test_the_items_hash_knows_content_and_not_order(diagnosis: Build, as_list: Write) -> None:
    def items_hash(*records: dict[str, Any]) -> str:
        return load_benchmark(as_list(*records)).info.items_hash

    one, other = diagnosis(image="a.jpg"), diagnosis(image="b.jpg", note={"x": 1, "y": 2})
    same = diagnosis(image="b.jpg", note={"y": 2, "x": 1})
    assert items_hash(one, other) == items_hash(same, one)
    assert items_hash(one, other) != items_hash(one)
    assert items_hash(one) != items_hash(diagnosis(image="a.jpg", answers="Healthy"))


def test_the_hash_knows_the_bytes_of_images(
    diagnosis: Build, as_list: Write, tmp_path: Path, picture: Callable[..., bytes]
) -> None:
    (tmp_path / "a.png").write_bytes(picture())
    benchmark = load_benchmark(as_list(diagnosis(image="a.png")))
    cache = tmp_path / "cache" / "hashes.json"
    first = benchmark.hash()
    assert benchmark.hash(cache_file=cache) == first
    assert benchmark.hash(cache_file=cache) == first
    (tmp_path / "a.png").write_bytes(picture(size=(41, 30)))
    assert benchmark.hash(cache_file=cache) != first
    cache.write_text("{", "utf-8")
    assert benchmark.hash(cache_file=cache) == benchmark.hash()
    (tmp_path / "a.png").unlink()
    with pytest.raises(ImageError, match=r"a\.png"):
        benchmark.hash()


def test_an_item_by_its_id(benchmark: Benchmark) -> None:
    assert benchmark.item(benchmark.items[3].id) is benchmark.items[3]
    with pytest.raises(UsageError, match="'nothing'"):
        benchmark.item("nothing")
