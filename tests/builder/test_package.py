"""A finished benchmark as folders: what is used here, and what may be given on."""

from __future__ import annotations

import hashlib
import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from spinebench.benchmarks.check import check_benchmark
from spinebench.benchmarks.load import load_benchmark
from spinebench.builder.package import source_facts
from spinebench.builder.package.checksums import tree_hash
from spinebench.builder.records import Stage
from spinebench.errors import DataError, UsageError
from spinebench.records import ImageRef, Task
from tests.builder.package_samples import Build, a_build, add_image, candidate, png


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return a_build(tmp_path)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def names(folder: Path) -> set[str]:
    return {one.name for one in folder.iterdir()}


def test_the_local_package_is_a_benchmark_in_both_formats(build: Build) -> None:
    packaged, folder = build.package()
    assert packaged.n_items == {"evaluation": 9, "train": 6}
    assert set(packaged.local_files) == {"evaluation.json", "evaluation.jsonl", "train.json", "train.jsonl"}
    for file in ("evaluation.jsonl", "evaluation.json"):
        loaded = load_benchmark(folder / "local" / file)
        assert loaded.info.n_by_task == {"diagnosis": 7, "localization": 2}
        assert loaded.info.name == "mini-evaluation"
        assert loaded.info.simulated  # the encoder says so
        report = check_benchmark(loaded)
        assert (report.unusable, report.identifiers, report.text_identifiers) == ((), (), ())
        assert report.n_images == 7


def test_items_keep_id_and_cluster_and_find_their_image(build: Build) -> None:
    _, folder = build.package()
    before = {one.item.id: one.item for one in build.splits["evaluation"]}
    after = load_benchmark(folder / "local" / "evaluation.jsonl").items
    assert [one.id for one in after] == list(before)
    for item in after:
        old = before[item.id]
        assert (item.cluster, item.gold, item.options) == (old.cluster, old.gold, old.options)
        file = folder / "local" / item.images[0].path
        assert hashlib.sha256(file.read_bytes()).hexdigest() == item.images[0].sha256 == old.images[0].sha256


def test_paths_are_those_of_the_pathology_files(build: Build) -> None:
    _, folder = build.package()
    items = load_benchmark(folder / "local" / "evaluation.json").items
    assert items[0].images[0].path == "images/rsna/100/7/0.png"
    assert items[0].cluster == "rsna/100"  # by the path alone
    assert items[0].metadata["item_id"] == build.splits["evaluation"][0].item.id
    assert items[5].images[0].path == "images/own/film_0.png"


def test_images_are_given_on_only_where_the_licence_allows_it(build: Build) -> None:
    packaged, folder = build.package()
    release = folder / "release"
    images = {one.relative_to(release).as_posix() for one in (release / "images").rglob("*.png")}
    assert images == {f"images/spider/{n}/{n}_t{t}.png" for n in (0, 1) for t in (1, 2)}
    pointed = lines(release / "pointers.jsonl")
    assert [one["image"] for one in pointed] == sorted(one["image"] for one in pointed)
    assert {one["source"] for one in pointed} == {"rsna", "own"}
    first = next(one for one in pointed if one["image"] == "images/rsna/100/7/0.png")
    known = build.standard["rsna/train_images/100/7/0.dcm"]
    assert first == {
        "image": "images/rsna/100/7/0.png",
        "source": "rsna",
        "path": "train_images/100/7/0.dcm",
        "source_sha256": known.source_sha256,
        "transform": "png",
        "sha256": known.sha256,
        "pixel_hash": known.pixel_hash,
        "width": 10,
        "height": 12,
    }
    assert packaged.images.model_dump() == {
        "n": 13,
        "n_included": 4,
        "n_pointed": 9,
        "by_source": {"own": 3, "rsna": 6, "spider": 4},
    }


def test_never_includes_none_and_a_stated_licence_includes(build: Build) -> None:
    packaged, folder = build.package(include_images="never")
    assert packaged.images.n_pointed == 13
    assert not (folder / "release" / "images").exists()
    stated = source_facts("table", name="own", licence="CC0", redistribution=True)
    build.sources = (*build.sources[:2], stated)
    packaged, folder = build.package()
    assert packaged.images.n_included == 7


