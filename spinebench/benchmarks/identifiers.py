"""Finds what may identify a patient in an image's headers, texts and path. Values are never repeated.

Header elements: those that the basic confidentiality profile of DICOM PS3.15, annex E, removes or replaces
and that name a person, a place or a date. What is sent to a model never carries a header, a text or a path;
a finding says that the source is not de-identified, and that its pixels may show a name as well.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Final, Literal

from spinebench.benchmarks.identifier_forms import TextKind
from spinebench.benchmarks.raster import Note
from spinebench.benchmarks.text_identifiers import find_identifiers
from spinebench.benchmarks.vocabulary import source_name
from spinebench.records import Record

if TYPE_CHECKING:
    from pydicom import DataElement, Dataset

Kind = Literal[
    "dicom_header", "burned_in", "nifti_header", "metaimage_header", "exif", "text", "path", "demographics"
]


class IdentifierFinding(Record):
    """Something that may identify a patient."""

    kind: Kind
    where: str
    """Image path or item, identifying parts masked, and the element, field or part of the path."""
    what: str
    """What stands there, masked: kind and length or form, never the value."""
    item_id: str | None = None
    """Of an item's text: the item, identifying parts masked."""
    field: str | None = None
    """Of an item's text, e.g. `case.history` or `options[2]`."""
    text_kind: TextKind | None = None
    """Of an item's text; None where an id or a cluster was searched as a path."""

    @property
    def direct(self) -> bool:
        """False for sex and age alone: worth knowing, but they identify nobody by themselves."""
        return self.kind != "demographics"


_PERSONAL: Final = frozenset(
    {
        "PatientID",
        "OtherPatientIDs",
        "IssuerOfPatientID",
        "PatientBirthDate",
        "PatientBirthTime",
        "PatientAddress",
        "PatientTelephoneNumbers",
        "PatientTelecomInformation",
        "PatientComments",
        "PatientMotherBirthName",
        "PatientInsurancePlanCodeSequence",
        "MilitaryRank",
        "CountryOfResidence",
        "RegionOfResidence",
        "MedicalRecordLocator",
        "AdditionalPatientHistory",
        "AccessionNumber",
        "AdmissionID",
        "InstitutionName",
        "InstitutionAddress",
        "InstitutionalDepartmentName",
        "ReferringPhysicianAddress",
        "ReferringPhysicianTelephoneNumbers",
        "DeviceSerialNumber",
        "StationName",
        "ImageComments",
        "StudyComments",
        "RequestingService",
        "CurrentPatientLocation",
        "PersonAddress",
        "PersonTelephoneNumbers",
    }
)
_PERSONAL_FIELDS: Final = frozenset({"patientname", *(name.casefold() for name in _PERSONAL)})
_DATES: Final = frozenset(
    {"StudyDate", "SeriesDate", "AcquisitionDate", "ContentDate", "AcquisitionDateTime"}
)
_PSEUDONYMS: Final = frozenset({"PatientID", "PatientName", "AccessionNumber", *_DATES})
"""Elements that may hold substitutes where the header says that the identity was removed."""
_TEXTS: Final = frozenset({"LO", "SH", "ST", "LT", "UT", "UC"})
_PRIVATE: Final = frozenset({*_TEXTS, "DA", "DT", "UN"})
"""Value representations that are searched, in private elements also those of dates and unknown ones."""
_OF_THE_MAKER: Final = frozenset(
    {"Manufacturer", "ManufacturerModelName", "SoftwareVersions", "DeidentificationMethod"}
)
"""Texts about the machine: their dates and numbers are of software."""
_BLANK: Final = re.compile(
    r"^(?:|anon\w*|de-?ident\w*|deid\w*|removed|redacted|masked|hidden|deleted|none|null|nil|n/?a|unknown|unk|"
    r"unspecified|no ?name|not ?available|patient|subject|test|phantom|dummy|default|xnat|x+|0+|-+|"
    r"\*+|\?+|\.+|_+|(?:1900|0001|1800)-?01-?01|19000101|00010101)$",
    re.IGNORECASE,
)

