"""Signing in through an OpenID Connect provider: authorization code with PKCE, state and nonce, all by Authlib.

Who somebody is comes from the ID token alone, whose signature, issuer, audience and times have been checked.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import httpx2
from authlib.common.errors import AuthlibBaseError
from authlib.integrations.starlette_client import OAuth, OAuthError, StarletteOAuth2App
from joserfc.errors import JoseError
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import Response

from spinebench.dashboard.oidc_settings import OidcSettings, require_private
from spinebench.dashboard.rater_sessions import NotSignedInError
from spinebench.errors import UsageError
from spinebench.store.rater_identities import email_identity, subject_identity

STATE_COOKIE = "spinebench_rater_sign_in"
_LASTS_S = 600
"""From leaving for the provider to coming back."""
_LEEWAY_S = 60
"""Between the clocks of the provider and this machine."""
_SIGNATURES = frozenset(f"{kind}{bits}" for kind in ("RS", "PS", "ES") for bits in (256, 384, 512)) | {
    "EdDSA"
}
"""By a key that the provider alone holds: neither `none` nor a secret shared with this server."""
_ENDPOINTS = ("authorization_endpoint", "token_endpoint", "jwks_uri")
_FAULTS = (
    AuthlibBaseError,
    JoseError,
    httpx2.HTTPError,
    UsageError,
    RuntimeError,
    ValueError,
    TypeError,
    KeyError,
)
"""What Authlib raises for a provider that is away, or says what it should not."""
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Person:
    """Who the provider says it is."""

    subject: str
    email: str | None
    email_verified: bool

    @property
    def identities(self) -> list[str]:
        """What they may be known by: the subject, and the address only if the provider has verified it."""
        by_email = [] if self.email is None or not self.email_verified else [email_identity(self.email)]
        return [subject_identity(self.subject), *by_email]


class OidcSignIn:
    """One provider, asked by one server."""

    def __init__(self, settings: OidcSettings) -> None:
        self.settings = settings
        self._client = _ProviderOAuth().register(
            "rater",
            client_id=settings.client_id,
            client_secret=settings.client_secret.get_secret_value(),
            server_metadata_url=settings.server_metadata_url,
            client_kwargs={"scope": settings.scope, "code_challenge_method": "S256", "timeout": 10.0},
        )

    def state(self) -> Middleware:
        """Keeps state, nonce and PKCE verifier of a sign-in in a signed cookie of the browser that began it."""
        # A key of its own: what Streamlit signs by the same secret means nothing here.
        secret = f"rater sign-in\n{self.settings.cookie_secret.get_secret_value()}"
        return Middleware(
            SessionMiddleware,
            secret_key=hashlib.sha256(secret.encode()).hexdigest(),
            session_cookie=STATE_COOKIE,
            max_age=_LASTS_S,
            same_site="lax",
            https_only=self.settings.by_https,
        )

    async def leave(self, request: Request) -> Response:
        """On to the provider. Raises NotSignedInError where it does not answer."""
        try:
            response: Response = await self._client.authorize_redirect(
                request, self.settings.redirect_uri, prompt=self.settings.prompt
            )
        except _FAULTS as fault:
            _log.error("%s: %s", self.settings.provider, _one_line(fault))
            raise NotSignedInError(
                f"{self.settings.provider} cannot be asked at present. Try again later; if it stays so, tell the "
                "study lead."
            ) from None
        return response

    async def come_back(self, request: Request) -> Person:
        """Who has come back from the provider. Raises NotSignedInError."""
        try:
            issuer = (await self._client.load_server_metadata())["issuer"]
            token = await self._client.authorize_access_token(
                request,
                claims_options={
                    "iss": {"essential": True, "value": issuer},
                    "aud": {"essential": True, "value": self.settings.client_id},
                    "exp": {"essential": True},
                    "sub": {"essential": True},
                },
                leeway=_LEEWAY_S,
            )
            return _person(token["userinfo"])
        except _FAULTS as fault:
            _log.warning("%s: %s", self.settings.provider, _one_line(fault))
            raise NotSignedInError(_why(fault, self.settings.provider)) from None


class _ProviderApp(StarletteOAuth2App):  # type: ignore[misc]  # Authlib has no types
    async def load_server_metadata(self) -> dict[str, Any]:
        """What the provider says of itself, held to what this server accepts."""
        metadata: dict[str, Any] = await super().load_server_metadata()
        if not isinstance(metadata.get("issuer"), str) or not metadata["issuer"]:
            raise ValueError("the provider names no issuer")
        for name in _ENDPOINTS:
            require_private(metadata.get(name), what=name)
        offered = metadata.get("id_token_signing_alg_values_supported") or ["RS256"]
        accepted = [one for one in offered if one in _SIGNATURES]
        if not accepted:
            raise ValueError(f"the provider signs by none of {', '.join(sorted(_SIGNATURES))}")
        metadata["id_token_signing_alg_values_supported"] = accepted
        return metadata


class _ProviderOAuth(OAuth):  # type: ignore[misc]  # Authlib has no types
    oauth2_client_cls = _ProviderApp


def _person(claims: Mapping[str, object]) -> Person:
    subject, email = claims["sub"], claims.get("email")
    if not isinstance(subject, str) or not subject:
        raise ValueError("the ID token names no subject")
    return Person(
        subject=subject,
        email=email if isinstance(email, str) and email.strip() else None,
        # Some providers write the boolean as a text.
        email_verified=claims.get("email_verified") is True or claims.get("email_verified") == "true",
    )


def _why(fault: BaseException, provider: str) -> str:
    if isinstance(fault, OAuthError) and fault.error == "mismatching_state":
        return "This sign-in was begun in another browser, or too long ago. Begin it again."
    if isinstance(fault, OAuthError) and fault.error == "access_denied":
        return f"{provider} was not allowed to say who you are. Sign in again, or take your token."
    return f"What {provider} said could not be accepted. Sign in again; if it stays so, tell the study lead."


def _one_line(fault: BaseException) -> str:
    """Partly written by the provider, or by whoever made the address up: shown by its representation."""
    return f"{type(fault).__name__}: {str(fault)[:300]!r}"
