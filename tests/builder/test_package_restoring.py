"""A release without images, and the user's own copies of its sources: together they are the benchmark again."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import typer

from spinebench.benchmarks.check import check_benchmark
from spinebench.benchmarks.load import load_benchmark
from spinebench.builder.package import restoring, source_facts
from spinebench.builder.package.checksums import tree_hash
from spinebench.builder.package.restoring import restore
from spinebench.builder.records import LabelledImage
from spinebench.builder.standard_policy import StandardPolicy
from spinebench.builder.standardizing import standardize
from spinebench.cli.build_release import restore as restore_command
from spinebench.errors import DataError, UsageError
from spinebench.records import Task
from tests.builder.package_samples import Build, a_build, add_image, candidate, drawn
from tests.builder.trees import picture, write_dicom, write_picture


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return a_build(tmp_path)


@pytest.fixture
def release(build: Build) -> Path:
    """A release that was given on: the build's pictures are out of reach."""
    _, folder = build.package()
    given = build.root / "given" / "on"
    shutil.copytree(folder / "release", given)
    return given


def change_pointer(release: Path, at: str, **changes: object) -> None:
    file = release / "pointers.jsonl"
    rows = [json.loads(line) for line in file.read_text("utf-8").splitlines()]
    rows = [row | changes if row["image"] == at else row for row in rows]
    file.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def test_restored_images_are_byte_identical(build: Build, release: Path) -> None:
    restored = restore(
        release, {"rsna": build.source("rsna"), "own": build.source("own")}, render=drawn, workers=1
    )
    assert (restored.n_pointed, restored.n_restored, restored.faults) == (9, 9, ())
    local = build.root / "package" / "local" / "images"
    assert tree_hash(release / "images") == tree_hash(local)
    done = subprocess.run(
        [sys.executable, "-I", "-S", "verify.py"], cwd=release, capture_output=True, text=True
    )
    assert (
        done.returncode,
        done.stdout.splitlines()[-1].endswith("9 of 9 images pointed to are restored"),
    ) == (0, True)
    report = check_benchmark(load_benchmark(release / "evaluation.jsonl"))
    assert report.unusable == ()


def test_a_second_call_does_what_is_left(build: Build, release: Path) -> None:
    first = restore(release, {"own": build.source("own")}, render=drawn, workers=1)
    assert (first.n_restored, first.n_waiting) == (3, {"rsna": 6})
    second = restore(release, {"rsna": build.source("rsna")}, render=drawn, workers=1)
    assert (second.n_restored, second.n_present, second.n_waiting) == (6, 3, {})


def test_several_processes_make_the_same(build: Build, release: Path) -> None:
    restored = restore(
        release, {"rsna": build.source("rsna"), "own": build.source("own")}, render=drawn, workers=2
    )
    assert restored.n_restored == 9
    assert tree_hash(release / "images") == tree_hash(build.root / "package" / "local" / "images")


def test_a_file_whose_path_was_withheld_is_found_by_its_hash(build: Build) -> None:
    image = add_image(build, "own", "ward/DOE^JANE 1980-01-02.png", 40, modality="X-ray")
    build.splits["train"] = (*build.splits["train"], candidate(build, image, Task.DIAGNOSIS))
    _, folder = build.package()
    restored = restore(folder / "release", {"own": build.source("own")}, render=drawn, workers=1)
    assert (restored.n_restored, restored.faults) == (4, ())
    (build.source("own") / build.labelled[image].path).unlink()
    shutil.rmtree(folder / "release" / "images" / "own")
    restored = restore(folder / "release", {"own": build.source("own")}, render=drawn, workers=1)
    assert [one.reason for one in restored.faults] == ["missing"]


def other_version(build: Build, release: Path) -> None:
    (build.source("own") / "films/film 0.png").write_bytes(b"source file of another version")


def gone(build: Build, release: Path) -> None:
    (build.source("own") / "films/film 0.png").unlink()


def out_of_the_source(build: Build, release: Path) -> None:
    change_pointer(release, "images/own/film_0.png", path="../rsna/train_images/100/7/0.dcm")


def out_of_the_release(build: Build, release: Path) -> None:
    change_pointer(release, "images/own/film_0.png", image="images/../../../film.png")


def into_other_files(build: Build, release: Path) -> None:
    change_pointer(release, "images/own/film_0.png", image="verify.py")


def through_a_link(build: Build, release: Path) -> None:
    (build.root / "away").mkdir()
    os.symlink(build.root / "away", release / "images" / "own")
    change_pointer(release, "images/own/film_1.png", image="images/elsewhere/1.png")
    change_pointer(release, "images/own/film_2.png", image="images/elsewhere/2.png")


