"""What is known of the licences of source data sets, and what they mean together for a benchmark.

A fact that could not be confirmed in the source's own words stays `unknown`, and unknown counts as not allowed. None of
this is legal advice: whoever gives a benchmark on has to read the licences.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from types import MappingProxyType
from typing import Final, Literal

from pydantic import Field

from spinebench.errors import UsageError
from spinebench.records import Record

Known = Literal["yes", "no", "unknown"]


class SourceFacts(Record):
    """One source data set and the terms under which its images may be used."""

    name: str = Field(min_length=1)
    """As the plan calls it: `LabelledImage.source`."""
    kind: str
    """`rsna`, `vindr`, `buu`, `csxa`, `spider` or `table`."""
    title: str
    version: str | None = None
    licence: str
    """Name of the licence or terms; `unknown` where none is known."""
    licence_url: str | None = None
    redistribution: Known = "unknown"
    """Whether copies of the images may be given on."""
    non_commercial: Known = "unknown"
    """Whether use is limited to non-commercial purposes."""
    attribution: Known = "unknown"
    """Whether the source has to be named."""
    note: str = ""
    """Further terms, in short."""
    citation: str | None = None
    doi: str | None = None
    where: str | None = None
    """Where to get one's own copy, or to ask."""
    basis: str = ""
    """What these facts rest on."""

    @property
    def may_be_copied(self) -> bool:
        """Unknown counts as no."""
        return self.redistribution == "yes"


class CombinedTerms(Record):
    """The strictest of the terms of all sources of a benchmark."""

    redistribution: Known
    non_commercial: Known
    attribution: Known
    summary: tuple[str, ...]
    """In sentences."""


_KNOWN: Final = MappingProxyType(
    {
        "rsna": SourceFacts(
            name="rsna",
            kind="rsna",
            title="RSNA 2024 Lumbar Spine Degenerative Classification (LumbarDISC)",
            licence="RSNA terms of the challenge data: non-commercial use",
            redistribution="unknown",
            non_commercial="yes",
            attribution="yes",
            note="Free for non-commercial use such as research and education; no attempt at re-identification.",
            citation="RSNA, ASNR, ASSR: RSNA 2024 Lumbar Spine Degenerative Classification data set, 2024.",
            where="Kaggle competition rsna-2024-lumbar-spine-degenerative-classification; RSNA MIRA",
            basis="abstract of the LumbarDISC data set; licence text of RSNA's sister data set on cervical fractures",
        ),
        "vindr": SourceFacts(
            name="vindr",
            kind="vindr",
            title="VinDr-SpineXR",
            version="1.0.0",
            licence="PhysioNet restricted access, data use agreement 1.5.0",
            redistribution="no",
            non_commercial="unknown",
            attribution="yes",
            note="For scientific research by the person who signed; access must not be shared with anyone else.",
            citation="Pham HH, Nguyen Trung H, Nguyen HQ. VinDr-SpineXR (version 1.0.0). PhysioNet, 2021.",
            doi="10.13026/q45h-5h59",
            where="https://physionet.org/content/vindr-spinexr/",
            basis="PhysioNet's page of the data set and its restricted data use agreement 1.5.0",
        ),
        "buu": SourceFacts(
            name="buu",
            kind="buu",
            title="BUU-LSPINE",
            licence="terms of Burapha University: non-commercial use",
            redistribution="unknown",
            non_commercial="yes",
            attribution="yes",
            note="File names state sex and age.",
            citation="Klinwichit P et al. BUU-LSPINE: A Thai Open Lumbar Spine Dataset for Spondylolisthesis "
            "Detection. Applied Sciences 2023;13(15):8646.",
            doi="10.3390/app13158646",
            where="Faculty of Informatics, Burapha University",
            basis="the article, and third parties for the terms; the terms themselves were not seen",
        ),
        "csxa": SourceFacts(
            name="csxa",
            kind="csxa",
            title="CSXA, Cervical Spine X-ray Atlas",
            version="3.0",
            licence="unknown",
            redistribution="unknown",
            non_commercial="unknown",
            attribution="yes",
            note="Called open access by its article, which does not settle copies of the images.",
            citation="Ran Y et al. A high-quality dataset featuring classified and annotated cervical spine X-ray "
            "atlas. Scientific Data 2024.",
            doi="10.1038/s41597-024-03383-0",
            where="the repository that the article names",
            basis="the article's abstract; the licence of the data record was not seen",
        ),
        "spider": SourceFacts(
            name="spider",
            kind="spider",
            title="SPIDER, lumbar spine segmentation in MR images",
            licence="CC BY 4.0",
            licence_url="https://creativecommons.org/licenses/by/4.0/",
            redistribution="yes",
            non_commercial="no",
            attribution="yes",
            note="Changes have to be said: images are standardized slices.",
            citation="van der Graaf JW et al. Lumbar spine segmentation in MR images: a dataset and a public "
            "benchmark. Scientific Data 2024.",
            doi="10.1038/s41597-024-03090-w",
            where="https://zenodo.org/records/8009680",
            basis="the data set's record and copies of it that carry the licence",
        ),
    }
)


