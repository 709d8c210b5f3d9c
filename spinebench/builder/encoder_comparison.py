"""Encoders side by side: similarity of each disease's images to each disease, and what tells which encoder to take."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from pydantic import ValidationError

from spinebench.builder.embedding import Embeddings
from spinebench.builder.encoder_measures import Pairs, average_precisions, rounded, separation
from spinebench.builder.library import Library, labels_of
from spinebench.builder.record_files import put_whole, write_json
from spinebench.builder.records import LabelledImage, StandardImage
from spinebench.builder.similarity import DECIMALS, Excluded, similarity_table
from spinebench.errors import DataError
from spinebench.evaluators.cluster_bootstrap import Term, bootstrap_mean
from spinebench.evaluators.estimate import Estimate
from spinebench.evaluators.proportions import Bounds
from spinebench.records import Record, Sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

COMPARISON_FILE: Final = "comparison.json"
COMPARISON_TABLE: Final = "comparison.csv"
Scope = Literal["all", "within source"]
"""Which images are compared with each other. Sources differ in modality and in diseases: an encoder that only knows an
X-ray from an MRI already separates many diseases over all images, but none within a source."""
SCOPES: tuple[Scope, ...] = ("all", "within source")
SIMULATED: Final = (
    "The weights of {} are random: similarities and measures show that the steps work, and mean nothing about "
    "disease."
)


class Cell(Record):
    """Similarity of the images of one label to the library's images of another."""

    row: str
    """Label of the images."""
    column: str
    """Label of the library's images."""
    mean: float | None
    """Mean over images of an image's mean similarity; None where there was nothing to compare."""
    maximum: float | None
    """Mean over images of an image's highest similarity."""
    n: int
    """Images with a figure."""


class Measures(Record):
    """What tells encoders apart, higher is better."""

    scope: Scope
    difference: Estimate
    """Cosines of pairs of one disease minus those of different diseases, in standard deviations."""
    auc: Estimate
    retrieval: Estimate
    """Mean average precision, each image a query against those of other clusters."""
    chance: float | None
    """Mean average precision of an encoder to which all pictures are alike."""
    by_label: tuple[Estimate, ...]
    """Mean average precision of each label's queries."""


class EncoderFigures(Record):
    """One encoder in the comparison."""

    encoder: str
    fingerprint: Sha256
    pooling: str
    dimension: int
    simulated: bool
    cells: tuple[Cell, ...]
    measures: tuple[Measures, ...]


class Lead(Record):
    """How far the encoder with the highest mean average precision is ahead of another, on the same queries."""

    scope: Scope
    first: str
    other: str
    difference: Estimate


class Comparison(Record):
    """`comparison.json`: encoders on the images of the library."""

    exclude: Excluded
    """What the cells leave out; the measures always leave out whole clusters."""
    seed: int
    resamples: int
    n_images: int
    n_clusters: int
    encoders: tuple[EncoderFigures, ...]
    leads: tuple[Lead, ...] = ()
    note: str | None = None
    """That figures are of random weights, where they are."""


@dataclass(frozen=True)
class _Setting:
    """The library's images and who may be compared with whom: the same for every encoder."""

    images: tuple[StandardImage, ...]
    labels: tuple[tuple[str, ...], ...]
    same: NDArray[np.bool_]
    counted: dict[Scope, NDArray[np.bool_]]
    clusters: NDArray[np.int64]

    @property
    def n_clusters(self) -> int:
        return len(set(self.clusters.tolist()))