def another_picture(build: Build, release: Path) -> None:
    change_pointer(release, "images/own/film_0.png", sha256="0" * 64)


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (other_version, "other_source_file"),
        (gone, "missing"),
        (out_of_the_source, "missing"),
        (out_of_the_release, "outside"),
        (into_other_files, "outside"),
        (through_a_link, "outside"),
        (another_picture, "other_bytes"),
    ],
    ids=lambda value: value if isinstance(value, str) else value.__name__,
)
def test_what_cannot_be_restored_is_named_and_not_written(
    build: Build, release: Path, damage: Callable[[Build, Path], None], reason: str
) -> None:
    damage(build, release)
    before = {one for one in build.root.rglob("*") if release / "images" not in one.parents}
    verifier = (release / "verify.py").read_bytes()
    restored = restore(release, {"own": build.source("own")}, render=drawn, workers=1)
    assert [one.reason for one in restored.faults] == [reason]
    assert restored.n_restored == 2
    assert {one for one in build.root.rglob("*") if release / "images" not in one.parents} == before
    assert (release / "verify.py").read_bytes() == verifier


def test_settings_go_with_the_release(build: Build, release: Path) -> None:
    (release / "standardizing.json").write_text('{"policy": {"broken": true}}', "utf-8")
    restored = restore(release, {"own": build.source("own")}, render=drawn, workers=1)
    assert {one.reason for one in restored.faults} == {"unreadable"}
    (release / "standardizing.json").write_text("[]", "utf-8")
    with pytest.raises(DataError, match=r"standardizing\.json"):
        restore(release, {"own": build.source("own")}, render=drawn, workers=1)


def test_wrong_arguments_are_named(build: Build, release: Path) -> None:
    with pytest.raises(UsageError, match="'spider'"):
        restore(release, {"spider": build.source("spider")}, render=drawn)
    with pytest.raises(UsageError, match="nowhere"):
        restore(release, {"own": build.root / "nowhere"}, render=drawn)
    with pytest.raises(DataError, match=r"card\.json"):
        restore(build.root, {}, render=drawn)
    (release / "pointers.jsonl").write_text('{"image": 3}\n', "utf-8")
    with pytest.raises(DataError, match=r"pointers\.jsonl, line 1"):
        restore(release, {}, render=drawn)


def test_the_command_tells_and_sets_the_exit_code(
    build: Build, release: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(restoring, "standard_png", drawn)
    app = typer.Typer()
    app.command()(restore_command)

    def call(*given: str) -> tuple[object, str, str]:
        code = app([str(release), *given], standalone_mode=False)
        said = capsys.readouterr()
        return code, said.out, said.err

    code, _, said = call("--source", f"own={build.source('own')}")
    assert code == 1
    assert "--source rsna=FOLDER" in said
    (build.source("rsna") / "train_images/100/7/0.dcm").unlink()
    code, out, said = call("--source", f"rsna={build.source('rsna')}", "--json")
    assert code == 3
    assert "images/rsna/100/7/0.png (rsna, missing)" in said
    assert json.loads(out)["n_restored"] == 5
    for wrong in ("rsna", "=x", "rsna="):
        with pytest.raises(UsageError, match="NAME=FOLDER"):
            call("--source", wrong)


REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images"


def test_standardized_images_of_each_kind_come_back(tmp_path: Path) -> None:
    """The whole way: standardize drawn DICOM (12 bits, MONOCHROME1, JPEG 2000), PNG and NIfTI, package, restore."""
    root = tmp_path / "copies" / "own"
    root.mkdir(parents=True)
    for n, options in enumerate(({}, {"monochrome1": True}, {"jpeg2000": True})):
        write_dicom(root / f"{n}.dcm", picture(n, "a"), ids=("1", "2", str(n)), modality="MR", **options)
    write_picture(root / "3.png", picture(3, "b"))
    write_picture(root / "4.nii.gz", picture(4, "c"))
    _there_and_back(tmp_path, root, [f"{n}.dcm" for n in range(3)] + ["3.png", "4.nii.gz"])


def test_real_images_come_back(tmp_path: Path) -> None:
    if not REAL.is_dir():
        pytest.skip("the folder of real images is not there")
    names = [
        *(f"dicom_ct_scrubbed/{one.name}" for one in sorted((REAL / "dicom_ct_scrubbed").glob("*.dcm"))[:2]),
        *(f"mri_spider/{one.name}" for one in sorted((REAL / "mri_spider").glob("*.png"))[:2]),
        *(f"xray_scoliosis/{one.name}" for one in sorted((REAL / "xray_scoliosis").glob("*.jpg"))[:1]),
    ]
    assert names
    _there_and_back(tmp_path, REAL, names)


def _there_and_back(tmp_path: Path, root: Path, names: list[str]) -> None:
    policy = StandardPolicy(longest_side=128, size="square-pad", slice_rule="most-detail", workers=1)
    images = [LabelledImage(id=f"own/{name}", source="own", path=name) for name in names]
    done = standardize(images, {"own": root}, tmp_path / "standardize", policy)
    assert done.dropped == ()
    build = Build(
        tmp_path,
        {one.id: one for one in images},
        {one.id: one for one in done.images},
        {},
        (source_facts("table", name="own"),),
        (),
    )
    build.splits["evaluation"] = tuple(candidate(build, one.id, Task.DIAGNOSIS) for one in images)
    _, folder = build.package(policy=policy)
    restored = restore(folder / "release", {"own": root}, workers=1)
    assert restored.faults == ()
    assert restored.n_restored == len(names)
    assert tree_hash(folder / "release" / "images") == tree_hash(folder / "local" / "images")
