"""The wheel holds one import name with everything that is read at run time."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = {
    "spinebench": ROOT / "spinebench",
    **{f"spinebench/{name}": ROOT / name for name in ("agents", "evaluators", "rubrics", "dashboard")},
}


def test_the_wheel_holds_every_file_under_one_name(tmp_path: Path) -> None:
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT, check=True, capture_output=True,
    )  # fmt: skip
    (wheel,) = tmp_path.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert len(names) == len(set(names))
    assert {name.split("/")[0].split("-")[0] for name in names} == {"spinebench"}
    expected = {
        f"{place}/{path.relative_to(folder).as_posix()}"
        for place, folder in FOLDERS.items()
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.name != ".DS_Store"
    }
    assert expected - set(names) == set()