def known_kinds() -> tuple[str, ...]:
    """Kinds of sources whose terms are listed here."""
    return tuple(_KNOWN)


def source_facts(
    kind: str,
    *,
    name: str | None = None,
    licence: str | None = None,
    redistribution: bool = False,
    non_commercial: bool | None = None,
    citation: str | None = None,
    where: str | None = None,
) -> SourceFacts:
    """The facts of a source of a plan.

    Of a listed kind they are those of the table here; of any other (`table`) those that the plan states, `unknown`
    where it states nothing. Raises `UsageError` where a plan allows copies that the table does not, or allows them
    without naming a licence.
    """
    listed = _KNOWN.get(kind)
    if listed is not None:
        if redistribution and not listed.may_be_copied:
            raise UsageError(
                f"redistribution of source {name or kind!r} is True: expected false, the licence of {listed.title} "
                f"({listed.licence}) is not known to allow copies; leave it out, pointers are written instead"
            )
        return listed.model_copy(update={"name": name or kind})
    if redistribution and not licence:
        raise UsageError(
            f"licence of source {name or kind!r} is missing: expected the licence that allows copies; add 'licence:' "
            "or leave out 'redistribution: true'"
        )
    return SourceFacts(
        name=name or kind,
        kind=kind,
        title=name or kind,
        licence=licence or "unknown",
        redistribution="yes" if redistribution else "unknown",
        non_commercial="unknown" if non_commercial is None else "yes" if non_commercial else "no",
        citation=citation,
        where=where,
        basis="stated in the plan" if licence else "",
    )


def combined_terms(sources: Sequence[SourceFacts]) -> CombinedTerms:
    """The strictest terms of all sources: one `no` to copies, or one limit to non-commercial use, binds the whole.

    Without sources nothing is known.
    """
    redistribution = _first(("no", "unknown", "yes"), (one.redistribution for one in sources))
    non_commercial = _first(("yes", "unknown", "no"), (one.non_commercial for one in sources))
    attribution = _first(("yes", "unknown", "no"), (one.attribution for one in sources))
    summary = []
    for known, why in (
        ("no", "their licence forbids copies"),
        ("unknown", "nothing says that copies are allowed"),
    ):
        closed = [one for one in sources if one.redistribution == known]
        if closed:
            summary.append(f"Images of {_names(closed)} must not be given on: {why}.")
    if redistribution == "yes":
        summary.append("Copies of the images may be given on under the licences of their sources.")
    limited = [one for one in sources if one.non_commercial == non_commercial]
    summary.append(
        {
            "yes": f"Non-commercial use only, by the terms of {_names(limited)}.",
            "unknown": f"Treat as non-commercial: whether other use is allowed is not known of {_names(limited)}.",
            "no": "Commercial use is not forbidden by the licences of the sources.",
        }[non_commercial]
    )
    if attribution != "no":
        summary.append("Name every source and its citation.")
    closed = [one for one in sources if not one.may_be_copied]
    if closed:
        summary.append(
            f"Questions carry labels derived from the label files of {_names(closed)}: check whether their terms let "
            "you give these on."
        )
    return CombinedTerms(
        redistribution=redistribution,
        non_commercial=non_commercial,
        attribution=attribution,
        summary=tuple(summary),
    )


def licences_text(sources: Sequence[SourceFacts]) -> str:
    """`LICENCES.md`: the terms of every source, and together."""
    from spinebench.builder.package.markdown import plain

    lines = ["# Licences of the sources", ""]
    for one in sources:
        lines += [
            f"## {plain(one.name)}: {plain(one.title)}{' ' + plain(one.version) if one.version else ''}",
            "",
        ]
        lines += [
            f"- {label}: {plain(value)}"
            for label, value in (
                ("Licence", one.licence),
                ("Copies of images allowed", one.redistribution),
                ("Non-commercial use only", one.non_commercial),
                ("Attribution required", one.attribution),
                ("Note", one.note),
                ("Cite", one.citation),
                ("DOI", one.doi),
                ("Own copy or questions", one.where),
                ("These facts rest on", one.basis),
            )
            if value
        ]
        lines.append("")
    lines += ["## Together", "", *(f"- {plain(line)}" for line in combined_terms(sources).summary), ""]
    return "\n".join(lines)


def _first(order: Iterable[Known], values: Iterable[Known]) -> Known:
    found = set(values)
    return next((one for one in order if one in found), "unknown")


def _names(sources: Iterable[SourceFacts]) -> str:
    return ", ".join(one.name for one in sources) or "no source"
