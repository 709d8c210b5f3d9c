"""A checkpoint is found, refused with a reason, and told from another one."""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Callable
from pathlib import Path

import pytest

from spinebench.errors import ProviderError
from spinebench.models.checkpoint import checkpoint_digest, find_checkpoint


def write_safetensors(file: Path, data: bytes = bytes(64)) -> None:
    """One float32 tensor, by hand: eight bytes of header length, the header, the data."""
    entry = {"dtype": "F32", "shape": [len(data) // 4], "data_offsets": [0, len(data)]}
    header = json.dumps({"weight": entry, "__metadata__": {"format": "pt"}}).encode()
    file.write_bytes(struct.pack("<Q", len(header)) + header + data)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "my-model"
    made.mkdir()
    (made / "config.json").write_text(json.dumps({"model_type": "llava"}))
    write_safetensors(made / "model.safetensors")
    return made


def test_a_folder_is_named_without_the_path_to_it(folder: Path) -> None:
    found = find_checkpoint(str(folder))
    assert (found.label, found.on_hub, found.folder) == ("my-model", False, folder)


def _no_weights(folder: Path) -> None:
    (folder / "model.safetensors").unlink()


def _cut(folder: Path) -> None:
    file = folder / "model.safetensors"
    file.write_bytes(file.read_bytes()[:-1])


def _lacking_shard(folder: Path) -> None:
    index = {"weight_map": {"weight": "model.safetensors", "other": "model-00002-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        pytest.param(shutil.rmtree, "expected an existing folder or a hub id", id="no folder"),
        pytest.param(
            lambda folder: (folder / "config.json").unlink(), "expected config.json", id="no config"
        ),
        pytest.param(
            lambda folder: (folder / "config.json").write_text("{"),
            "expected readable JSON",
            id="broken config",
        ),
        pytest.param(
            lambda folder: (folder / "config.json").write_text("[]"),
            "expected a model_type",
            id="other config",
        ),
        pytest.param(_no_weights, "expected weights", id="no weights"),
        pytest.param(_cut, "cut short or damaged", id="weights cut short"),
        pytest.param(
            lambda folder: (folder / "model.safetensors").write_bytes(b"\xff" * 40),
            "cut short or damaged",
            id="not safetensors",
        ),
        pytest.param(_lacking_shard, "model-00002-of-00002.safetensors", id="a shard is missing"),
        pytest.param(
            lambda folder: (folder / "model.safetensors.index.json").write_text("{}"),
            "expected a weight_map",
            id="broken index",
        ),
    ],
)
def test_what_is_no_whole_checkpoint_is_refused(
    folder: Path, harm: Callable[[Path], object], said: str
) -> None:
    harm(folder)
    with pytest.raises(ProviderError, match=said) as refused:
        find_checkpoint(str(folder))
    assert "; " in str(refused.value)


def test_a_file_is_no_checkpoint(folder: Path) -> None:
    with pytest.raises(ProviderError, match="not a file"):
        find_checkpoint(str(folder / "config.json"))


@pytest.mark.parametrize(
    "name", ["./missing", "../missing/model", "~/no-such-model-here", "/no/such/model", "a/b/c"]
)
def test_a_missing_path_is_not_taken_for_a_hub_id(name: str) -> None:
    with pytest.raises(ProviderError, match="expected an existing folder"):
        find_checkpoint(name)


def test_a_hub_id_is_left_for_later_unless_offline(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("TRANSFORMERS_OFFLINE", raising=False)
    found = find_checkpoint("nobody-of-this-name/no-such-model", revision="main")
    assert (found.label, found.on_hub, found.folder) == ("nobody-of-this-name/no-such-model", True, None)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(ProviderError, match="HF_HUB_OFFLINE is set; fetch it once"):
        find_checkpoint("nobody-of-this-name/no-such-model")


def test_the_digest_tells_another_training_but_not_another_place(folder: Path, tmp_path: Path) -> None:
    first = checkpoint_digest(folder)
    copy = tmp_path / "copy"
    shutil.copytree(folder, copy)
    (copy / "README.md").write_text("notes")
    assert checkpoint_digest(copy) == first
    write_safetensors(copy / "model.safetensors", b"\x01" * 64)
    assert checkpoint_digest(copy) != first
    write_safetensors(copy / "model.safetensors")
    (copy / "chat_template.jinja").write_text("{{ messages }}")
    assert checkpoint_digest(copy) != first


def test_the_digest_sees_scattered_changes_in_large_files(folder: Path) -> None:
    data = bytearray(3_000_000)
    write_safetensors(folder / "model.safetensors", bytes(data))
    before = checkpoint_digest(folder)
    data[::10_000] = b"\x01" * len(data[::10_000])
    write_safetensors(folder / "model.safetensors", bytes(data))
    assert checkpoint_digest(folder) != before
