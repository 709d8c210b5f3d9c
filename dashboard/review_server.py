"""Reviewers' side of the raters' server: the page, its items and images, and decisions that are handed in."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from spinebench.builder.review.desk import Desk, Desks, NotTakenError, ReplacedError
from spinebench.dashboard.picture_response import picture_response
from spinebench.dashboard.review_page import served_page
from spinebench.dashboard.sign_in import POLICY, message_page

_NOTHING_HERE = "There is nothing of yours at this address."
_CONFLICT = (
    "it was decided in another window or on another computer since. Look at what stands there now, and decide again "
    "if you still mean it."
)


class ReviewServer:
    """The routes of one build's review; who is signed in is asked of the server around it."""

    def __init__(
        self,
        build: Path,
        *,
        rater: Callable[[Request], Awaitable[str | None]],
        body: Callable[[Request], Awaitable[bytes | None]],
    ) -> None:
        self._desks = Desks(build)
        self._rater = rater
        self._body = body

    def routes(self) -> list[Route]:
        """Everything below `/review`."""
        return [
            Route("/review/{set_id}", self.page, methods=["GET"]),
            Route("/review/{set_id}/items/{keys}", self.items, methods=["GET"]),
            Route("/review/{set_id}/images/{key}", self.image, methods=["GET"]),
            Route("/review/{set_id}/decisions", self.decision, methods=["POST"]),
        ]

    def link(self, rater: str) -> tuple[str, int, int] | None:
        """Address of a reviewer's part, items decided and items in it; None for somebody who is not in the plan."""
        desk = self._desks.of(rater)
        if desk is None:
            return None
        states = [state for _, state in desk.states()]
        n_decided = sum(state not in {"", "changed"} for state in states)
        return f"/review/{desk.set_id}", n_decided, len(states)

    async def page(self, request: Request) -> Response:
        rater = await self._rater(request)
        if rater is None:
            return RedirectResponse("/", status_code=303)
        desk = await self._named(request, rater)
        if desk is None:
            return HTMLResponse(
                message_page(_NOTHING_HERE), status_code=404, headers={"Content-Security-Policy": POLICY}
            )
        # The page brings its own policy, which lets it ask this server and nothing else.
        return HTMLResponse(await run_in_threadpool(served_page, desk))

    async def items(self, request: Request) -> Response:
        desk = await self._own(request)
        if isinstance(desk, Response):
            return desk
        keys = request.path_params["keys"].split(",")
        return JSONResponse({"cases": await run_in_threadpool(desk.cases, keys)})

    async def image(self, request: Request) -> Response:
        desk = await self._own(request)
        if isinstance(desk, Response):
            return desk
        return await picture_response(partial(desk.review.picture, request.path_params["key"]))

    async def decision(self, request: Request) -> Response:
        rater = await self._rater(request)
        if rater is None:
            return JSONResponse({"reason": "you are signed out."}, status_code=401)
        desk = await self._named(request, rater)
        if desk is None:
            # Not an answer about the decision: whose it is may sign in again in this browser, and send it.
            return JSONResponse({"reason": "it is not of who is signed in."}, status_code=403)
        body = await self._body(request)
        try:
            sent = None if body is None else json.loads(body, parse_constant=str)
        except (ValueError, RecursionError):
            sent = None
        if sent is None:
            return JSONResponse({"reason": "it cannot be read."}, status_code=400)
        try:
            taken = await run_in_threadpool(desk.take, sent)
        except ReplacedError as replaced:
            return JSONResponse({"reason": _CONFLICT, "stands": replaced.stands}, status_code=409)
        except NotTakenError as refused:
            # It may repeat what was sent: half a character, which JSON can carry, no reply can.
            return JSONResponse({"reason": str(refused).encode("utf-8", "replace").decode()}, status_code=422)
        remarks = [] if taken.withdrawn else desk.remarks(taken.decision.item_id)
        # `rating_id` is what the raters' pages wait for as the server's own answer.
        return JSONResponse({"rating_id": taken.key, "remarks": remarks})

    async def _own(self, request: Request) -> Desk | Response:
        rater = await self._rater(request)
        desk = None if rater is None else await self._named(request, rater)
        return Response(status_code=404 if rater is not None else 401) if desk is None else desk

    async def _named(self, request: Request, rater: str) -> Desk | None:
        desk = await run_in_threadpool(self._desks.of, rater)
        return desk if desk is not None and desk.set_id == request.path_params["set_id"] else None
