"""Which checkpoint a `local/` model string means, whether it is one, and a digest to tell it from others."""

from __future__ import annotations

import hashlib
import json
import os
import re
import struct
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from spinebench.errors import ProviderError, UsageError

_HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*(?:/[A-Za-z0-9][\w.-]*)?")
_SMALL_FILES = ("*.json", "*.jinja", "*.txt", "*.model", "*.py")
"""Configuration, tokenizer, chat template and remote code: hashed whole."""
_WEIGHTS = ("*.safetensors", "*.bin", "*.pt", "*.pth")
_BLOCK = 4096
_BLOCKS = 64


@dataclass(frozen=True)
class Checkpoint:
    """A folder with a checkpoint, or a model id of the Hugging Face hub."""

    source: str
    """What transformers is given: the folder's path or the hub id."""
    folder: Path | None
    """The folder, also of a hub id whose files are in the cache; None for one not yet downloaded."""
    on_hub: bool
    revision: str | None = None

    @property
    def label(self) -> str:
        """Folder name or hub id: machine paths stay out of stored records."""
        return self.source if self.on_hub else Path(self.source).resolve().name


def require_packages(what: str) -> None:
    """Raises `UsageError` where torch or transformers are not installed; `what` needs them, e.g. `model 'local/x'`."""
    for package in ("torch", "transformers"):
        if find_spec(package) is None:
            raise UsageError(
                f"{what}: expected the package {package!r}, which loads checkpoints, it is not installed; "
                "pip install 'spinebench[local]'"
            )


def find_checkpoint(model_id: str, *, revision: str | None = None) -> Checkpoint:
    """The checkpoint that `local/<model_id>` names: an existing folder first, otherwise a hub id.

    No network. Raises `ProviderError` for a missing folder, a folder without a model configuration or
    weights, and a hub id that is not in the cache while `HF_HUB_OFFLINE` forbids to fetch it.
    """
    path = Path(model_id).expanduser()
    if path.exists():
        _require_checkpoint(path, model_id)
        return Checkpoint(source=str(path), folder=path, on_hub=False, revision=None)
    if not _HUB_ID.fullmatch(model_id) or model_id.startswith((".", "~")):
        raise ProviderError(
            f"local model {model_id!r}: expected an existing folder or a hub id such as org/name, no "
            "such folder here; "
            "correct the path (it is relative to the current folder)"
        )
    folder = _cached_folder(model_id, revision)
    if folder is None and _offline():
        raise ProviderError(
            f"local model {model_id!r}: expected a folder, or a hub id in the Hugging Face cache because "
            "HF_HUB_OFFLINE "
            f"is set; fetch it once while online with 'hf download {model_id}', or give the folder's path"
        )
    return Checkpoint(source=model_id, folder=folder, on_hub=True, revision=revision)


def _require_checkpoint(folder: Path, model_id: str) -> None:
    if not folder.is_dir():
        raise ProviderError(
            f"local model {model_id!r}: expected a folder with a checkpoint, not a file; "
            "give the folder that holds config.json"
        )
    config = folder / "config.json"
    if not config.is_file():
        raise ProviderError(
            f"local model {model_id!r}: expected config.json in the folder; "
            "give the folder that save_pretrained or 'hf download --local-dir' wrote"
        )
    try:
        settings = json.loads(config.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ProviderError(
            f"local model {model_id!r}: expected readable JSON in config.json, got {error}; copy the "
            "file again"
        ) from error
    if not isinstance(settings, dict) or not isinstance(settings.get("model_type"), str):
        raise ProviderError(
            f"local model {model_id!r}: expected a model_type in config.json; "
            "give a checkpoint in the format of transformers"
        )
    if not any(any(folder.glob(pattern)) for pattern in _WEIGHTS):
        raise ProviderError(
            f"local model {model_id!r}: expected weights ({', '.join(_WEIGHTS)}) in the folder, found none; "
            "copy or download the weights as well"
        )
    _require_complete(folder, model_id)


def _require_complete(folder: Path, model_id: str) -> None:
    """Every shard that the index names is there, and no safetensors file is cut short."""
    for index in sorted(folder.glob("*.safetensors.index.json")):
        try:
            named = set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
            raise ProviderError(
                f"local model {model_id!r}: expected a weight_map in {index.name}, got {error!r}; copy "
                "the file again"
            ) from error
        missing = sorted(name for name in named if not (folder / str(name)).is_file())
        if missing:
            raise ProviderError(
                f"local model {model_id!r}: expected the shards named in {index.name}, {len(missing)} "
                "missing, "
                f"first {missing[0]!r}; finish the download"
            )
    for shard in sorted(folder.glob("*.safetensors")):
        expected = _safetensors_size(shard)
        if expected is None or shard.stat().st_size < expected:
            raise ProviderError(
                f"local model {model_id!r}: expected a whole safetensors file, {shard.name} is cut short "
                "or damaged; "
                "download it again"
            )


def _safetensors_size(file: Path) -> int | None:
    """Bytes the file must have according to its own header; None where there is no valid header.

    Format: eight bytes of header length (little endian), the JSON header, then the tensors at its
    `data_offsets`.
    """
    with file.open("rb") as stream:
        head = stream.read(8)
        if len(head) < 8:
            return None
        (length,) = struct.unpack("<Q", head)
        if length > file.stat().st_size:
            return None
        try:
            header = json.loads(stream.read(length))
            ends = [int(entry["data_offsets"][1]) for name, entry in header.items() if name != "__metadata__"]
        except (ValueError, KeyError, TypeError, AttributeError, IndexError):
            return None
    return 8 + int(length) + max(ends, default=0)


def _offline() -> bool:
    on = {"1", "true", "yes", "on"}
    return any(os.environ.get(name, "").lower() in on for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))


def _cached_folder(hub_id: str, revision: str | None) -> Path | None:
    from huggingface_hub import try_to_load_from_cache

    config = try_to_load_from_cache(hub_id, "config.json", revision=revision)
    return Path(config).parent if isinstance(config, str) else None


def checkpoint_digest(folder: Path) -> str:
    """SHA-256 over a checkpoint: small files whole, of each weight file its size, its head and 64 spread
    blocks.

    Cheap for any size (about 0.3 MB read per shard), and different for another training of the same
    architecture: training moves nearly every weight. It is no proof against a change of single weights.
    """
    total = hashlib.sha256()
    for file in sorted({file for pattern in _SMALL_FILES for file in folder.glob(pattern)}):
        if file.name.lower() in {"readme.md", "license.txt", "notice.txt"}:
            continue
        total.update(f"{file.name}\0{hashlib.sha256(file.read_bytes()).hexdigest()}\n".encode())
    for file in sorted({file for pattern in _WEIGHTS for file in folder.glob(pattern)}):
        total.update(f"{file.name}\0{_sampled_digest(file)}\n".encode())
    return total.hexdigest()


def _sampled_digest(file: Path) -> str:
    size = file.stat().st_size
    sampled = hashlib.sha256(str(size).encode())
    with file.open("rb") as stream:
        for index in range(_BLOCKS):
            stream.seek(index * max(0, size - _BLOCK) // (_BLOCKS - 1))
            sampled.update(stream.read(_BLOCK))
    return sampled.hexdigest()
