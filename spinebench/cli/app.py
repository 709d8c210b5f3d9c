"""The command tree. A command's module is imported when it is called, so that `--help` stays quick."""

from __future__ import annotations

import sys
from typing import Annotated, Protocol, runtime_checkable

import typer

from spinebench.cli.lazy import lazy_group

COMMANDS: dict[str, tuple[str, str]] = {
    "demo": (
        "spinebench.cli.demo",
        "The whole loop on drawn phantoms with simulated models: no keys, no network.",
    ),
    "run": ("spinebench.cli.run", "Sit an exam: a benchmark file and model names in, graded answers out."),
    "resume": ("spinebench.cli.resume", "Go on with what a run is missing or failed."),
    "audit": (
        "spinebench.cli.audit",
        "Draw traces of runs, have judges score their reasoning, refer to clinicians.",
    ),
    "score": ("spinebench.cli.score", "Extract and grade a run again from the stored text, without a call."),
    "rate": ("spinebench.cli.rate", "Clinicians: packets to rate, import of ratings, lock, adjudication."),
    "compare": (
        "spinebench.cli.compare",
        "Compare models on the same items, paired, with Holm's correction.",
    ),
    "agree": (
        "spinebench.cli.agree",
        "How far judges agree with clinicians, beside clinicians with each other.",
    ),
    "calibrate": (
        "spinebench.cli.calibrate",
        "Correct judges by clinicians' few scores; right answers with wrong reasons; failure modes.",
    ),
    "levels": (
        "spinebench.cli.levels",
        "Levels and sides that answers and reports name, against the reference.",
    ),
    "scores": (
        "spinebench.cli.scores",
        "Level-aware scores: text, image and report points, overall, per subspecialty, source, language.",
    ),
    "sheets": ("spinebench.cli.sheets", "Reporting sheets of an audit: GRRAS, TRIPOD-LLM, CLAIM."),
    "dashboard": (
        "spinebench.cli.dashboard",
        "Errors, the cases behind every number, agreement, runs: in a browser.",
    ),
    "runs": ("spinebench.cli.runs", "List and show runs."),
    "store": ("spinebench.cli.store", "Rebuild and check the DuckDB store."),
    "build": (
        "spinebench.cli.build",
        "Make benchmarks from labelled images or from documents; people accept every item.",
    ),
    "data": ("spinebench.cli.data", "Check, show and hash benchmark files."),
    "rubrics": ("spinebench.cli.rubrics", "List, show and check rubrics."),
    "models": ("spinebench.cli.models", "List providers, check keys and model names."),
    "published": (
        "spinebench.cli.published",
        "Replay the published tables and name the cells that contradict them.",
    ),
    "doctor": ("spinebench.cli.doctor", "Versions, keys present (never shown), state of the workspace."),
}
"""Command -> (module with a Typer named `app`, one line of help)."""


app = typer.Typer(
    name="spinebench",
    cls=lazy_group(COMMANDS),
    help="Evaluate multimodal LLMs on spine images: how often they are right, how they reason, how sure.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode=None,
)


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


_LOOK = "Call 'spinebench doctor' to see the state of this installation and workspace."


@runtime_checkable
class _Showable(Protocol):
    """A usage error of the command-line parser: it prints itself with the usage line."""

    def show(self) -> None: ...


def run_app(args: list[str] | None = None) -> int:
    """Run one command and return its exit code; a user error becomes one message on stderr, no traceback."""
    from spinebench.cli.console import say
    from spinebench.cli.environment import environment
    from spinebench.cli.named import in_workspace_of
    from spinebench.errors import ExitCode, SpinebenchError

    try:
        environment()  # before options are parsed: some of them have a variable of their own
        result = app(args=args, standalone_mode=False)
    except typer.Exit as stop:
        return stop.exit_code
    except (typer.Abort, KeyboardInterrupt):
        say("interrupted")
        say("Nothing is harmed; call the same command again.")
        return ExitCode.INTERRUPTED
    except typer.TyperException as error:
        if isinstance(error, _Showable):
            error.show()
        say("Call the command with --help to see what it takes.")
        return ExitCode.USAGE
    except SpinebenchError as error:
        what, _, mend = str(error).rpartition("; ")
        what, mend = (
            what or mend,
            mend if what else _LOOK,
        )
        for line in (f"error: {what}", mend):
            say(in_workspace_of(sys.argv[1:] if args is None else args, line))
        return error.exit_code
    return result if isinstance(result, int) else ExitCode.DONE
