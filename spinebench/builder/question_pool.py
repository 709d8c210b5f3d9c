"""Pools of wordings: several ways to ask the same of every image, by task and language, from files that people read."""

from __future__ import annotations

from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any, Final, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from spinebench.builder.question_rules import problems_of_pool, problems_of_wording
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import DataError, UsageError
from spinebench.records import Language, Record, Task

SHIPPED: Final = "shipped"
PAGE: Final = "docs/builder-questions.md"
TASKS: Final = (Task.DIAGNOSIS, Task.LOCALIZATION)
_SHIPPED_LANGUAGES: Final = ("en", "zh")


class QuestionPlan(Record):
    """Where the wordings of the questions come from, and in which languages is asked."""

    pools: tuple[str, ...] = Field(
        default=(SHIPPED,),
        min_length=1,
        description="Pool files, YAML, relative to the plan; `shipped` stands for the pools that come along.",
    )
    languages: tuple[Language, ...] = Field(
        default=("en",),
        min_length=1,
        description="Languages of the questions; with several, each item is asked in one of them, spread evenly. "
        "Options stay in the vocabulary's words.",
    )

    @field_validator("pools", "languages")
    @classmethod
    def _each_once(cls, values: tuple[str, ...]) -> tuple[str, ...]:
        if len(set(values)) < len(values):
            raise ValueError(f"{list(values)!r}: expected each once")
        return values


class Phrasing(Record):
    """One wording."""

    id: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    """Unique in a build."""
    text: str


class PoolFile(Record):
    """The wordings of one task in one language, as they stand in a file."""

    task: Task
    language: Language
    reference: str
    """What every wording has to ask, no more and no less; itself not necessarily one of them."""
    phrasings: tuple[Phrasing, ...] = Field(min_length=1)
    written: dict[str, Any] | None = None
    """Of a pool that a model wrote: models, hashes of prompts, counts."""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.task not in TASKS:
            raise ValueError(
                f"task {self.task.value!r}: expected {' or '.join(task.value for task in TASKS)}"
            )
        ids = [one.id for one in self.phrasings]
        if twice := sorted({one for one in ids if ids.count(one) > 1}):
            raise ValueError(f"phrasing ids {twice!r}: expected each once")
        return self


class QuestionPool(Record):
    """The wordings of a build."""

    files: tuple[PoolFile, ...]
    languages: tuple[Language, ...]

    def phrasings(self, task: Task, language: str) -> tuple[Phrasing, ...]:
        """In the order of the files. Raises `UsageError` where there are none."""
        found = tuple(
            one
            for file in self.files
            if file.task is task and file.language == language
            for one in file.phrasings
        )
        if not found:
            there = ", ".join(f"{file.task.value} in {file.language}" for file in self.files) or "nothing"
            raise UsageError(
                f"wordings of {task.value} in {language!r}: expected at least one, the pools hold {there}; add a pool "
                f"file, or choose another language ({PAGE})"
            )
        return found


def load_pool(
    plan: QuestionPlan, *, vocabulary: Vocabulary, tasks: Iterable[Task] = TASKS, base: Path | None = None
) -> QuestionPool:
    """The wordings of a plan's languages, every one checked by the rules; `base`: the plan's folder.

    Raises `UsageError` for a file that cannot be read or a task without wordings in a language, `DataError` with file
    and phrasing for a wording that may not be used, or that stands there twice or nearly so.
    """
    named: list[tuple[str, PoolFile]] = []
    for pool in plan.pools:
        if pool == SHIPPED:
            named += [
                (f"{task.value}-{language}.yaml (shipped)", shipped_pool(task, language))
                for task in TASKS
                for language in _SHIPPED_LANGUAGES
            ]
        else:
            named.append((pool, read_pool((base or Path()) / pool)))
    named = [(name, file) for name, file in named if file.language in plan.languages]
    owners: dict[str, str] = {}
    for name, file in named:
        _check(name, file, vocabulary)
        for one in file.phrasings:
            if owners.setdefault(one.id, name) != name:
                raise DataError(
                    f"pool {name!r}, phrasing {one.id!r}: expected an id of its own, {owners[one.id]!r} has it too; "
                    "rename one of them"
                )
    result = QuestionPool(files=tuple(file for _, file in named), languages=plan.languages)
    for task in tasks:
        for language in plan.languages:
            _check_together(task, language, result.phrasings(task, language))
    return result


def shipped_pool(task: Task, language: str) -> PoolFile:
    """The pool that comes along for a task in `en` or `zh`."""
    name = f"{task.value}-{language}.yaml"
    text = files("spinebench.builder").joinpath("questions", name).read_text("utf-8")
    return _parsed(text, name)


def read_pool(path: Path) -> PoolFile:
    """A pool of a YAML file, its form checked, not its wordings. Raises `UsageError` or `DataError`."""
    try:
        text = path.read_text("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise UsageError(
            f"pool {str(path)!r}: expected a YAML file to read, but {why}; correct the name in the plan"
        ) from error
    return _parsed(text, str(path))


def _parsed(text: str, name: str) -> PoolFile:
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise DataError(
            f"pool {name!r}{where}: expected YAML, found {getattr(error, 'problem', None) or 'nesting too deep'}; "
            f"correct the file ({PAGE})"
        ) from error
    try:
        return PoolFile.model_validate(value)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(
            f"pool {name!r}, {where}: {first['msg']}, found {str(first['input'])[:80]!r}; correct the file ({PAGE})"
        ) from error


def _check(name: str, file: PoolFile, vocabulary: Vocabulary) -> None:
    wordings = [("reference", file.reference), *((one.id, one.text) for one in file.phrasings)]
    for one, text in wordings:
        problems = problems_of_wording(text, task=file.task, language=file.language, vocabulary=vocabulary)
        if problems:
            raise DataError(
                f"pool {name!r}, phrasing {one!r}, {text[:80]!r}: expected a wording that suits every image, but it "
                f"{'; it '.join(problems)}; change or remove it ({PAGE})"
            )


def _check_together(task: Task, language: str, phrasings: tuple[Phrasing, ...]) -> None:
    for place, earlier, why in problems_of_pool([one.text for one in phrasings]):
        raise DataError(
            f"wordings of {task.value} in {language!r}, phrasing {phrasings[place].id!r}: expected a text of its own, "
            f"it {why} as {phrasings[earlier].id!r}; remove one of them"
        )