def test_question_files_are_the_same_in_both(build: Build) -> None:
    _, folder = build.package()
    for file in ("evaluation.json", "evaluation.jsonl", "evaluation.meta.json", "train.json", "train.jsonl"):
        assert (folder / "local" / file).read_bytes() == (folder / "release" / file).read_bytes()


@pytest.mark.parametrize(("formats", "endings"), [(["native"], {".jsonl"}), (["released"], {".json"})])
def test_only_the_formats_asked_for(build: Build, formats: list[str], endings: set[str]) -> None:
    packaged, folder = build.package(formats=formats)
    assert {Path(one).suffix for one in packaged.local_files} == endings
    done = verified(folder / "release")
    assert done.returncode == 0, done.stdout


def verified(release: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [__import__("sys").executable, "-I", "-S", "verify.py"], cwd=release, capture_output=True, text=True
    )


def test_two_packages_of_one_input_are_identical(build: Build, tmp_path: Path) -> None:
    packaged, folder = build.package()
    hashes = [tree_hash(folder)]
    build.package()  # over the first
    hashes.append(tree_hash(folder))
    _, other = a_build(tmp_path / "elsewhere").package(to="deeper/package")
    hashes.append(tree_hash(other))
    assert len(set(hashes)) == 1
    assert packaged.release_hash == tree_hash(folder / "release")
    assert names(folder) == {"local", "release"}


