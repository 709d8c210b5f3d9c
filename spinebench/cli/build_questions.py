"""`spinebench build questions`: wordings of a task's question, written and judged by models, for people to read."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.builder.question_plan import WritingPlan
from spinebench.cli.options import Display, DisplayOption, JsonOption
from spinebench.cli.plan_options import given, with_plan_options

if TYPE_CHECKING:
    from spinebench.builder.question_rounds import Writing, WrittenPool
    from spinebench.errors import SpinebenchError
    from spinebench.runs.progress import Progress
    from spinebench.runs.stopping import StopSwitch

app = typer.Typer(add_completion=False, rich_markup_mode="rich")
_PAGE = "docs/builder-questions.md"
_LISTED = 20
_LONGEST = 200


@app.command()
@with_plan_options(WritingPlan)
def questions(
    out: Annotated[
        Path,
        typer.Option(
            "--out", "-o", help="Pool file to write (YAML); journal and rejected wordings lie beside it."
        ),
    ],
    *,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Count the calls; no network, nothing written.")
    ] = False,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
    **flags: Any,
) -> int:
    """Have a model write wordings of a question and another judge them; people read the file before it is used.

    Called again it goes on: no call that has its reply is made twice.

    Example: spinebench build questions --task diagnosis --n 20 -m openai/gpt-5.2 --out pool.yaml --dry-run
    """
    from spinebench.builder.question_writing import write_pool
    from spinebench.cli.carrying_out import carry_out
    from spinebench.cli.console import say
    from spinebench.cli.environment import environment
    from spinebench.errors import UsageError
    from spinebench.models.protocol import ChatModel
    from spinebench.models.registry import create_model
    from spinebench.runs.plan_reading import validated
    from spinebench.runs.steps import JOURNAL

    environment()
    plan = validated(WritingPlan, given(flags, WritingPlan), page=_PAGE)
    if out.exists():
        raise UsageError(
            f"file {str(out)!r}: expected none, so that a pool that people have read is not written over; name another "
            "with --out, or move it away"
        )
    made: dict[str, ChatModel] = {}
    models: dict[str, ChatModel] = {}
    for role in WritingPlan.ROLES:
        entry = plan.role(role)
        key = entry.model_dump_json()
        if key not in made:
            made[key] = create_model(entry.name, args={**plan.model_args, **entry.args}, dry=dry_run)
        models[role] = made[key]
    folder = out.with_suffix(".work")
    if dry_run:
        _tell_dry_run(plan, models, folder, as_json=json)
        return 0
    if models["writer"] is models["judge"]:
        say("warning: one model writes and judges; give another judge with --model-role judge=provider/id")
    _make(folder)

    async def sit(
        switch: StopSwitch, show: Callable[[Progress], None], on_start: Callable[[Writing], None]
    ) -> WrittenPool:
        return await write_pool(plan, models, folder, switch=switch, on_progress=show, on_start=on_start)

    def how_to_go_on() -> None:
        say("Nothing finished is lost; call the same command again to go on.")

    return carry_out(
        sit,
        display=display.value,
        status_of=lambda begun: begun.result(),
        end=lambda found, switch, error: _end(out, folder, found, switch, error, how_to_go_on, as_json=json),
        how_to_go_on=how_to_go_on,
        begun=(folder / JOURNAL).exists(),
    )


def _make(folder: Path) -> None:
    from spinebench.errors import UsageError

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"folder {str(folder)!r}: expected a folder to write to, but {error.strerror}; name another file with --out"
        ) from error


def _tell_dry_run(plan: WritingPlan, models: dict[str, Any], folder: Path, *, as_json: bool) -> None:
    from spinebench.builder.question_writing import estimates, open_writing
    from spinebench.cli.console import emit, say
    from spinebench.cli.role_estimates import print_role_estimates
    from spinebench.runs.prepare import remote_hosts

    roles = estimates(open_writing(plan, models, folder))
    hosts = remote_hosts(list(models.values()))
    if as_json:
        emit(
            {
                "type": "dry_run",
                "n_wanted": plan.n,
                "roles": [one.model_dump(mode="json") for one in roles],
                "leaves_machine": list(hosts),
            }
        )
    else:
        print_role_estimates(
            roles,
            title=f"{plan.n} wordings of {plan.task.value} in {plan.language}",
        )
    say(f"questions, no images, would go to: {', '.join(hosts) or 'no other machine'}")
    say(
        "Tokens are ranges by rules of thumb; a reply that cannot be used is asked for once more, not counted here."
    )


def _end(
    out: Path,
    folder: Path,
    found: WrittenPool | None,
    switch: StopSwitch,
    error: SpinebenchError | None,
    how_to_go_on: Callable[[], None],
    *,
    as_json: bool,
) -> int:
    """Write the pool where nothing is left to ask; print counts and what was rejected; returns the exit code."""
    from spinebench.builder.question_writing import REJECTED, write_pool_file
    from spinebench.cli.carrying_out import interrupted
    from spinebench.cli.console import emit, print_table, say
    from spinebench.errors import ExitCode

    assert found is not None
    counts = {
        "wanted": found.n_wanted,
        "accepted": found.n_accepted,
        "rejected": len(found.rejected),
        "without_reply": found.n_unanswered,
        "unusable_replies": len(found.unusable),
    }
    if as_json:
        emit({"type": "questions", **counts, "done": found.done})
        for one in found.rejected:
            emit({"type": "rejected", **one.model_dump(mode="json")})
    else:
        print_table(("wordings", "number"), [(name.replace("_", " "), n) for name, n in counts.items()])
    for problem in found.unusable:
        say(f"a reply of the writer cannot be used: {problem[:_LONGEST]}")
    for one in found.rejected[:_LISTED]:
        say(f"rejected ({one.reason.replace('_', ' ')}): {one.text[:_LONGEST]!r}: {one.detail[:_LONGEST]}")
    if len(found.rejected) > _LISTED:
        say(f"and {len(found.rejected) - _LISTED} more; {REJECTED} lists them all")
    if error is not None:
        say(f"error: {error}")
        how_to_go_on()
        return error.exit_code
    if switch.request is not None and not found.done:
        how_to_go_on()
        return interrupted(switch)
    if found.n_unanswered:
        say(f"error: {found.n_unanswered} calls got no reply; no pool is written yet")
        how_to_go_on()
        return ExitCode.FAILURES
    if found.pool is not None:
        write_pool_file(out, found.pool)
        say(
            f"{out}: read every wording, delete what asks something else, then name the file under questions.pools"
        )
    if found.n_accepted < found.n_wanted:
        say(
            f"error: {found.n_accepted} of {found.n_wanted} wordings came of it; for more, give another --out with "
            + (f"--pool {out}, " if found.pool is not None else "")
            + "more --rounds or another writer"
        )
        return ExitCode.FAILURES
    return ExitCode.DONE
