"""The command tree. Command modules import nothing heavy at the top, so that `--help` stays quick."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

app = typer.Typer(
    name="spinebench",
    help="Evaluate multimodal LLMs on spine images: how often they are right, how they reason, how sure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)
# Each command module adds one line here: app.add_typer(MODULE.app, name=...) or app.command(NAME)(FUNCTION).


def _version(value: bool) -> None:
    if value:
        from spinebench import __version__

        sys.stdout.write(f"spinebench {__version__}\n")
        raise typer.Exit


@app.callback()
def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Root options."""


def run_app(args: list[str] | None = None) -> int:
    """Run one command and return its exit code; a user error becomes one message on stderr, no traceback."""
    import click

    from spinebench.cli.console import say
    from spinebench.errors import ExitCode, SpinebenchError

    try:
        result = app(args=args, standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.exceptions.Abort:
        say("interrupted")
        return ExitCode.INTERRUPTED
    except click.ClickException as error:
        error.show()
        say("Run the command with --help to see its options.")
        return ExitCode.USAGE
    except SpinebenchError as error:
        what, _, mend = str(error).rpartition("; ")
        say(f"error: {what or mend}")
        say(mend if what else "Run 'spinebench doctor' to see the state of this installation and workspace.")
        return error.exit_code
    return result if isinstance(result, int) else ExitCode.DONE
