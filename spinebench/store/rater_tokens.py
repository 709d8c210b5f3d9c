"""Personal tokens by which raters sign in: only their hashes are kept, in `tokens.jsonl` beside the raters' cards."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from spinebench.audit_records import RaterId
from spinebench.errors import UsageError
from spinebench.records import Record, Sha256
from spinebench.store.journal import SharedJournal
from spinebench.store.locks import turn
from spinebench.store.workspace import Workspace

_BYTES = 24
"""Of chance in a token: too many to try, so that a plain hash keeps it."""


class RaterToken(Record):
    """The hash of a rater's token; the latest one of a rater counts."""

    rater: RaterId
    token_sha256: Sha256 | None
    """None: taken back, the rater has no way in."""
    at: datetime


def issue_token(workspace: Workspace, rater: str, *, at: datetime) -> str:
    """A new token for a rater; an earlier one opens nothing from now on. It cannot be read again.

    Raises UsageError for a rater without a card.
    """
    require_card(workspace, rater)
    token = secrets.token_urlsafe(_BYTES)
    entry = RaterToken(rater=rater, token_sha256=token_hash(token), at=at)
    _journal(workspace).append_new(lambda: [entry])
    return token


def revoke_token(workspace: Workspace, rater: str, *, at: datetime) -> bool:
    """Take a rater's token back; False where there is none. Raises UsageError for a rater without a card."""
    require_card(workspace, rater)

    def new() -> list[RaterToken]:
        held = current_tokens(workspace)
        return [RaterToken(rater=rater, token_sha256=None, at=at)] if rater in held else []

    return bool(_journal(workspace).append_new(new))


def current_tokens(workspace: Workspace) -> dict[str, str]:
    """Rater -> hash of the token that opens now. Raises CorruptLineError."""
    latest = {one.rater: one.token_sha256 for one in _journal(workspace).read()}
    return {rater: held for rater, held in latest.items() if held is not None}


def rater_of(workspace: Workspace, token: str) -> str | None:
    """Whose token it is; None for nobody's. Takes the same time wherever it differs, and whoever's it is."""
    given = token_hash(token.strip())
    found = None
    for rater, held in current_tokens(workspace).items():
        if hmac.compare_digest(given, held):
            found = rater
    return found


def token_hash(token: str) -> str:
    """SHA-256 (hex) of a token."""
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).hexdigest()


def require_card(workspace: Workspace, rater: str) -> None:
    """Raises UsageError for a rater without a card."""
    known = workspace.raters()
    if rater not in known:
        listed = f" ({', '.join(known)})" if known else ""
        raise UsageError(
            f"rater {rater!r}: expected one with a card{listed}; call 'spinebench rate raters add {rater}'"
        )


def _journal(workspace: Workspace) -> SharedJournal[RaterToken]:
    @contextmanager
    def in_turn() -> Iterator[None]:
        with turn(workspace.path / "locks" / "tokens.lock"):
            yield

    return SharedJournal(
        workspace.path / "tokens.jsonl",
        RaterToken,
        way_on="give the rater a new token by 'spinebench rate token RATER'",
        turn=in_turn,
    )