_DATE: Final = re.compile(
    r"(?<!\d)(?:(?:19|20)\d\d([-_./]?)(?:0[1-9]|1[0-2])\1(?:0[1-9]|[12]\d|3[01])|"
    r"(?:0?[1-9]|[12]\d|3[01])([-_./])(?:0?[1-9]|1[0-2])\2(?:19|20)\d\d|"
    r"(?:0?[1-9]|1[0-2])([-/])(?:0?[1-9]|[12]\d|3[01])\3(?:19|20)\d\d)(?!\d)"
)
_RECORD_NUMBER: Final = re.compile(
    r"(?<![a-z])(?:mrn|pid|pat(?:ient)?[\s_-]?(?:id|no|nr|number)|medical[\s_-]?record|hosp(?:ital)?[\s_-]?(?:id|no)|"
    r"acc(?:ession)?[\s_-]?(?:no|number)|ssn|nhs)[\s_:=#.-]*[a-z]{0,3}\d{4,}",
    re.IGNORECASE,
)
_SOCIAL_SECURITY: Final = re.compile(r"(?<!\d)\d{3}-\d{2}-\d{4}(?!\d)")
_SPELLED: Final = re.compile(
    r"(?<![a-z])(?:patient[\s_-]?name|pat[\s_-]?name|surname|first[\s_-]?name|last[\s_-]?name|full[\s_-]?name|dob|"
    r"birth[\s_-]?date|date[\s_-]?of[\s_-]?birth|born|mr|mrs|ms|dr|herr|frau)(?![a-z])[\s_:=.-]*[^\W_]{2,}",
    re.IGNORECASE,
)
_PERSON_NAME: Final = re.compile(r"[^\W\d_]{2,}\^[^\W\d_]{1,}")
_TWO_NAMES: Final = re.compile(r"^([A-Z][a-z]{2,})(?:,\s*|[\s_-])([A-Z][a-z]{2,})(?:[\s_-]+\d{1,4})?$")
_AGE_OR_SEX: Final = re.compile(
    r"(?<![a-z0-9])(?:[mf][-_]?0?\d{2,3}y?\d?|0?\d{2,3}[-_]?[mf]|\d{1,3}[-_\s]?(?:yrs?|years?|yo|jahre)|"
    r"male|female|[mf](?=[-_]{1,2}\d)|(?<=\d)[-_][mf])(?![a-z0-9])",
    re.IGNORECASE,
)
_SOFTWARE: Final = re.compile(
    r"created with|gimp|photoshop|paint|image ?magick|matplotlib|adobe|lavc|jpeg|png|gd-|optimi[sz]ed|"
    r"screenshot|digital camera|software|copyright|version|www\.|https?:|converted|phantom|simulat",
    re.IGNORECASE,
)
_HARMLESS_KEYS: Final = re.compile(
    r"^(?:software|date:.*|creation time|png:.*|exif:.*|dpi|gamma|signature)$", re.IGNORECASE
)
_EXIF_PERSONAL: Final = {
    0x010E: "ImageDescription",
    0x013B: "Artist",
    0x8298: "Copyright",
    0x9C9B: "XPTitle",
    0x9C9C: "XPComment",
    0x9C9D: "XPAuthor",
    0x9C9E: "XPKeywords",
    0x9C9F: "XPSubject",
    0x9286: "UserComment",
    0xA430: "CameraOwnerName",
    0xA431: "BodySerialNumber",
    0xA435: "LensSerialNumber",
    0xA420: "ImageUniqueID",
}
_ENDING: Final = re.compile(r"\.(?:png|jpe?g|dcm|dicom|ima|nii|nii\.gz|mha)$", re.IGNORECASE)
_EXIF_ALWAYS: Final = frozenset({"Artist", "XPAuthor", "CameraOwnerName"})


@cache
def _common_words() -> frozenset[str]:
    """Words of anatomy and imaging that start file names and are nobody's name."""
    return frozenset(files("spinebench.benchmarks").joinpath("common_words.txt").read_text("utf-8").split())


def in_text(text: str) -> str | None:
    """What kind of identifier a text looks like it holds, e.g. `a date`; None if like none."""
    for pattern, what in (
        (_PERSON_NAME, "a person's name as DICOM writes it"),
        (_SOCIAL_SECURITY, "a social security number"),
        (_RECORD_NUMBER, "a record number"),
        (_SPELLED, "a name or date of birth by its label"),
        (_DATE, "a date"),
    ):
        if pattern.search(text):
            return what
    return None


def in_path(path: str) -> Iterator[IdentifierFinding]:
    """Names, dates and record numbers in the parts of an image path; sex and age as `demographics`.

    Numbers as such are not: public data sets name studies and series by numbers
    (`rsna/4003253/702807833/5.jpg`).
    """
    for position, (part, what) in enumerate(_parts(path), start=1):
        where = f"path, part {position} of {path.count('/') + 1}"
        stem = part.split(".")[0]
        if what is not None:
            yield IdentifierFinding(kind="path", where=where, what=f"{what}, in {len(part)} characters")
        elif _AGE_OR_SEX.search(stem):
            yield IdentifierFinding(kind="demographics", where=where, what="sex or age")


