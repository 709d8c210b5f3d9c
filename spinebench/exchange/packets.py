"""Packets: what a rater receives. One HTML file that works without a network, and one table.

Nothing in them tells the model, the run, the persona, whether the answer was right, what judges or other raters
said, or which showings are duplicates; `docs/design/blinding.md` says how that is kept.
"""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from string import ascii_uppercase

from spinebench.audit_records import AuditTrace
from spinebench.errors import DataError, SpinebenchError, UsageError
from spinebench.evaluators.written_case import asked_text
from spinebench.exchange.packet_images import PacketImage
from spinebench.exchange.rating_book import Packet, RatingBook, missing_from, opaque, parts_of
from spinebench.records import JsonValue, Task

PACKET_FORMAT = "spinebench-ratings/1"
"""Of the file that the page saves."""
CANNOT_ASSESS = "cannot_assess"
MODE_COLUMN = "mode_"
"""Begins the table's columns of failure modes: a mode may be called as a dimension is."""


@dataclass(frozen=True, slots=True)
class ShownImage:
    """Where a page has an image from."""

    key: str
    """Says nothing of the file; see `opaque`."""
    src: str
    width: int | None = None
    height: int | None = None
    """None: the page finds out when it has loaded it."""


ImagesOf = Callable[[AuditTrace], Sequence[PacketImage]]
"""The images of a trace as its model was shown them. Raises `SpinebenchError` where they cannot be had."""

_LONGEST_CELL = 32_000
"""Characters; a spreadsheet takes 32,767 in a cell and cuts off the rest without a word."""
_FORMULA = re.compile(r"^[=+\-@\t\r]")
_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


@dataclass(frozen=True, slots=True)
class WrittenPacket:
    """The files written for one rater."""

    rater: str
    html: Path
    csv: Path
    n_showings: int
    n_sittings: int
    without_image: tuple[str, ...] = ()
    """Trace ids whose image could not be had; the page says so in its place."""


Earlier = Mapping[tuple[str, str], Sequence[int | None]]
"""(Trace id, dimension) -> scores that stand already, lowest first, so that none can be told to be whose; None:
cannot assess. Only for who decides between them (`spinebench.rating.third_rater`)."""


def write_packet(
    book: RatingBook,
    rater: str,
    folder: Path,
    *,
    images: ImagesOf,
    missing_images: bool = False,
    earlier: Earlier | None = None,
    name: str | None = None,
) -> WrittenPacket:
    """Write `<rater>.html` and `<rater>.csv` into a folder, which is made where it is not there.

    `name`: of the files, instead of the rater's. `earlier`: scores to show beside the dimensions they are of.

    Raises UsageError for a rater without assignments and a folder that cannot be written to; DataError that
    names every trace whose image cannot be had, unless `missing_images` lets them go without.
    """
    if rater not in book.assignments or not book.assignments[rater].traces:
        raise UsageError(
            f"rater {rater!r}: expected one with assigned traces ({', '.join(sorted(book.assignments))}); "
            f"call 'spinebench rate assign {book.spec.audit_id} --rater {rater}'"
        )
    packets = [book.packets[shown.packet_id] for shown in book.assignments[rater].traces]
    pictures, lacking = _pictures(packets, images)
    if lacking and not missing_images:
        listed = "\n".join(f"  {trace_id}: {why}" for trace_id, why in list(lacking.items())[:10])
        more = f"\n  and {len(lacking) - 10} more" if len(lacking) > 10 else ""
        raise DataError(
            f"images of {len(lacking)} traces: expected those the model was shown\n{listed}{more}; "
            "restore the files, or pass --missing-images to let raters see these traces without them"
        )
    html, table = (folder / f"{name or rater}{ending}" for ending in (".html", ".csv"))
    try:
        folder.mkdir(parents=True, exist_ok=True)
        embedded = {trace_id: [_embedded(one) for one in held] for trace_id, held in pictures.items()}
        html.write_text(packet_html(packet_content(book, rater, embedded, earlier=earlier)), "utf-8")
        table.write_text(_table(book, packets, pictures), "utf-8-sig", newline="")
    except OSError as error:
        raise UsageError(
            f"folder {str(folder)!r}: expected one to write packets to, but {error.strerror}; "
            "name another with --out"
        ) from error
    return WrittenPacket(
        rater, html, table, len(packets), packets[-1].shown.sitting, without_image=tuple(lacking)
    )


