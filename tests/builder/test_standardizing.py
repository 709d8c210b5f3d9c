"""Standardizing: what becomes of pixels, what is left out and why, and the same bytes whatever happened in between."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import pytest
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from spinebench.builder.record_files import read_records
from spinebench.builder.records import Dropped, LabelledImage, StandardImage
from spinebench.builder.standard_picture import standard_picture
from spinebench.builder.standardizing import Standardized, StandardPolicy, standardize
from spinebench.errors import UsageError
from tests.builder.trees import picture, write_dicom, write_picture, write_rsna

REAL = Path(__file__).resolve().parents[3] / "shared" / "data" / "real" / "images"
IDS = ("1", "2", "3")


def images(root: Path, *, source: str = "own", **fields: Any) -> list[LabelledImage]:
    """One image for each file below a folder."""
    return [
        LabelledImage(
            id=f"{source}/{file.relative_to(root)}", source=source, path=str(file.relative_to(root)), **fields
        )
        for file in sorted(root.rglob("*"))
        if file.is_file()
    ]


def made(root: Path, folder: Path, policy: StandardPolicy | None = None, **options: Any) -> Standardized:
    options = {"workers": 1, **options}
    return standardize(images(root), {"own": root}, folder, policy or StandardPolicy(), **options)


def pixels(folder: Path, image: StandardImage) -> Any:
    with Image.open(folder / image.file) as file:
        assert (file.mode, file.format, file.info) == ("RGB", "PNG", {})
        assert file.size == (image.width, image.height)
        return np.asarray(file)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(one.relative_to(folder)): one.read_bytes() for one in folder.rglob("*") if one.is_file()}


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Seven files: five pictures (two of equal pixels), a text, and a PNG that was cut off."""
    root = tmp_path / "tree"
    for seed in range(3):
        write_picture(root / f"{seed}.png", picture(seed, "Healthy"))
    write_picture(root / "copies" / "0.png", picture(0, "Healthy"))
    write_dicom(root / "d.dcm", picture(9, "Healthy"), ids=IDS, modality="MR")
    (root / "notes.txt").write_text("hello")
    (root / "cut.png").write_bytes((root / "1.png").read_bytes()[:900])
    return root


