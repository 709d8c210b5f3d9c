"""Serves the images of cases byte for byte, from the image folders of the workspace's runs and nowhere else."""

from __future__ import annotations

import hashlib
import json
import re

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from spinebench.errors import SpinebenchError
from spinebench.rating.images import RunImages
from spinebench.records import ImageRef, SentImage
from spinebench.store.workspace import Workspace

_PATH = "/case-images/{run_id}/{answer_id}/{position}"
_POSITION = re.compile(r"[0-9]{1,4}")
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    # Kept by the browser, asked again whenever it is shown: the file may have gone since.
    "Cache-Control": "private, no-cache",
}


def image_url(run_id: str, answer_id: str, position: int) -> str:
    """Where the image at `position` (from 0) of those sent for an answer is served."""
    return f"/case-images/{run_id}/{answer_id}/{position}"


def image_routes(workspace: Workspace) -> list[BaseRoute]:
    """The routes to be mounted beside Streamlit's own.

    No part of an address is a path: it names an answer of the database, whose record names the image, and what is
    served has the hash of what was sent. Anything else is 404, an image that is gone or changed is 410.
    """
    images = CaseImages(workspace)

    def serve(request: Request) -> Response:
        named = request.path_params
        try:
            position = named["position"]
            found = (
                images.image(named["run_id"], named["answer_id"], int(position))
                if _POSITION.fullmatch(position)
                else None
            )
        except SpinebenchError:
            return PlainTextResponse("This image is not there as it was sent.", 410, headers=_HEADERS)
        if found is None:
            return PlainTextResponse("There is no such image.", 404, headers=_HEADERS)
        sent, data = found
        headers = {**_HEADERS, "ETag": f'"{sent.sha256}"'}
        if request.headers.get("if-none-match") == headers["ETag"]:
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=sent.media_type, headers=headers)

    return [Route(_PATH, serve, methods=["GET", "HEAD"])]


class CaseImages:
    """The images that were sent, by answer."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._files = RunImages(workspace)

    def sent(self, run_id: str, answer_id: str) -> list[tuple[SentImage, dict[str, ImageRef]]]:
        """What was sent for an answer, each with the item's references by path; [] for an unknown answer."""
        rows = self._workspace.query("case_images", run_id=run_id, answer_id=answer_id).to_pylist()
        if not rows:
            return []
        refs = {ref.path: ref for ref in map(ImageRef.model_validate, json.loads(rows[0]["item_images"]))}
        return [(SentImage.model_validate(one), refs) for one in json.loads(rows[0]["images"])]

    def image(self, run_id: str, answer_id: str, position: int) -> tuple[SentImage, bytes] | None:
        """One of the images and its bytes; None where no such image was sent.

        Raises SpinebenchError where its file is gone or changed.
        """
        all_sent = self.sent(run_id, answer_id)
        if not 0 <= position < len(all_sent):
            return None
        sent, refs = all_sent[position]
        file = self._files.sent(run_id, sent, refs).file
        try:
            data = file.read_bytes()
        except OSError as error:
            raise SpinebenchError(
                f"image file {file.name!r}: expected a readable file; restore it"
            ) from error
        if hashlib.sha256(data).hexdigest() != sent.sha256:  # replaced between the check and now
            raise SpinebenchError(f"image file {file.name!r}: expected the bytes that were sent; restore it")
        return sent, data
