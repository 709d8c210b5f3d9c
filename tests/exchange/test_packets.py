"""What a rater receives, searched for everything that nobody is to know."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import re
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spinebench.errors import DataError, UsageError
from spinebench.exchange.packet_images import pixels_only
from spinebench.exchange.packets import WrittenPacket, packet_html, write_packet
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.images import RunImages
from spinebench.store import AuditFolder, Workspace
from tests.rated_audits import MODELS, PERSONA, RUN, make_audit

AT = datetime(2026, 3, 4, tzinfo=UTC)
HOSTILE = (
    "</script><script>window.taken=1</script><img src='https://evil.example/x.png' onerror='window.taken=1'>"
    "<!-- ]]> --> \x1b[31mred\x1b[0m \u202egnp.exe\u202c \u200b\u2028 ![x](https://evil.example/y.png) {style} {packet}"
    " \ud800 </style><svg onload=window.taken=1>"
)


def written(
    workspace: Workspace, folder: AuditFolder, out: Path, *, rater: str = "a", **options: Any
) -> WrittenPacket:
    made = assign([Rateable.of(trace) for trace in folder.traces()], ["a", "b"], audit_id=folder.audit_id,
                  seed=3, at=AT, duplicates=0.1, earlier=folder.assignments())  # fmt: skip
    folder.write_assignments(made)
    return write_packet(RatingBook.open(folder), rater, out, images=RunImages(workspace), **options)


def content_of(html: str) -> dict[str, Any]:
    found = re.search(r'<script type="application/json" id="packet">(.*?)</script>', html, re.DOTALL)
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def everything_in(packet: WrittenPacket) -> str:
    """The packet's files as text, and all that is base64 in them decoded, names of the files included."""
    html, table = packet.html.read_bytes(), packet.csv.read_bytes()
    parts = [html, table, packet.html.name.encode(), packet.csv.name.encode()]
    parts.append(json.dumps(content_of(html.decode()), ensure_ascii=False).encode("utf-8", "replace"))
    for data in re.findall(rb"[A-Za-z0-9+/]{24,}={0,2}", html):
        parts.append(base64.b64decode(data + b"=" * (-len(data) % 4)))
    return b"\n".join(parts).decode("latin-1").casefold()


@pytest.mark.parametrize("images", [True, False], ids=["images", "no-images"])
def test_no_packet_tells_what_nobody_is_to_know(tmp_path: Path, images: bool) -> None:
    workspace, folder = make_audit(tmp_path, images=images, reasoning="Level by level.")
    secrets = {
        *MODELS, "gpt-4o", "claude", "openai", "anthropic", PERSONA, RUN, "secret", folder.audit_id,
        "disease_missed", "incorrect", '"correct"', "orthopod", "stratum", "study-", "item-",
    }  # fmt: skip
    for trace in folder.traces():
        secrets |= {trace.trace_id, trace.answer.key.id(), trace.item.id, trace.item.cluster}
    for rater in ("a", "b"):
        packet = written(workspace, folder, tmp_path / "out", rater=rater)
        text = everything_in(packet)
        assert [secret for secret in secrets if secret.casefold() in text] == []
        assert "level by level." in text  # the search does see what is there
        assert ("\x89png" in text) is images
        content = content_of(packet.html.read_text("utf-8"))
        assert {len(case["images"]) for case in content["cases"]} == {int(images)}
        assert set(content) == {
            "format", "set", "rater", "simulated", "rubric_hash", "dimensions", "modes", "images", "cases",
        }  # fmt: skip
        assert set().union(*content["cases"]) == {
            "packet_id", "sitting", "question", "options", "reasoning", "answer", "gold", "images",
            "image_missing", "dimensions", "modes", "shown_sha256",
        }  # fmt: skip


def test_the_search_finds_what_is_hidden_in_an_image(tmp_path: Path) -> None:
    """The scan above would fail on an image that went in as it lies on the disk."""
    raw = (make_audit(tmp_path)[0], next(iter((tmp_path / "images").rglob("*.png"))))[1].read_bytes()
    assert b"secret-note" in raw
    assert b"secret-exif" in raw
    bare = pixels_only(raw)
    assert b"secret" not in bare.data
    with Image.open(io.BytesIO(raw)) as before, Image.open(io.BytesIO(bare.data)) as after:
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()
        assert after.info == {}


