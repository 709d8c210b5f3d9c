"""From a reviewed queue to a benchmark file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

from pydantic import ValidationError

from spinebench.benchmarks.native import write_native
from spinebench.benchmarks.paths import sha256_of
from spinebench.corpus.candidates import IMAGES
from spinebench.corpus.review import CANDIDATES, TABLE, Decision, read_decisions
from spinebench.errors import DataError
from spinebench.records import Item, Record, digest


class Accepted(Record):
    """What a review came to."""

    n_accepted: int
    n_rejected: int
    n_undecided: int


def accept(folder: Path, *, reviewed: Sequence[Path] = (), to: Path | None = None) -> tuple[Path, Accepted]:
    """Write the accepted candidates of a folder that `build corpus` wrote, with their images, as native JSONL.

    Decisions are read from `reviewed`, by default the folder's own table; what is not decided is left out. Raises
    `DataError`, before anything is written, for a decision about an unknown or changed item, two that contradict
    each other, and where nothing was accepted.
    """
    items = dict(_items(folder))
    decisions: dict[str, Decision] = {}
    for path in reviewed or [folder / TABLE]:
        for one in read_decisions(path):
            known = items.get(one.id)
            if known is None or known[1] != one.hash:
                what = "an item that is no longer what was reviewed" if known else "an unknown item"
                raise DataError(
                    f"decision about {one.id!r} in {path.name!r}: expected a candidate of "
                    f"{folder.name!r}, found {what}; review it as it stands in review.csv now"
                )
            earlier = decisions.setdefault(one.id, one)
            if earlier.decision != one.decision:
                raise DataError(
                    f"decisions about {one.id!r}: expected one, found both accept and reject (the second in "
                    f"{path.name!r}); let the reviewers agree and correct one of them"
                )
    chosen = [
        item
        for name, (item, _) in items.items()
        if name in decisions and decisions[name].decision == "accept"
    ]
    if not chosen:
        raise DataError(
            f"candidates of {folder.name!r}: expected at least one that was accepted, found none of {len(items)}; "
            f"write accept or reject in the column decision of {TABLE}"
        )
    _check_images(chosen, folder)
    target = to or folder / "benchmark.jsonl"
    if target.parent.resolve() != folder.resolve():
        _copy_images(chosen, folder, target.parent)
    write_native(target, chosen)
    return target, Accepted(
        n_accepted=len(chosen),
        n_rejected=len(decisions) - len(chosen),
        n_undecided=len(items) - len(decisions),
    )


def _items(folder: Path) -> Iterator[tuple[str, tuple[Item, str]]]:
    path = folder / CANDIDATES
    try:
        lines = path.read_text("utf-8").split("\n")
    except OSError as error:
        raise DataError(
            f"folder {str(folder)!r}: expected {CANDIDATES}, but {error.strerror}; name the folder that "
            "'spinebench build corpus' wrote with --out"
        ) from error
    for number, line in enumerate(lines, start=1):
        if not line:
            continue
        try:
            row = json.loads(line)
            item = Item.model_validate(row["item"])
            whole = digest(item.model_dump(mode="json")) == row["hash"]
        except (ValueError, KeyError, TypeError, ValidationError):
            whole = False
        if not whole:
            raise DataError(
                f"{CANDIDATES}, line {number}: expected an item as it was written, found it changed or damaged; "
                "call 'spinebench build corpus' again, which asks nothing that was asked before"
            )
        yield item.id, (item, row["hash"])


def _check_images(items: Sequence[Item], folder: Path) -> None:
    images = {image.path: image.sha256 for item in items for image in item.images}
    for path, sha256 in images.items():
        try:
            with (folder / path).open("rb") as stream:
                same = sha256_of(stream) == sha256
        except OSError:
            same = False
        if not same:
            raise DataError(
                f"image {path!r} of {folder.name!r}: expected the file as it was written, found it missing or changed; "
                "call 'spinebench build corpus' again, which writes it anew"
            )


def _copy_images(items: Sequence[Item], source: Path, target: Path) -> None:
    (target / IMAGES).mkdir(parents=True, exist_ok=True)
    for path in {image.path for item in items for image in item.images}:
        shutil.copyfile(source / path, target / path)
