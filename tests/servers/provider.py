"""A loopback model provider that speaks three wire formats and fails on demand.

In a test: the fixture `provider_server` of `tests/conftest.py`. From a shell, at the repository's root:

    python -m tests.servers.provider --port 0 --delay-ms 200 --faults spec.json --log requests.jsonl

prints `{"port": ..., "url": ...}` as its first line and serves until it is killed. `spec.json` is a list of
faults (`tests/servers/faults.py`). While it runs: GET /_requests lists what it was asked, DELETE /_requests
forgets it, PUT /_faults replaces the faults, GET /_stats counts.

Base URLs for clients: OpenAI `<url>/v1`, Anthropic `<url>`, Google `<url>`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import socket
import struct
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self, cast

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.h11_impl import H11Protocol

from tests.servers.faults import Fault, http_reply
from tests.servers.wire import (
    Protocol,
    Received,
    Reply,
    default_answer,
    encode,
    error_body,
    received,
    reply_body,
)

Answer = Callable[[Received], "Reply | str"]

_RATE_LIMIT_HEADERS: dict[Protocol, dict[str, str]] = {
    "openai": {"x-ratelimit-limit-requests": "500", "x-ratelimit-remaining-requests": "499"},
    "anthropic": {"anthropic-ratelimit-requests-limit": "50", "anthropic-ratelimit-requests-remaining": "49"},
    "google": {},
}
_STATED_FAULTS = frozenset({"refusal", "filter", "length"})


class ProviderServer:
    """The provider: what it answers, what goes wrong, what it was asked.

    `answer` maps a request to its reply; `models` are the ids it knows (None: any), `keys` the API keys it
    takes (None: any). With `record=False` requests are answered and counted, not kept (for long benchmarks).
    """

    answer: Answer
    models: list[str] | None
    keys: list[str] | None

    def __init__(
        self,
        *,
        answer: Answer = default_answer,
        models: Sequence[str] | None = None,
        keys: Sequence[str] | None = None,
        delay_s: float = 0.0,
        record: bool = True,
        log: Path | None = None,
        port: int = 0,
    ) -> None:
        self.reset()
        self.answer = answer
        self.models = None if models is None else list(models)
        self.keys = None if keys is None else list(keys)
        self.delay_s = delay_s
        self.record = record
        self._log = log
        self._connections: dict[tuple[str, int], asyncio.Transport] = {}
        # asyncio switches Nagle's algorithm off only for sockets that name TCP; it costs 40 ms per reply.
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        self._sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._sock.bind(("127.0.0.1", port))
        self.port: int = self._sock.getsockname()[1]
        self._server = uvicorn.Server(
            uvicorn.Config(
                self._app(),
                log_level="critical",
                access_log=False,
                lifespan="off",
                http=self._protocol(),
                ws="none",
                backlog=4096,
                timeout_keep_alive=120,
                timeout_graceful_shutdown=1,
            )
        )
        self._thread: threading.Thread | None = None

    # ------------------------------------------------------------ life

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def openai_url(self) -> str:
        return f"{self.url}/v1"

    @property
    def anthropic_url(self) -> str:
        return self.url

    @property
    def google_url(self) -> str:
        return self.url

    def run(self) -> None:
        """Serve in this thread until told to stop."""
        asyncio.run(self._server.serve(sockets=[self._sock]))

    def start(self) -> Self:
        """Serve in a thread of its own; returns once requests are taken."""
        self._thread = threading.Thread(target=self.run, name="provider-server", daemon=True)
        self._thread.start()
        deadline = time.monotonic() + 20
        while not self._server.started:
            if time.monotonic() > deadline or not self._thread.is_alive():
                raise RuntimeError("the loopback provider did not start within 20 s")
            time.sleep(0.005)
        return self

    @property
    def running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    def stop(self) -> None:
        self._server.should_exit = True
        self._server.force_exit = True
        if self._thread is not None:
            self._thread.join(timeout=10)
        self._sock.close()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    # ------------------------------------------------------------ script

    def fault(self, kind: str, **settings: Any) -> Fault:
        """Add a fault; of several that match a request, the first added happens."""
        fault = Fault(kind=cast(Any, kind), **settings)
        self.faults.append(fault)
        return fault

    def reset(self) -> None:
        """As a new server: usual answers, no faults, any model and key, nothing asked yet."""
        self.answer = default_answer
        self.models = None
        self.keys = None
        self.delay_s = 0.0
        self.record = True
        self.lists_models = True
        """False: GET /v1/models answers 500, as `transformers serve` does offline."""
        self.breaks_after_500 = False
        """True: a connection that got that 500 is reset at its next request, as uvicorn's are after a crash."""
        self.broken: set[tuple[str, int]] = set()
        self.describes_as: Protocol | None = None
        """The protocol in whose words models are described; None: the one that is asked in."""
        self.describes_models = True
        """False: GET /v1/models/<id> answers 404, as many proxies do."""
        self.faults: list[Fault] = []
        self.requests: list[Received] = []
        self.n_requests = 0
        self.n_checks = 0
        """GET requests on models."""
        self.in_flight = 0
        self.max_in_flight = 0
        self.n_connections = 0
        """Connections opened since."""
        self.hold_until = 0
        """Replies wait until this many requests have been in flight at once."""
        self._era = object()
        """Requests of an earlier era, hanging on a connection somewhere, are not counted any more."""

    def clear(self) -> None:
        """Forget faults and requests."""
        self.faults.clear()
        self.requests.clear()
        self.n_requests = self.n_checks = self.max_in_flight = 0

    @property
    def last(self) -> Received:
        return self.requests[-1]

    # ------------------------------------------------------------ serving

    def _protocol(self) -> type[H11Protocol]:
        server, connections = self, self._connections

        class Connection(H11Protocol):
            """Keeps the transport by the client's address, so that a fault can reset it."""

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                super().connection_made(transport)
                server.n_connections += 1
                connections[transport.get_extra_info("peername")[:2]] = transport

            def connection_lost(self, exc: Exception | None) -> None:
                peer = self.transport.get_extra_info("peername")
                if peer:
                    connections.pop(peer[:2], None)
                super().connection_lost(exc)

        return Connection

    def _app(self) -> Starlette:
        return Starlette(
            routes=[
                Route("/v1/chat/completions", self._openai, methods=["POST"]),
                Route("/v1/messages", self._anthropic, methods=["POST"]),
                Route("/{version}/models/{call:path}", self._google, methods=["POST"]),
                Route("/{version}/models", self._list, methods=["GET"]),
                Route("/{version}/models/{model:path}", self._model, methods=["GET"]),
                Route("/_requests", self._requests, methods=["GET", "DELETE"]),
                Route("/_faults", self._set_faults, methods=["PUT"]),
                Route("/_stats", self._stats, methods=["GET"]),
            ]
        )

    async def _openai(self, request: Request) -> Response:
        return await self._chat(request, "openai", None)

    async def _anthropic(self, request: Request) -> Response:
        return await self._chat(request, "anthropic", None)

    async def _google(self, request: Request) -> Response:
        model, _, method = request.path_params["call"].rpartition(":")
        if method != "generateContent":
            return JSONResponse(error_body("google", 404, f"no method {method!r}"), status_code=404)
        return await self._chat(request, "google", model)

    async def _chat(self, http: Request, protocol: Protocol, model: str | None) -> Response:
        if http.client is not None and tuple(http.client) in self.broken:
            self._reset(http)
            return Response(status_code=500)
        era = self._era
        self.n_requests += 1
        self.in_flight += 1
        self.max_in_flight = max(self.max_in_flight, self.in_flight)
        try:
            body = json.loads(await http.body())
            headers = {key.lower(): value for key, value in http.headers.items()}
            path = http.url.path
            request = received(
                self.n_requests, protocol, path, headers, body, model or str(body.get("model", ""))
            )
            if self.record:
                self.requests.append(request)
            if self._log is not None:
                with self._log.open("ab") as file:
                    file.write(encode(request.as_json()) + b"\n")
            refused = self._refused(protocol, headers, request.model)
            return refused if refused is not None else await self._respond(http, request)
        finally:
            if era is self._era:
                self.in_flight -= 1

    def _refused(self, protocol: Protocol, headers: dict[str, str], model: str) -> Response | None:
        """401 or 404 for a key or model that the server was told not to know."""
        bearer = headers.get("authorization", "").removeprefix("Bearer ")
        key = headers.get("x-goog-api-key") or headers.get("x-api-key") or bearer
        if self.keys is not None and key not in self.keys:
            # Google answers 400 INVALID_ARGUMENT to a wrong key, and says so in the details.
            status = 400 if protocol == "google" else 401
            text = (
                "API key not valid. Please pass a valid API key."
                if protocol == "google"
                else f"Incorrect API key provided: {key}."
            )
            details = [{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "API_KEY_INVALID"}]
            body = error_body(protocol, status, text, code=None, details=details)
            return JSONResponse(body, status_code=status)
        if self.models is not None and model not in self.models:
            text = {
                "openai": f"The model `{model}` does not exist or you do not have access to it.",
                "anthropic": f"model: {model}",
                "google": f"models/{model} is not found for API version v1beta",
            }[protocol]
            code = "model_not_found" if protocol == "openai" else None
            return JSONResponse(error_body(protocol, 404, text, code=code), status_code=404)
        return None

    async def _respond(self, http: Request, request: Received) -> Response:
        fault = next((fault for fault in self.faults if fault.strikes(request)), None)
        delay_s = self.delay_s if fault is None else max(self.delay_s, fault.delay_s)
        if delay_s:
            await asyncio.sleep(delay_s)
        while self.max_in_flight < self.hold_until:  # noqa: ASYNC110
            await asyncio.sleep(0.005)
        if fault is not None:
            if fault.kind == "reset":
                self._reset(http)
                return Response(status_code=500)
            if fault.kind == "hang":
                while (await http.receive())["type"] != "http.disconnect":
                    pass
                return Response(status_code=500)
            error = http_reply(fault, request)
            if error is not None:
                headers = {"content-type": "application/json", **error.headers}
                return Response(error.body, status_code=error.status, headers=headers)
        answer = self.answer(request)
        reply = Reply(text=answer) if isinstance(answer, str) else answer
        if fault is not None and fault.kind in _STATED_FAULTS:
            reply.finish = cast(Any, fault.kind)
            reply.text = fault.message if fault.message is not None else reply.text
        elif fault is not None and fault.kind == "empty":
            reply.text = ""
        raw = encode(reply_body(request, reply))
        headers = {"content-type": "application/json", **_RATE_LIMIT_HEADERS[request.protocol]}
        if fault is not None and fault.kind == "truncated":
            return Response(raw[: len(raw) // 2], headers=headers)
        if fault is not None and fault.kind == "cut":
            return _CutResponse(raw, headers=headers)
        return Response(raw, headers=headers)

    def _reset(self, http: Request) -> None:
        client = http.client
        transport = None if client is None else self._connections.get((client.host, client.port))
        if transport is not None:
            sock = transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            transport.abort()

    # ------------------------------------------------------------ models and control

    def _protocol_of(self, http: Request) -> Protocol:
        if "x-goog-api-key" in http.headers:
            return "google"
        return "anthropic" if "anthropic-version" in http.headers else "openai"

    async def _model(self, http: Request) -> Response:
        self.n_checks += 1
        protocol = self._protocol_of(http)
        model = http.path_params["model"]
        if not self.describes_models:
            return JSONResponse({"detail": "Not Found"}, status_code=404)
        headers = {key.lower(): value for key, value in http.headers.items()}
        refused = self._refused(protocol, headers, model)
        if refused is not None:
            return refused
        return JSONResponse(self._describe(self.describes_as or protocol, model))

    async def _list(self, http: Request) -> Response:
        self.n_checks += 1
        protocol = self._protocol_of(http)
        if not self.lists_models:
            if self.breaks_after_500 and http.client is not None:
                self.broken.add((http.client.host, http.client.port))
            return JSONResponse(error_body(protocol, 500, "cannot list models"), status_code=500)
        known = self.models if self.models is not None else ["test-model"]
        headers = {key.lower(): value for key, value in http.headers.items()}
        refused = self._refused(protocol, headers, known[0] if known else "")
        if refused is not None and refused.status_code != 404:
            return refused
        rows = [self._describe(protocol, model) for model in known]
        if protocol == "google":
            return JSONResponse({"models": rows})
        return JSONResponse({"object": "list", "data": rows, "has_more": False})

    def _describe(self, protocol: Protocol, model: str) -> dict[str, Any]:
        if protocol == "google":
            return {"name": f"models/{model}", "supportedGenerationMethods": ["generateContent"]}
        if protocol == "anthropic":
            return {
                "type": "model",
                "id": model,
                "display_name": model,
                "created_at": "2026-01-01T00:00:00Z",
            }
        return {"id": model, "object": "model", "created": 1_700_000_000, "owned_by": "test"}

    async def _requests(self, http: Request) -> Response:
        if http.method == "DELETE":
            self.requests.clear()
            self.n_requests = 0
            return JSONResponse({})
        return JSONResponse([request.as_json() for request in list(self.requests)])

    async def _set_faults(self, http: Request) -> Response:
        self.faults[:] = [Fault(**spec) for spec in json.loads(await http.body())]
        return JSONResponse({"n": len(self.faults)})

    async def _stats(self, http: Request) -> Response:
        return JSONResponse(
            {"n_requests": self.n_requests, "n_checks": self.n_checks, "max_in_flight": self.max_in_flight}
        )


class _CutResponse(Response):
    """Promises the whole body, sends half of it and drops the connection."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
        half = bytes(self.body)[: len(self.body) // 2]
        # The server closes the connection when an application ends before the promised length.
        await send({"type": "http.response.body", "body": half, "more_body": True})


def main() -> None:
    """The command: see the module's description."""
    parser = argparse.ArgumentParser(description="Loopback model provider for tests and benchmarks.")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--delay-ms", type=float, default=0.0)
    parser.add_argument("--faults", type=Path, help="JSON list of faults")
    parser.add_argument("--answer", help="answer every request with this text")
    parser.add_argument("--models", help="known model ids, separated by commas")
    parser.add_argument("--log", type=Path, help="append each request as a JSON line")
    parser.add_argument("--no-record", action="store_true", help="count requests, do not keep them")
    options = parser.parse_args()
    text: str | None = options.answer
    server = ProviderServer(
        answer=default_answer if text is None else lambda _: text or "",
        models=options.models.split(",") if options.models else None,
        delay_s=options.delay_ms / 1000,
        record=not options.no_record,
        log=options.log,
        port=options.port,
    )
    if options.faults is not None:
        server.faults[:] = [Fault(**spec) for spec in json.loads(options.faults.read_text())]
    sys.stdout.write(json.dumps({"port": server.port, "url": server.url}) + "\n")
    sys.stdout.flush()
    server.run()


if __name__ == "__main__":
    main()
