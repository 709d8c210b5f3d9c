"""Simulated clinicians: fill packets with ratings around the planted truth. They stand for nobody.

What they fill in is the file that a packet's page saves, so it takes the same way into an audit as a clinician's.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import MappingProxyType

from spinebench.audit_records import RaterCard
from spinebench.exchange.packets import PACKET_FORMAT
from spinebench.exchange.rating_book import Packet, RatingBook
from spinebench.models.simulated_quality import Reader, draw, marks, planted, vote
from spinebench.records import JsonValue


@dataclass(frozen=True)
class SimulatedClinician:
    """How one simulated clinician rates."""

    reader: Reader
    cannot_assess: float
    """Probability that a dimension is left without a score."""

    def card(self, rater: str) -> RaterCard:
        return RaterCard(rater=rater, training="none: a simulation", simulated=True)


CLINICIANS: Mapping[str, SimulatedClinician] = MappingProxyType(
    {
        "sim-steady": SimulatedClinician(Reader(noise=0.20, finds=0.85, invents=0.03), cannot_assess=0.02),
        "sim-severe": SimulatedClinician(
            Reader(harsher=0.25, noise=0.20, finds=0.90, invents=0.06), cannot_assess=0.02
        ),
        "sim-mild": SimulatedClinician(
            Reader(milder=0.25, noise=0.25, finds=0.75, invents=0.02), cannot_assess=0.03
        ),
    }
)
"""steady: noise only; severe, mild: a quarter of the votes a step lower, higher."""


def fill_packet(
    book: RatingBook, rater: str, path: Path, *, clinician: SimulatedClinician, seed: int, at: datetime
) -> Path:
    """Write the file that the rater's packet would save, with every showing rated. Returns its path.

    A rating depends on (seed, rater, item, trace text, first or second showing) alone; the times are made up, two
    minutes apart from `at` on.
    """
    packets = [book.packets[shown.packet_id] for shown in book.assignments[rater].traces]
    content: JsonValue = {
        "format": PACKET_FORMAT,
        "set": book.set_id(rater),
        "rater": rater,
        "rubric_hash": book.spec.rubric_hash,
        "ratings": [
            _rating(book, packet, clinician, seed=seed, opened=at + timedelta(minutes=2 * number))
            for number, packet in enumerate(packets)
        ],
    }
    path.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    return path


def _rating(
    book: RatingBook, packet: Packet, clinician: SimulatedClinician, *, seed: int, opened: datetime
) -> JsonValue:
    trace = packet.trace
    correct = trace.pick.trace.correct
    dimensions = book.asked(packet.task)
    modes = [mode.id for mode in book.asked_modes(packet.task)]
    truth = planted(
        trace.answer.text,
        trace.item.id,
        correct=correct,
        scales={dimension.id: dimension.scale for dimension in dimensions},
        modes=modes,
    )
    key = (seed, packet.rater, trace.item.id, trace.answer.text, packet.shown.duplicate)
    scores: dict[str, JsonValue] = {}
    for dimension in dimensions:
        rng = draw("clinician", dimension.id, *key)
        given_up = rng.random() < clinician.cannot_assess
        score = vote(truth.scores[dimension.id], dimension.scale, clinician.reader, correct=correct, rng=rng)
        scores[dimension.id] = "cannot_assess" if given_up else score
    return {
        "packet_id": packet.shown.packet_id,
        "dimensions": scores,
        "failure_modes": marks(truth, modes, clinician.reader, draw("clinician marks", *key)),
        "safety": False,
        "comment": "",
        "shown_sha256": book.shown_sha256(trace),
        "opened_at": opened.isoformat(),
        "saved_at": (opened + timedelta(seconds=90)).isoformat(),
        "active_s": 80.0,
    }