def compare_encoders(
    embeddings: Sequence[Embeddings],
    library: Library,
    images: Sequence[StandardImage],
    labelled: Mapping[str, LabelledImage],
    *,
    seed: int,
    exclude: Excluded = "group",
    resamples: int = 200,
) -> Comparison:
    """Compare encoders on the images of the library, diseases and `Healthy` as its classes.

    Every one of `embeddings` needs vectors of those images alone. `resamples` clusters are drawn for the intervals of
    separation, ten times as many for those of retrieval. Raises `DataError` for a missing vector or image.
    """
    setting = _setting(library, images, labelled)
    figures, precisions = [], []
    for one in embeddings:
        measures, found = _measures(one, setting, library, seed=seed, resamples=resamples)
        precisions.append(found)
        figures.append(
            EncoderFigures(
                encoder=one.record.encoder,
                fingerprint=one.record.fingerprint,
                pooling=one.record.pooling,
                dimension=one.record.dimension,
                simulated=one.record.simulated,
                cells=_cells(one, setting, library, labelled, exclude),
                measures=measures,
            )
        )
    simulated = ", ".join(one.encoder for one in figures if one.simulated)
    return Comparison(
        exclude=exclude,
        seed=seed,
        resamples=resamples,
        n_images=len(setting.images),
        n_clusters=setting.n_clusters,
        encoders=tuple(figures),
        leads=_leads(figures, precisions, setting, seed=seed, resamples=resamples),
        note=SIMULATED.format(simulated) if simulated else None,
    )


def write_comparison(folder: Path, comparison: Comparison) -> None:
    """Write `comparison.json`, and its cells as `comparison.csv`."""
    write_json(folder / COMPARISON_FILE, comparison.model_dump(mode="json"))
    put_whole(folder / COMPARISON_TABLE, [cells_csv(comparison).encode()])


def load_comparison(folder: Path) -> Comparison:
    """Read `comparison.json`. Raises `DataError`."""
    try:
        return Comparison.model_validate_json((folder / COMPARISON_FILE).read_bytes())
    except (OSError, ValidationError) as error:
        raise DataError(
            f"{str(folder / COMPARISON_FILE)!r}: expected a comparison of encoders, found none that can be read; the "
            "stage embed makes it, where the plan has the section embed"
        ) from error


