"""Reads source data sets by their own label files into labelled images."""

from __future__ import annotations

from typing import assert_never

from spinebench.builder.importers.imported import Imported, Ledger
from spinebench.builder.importers.source import Columns, Source, kinds
from spinebench.builder.vocabulary import Vocabulary

__all__ = ["Columns", "Imported", "Source", "kinds", "read_source"]


def read_source(source: Source, vocabulary: Vocabulary) -> Imported:
    """The labelled images of a source, sorted by id, and everything that was left out of it, with file and line.

    Raises `DataError` where the folder or a label file is missing, or no table of the expected columns; wrong rows and
    missing images are lines of `Imported.dropped`. The severity policy (`spinebench.builder.severity`) comes after.
    """
    from spinebench.builder.importers.files import SourceFiles

    files = SourceFiles(source)
    ledger = Ledger(source.source_name)
    match source.kind:
        case "rsna":
            from spinebench.builder.importers.rsna import read_rsna

            images = read_rsna(files, vocabulary, ledger)
        case "vindr":
            from spinebench.builder.importers.vindr import read_vindr

            images = read_vindr(files, vocabulary, ledger)
        case "buu":
            from spinebench.builder.importers.buu import read_buu

            images = read_buu(files, vocabulary, ledger)
        case "csxa":
            from spinebench.builder.importers.csxa import read_csxa

            images = read_csxa(files, vocabulary, ledger)
        case "spider":
            from spinebench.builder.importers.spider import read_spider

            images = read_spider(files, vocabulary, ledger)
        case "table":
            from spinebench.builder.importers.table import read_table

            images = read_table(files, vocabulary, ledger)
        case other:
            assert_never(other)
    return ledger.result(images)
