"""`spinebench build restore`: the images of a released benchmark, from one's own copies of its sources."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.options import JsonOption

if TYPE_CHECKING:
    from spinebench.builder.package.restoring import Restored

_LISTED = 20
"""Faults shown to a person; `--json` gives all."""


app = typer.Typer(add_completion=False, rich_markup_mode="rich")


@app.command()
def restore(
    release: Annotated[
        Path,
        typer.Argument(metavar="RELEASE", help="Folder of the release, with pointers.jsonl and card.json."),
    ],
    source: Annotated[
        list[str] | None,
        typer.Option(
            "--source", help="NAME=FOLDER: a source as the card names it, and your copy of it (repeatable)."
        ),
    ] = None,
    workers: Annotated[
        int | None, typer.Option("--workers", min=1, help="Processes. Default: one per core.")
    ] = None,
    json: JsonOption = False,
) -> int:
    """Restore images that a release may not contain, byte for byte; exit 3 where one cannot be, 1 where some wait.

    Example: spinebench build restore release/ --source rsna=/data/rsna-2024 --source vindr=/data/vindr-spinexr
    """
    from spinebench.builder.package.restoring import restore as restore_images
    from spinebench.cli.console import emit, say
    from spinebench.errors import ExitCode

    restored = restore_images(release, _folders(source or ()), workers=workers)
    if json:
        emit({"type": "restored", **restored.model_dump(mode="json")})
    _tell(restored)
    if restored.faults:
        say("Mend what is named above, then call the same command again; what is restored stays.")
        return ExitCode.DATA
    if restored.n_waiting:
        missing = " ".join(f"--source {name}=FOLDER" for name in restored.n_waiting)
        say(f"The rest needs the other sources: spinebench build restore {release} {missing}")
        return ExitCode.FAILURES
    say(f"All images are there. Check the whole with: python {release / 'verify.py'}")
    return ExitCode.DONE


def _folders(given: list[str] | tuple[str, ...]) -> dict[str, Path]:
    from spinebench.errors import UsageError

    folders: dict[str, Path] = {}
    for one in given:
        name, equals, folder = one.partition("=")
        if not equals or not name or not folder or name in folders:
            raise UsageError(
                f"--source {one!r}: expected NAME=FOLDER, each name once; for example rsna=/data/rsna-2024"
            )
        folders[name] = Path(folder)
    return folders


def _tell(restored: Restored) -> None:
    from spinebench.cli.console import say

    for fault in restored.faults[:_LISTED]:
        say(f"{fault.image} ({fault.source}, {fault.reason.replace('_', ' ')}): {fault.detail}")
    if len(restored.faults) > _LISTED:
        say(f"and {len(restored.faults) - _LISTED} more; --json lists them all")
    waiting = sum(restored.n_waiting.values())
    say(
        f"{restored.n_pointed} images pointed to: {restored.n_restored} restored, {restored.n_present} there already, "
        f"{len(restored.faults)} not restored, {waiting} of sources that were not named"
    )
