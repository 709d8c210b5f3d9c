"""An OpenID Connect provider on loopback: discovery, keys, authorization and tokens, signed by RS256, with faults to
order."""

from __future__ import annotations

import base64
import hashlib
import secrets
import socket
import threading
import time
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from urllib.parse import parse_qs, urlencode

import uvicorn
from joserfc import jwt
from joserfc.jwk import RSAKey
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

CLIENT_ID = "rating"
CLIENT_SECRET = "known to the provider and to the server"


@dataclass
class Provider:
    """Signs everybody in as one person. What a test changes holds from the next sign-in on."""

    claims: dict[str, Any] = field(
        default_factory=lambda: {"sub": "abc-1", "email": "a@x.org", "email_verified": True}
    )
    changed: dict[str, Any] = field(default_factory=dict)
    """Claims that the ID token has instead of right ones; None: it lacks the claim."""
    metadata: dict[str, Any] = field(default_factory=dict)
    """Statements about the provider instead of right ones."""
    signed_by_another_key: bool = False
    algorithm: str = "RS256"
    refuses: str | None = None
    """An error that the person is sent back with."""
    asked: list[dict[str, str]] = field(default_factory=list)
    """What each person was sent here with."""
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    @cached_property
    def key(self) -> RSAKey:
        return RSAKey.generate_key(2048, {"kid": "one"})

    def __enter__(self) -> Provider:
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://127.0.0.1:{self._listening.getsockname()[1]}"
        routes = [
            Route("/.well-known/openid-configuration", self._discovery),
            Route("/keys", self._keys),
            Route("/authorize", self._authorize),
            Route("/token", self._token, methods=["POST"]),
        ]
        self._server = uvicorn.Server(
            uvicorn.Config(Starlette(routes=routes), log_level="error", timeout_graceful_shutdown=1)
        )
        self._thread = threading.Thread(target=self._server.run, kwargs={"sockets": [self._listening]})
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.should_exit = True
        self._thread.join()
        self._listening.close()

    def secrets(self, redirect_uri: str) -> str:
        """The text of a secrets file for a client of this provider."""
        return (
            f'[auth]\nredirect_uri = "{redirect_uri}"\ncookie_secret = "{"k" * 40}"\nclient_id = "{CLIENT_ID}"\n'
            f'client_secret = "{CLIENT_SECRET}"\n'
            f'server_metadata_url = "{self.address}/.well-known/openid-configuration"\n'
        )

    async def _discovery(self, _: Request) -> Response:
        return JSONResponse(
            {
                "issuer": self.address, "authorization_endpoint": f"{self.address}/authorize",
                "token_endpoint": f"{self.address}/token", "jwks_uri": f"{self.address}/keys",
                "id_token_signing_alg_values_supported": ["RS256", "HS256", "none"], **self.metadata,
            }
        )  # fmt: skip

    async def _keys(self, _: Request) -> Response:
        return JSONResponse({"keys": [self.key.as_dict(private=False)]})

    async def _authorize(self, request: Request) -> Response:
        asked = dict(request.query_params)
        self.asked.append(asked)
        if self.refuses is not None:
            said = {"error": self.refuses, "state": asked["state"]}
        else:
            code = secrets.token_urlsafe(16)
            self._codes[code] = asked
            said = {"code": code, "state": asked["state"]}
        back = f"{asked['redirect_uri']}?{urlencode(said)}"
        if "text/html" in request.headers.get("accept", ""):  # a browser: the person says yes
            return HTMLResponse(f'<a id="yes" href="{back.replace("&", "&amp;")}">It is me</a>')
        return RedirectResponse(back, status_code=302)

    async def _token(self, request: Request) -> Response:
        sent = {name: values[0] for name, values in parse_qs((await request.body()).decode()).items()}
        basic = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        asked = self._codes.pop(sent["code"], None)
        challenge = base64.urlsafe_b64encode(hashlib.sha256(sent.get("code_verifier", "").encode()).digest())
        if (
            asked is None
            or request.headers.get("authorization") != f"Basic {basic}"
            or sent["redirect_uri"] != asked["redirect_uri"]
            or asked["code_challenge_method"] != "S256"
            or challenge.rstrip(b"=").decode() != asked["code_challenge"]
        ):
            return JSONResponse({"error": "invalid_grant"}, status_code=400)
        now = int(time.time())
        claims = {
            "iss": self.address, "aud": CLIENT_ID, "iat": now, "exp": now + 300, "nonce": asked["nonce"],
            **self.claims, **self.changed,
        }  # fmt: skip
        claims = {name: value for name, value in claims.items() if value is not None}
        key = RSAKey.generate_key(2048, {"kid": "one"}) if self.signed_by_another_key else self.key
        header = {"alg": self.algorithm, "kid": "one"}
        signed = _unsigned(claims) if self.algorithm == "none" else jwt.encode(header, claims, key)
        return JSONResponse(
            {"access_token": "x", "token_type": "Bearer", "expires_in": 300, "id_token": signed},
            headers={"Cache-Control": "no-store"},
        )


def _unsigned(claims: dict[str, Any]) -> str:
    import json

    parts = ({"alg": "none"}, claims)
    return ".".join(
        [base64.urlsafe_b64encode(json.dumps(one).encode()).rstrip(b"=").decode() for one in parts] + [""]
    )
