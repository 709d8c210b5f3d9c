"""Sends the head of a page ahead of it: in the HTML that a browser loads first, or soon after.

Streamlit's own scripts take a browser a second or two before anything of a page is drawn. Until then the head stands
there; it goes as soon as the page has drawn its own. What takes longer to look up is asked for by the HTML.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from functools import cache
from pathlib import Path
from threading import BoundedSemaphore, Thread

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spinebench.dashboard.navigation import PAGES
from spinebench.dashboard.page_heads import PageHead, head_html, page_head

_PATIENCE_S = 1.5
"""What takes longer does not hold the HTML up: it is asked for by what stands there in its place, and shown when the
browser has run Streamlit's scripts, which takes it a second or more."""
_LATE_S = 10.0
"""Then the page itself is there."""
_AT_ONCE = 4
"""Heads that are looked up at the same time; beyond it a page goes without."""
_NAMES = frozenset(name for name, _, _ in PAGES)
_BEFORE = b'<div id="root"></div>'
"""Where Streamlit draws; the head stands behind it, and above it on the screen."""
_OF_THE_FILE = {b"accept-encoding", b"if-none-match", b"if-modified-since", b"range"}
"""What a browser asks of a file that it may hold already; with a head in it, it is another one."""
_FREE = BoundedSemaphore(_AT_ONCE)


class PageHeads:
    """ASGI middleware: writes a page's head into the HTML that Streamlit answers with. All else goes on as it is."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        html = await _html_for(scope)
        if html is None:
            await self._app(scope, receive, send)
            return
        headers = [(name, value) for name, value in scope["headers"] if name not in _OF_THE_FILE]
        asked: Scope = {**scope, "headers": headers, "extensions": {}}
        await self._app(asked, receive, _Written(html, send))


async def _html_for(scope: Scope) -> bytes | None:
    """What is written into the HTML that is asked for; None where nothing is."""
    if scope["type"] != "http" or scope["method"] != "GET" or not _is_asked_for(scope, "dest", "document"):
        return None
    path = str(scope["path"]).removeprefix(scope.get("root_path", "")).strip("/")
    name = path or PAGES[0][0]
    if name not in _NAMES:
        return None
    try:
        found = await asyncio.wait_for(_looked_up(name, scope), _PATIENCE_S)
    except TimeoutError:
        html = ""
    else:
        if found is None:
            return None
        html = head_html(found)
    return f'{html}<script data-page="{name}">{_script()}</script>'.encode()


def head_routes() -> list[BaseRoute]:
    """Where the HTML asks for a head that it came without: the head alone, or 204 where there is none."""

    async def serve(request: Request) -> Response:
        name, found = request.path_params["name"], None
        if name in _NAMES and _is_asked_for(request.scope, "site", "same-origin"):
            with suppress(TimeoutError):
                found = await asyncio.wait_for(_looked_up(name, request.scope), _LATE_S)
        if found is None:
            return Response(status_code=204)
        return HTMLResponse(head_html(found), headers={"Cache-Control": "no-store"})

    return [Route("/page-head/{name}", serve, methods=["GET"])]


def _is_asked_for(scope: Scope, what: str, wanted: str) -> bool:
    """Whether a browser asks so, as it says itself, and not for an image of another site's page, say."""
    return Headers(scope=scope).get(f"sec-fetch-{what}", wanted) == wanted


def _looked_up(name: str, scope: Scope) -> asyncio.Future[PageHead | None]:
    """In a thread that the server's end does not wait for."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[PageHead | None] = loop.create_future()
    if not _FREE.acquire(blocking=False):
        future.set_result(None)
        return future
    query = scope.get("query_string", b"").decode("utf-8", "replace")

    def settle(found: PageHead | None) -> None:
        if not future.done():
            future.set_result(found)

    def look() -> None:
        try:
            found = page_head(name, query)
        finally:
            _FREE.release()
        with suppress(RuntimeError):  # the server has ended
            loop.call_soon_threadsafe(settle, found)

    Thread(target=look, name="page-head", daemon=True).start()
    return future


class _Written:
    """Sends an answer on, a page of HTML with the head in it."""

    def __init__(self, html: bytes, send: Send) -> None:
        self._html, self._send = html, send
        self._start: Message | None = None
        self._body = b""

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start" and _is_page(message):
            self._start = message
        elif self._start is None:
            await self._send(message)
        else:
            self._body += message.get("body", b"")
            if not message.get("more_body"):
                await self._send_whole(self._start)

    async def _send_whole(self, start: Message) -> None:
        body = self._body.replace(_BEFORE, _BEFORE + self._html, 1)
        headers = MutableHeaders(raw=list(start["headers"]))
        for name in ("etag", "last-modified"):
            del headers[name]
        headers["content-length"] = str(len(body))
        headers["cache-control"] = "no-store"  # the figures of another day are not to be shown again
        await self._send({**start, "headers": headers.raw})
        await self._send({"type": "http.response.body", "body": body})


def _is_page(start: Message) -> bool:
    kind = Headers(raw=start["headers"]).get("content-type", "")
    return start["status"] == 200 and kind.startswith("text/html")


@cache
def _script() -> str:
    return Path(__file__).with_name("page_head.js").read_text("utf-8")
