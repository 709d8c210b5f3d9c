"""What an audit knows of itself, as sentences for reporting sheets. What is not stored is None, never invented."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any

from spinebench.audit_records import SampleMode
from spinebench.exchange.audit_facts import AuditFacts, Topic
from spinebench.exchange.sheet_lines import figure_lines
from spinebench.rubrics.rubric import Rubric

NOT_TOLD = "version not recorded"

Fact = Callable[[AuditFacts], str | None]


def _instrument(facts: AuditFacts) -> str | None:
    parts = []
    for rubric in _rubrics(facts):
        scored = [f"{one.name} ({', '.join(map(str, one.scale))})" for one in rubric.dimensions]
        if rubric.failure_modes:
            scored.append(f"{len(rubric.failure_modes)} failure modes")
        parts.append(f"rubric {rubric.id} {rubric.version} ({rubric.language}): {'; '.join(scored)}")
    return _joined(parts)


def _guide(facts: AuditFacts) -> str | None:
    parts = []
    for rubric in _rubrics(facts):
        for one in rubric.dimensions:
            anchors = "; ".join(f"{value}: {text}" for value, text in sorted(one.anchors.items()))
            parts.append(f"{one.name}: {one.focus} Anchors: {anchors}")
        for mode in rubric.failure_modes:
            parts.append(
                f"{mode.name}: {mode.definition} Example: {mode.example} Not: {mode.counter_example}"
            )
    return _joined([*parts, f"rubric hash {facts.audit.rubric_hash}"]) if parts else None


def _failure_modes(facts: AuditFacts) -> str | None:
    names = [mode.name for rubric in _rubrics(facts) for mode in rubric.failure_modes]
    return _joined([", ".join(names)] * bool(names) + figure_lines(facts.figures, "failure_modes"))


def _judges(facts: AuditFacts) -> str | None:
    if not facts.audit.judges:
        return "no judge model: clinicians only"
    times = "once" if facts.audit.repeats == 1 else f"{facts.audit.repeats} times"
    panel = "; panel median: the median of their votes on a trace" if len(facts.audit.judges) > 1 else ""
    return (
        f"{', '.join(facts.audit.judges)}, each trace {times}{panel}; prompt hash {facts.audit.prompt_hash}"
    )


def _benchmark(facts: AuditFacts) -> str | None:
    parts = []
    for run in facts.runs:
        info = run.benchmark
        tasks = ", ".join(f"{n} {task}" for task, n in sorted(info.n_by_task.items()))
        drawn = "; drawn, not real images" if info.simulated else ""
        part = f"{info.name}: {info.n_items} items ({tasks}) of {info.n_clusters} studies or images{drawn}"
        if run.partial:
            part += f"; run {run.run_id} asked {run.n_items} of them"
        if part not in parts:
            parts.append(part)
    return _joined(parts)


def _examinees(facts: AuditFacts) -> str | None:
    return _joined([f"{model} (run {run.run_id})" for run in facts.runs for model in run.models])


def _rater_groups(facts: AuditFacts) -> str | None:
    if not facts.raters:
        return None
    groups = Counter(
        "simulated, standing for nobody"
        if card.simulated
        else card.specialty or "of a specialty not recorded"
        for card in facts.raters
    )
    return "; ".join(f"{n} {name}" for name, n in sorted(groups.items()))


def _rater_cards(facts: AuditFacts) -> str | None:
    parts = []
    for card in facts.raters:
        if card.simulated:
            parts.append(f"{card.rater}: SIMULATED, no person")
            continue
        years = "years not recorded" if card.years is None else f"{card.years} years"
        training = f"trained with: {card.training}" if card.training else "training not recorded"
        parts.append(f"{card.rater}: {card.specialty or 'specialty not recorded'}, {years}, {training}")
    return _joined(parts)


def _planned_size(facts: AuditFacts) -> str | None:
    sample = facts.audit.sample
    judges = len(facts.audit.judges)
    parts = [
        f"{sample.per_cell} traces per model and task where there are so many, {facts.audit.n_traces} in all",
        "no judge model"
        if not judges
        else f"each trace judged {_times(facts.audit.repeats)} by each of {judges} judges"
        if judges > 1
        else f"each trace judged {_times(facts.audit.repeats)} by one judge",
    ]
    if facts.assignments:
        shown = sum(len(one.traces) for one in facts.assignments)
        parts.append(f"{len(facts.assignments)} clinicians with {shown} showings between them")
    return _joined(parts)


_MODES = {
    SampleMode.SPECIFIC: "traces drawn one by one",
    SampleMode.COMMON: "the same images drawn for all models",
    SampleMode.MIXED: "half drawn trace by trace, half as the same images for all models",
}


def _sampling(facts: AuditFacts) -> str | None:
    sample = facts.audit.sample
    text = (
        f"{_MODES[sample.mode]}, strata task x model x {sample.strata_by.value}, by permanent random numbers "
        f"(SHA-256, seed {sample.seed}), from {sample.n_frame} traces of runs {', '.join(sample.run_ids)}; "
        f"inclusion probabilities stored; frame hash {sample.frame_hash}"
    )
    if sample.tuning_share:
        text += f"; {sample.tuning_share:.0%} of the images set aside for tuning"
    share = facts.audit.random_share
    if not facts.audit.judges:
        return f"{text}; to clinicians: all of them"
    return (
        f"{text}; to clinicians: traces on which judges lie two levels or more apart, whose reasoning contradicts the "
        "chosen option, that are right with a low score or whose judgement stayed unread, and a random "
        f"{share:.0%} of the others{_beyond_referral(facts)}"
    )


def _beyond_referral(facts: AuditFacts) -> str:
    if facts.referred is None:
        return ""
    assigned = {trace.trace_id for one in facts.assignments for trace in one.traces}
    more = len(assigned - facts.referred)
    return f"; {more} traces without such a reason were given to clinicians as well" if more else ""


def _strata(facts: AuditFacts) -> str | None:
    return _joined([f"{one.name}: {one.n_drawn} of {one.n_frame}" for one in facts.audit.sample.strata])


def _judge_view(facts: AuditFacts) -> str | None:
    if not facts.audit.judges:
        return None
    image = "the image" if facts.audit.blinding.image else "no image"
    gold = "the gold answer or reference" if facts.audit.blinding.gold else "no gold answer or reference"
    text = (
        f"judges saw question, options, trace, {image} and {gold}; they were not "
        "told the model or whether it was right"
    )
    if facts.counts.n_steered:
        text += (
            f"; {facts.counts.n_steered} traces themselves address the judge, imitate its instructions or name their "
            "model: what imitates was shown neutralized, the words stayed"
        )
    return text


def _rater_lists(facts: AuditFacts) -> str | None:
    if not facts.assignments:
        return None
    sittings = max((trace.sitting for one in facts.assignments for trace in one.traces), default=0)
    anchors = {trace.trace_id for one in facts.assignments for trace in one.traces if trace.anchor}
    seeds = sorted({one.seed for one in facts.assignments})
    return (
        f"clinicians rated under opaque ids, each in a random order of their own (seed {_listed(seeds)}), in up "
        f"to {sittings} sittings; {len(anchors)} anchor traces were given to all"
    )


def _duplicates(facts: AuditFacts) -> str | None:
    planned = sum(trace.duplicate for one in facts.assignments for trace in one.traces)
    rated = facts.counts.n_duplicates
    if not facts.assignments and not rated:
        return None
    done = "" if rated is None else f", {rated} of them rated"
    return f"{planned} hidden second showings{done}"


def _independence(facts: AuditFacts) -> str | None:
    if not facts.assignments:
        return None
    text = "each clinician had a list of their own, without another rater's or a judge's score"
    elsewhere = sorted(set(facts.counts.sources) - {"packet", "csv", "page", "simulated"})
    if elsewhere:
        text += f"; what was shown by {', '.join(elsewhere)} is not recorded"
    return text


def _methods(facts: AuditFacts) -> str | None:
    """Of the figures on agreement, each with all the ways in which its intervals were made."""
    found: dict[str, dict[str, None]] = {}
    for one in facts.figures:
        if one.method and one.topic in ("agreement_clinicians", "agreement_judge", "repeatability"):
            found.setdefault(one.name, {})[one.method] = None
    return _joined([f"{name}: intervals by {', or '.join(ways)}" for name, ways in found.items()])


def _actual_size(facts: AuditFacts) -> str | None:
    counts = facts.counts
    known = (
        (counts.n_judgements, "judgements"),
        (counts.n_ratings, "ratings"),
        (counts.n_rated, "traces rated by clinicians"),
    )
    parts = [f"{n} {what}" for n, what in known if n is not None]
    if parts and facts.raters:
        parts.append(f"{len(facts.raters)} clinicians")
    return ", ".join(parts) or None


def _rated_twice(facts: AuditFacts) -> str | None:
    counts = facts.counts
    if counts.n_rated is None or counts.n_rated_twice is None:
        return None
    share = f" ({counts.n_rated_twice / counts.n_rated:.0%})" if counts.n_rated else ""
    return f"{counts.n_rated_twice} of {counts.n_rated} rated traces{share} by two or more clinicians"


def _left_out(facts: AuditFacts) -> str | None:
    return _joined(list(facts.frame_notes))


def _missing(facts: AuditFacts) -> str | None:
    counts = facts.counts
    known = (
        (counts.n_unparsed, "judgements unparsed"),
        (counts.n_refused, "refused"),
        (counts.n_failed, "failed"),
        (counts.n_cannot_assess, "dimensions a clinician could not assess"),
    )
    parts = [f"{n} {what}" for n, what in known if n is not None]
    return f"{', '.join(parts)}; counted as coverage, given no score" if parts else None


def _adjudication(facts: AuditFacts) -> str | None:
    counts = facts.counts
    if counts.locked_at is None:
        return "ratings are not locked yet, nothing is adjudicated" if counts.n_ratings else None
    decided = "" if counts.n_adjudicated is None else f"; {counts.n_adjudicated} scores adjudicated"
    return f"ratings locked {_day(counts.locked_at)}, before any adjudication{decided}; original scores kept"


def _generation(facts: AuditFacts) -> str | None:
    parts = []
    for run in facts.runs:
        settings = [
            f"{name} {value}"
            for name in (
                "temperature",
                "top_p",
                "max_tokens",
                "model_seed",
                "reasoning_effort",
                "thinking_budget",
            )
            if (value := run.plan.get(name)) is not None
        ]
        parts.append(
            f"run {run.run_id}: personas {', '.join(run.personas)}; "
            f"images {', '.join(one.value for one in run.image_conditions)}; "
            f"options {', '.join(run.option_orders)}; asked {_times(run.epochs)}; "
            f"{', '.join(settings) or 'decoding as the provider has it'}; seed {run.seed}"
        )
    return _joined(parts)


def _outcome(facts: AuditFacts) -> str | None:
    parts = []
    for run in facts.runs:
        names: tuple[str, ...] = ("extraction", "grading")
        rules = {name: run.versions[name] for name in names if name in run.versions}
        parts.append(
            f"run {run.run_id}: chosen options read from the text and held against the benchmark's gold answer; "
            f"unanswered counts as wrong (rules: {_pairs(rules) or NOT_TOLD})"
        )
    return _joined(parts)


def _dates(facts: AuditFacts) -> str | None:
    parts = [f"run {run.run_id} begun {_day(run.created_at)}" for run in facts.runs]
    return _joined([*parts, f"audit {facts.audit.audit_id} begun {_day(facts.audit.created_at)}"])


def _code(facts: AuditFacts) -> str | None:
    return _pairs(facts.audit.versions) or None


def _data(facts: AuditFacts) -> str | None:
    return _joined(
        [f"{run.benchmark.name}: SHA-256 of its items {run.benchmark.items_hash}" for run in facts.runs]
    )


def _identity(facts: AuditFacts) -> str | None:
    return f"audit {facts.audit.audit_id}, digest {facts.audit.digest}"


def _limitations(facts: AuditFacts) -> str | None:
    parts = []
    if facts.audit.simulated:
        parts.append("SIMULATED models, judges, raters or images: no figure is a measurement")
    if facts.audit.partial or any(run.partial for run in facts.runs):
        parts.append("only part of a benchmark was asked")
    if 0 < len(facts.raters) < 10:
        parts.append(f"agreement is conditional on these {len(facts.raters)} clinicians")
    same = sorted(set(facts.audit.judges) & {model for run in facts.runs for model in run.models})
    if same:
        parts.append(f"{', '.join(same)} judged traces of its own")
    parts += facts.notes
    undefined = Counter(one.name for one in facts.figures if one.value is None)
    parts += [
        f"{name}: undefined for {n} of {sum(one.name == name for one in facts.figures)} groups, each with its reason "
        "where it is told"
        for name, n in undefined.items()
    ]
    return _joined(parts)


def _topic(*topics: Topic) -> Fact:
    return lambda facts: _joined([line for topic in topics for line in figure_lines(facts.figures, topic)])


def _unknown(facts: AuditFacts) -> None:
    """Nothing in the store tells this: it stays `not recorded` unless a statement says it."""


FACTS: Mapping[str, tuple[str, Fact]] = MappingProxyType(
    {
        "instrument": ("Rubrics", _instrument),
        "guide": ("Guide", _guide),
        "failure_modes": ("Failure modes", _failure_modes),
        "judges": ("Judges", _judges),
        "benchmark": ("Questions", _benchmark),
        "examinees": ("Models", _examinees),
        "training_dates": ("Last date of training", _unknown),
        "data_place": ("Where to be had", _unknown),
        "code_place": ("Where to be had", _unknown),
        "rater_groups": ("Raters", _rater_groups),
        "rater_cards": ("Raters", _rater_cards),
        "planned_size": ("Planned", _planned_size),
        "size_reason": ("Why that many", _unknown),
        "sampling": ("Sampling", _sampling),
        "strata": ("Strata", _strata),
        "judge_view": ("Shown to judges", _judge_view),
        "rater_lists": ("Lists of clinicians", _rater_lists),
        "duplicates": ("Repeated ratings", _duplicates),
        "independence": ("Independence", _independence),
        "methods": ("Methods", _methods),
        "actual_size": ("Came together", _actual_size),
        "rated_twice": ("By more than one", _rated_twice),
        "left_out": ("Left out", _left_out),
        "missing": ("Missing", _missing),
        "adjudication": ("Adjudication", _adjudication),
        "generation": ("Generation", _generation),
        "outcome": ("Outcome", _outcome),
        "dates": ("Dates", _dates),
        "code": ("Software", _code),
        "data": ("Data", _data),
        "tools": ("Ratings came by", lambda facts: ", ".join(facts.counts.sources) or None),
        "identity": ("Audit", _identity),
        "limitations": ("Limitations", _limitations),
        "accuracy": ("Accuracy", _topic("accuracy")),
        "agreement": ("Agreement", _topic("agreement_clinicians", "agreement_judge", "repeatability")),
        "agreement_clinicians": ("Among clinicians", _topic("agreement_clinicians")),
        "agreement_judge": ("Judge and clinicians", _topic("agreement_judge")),
        "repeatability": ("With themselves", _topic("repeatability")),
        "comparison": ("Comparison", _topic("comparison")),
        "corrected": ("Corrected by clinicians", _topic("corrected")),
    }
)
"""Name in a template -> label, and how the sentence is made."""


def _rubrics(facts: AuditFacts) -> list[Rubric]:
    return [Rubric.model_validate(content) for content in facts.audit.rubrics]


def _joined(parts: Sequence[str]) -> str | None:
    return "\n".join(parts) or None


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in sorted(values.items()))


def _listed(values: Sequence[int]) -> str:
    return ", ".join(map(str, values))


def _times(n: int) -> str:
    return "once" if n == 1 else f"{n} times"


def _day(at: datetime) -> str:
    return at.date().isoformat()
