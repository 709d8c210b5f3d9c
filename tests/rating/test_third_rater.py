"""A third rater's packet: blinded, asks for what is open and nothing else, and comes back as decisions."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from spinebench.audit_records import RaterCard
from spinebench.errors import UsageError
from spinebench.exchange.packets import PACKET_FORMAT, WrittenPacket, packet_content
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.adjudicating import Decision, decide, disputes
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.locking import lock_ratings
from spinebench.rating.third_rater import decide_from_packet, third_rater_packet
from spinebench.store import AuditFolder
from tests.exams import Said
from tests.exchange.test_packets import content_of, everything_in
from tests.rated_audits import MODELS, PERSONA, RUN, make_audit
from tests.rating.test_after_rating import rating

AT = datetime(2026, 3, 4, tzinfo=UTC)
RATERS = ("north", "south")
CARDS = (*RATERS, "umpire")
IN = ("--workspace", "workspace")
Cli = Callable[..., Said]


@pytest.fixture
def audit(tmp_path: Path) -> AuditFolder:
    """Locked: `north` gives 1 to everything; `south` 5 on the first two traces, 1 elsewhere."""
    workspace, folder = make_audit(tmp_path)
    for rater in CARDS:
        workspace.save_rater(RaterCard(rater=rater))
    folder.write_assignments(
        assign([Rateable.of(t) for t in folder.traces()], RATERS, audit_id=folder.audit_id, seed=3, at=AT)
    )
    book = RatingBook.open(folder)
    apart = list(book.traces)[:2]
    folder.add_ratings(
        [
            rating(book, one, score=5 if one.rater == "south" and one.shown.trace_id in apart else 1)
            for one in book.packets.values()
        ]
    )
    lock_ratings(folder, at=AT)
    return folder


def filled(
    audit: AuditFolder, path: Path, *, scores: dict[str, int | str], show: bool = False, **changes: Any
) -> Path:
    """What the page saves when every case is given these scores, of the dimensions it is asked for."""
    packet = third_rater_packet(audit, "umpire", show_scores=show)
    content: dict[str, Any] = packet_content(packet.book, "umpire", {})
    path.write_text(
        json.dumps(
            {
                "format": PACKET_FORMAT,
                "set": content["set"],
                "rater": "umpire",
                "rubric_hash": content["rubric_hash"],
                "ratings": [
                    {
                        "packet_id": case["packet_id"],
                        "shown_sha256": case["shown_sha256"],
                        "dimensions": {name: scores[name] for name in case["dimensions"] if name in scores},
                        "failure_modes": [],
                        "safety": False,
                        "comment": "",
                        **changes,
                    }
                    for case in content["cases"]
                ],
            }
        )
    )
    return path


@pytest.mark.parametrize("scores", [True, False], ids=["scores shown", "scores not shown"])
def test_the_packet_tells_neither_model_nor_whose_score(
    audit: AuditFolder, tmp_path: Path, cli: Cli, scores: bool
) -> None:
    show = ("--show-scores",) if scores else ()
    said = cli("rate", "packets", "latest", "--third-rater", "umpire", *show, "--out", "out", *IN, "--json")
    assert said.code == 0, said.err
    record = said.record("packet")
    files = WrittenPacket("umpire", Path(record["html"]), Path(record["csv"]), 2, 1)
    text = everything_in(files)
    secrets = {*MODELS, *RATERS, "openai", "anthropic", PERSONA, RUN, "secret", audit.audit_id, "incorrect"}
    for trace in audit.traces():
        secrets |= {trace.trace_id, trace.answer.key.id(), trace.item.id, trace.item.cluster}
    assert [one for one in secrets if one.casefold() in text] == []
    cases = content_of(files.html.read_text("utf-8"))["cases"]
    assert len(cases) == 2
    for case in cases:
        assert case["modes"] == []
        assert case.get("earlier") == ({name: [1, 5] for name in case["dimensions"]} if scores else None)
    assert (record["n_open"], record["scores_shown"]) == (len(disputes(audit)), scores)


def test_only_open_dimensions_are_asked(audit: AuditFolder) -> None:
    first = disputes(audit)[0]
    decide(audit, [Decision(first.trace_id, first.dimension, 3, "consensus")], raters=CARDS, at=AT)
    packet = third_rater_packet(audit, "umpire")
    asked = {
        (trace.trace_id, one.id)
        for trace in packet.book.traces.values()
        for one in packet.book.asked_of(trace)
    }
    assert asked == {(one.trace_id, one.dimension) for one in disputes(audit)[1:]}


def test_the_filled_packet_becomes_decisions(audit: AuditFolder, tmp_path: Path) -> None:
    given: dict[str, int | str] = {"clinical_rationality": 3, "visual_features": "cannot_assess"}
    page = filled(audit, tmp_path / "umpire.json", scores=given, comment="the level is right", safety=True)
    made, rejected = decide_from_packet(audit, page, raters=CARDS, at=AT)
    assert rejected == []
    assert {(one.dimension, one.score, one.by, one.rater, one.note) for one in made} == {
        ("clinical_rationality", 3, "third_rater", "umpire", "safety concern; the level is right"),
        ("visual_features", None, "third_rater", "umpire", "safety concern; the level is right"),
    }
    left = {one.dimension for one in disputes(audit) if one.decided is None}
    assert "clinical_rationality" not in left
    assert decide_from_packet(audit, page, raters=CARDS, at=AT) == ([], [])  # the same file adds nothing


def test_a_decision_tells_whether_the_scores_were_in_sight(audit: AuditFolder, tmp_path: Path) -> None:
    page = filled(audit, tmp_path / "umpire.json", scores={"clinical_rationality": 3}, show=True)
    made, rejected = decide_from_packet(audit, page, raters=CARDS, at=AT)
    assert (rejected, {one.note for one in made}) == ([], {"scores shown"})


def test_the_table_comes_back_too(audit: AuditFolder, tmp_path: Path, cli: Cli) -> None:
    assert cli("rate", "packets", "latest", "--third-rater", "umpire", "--out", "out", *IN).code == 0
    table = Path("out/umpire-decisions.csv")
    rows = list(csv.reader(io.StringIO(table.read_text("utf-8-sig"), newline="")))
    place = rows[0].index("clinical_rationality")
    rows[1][place] = "3"
    with Path("filled.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(rows)
    said = cli("rate", "adjudicate", "latest", "--filled", "filled.csv", *IN)
    assert said.code == 0, said.err
    assert "1 decisions recorded" in said.err
    assert [one.decided.score for one in disputes(audit) if one.decided is not None] == [3]


def test_what_was_decided_meanwhile_stands(audit: AuditFolder, tmp_path: Path) -> None:
    page = filled(audit, tmp_path / "umpire.json", scores={"clinical_rationality": 3})
    first = next(one for one in disputes(audit) if one.dimension == "clinical_rationality")
    decide(audit, [Decision(first.trace_id, first.dimension, 4, "consensus")], raters=CARDS, at=AT)
    made, rejected = decide_from_packet(audit, page, raters=CARDS, at=AT)
    assert [(one.trace_id == first.trace_id) for one in made] == [False]
    assert [(one.field, one.value) for one in rejected] == [("clinical_rationality", "3")]
    assert "decided meanwhile by consensus" in rejected[0].reason


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"rater": "nobody"}, "rater"),
        ({"rater": "north"}, "set"),
        ({"set": "0" * 24}, "set"),
        ({"rubric_hash": "0" * 64}, "rubric_hash"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_file_of_another_packet_is_rejected(
    audit: AuditFolder, tmp_path: Path, changes: dict[str, str], field: str
) -> None:
    page = filled(audit, tmp_path / "umpire.json", scores={"clinical_rationality": 3})
    page.write_text(json.dumps({**json.loads(page.read_text()), **changes}))
    made, rejected = decide_from_packet(audit, page, raters=CARDS, at=AT)
    assert made == []
    assert [one.field for one in rejected] == [field]


def test_scores_off_the_scale_and_foreign_packets_are_named(audit: AuditFolder, tmp_path: Path) -> None:
    page = filled(audit, tmp_path / "umpire.json", scores={"clinical_rationality": 9})
    assert {one.field for one in decide_from_packet(audit, page, raters=CARDS, at=AT)[1]} == {
        "clinical_rationality"
    }
    page = filled(
        audit, tmp_path / "umpire.json", scores={"clinical_rationality": 3}, packet_id="0123456789ab"
    )
    made, rejected = decide_from_packet(audit, page, raters=CARDS, at=AT)
    assert (made, {one.field for one in rejected}) == ([], {"packet_id"})


def test_who_has_rated_them_decides_none(audit: AuditFolder, cli: Cli) -> None:
    with pytest.raises(UsageError, match="has rated all that is open"):
        third_rater_packet(audit, "north")
    assert "expected one with a card" in cli("rate", "packets", "--third-rater", "ghost", *IN).err
    assert cli("rate", "packets", "--show-scores", *IN).code == 2
    assert cli("rate", "packets", "--third-rater", "umpire", "--rater", "north", *IN).code == 2


def test_before_the_lock_there_is_none(tmp_path: Path) -> None:
    _, folder = make_audit(tmp_path, images=False)
    with pytest.raises(UsageError, match="rate lock"):
        third_rater_packet(folder, "umpire")
