"""The results of a run as tables for a person, and as NDJSON records for a program."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from spinebench.cli.console import emit, print_table

if TYPE_CHECKING:
    from spinebench.evaluators.estimate import Estimate
    from spinebench.evaluators.results import ModelSummary
    from spinebench.records import RunSpec, RunStatus


def percent(estimate: Estimate | None) -> str | None:
    """`42.1 [35–50]` in percent, or None where it is undefined or was not asked."""
    if estimate is None or estimate.value is None:
        return None
    text = f"{100 * estimate.value:.1f}"
    if estimate.interval is not None:
        low, high = 100 * estimate.interval.low, 100 * estimate.interval.high
        text += f" [{low:.0f}–{high:.0f}]" if low >= 0 else f" [{low:.0f} to {high:.0f}]"
    return text


def emit_results(results: Sequence[ModelSummary]) -> None:
    """One NDJSON record per summary."""
    for result in results:
        emit({"type": "result", **result.model_dump(mode="json")})


def print_results(spec: RunSpec, status: RunStatus | None, results: Sequence[ModelSummary]) -> None:
    """Accuracy, then outcomes, then what was not answered, each with its n."""
    marks = [
        *(["SIMULATION"] if spec.simulated else []),
        *(["PARTIAL"] if spec.partial else []),
        *(
            [f"{status.n_done}/{status.n_planned} answers"]
            if status and status.n_done < status.n_planned
            else []
        ),
    ]
    title = f"{spec.benchmark.name}, run {spec.run_id}" + (f"  [{', '.join(marks)}]" if marks else "")
    if not results or any(result.diagnosis or result.localization for result in results):
        _print_accuracy(title, results)
        title = ""
    _print_knowledge(title, results)
    _print_written(results)
    _print_outcomes(results)
    _print_unanswered(results)


def _label(result: ModelSummary, results: Sequence[ModelSummary]) -> str:
    """The model, with what else tells its rows apart in this table."""
    parts = [result.model]
    for name in ("persona", "image_condition", "option_order"):
        if len({getattr(other, name) for other in results}) > 1:
            parts.append(str(getattr(result, name)))
    return ", ".join(parts)


def _print_accuracy(title: str, results: Sequence[ModelSummary]) -> None:
    rows = []
    for result in results:
        diagnosis, localization = result.diagnosis, result.localization
        rows.append(
            (
                _label(result, results),
                percent(diagnosis.accuracy.of_asked) if diagnosis else None,
                percent(localization.accuracy.of_asked) if localization else None,
                percent(_bare(localization.precision.of_asked)) if localization else None,
                percent(_bare(localization.recall.of_asked)) if localization else None,
                percent(result.overall.of_asked),
                _sizes(result),
            )
        )
    print_table(
        ("model", "SDD accuracy", "SLL exact", "prec.", "recall", "overall", "n"),
        rows,
        title=title,
        caption=(
            "Percent with 95 % intervals; unanswered counts as wrong. SDD: diagnosis. SLL: localization, exact "
            "set; precision and recall are means over answers. Overall: mean of both accuracies. n: SDD + SLL."
            + _chance(results)
        ),
    )


def _print_knowledge(title: str, results: Sequence[ModelSummary]) -> None:
    rows = [
        (
            _label(result, results),
            percent(result.knowledge.accuracy.of_asked) if result.knowledge else None,
            result.knowledge.accuracy.of_asked.n if result.knowledge else 0,
        )
        for result in results
    ]
    if any(result.knowledge for result in results):
        print_table(
            ("model", "accuracy", "n"),
            rows,
            title=title or "Knowledge questions",
            caption="Knowledge questions: percent with 95 % interval; unanswered counts as wrong.",
        )


def _print_written(results: Sequence[ModelSummary]) -> None:
    rows = [
        (
            _label(result, results),
            one.task.value,
            one.n_asked,
            one.n_complete,
            one.n_incomplete,
            one.n_not_answered,
        )
        for result in results
        for one in result.written
    ]
    if rows:
        print_table(
            ("model", "task", "asked", "complete", "incomplete", "not\nanswered"),
            rows,
            title="Free text",
            caption="Complete: a text under every heading asked for, or a reply to every turn. What it is worth "
            "is for an audit to say: spinebench audit RUN --rubric spinemed_report --task report --judge MODEL.",
        )


def _sizes(result: ModelSummary) -> str:
    """Answers behind the figures of both tasks."""
    sizes = [
        str(summary.accuracy.of_asked.n) if summary is not None else "0"
        for summary in (result.diagnosis, result.localization)
    ]
    return "+".join(sizes)


def _chance(results: Sequence[ModelSummary]) -> str:
    """What answering without looking gives on the same items."""
    if not results:
        return ""
    lines = ""
    for name, summary in (("diagnosis", results[0].diagnosis), ("localization", results[0].localization)):
        if summary is not None and summary.baselines:
            figures = ", ".join(f"{one.name} {100 * one.accuracy:.1f}" for one in summary.baselines)
            lines += f"\nWithout looking, {name}: {figures}."
    return lines


def _bare(estimate: Estimate) -> Estimate:
    return estimate.model_copy(update={"interval": None})


def _print_outcomes(results: Sequence[ModelSummary]) -> None:
    for task in ("diagnosis", "localization"):
        summaries = [
            (result, getattr(result, task)) for result in results if getattr(result, task) is not None
        ]
        if not summaries:
            continue
        columns: list[str] = []
        cells: list[list[str | None]] = []
        for place, first in enumerate(summaries[0][1].outcomes):
            estimates = [summary.outcomes[place].rate.of_asked for _, summary in summaries]
            same_n = len({estimate.n for estimate in estimates}) == 1
            name = first.outcome.value.replace("_", "\n")
            columns.append(f"{name}\nof {estimates[0].n}" if same_n else name)
            cells.append([_count(estimate, with_n=not same_n) for estimate in estimates])
        print_table(
            ("model", *columns),
            [
                (_label(result, results), *(column[row] for column in cells))
                for row, (result, _) in enumerate(summaries)
            ],
            title=f"Outcomes, {task}",
            caption="Count (share); where none was seen, the upper end of the 95 % interval.",
        )


def _count(estimate: Estimate, *, with_n: bool) -> str | None:
    if estimate.value is None:
        return None
    n = f"/{estimate.n}" if with_n else ""
    if estimate.count == 0 and estimate.interval is not None:  # none seen is not none possible
        return f"0{n} (≤{100 * estimate.interval.high:.0f}%)"
    return f"{estimate.count}{n} ({100 * estimate.value:.0f}%)"


def _print_unanswered(results: Sequence[ModelSummary]) -> None:
    names = ("no_answer", "unparsed", "refused", "truncated", "filtered", "errored")
    rows = []
    for result in results:
        counts = result.denominators
        if counts.answered < counts.asked:
            rows.append(
                (
                    _label(result, results),
                    counts.asked,
                    counts.answered,
                    *(getattr(counts, name) for name in names),
                )
            )
    if rows:
        print_table(
            ("model", "asked", "answered", *(name.replace("_", "\n") for name in names)),
            rows,
            title="Not answered",
        )
