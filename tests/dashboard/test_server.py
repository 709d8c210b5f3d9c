"""Who the dashboard's server answers: browsers that ask for this machine by its own names."""

from __future__ import annotations

from http.client import HTTPConnection
from urllib.parse import urlsplit

import pytest

_UPGRADE = {
    "Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
}  # fmt: skip


@pytest.mark.parametrize(
    ("host", "origin", "stream", "health"),
    [
        pytest.param(None, None, 101, 200, id="its own page"),
        pytest.param(None, "http://evil.example", 403, 200, id="another site's page"),
        pytest.param("evil.example", "http://evil.example", 400, 400, id="a name made to lead here"),
        pytest.param("localhost", "http://localhost", 101, 200, id="localhost"),
    ],
)
def test_who_is_answered(
    dashboard: str, host: str | None, origin: str | None, stream: int, health: int
) -> None:
    own = urlsplit(dashboard).netloc
    port = own.partition(":")[2]
    named = own if host is None else f"{host}:{port}"
    asked_from = (
        f"http://{own}"
        if origin is None
        else origin
        if origin.endswith("evil.example")
        else f"{origin}:{port}"
    )
    assert _status(own, "/_stcore/stream", {**_UPGRADE, "Host": named, "Origin": asked_from}) == stream
    assert _status(own, "/_stcore/health", {"Host": named}) == health


def _status(address: str, path: str, headers: dict[str, str]) -> int:
    connection = HTTPConnection(address, timeout=60)
    try:
        connection.request("GET", path, headers=headers)
        return connection.getresponse().status
    finally:
        connection.close()