def packet_html(content: JsonValue, *, served: bool = False) -> str:
    """The page around a packet's content. Its policy lets nothing run or load but what stands in it.

    `served`: as `spinebench rate serve` gives it out; it then also has images from its own server and hands
    ratings in there.
    """
    template, style, script = (_part(name) for name in ("packet.html", "packet.css", "packet.js"))
    if served:
        script = f"{_part('sending.js')}\n{script}"
    fields = {
        "sources": "img-src 'self'; connect-src 'self'" if served else "img-src data:",
        "style": style,
        "script": script,
        "style_hash": _policy_hash(style),
        "script_hash": _policy_hash(script),
        # ASCII without "<": no text from outside can end the element, whatever it holds.
        "packet": json.dumps(content, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026"),
    }
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], template)


def _pictures(
    packets: Sequence[Packet], images: ImagesOf
) -> tuple[dict[str, tuple[PacketImage, ...]], dict[str, str]]:
    """Trace id -> its images, and trace id -> why it has none."""
    found: dict[str, tuple[PacketImage, ...]] = {}
    lacking: dict[str, str] = {}
    for packet in packets:
        trace_id = packet.trace.trace_id
        if trace_id in found or trace_id in lacking:
            continue
        try:
            found[trace_id] = tuple(images(packet.trace))
        except SpinebenchError as error:
            lacking[trace_id] = str(error).rpartition("; ")[0] or str(error)
    return found, lacking


def packet_content(
    book: RatingBook,
    rater: str,
    pictures: Mapping[str, Sequence[ShownImage]],
    *,
    earlier: Earlier | None = None,
) -> dict[str, JsonValue]:
    """What a rater's page shows: all that is theirs, and nothing that blinding keeps from them.

    `pictures`: trace id -> its images; a trace that is not in it is shown without, and says so.
    """
    shown: dict[str, JsonValue] = {}
    cases: list[JsonValue] = []
    for one in book.assignments[rater].traces:
        packet = book.packets[one.packet_id]
        trace = packet.trace
        keys: list[JsonValue] = []
        for image in pictures.get(trace.trace_id, ()):
            shown[image.key] = {"src": image.src, "width": image.width, "height": image.height}
            keys.append(image.key)
        missing = trace.trace_id not in pictures
        gold = book.gold(trace)
        asked = [dimension.id for dimension in book.asked_of(trace)]
        cases.append(
            {
                "packet_id": packet.shown.packet_id,
                "sitting": packet.shown.sitting,
                "question": asked_text(trace.item),
                "options": [{"letter": letter, "text": text} for letter, text in lettered(trace.options)],
                "reasoning": trace.answer.reasoning or None,
                "answer": trace.answer.text,
                **_in_parts(trace),
                "gold": None if gold is None else list(gold),
                "images": keys,
                "image_missing": missing,
                "dimensions": [*asked],
                "modes": [mode.id for mode in book.modes_of(trace)],
                "shown_sha256": book.shown_sha256(trace, image=not missing),
                **_earlier(earlier, trace.trace_id, asked),
            }
        )
    return {
        "format": PACKET_FORMAT,
        "set": book.set_id(rater),
        "rater": rater,
        "simulated": book.spec.simulated,
        "rubric_hash": book.spec.rubric_hash,
        "dimensions": [
            {
                "id": one.id,
                "name": one.name,
                "focus": one.focus,
                "scale": list(one.scale),
                "anchors": {str(value): text for value, text in one.anchors.items()},
            }
            for one in book.dimensions.values()
        ],
        "modes": [one.model_dump(mode="json", exclude={"tasks"}) for one in book.failure_modes.values()],
        "images": shown,
        "cases": cases,
    }


