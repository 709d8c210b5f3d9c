"""What an audit would ask and cost, without a network call."""

from __future__ import annotations

from spinebench.agents.judge import judge_request
from spinebench.audits.prepare import PreparedAudit
from spinebench.audits.runner import n_planned
from spinebench.models.prices import PriceBook
from spinebench.records import Record
from spinebench.runs.dry_run import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE, ModelEstimate
from spinebench.runs.prepare import remote_hosts

_REPLY_TOKENS = (400, 3000)
"""A judgement with quotes and claims: from terse to verbose; the upper end is --max-tokens where that is given."""


class AuditDryRun(Record):
    """Traces x judges x repeats, and what would leave the machine."""

    runs: tuple[str, ...]
    n_frame: int
    n_traces: int
    n_judges: int
    repeats: int
    n_judgements: int
    n_images: int
    """Images that each judge would be sent, counted once per trace."""
    n_image_problems: int
    judges: tuple[ModelEstimate, ...]
    """Calls at their fewest: a reply that does not pass the checks is asked for again, at most twice."""
    leaves_machine: tuple[str, ...]
    """Hosts that questions, traces and images would be sent to."""
    warnings: tuple[str, ...]


def audit_dry_run(prepared: PreparedAudit) -> AuditDryRun:
    """Count calls and tokens of a prepared audit. Token figures are ranges by rules of thumb, not measurements."""
    plan, spec = prepared.plan, prepared.spec
    asked = [trace for trace in prepared.traces if trace.trace_id not in prepared.image_problems]
    characters = sum(
        len(message.text)
        for trace in asked
        for message in judge_request(trace, prepared.rubrics, blinding=spec.blinding, seed=spec.seed).messages
    )
    n_images = 0 if plan.text_only else sum(len(trace.answer.images) for trace in asked)
    low, high = (
        round(spec.repeats * (characters / per_token + n_images * per_image))
        for per_token, per_image in zip(reversed(CHARACTERS_PER_TOKEN), TOKENS_PER_IMAGE, strict=True)
    )
    calls = len(asked) * spec.repeats
    most = plan.max_tokens or _REPLY_TOKENS[1]
    out = (calls * min(_REPLY_TOKENS[0], most), calls * most)
    prices = PriceBook(plan.prices)
    return AuditDryRun(
        runs=plan.runs,
        n_frame=spec.sample.n_frame,
        n_traces=spec.n_traces,
        n_judges=len(prepared.judges),
        repeats=spec.repeats,
        n_judgements=n_planned(prepared),
        n_images=n_images,
        n_image_problems=len(prepared.image_problems),
        judges=tuple(
            ModelEstimate(
                model=judge.name,
                host=judge.host,
                calls=calls,
                input_tokens=(low, high),
                output_tokens=out,
                cost_usd=prices.price_range(judge.name, 1, (low, high), out, host=judge.host),
            )
            for judge in prepared.judges
        ),
        leaves_machine=remote_hosts(prepared.judges),
        warnings=prepared.warnings,
    )
