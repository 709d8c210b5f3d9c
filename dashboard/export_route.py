"""Serves a selection of cases as a file, while it is read: a download of 780,000 cases is no page's to hold.

An address is made by a page and signed with a key of this process. Nobody else can make one: without that, a web page
that gives itself this server's name could ask for every case through the browser of whoever has the dashboard open.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import secrets
from collections.abc import Iterator
from typing import Literal, assert_never
from urllib.parse import urlencode

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import BaseRoute, Route

from spinebench.dashboard.case_export import as_csv, as_html, as_jsonl, exported
from spinebench.errors import SpinebenchError
from spinebench.store.database import Parameter
from spinebench.store.workspace import Workspace

FileKind = Literal["csv", "jsonl", "html"]
_TYPES: dict[FileKind, str] = {
    "csv": "text/csv; charset=utf-8",
    "jsonl": "application/jsonl",
    "html": "text/html; charset=utf-8",
}
_KEY_VARIABLE = "SPINEBENCH_DASHBOARD_SIGNING"
_PATH = "/case-files/spinebench-cases.{kind}"
_HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}


def export_url(kind: FileKind, parameters: dict[str, Parameter]) -> str:
    """Where the cases that these parameters of the query `cases` leave are served as a file, by this process alone.

    Relative to the page of cases, so that it holds behind a proxy that gives the dashboard a folder of its own.
    """
    asked = {name: value for name, value in sorted(parameters.items()) if value is not None}
    selection = base64.urlsafe_b64encode(json.dumps(asked).encode()).decode()
    return (
        _PATH.format(kind=kind) + "?" + urlencode({"selection": selection, "proof": _proof(kind, selection)})
    )


def export_routes(workspace: Workspace) -> list[BaseRoute]:
    """The route to be mounted beside Streamlit's own. An address that no page of this process made is 403."""

    def serve(request: Request) -> Response:
        kind = request.path_params["kind"]
        selection = request.query_params.get("selection", "")
        proof = request.query_params.get("proof", "")
        if kind not in _TYPES or not hmac.compare_digest(_proof(kind, selection).encode(), proof.encode()):
            return PlainTextResponse(
                "This address is of an earlier dashboard: open the file from the page of cases.",
                403,
                headers=_HEADERS,
            )
        parameters: dict[str, Parameter] = json.loads(base64.urlsafe_b64decode(selection))
        try:
            body = _body(workspace, kind, parameters)
        except SpinebenchError as error:
            return PlainTextResponse(str(error), 409, headers=_HEADERS)
        headers = {**_HEADERS, "Content-Disposition": f'attachment; filename="spinebench-cases.{kind}"'}
        return StreamingResponse(body, media_type=_TYPES[kind], headers=headers)

    return [Route(_PATH, serve, methods=["GET"])]


def _body(workspace: Workspace, kind: FileKind, parameters: dict[str, Parameter]) -> Iterator[bytes]:
    cases = exported(workspace, parameters)
    match kind:
        case "csv":
            return as_csv(cases.rows)
        case "jsonl":
            return as_jsonl(cases.rows)
        case "html":
            return as_html(workspace, cases)
        case _:
            assert_never(kind)


def _proof(kind: str, selection: str) -> str:
    key = os.environ.setdefault(_KEY_VARIABLE, secrets.token_hex(32))
    return hmac.new(key.encode(), f"{kind}:{selection}".encode(), hashlib.sha256).hexdigest()