def _jpeg(**options: Any) -> bytes:
    sink = io.BytesIO()
    Image.effect_noise((40, 30), 50).convert("RGB").save(sink, "JPEG", quality=90, **options)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("data", "kept"),
    [
        (_jpeg(), True),
        (_jpeg(comment=b"secret"), False),
        (_jpeg(exif=b"Exif\0\0secret"), False),
        (_jpeg(icc_profile=b"secret" * 30), False),
        (_jpeg() + b"secret", False),
        (_jpeg(progressive=True), False),
    ],
    ids=["bare", "comment", "exif", "profile", "behind the end", "several scans"],
)
def test_a_jpeg_is_kept_only_where_it_holds_pixels_alone(data: bytes, kept: bool) -> None:
    bare = pixels_only(data)
    assert (bare.data == data) is kept
    assert b"secret" not in bare.data
    with Image.open(io.BytesIO(data)) as before, Image.open(io.BytesIO(bare.data)) as after:
        assert before.convert("RGB").tobytes() == after.convert("RGB").tobytes()


def test_right_and_wrong_answers_give_the_same_packet(tmp_path: Path) -> None:
    """Whatever the gold answer, the grade, the model, the run: not one byte of the packet differs."""
    pages = []
    for name in ("one", "other"):
        workspace, folder = make_audit(tmp_path / name)
        book_of: Callable[[RatingBook], RatingBook] = lambda book: book  # noqa: E731
        if name == "other":

            def book_of(book: RatingBook) -> RatingBook:
                changed = {}
                for trace_id, trace in book.traces.items():
                    item = trace.item.model_copy(
                        update={"gold": trace.item.options[-1:], "disease": "Healthy"}
                    )
                    assert trace.scored is not None
                    grade = trace.scored.grade.model_copy(update={"correct": True, "gold": item.gold})
                    scored = trace.scored.model_copy(update={"grade": grade})
                    key = trace.answer.key.model_copy(update={"model": "google/other", "persona": "other"})
                    answer = trace.answer.model_copy(update={"key": key})
                    changed[trace_id] = trace.model_copy(
                        update={"item": item, "scored": scored, "answer": answer}
                    )
                return RatingBook(book.spec, book.assignments, changed)

        written(workspace, folder, tmp_path / name / "first")
        packet = write_packet(
            book_of(RatingBook.open(folder)), "a", tmp_path / name / "out", images=RunImages(workspace)
        )
        pages.append((packet.html.read_bytes(), packet.csv.read_bytes()))
    assert pages[0] == pages[1]


@pytest.mark.parametrize("gold", [True, False])
def test_the_reference_answer_is_shown_only_where_the_protocol_says_so(tmp_path: Path, gold: bool) -> None:
    workspace, folder = make_audit(tmp_path, gold=gold)
    packet = written(workspace, folder, tmp_path / "out")
    cases = content_of(packet.html.read_text("utf-8"))["cases"]
    assert all((case["gold"] is not None) is gold for case in cases)
    assert ("reference_answer" in packet.csv.read_text("utf-8-sig")) is gold


def test_hostile_text_stays_text(tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path, texts=lambda model, number: HOSTILE)
    packet = written(workspace, folder, tmp_path / "out")
    html = packet.html.read_text("utf-8")
    assert html.count("<script") == 2  # the content and the page's own
    assert html.count("</script") == 2
    assert "evil.example" in html
    assert "<img src='https" not in html
    assert "<svg" not in html
    content = content_of(html)
    assert content["cases"][0]["answer"] == HOSTILE.replace("\ud800", "\ufffd")  # not a character is lost
    assert "http" not in html.replace("evil.example", "").replace("https:///", "").split("<script type")[
        0
    ].replace("http-equiv", "")


def test_the_policy_lets_only_the_page_itself_run(tmp_path: Path) -> None:
    html = packet_html({"cases": []})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', html)
    assert policy is not None
    rules = dict(rule.strip().split(" ", 1) for rule in policy[1].split(";"))
    assert rules["default-src"] == "'none'"
    assert rules["img-src"] == "data:"
    assert not {"unsafe-inline", "unsafe-eval", "http:", "https:", "*"} & set(
        re.findall(r"[\w*:-]+", policy[1])
    )
    for tag, rule in (("script", "script-src"), ("style", "style-src")):
        (text,) = re.findall(rf"<{tag}>(.*?)</{tag}>", html, re.DOTALL)
        hashed = base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        assert rules[rule] == f"'sha256-{hashed}'"
    assert " style=" not in html
    assert not re.search(r"\son\w+=", html)


