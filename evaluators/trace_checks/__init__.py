"""Deterministic checks of a trace, shown beside the judges' scores and never turned into one."""

from __future__ import annotations

from spinebench.audit_records import AuditTrace, TraceCheck
from spinebench.evaluators.trace_checks.conclusion import conclusion
from spinebench.evaluators.trace_checks.image import modality, view
from spinebench.evaluators.trace_checks.persona import persona
from spinebench.evaluators.trace_checks.places import level, side
from spinebench.evaluators.trace_checks.statements import said

__all__ = ["check_trace"]


def check_trace(trace: AuditTrace) -> tuple[TraceCheck, ...]:
    """The six checks of a trace, always all of them, in the order conclusion, level, side, view, modality, persona.

    They read English. `contradicts` is meant to be seldom wrong, so much that a reader would call a contradiction
    comes out as `not_stated`; neither verdict says anything about the quality of the reasoning. Time is linear in the
    length of the trace.
    """
    texts = [said(text) for text in (trace.answer.reasoning, trace.answer.text) if text]
    return (
        conclusion(trace),
        level(trace, texts),
        side(trace, texts),
        view(trace, texts),
        modality(trace, texts),
        persona(trace),
    )
