"""An audit graph of scripted judges, and what it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from spinebench.agents.audit import AuditGraph, audit_graph
from spinebench.audit_records import AuditTrace, Blinding, Judgement
from tests.agents.audit_cases import RUBRICS, OneImage, quick, reply, trace, verdict
from tests.scripted_model import ScriptedModel

if TYPE_CHECKING:
    from spinebench.agents.audit_state import AuditInput, AuditOutput

FIRST, SECOND = "openai/judge-a", "anthropic/judge-b"


def judge(*script: Any, name: str = FIRST, **more: Any) -> ScriptedModel:
    """A judge that says what is scripted, then a verdict without fault."""
    return ScriptedModel(script, otherwise=reply(verdict()), name=name, account=name, **more)


def given(audited: AuditTrace | None = None, **more: Any) -> AuditInput:
    """What the graph is entered with."""
    audited = audited or trace()
    return {"trace": audited.model_dump(mode="json"), "audit_id": "audit-1", **more}  # type: ignore[typeddict-item]


def graph(*judges: ScriptedModel, images: OneImage | None = None, **more: Any) -> AuditGraph:
    """The graph of these judges; without images a text-only one."""
    settings: dict[str, Any] = {
        "rubrics": RUBRICS,
        "gateway": quick(),
        "images": images,
        "blinding": Blinding(image=images is not None),
        **more,
    }
    return audit_graph(judges, **settings)


def judgements(state: AuditOutput | dict[str, Any]) -> list[Judgement]:
    """The judgements that the graph gave out."""
    return [Judgement.model_validate(one) for one in state["judgements"]]
