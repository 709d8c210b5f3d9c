"""Encoders out of checkpoints of transformers: SigLIP, SigLIP2, CLIP and plain vision backbones."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Literal

from spinebench.builder.encoders import EncoderSpec, unit_length
from spinebench.builder.record_files import file_sha256
from spinebench.errors import ProviderError, UsageError
from spinebench.models.checkpoint import Checkpoint, find_checkpoint
from spinebench.models.local_loading import quiet_bars
from spinebench.records import Sha256, digest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

_CLASS_TOKENS = ("cls_token", "class_token", "class_embedding")


def fingerprint(spec: EncoderSpec) -> Sha256:
    """Over the checkpoint's files (or the commit of a hub id), the settings that move vectors, and the libraries.

    Every byte of the weights counts. The batch size does not: it belongs to the shards.
    """
    return _fingerprint(spec, _pinned(spec), _device(spec))


class TransformersEncoder:
    """A vision model of transformers with its own preparation of pictures, done by Pillow."""

    def __init__(self, spec: EncoderSpec) -> None:
        """Load it. Raises `ProviderError`, also for weights that the files lack."""
        import torch
        from PIL import Image
        from transformers import AutoImageProcessor, AutoModel

        checkpoint = _pinned(spec)
        self._device = _device(spec)
        self._spec = spec
        self.fingerprint = _fingerprint(spec, checkpoint, self._device)
        common = _common(checkpoint)
        with _told(spec, "image processor"), _no_notes():
            # Torchvision resizes differently: a machine that has it would give other vectors.
            self._processor = AutoImageProcessor.from_pretrained(checkpoint.source, backend="pil", **common)
        with _told(spec, "vision model"), _no_notes(), quiet_bars(quiet=not checkpoint.on_hub):
            self._model, info = AutoModel.from_pretrained(
                checkpoint.source,
                dtype=getattr(torch, spec.dtype),
                use_safetensors=True,
                output_loading_info=True,
                **common,
            )
        missing = sorted(info.get("missing_keys") or ())
        self._pooler_lacks = [key for key in missing if "pooler" in key]
        if lacking := sorted(set(missing) - set(self._pooler_lacks)):
            raise ProviderError(
                f"encoder {spec.label!r}: expected weights for every layer, {len(lacking)} are missing, first "
                f"{lacking[0]!r}; download the whole checkpoint"
            )
        with _told(spec, f"model on {self._device}"):
            self._model.to(self._device).eval()
            blank = self.prepare([Image.new("RGB", (64, 64), (128, 128, 128))])
            self._pooling = self._chosen(self._forward(blank, whole=True))

    @property
    def pooling(self) -> Literal["pooler", "cls", "mean"]:
        """The pooling that the settings came to."""
        return self._pooling

    def prepare(self, pictures: Sequence[Image]) -> dict[str, Any]:
        """Tensors of the checkpoint's own image processor: its size, crop and normalization."""
        return dict(self._processor(images=[one.convert("RGB") for one in pictures], return_tensors="pt"))

    def encode(self, prepared: dict[str, Any]) -> NDArray[np.float32]:
        """Vectors of prepared pictures, of any length. Raises `ProviderError` where the memory does not suffice."""
        with _told(self._spec, f"batch of {self._spec.batch_size} on {self._device}"):
            found = self._pooled(self._forward(prepared, whole=self._pooling != "pooler"), prepared)
            vectors: NDArray[np.float32] = found.float().cpu().numpy()
            return vectors

    def embed(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of RGB pictures, shape [n, d], each of length 1."""
        return unit_length(self.encode(self.prepare(pictures)))

    def _forward(self, prepared: dict[str, Any], *, whole: bool) -> Any:
        """Outputs of the vision model; with its tokens where `whole`, projected where not."""
        import torch

        moved = {
            name: value.to(self._device, self._model.dtype if value.is_floating_point() else None)
            for name, value in prepared.items()
        }
        call: Any = self._model
        if hasattr(call, "get_image_features"):
            call = getattr(call, "vision_model", call) if whole else call.get_image_features
        with torch.inference_mode():
            return call(**moved)

    def _chosen(self, outputs: Any) -> Literal["pooler", "cls", "mean"]:
        wanted = self._spec.pooling
        projected = hasattr(self._model, "get_image_features")
        pooler = projected or (not self._pooler_lacks and getattr(outputs, "pooler_output", None) is not None)
        names = [name for name, _ in self._model.named_parameters()]
        token = any(name.endswith(_CLASS_TOKENS) for name in names)
        if wanted == "auto":
            return "pooler" if pooler else "cls" if token else "mean"
        if (wanted == "pooler" and not pooler) or (wanted == "cls" and not token):
            lacks = "a pooler with weights" if wanted == "pooler" else "a class token"
            raise UsageError(
                f"pooling {wanted!r} of encoder {self._spec.label!r}: expected a checkpoint with {lacks}; "
                "use auto or mean"
            )
        return wanted

    def _pooled(self, outputs: Any, prepared: dict[str, Any]) -> Any:
        if self._pooling == "pooler":
            # A tensor by itself, in releases of transformers before 5.
            pooled = getattr(outputs, "pooler_output", outputs)
            return pooled.flatten(1)
        tokens = outputs.last_hidden_state
        if tokens.dim() == 4:  # feature maps of a convolutional backbone: [n, d, height, width]
            return tokens.mean(dim=(2, 3))
        if self._pooling == "cls":
            return tokens[:, 0]
        mask = prepared.get("pixel_attention_mask")
        if mask is None:
            return tokens.mean(dim=1)
        held = mask.to(tokens.device, tokens.dtype)[:, :, None]  # padding patches say nothing of the picture
        return (tokens * held).sum(dim=1) / held.sum(dim=1)


def _pinned(spec: EncoderSpec) -> Checkpoint:
    """The checkpoint; of a hub id the very commit, so that weights and fingerprint cannot part."""
    checkpoint = find_checkpoint(spec.model, revision=spec.revision)
    if not checkpoint.on_hub:
        return checkpoint
    if checkpoint.folder is None:
        from transformers import AutoConfig

        with _told(spec, "configuration"):
            AutoConfig.from_pretrained(checkpoint.source, revision=spec.revision)
        checkpoint = find_checkpoint(spec.model, revision=spec.revision)
    assert checkpoint.folder is not None
    commit = checkpoint.folder.name  # the cache of the hub: snapshots/<commit>
    return Checkpoint(source=checkpoint.source, folder=checkpoint.folder, on_hub=True, revision=commit)


def _fingerprint(spec: EncoderSpec, checkpoint: Checkpoint, device: str) -> Sha256:
    import torch
    import transformers

    assert checkpoint.folder is not None
    if checkpoint.on_hub:
        what: object = {"hub": checkpoint.source, "commit": checkpoint.revision}
    else:
        files = sorted([*checkpoint.folder.glob("*.json"), *checkpoint.folder.glob("*.safetensors")])
        what = {file.name: file_sha256(file) for file in files}
    versions = [torch.__version__.partition("+")[0], transformers.__version__]
    return digest({"of": what, "settings": [spec.pooling, spec.dtype, device], "versions": versions})


def _device(spec: EncoderSpec) -> str:
    import torch

    there = bool(torch.cuda.is_available())
    if spec.device == "cuda" and not there:
        raise ProviderError(
            f"device 'cuda' of encoder {spec.label!r}: expected a CUDA device that PyTorch {torch.__version__} sees; "
            "install a CUDA build of torch, or use device: auto"
        )
    return "cuda" if there and spec.device != "cpu" else "cpu"


def _common(checkpoint: Checkpoint) -> dict[str, Any]:
    if checkpoint.on_hub:
        return {"revision": checkpoint.revision, "trust_remote_code": False}
    return {"local_files_only": True, "trust_remote_code": False}


@contextlib.contextmanager
def _no_notes() -> Iterator[None]:
    """Without the library's notes on defaults of the text model, which no picture goes through; errors are raised."""
    from transformers.utils import logging

    level = logging.get_verbosity()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)


@contextlib.contextmanager
def _told(spec: EncoderSpec, part: str) -> Iterator[None]:
    """Turns what transformers and torch raise into one `ProviderError` with the way to mend it."""
    try:
        yield
    except (OSError, ValueError, RuntimeError, ImportError, KeyError, TypeError, AttributeError) as error:
        said = " ".join(str(error).split())
        raise ProviderError(
            f"encoder {spec.label!r}: expected a working {part}, got {type(error).__name__}: "
            f"{said[:400].replace('; ', ', ')}; {_mend(said.lower())}"
        ) from error


def _mend(said: str) -> str:
    if "out of memory" in said:
        return "use a smaller batch_size or dtype bfloat16"
    if "safetensors" in said:
        return "convert the weights to safetensors: model.save_pretrained(folder)"
    if "trust_remote_code" in said or "custom code" in said:
        return "code of a checkpoint is never run; wrap the model in a factory (docs/builder-similarity.md)"
    if "gated" in said or "401" in said or "403" in said:
        return "ask for access on the model's page, then 'hf auth login' or set HF_TOKEN"
    return (
        "give a folder with config.json, preprocessor_config.json and safetensors weights, or a hub id that can be "
        "reached"
    )
