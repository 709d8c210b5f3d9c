"""Reads a folder of Markdown documents: screened for identifiers first, then figures and paragraphs, in parallel."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context
from pathlib import Path, PurePosixPath
from posixpath import normpath
from typing import Final
from urllib.parse import unquote

from pydantic import Field

from spinebench.benchmarks.identifiers import in_path, masked_path
from spinebench.benchmarks.images import ImageStore
from spinebench.benchmarks.picture_hash import picture_hash
from spinebench.benchmarks.problems import ImageError
from spinebench.benchmarks.text_identifiers import find_identifiers
from spinebench.corpus.anchoring import anchored_figures
from spinebench.corpus.documents import AnchoredFigure, Paragraph
from spinebench.corpus.markdown import read_markdown
from spinebench.errors import DataError
from spinebench.records import ImageRef, Record, SentImage

ENDINGS: Final = (".md", ".markdown")
_ALONE: Final = 8
"""Documents up to which starting other processes takes longer than reading."""
_LARGEST: Final = 64 << 20


class ImageFacts(Record):
    """An image that a document shows, ready to be sent; or why it is not."""

    path: str
    """Below the folder of documents."""
    source_sha256: str | None = None
    sent: SentImage | None = None
    file: str | None = None
    """Holds the bytes of `sent`."""
    looks: str | None = None
    """Perceptual hash."""
    identifiers: tuple[str, ...] = ()
    problem: str | None = None


class ReadDocument(Record):
    """One document as it was read; figures and paragraphs are empty where it is held back."""

    path: str
    shown: str
    """The path with what may identify a person masked."""
    sha256: str = ""
    identifiers: tuple[str, ...] = ()
    """What may identify a person, masked, in the document's text and path."""
    problem: str | None = None
    """Why it cannot be read."""
    language: str = "en"
    paragraphs: tuple[Paragraph, ...] = ()
    figures: tuple[AnchoredFigure, ...] = ()
    images: dict[str, ImageFacts] = Field(default_factory=dict)
    """By the path that the document writes."""

    @property
    def held_back(self) -> bool:
        return bool(self.identifiers or self.problem)


def document_paths(folder: Path) -> list[str]:
    """Markdown files below a folder, sorted, hidden ones left out. Raises `DataError` where there is none."""
    if not folder.is_dir():
        raise DataError(f"folder of documents {str(folder)!r}: expected a folder; correct the path")
    found = sorted(
        path.relative_to(folder).as_posix()
        for path in folder.rglob("*")
        if path.suffix.lower() in ENDINGS
        and path.is_file()
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
    )
    if not found:
        raise DataError(
            f"folder of documents {str(folder)!r}: expected files that end in {' or '.join(ENDINGS)}, found none; "
            "convert your documents to Markdown with their figures beside them"
        )
    return found


def read_documents(
    folder: Path, *, cache: Path, allow_identifiers: bool = False, workers: int | None = None
) -> tuple[ReadDocument, ...]:
    """All documents below a folder, in the order of their paths, whatever the number of processes.

    Nothing is made of a document that may identify a person, unless allowed; nor of an image whose header or name may.
    """
    paths = document_paths(folder)
    read = partial(read_document, folder, cache=cache, allow_identifiers=allow_identifiers)
    n = min(workers or os.cpu_count() or 1, len(paths))
    if n == 1 or (workers is None and len(paths) <= _ALONE):
        return tuple(map(read, paths))
    with ProcessPoolExecutor(n, mp_context=get_context("spawn")) as pool:
        return tuple(pool.map(read, paths, chunksize=max(1, len(paths) // (4 * n))))


def read_document(folder: Path, path: str, *, cache: Path, allow_identifiers: bool = False) -> ReadDocument:
    """One document; what is wrong with it is in the record."""
    shown = masked_path(path)
    try:
        real = (folder / path).resolve()
        if not real.is_relative_to(folder.resolve()):
            return ReadDocument(path=path, shown=shown, problem="a link that leads out of the folder")
        data = real.read_bytes() if real.stat().st_size <= _LARGEST else None
    except OSError as error:
        return ReadDocument(path=path, shown=shown, problem=f"cannot be read ({error.strerror})")
    if data is None:
        return ReadDocument(path=path, shown=shown, problem=f"larger than {_LARGEST >> 20} MiB")
    sha256 = hashlib.sha256(data).hexdigest()
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        return ReadDocument(
            path=path, shown=shown, sha256=sha256, problem=f"no UTF-8 text (byte {error.start})"
        )
    if not allow_identifiers and (found := tuple(_identifiers(path, text))):
        return ReadDocument(path=path, shown=shown, sha256=sha256, identifiers=found)
    document = read_markdown(text)
    figures = anchored_figures(document)
    store = ImageStore(folder, cache_dir=cache)
    images = {
        one: _facts(store, path, one, allow=allow_identifiers) for figure in figures for one in figure.images
    }
    return ReadDocument(
        path=path,
        shown=shown,
        sha256=sha256,
        language=language_of(text),
        paragraphs=document.paragraphs,
        figures=figures,
        images=images,
    )


def language_of(text: str) -> str:
    """`zh` where a third or more of the letters are Han characters, otherwise `en`."""
    letters = sum(one.isalpha() for one in text)
    return "zh" if letters and 3 * sum("\u4e00" <= one <= "\u9fff" for one in text) >= letters else "en"


def _identifiers(path: str, text: str) -> Iterator[str]:
    for one in in_path(path):
        if one.direct:
            yield f"{one.where}: {one.what}"
    for found in find_identifiers(text):
        line = text.count("\n", 0, found.span[0]) + 1
        yield f"line {line}: a {found.kind.words} ({found.masked})"


def _facts(store: ImageStore, document: str, written: str, *, allow: bool) -> ImageFacts:
    path = _below_folder(document, written)
    if path is None:
        return ImageFacts(path=written[:200], problem="is no file beside the document")
    ref = ImageRef(path=path)
    try:
        found = () if allow else store.identifiers(ref)
        if found:
            return ImageFacts(path=path, identifiers=tuple(f"{one.where}: {one.what}" for one in found))
        prepared = store.prepare(ref)
        looks = picture_hash(prepared.file.read_bytes())
    except (ImageError, OSError) as error:
        return ImageFacts(path=path, problem=str(error))
    return ImageFacts(
        path=path,
        source_sha256=prepared.image.source_sha256,
        sent=prepared.image,
        file=str(prepared.file),
        looks=looks,
    )


def _below_folder(document: str, written: str) -> str | None:
    """The path of an image below the folder of documents; None for an address on the web and embedded data."""
    head, colon, _ = written.partition(":")
    if (colon and "/" not in head and len(head) > 1) or written.startswith("//"):
        return None
    bare = unquote(written.partition("#")[0].partition("?")[0]).replace("\\", "/")
    return normpath((PurePosixPath(document).parent / bare).as_posix())
