"""Persona templates: the packaged ones by name, a user's own by path. Each carries the hash of its text."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType

import yaml

from spinebench.errors import UsageError
from spinebench.records import WRITTEN_TASKS, Record, Task

PERSONAS: tuple[str, ...] = ("surgeon", "radiologist", "none")
"""The packaged personas; the first is the default."""


_PLACES: Mapping[Task, tuple[frozenset[str], frozenset[str]]] = MappingProxyType(
    {
        **dict.fromkeys(
            (Task.DIAGNOSIS, Task.LOCALIZATION, Task.KNOWLEDGE),
            (frozenset({"question", "options"}), frozenset[str]()),
        ),
        Task.REPORT: (frozenset({"question", "sections"}), frozenset({"language"})),
        Task.CONSULTATION: (frozenset({"question", "patient"}), frozenset({"language"})),
    }
)
"""Task -> the places that a template must have, and those that it may have beside them."""


class Template(Record):
    """One prompt text with `{{...}}` places to fill."""

    text: str
    hash: str
    """SHA-256 of `text`, stored with every answer."""

    def fill(self, **values: str) -> str:
        """The text with every `{{name}}` replaced; filled-in values are not searched for places again."""
        pieces: list[str] = []
        rest = self.text
        while rest:
            before, opened, after = rest.partition("{{")
            pieces.append(before)
            if not opened:
                break
            name, closed, rest = after.partition("}}")
            pieces.append(values[name.strip()] if closed else opened + name)
        return "".join(pieces)


class Persona(Record):
    """A persona's prompt for each task."""

    name: str
    """Packaged name, or `file:<stem>` for a user's own."""
    templates: dict[str, Template]

    def template(self, task: Task) -> Template:
        """The template of a task. Raises `UsageError` where the persona has none."""
        try:
            return self.templates[task.value]
        except KeyError:
            raise UsageError(
                f"persona {self.name!r} for task {task.value!r}: expected a template, found only "
                f"{', '.join(self.templates)}; add one or leave these items out with --task"
            ) from None

    def hash(self) -> str:
        """SHA-256 over the templates of all tasks: part of a run's digest."""
        joined = "\n".join(f"{task}:{template.hash}" for task, template in sorted(self.templates.items()))
        return hashlib.sha256(joined.encode()).hexdigest()


def _template(text: str) -> Template:
    text = text.strip("\n")
    return Template(text=text, hash=hashlib.sha256(text.encode()).hexdigest())


@cache
def packaged(name: str) -> Persona:
    """A template file of this package (`agents/prompts/<name>.yaml`)."""
    source = files("spinebench.agents").joinpath("prompts", f"{name}.yaml").read_text("utf-8")
    data = yaml.safe_load(source)
    return Persona(name=name, templates={task: _template(text) for task, text in data["templates"].items()})


def load_persona(name: str) -> Persona:
    """A packaged persona by name, or a user's own by path.

    A `.yaml` file maps tasks to texts under `templates`; any other file is one text for all tasks with options. Their
    texts need the places `{{question}}` and `{{options}}` and no others; a report's `{{question}}` and `{{sections}}`,
    a consultation's `{{question}}` and `{{patient}}`, both may have `{{language}}`. Raises `UsageError`.
    """
    if name in PERSONAS:
        return packaged(name)
    path = Path(name)
    if not path.is_file():
        raise UsageError(
            f"persona {name!r}: expected one of {', '.join(PERSONAS)} or the path of a template file; "
            "correct the name or the path"
        )
    text = path.read_text("utf-8")
    if path.suffix in {".yaml", ".yml"}:
        try:
            data = yaml.safe_load(text)
        except yaml.YAMLError as error:
            raise UsageError(
                f"persona file {name!r}: expected YAML, found {error}; correct the file"
            ) from error
        templates = data.get("templates") if isinstance(data, dict) else None
        known = {task.value for task in Task}
        if not isinstance(templates, dict) or not templates or not set(templates) <= known:
            raise UsageError(
                f"persona file {name!r}: expected a mapping 'templates' from tasks "
                f"({', '.join(sorted(known))}) to texts; correct the file"
            )
    else:
        templates = {task.value: text for task in Task if task not in WRITTEN_TASKS}
    persona = Persona(
        name=f"file:{path.stem}", templates={task: _template(str(value)) for task, value in templates.items()}
    )
    for task, template in persona.templates.items():
        needed, allowed = _PLACES[Task(task)]
        found = {place.strip() for place in re.findall(r"\{\{(.*?)\}\}", template.text, re.DOTALL)}
        if missing := sorted(needed - found):
            raise UsageError(
                f"persona file {name!r}, task {task!r}: expected the places {_braced(needed)}, found no "
                f"{_braced(missing)}; add it where it belongs"
            )
        if unknown := sorted(found - needed - allowed):
            raise UsageError(
                f"persona file {name!r}, place {_braced(unknown)}: expected only {_braced(needed | allowed)}; "
                "remove it"
            )
    return persona


def _braced(places: Iterable[str]) -> str:
    return " and ".join(f"{{{{{place}}}}}" for place in sorted(places))
