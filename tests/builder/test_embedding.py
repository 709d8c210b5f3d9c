"""Encoders and embeddings: which vector a checkpoint gives, and shards that survive kills, damage and changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from spinebench.builder.embedding import EMBEDDINGS_FILE, Embeddings, embed
from spinebench.builder.encoders import EncoderSpec, PreparingEncoder, encoder_fingerprint, open_encoder
from spinebench.builder.records import StandardImage
from spinebench.errors import DataError, ProviderError, SpinebenchError, UsageError
from tests.builder.embedding_samples import ROOT, KilledTones, Tones, write_pictures
from tests.builder.tiny_siglip import build_tiny_clip, build_tiny_siglip, build_tiny_siglip2, build_tiny_vit
from tests.builder.trees import picture

SAMPLES = "tests.builder.embedding_samples"
BUILDERS: dict[str, Callable[..., Path]] = {
    "siglip2": build_tiny_siglip2,
    "siglip": build_tiny_siglip,
    "clip": build_tiny_clip,
    "vit": build_tiny_vit,
}


@pytest.fixture(scope="module")
def checkpoints(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("encoders")
    for name, build in BUILDERS.items():
        build(folder / name)
    build_tiny_vit(folder / "vit-without-pooler", pooler=False)
    return folder


@pytest.fixture
def pictures(tmp_path: Path) -> list[StandardImage]:
    return write_pictures(tmp_path / "standardize", 10)


def drawn(n: int = 3) -> list[Image.Image]:
    """Of different sizes and shapes."""
    return [
        Image.fromarray(picture(at, "a", height=60 + 20 * at, width=90)).convert("RGB") for at in range(n)
    ]


def by_hand(folder: Path, pooling: str) -> NDArray[np.float64]:
    """The vectors of `drawn()`, from the model's own outputs."""
    import torch
    from transformers import AutoImageProcessor, AutoModel

    model = AutoModel.from_pretrained(folder).eval()
    prepared = AutoImageProcessor.from_pretrained(folder, backend="pil")(images=drawn(), return_tensors="pt")
    with torch.inference_mode():
        outputs = getattr(model, "vision_model", model)(**prepared)
        tokens = outputs.last_hidden_state
        if pooling == "pooler":
            found = outputs.pooler_output
            found = model.visual_projection(found) if hasattr(model, "visual_projection") else found
        elif pooling == "cls":
            found = tokens[:, 0]
        else:  # of each picture's own patches: height x width of its grid, all where there is no padding
            grids = prepared.get("spatial_shapes")
            counts = [tokens.shape[1]] * 3 if grids is None else [int(h) * int(w) for h, w in grids]
            found = torch.stack([one[:n].mean(dim=0) for one, n in zip(tokens, counts, strict=True)])
    wide = found.double().numpy()
    unit: NDArray[np.float64] = wide / np.linalg.norm(wide, axis=1, keepdims=True)
    return unit


@pytest.mark.parametrize(
    ("model", "asked", "pooling"),
    [
        ("siglip2", "auto", "pooler"),
        ("siglip2", "mean", "mean"),
        ("siglip", "auto", "pooler"),
        ("clip", "auto", "pooler"),
        ("clip", "cls", "cls"),
        ("vit", "auto", "pooler"),
        ("vit", "mean", "mean"),
        ("vit-without-pooler", "auto", "cls"),
    ],
)
def test_a_checkpoint_gives_its_picture_vector(
    checkpoints: Path, model: str, asked: Any, pooling: str
) -> None:
    encoder = open_encoder(EncoderSpec(model=str(checkpoints / model), pooling=asked, device="cpu"))
    found = encoder.embed(drawn())
    assert encoder.pooling == pooling
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, by_hand(checkpoints / model, pooling), atol=1e-5)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1, atol=1e-6)


