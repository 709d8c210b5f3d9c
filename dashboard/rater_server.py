"""The raters' own server: signing in, one's own traces, their images, handing ratings in, and nothing else.

It is a process apart from the dashboard, so that no address leads from a rater to the pages of the researchers.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.middleware import Middleware
from starlette.middleware.base import BaseHTTPMiddleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from spinebench.dashboard.oidc_settings import CALLBACK, OidcSettings
from spinebench.dashboard.picture_response import picture_response
from spinebench.dashboard.rater_packets import ConflictError, RaterPacket, RaterPackets, RefusedError
from spinebench.dashboard.rater_sessions import LASTS_S, NotSignedInError, RaterSessions
from spinebench.dashboard.sign_in import (
    POLICY,
    TO_PROVIDER,
    message_page,
    packets_page,
    sign_in_page,
    unknown_page,
)
from spinebench.errors import SpinebenchError
from spinebench.exchange.packets import packet_html
from spinebench.store.workspace import Workspace

if TYPE_CHECKING:
    from spinebench.dashboard.rater_oidc import OidcSignIn
    from spinebench.dashboard.review_server import ReviewServer

COOKIE = "spinebench_rater"
_LARGEST_BODY = 1 << 20
_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_NOTHING_HERE = "There is nothing of yours at this address."
_BROKEN = (
    "Something is wrong with the study's files. Nothing you submitted is lost; please tell the study lead."
)
_CLOSED = "the ratings of this study are final by now."
_CONFLICT = (
    "it was rated in another window or on another computer since. What you see here is a draft now: "
    "submit it again to replace the other rating."
)
_log = logging.getLogger(__name__)


def create_rater_app(
    workspace: Workspace,
    *,
    image_root: Path | None = None,
    oidc: OidcSettings | None = None,
    review: Path | None = None,
) -> Starlette:
    """The application for raters over one workspace; `image_root` as in `RaterPackets`.

    `oidc`: the provider through which raters may sign in too; None: by token alone. `review`: folder of a build whose
    items its reviewers check here, beside their packets.
    """
    server = _RaterServer(workspace, image_root, oidc, review)
    return Starlette(
        routes=[
            Route("/", server.home, methods=["GET"]),
            Route("/sign-in", server.sign_in, methods=["POST"]),
            Route("/sign-out", server.sign_out, methods=["POST"]),
            Route("/rate/{set_id}", server.packet, methods=["GET"]),
            Route("/rate/{set_id}/images/{key}", server.image, methods=["GET"]),
            Route("/rate/{set_id}/ratings", server.rating, methods=["POST"]),
            *server.provider_routes(),
            *server.review_routes(),
        ],
        middleware=[Middleware(BaseHTTPMiddleware, dispatch=_guarded)],
    )


async def _guarded(request: Request, follow: Callable[[Request], Awaitable[Response]]) -> Response:
    """Nothing is changed by another site's page, nothing is kept by a browser, nothing of an error is told."""
    if request.method not in {"GET", "HEAD"} and not _from_here(request):
        return Response("Refused: the request came from another site.\n", status_code=403)
    try:
        response = await follow(request)
    except (SpinebenchError, OSError) as error:
        _log.error("%s", error)  # it may name traces, and with them models: not for a rater's eyes
        response = HTMLResponse(message_page(_BROKEN), status_code=500)
    response.headers.update({name: value for name, value in _HEADERS.items() if name not in response.headers})
    return response


def _from_here(request: Request) -> bool:
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in {"same-origin", "none"}
    origin = request.headers.get("origin")
    try:
        return origin is None or urlsplit(origin).netloc == request.headers.get("host")
    except ValueError:  # no address at all, as `http://[`
        return False


