"""Whole audits with simulated models, judges and clinicians on text-only questions, for tests of what is told."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import spinebench
from spinebench.audits.plan import audit_plan_of
from spinebench.audits.prepare import prepare_audit
from spinebench.audits.sitting import audit_through
from spinebench.demo.clinicians import CLINICIANS, fill_packet
from spinebench.exchange.rating_book import RatingBook
from spinebench.rating.assigning import Rateable, assign
from spinebench.rating.importing import import_ratings
from spinebench.store import AuditFolder, Workspace

AT = datetime(2026, 1, 5, 9, tzinfo=UTC)
LABELS = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Vertebral collapse"]


def judged(folder: Path, *, n: int = 30, **plan: Any) -> tuple[Workspace, AuditFolder]:
    """Three models on `n` diagnosis questions, all their traces judged."""
    benchmark = folder / "planted.jsonl"
    benchmark.write_text(
        "".join(
            json.dumps(
                {
                    "id": f"q{number}",
                    "benchmark": "planted",
                    "task": "diagnosis",
                    "question": f"Which finding does film {number} show?",
                    "options": LABELS,
                    "gold": [LABELS[number % 5]],
                }
            )
            + "\n"
            for number in range(n)
        ),
        "utf-8",
    )
    workspace = Workspace(folder / "workspace")
    spinebench.run(
        {"benchmark": str(benchmark), "models": ["sim/careful", "sim/overcaller", "sim/guesser"], "seed": 11},
        workspace=workspace.path,
    )
    values = {"runs": "latest", "judges": ["sim/judge-lenient", "sim/judge-noisy"], "per_cell": n, "seed": 3}
    prepared = prepare_audit(audit_plan_of({**values, **plan}), workspace)
    asyncio.run(audit_through(prepared, workspace))
    return workspace, workspace.audit(prepared.spec.audit_id)


def rate(workspace: Workspace, audit: AuditFolder, folder: Path) -> None:
    """Three simulated clinicians rate every trace of it that was referred."""
    for rater, clinician in CLINICIANS.items():
        workspace.save_rater(clinician.card(rater))
    reviews = audit.reviews()
    referred = [Rateable.of(trace) for trace in audit.traces() if reviews[trace.trace_id].refers_by]
    audit.write_assignments(assign(referred, list(CLINICIANS), audit_id=audit.audit_id, seed=5, at=AT))
    book = RatingBook.open(audit)
    files = [
        fill_packet(book, rater, folder / f"{rater}.json", clinician=clinician, seed=7, at=AT)
        for rater, clinician in CLINICIANS.items()
    ]
    assert not [one for file in import_ratings(audit, files, at=AT) for one in file.rejected]
