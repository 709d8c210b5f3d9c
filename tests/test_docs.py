"""The pages agree with the code and with each other."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from spinebench.audits.plan import AuditPlan
from spinebench.cli.app import COMMANDS
from spinebench.runs.plan import RunPlan
from spinebench.runs.plan_fields import Flag

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
LINK = re.compile(r"\[[^\]]*\]\(([^)#]+)(?:#[^)]*)?\)")
CALL = re.compile(r"^\s*(?:\$ )?(?:\.venv/bin/)?spinebench ([a-z]+)\b", re.MULTILINE)
WITH_OPTIONS = re.compile(r"(?:^|[`\s(/])spinebench ([a-z]+ [^\n`#|]+)", re.MULTILINE)
FENCED = re.compile(r"^```[a-z]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
OPTION = re.compile(r"(?<![\w-])(--[a-z][a-z-]+)")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    targets = [link for link in LINK.findall(page.read_text("utf-8")) if "://" not in link]
    assert [link for link in targets if not (page.parent / link).exists()] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_named_exist(page: Path) -> None:
    blocks = "\n".join(FENCED.findall(page.read_text("utf-8")))
    assert set(CALL.findall(blocks)) <= set(COMMANDS)


@pytest.fixture(scope="module")
def commands() -> dict[tuple[str, ...], set[str]]:
    """Words of a command -> the options it takes."""
    import typer

    def collect(command: Any, words: tuple[str, ...]) -> None:
        options = {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        found[words] = options | {"--help"} | found.get(words[:-1], set())
        for name in command.list_commands(None) if hasattr(command, "list_commands") else ():
            collect(command.get_command(None, name), (*words, name))

    found: dict[tuple[str, ...], set[str]] = {}
    for name, (module, _) in COMMANDS.items():
        collect(typer.main.get_command(import_module(module).app), (name,))
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_options_named_with_a_command_are_its_own(
    page: Path, commands: dict[tuple[str, ...], set[str]]
) -> None:
    unknown = []
    for call in WITH_OPTIONS.findall(page.read_text("utf-8").replace("\\\n", " ")):
        words: tuple[str, ...] = ()
        for word in call.split():
            option = OPTION.match(word.strip("[]"))
            if (*words, word) in commands:
                words = (*words, word)
            elif words and option and option.group() not in commands[words]:
                unknown.append(f"{' '.join(words)} {option.group()}")
    assert unknown == []


def test_the_readme_names_the_two_commands() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    assert "make demo" in text
    assert "make test" in text


def test_the_plan_page_names_every_key_and_its_option() -> None:
    text = (ROOT / "docs" / "plan-file.md").read_text("utf-8")
    missing = []
    for name, info in RunPlan.model_fields.items():
        flags = [meta.names.split()[0] for meta in info.metadata if isinstance(meta, Flag)]
        dashed = f"--{name.replace('_', '-')}"
        for needed in (f"`{name}`", *flags):
            same_with_dashes = needed == dashed and f"`{name}`" in text
            if needed not in text and not same_with_dashes:
                missing.append(needed)
    assert missing == []


def test_the_plan_page_names_no_option_that_is_not_there() -> None:
    text = (ROOT / "docs" / "plan-file.md").read_text("utf-8")
    known = {
        part
        for plan in (RunPlan, AuditPlan)
        for info in plan.model_fields.values()
        for meta in info.metadata
        if isinstance(meta, Flag)
        for name in meta.names.split()
        for part in name.split("/")
    }
    assert set(OPTION.findall(text)) - known - {"--print-config", "--dry-run", "--show"} == set()
