"""The prompt of a report or consultation composed again is the one that was sent."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from spinebench.agents.consultation import consultation_graph
from spinebench.agents.personas import packaged
from spinebench.agents.report import report_graph
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import ClinicalCase, FinishReason, Item, Task
from spinebench.runs.asked_prompt import asked_prompt
from tests.scripted_model import ScriptedModel

CASE = ClinicalCase(
    history="Leg pain.", examination="Weak toe.", key_facts=("a secret",), turns=("It hurts.",)
)


@pytest.mark.parametrize("task", [Task.REPORT, Task.CONSULTATION])
def test_free_text(task: Task) -> None:
    item = Item(
        id="i", benchmark="b", task=task, question="What now?", cluster="c", case=CASE, language="zh",
        reference="secret",
    )  # fmt: skip
    sent: list[ModelRequest] = []

    def decide(request: ModelRequest, number: int) -> ModelReply:
        sent.append(request)
        return ModelReply(text="So.", finish_reason=FinishReason.STOP)

    graph = (report_graph if task is Task.REPORT else consultation_graph)(ScriptedModel(decide=decide))
    asyncio.run(graph.ainvoke({"item": item.model_dump(mode="json")}))
    asked: dict[str, Any] = {
        "persona": "surgeon", "task": task.value, "question": item.question, "options": [], "permutation": [],
        "prompt_hash": packaged("surgeon").templates[task.value].hash,
    }  # fmt: skip
    prompt = asked_prompt(**asked, item=item)
    assert prompt == sent[0].messages[0].text
    assert prompt is not None
    assert "Leg pain." in prompt
    assert "secret" not in prompt
    assert asked_prompt(**asked) is None, "the case belongs to it"
