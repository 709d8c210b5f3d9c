"""Who is signed in to the raters' server: sessions that end with the server, with time, and with what opened them."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass

from spinebench.store.rater_identities import current_identities, known_by
from spinebench.store.rater_tokens import current_tokens, rater_of, token_hash
from spinebench.store.workspace import Workspace

LASTS_S = 12 * 3600
"""A session, from signing in."""


class NotSignedInError(Exception):
    """A provider did not say who it is, and why, in words for the person."""


@dataclass(frozen=True, slots=True)
class _Session:
    rater: str
    opened_by: str
    """Hash of the token or identity that opened it."""
    by_token: bool
    until: float


class RaterSessions:
    """Sessions of one server process. Only hashes of session keys are kept."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._open: dict[str, _Session] = {}
        self._guard = threading.Lock()

    def begin(self, token: str) -> str | None:
        """The key of a new session; None where the token is nobody's."""
        rater = rater_of(self._workspace, token)
        return None if rater is None else self._begin(rater, token_hash(token.strip()), by_token=True)

    def begin_known(self, identities: Sequence[str]) -> str | None:
        """The key of a new session of the one rater whom these identities name; None for nobody, and for several."""
        known = known_by(self._workspace, identities)
        return self._begin(*known[0], by_token=False) if len(known) == 1 else None

    def rater(self, key: str | None) -> str | None:
        """Whose session it is; None for none, one that has ended, and one whose token or identity was replaced or
        taken back."""
        if not key:
            return None
        with self._guard:
            held = self._open.get(token_hash(key))
        if held is None or held.until <= time.monotonic():
            return None
        if held.by_token:
            token = current_tokens(self._workspace).get(held.rater)
            opens: tuple[str, ...] = () if token is None else (token,)
        else:
            opens = current_identities(self._workspace).get(held.rater, ())
        return held.rater if any(hmac.compare_digest(one, held.opened_by) for one in opens) else None

    def end(self, key: str | None) -> None:
        """Sign out."""
        with self._guard:
            self._open.pop(token_hash(key or ""), None)

    def _begin(self, rater: str, opened_by: str, *, by_token: bool) -> str:
        key = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._guard:
            self._open = {one: held for one, held in self._open.items() if held.until > now}
            self._open[token_hash(key)] = _Session(rater, opened_by, by_token, now + LASTS_S)
        return key
