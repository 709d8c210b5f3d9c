"""Fixtures for tests of models: prepared images, and an environment with keys of no worth."""

from __future__ import annotations

import hashlib
import io
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import pytest

from spinebench.models.protocol import ImagePart
from spinebench.records import SentImage

if TYPE_CHECKING:
    from spinebench.models.protocol import ChatModel
    from tests.models.local_models import Open
    from tests.models.remote_models import Bench
    from tests.servers.provider import ProviderServer

MakeImage = Callable[..., ImagePart]


@pytest.fixture
def make_image(tmp_path: Path) -> MakeImage:
    """Factory of prepared images: any bytes, as adapters send them without looking."""

    def make(
        content: bytes = b"\x89PNG pixels", media_type: Literal["image/png", "image/jpeg"] = "image/png"
    ) -> ImagePart:
        sha256 = hashlib.sha256(content).hexdigest()
        file = tmp_path / f"{sha256}.image"
        file.write_bytes(content)
        sent = SentImage(
            source_path="spine.png",
            source_sha256=None,
            sha256=sha256,
            media_type=media_type,
            width=4,
            height=4,
            n_bytes=len(content),
            transform="as_is",
        )
        return ImagePart(image=sent, file=file)

    return make


@pytest.fixture
def draw_image(make_image: MakeImage) -> MakeImage:
    """`draw_image(seed, width=40, height=60)`: a prepared image of noise, for models that do look."""

    def draw(seed: int, *, width: int = 40, height: int = 60) -> ImagePart:
        from PIL import Image

        buffer = io.BytesIO()
        noise = random.Random(seed).randbytes(3 * width * height)
        Image.frombytes("RGB", (width, height), noise).save(buffer, format="PNG")
        return make_image(buffer.getvalue())

    return draw


@pytest.fixture
def provider_keys(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Keys under the vendors' names; nothing else about providers in the environment."""
    keys = {
        "OPENAI_API_KEY": "sk-test-0123456789abcdef",
        "ANTHROPIC_API_KEY": "sk-ant-test-0123456789abcdef",
        "GOOGLE_API_KEY": "AIzaTest0123456789abcdefghijk",
    }
    for name in (
        "GEMINI_API_KEY",
        "OPENAI_BASE_URL",
        "ANTHROPIC_BASE_URL",
        "GOOGLE_GEMINI_BASE_URL",
        "GOOGLE_GENAI_USE_VERTEXAI",
        "HTTP_PROXY",
        "HTTPS_PROXY",
        "ALL_PROXY",
        "http_proxy",
        "https_proxy",
        "all_proxy",
    ):
        monkeypatch.delenv(name, raising=False)
    for name, value in keys.items():
        monkeypatch.setenv(name, value)
    return keys


@pytest.fixture(params=["openai", "openai-compatible", "anthropic", "google"])
async def bench(
    request: pytest.FixtureRequest, provider_server: ProviderServer, provider_keys: dict[str, str]
) -> AsyncIterator[Bench]:
    """A remote model of each provider in turn, and the loopback server that it talks to."""
    from spinebench.models.registry import create_model
    from tests.models.remote_models import MODELS, Bench, base_url

    provider = request.param
    args = {"base_url": base_url(provider_server, provider), "timeout": 20}
    model = create_model(MODELS[provider], args=args)
    yield Bench(provider, model, provider_server)
    await model.aclose()


@pytest.fixture
def opened(tiny_llava: Path) -> Open:
    """`opened(folder=..., **options)`: a model, closed at the end."""
    from spinebench.models.registry import create_model

    @asynccontextmanager
    async def open_model(folder: Path | str = tiny_llava, **args: Any) -> AsyncIterator[ChatModel]:
        model = create_model(f"local/{folder}", args=args)
        try:
            yield model
        finally:
            await model.aclose()

    return open_model
