"""`local/<folder or hub id>`: any transformers image-text-to-text checkpoint, run here in batches."""

from __future__ import annotations

import threading
from collections.abc import Hashable, Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from spinebench.errors import ProviderError
from spinebench.models.batching import Batcher, BatcherClosedError
from spinebench.models.checkpoint import (
    Checkpoint,
    checkpoint_digest,
    find_checkpoint,
    require_packages,
)
from spinebench.models.local_options import LocalOptions, parse_options
from spinebench.models.protocol import ImagePart, ModelFailure, ModelReply, ModelRequest
from spinebench.models.registry import ModelContext
from spinebench.records import FailureClass, digest

if TYPE_CHECKING:
    from spinebench.models.local_engine import LocalEngine


def create(model_id: str, *, context: ModelContext) -> LocalModel:
    """The model of a checkpoint folder or hub id. Weights are loaded with the first request.

    Raises `UsageError` for a wrong option and where torch or transformers are not installed, `ProviderError`
    where the folder is missing or holds no whole checkpoint.
    """
    options = parse_options(context)
    require_packages(f"model {context.name!r}")
    return LocalModel(context.name, find_checkpoint(model_id, revision=options.revision), options)


class LocalModel:
    """A checkpoint in this process. Requests that wait at the same time are answered together.

    Requests share a batch when their decoding options, numbers of images and reasoning controls are equal;
    one that samples with a seed runs alone, so that its answer does not hang on its neighbours.
    """

    simulated = False
    host = None

    def __init__(self, name: str, checkpoint: Checkpoint, options: LocalOptions) -> None:
        self._name = name
        self._checkpoint = checkpoint
        self._options = options
        self._engine: LocalEngine | None = None
        self._broken: str | None = None
        self._batcher: Batcher[ModelRequest, ModelReply] = Batcher(
            self._answer,
            key=_batch_key,
            size=options.batch_size,
            wait_s=options.batch_wait_ms / 1000,
            thread_name="local-model",
        )

    @property
    def name(self) -> str:
        return self._name

    @property
    def account(self) -> str:
        """`local:<device>`: models on one device wait for each other."""
        return f"local:{self._device}"

    @property
    def config(self) -> dict[str, Any]:
        """Settings that can change an answer.

        `checkpoint` is None for a hub id that is not in the cache yet: read it after `check`, which fetches
        the small files. Which device of a kind, batch size and waiting time are left out: they change no
        answer beyond the rounding of floating-point sums.
        """
        options = self._options
        return {
            "checkpoint": self._digest(),
            "revision": options.revision,
            "device": self._device.partition(":")[0],
            "dtype": options.dtype,
            "attn_implementation": options.attn_implementation,
            "max_new_tokens": options.max_new_tokens,
            "chat_template": None if options.chat_template is None else digest(options.chat_template),
            "trust_remote_code": options.trust_remote_code,
            "allow_missing_weights": options.allow_missing_weights,
            "transformers": _version("transformers"),
            "torch": _version("torch"),
        }

    async def check(self) -> None:
        """Device, configuration, processor and chat template work; weights are left for the first request.

        Raises `ProviderError` with the way to mend it.
        """
        try:
            await self._batcher.call(self._check)
        except BatcherClosedError as error:
            raise ModelFailure(FailureClass.INTERNAL, f"model {self._name!r} is closed") from error

    async def generate(self, request: ModelRequest) -> ModelReply:
        """One attempt. Raises `ModelFailure`, and `ProviderError` where the checkpoint cannot be loaded."""
        if not request.messages:
            raise ModelFailure(FailureClass.BAD_REQUEST, "no message to answer")
        try:
            reply = await self._batcher.submit(request)
        except BatcherClosedError as error:
            raise ModelFailure(FailureClass.INTERNAL, f"model {self._name!r} is closed") from error
        return reply.model_copy(update={"provider_model": self._checkpoint.label})

    async def aclose(self) -> None:
        """Stop what is running and let go of the weights. A closed model answers no more."""
        await self._batcher.aclose()
        engine, self._engine = self._engine, None
        if engine is not None:
            engine.close()

    @cached_property
    def _device(self) -> str:
        if self._options.device in {"cpu", "mps"}:
            return self._options.device
        from spinebench.models.local_loading import resolve_device

        return resolve_device(self._options.device)

    def _digest(self) -> str | None:
        if self._checkpoint.folder is None and self._checkpoint.on_hub:
            self._checkpoint = find_checkpoint(self._checkpoint.source, revision=self._options.revision)
        folder = self._checkpoint.folder
        return None if folder is None else checkpoint_digest(folder)

    def _check(self) -> None:
        from spinebench.models.local_loading import load_config, load_processor, prompt_writer, resolve_device

        if self._engine is None:
            resolve_device(self._options.device)
            load_config(self._checkpoint, self._options)
            processor = load_processor(self._checkpoint, self._options)
            prompt_writer(self._checkpoint, processor, self._options)

    def _answer(
        self, requests: Sequence[ModelRequest], abandoned: threading.Event
    ) -> list[ModelReply | Exception]:
        """In the worker thread."""
        return self._loaded().answer(requests, abandoned)

    def _loaded(self) -> LocalEngine:
        from spinebench.models.local_engine import LocalEngine

        if self._broken is not None:
            raise ProviderError(self._broken)
        if self._engine is None:
            try:
                self._engine = LocalEngine(self._checkpoint, self._options, on_shrink=self._batcher.shrink)
            except ProviderError as error:
                self._broken = str(error)
                raise
        return self._engine


def _batch_key(request: ModelRequest) -> Hashable | None:
    """What requests of one batch have in common; None for a request that runs alone."""
    decoding = request.decoding
    if decoding.temperature and decoding.seed is not None:
        return None
    n_images = sum(isinstance(part, ImagePart) for message in request.messages for part in message.parts)
    # A seed means nothing to greedy decoding, and must not split its batches.
    return (decoding.model_copy(update={"seed": None}), n_images)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
