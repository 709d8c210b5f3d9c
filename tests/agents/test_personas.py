from __future__ import annotations

from pathlib import Path

import pytest

from spinebench.agents.personas import PERSONAS, Template, load_persona, packaged
from spinebench.errors import UsageError
from spinebench.records import Task

CHOICE_TASKS = (Task.DIAGNOSIS, Task.LOCALIZATION, Task.KNOWLEDGE)
CLOSING = {
    Task.DIAGNOSIS: "My final option: [X]",
    Task.LOCALIZATION: "My final options: [X, Y, ...]",
    Task.KNOWLEDGE: "My final option: [X]",
}


@pytest.mark.parametrize("name", PERSONAS)
@pytest.mark.parametrize("task", CHOICE_TASKS, ids=str)
def test_every_template_ends_with_the_exact_closing_line(name: str, task: Task) -> None:
    text = load_persona(name).template(task).text
    assert text.splitlines()[-1] == CLOSING[task]
    assert "on a new line" in text
    assert text.index("{{question}}") < text.index("{{options}}")


@pytest.mark.parametrize("name", ["surgeon", "radiologist"])
@pytest.mark.parametrize("task", CHOICE_TASKS, ids=str)
def test_personas_carry_every_required_element(name: str, task: Task) -> None:
    text = load_persona(name).template(task).text.lower()
    required = {
        "simulated scenario": "simulated scenario, written for teaching and evaluation",
        "persona": "board-certified",
        "experience": "decades of",
        "stay in role": "stay in this role",
        "no mention of being an AI": "do not mention being an ai",
        "no advice to see a physician": "do not advise anyone to see a real physician",
        "reasoning": "your reasoning" if task is Task.LOCALIZATION else "the reasoning behind your choice",
        "count": "there may be one correct option or several"
        if task is Task.LOCALIZATION
        else "the single best option",
    }
    missing = [element for element, words in required.items() if words not in text]
    assert missing == []


def test_a_template_is_filled_once() -> None:
    template = Template(text="Q {{question}} / {{options}} {{", hash="0")
    assert template.fill(question="{{options}}", options="A: x") == "Q {{options}} / A: x {{"


def test_a_users_own_template_is_used_word_for_word(tmp_path: Path) -> None:
    file = tmp_path / "paper.txt"
    file.write_text("{{question}}\nOptions {{options}}\nMy final option: [X]\n", "utf-8")
    persona = load_persona(str(file))
    assert persona.name == "file:paper"
    assert persona.template(Task.DIAGNOSIS).text == "{{question}}\nOptions {{options}}\nMy final option: [X]"
    assert persona.hash() != packaged("surgeon").hash()


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("no places", "{{question}}"),
        ("{{question}} {{options}} {{patient}}", "{{patient}}"),
    ],
    ids=["places missing", "unknown place"],
)
def test_a_bad_template_is_refused_with_what_to_do(tmp_path: Path, text: str, problem: str) -> None:
    file = tmp_path / "own.md"
    file.write_text(text, "utf-8")
    with pytest.raises(UsageError) as caught:
        load_persona(str(file))
    assert problem in str(caught.value)


def test_an_unknown_persona_names_the_known_ones() -> None:
    with pytest.raises(UsageError, match="surgeon, radiologist, none"):
        load_persona("surgon")


def test_a_task_without_a_template_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "own.yaml"
    file.write_text("templates:\n  diagnosis: '{{question}} {{options}}'\n", "utf-8")
    with pytest.raises(UsageError, match="localization"):
        load_persona(str(file)).template(Task.LOCALIZATION)
