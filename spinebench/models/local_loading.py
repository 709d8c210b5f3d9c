"""Loads a checkpoint from disk or hub, and says in one sentence how to mend what cannot be loaded."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from spinebench.errors import ProviderError
from spinebench.models.checkpoint import Checkpoint
from spinebench.models.local_options import LocalOptions
from spinebench.models.local_prompt import PromptWriter, TemplateError


def resolve_device(device: str) -> str:
    """`cpu`, `mps` or `cuda:N`. Raises `ProviderError` for a device this machine does not have."""
    import torch

    cuda = int(torch.cuda.device_count()) if torch.cuda.is_available() else 0
    mps = bool(torch.backends.mps.is_available())
    if device == "auto":
        return "cuda:0" if cuda else "mps" if mps else "cpu"
    if device.startswith("cuda"):
        index = int(device.partition(":")[2] or 0)
        if index >= cuda:
            raise ProviderError(
                f"model option 'device' {device!r}: expected a CUDA device that PyTorch "
                f"{torch.__version__} sees, "
                f"it sees {cuda}; install a CUDA build of torch, or use -M device=auto"
            )
        return f"cuda:{index}"
    if device == "mps" and not mps:
        raise ProviderError(
            "model option 'device' 'mps': expected an Apple GPU, there is none; use -M device=auto"
        )
    return device


def load_config(checkpoint: Checkpoint, options: LocalOptions) -> Any:
    """The checkpoint's configuration, known to be an image-text-to-text one. Raises `ProviderError`."""
    from transformers import AutoConfig, AutoModelForImageTextToText

    with _told(checkpoint, "configuration"):
        config = AutoConfig.from_pretrained(checkpoint.source, **_common(checkpoint, options))
    known = type(config) in AutoModelForImageTextToText._model_mapping
    if not known and "AutoModelForImageTextToText" not in (getattr(config, "auto_map", None) or {}):
        raise ProviderError(
            f"local model {checkpoint.label!r}: expected an image-text-to-text checkpoint, its model_type is "
            f"{config.model_type!r}; give a vision-language model that AutoModelForImageTextToText knows"
        )
    return config


def load_processor(checkpoint: Checkpoint, options: LocalOptions) -> Any:
    """The checkpoint's processor, with image processor and tokenizer. Raises `ProviderError`."""
    from transformers import AutoProcessor

    with _told(checkpoint, "processor"):
        processor = AutoProcessor.from_pretrained(checkpoint.source, **_common(checkpoint, options))
    for part in ("image_processor", "tokenizer"):
        if getattr(processor, part, None) is None:
            raise ProviderError(
                f"local model {checkpoint.label!r}: expected a processor with {part}, got "
                f"{type(processor).__name__}; "
                "copy preprocessor_config.json, processor_config.json and the tokenizer files into the folder"
            )
    return processor


def prompt_writer(checkpoint: Checkpoint, processor: Any, options: LocalOptions) -> PromptWriter:
    """Raises `ProviderError` for a chat template that takes none of the known message forms."""
    try:
        return PromptWriter(processor, chat_template=options.chat_template)
    except TemplateError as error:
        raise ProviderError(
            f"local model {checkpoint.label!r}: expected a chat template that takes text and images, "
            f"{error}; "
            "give one with -M chat_template=FILE"
        ) from error


def load_model(checkpoint: Checkpoint, options: LocalOptions, config: Any, device: str) -> Any:
    """The model on its device, ready to answer. Raises `ProviderError`, also for weights that are missing."""
    import torch
    from transformers import AutoModelForImageTextToText

    dtype: Any = options.dtype
    if dtype == "auto" and device == "cpu" and _saved_dtype(config) == "float16":
        dtype = "float32"  # many CPU kernels have no float16, and those there are slow
    with _told(checkpoint, "weights"), quiet_bars(quiet=not checkpoint.on_hub):
        model, info = AutoModelForImageTextToText.from_pretrained(
            checkpoint.source,
            dtype=dtype if dtype == "auto" else getattr(torch, dtype),
            output_loading_info=True,
            **({"attn_implementation": options.attn_implementation} if options.attn_implementation else {}),
            **_common(checkpoint, options),
        )
    missing = sorted(info.get("missing_keys") or ())
    if missing and not options.allow_missing_weights:
        # The library would fill them with random numbers and only log it.
        raise ProviderError(
            f"local model {checkpoint.label!r}: expected weights for every layer, {len(missing)} are "
            "missing, first "
            f"{missing[0]!r}; download the whole checkpoint, or set -M allow_missing_weights=true to run "
            "it regardless"
        )
    if getattr(model, "hf_device_map", None) is None and not getattr(model, "is_quantized", False):
        with _told(checkpoint, f"weights on {device}"):
            model.to(device)
    return model.eval()


def _common(checkpoint: Checkpoint, options: LocalOptions) -> dict[str, Any]:
    common: dict[str, Any] = {"trust_remote_code": options.trust_remote_code}
    if checkpoint.on_hub and checkpoint.revision:
        common["revision"] = checkpoint.revision
    if not checkpoint.on_hub:
        common["local_files_only"] = True
    return common


@contextlib.contextmanager
def _told(checkpoint: Checkpoint, part: str) -> Iterator[None]:
    """Turns what transformers raises while it loads into one `ProviderError` with the way to mend it."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise ProviderError(
            f"local model {checkpoint.label!r}: expected a loadable {part}, got {type(error).__name__}: "
            f"{said[:400].replace('; ', ', ')}; {_mend(checkpoint, said)}"
        ) from error


def _mend(checkpoint: Checkpoint, said: str) -> str:
    lower = said.lower()
    if "torchvision" in lower:
        return "this checkpoint's processor needs torchvision: pip install torchvision"
    if "trust_remote_code" in lower:
        return "it runs code of its own: set -M trust_remote_code=true only if you trust its authors"
    if "gated" in lower or "401" in lower or "403" in lower:
        return "ask for access on the model's page, then 'hf auth login' or set HF_TOKEN"
    if "no package metadata" in lower or "requires the" in lower or "pip install" in lower:
        return "install the package it names"
    if "out of memory" in lower:
        return "use a smaller dtype, another device or a smaller model"
    if checkpoint.on_hub:
        return f"check the id and the connection, or fetch it once with 'hf download {checkpoint.source}'"
    return "give a folder that save_pretrained or 'hf download --local-dir' wrote, with all of its files"


@contextlib.contextmanager
def quiet_bars(*, quiet: bool) -> Iterator[None]:
    """No progress bar for reading weights from disk; a download from the hub keeps its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    if quiet and shown:
        logging.disable_progress_bar()
    try:
        yield
    finally:
        if quiet and shown:
            logging.enable_progress_bar()


def _saved_dtype(config: Any) -> str:
    for part in (config, config.get_text_config()):
        dtype = getattr(part, "dtype", None)
        if dtype is not None:
            return str(dtype).removeprefix("torch.")
    return "float32"
