"""What holds the folders together: import direction, light imports, one import name."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = [
    path
    for folder in ("spinebench", "agents", "evaluators", "rubrics", "dashboard")
    for path in sorted((ROOT / folder).rglob("*.py"))
]

GROUND = {
    "spinebench",
    "spinebench.records",
    "spinebench.audit_records",
    "spinebench.terms",
    "spinebench.errors",
}
"""Importable from everywhere: records and the vocabulary and errors that stand beside them."""

MAY_IMPORT: dict[str, set[str]] = {
    "records": set(),
    "audit_records": set(),
    "terms": set(),
    "errors": set(),
    "benchmarks": set(),
    "models": set(),
    "store": set(),
    "evaluators": set(),
    "rubrics": set(),
    "agents": {"models", "rubrics", "evaluators"},
    "runs": {"benchmarks", "models", "store", "evaluators", "rubrics", "agents"},
    "audits": {"benchmarks", "models", "store", "evaluators", "rubrics", "agents", "runs", "exchange"},
    "corpus": {"benchmarks", "models", "store", "agents", "runs"},
    "builder": {"benchmarks", "models", "store", "evaluators", "agents", "runs", "rating"},
    "rating": {"benchmarks", "store", "evaluators", "rubrics", "exchange"},
    "exchange": {"store", "evaluators", "rubrics"},
    "demo": {"benchmarks", "models", "exchange"},
    "dashboard": {
        "benchmarks",
        "store",
        "evaluators",
        "rubrics",
        "audits",
        "rating",
        "exchange",
        "runs",
        "builder",
    },
    "api": {"benchmarks", "models", "store", "evaluators", "rubrics", "agents", "runs", "audits"},
}
"""Package -> packages of ours it may import, beside itself and the ground; commands may import everything."""


def _package(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    if parts[0] == "spinebench":
        parts = parts[1:]
    return parts[0]


def _imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found.add(node.module or "")
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return {name for name in found if name.split(".")[0] == "spinebench"}


def test_there_are_sources() -> None:
    assert len(SOURCES) > 40


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_only_downwards(path: Path) -> None:
    package = _package(path)
    if package in {"cli", "__main__", "__init__"}:
        return
    allowed = MAY_IMPORT[package] | {package}
    for name in _imports(path):
        assert name in GROUND or name.split(".")[1] in allowed, f"{package} imports {name}"


def test_a_package_import_is_light_and_alone() -> None:
    heavy = (
        "torch",
        "transformers",
        "streamlit",
        "openai",
        "anthropic",
        "google.genai",
        "langgraph",
        "duckdb",
    )
    code = (
        "import sys, spinebench\n"
        f"assert not set(sys.modules) & set({heavy!r}), sorted(set(sys.modules) & set({heavy!r}))\n"
        "assert 'agents' not in sys.modules and 'evaluators' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_folders_are_subpackages_only() -> None:
    code = (
        "import sys, spinebench.agents.exam, spinebench.evaluators.scoring\n"
        "assert not {'agents', 'evaluators', 'rubrics', 'dashboard'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_help_loads_nothing_heavy() -> None:
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "spinebench", "--help"],
        check=True, capture_output=True, text=True, cwd=ROOT,
    )  # fmt: skip
    loaded = {line.rsplit("|", 1)[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    heavy = {
        "langgraph",
        "openai",
        "anthropic",
        "google",
        "torch",
        "transformers",
        "streamlit",
        "pandas",
        "duckdb",
    }
    assert not loaded & heavy
    assert "typer" in loaded
    assert "resume" in done.stdout