def masked_path(path: str) -> str:
    """The path with every part that looks like an identifier replaced by `***`, the file's ending kept."""
    shown = [part if what is None else "***" for part, what in _parts(path)]
    ending = _ENDING.search(path)
    return "/".join(shown) + (ending.group() if ending and shown[-1] == "***" else "")


def _parts(path: str) -> Iterator[tuple[str, str | None]]:
    """The parts of a path, each with what kind of identifier it looks like."""
    parts = path.split("/")
    public = any(source_name(part) == "rsna" for part in parts[:-1])
    for position, part in enumerate(parts):
        stem = part.split(".")[0] if position == len(parts) - 1 and not _DATE.search(part) else part
        if stem.isdigit() and public:
            yield part, None
            continue
        what = in_text(stem)
        if what is None and (names := _TWO_NAMES.match(stem)):
            words = {name.casefold() for name in names.groups()}
            what = None if words & _common_words() else "two capitalized words, as in a person's name"
        yield part, what


def in_notes(notes: tuple[Note, ...]) -> Iterator[IdentifierFinding]:
    """Identifiers in the texts and EXIF fields of a PNG or JPEG file."""
    for note in notes:
        if note.kind == "exif":
            yield from _in_exif(note)
        elif note.kind == "text":
            text = note.data.decode("utf-8", "replace").strip("\0 \r\n\t")
            what = _in_free_text(note.name, text)
            if what is not None:
                yield IdentifierFinding(kind="text", where=f"{note.name[:40]!r}", what=what)


def _in_free_text(name: str, text: str) -> str | None:
    """Free text nobody knows: an identifier unless it is empty or plainly about the software."""
    if _BLANK.match(text):
        return None
    found = in_text(text) if len(text) <= 1 << 16 else "a text too long to read"
    if found is None and re.search(r"dicom|patient", f"{name} {text}", re.IGNORECASE):
        found = "words about a patient"
    if name == "XMP" or name == "IPTC" or _HARMLESS_KEYS.match(name):
        dated = found == "a date"  # a time of saving stands in nearly all of them
        return None if found is None or dated else f"{found}, in {len(text)} characters"
    if found is None:
        if name.casefold() not in {"author", "artist"} and (_SOFTWARE.search(text) or len(text) < 4):
            return None
        found = "free text"
    return f"{found}, in {len(text)} characters"


def _in_exif(note: Note) -> Iterator[IdentifierFinding]:
    from PIL import ExifTags, Image

    try:
        exif = Image.Exif()
        exif.load(note.data)
        fields: dict[int, object] = {**exif, **exif.get_ifd(ExifTags.IFD.Exif)}
        located = bool(exif.get_ifd(ExifTags.IFD.GPSInfo))
    except Exception:  # noqa: BLE001 - damaged EXIF raises whatever it likes
        yield IdentifierFinding(kind="exif", where="EXIF", what="a block that cannot be read")
        return
    if located:
        yield IdentifierFinding(kind="exif", where="GPSInfo", what="a place")
    for tag, name in _EXIF_PERSONAL.items():
        value = fields.get(tag)
        if isinstance(value, bytes):
            wide = name.startswith("XP")
            value = value.decode("utf-16-le" if wide else "utf-8", "replace")
            value = value.removeprefix("ASCII\0\0\0").removeprefix("UNICODE\0")
        text = "" if value is None else str(value).strip("\0 ")
        if _BLANK.match(text):
            continue
        what = in_text(text)
        if what is None and (name in _EXIF_ALWAYS or not (_SOFTWARE.search(text) or len(text) < 4)):
            what = "a text"
        if what is not None:
            yield IdentifierFinding(kind="exif", where=name, what=f"{what}, in {len(text)} characters")