def test_sha256sum_reads_the_checksums(build: Build) -> None:
    _, folder = build.package()
    release = folder / "release"
    listed = {line.split("  ", 1)[1] for line in (release / "SHA256SUMS").read_text("utf-8").splitlines()}
    present = {one.relative_to(release).as_posix() for one in release.rglob("*") if one.is_file()}
    assert listed == present - {"SHA256SUMS"}
    done = subprocess.run(
        ["sha256sum", "-c", "--strict", "SHA256SUMS"], cwd=release, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_of_the_building_machine_gets_in(build: Build) -> None:
    _, folder = build.package()
    release = folder / "release"
    for file in release.rglob("*"):
        if file.is_file() and file.name != "verify.py":
            content = file.read_bytes()
            for trace in (str(build.root), "/data/private", "/models/private", "/home/me"):
                assert trace.encode() not in content, file.name
    card = json.loads((release / "card.json").read_text("utf-8"))
    assert card["reports"]["settings"]["sources"][0]["folder"] == "(path)"
    assert lines(release / "ledger.jsonl")[2]["detail"] == "see (path)"


def test_the_ledger_and_the_provenance_are_complete(build: Build) -> None:
    _, folder = build.package()
    ledger = lines(folder / "release" / "ledger.jsonl")
    assert [(one["stage"], one["subject"]) for one in ledger] == [
        ("import", "train.csv:12"),
        ("import", "train.csv:19"),
        ("review", "diagnosis-0"),
    ]
    told = lines(folder / "release" / "provenance.jsonl")
    assert len(told) == 15
    assert told[0]["image_id"] == "rsna/train_images/100/7/0.dcm"
    assert told[0]["rows"] == ["train.csv:2"]
    card = json.loads((folder / "release" / "card.json").read_text("utf-8"))
    assert card["dropped"] == [
        {"stage": "import", "source": "rsna", "reason": "bad_row", "n": 2},
        {"stage": "review", "source": "–", "reason": "rejected", "n": 1},
    ]


def test_a_split_without_questions_is_left_out_and_said_so(build: Build) -> None:
    build.splits["spare"] = ()
    packaged, folder = build.package()
    assert packaged.empty_splits == ("spare",)
    assert not (folder / "release" / "spare.jsonl").exists()
    assert "spare" in json.loads((folder / "release" / "card.json").read_text("utf-8"))["limits"][0]


def test_paths_that_name_a_person_are_replaced_and_found_by_hash(build: Build) -> None:
    image = add_image(build, "own", "DOE^JANE 1980-01-02.png", 40, modality="X-ray")
    build.splits["train"] = (*build.splits["train"], candidate(build, image, Task.DIAGNOSIS))
    _, folder = build.package()
    for file in (folder / "release").rglob("*"):
        assert "DOE" not in file.name
        assert not file.is_file() or b"DOE" not in file.read_bytes(), file.name
    standard = build.standard[image]
    (line,) = [
        one for one in lines(folder / "release" / "pointers.jsonl") if one["sha256"] == standard.sha256
    ]
    assert "path" not in line
    assert line["source_sha256"] == standard.source_sha256


def test_paths_that_would_fall_together_stay_apart(build: Build) -> None:
    ids = [
        add_image(build, "own", f"{side}/0001.png", n, modality="X-ray")
        for n, side in ((50, "AP"), (51, "LA"))
    ]
    ids += [add_image(build, "own", "AP/0001.PNG", 52, modality="X-ray")]
    build.splits["train"] = tuple(candidate(build, one, Task.DIAGNOSIS) for one in ids)
    _, folder = build.package()
    paths = {one.images[0].path.casefold() for one in load_benchmark(folder / "local" / "train.jsonl").items}
    assert len(paths) == 3


def broken_picture(build: Build) -> None:
    file = build.pictures / next(iter(build.standard.values())).file
    file.unlink()
    file.write_bytes(png(99))


def texts_in_picture(build: Build) -> None:
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    image_id = next(iter(build.standard))
    file = build.pictures / build.standard[image_id].file
    notes = PngInfo()
    notes.add_text("Patient", "Jane Doe")
    Image.open(file).save(file, pnginfo=notes)
    sha256 = hashlib.sha256(file.read_bytes()).hexdigest()
    build.standard[image_id] = build.standard[image_id].model_copy(update={"sha256": sha256})


def no_facts(build: Build) -> None:
    build.sources = build.sources[:1]


def unknown_image(build: Build) -> None:
    del build.standard["rsna/train_images/100/7/0.dcm"]


def change_first(build: Build, **changes: Any) -> None:
    first, *rest = build.splits["train"]
    build.splits["train"] = (first.model_copy(update={"item": first.item.model_copy(update=changes)}), *rest)


@pytest.mark.parametrize(
    ("damage", "error", "named"),
    [
        pytest.param(broken_picture, DataError, "rsna/train_images/100/7/0.dcm", id="another picture"),
        pytest.param(texts_in_picture, DataError, "holds texts", id="texts in a picture"),
        pytest.param(no_facts, DataError, "'own'", id="a source without facts"),
        pytest.param(unknown_image, DataError, "standardized", id="an image that was dropped"),
        pytest.param(
            lambda build: build.splits.update({"../x": build.splits["train"]}),
            UsageError,
            "'../x'",
            id="split name",
        ),
        pytest.param(
            lambda build: build.splits.update(Card=()), UsageError, "'Card'", id="name of another file"
        ),
        pytest.param(
            lambda build: build.splits.clear(), DataError, "without questions", id="nothing accepted"
        ),
        pytest.param(
            lambda build: change_first(build, question="See /home/me/a.png?"),
            DataError,
            "/home/me",
            id="path asked",
        ),
        pytest.param(
            lambda build: change_first(build, source="vindr"), DataError, "'vindr'", id="another source"
        ),
        pytest.param(
            lambda build: change_first(build, images=(ImageRef(path="a"), ImageRef(path="b"))),
            DataError,
            "one image",
            id="two images",
        ),
        pytest.param(
            lambda build: change_first(build, gold=("Kyphosis",)),
            DataError,
            "'Kyphosis'",
            id="gold no option",
        ),
        pytest.param(
            lambda build: change_first(build, id=build.splits["train"][1].item.id),
            DataError,
            "each id once",
            id="id twice",
        ),
    ],
)
def test_bad_input_is_named_and_nothing_appears(build: Build, damage: Any, error: Any, named: str) -> None:
    damage(build)
    with pytest.raises(error) as caught:
        build.package()
    assert named in str(caught.value)
    folder = build.root / "package"
    assert not folder.exists() or names(folder) == set()


def test_an_earlier_package_survives_a_failed_one(build: Build) -> None:
    _, folder = build.package()
    before = tree_hash(folder)
    broken_picture(build)
    with pytest.raises(DataError):
        build.package()
    assert tree_hash(folder) == before


def test_every_stage_has_an_order_in_the_card(build: Build) -> None:
    build.ledger = tuple(
        build.ledger[0].model_copy(update={"stage": stage, "source": None}) for stage in reversed(Stage)
    )
    _, folder = build.package()
    card = json.loads((folder / "release" / "card.json").read_text("utf-8"))
    assert [one["stage"] for one in card["dropped"]] == [stage.value for stage in Stage]
