"""The form of a judge's reply, and whether a reply keeps to it: every quote in the trace, every score on its scale."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, ValidationError

from spinebench.agents.judge_case import JudgeCase, case_of
from spinebench.agents.judge_json import find_verdict
from spinebench.audit_records import AuditTrace, Blinding, Claim, ClaimVerdict, DimensionScore, FailureMark
from spinebench.models.protocol import JsonSchema
from spinebench.records import JsonValue, Record, Task
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric

_MOST_QUOTES = 20
"""Of one dimension or failure mode."""
_MOST_CLAIMS = 40
_MOST_CHARACTERS = 400_000
"""Of a reply, thinking included: some 100,000 tokens. What runs on beyond that is not read, so that a judge that
repeats itself without end does not hold up the others."""
_SHOWN = 160
"""Characters of a quote or passage that a problem repeats."""


def _whole(value: object) -> object:
    """4.0 is the number 4 in JSON; `"4"` and `"4/5"` are no numbers."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _folded(value: object) -> object:
    """An id as models vary it: upper case, spaces or hyphens for underscores."""
    return "_".join(value.casefold().replace("-", " ").split()) if isinstance(value, str) else value


T = TypeVar("T")
Id = Annotated[str, BeforeValidator(_folded)]


class _Reply(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore", frozen=True)


class ScoredDimension(_Reply):
    """One dimension: the evidence, then the reason, then the score."""

    dimension: Id
    quotes: list[str]
    reason: str
    score: Annotated[int, BeforeValidator(_whole)]


class NamedFailure(_Reply):
    """A failure mode with the passages that show it."""

    mode: Id
    quotes: list[str]


class JudgedClaim(_Reply):
    """A statement about the image, with what the image says to it."""

    quote: str
    verdict: Id


class Verdict(_Reply):
    """A judge's whole reply. A field is None where it is missing, which is right only where it was not asked for."""

    scores: list[ScoredDimension] | None = None
    failure_modes: list[NamedFailure] | None = None
    claims: list[JudgedClaim] | None = None


class Asked(Record):
    """What a judge is asked about one task by one set of rubrics."""

    dimensions: tuple[Dimension, ...]
    failure_modes: tuple[FailureMode, ...]
    verdicts: tuple[ClaimVerdict, ...]
    """What may be said of a claim; without an image, nothing but `not_verifiable`."""

    def example(self) -> str:
        """The form of the reply as the prompt shows it. No valid JSON, so that an echo is not read."""
        lines = [
            f'  {{"dimension": "{one.id}", "quotes": ["...", ...], "reason": "...", "score": '
            f"<{', '.join(map(str, one.scale[:-1]))} or {one.scale[-1]}>}}"
            for one in self.dimensions
        ]
        fields = []
        if self.dimensions:
            fields.append('"scores": [\n' + ",\n".join(lines) + "\n ]")
        if self.failure_modes:
            fields.append('"failure_modes": [{"mode": "<id>", "quotes": ["...", ...]}, ...]')
        verdicts = " or ".join(self.verdicts)
        fields.append(f'"claims": [{{"quote": "...", "verdict": <{verdicts}>}}, ...]')
        return "{" + ",\n ".join(fields) + "}"

    def json_schema(self) -> JsonSchema:
        """The reply's JSON Schema: every object closed and every field required, as strict modes want it."""
        quotes = {"type": "array", "items": {"type": "string"}}
        properties: dict[str, JsonValue] = {}
        if self.dimensions:
            values = sorted({value for one in self.dimensions for value in one.scale})
            properties["scores"] = _list_of(
                dimension=_one_of(one.id for one in self.dimensions),
                quotes=quotes,
                reason={"type": "string"},
                score={"type": "integer", "enum": values},
            )
        if self.failure_modes:
            properties["failure_modes"] = _list_of(
                mode=_one_of(one.id for one in self.failure_modes), quotes=quotes
            )
        properties["claims"] = _list_of(quote={"type": "string"}, verdict=_one_of(self.verdicts))
        return JsonSchema(name="judgement", schema=_closed(properties))


class Read(Record):
    """A reply as it was read. With a problem it holds nothing else: there is no half of a judgement."""

    scores: tuple[DimensionScore, ...] = ()
    """In the rubrics' order."""
    failure_modes: tuple[FailureMark, ...] = ()
    claims: tuple[Claim, ...] = ()
    problems: tuple[str, ...] = ()
    """What is wrong, in words for the judge."""


def asked(task: Task, rubrics: Sequence[Rubric], *, image_shown: bool) -> Asked:
    """What rubrics ask about a trace of a task, in their order."""
    return Asked(
        dimensions=tuple(one for rubric in rubrics for one in rubric.dimensions if one.applies_to(task)),
        failure_modes=tuple(
            one for rubric in rubrics for one in rubric.failure_modes if one.applies_to(task)
        ),
        verdicts=tuple(ClaimVerdict) if image_shown else (ClaimVerdict.NOT_VERIFIABLE,),
    )


def read_judge_reply(
    text: str, trace: AuditTrace | JudgeCase, rubrics: Sequence[Rubric], *, image_shown: bool = True
) -> Read:
    """A judge's reply, read strictly and held against the trace.

    All problems are named at once: a missing, doubled or unknown dimension or mode, a score off its scale, a
    quote that does not stand in the trace (with the passage that comes closest), a dimension without a quote (unless
    nothing in the trace can be quoted), a missing field. Extra fields are ignored, nothing is filled in.
    """
    if not text.strip():
        return Read(problems=("the reply is empty; reply with one JSON object",))
    if len(text) > _MOST_CHARACTERS:
        return Read(
            problems=(
                f"the reply has {len(text):,} characters; give one JSON object with short quotes, and stop",
            )
        )
    case = trace if isinstance(trace, JudgeCase) else case_of(trace, Blinding())
    found = find_verdict(text, case.parts)
    if found.value is None:
        return Read(problems=(str(found.problem),))
    try:
        verdict = Verdict.model_validate(found.value)
    except ValidationError as error:
        return Read(problems=tuple(_worded(one) for one in error.errors()))
    check = _Check(case, asked(case.task, rubrics, image_shown=image_shown))
    scores, failures, claims = check.scores(verdict), check.failures(verdict), check.claims(verdict)
    if check.problems:
        return Read(problems=tuple(check.problems))
    return Read(scores=scores, failure_modes=failures, claims=claims)


class _Check:
    """Goes through a verdict and collects what is wrong with it."""

    def __init__(self, case: JudgeCase, wanted: Asked) -> None:
        self._case = case
        self._wanted = wanted
        self.problems: list[str] = []

    def scores(self, verdict: Verdict) -> tuple[DimensionScore, ...]:
        dimensions = {one.id: one for one in self._wanted.dimensions}
        given: dict[str, DimensionScore] = {}
        for one in self._entries("scores", verdict.scores, wanted=bool(dimensions)):
            name = one.dimension
            dimension = dimensions.get(name)
            if dimension is None:
                self._note(f"dimension {_said(name)} is not known: expected {', '.join(dimensions)}")
                continue
            if name in given:
                self._note(f"dimension {name!r} is given more than once: give it once")
                continue
            if one.score not in dimension.scale:
                self._note(f"{name}: score {one.score} is off the scale {_values(dimension)}")
            if not one.reason.strip():
                self._note(f"{name}: the reason is empty")
            if not one.quotes and self._case.quotable:
                self._note(f"{name}: there is no quote; copy at least one passage word for word")
            self._quotes(name, one.quotes)
            given[name] = DimensionScore(
                dimension=name, quotes=tuple(one.quotes), reason=one.reason.strip(), score=one.score
            )
        if verdict.scores is not None:
            for name in [name for name in dimensions if name not in given]:
                self._note(f"dimension {name!r} is missing: score it on {_values(dimensions[name])}")
        return tuple(given[name] for name in dimensions if name in given)

    def failures(self, verdict: Verdict) -> tuple[FailureMark, ...]:
        modes = [one.id for one in self._wanted.failure_modes]
        given: dict[str, FailureMark] = {}
        for one in self._entries("failure_modes", verdict.failure_modes, wanted=bool(modes)):
            if one.mode not in modes:
                self._note(f"failure mode {_said(one.mode)} is not known: expected {', '.join(modes)}")
                continue
            self._quotes(one.mode, one.quotes)
            earlier = given[one.mode].quotes if one.mode in given else ()
            given[one.mode] = FailureMark(mode=one.mode, quotes=(*earlier, *one.quotes))
        return tuple(given[mode] for mode in modes if mode in given)

    def claims(self, verdict: Verdict) -> tuple[Claim, ...]:
        entries = self._entries("claims", verdict.claims, wanted=True)
        if len(entries) > _MOST_CLAIMS:
            self._note(f"there are {len(entries)} claims: expected at most ten, those that matter most")
            return ()
        claims = []
        for one in entries:
            if one.verdict not in self._wanted.verdicts:
                self._note(
                    f"claims: verdict {_said(one.verdict)} is not known here: expected "
                    f"{' or '.join(self._wanted.verdicts)}"
                )
                continue
            self._quotes("claims", [one.quote])
            claims.append(Claim(quote=one.quote, verdict=ClaimVerdict(one.verdict)))
        return tuple(claims)

    def _entries(self, field: str, given: list[T] | None, *, wanted: bool) -> list[T]:
        if given is None and wanted:
            self._note(f"the field {field!r} is missing")
        return given if given is not None and wanted else []

    def _quotes(self, where: str, quotes: Sequence[str]) -> None:
        if len(quotes) > _MOST_QUOTES:
            self._note(f"{where}: there are {len(quotes)} quotes; give at most {_MOST_QUOTES}, the best ones")
            return
        for quote in quotes:
            match = self._case.find(quote)
            if match.found:
                continue
            near = f"; the passage that comes closest is {_said(match.near)}" if match.near else ""
            why = match.problem or "it does not stand in the reasoning or the answer word for word"
            self._note(f"{where}: the quote {_said(quote)} cannot be used: {why}{near}")

    def _note(self, problem: str) -> None:
        if problem not in self.problems:
            self.problems.append(problem)


def _values(dimension: Dimension) -> str:
    return ", ".join(map(str, dimension.scale))


def _said(text: str | None) -> str:
    """A text from outside, as one JSON string of bounded length: it cannot end its own quotation marks."""
    text = text or ""
    return json.dumps(text if len(text) <= _SHOWN else text[:_SHOWN] + "...", ensure_ascii=False)


def _worded(error: Any) -> str:
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error["loc"]).lstrip(".")
    if error["type"] == "missing":
        return f"{place} is missing"
    return f"{place}: {error['msg'][:1].lower()}{error['msg'][1:]}, found {_said(repr(error['input']))}"


def _closed(properties: dict[str, JsonValue]) -> dict[str, JsonValue]:
    return {
        "type": "object",
        "properties": properties,
        "required": list(properties),
        "additionalProperties": False,
    }


def _list_of(**properties: JsonValue) -> dict[str, JsonValue]:
    return {"type": "array", "items": _closed(properties)}


def _one_of(values: Iterator[str] | Sequence[str]) -> dict[str, JsonValue]:
    return {"type": "string", "enum": [str(value) for value in values]}
