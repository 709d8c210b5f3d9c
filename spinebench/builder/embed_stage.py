"""The stage embed: vectors of all pictures, the library, similarities, and the comparison of encoders."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final, Self

from pydantic import Field, model_validator

from spinebench.builder.embedding import Embeddings, embed
from spinebench.builder.encoder_comparison import (
    COMPARISON_FILE,
    COMPARISON_TABLE,
    compare_encoders,
    library_images,
    write_comparison,
)
from spinebench.builder.encoders import EncoderSpec, encoder_fingerprint
from spinebench.builder.library import LIBRARY_FILE, Library, LibrarySpec, draw_library, write_library
from spinebench.builder.record_files import write_records
from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.builder.similarity import Excluded, similarities
from spinebench.builder.vocabulary import Vocabulary
from spinebench.records import JsonValue, Record

SIMILARITIES_FILE: Final = "similarities.jsonl"
"""Of every image, by the encoder of the plan."""
EMBED_FILES: Final = (LIBRARY_FILE, SIMILARITIES_FILE, COMPARISON_FILE, COMPARISON_TABLE)
"""What later stages read, below the stage's folder."""


class EmbedSection(Record):
    """The section of the plan for this stage."""

    encoder: EncoderSpec = Field(description="The encoder whose similarities choose the wrong options.")
    compare: tuple[EncoderSpec, ...] = Field(
        default=(), description="Encoders to compare with it, on the images of the library."
    )
    library: LibrarySpec = LibrarySpec()
    exclude: Excluded = Field(
        default="group",
        description="What of the library an image is not compared with: `group`, itself and its near duplicates; "
        "`cluster`, also the other images of its patient.",
    )
    resamples: int = Field(
        default=200, ge=20, le=10_000, description="Draws of clusters for the intervals of the comparison."
    )

    @model_validator(mode="after")
    def _names_are_distinct(self) -> Self:
        # Without regard to case, which some file systems do not keep apart.
        names = [one.label.casefold() for one in (self.encoder, *self.compare)]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(
                f"encoders {twice!r}: expected each under a name of its own; give them with `name`"
            )
        return self


def embed_inputs(section: EmbedSection, *, base: Path | None = None) -> JsonValue:
    """What decides the outputs beside the images: settings without machine paths, and fingerprints of the encoders."""
    specs = (section.encoder, *section.compare)
    settings = section.model_dump(mode="json", exclude={"encoder", "compare"})
    keys = {"batch_size", "pooling", "simulated"}
    encoders = [
        {
            "name": one.label,
            "fingerprint": encoder_fingerprint(one, base=base),
            **one.model_dump(include=keys),
        }
        for one in specs
    ]
    return {**settings, "encoders": encoders}


def vectors_folder(folder: Path, spec: EncoderSpec) -> Path:
    """Where the vectors of an encoder lie, below the stage's folder."""
    return folder / "vectors" / spec.label


def compared_file(folder: Path, encoder: str) -> Path:
    """Similarities of the library's images by an encoder of `compare`."""
    return folder / f"similarities-{encoder}.jsonl"


def embed_stage(
    folder: Path,
    images: Sequence[StandardImage],
    labelled: Mapping[str, LabelledImage],
    picture_root: Path,
    section: EmbedSection,
    *,
    vocabulary: Vocabulary,
    seed: int,
    base: Path | None = None,
    on_progress: Callable[[str, int, int], None] | None = None,
) -> dict[str, int]:
    """Write `EMBED_FILES` and the vectors into the stage's folder, and return counts for the table of a build.

    `images` in any order, `labelled` by image id, `picture_root` the folder that `StandardImage.file` is below.
    `on_progress` gets the encoder's name, the pictures done and their total. Raises as `embed` does.
    """
    ordered = sorted(images, key=lambda one: one.id)
    library = draw_library(
        ordered,
        labelled,
        section.library,
        diseases=vocabulary.diseases,
        healthy=vocabulary.healthy,
        seed=seed,
    )
    write_library(folder, library)

    def embedded(spec: EncoderSpec, some: Sequence[StandardImage]) -> Embeddings:
        def show(done: int, total: int) -> None:
            if on_progress:
                on_progress(spec.label, done, total)

        return embed(some, picture_root, vectors_folder(folder, spec), spec, base=base, on_progress=show)

    main = embedded(section.encoder, ordered)
    drawn = library_images(library, ordered)
    others = [embedded(spec, drawn) for spec in section.compare]
    clusters = {one.id: labelled[one.id].cluster for one in ordered}
    for file in folder.glob("similarities-*.jsonl"):  # of encoders that the plan named before
        file.unlink()
    found = similarities(main, library, ordered, clusters=clusters, exclude=section.exclude)
    write_records(folder / SIMILARITIES_FILE, found)
    for one in others:
        found = similarities(one, library, drawn, clusters=clusters, exclude=section.exclude)
        write_records(compared_file(folder, one.record.encoder), found)
    comparison = compare_encoders(
        [main, *others],
        library,
        ordered,
        labelled,
        seed=seed,
        exclude=section.exclude,
        resamples=section.resamples,
    )
    write_comparison(folder, comparison)
    return _counts(main, library, n_encoders=1 + len(others))


def _counts(main: Embeddings, library: Library, *, n_encoders: int) -> dict[str, int]:
    return {
        "images": main.record.n_images,
        "pictures": main.record.n_pictures,
        "encoders": n_encoders,
        "library images": sum(len(one.images) for one in library.diseases),
        "diseases with fewer than asked": len(library.short),
        "diseases without an image": sum(not one.images for one in library.diseases),
    }
