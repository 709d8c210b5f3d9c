"""Finds traces that say which model wrote them. The text stays as it is; the study lead is told."""

from __future__ import annotations

from spinebench.audit_records import AuditTrace
from spinebench.evaluators.self_naming import naming_spans

_AROUND = 30
"""Characters told on either side of a name."""


def names_its_model(trace: AuditTrace) -> tuple[str, ...]:
    """Passages of the trace (native reasoning and answer) that name its model, any model family or its maker.

    Found as `evaluators.self_naming` finds them for judges, with some words around. Empty: none was found, which is no
    proof.
    """
    return tuple(
        dict.fromkeys(
            " ".join(text[max(0, start - _AROUND) : end + _AROUND].split())
            for text in (trace.answer.reasoning or "", trace.answer.text)
            for start, end in naming_spans(text, model=trace.answer.key.model)
        )
    )
