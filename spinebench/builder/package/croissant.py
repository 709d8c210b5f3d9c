"""Croissant metadata of a release: `croissant.json`, JSON-LD.

Source: Croissant Format Specification 1.0 (MLCommons, 2024), the sections on data set, FileObject, FileSet, RecordSet
and Field. Nothing that the plan does not say is made up: where no creator, page or date of publication is given, the
property is left out, and `missing_properties` names it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from spinebench.builder.package.card import BenchmarkCard, SplitCounts
from spinebench.builder.package.pointers import POINTERS
from spinebench.records import JsonValue, Sha256

CONFORMS_TO: Final = "http://mlcommons.org/croissant/1.0"
REQUIRED: Final = (
    "@context", "@type", "conformsTo", "name", "description", "license", "url", "creator", "datePublished",
    "distribution",
)  # fmt: skip
"""Of a data set, by the specification."""
_CONTEXT: Final[Mapping[str, JsonValue]] = MappingProxyType(
    {
        "@language": "en",
        "@vocab": "https://schema.org/",
        "cr": "http://mlcommons.org/croissant/",
        "dct": "http://purl.org/dc/terms/",
        "sc": "https://schema.org/",
        "data": {"@id": "cr:data", "@type": "@json"},
        "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
        "examples": {"@id": "cr:examples", "@type": "@json"},
        "conformsTo": "dct:conformsTo",
        **{
            name: f"cr:{name}"
            for name in (
                "citeAs", "column", "extract", "field", "fileObject", "fileProperty", "fileSet", "format", "includes",
                "isLiveDataset", "jsonPath", "key", "md5", "parentField", "path", "recordSet", "references", "regex",
                "repeated", "replace", "separator", "source", "subField", "transform",
            )
        },
    }
)  # fmt: skip
_MEDIA: Final = MappingProxyType(
    {
        ".jsonl": "application/jsonlines",
        ".json": "application/json",
        ".md": "text/markdown",
        ".py": "text/x-python",
        ".png": "image/png",
    }
)
_NATIVE: Final = (
    ("id", "sc:Text", False, "Unique id of the question."),
    ("task", "sc:Text", False, "diagnosis: one right option; localization: one or more."),
    ("question", "sc:Text", False, "The question as it is asked."),
    ("options", "sc:Text", True, "Texts of the options, in their order."),
    ("gold", "sc:Text", True, "The right options, as they stand in options."),
    ("disease", "sc:Text", False, "Label of the image, where stated."),
    ("modality", "sc:Text", False, "MRI, X-ray or CT."),
    ("source", "sc:Text", False, "Source data set."),
    ("cluster", "sc:Text", False, "Patient or study: the unit for errors and resampling."),
)
_RELEASED: Final = (
    ("image", "sc:Text", False, "Path of the image in the release."),
    ("question", "sc:Text", False, "The question as it is asked."),
    ("task", "sc:Text", False, "spine_disease_classification or spine_lesion_localization."),
    ("options", "sc:Text", True, "Texts of the options, in their order."),
    # A text or a list: readers would take a repeated text apart into its letters.
    ("answers", "sc:Text", False, "The right option; of a localization the list of the right options."),
)
_POINTED: Final = (
    ("image", "sc:Text", False, "Path in the release where the restored image belongs."),
    ("source", "sc:Text", False, "Source data set that holds it."),
    ("path", "sc:Text", False, "Path below the source's folder, where it may be told."),
    ("source_sha256", "sc:Text", False, "SHA-256 of the source's file."),
    ("sha256", "sc:Text", False, "SHA-256 of the restored image."),
    ("pixel_hash", "sc:Text", False, "SHA-256 over size and RGB values."),
)


def croissant(
    card: BenchmarkCard,
    files: Mapping[str, tuple[Sha256, int]],
    *,
    url: str | None,
    date_published: str | None,
) -> dict[str, JsonValue]:
    """The JSON-LD of a release; `files`: path -> SHA-256 and bytes, of all files that are no images."""
    document: dict[str, JsonValue] = {
        "@context": dict(_CONTEXT),
        "@type": "sc:Dataset",
        "conformsTo": CONFORMS_TO,
        "name": card.name,
        "description": card.description,
        "version": card.version,
        "license": _licence(card),
        "isLiveDataset": False,
    }
    if card.creators:
        document["creator"] = [{"@type": "sc:Person", "name": one} for one in card.creators]
    for name, value in (("url", url), ("datePublished", date_published), ("citeAs", card.citation)):
        if value:
            document[name] = value
    document["distribution"] = [*_file_objects(files), *_image_set(card)]
    document["recordSet"] = [*_record_sets(card.splits), *(_pointer_set() if POINTERS in files else [])]
    return document


def missing_properties(document: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """Properties that the specification requires of a data set and that are not there."""
    return tuple(name for name in REQUIRED if not document.get(name))


def structure_faults(document: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """What a reader of Croissant would refuse: references without a target, ids given twice, incomplete nodes."""
    faults = []
    ids: list[str] = []
    references: list[str] = []
    for node in _nodes(dict(document)):
        if set(node) == {"@id"}:
            references.append(str(node["@id"]))
        elif "@id" in node and "@type" in node:
            ids.append(str(node["@id"]))
            needed = _NEEDED.get(str(node["@type"]), ())
            faults += [f"{node['@id']}: {name} is missing" for name in needed if not node.get(name)]
    faults += [
        f"{one}: given to more than one node" for one in sorted({one for one in ids if ids.count(one) > 1})
    ]
    faults += [f"{one}: referred to but not there" for one in sorted(set(references) - set(ids))]
    return tuple(faults)


_NEEDED: Final = MappingProxyType(
    {
        "cr:FileObject": ("name", "contentUrl", "encodingFormat", "sha256"),
        "cr:FileSet": ("name", "encodingFormat", "includes"),
        "cr:RecordSet": ("name", "field"),
        "cr:Field": ("name", "dataType", "source"),
    }
)


def _nodes(value: JsonValue) -> Iterator[dict[str, JsonValue]]:
    if isinstance(value, dict):
        yield value
        for name, one in value.items():
            if name != "@context":
                yield from _nodes(one)
    elif isinstance(value, list):
        for one in value:
            yield from _nodes(one)


def _licence(card: BenchmarkCard) -> list[str]:
    named = [one.licence_url or f"{one.title}: {one.licence}" for one in card.licences]
    return list(dict.fromkeys(named))


def _file_objects(files: Mapping[str, tuple[Sha256, int]]) -> list[JsonValue]:
    return [
        {
            "@type": "cr:FileObject",
            "@id": name,
            "name": name,
            "contentUrl": name,
            "contentSize": f"{size} B",
            "encodingFormat": _MEDIA.get(name[name.rfind(".") :], "text/plain"),
            "sha256": sha256,
        }
        for name, (sha256, size) in sorted(files.items())
    ]


def _image_set(card: BenchmarkCard) -> list[JsonValue]:
    if not card.images.n_included:
        return []
    return [
        {
            "@type": "cr:FileSet",
            "@id": "image-files",
            "name": "image-files",
            "description": f"{card.images.n_included} PNG images; their SHA-256 stand in SHA256SUMS.",
            "encodingFormat": "image/png",
            "includes": "images/**/*.png",
        }
    ]


def _record_sets(splits: tuple[SplitCounts, ...]) -> list[JsonValue]:
    sets: list[JsonValue] = []
    for split in splits:
        if split.native:
            sets.append(_record_set(f"{split.name}-native", split.native, _NATIVE, key="id"))
        if split.released:
            sets.append(_record_set(f"{split.name}-released", split.released, _RELEASED))
    return sets


def _pointer_set() -> list[JsonValue]:
    return [_record_set("pointers", POINTERS, _POINTED, key="image")]


def _record_set(
    name: str, file: str, fields: tuple[tuple[str, str, bool, str], ...], *, key: str | None = None
) -> dict[str, JsonValue]:
    lines = file.endswith(".jsonl")
    described: list[JsonValue] = []
    for field, kind, repeated, meaning in fields:
        node: dict[str, JsonValue] = {
            "@type": "cr:Field",
            "@id": f"{name}/{field}",
            "name": field,
            "description": meaning,
            "dataType": kind,
            "source": {
                "fileObject": {"@id": file},
                "extract": {"column": field} if lines else {"jsonPath": f"$[*].{field}"},
            },
        }
        if repeated:
            node["repeated"] = True
        described.append(node)
    record_set: dict[str, JsonValue] = {"@type": "cr:RecordSet", "@id": name, "name": name}
    if key is not None:
        record_set["key"] = {"@id": f"{name}/{key}"}
    return record_set | {"field": described}