class _RaterServer:
    def __init__(
        self, workspace: Workspace, image_root: Path | None, oidc: OidcSettings | None, review: Path | None
    ) -> None:
        self._sessions = RaterSessions(workspace)
        self._packets = RaterPackets(workspace, image_root=image_root)
        self._by_https = oidc is not None and oidc.by_https
        self._oidc: OidcSignIn | None = None
        if oidc is not None:
            from spinebench.dashboard.rater_oidc import OidcSignIn

            self._oidc = OidcSignIn(oidc)
        self._review: ReviewServer | None = None
        if review is not None:
            from spinebench.dashboard.review_server import ReviewServer

            self._review = ReviewServer(review, rater=self._rater, body=_body)

    def review_routes(self) -> list[Route]:
        """The review of a build; none without one."""
        return [] if self._review is None else self._review.routes()

    def provider_routes(self) -> list[Route]:
        """To the provider and back; none without one."""
        if self._oidc is None:
            return []
        state = [self._oidc.state()]
        return [
            Route(TO_PROVIDER, partial(self._to_provider, self._oidc), methods=["GET"], middleware=state),
            Route(CALLBACK, partial(self._from_provider, self._oidc), methods=["GET"], middleware=state),
        ]

    async def home(self, request: Request) -> Response:
        rater = await self._rater(request)
        if rater is None:
            return self._sign_in_page()
        held = await run_in_threadpool(self._packets.of, rater)
        review = None if self._review is None else await run_in_threadpool(self._review.link, rater)
        links = [f"/rate/{one.set_id}" for one in held] + ([] if review is None else [review[0]])
        if len(links) == 1:
            return RedirectResponse(links[0], status_code=303)
        listed = await run_in_threadpool(lambda: [(f"/rate/{one.set_id}", one.progress()) for one in held])
        return _html(packets_page(rater, listed, review=review))

    async def sign_in(self, request: Request) -> Response:
        body = await _body(request)
        token = "" if body is None else parse_qs(body.decode("utf-8", "replace")).get("token", [""])[0]
        key = await run_in_threadpool(self._sessions.begin, token)
        if key is None:
            return self._sign_in_page("This token opens nothing. Check that you took all of it.", status=403)
        return await self._signed_in(request, key)

    async def _to_provider(self, oidc: OidcSignIn, request: Request) -> Response:
        if not _from_here(request):
            # A link or picture on another site begins nothing; the person sees where they are.
            return self._sign_in_page()
        try:
            return await oidc.leave(request)
        except NotSignedInError as fault:
            return self._sign_in_page(str(fault), status=502)

    async def _from_provider(self, oidc: OidcSignIn, request: Request) -> Response:
        try:
            person = await oidc.come_back(request)
        except NotSignedInError as fault:
            return self._sign_in_page(str(fault), status=403)
        key = await run_in_threadpool(self._sessions.begin_known, person.identities)
        if key is None:
            response = _html(
                unknown_page(
                    oidc.settings.provider,
                    subject=person.subject,
                    email=person.email,
                    email_verified=person.email_verified,
                ),
                status=403,
            )
            await self._end(request, response)
            return response
        return await self._signed_in(request, key)

    async def _signed_in(self, request: Request, key: str) -> Response:
        response = RedirectResponse("/", status_code=303)
        await self._end(request, response)
        response.set_cookie(
            COOKIE,
            key,
            max_age=LASTS_S,
            httponly=True,
            samesite="lax",
            secure=self._by_https or request.url.scheme == "https",
        )
        return response

    async def _end(self, request: Request, response: Response) -> None:
        """End the session that the browser had; with another person's it would go on unnoticed."""
        await run_in_threadpool(self._sessions.end, request.cookies.get(COOKIE))
        response.delete_cookie(COOKIE)

    def _sign_in_page(self, fault: str = "", *, status: int = 200) -> Response:
        provider = None if self._oidc is None else self._oidc.settings.provider
        return _html(sign_in_page(fault, provider=provider), status=status)

    async def sign_out(self, request: Request) -> Response:
        response = RedirectResponse("/", status_code=303)
        await self._end(request, response)
        return response

    async def packet(self, request: Request) -> Response:
        rater = await self._rater(request)
        if rater is None:
            return RedirectResponse("/", status_code=303)
        held = await self._named(request, rater)
        if held is None:
            return _html(message_page(_NOTHING_HERE), status=404)
        html = await run_in_threadpool(lambda: packet_html(held.content(), served=True))
        # The page brings its own policy, which lets it ask this server and nothing else.
        return HTMLResponse(html)

    async def image(self, request: Request) -> Response:
        rater = await self._rater(request)
        held = None if rater is None else await self._named(request, rater)
        if held is None:
            return Response(status_code=404 if rater is not None else 401)
        return await picture_response(partial(held.image, request.path_params["key"], self._packets.images))

    async def rating(self, request: Request) -> Response:
        rater = await self._rater(request)
        if rater is None:
            return JSONResponse({"reason": "you are signed out."}, status_code=401)
        held = await self._named(request, rater)
        if held is None:
            closed = await run_in_threadpool(self._packets.is_closed, rater, request.path_params["set_id"])
            # Not an answer about the rating: whose it is may sign in again in this browser, and send it.
            status, reason = (404, _CLOSED) if closed else (403, "it is not of who is signed in.")
            return JSONResponse({"reason": reason}, status_code=status)
        body = await _body(request)
        try:
            sent = None if body is None else json.loads(body, parse_constant=str)
        except (ValueError, RecursionError):
            sent = None
        if sent is None:
            return JSONResponse({"reason": "it cannot be read."}, status_code=400)
        try:
            taken = await run_in_threadpool(held.take, sent)
        except ConflictError as conflict:
            return JSONResponse({"reason": _CONFLICT, "stands": conflict.stands}, status_code=409)
        except RefusedError as refused:
            # It may repeat what was sent: half a character, which JSON can carry, no reply can.
            reason = str(refused).encode("utf-8", "replace").decode()
            return JSONResponse({"reason": reason}, status_code=422)
        return JSONResponse({"rating_id": taken.rating_id})

    async def _rater(self, request: Request) -> str | None:
        return await run_in_threadpool(self._sessions.rater, request.cookies.get(COOKIE))

    async def _named(self, request: Request, rater: str) -> RaterPacket | None:
        return await run_in_threadpool(self._packets.named, rater, request.path_params["set_id"])


def _html(text: str, *, status: int = 200) -> Response:
    return HTMLResponse(text, status_code=status, headers={"Content-Security-Policy": POLICY})


async def _body(request: Request) -> bytes | None:
    """The body; None where it is larger than any rating."""
    found = bytearray()
    async for part in request.stream():
        found += part
        if len(found) > _LARGEST_BODY:
            return None
    return bytes(found)