def test_files_and_lists(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    seen: list[tuple[int, int]] = []
    found = made(tree, folder, on_progress=lambda done, total: seen.append((done, total)))
    assert [one.id for one in found.images] == [
        f"own/{n}" for n in ("0.png", "1.png", "2.png", "copies/0.png", "d.dcm")
    ]
    assert [(one.subject, one.reason) for one in found.dropped] == [
        ("own/cut.png", "truncated"),
        ("own/notes.txt", "not_an_image"),
    ]
    assert seen[-1] == (7, 7)
    assert tuple(read_records(folder / "images.jsonl", StandardImage)) == found.images
    assert tuple(read_records(folder / "dropped.jsonl", Dropped)) == found.dropped
    first, copy = found.images[0], found.images[3]
    assert first.file == copy.file == f"images/{first.pixel_hash[:2]}/{first.pixel_hash}.png"
    assert [one.group for one in found.images] == [
        "own/0.png",
        "own/1.png",
        "own/2.png",
        "own/0.png",
        "own/d.dcm",
    ]
    np.testing.assert_array_equal(pixels(folder, first)[..., 0], picture(0, "Healthy"))
    assert str(tmp_path) not in "".join(map(str, (*found.images, *found.dropped)))


@pytest.mark.parametrize(
    "elements",
    [{}, {"monochrome1": True}, {"jpeg2000": True}, {"jpeg2000": True, "monochrome1": True}],
    ids=["window", "monochrome1", "jpeg 2000", "both"],
)
def test_dicom_comes_out_as_it_was_drawn(tmp_path: Path, elements: dict[str, Any]) -> None:
    grey = picture(4, "Osteophytes")
    grey[0, :2] = 0, 255  # JPEG 2000 has no window: its percentiles are then those of all grey values
    write_dicom(tmp_path / "in" / "a.dcm", grey, ids=IDS, modality="DX", **elements)
    policy = StandardPolicy(percentiles=(0, 100))
    (image,) = made(tmp_path / "in", tmp_path / "out", policy).images
    found = pixels(tmp_path / "out", image)[..., 1].astype(int)
    assert abs(found - grey).max() <= 1
    assert "dicom frame=0/1 " in image.transform
    assert image.frame is None
    assert image.identifiers == ("dicom_header",)


def test_a_voi_lut_is_used(tmp_path: Path) -> None:
    from pydicom.dataset import Dataset

    lut = Dataset()
    lut.LUTDescriptor = [4096, 0, 8]
    turned = [255 - value // 16 for value in range(4096)]  # black is white
    lut.LUTData = np.array(turned, np.uint16).tobytes()
    grey = picture(4, "Osteophytes")
    write_dicom(
        tmp_path / "in" / "a.dcm",
        grey,
        ids=IDS,
        modality="DX",
        VOILUTSequence=[lut],
        WindowCenter=None,
        WindowWidth=None,
    )
    (image,) = made(tmp_path / "in", tmp_path / "out").images
    assert "voi lut" in image.transform
    found = pixels(tmp_path / "out", image)[..., 0].astype(int)
    assert abs(found - (255 - grey.astype(int))).max() <= 1
    (other,) = made(tmp_path / "in", tmp_path / "out", StandardPolicy(window="percentiles")).images
    assert "percentiles=" in other.transform


def test_identifiers_are_told_by_kind_only(tmp_path: Path) -> None:
    root, folder = tmp_path / "in", tmp_path / "out"
    write_dicom(root / "a.dcm", picture(1, "Healthy"), ids=IDS, modality="MR")
    note = PngInfo()
    note.add_text("Comment", "patient: Mustermann^Erika")
    Image.fromarray(picture(2, "Healthy")).save(root / "0012-F-071Y1.png", pnginfo=note)
    found = made(root, folder)
    assert [one.identifiers for one in found.images] == [("demographics", "text"), ("dicom_header",)]
    everything = b"".join(contents(folder).values())
    for secret in (b"Drawn^Patient", b"19600229", b"Mustermann"):
        assert secret not in everything


def test_burned_in_text_is_dropped_unless_allowed(tmp_path: Path) -> None:
    root = tmp_path / "in"
    write_dicom(root / "a.dcm", picture(1, "Healthy"), ids=IDS, modality="MR", BurnedInAnnotation="YES")
    (one,) = made(root, tmp_path / "out").dropped
    assert (one.reason, one.detail) == ("burned_in", "text is burned into the picture, says the header")
    (image,) = made(root, tmp_path / "out", StandardPolicy(allow_identifiers=True)).images
    assert image.identifiers == ("burned_in", "dicom_header")


@pytest.mark.parametrize(
    ("policy", "size", "steps"),
    [
        pytest.param({}, (160, 192), "as it is", id="small"),
        pytest.param({"longest_side": 96}, (80, 96), "resize 80x96", id="made smaller"),
        pytest.param({"size": "square-pad"}, (192, 192), "padded to 192x192", id="padded"),
        pytest.param(
            {"size": "square-pad", "longest_side": 96}, (96, 96), "resize 80x96; padded to 96x96", id="both"
        ),
    ],
)
def test_sizes(tmp_path: Path, policy: dict[str, Any], size: tuple[int, int], steps: str) -> None:
    Image.fromarray(picture(1, "Healthy")).convert("RGB").save(tmp_path / "a.png")
    source = [LabelledImage(id="a", source="own", path="a.png")]
    found = standardize(source, {"own": tmp_path}, tmp_path / "out", StandardPolicy(**policy), workers=1)
    (image,) = found.images
    assert ((image.width, image.height), image.transform) == (size, steps)
    assert (image.source_width, image.source_height, image.quality.shortest_side) == (160, 192, 160)
    if policy.get("size") == "square-pad":
        margin = (size[0] - round(size[0] * 160 / 192)) // 2
        assert pixels(tmp_path / "out", image)[:, :margin].max() == 0
        plain = standardize(
            source,
            {"own": tmp_path},
            tmp_path / "plain",
            StandardPolicy(**{**policy, "size": "keep"}),
            workers=1,
        )
        # Of the picture, not of its margins.
        assert image.quality == plain.images[0].quality
        assert image.picture_hash == plain.images[0].picture_hash


def volume(file: Path, *, detailed: int = 5, n: int = 9) -> None:
    """Sagittal slices of one grey value each, 10, 20, ..., of which one has stripes."""
    slices = np.repeat(np.arange(1, n + 1, dtype=np.int16) * 10, 20 * 30).reshape(n, 20, 30)
    slices[:, :5] = 0
    slices[detailed, :, ::4] = 90
    file.parent.mkdir(parents=True, exist_ok=True)
    nib.save(nib.Nifti1Image(slices, np.diag([4.0, 1.0, 1.0, 1.0])), file)


@pytest.mark.parametrize(
    ("policy", "frame", "taken", "why"),
    [
        pytest.param({}, None, 4, "slice in the middle; nifti sagittal slice=4/9 ", id="middle"),
        pytest.param({}, 2, 2, "slice given; nifti sagittal slice=2/9 ", id="given"),
        pytest.param({"slice_rule": "most-detail"}, None, 5, "slice of most detail; ", id="detail"),
        # 0.7 x 9 = 6.3
        pytest.param(
            {"slice_rule": "fraction", "slice_fraction": 0.7}, None, 6, "slice at fraction 0.7; ", id="0.7"
        ),
        pytest.param(
            {"slice_rule": "fraction", "slice_fraction": 0}, None, 0, "slice at fraction 0; ", id="0"
        ),
        pytest.param(
            {"slice_rule": "fraction", "slice_fraction": 1}, None, 8, "slice at fraction 1; ", id="1"
        ),
    ],
)
@pytest.mark.parametrize("ending", [".nii", ".nii.gz"])
def test_slice_of_a_volume(
    tmp_path: Path, policy: dict[str, Any], frame: int | None, taken: int, why: str, ending: str
) -> None:
    volume(tmp_path / f"v{ending}")
    source = [LabelledImage(id="v", source="own", path=f"v{ending}", frame=frame)]
    found = standardize(source, {"own": tmp_path}, tmp_path / "out", StandardPolicy(**policy), workers=1)
    (image,) = found.images
    assert (image.frame, image.plane) == (taken, "sagittal")
    assert image.transform.startswith(why)


def test_plane_of_the_label_goes_before_that_of_the_policy(tmp_path: Path) -> None:
    volume(tmp_path / "v.nii")
    source = [
        LabelledImage(id="a", source="own", path="v.nii", plane="coronal"),
        LabelledImage(id="b", source="own", path="v.nii"),
    ]
    found = standardize(source, {"own": tmp_path}, tmp_path / "out", StandardPolicy(plane="axial"), workers=1)
    assert [one.plane for one in found.images] == ["coronal", "axial"]


@pytest.mark.parametrize(("rule", "taken"), [("middle", 2), ("most-detail", 3), ("fraction", 1)])
def test_frame_of_a_multi_frame_dicom(tmp_path: Path, rule: Any, taken: int) -> None:
    frames = np.full((5, 24, 32), 100, np.uint8)
    frames[:, :4] = np.arange(5, dtype=np.uint8)[:, None, None] * 9
    frames[3, ::3] = 200
    whole = frames.reshape(5 * 24, 32)
    write_dicom(tmp_path / "m.dcm", whole, ids=IDS, modality="MR", NumberOfFrames=5, Rows=24)
    source = [LabelledImage(id="m", source="own", path="m.dcm")]
    policy = StandardPolicy(slice_rule=rule, slice_fraction=0.3)
    (image,) = standardize(source, {"own": tmp_path}, tmp_path / "out", policy, workers=1).images
    assert (image.frame, image.plane) == (taken, None)
    assert f"dicom frame={taken}/5 " in image.transform
    found = pixels(tmp_path / "out", image)[..., 0].astype(int)
    assert abs(found - frames[taken]).max() <= 1


def bad_files(root: Path) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Path, reason and further fields of files that cannot be used."""
    yield "gone.png", "missing", {}
    yield "../outside.png", "outside", {}
    yield "/etc/hostname", "outside", {}
    yield "a\0b.png", "outside", {}
    (root.parent / "outside.png").write_bytes(b"x")
    (root / "link.png").symlink_to(root.parent / "outside.png")
    yield "link.png", "outside", {}
    (root / "folder.png").mkdir()
    yield "folder.png", "unreadable", {}
    os.mkfifo(root / "pipe.png")
    yield "pipe.png", "unreadable", {}
    (root / "empty.dcm").touch()
    yield "empty.dcm", "unreadable", {}
    (root / "page.png").write_text("<html>")
    yield "page.png", "not_an_image", {}
    write_dicom(root / "cut.dcm", picture(1, "Healthy"), ids=IDS, modality="MR")
    (root / "cut.dcm").write_bytes((root / "cut.dcm").read_bytes()[:5000])
    yield "cut.dcm", "unsupported", {}
    write_dicom(root / "huge.dcm", picture(1, "Healthy"), ids=IDS, modality="MR", Rows=60000, Columns=60000)
    yield "huge.dcm", "too_large", {}
    volume(root / "v.nii.gz")
    yield "v.nii.gz", "frame", {"frame": 9}
    (root / "cut.nii.gz").write_bytes((root / "v.nii.gz").read_bytes()[:200])
    yield "cut.nii.gz", "unsupported", {}
    Image.new("RGB", (64, 64), (9, 9, 9)).save(root / "blank.png")
    yield "blank.png", "blank", {}


def test_every_file_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    root = tmp_path / "in"
    root.mkdir()
    cases = list(bad_files(root))
    write_picture(root / "good.png", picture(1, "Healthy"))
    source = [
        LabelledImage(id=f"own/{n:02d}", source="own", path=path, **fields)
        for n, (path, _, fields) in enumerate(cases)
    ]
    source.append(LabelledImage(id="own/good", source="own", path="good.png"))
    found = standardize(source, {"own": root}, tmp_path / "out", StandardPolicy(), workers=1)
    assert [one.id for one in found.images] == ["own/good"]
    assert [(cases[int(one.subject[4:])][0], one.reason) for one in found.dropped] == [
        (path, reason) for path, reason, _ in cases
    ]
    for one in found.dropped:
        assert "expected" in one.detail
        assert str(tmp_path) not in one.detail


def test_an_id_that_stands_twice(tree: Path, tmp_path: Path) -> None:
    source = [LabelledImage(id="a", source="own", path=path) for path in ("1.png", "0.png")]
    for order in (source, source[::-1]):
        found = standardize(order, {"own": tree}, tmp_path / "out", StandardPolicy(), workers=1)
        assert [one.id for one in found.images] == ["a"]
        assert [(one.subject, one.reason) for one in found.dropped] == [("a", "duplicate_id")]
        np.testing.assert_array_equal(
            pixels(tmp_path / "out", found.images[0])[..., 0], picture(0, "Healthy")
        )


def test_a_source_without_a_folder(tree: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="source 'own': expected a folder of its images"):
        standardize(images(tree), {}, tmp_path / "out", StandardPolicy())


def test_no_images(tmp_path: Path) -> None:
    assert standardize([], {}, tmp_path / "out", StandardPolicy()) == Standardized((), ())


@pytest.mark.parametrize("bounds", [(5, 5), (9, 1), (-1, 50), (0, 101)])
def test_percentiles_are_in_order(bounds: tuple[float, float]) -> None:
    with pytest.raises(ValueError, match="expected 0 <= low < high <= 100"):
        StandardPolicy(percentiles=bounds)


def test_the_same_bytes_by_one_process_and_by_two(tmp_path: Path) -> None:
    root = write_rsna(tmp_path / "rsna", studies=3) / "train_images"
    (root / "bad.dcm").write_bytes(b"no image")
    source = images(root)
    for n, order in ((1, source), (2, source[::-1])):
        standardize(order, {"own": root}, tmp_path / str(n), StandardPolicy(), workers=n)
    one, two = contents(tmp_path / "1"), contents(tmp_path / "2")
    assert len(one) == 3 + 24
    assert one == two


@pytest.fixture
def done_again(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ids of the images that were decoded."""
    ids: list[str] = []

    def watched(image: LabelledImage, *rest: Any) -> StandardImage | Dropped:
        ids.append(image.id)
        return standard_picture(image, *rest)

    monkeypatch.setattr("spinebench.builder.standardizing.standard_picture", watched)
    return ids


def change(what: str, tree: Path, folder: Path) -> dict[str, Any]:
    """Something that makes images of an earlier call invalid, or not; further settings."""
    done = sorted((folder / "images").rglob("*.png"))
    match what:
        case "a file of the same size and date":
            other = (tree / "2.png").stat()
            grey = picture(2, "Healthy")
            grey[50, 50] ^= 1
            data = (tree / "2.png").read_bytes()
            write_picture(tree / "2.png", grey)
            (tree / "2.png").write_bytes((tree / "2.png").read_bytes() + bytes(len(data)))
            os.utime(tree / "2.png", ns=(other.st_atime_ns, other.st_mtime_ns))
        case "a date":
            os.utime(tree / "2.png")
        case "a picture gone":
            (folder / next(one.file for one in read_records(folder / "images.jsonl", StandardImage))).unlink()
        case "a damaged picture":
            file = folder / list(read_records(folder / "images.jsonl", StandardImage))[1].file
            file.write_bytes(file.read_bytes()[:-1] + b"!")
        case "a torn and a foreign line":
            with (folder / "journal.jsonl").open("ab") as stream:
                stream.write(b'{"id": "own/0.png", "key": 7}\n{"id": "own')
        case "lists gone":
            (folder / "images.jsonl").unlink()
        case "settings":
            return {"longest_side": 100}
        case "near duplicates":
            return {"near_bits": 3}
        case "nothing":
            assert done
    return {}


@pytest.mark.parametrize(
    ("what", "again"),
    [
        ("nothing", []),
        ("a date", []),
        ("near duplicates", []),
        ("lists gone", []),
        ("a file of the same size and date", ["own/2.png"]),
        ("a picture gone", ["own/0.png"]),
        ("a damaged picture", ["own/1.png"]),
        ("a torn and a foreign line", []),
        ("settings", ["own/0.png", "own/1.png", "own/2.png", "own/copies/0.png", "own/d.dcm"]),
    ],
)
def test_only_what_changed_is_done_again(
    tree: Path, tmp_path: Path, done_again: list[str], what: str, again: list[str]
) -> None:
    folder = tmp_path / "out"
    made(tree, folder)
    settings = change(what, tree, folder)
    done_again.clear()
    made(tree, folder, StandardPolicy(**settings))
    assert done_again == again
    made(tree, tmp_path / "fresh", StandardPolicy(**settings))
    assert contents(folder) == contents(tmp_path / "fresh")


def test_images_that_are_gone_leave_no_pictures(tree: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    made(tree, folder)
    (folder / "images" / "00").mkdir(exist_ok=True)
    (folder / "images" / "00" / ".x.png.abc.part").write_bytes(b"half")
    shutil.rmtree(tree / "copies")
    (tree / "1.png").unlink()
    made(tree, folder)
    made(tree, tmp_path / "fresh")
    assert contents(folder) == contents(tmp_path / "fresh")


SCRIPT = """
import sys
from pathlib import Path
from spinebench.builder.standardizing import StandardPolicy, standardize
from tests.builder.test_standardizing import images
if __name__ == "__main__":
    root = Path(sys.argv[1])
    standardize(images(root), {"own": root}, Path(sys.argv[2]), StandardPolicy(), workers=2)
"""


def test_after_a_kill_the_rest_is_done(tmp_path: Path, done_again: list[str]) -> None:
    root, folder = tmp_path / "in", tmp_path / "out"
    n = 64
    grey = picture(0, "Healthy", height=384, width=384)
    for number in range(n):
        grey[: number + 1, :9] = 255
        write_picture(root / f"{number:02d}.png", grey)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    base = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": str(base)}
    with subprocess.Popen(
        [sys.executable, str(script), str(root), str(folder)], cwd=base, env=environment
    ) as process:
        journal = folder / "journal.jsonl"
        while process.poll() is None and not (journal.exists() and journal.stat().st_size):
            time.sleep(0.005)
        process.kill()
    kept = journal.read_bytes().count(b"\n")
    assert 0 < kept < n, "killed in between"
    found = made(root, folder)
    assert len(done_again) == n - kept
    assert len(found.images) == n
    made(root, tmp_path / "fresh")
    assert contents(folder) == contents(tmp_path / "fresh")


@pytest.mark.skipif(not REAL.is_dir(), reason="the real images are not on this machine")
def test_real_images(tmp_path: Path) -> None:
    wanted = [one for one in images(REAL, source="real") if one.path.endswith((".dcm", ".nii.gz", "_t2.png"))]
    found = standardize(wanted, {"real": REAL}, tmp_path, StandardPolicy(), workers=1)
    assert len(wanted) == len(found.images) == 4 + 2 + 12
    assert all(one.quality.contrast > 0.2 and one.quality.sharpness > 1e-4 for one in found.images)
    # Neighbouring slices of one CT (5 mm or less apart) may look alike; images of different patients do not.
    alike = {one.id for one in found.images if one.group != one.id}
    assert all("dicom_ct_scrubbed" in one for one in alike)
