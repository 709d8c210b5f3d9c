"""A loopback server with the OpenAI chat protocol for measurements: one canned answer, at once or after a delay.

Below `/judge` it answers with a verdict on a trace that is that canned answer. It reads requests without parsing their
JSON, so that it does not become the bottleneck on shared cores.
Usage: python benchmarks/loopback_server.py [--delay-ms 200]; prints its port as the first line.
"""

from __future__ import annotations

import argparse
import asyncio
import json

TEXT = (
    "The vertebral bodies keep their height and the posterior line is continuous. At the lower end of the lumbar spine "
    "the disc space is preserved, and no step is seen between neighbouring bodies. Small marginal spurs project from "
    "the anterior corners, which is what osteophytes look like on a lateral view; there is no slip and no collapse, "
    "and the canal cannot be judged on this projection. Weighing these findings, the spurs are the leading finding.\n\n"
    "My final option: [B]"
)
_SPURS = "Small marginal spurs project from the anterior corners, which is what osteophytes look like on a lateral view"
_NO_SLIP = "there is no slip and no collapse, and the canal cannot be judged on this projection."
VERDICT = {
    "scores": [
        {
            "dimension": dimension,
            "quotes": [_SPURS, _NO_SLIP],
            "reason": "The finding is named where it is seen, and what speaks against the others is said as well.",
            "score": score,
        }
        for dimension, score in (
            ("clinical_rationality", 4),
            ("visual_features", 3),
            ("spatial_reasoning", 4),
        )
    ],
    "failure_modes": [{"mode": "unsupported_certainty", "quotes": ["the spurs are the leading finding"]}],
    "claims": [
        {"quote": _SPURS, "verdict": "supported"},
        {"quote": "The vertebral bodies keep their height", "verdict": "supported"},
        {"quote": "the disc space is preserved", "verdict": "contradicted"},
        {"quote": "the posterior line is continuous", "verdict": "not_verifiable"},
    ],
}
MODELS = {
    "object": "list",
    "data": [
        {"id": name, "object": "model", "created": 0, "owned_by": "local"}
        for name in ("loopback", "judge-a", "judge-b")
    ],
}


def _completion(text: str, n_in: int, n_out: int) -> dict[str, object]:
    return {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 0,
        "model": "loopback",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": n_in, "completion_tokens": n_out, "total_tokens": n_in + n_out},
    }


def _response(value: object) -> bytes:
    body = json.dumps(value).encode()
    head = f"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    return head.encode() + body


ANSWER, JUDGEMENT, NAMES = (
    _response(value)
    for value in (_completion(TEXT, 1100, 110), _completion(json.dumps(VERDICT), 3400, 420), MODELS)
)


class Connection(asyncio.Protocol):
    """One keep-alive connection; requests on it come one after the other."""

    def __init__(self, delay_s: float) -> None:
        self._delay_s = delay_s
        self._head = b""
        self._left = 0
        self._path = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        else:
            self._head += data
            end = self._head.find(b"\r\n\r\n")
            if end < 0:
                return
            head = self._head[:end].lower()
            self._path = head.split(b" ", 2)[1]
            length = 0
            for line in head.split(b"\r\n")[1:]:
                name, _, value = line.partition(b":")
                if name == b"content-length":
                    length = int(value)
            self._left = length - (len(self._head) - end - 4)
            self._head = b""
        if self._left == 0:
            response = JUDGEMENT if self._path.startswith(b"/judge") else ANSWER
            if b"/models" in self._path:
                response = NAMES
            if self._delay_s and response is not NAMES:
                asyncio.get_running_loop().call_later(self._delay_s, self._write, response)
            else:
                self._write(response)

    def _write(self, response: bytes) -> None:
        if not self._transport.is_closing():
            self._transport.write(response)


async def serve(delay_s: float) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(delay_s), "127.0.0.1", 0, backlog=1024)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--delay-ms", type=float, default=0)
    asyncio.run(serve(parser.parse_args().delay_ms / 1000))
