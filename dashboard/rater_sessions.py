"""Who is signed in to the raters' server: sessions that end with the server, with time, and with their token."""

from __future__ import annotations

import hmac
import secrets
import threading
import time
from dataclasses import dataclass

from spinebench.store.rater_tokens import current_tokens, rater_of, token_hash
from spinebench.store.workspace import Workspace

LASTS_S = 12 * 3600
"""A session, from signing in."""


@dataclass(frozen=True, slots=True)
class _Session:
    rater: str
    token_sha256: str
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
        if rater is None:
            return None
        key = secrets.token_urlsafe(32)
        now = time.monotonic()
        with self._guard:
            self._open = {one: held for one, held in self._open.items() if held.until > now}
            self._open[token_hash(key)] = _Session(rater, token_hash(token.strip()), now + LASTS_S)
        return key

    def rater(self, key: str | None) -> str | None:
        """Whose session it is; None for none, one that has ended, and one whose token was replaced or taken back."""
        if not key:
            return None
        with self._guard:
            held = self._open.get(token_hash(key))
        if held is None or held.until <= time.monotonic():
            return None
        now = current_tokens(self._workspace).get(held.rater)
        return held.rater if now is not None and hmac.compare_digest(now, held.token_sha256) else None

    def end(self, key: str | None) -> None:
        """Sign out."""
        with self._guard:
            self._open.pop(token_hash(key or ""), None)
