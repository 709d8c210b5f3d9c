"""Checkpoints, devices and installations that cannot be used."""

from __future__ import annotations

import asyncio
import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from spinebench.errors import ProviderError, UsageError
from spinebench.models.local import LocalModel
from spinebench.models.registry import create_model
from tests.models.local_models import Open, ask


def _text_only(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "llama"}))


def _unknown_type(folder: Path) -> None:
    (folder / "config.json").write_text(json.dumps({"model_type": "nobody_knows_this"}))


def _no_processor(folder: Path) -> None:
    (folder / "processor_config.json").unlink()


def _own_code(folder: Path) -> None:
    settings = {"model_type": "mine", "auto_map": {"AutoConfig": "mine.MyConfig"}}
    (folder / "config.json").write_text(json.dumps(settings))
    (folder / "mine.py").write_text("raise SystemExit('ran the code of a stranger')")


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(_text_only, "its model_type is 'llama'", id="no vision"),
        pytest.param(_unknown_type, "expected a loadable configuration", id="unknown type"),
        pytest.param(_no_processor, "processor", id="no processor"),
        pytest.param(_own_code, "trust_remote_code=true only if you trust", id="code of its own"),
    ],
)
async def test_what_the_check_refuses(
    tiny_llava: Path, tmp_path: Path, opened: Open, harm: Callable[[Path], None], said: str
) -> None:
    folder = shutil.copytree(tiny_llava, tmp_path / "harmed")
    harm(folder)
    async with opened(folder) as model:
        with pytest.raises(ProviderError, match=said):
            await model.check()


async def test_a_processor_with_a_video_part_asks_for_torchvision(
    tiny_llava: Path, tmp_path: Path, opened: Open
) -> None:
    try:
        import torchvision  # type: ignore[import-not-found, unused-ignore]  # noqa: F401
    except ImportError:
        pass
    else:
        pytest.skip("torchvision is installed: nothing is missing")
    folder = shutil.copytree(tiny_llava, tmp_path / "video")
    (folder / "processor_config.json").unlink()
    (folder / "config.json").write_text(json.dumps({"model_type": "qwen2_5_vl"}))
    (folder / "preprocessor_config.json").write_text(
        json.dumps(
            {"image_processor_type": "Qwen2VLImageProcessor", "processor_class": "Qwen2_5_VLProcessor"}
        )
    )
    async with opened(folder) as model:
        with pytest.raises(ProviderError, match="pip install torchvision"):
            await model.check()


async def test_missing_weights_are_never_made_up_unasked(
    tiny_llava: Path, tmp_path: Path, opened: Open
) -> None:
    from safetensors.torch import load_file, save_file

    folder = shutil.copytree(tiny_llava, tmp_path / "lacking")
    weights = load_file(folder / "model.safetensors")
    gone = next(name for name in weights if "down_proj" in name)
    del weights[gone]
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    async with opened(folder) as model:
        for _ in range(2):  # the second request does not load again, and says the same
            with pytest.raises(ProviderError, match=r"1 are missing, first .*down_proj"):
                await model.generate(ask("Which?"))
    async with opened(folder, allow_missing_weights=True) as model:
        assert (await model.generate(ask("Which?"))).usage.output_tokens


@pytest.mark.parametrize("device", ["cuda:99", "mps"])
async def test_a_device_that_is_not_there(opened: Open, device: str) -> None:
    if device == "mps" and sys.platform == "darwin":
        pytest.skip("this machine has an Apple GPU")
    async with opened(device=device) as model:
        with pytest.raises(ProviderError, match="-M device=auto"):
            await model.check()


def test_without_torch_the_extra_is_named(tiny_llava: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # What `find_spec` finds for a module that was explicitly made unavailable.
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(UsageError, match=r"pip install 'spinebench\[local\]'"):
        create_model(f"local/{tiny_llava}")


def test_making_a_model_loads_nothing(tiny_llava: Path) -> None:
    model = create_model(f"local/{tiny_llava}", args={"device": "cpu"})
    assert isinstance(model, LocalModel)
    assert model.account == "local:cpu"
    asyncio.run(model.aclose())
