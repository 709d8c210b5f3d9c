"""Saves tiny, randomly initialised image encoders to disk: real checkpoint files for real loaders.

Weights are drawn from a seed, so similarities under them mean nothing about disease. Nothing is fetched, and a
checkpoint takes 0.1 to 0.5 MB. The same seed gives the same bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

_VISION = {"num_hidden_layers": 2, "num_attention_heads": 2}
_TEXT = {
    "vocab_size": 64,
    "hidden_size": 16,
    "intermediate_size": 32,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "max_position_embeddings": 16,
    "bos_token_id": 2,
    "eos_token_id": 1,
    "pad_token_id": 1,
}


def build_tiny_siglip2(
    folder: Path, *, seed: int = 0, width: int = 32, patch: int = 8, patches: int = 36
) -> Path:
    """A SigLIP2 of the NaFlex kind (`model_type` siglip2): patches of the picture in its own aspect ratio."""
    from transformers import Siglip2Config, Siglip2ImageProcessorPil, Siglip2Model

    config = Siglip2Config(
        vision_config={
            **_VISION,
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "patch_size": patch,
            "num_patches": patches,
        },
        text_config={**_TEXT, "hidden_size": width, "projection_size": width},
    )
    processor = Siglip2ImageProcessorPil(patch_size=patch, max_num_patches=patches)
    return _save(folder, seed, lambda: Siglip2Model(config), processor)


def build_tiny_siglip(
    folder: Path, *, seed: int = 0, width: int = 32, patch: int = 8, size: int = 48
) -> Path:
    """A SigLIP of a fixed picture size; SigLIP2 of a fixed size has the same files (`model_type` siglip)."""
    from transformers import SiglipConfig, SiglipImageProcessorPil, SiglipModel

    config = SiglipConfig(
        vision_config={
            **_VISION,
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "patch_size": patch,
            "image_size": size,
        },
        text_config={**_TEXT, "hidden_size": width, "projection_size": width},
    )
    processor = SiglipImageProcessorPil(size={"height": size, "width": size})
    return _save(folder, seed, lambda: SiglipModel(config), processor)


def build_tiny_clip(folder: Path, *, seed: int = 0, width: int = 32, patch: int = 8, size: int = 48) -> Path:
    """A CLIP, whose picture vector is projected to 24 numbers."""
    from transformers import CLIPConfig, CLIPImageProcessorPil, CLIPModel

    config = CLIPConfig(
        vision_config={
            **_VISION,
            "hidden_size": width,
            "intermediate_size": 2 * width,
            "patch_size": patch,
            "image_size": size,
        },
        text_config=_TEXT,
        projection_dim=24,
    )
    processor = CLIPImageProcessorPil(size={"shortest_edge": size}, crop_size={"height": size, "width": size})
    return _save(folder, seed, lambda: CLIPModel(config), processor)


def build_tiny_vit(
    folder: Path, *, seed: int = 0, width: int = 32, patch: int = 8, size: int = 48, pooler: bool = True
) -> Path:
    """A plain vision transformer, with or without a pooling layer: stands for a medical backbone."""
    from transformers import ViTConfig, ViTImageProcessorPil, ViTModel

    config = ViTConfig(
        **_VISION, hidden_size=width, intermediate_size=2 * width, patch_size=patch, image_size=size
    )
    processor = ViTImageProcessorPil(size={"height": size, "width": size})
    return _save(folder, seed, lambda: ViTModel(config, add_pooling_layer=pooler), processor)


def _save(folder: Path, seed: int, make: Callable[[], Any], processor: Any) -> Path:
    import torch

    from spinebench.models.local_loading import quiet_bars

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = make().eval()
        # As initialised, position and bias drown the picture: all pictures would get nearly one vector.
        for name, weight in model.named_parameters():
            if "patch_embedding" in name and name.endswith("weight"):
                torch.nn.init.normal_(weight, std=4.0 / weight[0].numel() ** 0.5)
    with quiet_bars(quiet=True):
        model.save_pretrained(folder)
    processor.save_pretrained(folder)
    return folder
