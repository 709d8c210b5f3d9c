"""Who a rater is to an identity provider: kept as salted hashes, in `identities.jsonl` beside the raters' cards."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

from spinebench.audit_records import RaterId
from spinebench.errors import UsageError
from spinebench.records import Record, Sha256
from spinebench.store.journal import SharedJournal
from spinebench.store.locks import turn
from spinebench.store.rater_tokens import require_card
from spinebench.store.workspace import Workspace

_LONGEST = 320
"""Characters: the longest e-mail address (RFC 3696 as first published); a subject has 255 (OpenID Connect Core, 2)."""
_ASCII_LOWER = str.maketrans({chr(code): chr(code + 32) for code in range(ord("A"), ord("Z") + 1)})


class RaterIdentities(Record):
    """What a rater is known by; the latest entry of a rater counts."""

    rater: RaterId
    salt: str
    """The same in all entries of a workspace."""
    hashes: tuple[Sha256, ...]
    """Empty: the rater can sign in by token alone."""
    at: datetime


def email_identity(email: str) -> str:
    """An e-mail address as it is compared: letters A to Z count as small ones.

    No other letter is folded: an address with a letter that only looks or folds like another one is another
    person's.
    """
    return f"email:{email.strip().translate(_ASCII_LOWER)}"


def subject_identity(subject: str) -> str:
    """A subject as it is compared: exactly (OpenID Connect Core 1.0, section 2: `sub` is case sensitive)."""
    return f"sub:{subject}"


def identity_of(text: str) -> str:
    """The identity a study lead wrote: an e-mail address if it has an `@`, else a subject; `sub:` before a subject
    that has one.

    Raises UsageError for what can be neither.
    """
    plain = text.strip()
    subject = plain.startswith("sub:") or "@" not in plain
    said = plain.removeprefix("sub:")
    whole = bool(said) and len(said) <= _LONGEST and said.isprintable() and not any(map(str.isspace, said))
    parts = said.split("@")
    if not whole or (not subject and (len(parts) != 2 or not all(parts))):
        raise UsageError(
            f"identity {text!r}: expected an e-mail address or the provider's subject; 'sub:' before a subject "
            "that holds an @"
        )
    return subject_identity(said) if subject else email_identity(said)


def set_identities(workspace: Workspace, rater: str, identities: Sequence[str], *, at: datetime) -> None:
    """What a rater is known by from now on, each made by `identity_of`; none: by a token alone. Sessions that another
    identity opened end.

    Raises UsageError for a rater without a card, and for an identity that another rater has.
    """
    require_card(workspace, rater)

    def new() -> list[RaterIdentities]:
        entries = list(_journal(workspace).read())
        salt = entries[0].salt if entries else secrets.token_hex(16)
        hashes = tuple(dict.fromkeys(_hash(salt, one) for one in identities))
        for other, held in _latest(entries).items():
            if other != rater and set(held) & set(hashes):
                raise UsageError(
                    f"rater {rater!r}: expected an identity of nobody else, and {other!r} has this one; take it "
                    f"back by 'spinebench rate raters add {other} --no-oidc'"
                )
        if hashes == _latest(entries).get(rater, ()):
            return []
        return [RaterIdentities(rater=rater, salt=salt, hashes=hashes, at=at)]

    _journal(workspace).append_new(new)


def current_identities(workspace: Workspace) -> dict[str, tuple[str, ...]]:
    """Rater -> hashes of what they are known by now; those known by nothing are left out. Raises CorruptLineError."""
    return {rater: held for rater, held in _latest(_journal(workspace).read()).items() if held}


def known_by(workspace: Workspace, identities: Sequence[str]) -> list[tuple[str, str]]:
    """Each rater that one of these identities names, with the hash that did, ordered by rater; empty for nobody."""
    entries = list(_journal(workspace).read())
    if not entries:
        return []
    given = [_hash(entries[0].salt, one) for one in identities]
    return sorted(
        (rater, next(one for one in given if one in held))
        for rater, held in _latest(entries).items()
        if set(held) & set(given)
    )


def _latest(entries: Sequence[RaterIdentities] | Iterator[RaterIdentities]) -> dict[str, tuple[str, ...]]:
    return {one.rater: one.hashes for one in entries}


def _hash(salt: str, identity: str) -> str:
    # An address can be guessed, unlike a token: each guess shall cost memory and a twentieth of a second.
    return hashlib.scrypt(
        identity.encode("utf-8", "surrogatepass"), salt=bytes.fromhex(salt), n=2**14, r=8, p=1, dklen=32
    ).hex()


def _journal(workspace: Workspace) -> SharedJournal[RaterIdentities]:
    @contextmanager
    def in_turn() -> Iterator[None]:
        with turn(workspace.path / "locks" / "identities.lock"):
            yield

    return SharedJournal(
        workspace.path / "identities.jsonl",
        RaterIdentities,
        way_on="say again who the rater is by 'spinebench rate raters add RATER --oidc'",
        turn=in_turn,
    )