def _in_parts(trace: AuditTrace) -> dict[str, JsonValue]:
    """A free text as the page shows it, instead of `answer`; nothing for a task with options."""
    parts = parts_of(trace)
    if not parts:
        return {}
    shown: list[JsonValue] = [
        {
            "kind": one.kind,
            "heading": one.heading,
            "read_as": list(one.read_as),
            "text": one.text,
            "reasoning": one.reasoning,
        }
        for one in parts
    ]
    # What came with a single reply stands there.
    single: dict[str, JsonValue] = {"reasoning": None} if trace.answer.turns else {}
    return {"task": trace.item.task.value, "parts": shown, "missing": list(missing_from(trace)), **single}


def _earlier(earlier: Earlier | None, trace_id: str, asked: Sequence[str]) -> dict[str, JsonValue]:
    """Nothing where scores are not to be shown, so that other packets have not even a place for them."""
    if earlier is None:
        return {}
    return {"earlier": {name: [*earlier[trace_id, name]] for name in asked if (trace_id, name) in earlier}}


def _embedded(image: PacketImage) -> ShownImage:
    return ShownImage(
        opaque(hashlib.sha256(image.data).hexdigest()), image.data_uri, image.width, image.height
    )


def lettered(options: Sequence[str]) -> list[tuple[str, str]]:
    """Letters as the model met them: A, B, ...; more than 26 options are numbered on from 27."""
    return [
        (ascii_uppercase[place] if place < 26 else str(place + 1), text) for place, text in enumerate(options)
    ]


def _table(book: RatingBook, packets: Sequence[Packet], pictures: dict[str, tuple[PacketImage, ...]]) -> str:
    """The packet as a table to fill in: one row per showing, one column per dimension and failure mode."""
    dimensions, modes = list(book.dimensions), list(book.failure_modes)
    sink = io.StringIO()
    rows = csv.writer(sink, lineterminator="\r\n")
    gold = ["reference_answer"] if book.spec.blinding.gold else []
    rows.writerow(
        ["packet_id", "packet_set", "rubric_hash", "sitting", "position", "image", "question", "options", *gold,
         "reasoning", "answer", *dimensions, *(f"{MODE_COLUMN}{one}" for one in modes), "safety", "comment"]
    )  # fmt: skip
    for packet in packets:
        trace = packet.trace
        asked = {one.id for one in book.asked_of(trace)}
        asked_modes = {one.id for one in book.modes_of(trace)}
        options = "\n".join(f"{letter}: {text}" for letter, text in lettered(trace.options))
        right = ["\n".join(book.gold(trace) or ())] if gold else []
        picture = "see the HTML file" if pictures.get(trace.trace_id) else "none"
        texts = [asked_text(trace.item), options, *right, trace.answer.reasoning or "", _answer_text(trace)]
        rows.writerow(
            [packet.shown.packet_id, book.set_id(packet.rater), book.spec.rubric_hash[:16], packet.shown.sitting,
             packet.shown.position, picture, *(_cell(text) for text in texts),
             *("" if one in asked else "-" for one in dimensions),
             *("" if one in asked_modes else "-" for one in modes), "", ""]
        )  # fmt: skip
    return sink.getvalue()


def _answer_text(trace: AuditTrace) -> str:
    """The answer as it is; of a consultation with what the patient says between the replies."""
    if trace.item.task is not Task.CONSULTATION or not trace.answer.turns:
        return trace.answer.text
    return "\n\n".join(f"Patient: {turn.patient}\n\nReply: {turn.text}" for turn in trace.answer.turns)


def _cell(text: str) -> str:
    """Text that a spreadsheet shows as text: never a formula, never cut off without a word."""
    if len(text) > _LONGEST_CELL:
        return f"({len(text)} characters, too long for a table: read it in the HTML file)"
    # Lone surrogates cannot be written as UTF-8, and what is not seen is named.
    text = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").replace("\r\n", "\n")
    text = _CONTROLS.sub(lambda found: f"[U+{ord(found[0]):04X}]", text)
    return f"'{text}" if _FORMULA.match(text) else text


@lru_cache(maxsize=8)
def _part(name: str) -> str:
    return files("spinebench.exchange").joinpath("packet").joinpath(name).read_text("utf-8")


def _policy_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
