from __future__ import annotations

import os
from pathlib import Path

import pytest

from spinebench.benchmarks import ImageError, ImageProblem
from spinebench.benchmarks.paths import Folder


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    root = tmp_path / "root"
    (root / "sub").mkdir(parents=True)
    (root / "sub" / "a.png").write_bytes(b"x")
    (root / "empty.png").touch()
    (tmp_path / "secret.png").write_bytes(b"x")
    (tmp_path / "root-secret").mkdir()
    (tmp_path / "root-secret" / "s.png").write_bytes(b"x")
    (root / "leak.png").symlink_to(tmp_path / "secret.png")
    (root / "door").symlink_to(tmp_path)
    (root / "near").symlink_to(tmp_path / "root-secret")
    (root / "inside.png").symlink_to("sub/a.png")
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "pipe")
    return Folder(root)


@pytest.mark.parametrize("path", ["sub/a.png", "inside.png", "sub/../sub/a.png", "./sub/a.png"])
def test_files_inside(folder: Folder, path: str) -> None:
    assert folder.locate(path).read() == b"x"


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("../secret.png", "outside"),
        ("sub/../../secret.png", "outside"),
        ("../../../../../../../../etc/passwd", "outside"),
        ("/etc/passwd", "outside"),
        ("//etc/passwd", "outside"),
        ("C:/a.png", "outside"),
        ("\\\\host\\a.png", "outside"),
        ("a\0.png", "outside"),
        ("", "outside"),
        (".", "outside"),
        ("leak.png", "outside"),
        ("door/secret.png", "outside"),
        ("near/s.png", "outside"),
        ("../root-secret/s.png", "outside"),
        ("none.png", "missing"),
        ("sub/none/a.png", "missing"),
        ("../nothing-there.png", "outside"),
        ("sub", "unreadable"),
        ("sub/a.png/b", "unreadable"),
        ("pipe", "unreadable"),
        ("loop", "unreadable"),
        ("empty.png", "unreadable"),
        ("x" * 5000, "unreadable"),
    ],
    ids=lambda value: str(value)[:40].encode("unicode_escape").decode(),
)
def test_everything_else_is_refused(folder: Folder, path: str, problem: str) -> None:
    with pytest.raises(ImageError) as caught:
        folder.locate(path)
    assert caught.value.problem is ImageProblem(problem)
    assert caught.value.path == path
    assert "\0" not in str(caught.value)
    assert "; " in str(caught.value)
