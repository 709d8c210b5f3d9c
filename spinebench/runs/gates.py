"""Gates: conditions on results, written as `healthy_misdiagnosis <= 0.2 (upper bound)`.

    <metric>[<part>] of <model> <comparison> <number> (<upper or lower> bound)

Only metric, comparison (`<=`, `>=`, `<`, `>`) and number must be there. `[part]` names a dimension, a failure mode, a
task, a label or a level; `of` a model. What a gate leaves open is asked of every figure there is: every model, and,
where a metric has no figure over all parts, every part. With a bound the limit of the figure's interval (95 % unless
made otherwise) is held against the number, so that a small sample cannot pass by luck. A figure that is undefined,
missing, or without the interval that is asked for misses its gate.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import Annotated, Literal, Protocol, Self, assert_never

from pydantic import BeforeValidator, WithJsonSchema

from spinebench.errors import UsageError
from spinebench.records import Record
from spinebench.runs.gate_metrics import METRICS, Range

Comparison = Literal["<=", ">=", "<", ">"]
Bound = Literal["lower", "upper"]

_NUMBER = r"-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_SHARE = r"(?:0*\.[0-9]+|0+\.?|0*1(?:\.0*)?)"
_NUMBERS: Mapping[Range, str] = {"share": _SHARE, "coefficient": f"-?{_SHARE}", "points": _NUMBER}
_LIMITS: Mapping[Range, tuple[float, float]] = {"share": (0, 1), "coefficient": (-1, 1)}
_QUALIFIED = r"\s*(?:\[[^\[\]]*[^\[\]\s][^\[\]]*\])?(?:\s+of\s+[^<>\s](?:[^<>]*[^<>\s])?)?\s*"
_BOUND = r"\s*(?:\(\s*(?:upper|lower)\s+bound\s*\)\s*)?$"
_FORM = re.compile(
    r"\s*(?P<metric>[^\s\[\]<>=]+)"
    r"\s*(?:\[\s*(?P<part>[^\[\]]*[^\[\]\s])\s*\])?"
    r"(?:\s+of\s+(?P<model>[^<>\s](?:[^<>]*[^<>\s])?))?"
    rf"\s*(?P<comparison><=|>=|<|>)\s*(?P<limit>{_NUMBER})"
    r"\s*(?:\(\s*(?P<bound>upper|lower)\s+bound\s*\)\s*)?"
)


class Gate(Record):
    """One condition, read."""

    metric: str
    part: str | None = None
    model: str | None = None
    """None: every model."""
    comparison: Comparison
    limit: float
    bound: Bound | None = None
    """The limit of the interval that is held against the number; None: the value itself."""

    @property
    def of_audit(self) -> bool:
        """Whether an audit has to be made before it can be kept."""
        return METRICS[self.metric].made_by == "audit"

    @property
    def text(self) -> str:
        """The gate as it is written."""
        part = "" if self.part is None else f"[{self.part}]"
        model = "" if self.model is None else f" of {self.model}"
        return f"{self.metric}{part}{model} {self.condition}"

    @property
    def condition(self) -> str:
        """What is asked of the figure, e.g. `>= 0.6 (lower bound)`."""
        bound = "" if self.bound is None else f" ({self.bound} bound)"
        return f"{self.comparison} {self.limit:g}{bound}"

    def holds(self, value: float) -> bool:
        """Whether a number keeps the condition."""
        match self.comparison:
            case "<=":
                return value <= self.limit
            case ">=":
                return value >= self.limit
            case "<":
                return value < self.limit
            case ">":
                return value > self.limit
            case _:
                assert_never(self.comparison)


def parse_gate(text: str) -> Gate:
    """The gate of a text. Raises UsageError naming the nearest metric, or what is wrong with the rest."""
    found = _FORM.fullmatch(text)
    name = re.match(r"\s*([^\s\[\]<>=]*)", text)
    word = name.group(1) if name else ""
    if word not in METRICS:
        near = difflib.get_close_matches(word, METRICS, n=1, cutoff=0.5)
        hint = f"did you mean {near[0]!r}?" if near else "docs/plan-file.md lists them"
        raise UsageError(f"gate {text!r}: expected the name of a metric at its beginning; {hint}")
    if found is None:
        raise UsageError(
            f"gate {text!r}: expected '<metric>[part] of <model> <= <number> (upper bound)', where only metric, "
            "comparison (<=, >=, <, >) and number must be there; write it so"
        )
    metric, limit = METRICS[word], float(found["limit"])
    low, high = _LIMITS.get(metric.range, (float("-inf"), float("inf")))
    if not low <= limit <= high:
        raise UsageError(f"gate {text!r}: expected a number from {low:g} to {high:g}; correct it")
    if found["part"] is not None and not metric.parts:
        raise UsageError(f"gate {text!r}: expected no [part], {word!r} has none; leave it out")
    return Gate.model_validate({**found.groupdict(), "limit": limit})


def _checked(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError(f"gate {value!r}: expected a text such as 'overall >= 0.25'; write it so")
    try:
        return parse_gate(value).text
    except UsageError as error:
        raise ValueError(str(error)) from error


def gate_pattern() -> str:
    """A regular expression (ECMA 262) for editors: what it takes, `parse_gate` takes, and the other way round."""
    forms = []
    for range_, number in _NUMBERS.items():
        for parts in (True, False):
            names = [
                name for name, one in METRICS.items() if one.range == range_ and bool(one.parts) is parts
            ]
            if names:
                qualified = (
                    _QUALIFIED if parts else _QUALIFIED.replace(r"(?:\[[^\[\]]*[^\[\]\s][^\[\]]*\])?", "", 1)
                )
                forms.append(f"(?:{'|'.join(names)}){qualified}(?:<=|>=|<|>)\\s*{number}")
    return rf"^\s*(?:{'|'.join(forms)}){_BOUND}"


GateText = Annotated[
    str,
    BeforeValidator(_checked),
    WithJsonSchema({"type": "string", "pattern": gate_pattern(), "examples": ["overall >= 0.25"]}),
]
"""A gate in a plan: kept as text, checked when the plan is read."""


class IntervalLike(Protocol):
    """What a gate needs of an interval."""

    @property
    def low(self) -> float | None: ...
    @property
    def high(self) -> float | None: ...


class EstimateLike(Protocol):
    """What a gate needs of a statistic: `value` None goes with a `reason`."""

    @property
    def value(self) -> float | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def interval(self) -> IntervalLike | None: ...


class GateFigure(Record):
    """A figure that gates are held against."""

    metric: str
    value: float | None
    reason: str | None = None
    low: float | None = None
    high: float | None = None
    n: int | None = None
    model: str | None = None
    part: str | None = None
    about: str = ""
    """What else tells it from others of the same model, e.g. `persona none`."""

    @classmethod
    def of(
        cls,
        metric: str,
        estimate: EstimateLike | None,
        *,
        model: str | None = None,
        part: str | None = None,
        about: str = "",
    ) -> Self:
        """The figure of a statistic; None: there is none of the kind."""
        assert metric in METRICS, metric
        if estimate is None:
            return cls(
                metric=metric, value=None, reason="no such questions", model=model, part=part, about=about
            )
        interval = estimate.interval
        n = getattr(estimate, "n", getattr(estimate, "n_units", None))
        return cls(
            metric=metric,
            value=estimate.value,
            reason=estimate.reason,
            low=None if interval is None else interval.low,
            high=None if interval is None else interval.high,
            n=n if isinstance(n, int) else None,
            model=model,
            part=part,
            about=about,
        )

    @property
    def name(self) -> str:
        part = "" if self.part is None else f"[{self.part}]"
        model = "" if self.model is None else f" of {self.model}"
        return f"{self.metric}{part}{model}" + (f" ({self.about})" if self.about else "")


class MissedGate(Record):
    """A gate that is not kept, and by what."""

    gate: str
    figure: GateFigure | None
    """None: there is no such figure."""
    line: str
    """For a person: the figure with its interval, and what was expected."""


def missed(gates: Sequence[Gate], figures: Sequence[GateFigure]) -> list[MissedGate]:
    """The gates that are not kept, in their order; one entry for each figure that misses."""
    found = []
    for gate in gates:
        concerned = _concerned(gate, figures)
        if not concerned:
            found.append(MissedGate(gate=gate.text, figure=None, line=_nothing(gate, figures)))
        for figure in concerned:
            why = _misses(gate, figure)
            if why is not None:
                line = f"{figure.name}: {why}; expected {gate.condition}"
                found.append(MissedGate(gate=gate.text, figure=figure, line=line))
    return found


def _concerned(gate: Gate, figures: Sequence[GateFigure]) -> list[GateFigure]:
    of_metric = [
        figure for figure in figures if figure.metric == gate.metric and gate.model in (None, figure.model)
    ]
    if gate.part is None:
        whole = [figure for figure in of_metric if figure.part is None]
        return whole or of_metric
    return [figure for figure in of_metric if figure.part is not None and _is_part(gate, figure.part)]


def _is_part(gate: Gate, part: str) -> bool:
    if gate.part == part:
        return True
    # A level is written L4/L5 and is one part; only an audit's figures are by dimension and task.
    return gate.of_audit and gate.part in part.split("/")


def _nothing(gate: Gate, figures: Sequence[GateFigure]) -> str:
    of_metric = [figure for figure in figures if figure.metric == gate.metric]
    if not of_metric:
        why = "no audit gave such a figure" if gate.of_audit else "no such figure in the run"
        return f"{gate.text}: {why}"
    of_model = [figure for figure in of_metric if gate.model in (None, figure.model)]
    if not of_model:
        there = sorted({figure.model for figure in of_metric if figure.model is not None})
        return f"{gate.text}: no figure of model {gate.model!r}, only of {', '.join(there) or 'all models'}"
    there = sorted({figure.part for figure in of_model if figure.part is not None})
    return f"{gate.text}: no figure for [{gate.part}], only for {', '.join(there) or 'all parts'}"


def _misses(gate: Gate, figure: GateFigure) -> str | None:
    """Why a figure misses a gate; None where it keeps it."""
    if figure.value is None:
        return f"undefined ({figure.reason})"
    match gate.bound:
        case None:
            held: float | None = figure.value
        case "lower":
            held = figure.low
        case "upper":
            held = figure.high
        case _:
            assert_never(gate.bound)
    shown = _shown(figure.value, gate.limit)
    if figure.low is not None and figure.high is not None:
        shown += f", interval {_shown(figure.low, gate.limit)} to {_shown(figure.high, gate.limit)}"
    if figure.n is not None:
        shown += f", n = {figure.n}"
    if held is None:
        return f"{shown}, without the {gate.bound} bound that is asked for"
    return None if gate.holds(held) else shown


def _shown(value: float, limit: float) -> str:
    """Four decimals, more where they would hide on which side of the limit it lies."""
    text = f"{value:.4f}"
    return repr(value) if value != limit and float(text) == limit else text
