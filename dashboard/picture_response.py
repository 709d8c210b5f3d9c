"""A picture for a rater or reviewer who is signed in: its bytes, or nothing that says why there are none."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Protocol

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from spinebench.errors import SpinebenchError

_log = logging.getLogger(__name__)


class _Picture(Protocol):
    @property
    def data(self) -> bytes: ...
    @property
    def media_type(self) -> str: ...


async def picture_response(find: Callable[[], _Picture | None]) -> Response:
    """What `find` gives, read beside the event loop; 404 where it gives None or raises `SpinebenchError`.

    The error goes to the log alone: its text may name files.
    """
    try:
        found = await run_in_threadpool(find)
    except SpinebenchError as error:
        _log.error("%s", error)
        found = None
    if found is None:
        return Response(status_code=404)
    return Response(
        found.data, media_type=found.media_type, headers={"Cache-Control": "private, max-age=3600"}
    )
