"""The loopback provider itself: what it records and how it fails, seen by a plain HTTP client."""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

import httpx2
import pytest

if TYPE_CHECKING:
    from tests.servers.provider import ProviderServer

_PIXEL = b"\x89PNG not really an image"


def _openai_body(text: str = "Which option?") -> dict[str, object]:
    url = f"data:image/png;base64,{base64.b64encode(_PIXEL).decode()}"
    content = [{"type": "text", "text": text}, {"type": "image_url", "image_url": {"url": url}}]
    return {"model": "m", "messages": [{"role": "user", "content": content}]}


def _post(server: ProviderServer, **settings: object) -> httpx2.Response:
    with httpx2.Client(trust_env=False, timeout=5) as client:
        return client.post(f"{server.openai_url}/chat/completions", json=_openai_body(**settings))  # type: ignore[arg-type]


def test_records_parts_in_order_and_hashes_images(provider_server: ProviderServer) -> None:
    assert _post(provider_server).status_code == 200
    digest = hashlib.sha256(_PIXEL).hexdigest()
    assert provider_server.last.parts == (("text", "Which option?"), ("image", digest))
    assert provider_server.last.media_types == ("image/png",)
    assert base64.b64encode(_PIXEL).decode() not in str(provider_server.last.body)


def test_same_question_same_answer(provider_server: ProviderServer) -> None:
    replies = [_post(provider_server).json()["choices"][0]["message"]["content"] for _ in range(3)]
    assert len(set(replies)) == 1
    assert "My final option: [" in replies[0]


def test_faults_count_match_and_stop(provider_server: ProviderServer) -> None:
    provider_server.fault("server", status=503, match="tricky", after=1, times=2)
    statuses = [_post(provider_server, text=text).status_code for text in ["tricky"] * 5 + ["plain"]]
    assert statuses == [200, 503, 503, 200, 200, 200]


def test_every_nth_request_fails(provider_server: ProviderServer) -> None:
    provider_server.fault("rate_limit", every=3, after=2)
    assert [_post(provider_server).status_code for _ in range(7)] == [200, 200, 429, 200, 200, 429, 200]


@pytest.mark.parametrize("kind", ["reset", "cut"])
def test_broken_connections_break(provider_server: ProviderServer, kind: str) -> None:
    provider_server.fault(kind)
    with pytest.raises(httpx2.TransportError):
        _post(provider_server)


def test_hang_hangs(provider_server: ProviderServer) -> None:
    provider_server.fault("hang")
    with httpx2.Client(trust_env=False, timeout=0.2) as client, pytest.raises(httpx2.ReadTimeout):
        client.post(f"{provider_server.openai_url}/chat/completions", json=_openai_body())


def test_control_endpoints_and_no_keys_in_them(provider_server: ProviderServer) -> None:
    with httpx2.Client(trust_env=False, timeout=5) as client:
        set_to = client.put(f"{provider_server.url}/_faults", json=[{"kind": "auth", "times": 1}])
        assert set_to.json() == {"n": 1}
        reply = client.post(
            f"{provider_server.openai_url}/chat/completions",
            json=_openai_body(),
            headers={"authorization": "Bearer sk-secret"},
        )
        assert reply.status_code == 401
        listed = client.get(f"{provider_server.url}/_requests").text
        assert "Which option?" in listed
        assert "sk-secret" not in listed
        assert client.get(f"{provider_server.url}/_stats").json()["n_requests"] == 1
