"""Simulated judges: they know the planted truth about a trace and depart from it as their profile says.

They quote real sentences of the trace, so that their replies pass the checks that a model's replies must pass; the
quotes illustrate a score that was drawn elsewhere.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from types import MappingProxyType
from typing import Any

from spinebench.audit_records import AuditTrace
from spinebench.errors import UsageError
from spinebench.models.protocol import ModelFailure, ModelReply, ModelRequest
from spinebench.models.registry import ModelContext
from spinebench.models.simulated_quality import Reader, draw, marks, planted, vote
from spinebench.records import FailureClass, FinishReason, JsonValue, Usage

PREFIX = "judge-"
JUDGES: Mapping[str, Reader] = MappingProxyType(
    {
        "judge-accurate": Reader(noise=0.10, finds=0.90, invents=0.02),
        "judge-lenient": Reader(milder=0.60, noise=0.15, finds=0.55, invents=0.02),
        "judge-strict": Reader(harsher=0.60, noise=0.15, finds=0.90, invents=0.15),
        "judge-halo": Reader(halo=0.70, noise=0.15, finds=0.70, invents=0.05),
        "judge-noisy": Reader(noise=0.80, finds=0.60, invents=0.15),
    }
)
"""accurate: close to the truth; lenient, strict: mostly a step above, below; halo: follows correctness; noisy: off by a
step four times of five, in either direction."""

_SENTENCE = re.compile(r"[^.!?\n]{12,240}[.!?]?")


class SimulatedJudge:
    """Scores deterministically by (seed, judge, item, trace text, repeat); repeats are independent draws."""

    def __init__(
        self,
        context: ModelContext,
        reader: Reader,
        *,
        seed: int,
        by_dimension: Mapping[str, Reader] = MappingProxyType({}),
    ) -> None:
        self._context = context
        self._reader = reader
        self._by_dimension = by_dimension
        self._seed = seed
        self._by_id: dict[str, AuditTrace] | None = None

    @property
    def name(self) -> str:
        return self._context.name

    @property
    def account(self) -> str:
        return "sim"

    @property
    def host(self) -> str | None:
        return None

    @property
    def simulated(self) -> bool:
        return True

    @property
    def config(self) -> dict[str, Any]:
        """The planted departures and the seed."""
        own = {name: asdict(reader) for name, reader in self._by_dimension.items()}
        return {"seed": self._seed, **asdict(self._reader), **({"by_dimension": own} if own else {})}

    @property
    def reader(self) -> Reader:
        """The planted departures."""
        return self._reader

    async def generate(self, request: ModelRequest) -> ModelReply:
        """A judgement in the form of the request's JSON Schema. Raises `ModelFailure` for any other request."""
        tag = request.tag
        if tag is None or tag.role != "judge" or tag.trace_id is None or request.json_schema is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"{self.name} plays the judge only, and answers only tagged requests with a schema",
            )
        trace = self._traces().get(tag.trace_id)
        if trace is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST, f"{self.name} knows no trace {tag.trace_id!r} among the audit's"
            )
        reply = self._judge(trace, request.json_schema.schema_, repeat=tag.epoch)
        text = json.dumps(reply, ensure_ascii=False, indent=1)
        asked = sum(len(message.text) for message in request.messages)
        return ModelReply(
            text=text,
            finish_reason=FinishReason.STOP,
            usage=Usage(input_tokens=asked // 4, output_tokens=len(text) // 4),
            provider_model="simulated",
        )

    async def check(self) -> None:
        """Nothing to verify."""

    async def aclose(self) -> None:
        """Nothing to close."""

    def _traces(self) -> dict[str, AuditTrace]:
        if self._by_id is None:
            self._by_id = {trace.trace_id: trace for trace in self._context.traces()}
        return self._by_id

    def _judge(
        self, trace: AuditTrace, schema: Mapping[str, JsonValue], *, repeat: int
    ) -> dict[str, JsonValue]:
        dimensions = _enum(schema, "scores", "dimension")
        scale = _enum(schema, "scores", "score")
        modes = _enum(schema, "failure_modes", "mode")
        verdicts = _enum(schema, "claims", "verdict")
        correct = trace.pick.trace.correct
        truth = planted(
            trace.answer.text,
            trace.item.id,
            correct=correct,
            scales=dict.fromkeys(dimensions, scale),
            modes=modes,
        )
        key = (self._seed, self.name, trace.item.id, trace.answer.text, repeat)
        sentences = [match.group().strip() for match in _SENTENCE.finditer(trace.answer.text)]
        sentences = sentences or [trace.answer.text.strip()[:200]]
        wording = draw("wording", *key)
        reply: dict[str, JsonValue] = {}
        if dimensions:
            reply["scores"] = [
                {
                    "dimension": dimension,
                    "quotes": [wording.choice(sentences)],
                    "reason": "Simulated: drawn around the planted score of this trace.",
                    "score": vote(
                        truth.scores[dimension],
                        scale,
                        self._by_dimension.get(dimension, self._reader),
                        correct=correct,
                        rng=draw("score", dimension, *key),
                    ),
                }
                for dimension in dimensions
            ]
        if modes:
            reply["failure_modes"] = [
                {"mode": mode, "quotes": [wording.choice(sentences)]}
                for mode in marks(truth, modes, self._reader, draw("marks", *key))
            ]
        if verdicts:
            reply["claims"] = [
                {"quote": sentence, "verdict": wording.choice(verdicts)} for sentence in sentences[:2]
            ]
        return reply


def create_judge(model_id: str, *, context: ModelContext) -> SimulatedJudge:
    """The factory of `sim/judge-<profile>`. Options: `seed`, every field of `Reader`, e.g. `-M milder=0.3`, and
    `by_dimension`, a mapping of dimensions to such fields that hold for their votes alone (in a plan file).

    Raises `UsageError` for an unknown profile, option or value.
    """
    known = [field.name for field in fields(Reader)]
    context.refuse_unknown((*known, "seed", "by_dimension"))
    if model_id not in JUDGES:
        raise UsageError(
            f"simulated judge {model_id!r}: expected one of {', '.join(JUDGES)}; correct the model name"
        )
    rates = {name: _rate(context, name, context.args[name]) for name in known if name in context.args}
    reader = replace(JUDGES[model_id], **rates)
    seed = context.option("seed", context.seed)
    if not isinstance(seed, int) or isinstance(seed, bool):
        raise UsageError(
            f"model option seed={seed!r} of {context.name!r}: expected a whole number; correct the -M option"
        )
    return SimulatedJudge(context, reader, seed=seed, by_dimension=_by_dimension(context, reader, known))


def _by_dimension(context: ModelContext, reader: Reader, known: Sequence[str]) -> dict[str, Reader]:
    given = context.args.get("by_dimension", {})
    if not isinstance(given, Mapping) or not all(
        isinstance(own, Mapping) and set(own) <= set(known) for own in given.values()
    ):
        raise UsageError(
            f"model option by_dimension={given!r} of {context.name!r}: expected dimensions, each with some of "
            f"{', '.join(known)}; correct it in the plan"
        )
    return {
        dimension: replace(reader, **{name: _rate(context, name, value) for name, value in own.items()})
        for dimension, own in given.items()
    }


def _rate(context: ModelContext, name: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
        raise UsageError(
            f"model option {name}={value!r} of {context.name!r}: expected a probability; correct the -M option"
        )
    return float(value)


def _enum(schema: Mapping[str, JsonValue], part: str, name: str) -> Sequence[Any]:
    """The values that a field of a list's entries may have; empty where the schema does not ask for the list."""
    entries = schema.get("properties", {}).get(part)
    return () if entries is None else tuple(entries["items"]["properties"][name]["enum"])
