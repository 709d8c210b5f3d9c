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
    oidc: Annotated[
        list[str] | None,
        typer.Option(
            "--oidc",
            metavar="EMAIL|SUBJECT",
            help="Who the rater is to the identity provider of 'rate serve' (repeatable): a verified e-mail address, "
            "or its subject. Kept as a salted hash; replaces those before.",
        ),
    ] = None,
    no_oidc: Annotated[
        bool, typer.Option("--no-oidc", help="Let the rater sign in by token alone from now on.")
    ] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Add a rater, or replace the card. Use a pseudonym: the id stands in every rating.

    With --oidc or --no-oidc alone the card of a rater who has one stays as it is.
    """
    from datetime import UTC, datetime

    from pydantic import ValidationError

    from spinebench.audit_records import RaterCard
    from spinebench.cli.console import emit, say
    from spinebench.errors import UsageError
    from spinebench.store.rater_identities import current_identities, identity_of, set_identities

    if oidc and no_oidc:
        raise UsageError("--oidc and --no-oidc: expected one of them; leave one out")
    identities = [identity_of(one) for one in oidc or ()]
    place = opened(ctx, workspace)
    try:
        card = RaterCard(rater=rater, specialty=specialty, years=years, training=training)
    except ValidationError:
        raise UsageError(
            f"rater {rater!r}: expected a pseudonym of 1 to 40 letters, digits, _ and -, beginning with a letter "
            "or digit; choose another"
        ) from None
    known = place.raters().get(rater)
    signs_in = bool(identities) or no_oidc
    if known is not None and signs_in and (specialty, years, training) == (None, None, None):
        card = known
    place.save_rater(card)
    if signs_in:
        set_identities(place, rater, identities, at=datetime.now(UTC))
    n = len(current_identities(place).get(rater, ()))
    if wants_json(ctx, json):
        emit({"type": "rater", **card.model_dump(mode="json"), "identities": n})
        return
    if known is None or card is not known:
        say(f"{rater}: card {'added' if known is None else 'replaced'}.")
    if signs_in:
        ways = (
            f"by {n} {'identity' if n == 1 else 'identities'} of a provider, or by token"
            if n
            else "by token alone"
        )
        say(f"{rater} signs in {ways}.")
