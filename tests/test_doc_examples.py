"""The examples of the pages are what they are called: plans, gates, rubrics, benchmark files, statements, calls."""

from __future__ import annotations

import ast
import re
from importlib import import_module
from pathlib import Path

import pytest
import yaml

from spinebench.benchmarks.load import load_benchmark
from spinebench.exchange.audit_facts import AuditFacts
from spinebench.exchange.sheets import reporting_sheets
from spinebench.rubrics.load import find_problems
from spinebench.runs.gates import parse_gate
from spinebench.runs.plan import plan_from
from tests.stored_audits import spec

DOCS = Path(__file__).resolve().parent.parent / "docs"


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language."""
    text = (DOCS / page).read_text("utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


PLANS = [
    pytest.param(text, id=f"{page} {number}")
    for page in ("plan-file.md", "audit.md")
    for number, text in enumerate(blocks(page, "yaml"))
    if "benchmark:" in text
]
GATES = [
    pytest.param(gate, id=gate)
    for page in ("plan-file.md", "audit.md")
    for text in blocks(page, "yaml")
    for gate in yaml.safe_load(text).get("gates", ())
]
IMPORTS = [
    pytest.param(node, id=f"{page.name}: {ast.unparse(node)}")
    for page in sorted(DOCS.glob("*.md"))
    for text in blocks(page.name, "python")
    for node in ast.walk(ast.parse(text))
    if isinstance(node, ast.ImportFrom)
]


@pytest.mark.parametrize("text", PLANS)
def test_plans_are_taken(text: str, tmp_path: Path) -> None:
    file = tmp_path / "plan.yaml"
    file.write_text(text, "utf-8")
    assert plan_from(flags={}, file=file).models


@pytest.mark.parametrize("gate", GATES)
def test_gates_are_taken(gate: str) -> None:
    metric, *_ = re.split(r"\W", gate)
    assert parse_gate(gate).metric == metric


def test_the_rubric_has_no_problem(tmp_path: Path) -> None:
    (text,) = blocks("rubrics.md", "yaml")
    file = tmp_path / "surgical_plan.yaml"
    file.write_text(text, "utf-8")
    assert find_problems(file) == ()


@pytest.mark.parametrize(
    ("number", "name", "tasks"),
    [
        (0, "test.json", ["diagnosis", "localization"]),
        (1, "mine.jsonl", ["diagnosis", "localization", "knowledge", "report", "consultation"]),
    ],
    ids=["pathology", "native"],
)
def test_benchmark_files_are_read(number: int, name: str, tasks: list[str], tmp_path: Path) -> None:
    file = tmp_path / name
    file.write_text(blocks("benchmark-files.md", "json")[number], "utf-8")
    assert [item.task.value for item in load_benchmark(file).items] == tasks


def test_statements_are_about_items_of_sheets() -> None:
    (text,) = blocks("reporting.md", "yaml")
    said = yaml.safe_load(text)
    sheets = reporting_sheets(AuditFacts(audit=spec(), statements=said))
    answers = [answer.text for sheet in sheets for item in sheet.items for answer in item.answers]
    assert all(one.strip() in answers for one in said.values())


@pytest.mark.parametrize("node", IMPORTS)
def test_names_are_imported_from_where_they_are(node: ast.ImportFrom) -> None:
    assert node.module is not None
    module = import_module(node.module)
    assert [name.name for name in node.names if not hasattr(module, name.name)] == []
