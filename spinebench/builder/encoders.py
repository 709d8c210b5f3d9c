"""Image encoders: a checkpoint that transformers knows, or any other by an importable factory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from spinebench.errors import DataError, UsageError
from spinebench.records import Record, Sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL.Image import Image

Pooling = Literal["auto", "pooler", "cls", "mean"]
_UNFIT = re.compile(r"[^A-Za-z0-9._-]+")


class EncoderSpec(Record):
    """Which encoder turns a picture into a vector."""

    model: str = Field(
        min_length=1,
        description="Folder with a checkpoint in the format of transformers, or a hub id such as "
        "google/siglip2-so400m-patch14-384.",
    )
    name: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$",
        description="What tables and folders call it; by default the last part of `model`.",
    )
    factory: str | None = Field(
        default=None,
        pattern=r"^[A-Za-z_][\w.]*:[A-Za-z_]\w*$",
        description="`module:attribute` of a callable of your own that takes these settings and returns an encoder, "
        "for a model that transformers does not know. It is run as code of yours.",
    )
    revision: str | None = Field(
        default=None, description="Branch, tag or commit of a hub id; a commit pins it."
    )
    batch_size: int = Field(default=16, ge=1, le=4096, description="Pictures that go through at once.")
    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto`: cuda where there is one, otherwise cpu."
    )
    dtype: Literal["float32", "bfloat16", "float16"] = Field(
        default="float32", description="Number format of weights and layers; vectors are stored as float32."
    )
    pooling: Pooling = Field(
        default="auto",
        description="`pooler`: the vector that the model itself makes of a picture (projected, for CLIP). `cls`: its "
        "class token. `mean`: mean of its tokens. `auto`: the first of the three that the checkpoint has.",
    )
    simulated: bool = Field(
        default=False,
        description="The weights are random, as in tests: similarities then mean nothing, and every table says so.",
    )

    @property
    def label(self) -> str:
        """The name for tables and folders: no machine path."""
        last = self.model.rstrip("/\\").replace("\\", "/").rpartition("/")[2]
        return self.name or _UNFIT.sub("-", last).strip("-.") or "encoder"


class Encoder(Protocol):
    """Turns pictures into vectors."""

    @property
    def fingerprint(self) -> Sha256:
        """Changes with everything that changes vectors: weights, settings, preparation, library versions."""
        ...

    @property
    def pooling(self) -> str:
        """How a vector comes out of the model, in a word."""
        ...

    def embed(self, pictures: Sequence[Image]) -> NDArray[np.float32]:
        """Vectors of RGB pictures, shape [n, d], each of length 1."""
        ...


@runtime_checkable
class PreparingEncoder(Encoder, Protocol):
    """An encoder whose preparation of pictures may run in other threads, beside the model."""

    def prepare(self, pictures: Sequence[Image]) -> Any:
        """What `encode` takes for these pictures. Safe to call from several threads."""
        ...

    def encode(self, prepared: Any) -> NDArray[np.float32]:
        """As `embed`, but for the length of the vectors."""
        ...


def open_encoder(spec: EncoderSpec, *, base: Path | None = None) -> Encoder:
    """The encoder of these settings, loaded. `base`: the folder that a relative `model` path starts from.

    Raises `ProviderError` for a checkpoint that cannot be loaded, `UsageError` for a factory that is none.
    """
    if spec.factory is not None:
        return _made(spec, base)
    from spinebench.builder.transformers_encoder import TransformersEncoder

    return TransformersEncoder(based(spec, base))


def encoder_fingerprint(spec: EncoderSpec, *, base: Path | None = None) -> Sha256:
    """The fingerprint of `open_encoder`, read from the files without loading the weights.

    A hub id that is not in the cache has its configuration fetched. Raises as `open_encoder` does.
    """
    if spec.factory is not None:
        return _made(spec, base).fingerprint
    from spinebench.builder.transformers_encoder import fingerprint

    return fingerprint(based(spec, base))


def based(spec: EncoderSpec, base: Path | None) -> EncoderSpec:
    """The settings with a folder below `base` named by its whole path; a hub id stays as it is."""
    if base is None or not (base / spec.model).exists():
        return spec
    return spec.model_copy(update={"model": str(base / spec.model), "name": spec.label})


def unit_length(vectors: NDArray[Any], names: Sequence[str] = ()) -> NDArray[np.float32]:
    """Rows of length 1, as float32. Raises `DataError` for a row that is zero or not finite, by its name."""
    import numpy as np

    wide = np.asarray(vectors, dtype=np.float64)
    if wide.ndim != 2 or (names and len(wide) != len(names)):
        raise DataError(
            f"vectors of shape {wide.shape!r}: expected one row per picture ({len(names) or 'n'} rows); "
            "mend the encoder's embed"
        )
    lengths = np.linalg.norm(wide, axis=1)
    bad = np.flatnonzero(~(np.isfinite(lengths) & (lengths > 0)))
    if len(bad):
        which = names[int(bad[0])] if names else f"row {int(bad[0])}"
        raise DataError(
            f"vector of {which!r}: expected finite numbers that are not all zero, length "
            f"{float(lengths[bad[0]])!r}; use dtype float32, or another encoder"
        )
    unit: NDArray[np.float32] = (wide / lengths[:, None]).astype(np.float32)
    return unit


def _made(spec: EncoderSpec, base: Path | None) -> Encoder:
    assert spec.factory is not None
    module, _, attribute = spec.factory.partition(":")
    try:
        made = getattr(import_module(module), attribute)(based(spec, base))
    except (ImportError, AttributeError) as error:
        raise UsageError(
            f"encoder factory {spec.factory!r}: expected module:attribute that can be imported, {error}; install the "
            "module, or correct the name"
        ) from error
    except TypeError as error:
        raise UsageError(
            f"encoder factory {spec.factory!r}: expected a callable that takes an EncoderSpec, {error}; see "
            "docs/builder-similarity.md"
        ) from error
    for part in ("embed", "fingerprint", "pooling"):
        if not hasattr(made, part):
            raise UsageError(
                f"encoder factory {spec.factory!r}: expected an object with {part}, got "
                f"{type(made).__name__}; see docs/builder-similarity.md"
            )
    if not re.fullmatch(r"[0-9a-f]{64}", str(made.fingerprint)):
        raise UsageError(
            f"encoder factory {spec.factory!r}: expected a fingerprint of 64 hex digits, got "
            f"{made.fingerprint!r}; make it with hashlib.sha256 over weights and settings"
        )
    encoder: Encoder = made
    return encoder