def test_loading_says_nothing_of_defaults_of_the_text_model(checkpoints: Path) -> None:
    """In a process of its own: the library says each note once."""
    code = (
        "import sys; from spinebench.builder.encoders import EncoderSpec, open_encoder;"
        "open_encoder(EncoderSpec(model=sys.argv[1], device='cpu'))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, checkpoints / "siglip2"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("", "")


def test_a_grey_picture_is_taken_as_rgb(checkpoints: Path) -> None:
    encoder = open_encoder(EncoderSpec(model=str(checkpoints / "siglip"), device="cpu"))
    grey = [one.convert("L") for one in drawn(1)]
    np.testing.assert_array_equal(encoder.embed(grey), encoder.embed([one.convert("RGB") for one in grey]))


@pytest.mark.parametrize(
    ("spec", "kind", "said"),
    [
        ({"model": "nowhere/at/all"}, ProviderError, "'nowhere/at/all': expected an existing folder"),
        ({"model": "siglip", "pooling": "cls"}, UsageError, "pooling 'cls' of encoder 'siglip'"),
        ({"model": "vit-without-pooler", "pooling": "pooler"}, UsageError, "a pooler with weights"),
        ({"model": "x", "factory": "no_such_module:Encoder"}, UsageError, "'no_such_module:Encoder'"),
        ({"model": "x", "factory": f"{SAMPLES}:Absent"}, UsageError, "can be imported"),
        ({"model": "x", "factory": f"{SAMPLES}:NoEncoder"}, UsageError, "expected an object with embed"),
        ({"model": "x", "factory": f"{SAMPLES}:ROOT"}, UsageError, "takes an EncoderSpec"),
    ],
    ids=[
        "no folder",
        "no class token",
        "no pooler",
        "no module",
        "no attribute",
        "no encoder",
        "no callable",
    ],
)
def test_an_encoder_that_cannot_be_used_is_named(
    checkpoints: Path, spec: dict[str, Any], kind: type[SpinebenchError], said: str
) -> None:
    with pytest.raises(kind, match=said):
        open_encoder(EncoderSpec(device="cpu", **spec), base=checkpoints)


@pytest.mark.parametrize(
    ("damage", "said"),
    [
        ("no processor", "'mine': expected a working image processor"),
        (
            "weights missing",
            "'mine': expected weights for every layer, 1 are missing, first 'vision_model.encoder",
        ),
        ("pickle only", "'mine': expected a working vision model, .* convert the weights to safetensors"),
        ("cut short", "expected a whole safetensors file, model.safetensors is cut short"),
    ],
)
def test_a_damaged_checkpoint_is_named(tmp_path: Path, damage: str, said: str) -> None:
    from safetensors.torch import load_file, save_file

    folder = build_tiny_siglip(tmp_path / "mine")
    weights = folder / "model.safetensors"
    match damage:
        case "no processor":
            (folder / "preprocessor_config.json").unlink()
        case "weights missing":
            tensors = load_file(weights)
            del tensors["vision_model.encoder.layers.0.mlp.fc1.weight"]
            save_file(tensors, weights, metadata={"format": "pt"})
        case "pickle only":
            weights.rename(folder / "pytorch_model.bin")
        case "cut short":
            weights.write_bytes(weights.read_bytes()[:-100])
    with pytest.raises(ProviderError, match=said):
        open_encoder(EncoderSpec(model=str(folder), device="cpu"))


def test_the_fingerprint_follows_every_byte_of_the_weights_and_the_settings(tmp_path: Path) -> None:
    folder = build_tiny_siglip(tmp_path / "one")
    spec = EncoderSpec(model=str(folder), device="cpu")
    first = encoder_fingerprint(spec)
    assert open_encoder(spec).fingerprint == first
    moved = folder.rename(tmp_path / "two")
    assert (
        encoder_fingerprint(spec.model_copy(update={"model": str(moved)})) == first
    )  # a path is not the encoder
    spec = EncoderSpec(model="two", device="cpu")
    others = [
        encoder_fingerprint(spec.model_copy(update=one), base=tmp_path)
        for one in ({"pooling": "mean"}, {"dtype": "bfloat16"})
    ]
    weights = bytearray((moved / "model.safetensors").read_bytes())
    weights[-1] ^= 1
    (moved / "model.safetensors").write_bytes(weights)
    others.append(encoder_fingerprint(spec, base=tmp_path))
    assert len({first, *others}) == 4


@pytest.mark.parametrize(
    ("model", "name", "label"),
    [
        ("google/siglip2-so400m-patch14-384", None, "siglip2-so400m-patch14-384"),
        ("/somewhere/my encoder/", None, "my-encoder"),
        ("C:\\models\\vit", None, "vit"),
        ("a/b", "chosen", "chosen"),
    ],
)
def test_names_hold_no_machine_path(model: str, name: str | None, label: str) -> None:
    assert EncoderSpec(model=model, name=name).label == label


def test_a_hub_id_is_pinned_to_the_commit_in_the_cache(tmp_path: Path) -> None:
    commit = "0123456789abcdef0123456789abcdef01234567"
    cache = tmp_path / "hub" / "models--some--encoder"
    build_tiny_siglip(cache / "snapshots" / commit)
    (cache / "refs").mkdir()
    (cache / "refs" / "main").write_text(commit)
    code = (
        "from spinebench.builder.encoders import EncoderSpec, encoder_fingerprint, open_encoder\n"
        "from PIL import Image\n"
        "specs = [EncoderSpec(model='some/encoder', device='cpu', revision=r) for r in (None, 'main', "
        f"{commit!r})]\n"
        "assert len({encoder_fingerprint(one) for one in specs}) == 1\n"
        "encoder = open_encoder(specs[0])\n"
        "assert encoder.fingerprint == encoder_fingerprint(specs[0])\n"
        "print(encoder.embed([Image.new('RGB', (40, 40), 'white')]).shape)\n"
    )
    environment = {**os.environ, "HF_HUB_CACHE": str(tmp_path / "hub"), "HF_HUB_OFFLINE": "1"}
    said = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )
    assert (said.returncode, said.stdout) == (0, "(1, 32)\n"), said.stderr


