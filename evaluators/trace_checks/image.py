"""Whether a trace takes the image for the view and modality that it is."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.trace_checks.statements import Said, Statement

_MODALITIES = {
    "MRI": r"(?:mri?s?(?: (?:scan|image|study|slice)s?)?|magnetic resonance(?: \w+)?"
    r"|(?:t1|t2|stir|flair)(?:[- /]?(?:weighted|w|stir))?(?: \w+){0,2}? ?(?:images?|sequences?|scan"
    r"|slices?|mri?|signal|signal intensity))",
    "X-ray": r"(?:x[- ]?rays?(?: \w+)?|(?:plain )?radiographs?|plain films?|roentgenograms?)",
    "CT": r"(?:ct(?! junction| guid)(?: (?:scan|image|slice|myelogra\w+))?s?|computed tomogra\w+|cat scans?)",
}
_VIEWS = {
    "sagittal": r"(?:mid|para)?[- ]?sagittal(?:ly)?",
    "axial": r"(?:axial|transverse|transaxial|cross[- ]section(?:al)?)",
    "coronal": r"coronal",
    "lateral": r"(?:cross[- ]table )?lateral",
    "frontal": r"(?:ap|pa|a\.p\.|antero[- ]?posterior|postero[- ]?anterior|frontal)",
    "oblique": r"oblique",
}
_ALIKE = {frozenset({"sagittal", "lateral"}), frozenset({"coronal", "frontal"})}
"""Views that name one projection in the words of two modalities."""
_ADJECTIVE = (
    r"(?:provided|given|presented|shown|submitted|attached|above|single|present|current|supplied|displayed"
    r"|available|"
    r"(?:mid|para)?[- ]?sagittal|axial|transverse|coronal|lateral|ap|pa|antero[- ]?posterior|frontal"
    r"|oblique|standing|flexion"
    r"|extension|neutral|t1|t2|t1w|t2w|stir|weighted|fat suppressed|contrast enhanced|plain|digital|lumbar"
    r"|cervical|thoracic"
    r"|lumbosacral|spine|spinal|midline|low resolution|high resolution|greyscale|grayscale|view|projection"
    r"|image|of|the|/|,|and)"
)
_LEAD = (
    r"(?:(?:\bth(?:is|ese|e)|\bprovided|\bgiven|\bpresented|\bshown|\bsubmitted|\battached|\bpatient's"
    r"|\bour|\byour"
    r"|\b(?:is|are|shows?|depicts?|presents?|represents?|be|see|viewing|reviewing|reading|have|at|on|as"
    r"|was|like|given|with) an?)\s"
    rf"(?:{_ADJECTIVE}[-\s]{{1,2}}){{0,7}}|^[\s\d.):-]{{0,6}}(?:an? )?(?:{_ADJECTIVE}[-\s]{{1,2}}){{0,7}})"
)
_NOUN = (
    r"(?:mri?|ct|x[- ]?ray|radiograph|images?|views?|slices?|scan|films?|sections?|projection|cut|plane|t1"
    r"|t2|stir|study"
    r"|lumbar|cervical|spine|sequence)"
)
_MODALITY_CLAIMS = {
    name: re.compile(
        rf"{_LEAD}{pattern}\b(?!\s(?:is|are)\s(?:the|more|best|not|less|superior|preferred|a (?:better"
        rf"|more))\b)"
    )
    for name, pattern in _MODALITIES.items()
}
_VIEW_CLAIMS = {
    name: re.compile(
        rf"{_LEAD}{pattern}\b(?: \(\w{{1,12}}\))?(?:[- ](?!recess|foram|mass|wall|margin|border|aspect"
        rf"|load)\w+){{0,3}}?[- ]{_NOUN}\b"
    )
    for name, pattern in _VIEWS.items()
}
_WORDS = {name: re.compile(rf"\b{pattern}\b") for name, pattern in (*_MODALITIES.items(), *_VIEWS.items())}
"""What a claim has to hold: looked for first, since it is quick to find that it is not there."""
_OF_METADATA = {
    "MRI": re.compile(r"\b(?:mr|mri|mr_\w+|magnetic resonance\w*|t1|t2|stir)\b"),
    "X-ray": re.compile(r"\b(?:x[- ]?rays?|xr|cr|dx|dr|radiograph\w*|plain film)\b"),
    "CT": re.compile(r"\b(?:ct|computed tomogra\w+)\b"),
}
_COMPARED = re.compile(
    r"\b(?:unlike|than|versus|vs\.?|as opposed to|in contrast to|compared (?:to|with))\s(?:\w+[-\s]){0,3}\w+$"
)
"""Another image, which this one is held against."""
_WITHHELD = re.compile(
    r"^(?:[- ]\w+){0,3}? (?:(?:is|are|was|were|has|have)(?: not|n't)(?: been)? (?:available|provided|supplied|shown"
    r"|included|given|present|obtained|acquired|possible)|(?:cannot|can't|can not|could not) be"
    r"|(?:is|are|was|were) (?:missing|lacking|absent|unavailable))\b"
)
"""Behind a view: that it is not to be had, or that nothing is to be said of it."""
_PLANE = re.compile(r"\bplane$")
_PICTURE = re.compile(
    r"\b(?:image|scan|slice|view|section|picture|film|mri?|ct|study|radiograph|x[- ]?ray|acquired|taken|obtained"
    r"|acquisition|reformat\w*)\b"
)
"""What has a plane of its own; without one of these, `the coronal plane` is one of the body."""
_PREDICATE = re.compile(r"\b(?:of|shows?|demonstrates?|reveals?|depicts?|with|displays?)\b")


def modality(trace: AuditTrace, texts: Sequence[Said]) -> TraceCheck:
    """The check `modality`: what the trace says this image is, against the item's modality."""
    known = _modalities((trace.item.modality or "").casefold())
    return _held("modality", known, _claims(_MODALITY_CLAIMS, texts), alike=set())