def test_cells_of_the_table_are_no_formulas(tmp_path: Path) -> None:
    texts = ["=HYPERLINK(1)", "+1", "-1", "@x", "\t=1", "x" * 40_000]
    workspace, folder = make_audit(tmp_path, texts=lambda model, number: texts[number], models=MODELS[:1])
    packet = written(workspace, folder, tmp_path / "out")
    assert packet.csv.read_bytes().startswith(b"\xef\xbb\xbf")
    rows = list(csv.DictReader(io.StringIO(packet.csv.read_text("utf-8-sig"), newline="")))
    answers = {row["answer"] for row in rows}
    assert {"'=HYPERLINK(1)", "'+1", "'-1", "'@x", "'\t=1"} < answers
    assert any("40000 characters, too long" in answer for answer in answers)
    assert all(len(row["answer"]) < 32_767 for row in rows)


def test_options_stand_as_the_model_met_them(tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path)
    packet = written(workspace, folder, tmp_path / "out")
    case = next(
        case for case in content_of(packet.html.read_text("utf-8"))["cases"] if len(case["options"]) == 4
    )
    assert [(one["letter"], one["text"]) for one in case["options"]] == [
        ("A", "Spondylolisthesis"), ("B", "Vertebral collapse"), ("C", "Healthy"), ("D", "Osteophytes"),
    ]  # fmt: skip


def test_a_changed_image_stops_the_packet_and_is_named(tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path)
    first = next(iter(folder.traces()))
    Image.new("RGB", (48, 64), (9, 9, 9)).save(tmp_path / "images" / first.item.images[0].path)
    (tmp_path / "images" / "secret-folder" / "secret-image-1.png").unlink()
    with pytest.raises(DataError, match=r"(?s)images of 4 traces.*--missing-images") as caught:
        written(workspace, folder, tmp_path / "out")
    assert first.trace_id in str(caught.value)
    assert not (tmp_path / "out" / "a.html").exists()
    packet = written(workspace, folder, tmp_path / "out", missing_images=True)
    assert len(packet.without_image) == 4
    cases = content_of(packet.html.read_text("utf-8"))["cases"]
    assert sum(case["image_missing"] for case in cases) >= 4
    assert "secret" not in everything_in(packet)


def test_the_hash_of_what_is_shown_covers_each_part(tmp_path: Path) -> None:
    _, folder = make_audit(tmp_path)
    folder.write_assignments(assign([Rateable.of(t) for t in folder.traces()], ["a", "b"],
                                    audit_id=folder.audit_id, seed=3, at=AT))  # fmt: skip
    book = RatingBook.open(folder)
    trace = next(iter(book.traces.values()))
    answer, item = trace.answer, trace.item
    others = [
        trace.model_copy(update={"answer": answer.model_copy(update={"text": answer.text + " "})}),
        trace.model_copy(update={"answer": answer.model_copy(update={"reasoning": "r"})}),
        trace.model_copy(update={"answer": answer.model_copy(update={"images": ()})}),
        trace.model_copy(update={"answer": answer.model_copy(update={"option_permutation": ()})}),
        trace.model_copy(update={"item": item.model_copy(update={"question": "?"})}),
    ]
    hashes = {book.shown_sha256(one) for one in (trace, *others)}
    assert len(hashes) == 6
    other_key = answer.key.model_copy(update={"model": "x/y"})
    renamed = trace.model_copy(update={"answer": answer.model_copy(update={"key": other_key})})
    assert book.shown_sha256(renamed) == book.shown_sha256(trace)


def test_a_rater_without_traces_is_refused(tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path)
    with pytest.raises(UsageError, match="rater 'c': expected one with assigned traces"):
        written(workspace, folder, tmp_path / "out", rater="c")


def test_simulated_traces_say_so(tmp_path: Path) -> None:
    workspace, folder = make_audit(tmp_path, simulated=True)
    content = content_of(written(workspace, folder, tmp_path / "out").html.read_text("utf-8"))
    assert content["simulated"] is True