# ---------------------------------------------------------------- shards


def tones(**changed: Any) -> EncoderSpec:
    return EncoderSpec(**{"model": "tones", "factory": f"{SAMPLES}:Tones", "batch_size": 3, **changed})


def contents(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def test_every_distinct_picture_has_one_vector(tmp_path: Path, pictures: list[StandardImage]) -> None:
    twin = pictures[0].model_copy(update={"id": "twin"})
    seen: list[tuple[int, int]] = []
    found = embed(
        [twin, *pictures],
        tmp_path / "standardize",
        tmp_path / "out",
        tones(simulated=True),
        shard_size=4,
        on_progress=lambda *one: seen.append(one),
    )
    # Ten pictures in shards of 4, 4 and 2; in batches of three: 3, 1, 3, 1, 2.
    assert [(one.file, one.n) for one in found.record.shards] == [
        ("shard-00000.parquet", 4),
        ("shard-00001.parquet", 4),
        ("shard-00002.parquet", 2),
    ]
    assert seen == [(0, 10), (3, 10), (4, 10), (7, 10), (8, 10), (10, 10)]
    record = found.record
    assert (record.n_images, record.n_pictures, record.dimension) == (11, 10, 4)
    assert (record.encoder, record.pooling, record.simulated) == ("tones", "stripes", True)
    again = Embeddings.load(tmp_path / "out")
    assert again.record == record
    hashes = [one.pixel_hash for one in reversed(pictures)]
    opened = [Image.open(tmp_path / "standardize" / one.file) for one in reversed(pictures)]
    raw = Tones(tones()).embed(opened)
    np.testing.assert_allclose(
        again.vectors(hashes), raw / np.linalg.norm(raw, axis=1, keepdims=True), rtol=1e-6
    )
    assert [one for block in again.blocks() for one in block.pixel_hashes] == sorted(hashes)
    with pytest.raises(DataError, match="'unknown': expected to be embedded by 'tones'"):
        again.vectors(["unknown"])


def test_bytes_do_not_depend_on_threads_or_the_order_of_images(
    tmp_path: Path, checkpoints: Path, pictures: list[StandardImage]
) -> None:
    spec = EncoderSpec(model=str(checkpoints / "siglip2"), batch_size=3, device="cpu")
    assert isinstance(open_encoder(spec), PreparingEncoder)
    root = tmp_path / "standardize"
    embed(pictures, root, tmp_path / "one", spec, workers=1, shard_size=4)
    embed(list(reversed(pictures)), root, tmp_path / "two", spec, workers=5, shard_size=4)
    assert contents(tmp_path / "one") == contents(tmp_path / "two")


@pytest.mark.parametrize(
    ("damage", "made_again"),
    [
        ("none", 0),
        ("gone", 4),
        ("cut", 4),
        ("flipped", 4),
        ("not parquet", 4),
        ("swapped", 8),
        ("half written", 0),
        ("no record", 0),
        ("other batches", 10),
        ("other encoder", 10),
        ("one picture fewer", 9),
        ("too many shards", 0),
    ],
)
def test_what_is_right_is_kept_and_the_rest_made_again(
    tmp_path: Path, pictures: list[StandardImage], damage: str, made_again: int
) -> None:
    pictures = sorted(pictures, key=lambda one: one.pixel_hash)
    folder, root, spec = tmp_path / "out", tmp_path / "standardize", tones()
    embed(pictures, root, folder, spec, shard_size=4)
    shard = folder / "shard-00001.parquet"
    content = shard.read_bytes()
    match damage:
        case "gone":
            shard.unlink()
        case "cut":
            shard.write_bytes(content[: len(content) // 2])
        case "flipped":
            vectors = Embeddings.load(folder).vectors([pictures[5].pixel_hash])
            at = content.index(vectors.tobytes())
            shard.write_bytes(content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :])
        case "not parquet":
            shard.write_text("vectors")
        case "swapped":
            shard.write_bytes((folder / "shard-00000.parquet").read_bytes())
            (folder / "shard-00000.parquet").write_bytes(content)
        case "half written":
            (folder / ".shard-00001.parquet.x1.part").write_bytes(content[:50])
        case "no record":
            (folder / EMBEDDINGS_FILE).unlink()
        case "other batches":
            spec = tones(batch_size=2)
        case "other encoder":
            spec = tones(model="other")
        case (
            "one picture fewer"
        ):  # the shards from there on hold other pictures: 4 and 1 of 9, and one more is left
            pictures = [*pictures[:3], *pictures[4:]]
        case "too many shards":
            (folder / "shard-00003.parquet").write_bytes(content)
    before = Tones.n_embedded
    found = embed(pictures, root, folder, spec, shard_size=4)
    assert Tones.n_embedded - before == made_again
    embed(pictures, root, tmp_path / "fresh", spec, shard_size=4)
    assert contents(folder) == contents(tmp_path / "fresh")
    assert sum(len(block.pixel_hashes) for block in found.blocks()) == len(pictures)


def test_a_killed_build_goes_on_where_it_was(tmp_path: Path, pictures: list[StandardImage]) -> None:
    root, folder = tmp_path / "standardize", tmp_path / "out"
    file = tmp_path / "images.json"
    file.write_text(json.dumps([one.model_dump(mode="json") for one in pictures]))
    code = (
        "import json, sys\nfrom pathlib import Path\n"
        "from spinebench.builder.embedding import embed\n"
        "from spinebench.builder.encoders import EncoderSpec\n"
        "from spinebench.builder.records import StandardImage\n"
        "images = [StandardImage.model_validate(one) for one in json.loads(Path(sys.argv[1]).read_text())]\n"
        f"spec = EncoderSpec(model='tones', factory='{SAMPLES}:{KilledTones.__name__}', batch_size=3)\n"
        "embed(images, Path(sys.argv[2]), Path(sys.argv[3]), spec, shard_size=4)\n"
    )
    said = subprocess.run(
        [sys.executable, "-c", code, file, root, folder], cwd=ROOT, capture_output=True, check=False
    )
    assert said.returncode == -9, said.stderr.decode()
    assert [one.name for one in sorted(folder.iterdir())] == [
        "shard-00000.parquet"
    ]  # the eighth was the last
    before = Tones.n_embedded
    embed(pictures, root, folder, tones(), shard_size=4)
    assert Tones.n_embedded - before == 6
    embed(pictures, root, tmp_path / "fresh", tones(), shard_size=4)
    assert contents(folder) == contents(tmp_path / "fresh")


@pytest.mark.parametrize("damage", ["gone", "changed", "no picture", "outside"])
def test_a_picture_that_is_not_as_it_was_left_is_named(
    tmp_path: Path, pictures: list[StandardImage], damage: str
) -> None:
    root = tmp_path / "standardize"
    one = pictures[6]
    match damage:
        case "gone":
            (root / one.file).unlink()
        case "changed":
            Image.new("RGB", (8, 8)).save(root / one.file)
        case "no picture":
            from tests.builder.embedding_samples import digest_of

            (root / one.file).write_text("no picture")
            pictures[6] = one.model_copy(update={"sha256": digest_of("no picture")})
        case "outside":
            pictures[6] = one.model_copy(update={"file": "../images.json"})
    with pytest.raises(DataError, match=r"of image 'p06': expected the file that standardization wrote"):
        embed(pictures, root, tmp_path / "out", tones())


def test_a_vector_of_zeros_is_refused_with_its_image(tmp_path: Path, pictures: list[StandardImage]) -> None:
    spec = EncoderSpec(model="blank", factory=f"{SAMPLES}:BlankTones")
    with pytest.raises(DataError, match=r"vector of 'p\d\d': expected finite numbers that are not all zero"):
        embed(pictures, tmp_path / "standardize", tmp_path / "out", spec)


def test_no_image_gives_no_vector(tmp_path: Path) -> None:
    found = embed([], tmp_path, tmp_path / "out", tones())
    assert (found.record.shards, found.record.dimension, list(found.blocks())) == ((), 0, [])
    with pytest.raises(DataError, match=r"expected a readable embeddings\.json"):
        Embeddings.load(tmp_path / "nowhere")


def test_a_damaged_shard_is_not_read(tmp_path: Path, pictures: list[StandardImage]) -> None:
    found = embed(pictures, tmp_path / "standardize", tmp_path / "out", tones())
    shard = tmp_path / "out" / "shard-00000.parquet"
    shard.write_bytes(shard.read_bytes()[:-20])
    for read in (lambda: list(found.blocks()), lambda: found.vectors([pictures[0].pixel_hash])):
        with pytest.raises(DataError, match=r"'shard-00000\.parquet' of 'tones': expected 10 vectors"):
            read()
