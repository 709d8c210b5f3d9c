"""`spinebench rate raters`: the cards of those who rate."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, keep, opened, wants_json

raters_app = typer.Typer(help="List raters, add one.", add_completion=False, rich_markup_mode=None)


@raters_app.callback(invoke_without_command=True)
def raters(ctx: typer.Context, workspace: WorkspaceOption = None, json: JsonOption = False) -> None:
    """List raters, add one."""
    from spinebench.cli.console import emit, print_table, say

    above = ctx.parent.obj if ctx.parent is not None and isinstance(ctx.parent.obj, tuple) else (None, False)
    keep(ctx, workspace or above[0], json or above[1])
    if ctx.invoked_subcommand is not None:
        return
    cards = opened(ctx, workspace).raters()
    if wants_json(ctx, json):
        for card in cards.values():
            emit({"type": "rater", **card.model_dump(mode="json")})
    elif cards:
        print_table(
            ("rater", "specialty", "years", "training", ""),
            [
                (one.rater, one.specialty, one.years, one.training, "SIMULATED" if one.simulated else "")
                for one in cards.values()
            ],
        )
    else:
        say("No raters yet. Add one under a pseudonym: spinebench rate raters add ID --specialty radiology")


@raters_app.command("add")
def add_rater(
    ctx: typer.Context,
    rater: Annotated[str, typer.Argument(metavar="ID", help="Pseudonym: letters, digits, _ and -.")],
    specialty: Annotated[str | None, typer.Option("--specialty", help="E.g. 'spine surgery'.")] = None,
    years: Annotated[int | None, typer.Option("--years", min=0, max=70, help="Years of practice.")] = None,
    training: Annotated[
        str | None, typer.Option("--training", help="What they were trained with before rating.")
    ] = None,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add a rater, or replace the card. Use a pseudonym: the id stands in every rating."""
    from pydantic import ValidationError

    from spinebench.audit_records import RaterCard
    from spinebench.cli.console import emit, say
    from spinebench.errors import UsageError

    place = opened(ctx, workspace)
    try:
        card = RaterCard(rater=rater, specialty=specialty, years=years, training=training)
    except ValidationError:
        raise UsageError(
            f"rater {rater!r}: expected a pseudonym of 1 to 40 letters, digits, _ and -, beginning with a letter "
            "or digit; choose another"
        ) from None
    known = rater in place.raters()
    place.save_rater(card)
    if wants_json(ctx, json):
        emit({"type": "rater", **card.model_dump(mode="json")})
    else:
        say(f"{rater}: card {'replaced' if known else 'added'}.")