def in_dicom(header: Dataset) -> Iterator[IdentifierFinding]:
    """Elements that name a person, place or date, and the flags for text or a face in the picture."""
    removed = str(header.get("PatientIdentityRemoved", "")).strip().upper() == "YES"
    same = str(header.get("PatientName", "")) == str(header.get("PatientID", ""))
    own = frozenset() if removed else _own_words(header)
    for element, inside in _elements(header):
        name = element.keyword or str(element.tag)
        personal = name in _PERSONAL or name in _DATES or element.VR == "PN"
        if not personal:
            what = _in_element(element, own)
            if what is not None:
                name = "private element" if element.tag.is_private else name
                yield IdentifierFinding(kind="dicom_header", where=f"{inside}{name} {element.tag}", what=what)
            continue
        if _is_blank(element):
            continue
        if removed and name in _PSEUDONYMS and (name != "PatientName" or same):
            continue
        yield IdentifierFinding(
            kind="dicom_header",
            where=f"{inside}{name} {element.tag}",
            what=f"a value of {len(str(element.value))} characters",
        )
    age = re.match(r"0*(\d+)Y", str(header.get("PatientAge", "")))
    if age and int(age.group(1)) > 89:
        yield IdentifierFinding(
            kind="dicom_header", where="PatientAge (0010,1010)", what="an age above 89 years"
        )
    for keyword, what in (
        ("BurnedInAnnotation", "text is burned into the picture, says the header"),
        ("RecognizableVisualFeatures", "a face can be recognized, says the header"),
    ):
        if str(header.get(keyword, "")).strip().upper() == "YES":
            yield IdentifierFinding(kind="burned_in", where=keyword, what=what)


def _own_words(header: Dataset) -> frozenset[str]:
    """Parts of the patient's name and number that another element may repeat."""
    values = (str(header.get(name, "")) for name in ("PatientName", "PatientID", "OtherPatientIDs"))
    return frozenset(
        word
        for value in values
        for word in re.split(r"[\W_]+", value.casefold())
        if len(word) >= 4 and not _BLANK.match(word) and word not in _common_words()
    )


def _in_element(element: DataElement, own: frozenset[str]) -> str | None:
    """What a text or private element holds: the patient's own name or number, or what looks like an identifier."""
    private = element.tag.is_private
    if element.VR not in (_PRIVATE if private else _TEXTS) or element.keyword in _OF_THE_MAKER:
        return None
    value = element.value
    values = value if isinstance(value, list | tuple) or (element.VM > 1 and element.VR != "UN") else [value]
    for one in values:
        text = (one.decode("latin-1") if isinstance(one, bytes) else str("" if one is None else one))[
            : 1 << 16
        ]
        if _BLANK.match(text.strip(" \0^=")):
            continue
        if own and not own.isdisjoint(re.split(r"[\W_]+", text.casefold())):
            return f"the patient's own name or number, in {len(text)} characters"
        what = in_text(text) or next((f"a {one.kind.words}" for one in find_identifiers(text)), None)
        if what is not None:
            return f"{what}, in {len(text)} characters"
    return None


def _elements(dataset: Dataset, inside: str = "", depth: int = 0) -> Iterator[tuple[DataElement, str]]:
    """All elements, those of sequences too, with the names of the sequences they stand in."""
    for element in dataset:
        yield element, inside
        if element.VR == "SQ" and depth < 8:
            for entry in element.value or ():
                yield from _elements(entry, f"{inside}{element.keyword or element.tag} > ", depth + 1)


def _is_blank(element: DataElement) -> bool:
    if element.VR == "SQ":
        return not element.value
    value = element.value
    values = list(value) if element.VM > 1 else [value]
    texts = [str("" if entry is None else entry).strip(" \0^=") for entry in values]
    return all(_BLANK.match(text) for text in texts)


def in_nifti(fields: dict[str, str], extensions: list[tuple[int, bytes]]) -> Iterator[IdentifierFinding]:
    """Free-text fields of a NIfTI header and its extensions (code 2: a DICOM header)."""
    yield from _in_fields("nifti_header", fields)
    for code, content in extensions:
        text = content[: 1 << 16].decode("latin-1")
        what = "a DICOM header" if code == 2 else in_text(text)
        if what is not None:
            yield IdentifierFinding(
                kind="nifti_header", where=f"extension {code}", what=f"{what}, in {len(content)} bytes"
            )


def in_metaimage(fields: dict[str, str]) -> Iterator[IdentifierFinding]:
    """Fields of a MetaImage header: those that a DICOM header calls the patient's, and free text like any other."""
    yield from _in_fields("metaimage_header", fields)
    for name, text in fields.items():
        if name.replace(" ", "").casefold() in _PERSONAL_FIELDS and not _BLANK.match(text.strip(" \0^=")):
            yield IdentifierFinding(
                kind="metaimage_header", where=name[:40], what=f"a value of {len(text)} characters"
            )


def _in_fields(
    kind: Literal["nifti_header", "metaimage_header"], fields: dict[str, str]
) -> Iterator[IdentifierFinding]:
    for name, text in fields.items():
        what = in_text(text) or next((f"a {one.kind.words}" for one in find_identifiers(text)), None)
        if what is not None:
            yield IdentifierFinding(kind=kind, where=name[:40], what=f"{what}, in {len(text)} characters")
