"""`spinebench rate token` and `spinebench rate serve`: rating on the web, each rater by a personal token."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spinebench.cli.workspace_option import JsonOption, WorkspaceOption, opened, wants_json


def token(
    ctx: typer.Context,
    rater: Annotated[str, typer.Argument(metavar="RATER", help="Rater id.")],
    revoke: Annotated[bool, typer.Option("--revoke", help="Take the token back; make no new one.")] = False,
    workspace: WorkspaceOption = None,
    json: JsonOption = False,
) -> None:
    """Make a rater's token for 'rate serve'. It is shown this once; an earlier one opens nothing from now on."""
    from datetime import UTC, datetime

    from spinebench.cli.console import emit, say
    from spinebench.store.rater_tokens import issue_token, revoke_token

    place = opened(ctx, workspace)
    now = datetime.now(UTC)
    as_json = wants_json(ctx, json)
    if revoke:
        had = revoke_token(place, rater, at=now)
        if as_json:
            emit({"type": "token_revoked", "rater": rater, "had_token": had})
        else:
            say(f"{rater}: {'the token opens nothing from now on' if had else 'there was no token'}.")
        return
    made = issue_token(place, rater, at=now)
    if as_json:
        emit({"type": "token", "rater": rater, "token": made})
        return
    typer.echo(made)
    say(f"Hand it to {rater} and to nobody else: it is not stored and cannot be shown again.")


def serve(
    ctx: typer.Context,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Only this machine by default.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=1, max=65535, help="Port to listen on.")] = 8502,
    images: Annotated[
        Path | None, typer.Option("--images", help="Folder of the images now. Default: that of the run.")
    ] = None,
    secrets: Annotated[
        Path | None,
        typer.Option(
            "--secrets",
            metavar="FILE",
            help="TOML file with an [auth] block: raters sign in through that OpenID Connect provider too. Default: "
            ".streamlit/secrets.toml here or in the home folder, once a rater has an identity.",
        ),
    ] = None,
    workspace: WorkspaceOption = None,
) -> None:
    """Let raters rate in the browser: each their own assigned traces, blinded, and no other page.

    Example: spinebench rate serve --port 8600 --secrets secrets.toml
    """
    import uvicorn

    from spinebench.cli.console import say
    from spinebench.cli.listening import free_port
    from spinebench.dashboard.oidc_settings import default_secrets, read_settings
    from spinebench.dashboard.rater_server import create_rater_app
    from spinebench.errors import UsageError
    from spinebench.store.rater_identities import current_identities
    from spinebench.store.rater_tokens import current_tokens

    free_port(host, port)
    place = opened(ctx, workspace)
    if not place.exists():
        raise UsageError(f"workspace {str(place.path)!r}: expected one with an audit; name it by --workspace")
    known = current_identities(place)
    if secrets is None and known:
        secrets = default_secrets()
    oidc = None if secrets is None else read_settings(secrets, port=port)
    if oidc is not None:
        say(f"Raters sign in through {oidc.provider} ({secrets}), or by token.")
        say(f"The provider must know this address, to which it sends them back: {oidc.redirect_uri}")
        if not known:
            say("No rater is known to it yet: spinebench rate raters add RATER --oidc EMAIL")
    elif known:
        say(f"{', '.join(known)}: known to an identity provider, and none is named: --secrets FILE")
    if not current_tokens(place) and (oidc is None or not known):
        say("No rater has a token yet: spinebench rate token RATER")
    shown = "127.0.0.1" if host in {"0.0.0.0", "::"} else host
    say(f"raters sign in at http://{shown}:{port}  (Ctrl-C ends it)")
    if host not in {"127.0.0.1", "localhost", "::1"}:
        say("Others can reach it: put TLS in front of it, or tokens and ratings travel readable.")
    uvicorn.run(
        create_rater_app(place, image_root=images, oidc=oidc), host=host, port=port, log_level="warning"
    )