def view(trace: AuditTrace, texts: Sequence[Said]) -> TraceCheck:
    """The check `view`: what the trace says this image is, against metadata, the plane of the image, the question."""
    return _held("view", _known_views(trace), _claims(_VIEW_CLAIMS, texts), alike=_ALIKE)


def _modalities(text: str) -> frozenset[str]:
    return frozenset(name for name, pattern in _OF_METADATA.items() if pattern.search(text))


def _known_views(trace: AuditTrace) -> frozenset[str]:
    item = trace.item
    keys = ("view", "plane", "projection", "orientation", "series", "series_description", "sequence")
    texts = [
        str(value)
        for key, value in item.metadata.items()
        if str(key).casefold().replace(" ", "_").replace("-", "_") in keys and isinstance(value, str | list)
    ]
    texts += [image.plane for image in item.images if image.plane is not None]
    for source in (texts, [item.question]):
        found = frozenset(
            name
            for text in source
            for name, pattern in _VIEWS.items()
            if _named_view(pattern, text.casefold().replace("_", " "), whole=source is texts)
        )
        if found:
            return found
    return frozenset()


def _named_view(pattern: str, text: str, *, whole: bool) -> bool:
    if whole:
        return (
            re.search(rf"\b{pattern}\b|^la$" if "lateral" in pattern else rf"\b{pattern}\b", text) is not None
        )
    return re.search(rf"\b{pattern}\b(?:[- ]\w+){{0,3}}?[- ]{_NOUN}", text) is not None


def _claims(patterns: dict[str, re.Pattern[str]], texts: Sequence[Said]) -> dict[str, str]:
    """What the trace says that this image is, each with the sentence that says so."""
    found: dict[str, str] = {}
    for text in texts:
        for sentence in text.sentences:
            for name in _claimed(sentence, patterns):
                found.setdefault(name, text.quote(sentence.start, sentence.start + len(sentence.text)))
    return found


def _claimed(sentence: Statement, patterns: dict[str, re.Pattern[str]]) -> Iterator[str]:
    if sentence.supposes:
        return
    for name, pattern in patterns.items():
        if _WORDS[name].search(sentence.text) is None:
            continue
        for match in pattern.finditer(sentence.text):
            before = sentence.text[max(0, match.start() - 60) : match.end()]
            if Statement(before, 0).denies or _COMPARED.search(sentence.text, 0, match.end()):
                continue
            if _WITHHELD.match(sentence.text, match.end(), match.end() + 60):
                continue
            if _PLANE.search(match.group()) and _PICTURE.search(sentence.text) is None:
                continue
            opens = (
                match.start() == 0 and re.match(r"[\s\d.):-]{0,6}(?:this|the|these)\b", match.group()) is None
            )
            if opens and _PREDICATE.search(sentence.text, match.end(), match.end() + 40) is None:
                continue
            yield name
            break


def _held(
    name: str, known: frozenset[str], claims: dict[str, str], *, alike: set[frozenset[str]]
) -> TraceCheck:
    if not claims:
        return _check(name, "not_stated", f"the trace names no {name} of this image")
    if not known:
        return _check(name, "not_stated", f"the item names no {name} to hold against")
    wanted = " and ".join(sorted(known))
    for claim, quote in claims.items():
        if claim not in known and not any(frozenset({claim, one}) in alike for one in known):
            return _check(
                name, "contradicts", f"the trace takes the image for {claim}, the item says {wanted}", quote
            )
    claim, quote = next(iter(claims.items()))
    return _check(name, "agrees", f"the trace names {claim}, the item says {wanted}", quote)


def _check(name: str, verdict: str, detail: str, quote: str | None = None) -> TraceCheck:
    return TraceCheck.model_validate({"name": name, "verdict": verdict, "detail": detail, "quote": quote})
