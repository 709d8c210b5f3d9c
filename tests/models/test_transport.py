"""Addresses and proxies of remote models."""

from __future__ import annotations

import asyncio
import http.server
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from spinebench.errors import UsageError
from spinebench.models.protocol import Message, ModelFailure, ModelRequest, TextPart
from spinebench.models.registry import create_model
from spinebench.models.transport import Endpoint

REQUEST = ModelRequest(messages=(Message(role="user", parts=(TextPart(text="Which?"),)),))


@pytest.mark.parametrize(
    ("url", "base_url", "origin", "host"),
    [
        ("https://api.host.org/v1/", "https://api.host.org/v1", "https://api.host.org", "api.host.org"),
        ("http://10.0.0.7:8000/v1", "http://10.0.0.7:8000/v1", "http://10.0.0.7:8000", "10.0.0.7"),
        ("http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1", "http://127.0.0.1:8000", None),
        ("http://localhost:8000", "http://localhost:8000", "http://localhost:8000", None),
        ("http://[::1]:8000/v1", "http://[::1]:8000/v1", "http://[::1]:8000", None),
        ("http://localhost.org/v1", "http://localhost.org/v1", "http://localhost.org", "localhost.org"),
    ],
)
def test_addresses(url: str, base_url: str, origin: str, host: str | None) -> None:
    endpoint = Endpoint.parse(url, model="openai/x")
    assert (endpoint.base_url, endpoint.origin, endpoint.host) == (base_url, origin, host)


@pytest.fixture
def proxy() -> Iterator[Any]:
    """An HTTP proxy that answers every request itself and notes what it was asked for."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            server.seen.append(self.path)  # type: ignore[attr-defined]
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(418)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    server.seen = []  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


async def _ask(name: str, base_url: str) -> int | None:
    model = create_model(name, args={"base_url": base_url})
    try:
        await model.generate(REQUEST)
    except ModelFailure as failure:
        return failure.status_code
    finally:
        await model.aclose()
    return 200


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
def test_a_proxy_of_the_environment_is_used_for_other_machines_only(
    provider: str, proxy: Any, provider_server: Any, provider_keys: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{proxy.server_port}")
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    own = provider_server.openai_url if provider == "openai" else provider_server.url
    assert asyncio.run(_ask(f"{provider}/x", own)) == 200
    assert proxy.seen == [], "never for this machine's own addresses"
    assert asyncio.run(_ask(f"{provider}/x", "http://models.invalid/v1")) == 418
    assert proxy.seen[0].startswith("http://models.invalid/v1")


def test_a_proxy_that_cannot_be_used_is_named(provider_keys: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "gopher://127.0.0.1:1")
    with pytest.raises(UsageError, match="HTTPS_PROXY"):
        create_model("openai/x")
