"""Reads rubrics by name or from a user's file. What is wrong with a file is told in full, not only the first."""

from __future__ import annotations

import difflib
import re
from importlib.resources import files
from pathlib import Path

from spinebench.errors import UsageError
from spinebench.rubrics.problems import RubricProblem, problems_of
from spinebench.rubrics.rubric import Rubric

RUBRICS: tuple[str, ...] = ("reasoning", "failure_modes")
"""The rubrics of the reasoning audit, by name: what an audit takes unless its plan says otherwise."""

SHIPPED: tuple[str, ...] = (*RUBRICS, "spinemed_report")
"""All shipped rubrics, by name."""

_LARGEST = 1_000_000
"""Bytes of a rubric file: far beyond any rubric, far below what would take a parser minutes."""


def load_rubric(name_or_path: str) -> Rubric:
    """The shipped rubric of that name, or the one in that file.

    Raises `UsageError` for an unknown name, and for a file with everything that is wrong in it.
    """
    rubric, problems = _read(_shipped(name_or_path) or _file(name_or_path))
    if rubric is None:
        told = " | ".join(str(problem) for problem in problems)
        raise UsageError(f"rubric {name_or_path!r}: {told}; correct it and call 'spinebench rubrics check'")
    return rubric


def load_rubrics(names_or_paths: tuple[str, ...] = RUBRICS) -> tuple[Rubric, ...]:
    """Several rubrics for use together, in their order.

    Raises `UsageError` as `load_rubric`, and where two of them hold a rubric, dimension or failure mode of one id.
    """
    rubrics = tuple(load_rubric(name) for name in names_or_paths)
    for kind, ids in (
        ("rubric", [rubric.id for rubric in rubrics]),
        ("dimension", [one.id for rubric in rubrics for one in rubric.dimensions]),
        ("failure mode", [one.id for rubric in rubrics for one in rubric.failure_modes]),
    ):
        twice = sorted({one for one in ids if ids.count(one) > 1})
        if twice:
            raise UsageError(
                f"{kind} {twice[0]!r}: expected it in one of the rubrics only; "
                f"leave one of {', '.join(names_or_paths)} out, or rename it there"
            )
    return rubrics


def check_rubric(path: Path) -> list[str]:
    """Everything that is wrong with a rubric file, each in one sentence with file and line; empty: nothing."""
    return [str(problem) for problem in find_problems(path)]


def find_problems(path: Path) -> tuple[RubricProblem, ...]:
    """Everything that is wrong with a rubric file, with place and value; empty: nothing."""
    return _read(path)[1]


def _shipped(name: str) -> Path | None:
    return Path(str(files("spinebench.rubrics") / f"{name}.yaml")) if name in SHIPPED else None


def _file(text: str) -> Path:
    path = Path(text).expanduser()
    if not path.exists() and re.fullmatch(r"[\w-]+", text):
        near = difflib.get_close_matches(text.casefold().replace("-", "_"), SHIPPED, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "give one of these names or the path of a file"
        raise UsageError(f"rubric {text!r}: expected a file or one of {', '.join(SHIPPED)}; {hint}")
    return path


def _read(path: Path) -> tuple[Rubric | None, tuple[RubricProblem, ...]]:
    """The rubric of a file, or what is wrong with it."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        return None, (
            _whole(path, f"expected a readable file, but {(error.strerror or str(error)).lower()}"),
        )
    if len(raw) > _LARGEST:
        return None, (_whole(path, f"expected at most {_LARGEST:,} bytes, found {len(raw):,}"),)
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return None, (_whole(path, f"expected UTF-8 text, found that byte {error.start} is none"),)
    return problems_of(text, file=path.name)


def _whole(path: Path, message: str) -> RubricProblem:
    return RubricProblem(file=path.name, message=message)
