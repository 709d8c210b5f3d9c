"""The pages around rating and review: where somebody signs in, and the list of what is theirs."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from spinebench.rating.progress import Progress

POLICY = "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
"""These pages run nothing and load nothing; what they show of others is escaped."""

TO_PROVIDER = "/sign-in/oidc"
"""The address that leads to the provider."""

_STYLE = """
:root { color-scheme: light dark; }
body { font: 16px/1.5 system-ui, "Segoe UI", Roboto, "DejaVu Sans", sans-serif; }
body { margin: 0; min-height: 100vh; display: grid; place-items: center; }
main { width: min(26rem, calc(100% - 2rem)); }
h1 { font-size: 1.3rem; margin: 0 0 1rem; }
label { display: block; margin-bottom: .3rem; }
input, button, .button { font: inherit; width: 100%; box-sizing: border-box; padding: .55rem .7rem; }
input, button, .button { border-radius: .5rem; border: 1px solid #8894a5; }
.button { display: block; text-align: center; text-decoration: none; margin-bottom: 1.6rem; }
button, .button { background: #1f5fa8; color: #fff; font-weight: 600; cursor: pointer; border: 0; }
button { margin-top: .8rem; }
.fault { border-left: 4px solid #a8321f; padding: .2rem .8rem; }
.quiet { opacity: .75; font-size: .9rem; }
li { margin: .6rem 0; overflow-wrap: anywhere; } ul { padding-left: 1.2rem; }
"""


def sign_in_page(fault: str = "", *, provider: str | None = None) -> str:
    """Asks for the token, or leads to the provider of that name."""
    said = f'<p class="fault" role="alert">{escape(fault)}</p>' if fault else ""
    focus = " autofocus" if provider is None else ""
    through = (
        ""
        if provider is None
        else f'<a class="button" href="{TO_PROVIDER}">Sign in through {escape(provider)}</a>'
    )
    return _page(
        "Sign in",
        f'{said}{through}<form method="post" action="/sign-in"><label for="token">Your personal token</label>'
        f'<input id="token" name="token" type="password" autocomplete="current-password" required{focus}>'
        '<button type="submit">Sign in</button></form>'
        '<p class="quiet">The study lead gave it to you. If it is lost, ask for a new one.</p>',
    )


def packets_page(
    rater: str, held: Sequence[tuple[str, Progress]], *, review: tuple[str, int, int] | None = None
) -> str:
    """The rater's packets, as (address, progress), and their part of a build's review, as
    (address, items decided, items); nothing at all says so."""
    lines = "".join(
        f'<li><a href="{escape(address)}">Packet {number}</a>: {one.n_rated} of {one.n_assigned} submitted</li>'
        for number, (address, one) in enumerate(held, start=1)
    )
    if review is not None:
        address, n_decided, n_items = review
        lines += f'<li><a href="{escape(address)}">Review of items</a>: {n_decided} of {n_items} decided</li>'
    body = f"<ul>{lines}</ul>" if lines else "<p>There is nothing for you to do at present.</p>"
    return _page(
        f"Signed in as {rater}",
        f'{body}<form method="post" action="/sign-out"><button type="submit">Sign out</button></form>',
    )


def unknown_page(provider: str, *, subject: str, email: str | None, email_verified: bool) -> str:
    """For somebody whom the provider knows and the study does not: what to tell the study lead."""
    address = (
        ""
        if email is None
        else f"<li>e-mail address: {escape(email)}{'' if email_verified else ' (not verified)'}</li>"
    )
    doubt = (
        ""
        if email is None or email_verified
        else f"<p>An address counts only once {escape(provider)} has verified that it is yours.</p>"
    )
    return _page(
        "Nobody of this study",
        f"<p>{escape(provider)} has signed you in, and no rater of this study is known by who it says you are:</p>"
        f"<ul>{address}<li>subject: {escape(subject)}</li></ul>{doubt}"
        "<p>Give this to the study lead, or sign in with your personal token.</p>"
        '<p><a href="/">Back</a></p>',
    )


def message_page(text: str) -> str:
    """One sentence, and the way back."""
    return _page("Nothing to show", f'<p>{escape(text)}</p><p><a href="/">Back</a></p>')


def _page(title: str, body: str) -> str:
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_STYLE}</style></head>"
        f"<body><main><h1>{escape(title)}</h1>{body}</main></body></html>"
    )