def cells_csv(comparison: Comparison) -> str:
    """One line per encoder, label of the images and label of the library; empty where there is no figure."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(("encoder", "simulated", "images_of", "library_of", "mean", "maximum", "n_images"))
    for one in comparison.encoders:
        for cell in one.cells:
            figures = ("" if value is None else f"{value:.6f}" for value in (cell.mean, cell.maximum))
            simulated = str(one.simulated).lower()
            writer.writerow((one.encoder, simulated, cell.row, cell.column, *figures, cell.n))
    return text.getvalue()


def library_images(library: Library, images: Sequence[StandardImage]) -> tuple[StandardImage, ...]:
    """The images that stand for any class of the library, by id. Raises `DataError` for one that is not there."""
    known = {one.id: one for one in images}
    names = sorted({name for one in library.classes() for name in one.images})
    if missing := [name for name in names if name not in known]:
        raise DataError(
            f"image {missing[0]!r} of the library: expected it among the images; draw the library anew"
        )
    return tuple(known[name] for name in names)


def _setting(
    library: Library, images: Sequence[StandardImage], labelled: Mapping[str, LabelledImage]
) -> _Setting:
    import numpy as np

    chosen = library_images(library, images)
    labels = tuple(labels_of(labelled[one.id], library.healthy.label) for one in chosen)
    names = [one.label for one in library.classes()]
    has = np.array([[name in one for name in names] for one in labels], dtype=np.float64)
    has = has.reshape(len(chosen), len(names))
    clusters = _codes([labelled[one.id].cluster for one in chosen])
    apart = np.ones((len(chosen), len(chosen)), dtype=np.bool_)
    for keys in (clusters, _codes([one.group for one in chosen]), _codes([one.pixel_hash for one in chosen])):
        apart &= keys[:, None] != keys[None, :]
    sources = _codes([labelled[one.id].source for one in chosen])
    within = apart & (sources[:, None] == sources[None, :])
    return _Setting(chosen, labels, (has @ has.T) > 0, {"all": apart, "within source": within}, clusters)


def _codes(names: Sequence[str]) -> NDArray[np.int64]:
    import numpy as np

    known = {name: code for code, name in enumerate(sorted(set(names)))}
    return np.array([known[name] for name in names], dtype=np.int64)


def _measures(
    embeddings: Embeddings, setting: _Setting, library: Library, *, seed: int, resamples: int
) -> tuple[tuple[Measures, ...], dict[Scope, NDArray[np.float64]]]:
    import numpy as np

    vectors = embeddings.vectors([one.pixel_hash for one in setting.images]).astype(np.float64)
    # Six digits: ranks then do not hang on the last bit of a product.
    cosine = (vectors @ vectors.T).round(DECIMALS)
    found, precisions = [], {}
    for scope in SCOPES:
        pairs = Pairs(cosine, setting.same, setting.counted[scope], setting.clusters)
        difference, auc = separation(pairs, seed=seed, resamples=resamples)
        precision, share = average_precisions(pairs)
        precisions[scope] = precision
        queries = np.isfinite(precision)

        def mean(name: str, some: NDArray[np.bool_], values: NDArray[np.float64] = precision) -> Estimate:
            return _mean(name, values[some], setting.clusters[some], Bounds(0, 1), seed, resamples)

        by_label = [
            mean(
                one.label,
                queries & np.array([one.label in labels for labels in setting.labels], dtype=np.bool_),
            )
            for one in library.classes()
        ]
        found.append(
            Measures(
                scope=scope,
                difference=rounded(difference, DECIMALS),
                auc=rounded(auc, DECIMALS),
                retrieval=mean("mean average precision", queries),
                chance=round(float(share[queries].mean()), DECIMALS) if queries.any() else None,
                by_label=tuple(by_label),
            )
        )
    return tuple(found), precisions


def _leads(
    figures: Sequence[EncoderFigures],
    precisions: Sequence[Mapping[Scope, NDArray[np.float64]]],
    setting: _Setting,
    *,
    seed: int,
    resamples: int,
) -> tuple[Lead, ...]:
    import numpy as np

    leads = []
    for place, scope in enumerate(SCOPES):
        heights = [one.measures[place].retrieval.value for one in figures]
        if len(figures) < 2 or None in heights:
            continue
        best = max(range(len(figures)), key=lambda at: (heights[at], -at))
        for at, one in enumerate(figures):
            if at == best:
                continue
            gap = precisions[best][scope] - precisions[at][scope]
            some = np.isfinite(gap)
            difference = _mean(
                "difference of mean average precision",
                gap[some],
                setting.clusters[some],
                Bounds(-1, 1),
                seed,
                resamples,
            )
            leads.append(
                Lead(scope=scope, first=figures[best].encoder, other=one.encoder, difference=difference)
            )
    return tuple(leads)


def _mean(
    name: str,
    values: NDArray[np.float64],
    clusters: NDArray[np.int64],
    limits: Bounds,
    seed: int,
    resamples: int,
) -> Estimate:
    found = bootstrap_mean(
        name,
        [Term(values, clusters)],
        limits=limits,
        seed=seed,
        resamples=10 * resamples,
        empty="no query has an image of its disease in another cluster",
    )
    return rounded(found, DECIMALS)


def _cells(
    embeddings: Embeddings,
    setting: _Setting,
    library: Library,
    labelled: Mapping[str, LabelledImage],
    exclude: Excluded,
) -> tuple[Cell, ...]:
    import numpy as np

    classes = library.classes()
    clusters = {one.id: labelled[one.id].cluster for one in setting.images}
    table = similarity_table(embeddings, classes, setting.images, clusters=clusters, exclude=exclude)
    cells = []
    for row in classes:
        members = np.array([row.label in labels for labels in setting.labels], dtype=np.bool_)
        for place, column in enumerate(classes):
            there = members & (table.n[:, place] > 0)
            n = int(there.sum())
            mean, maximum = (
                round(float(part[there, place].mean()), DECIMALS) + 0.0 if n else None
                for part in (table.mean, table.maximum)
            )
            cells.append(Cell(row=row.label, column=column.label, mean=mean, maximum=maximum, n=n))
    return tuple(cells)
