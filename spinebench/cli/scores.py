"""`spinebench scores`: the level-aware scores of models, their parts and what they rest on."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption
from spinebench.records import ImageCondition

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


class By(StrEnum):
    """What scores can be divided by."""

    SUBSPECIALTY = "subspecialty"
    SOURCE = "source"
    MODALITY = "modality"
    LANGUAGE = "language"


@app.command()
def scores(
    run: Annotated[
        list[str] | None,
        typer.Argument(metavar="RUN...", help="Run ids or their beginnings; none: the latest run."),
    ] = None,
    *,
    audit: Annotated[
        list[str] | None,
        typer.Option(
            "--audit",
            help="Audit that judged the reports (repeatable); default: of each run the latest whose rubric has "
            "sections.",
        ),
    ] = None,
    by: Annotated[
        list[By] | None, typer.Option("--by", help="Divide the scores by this as well (repeatable).")
    ] = None,
    image_condition: Annotated[
        ImageCondition, typer.Option("--image-condition", help="Only answers under this image condition.")
    ] = ImageCondition.NORMAL,
    details: Annotated[
        bool, typer.Option("--details", help="Each judge, and every dimension of the reports.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", min=0, help="Seed of the resampling.")] = 0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Text, image, report and overall scores of the level-aware benchmark, with intervals.

    Example: spinebench scores latest --by subspecialty --by language
    """
    from spinebench.audits.level_aware import HOW_TO_JUDGE, level_aware_report
    from spinebench.cli.console import emit, say
    from spinebench.cli.named import at, named_audit, named_run
    from spinebench.cli.scores_table import print_scores
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    report = level_aware_report(
        place,
        [named_run(place, name).run_id for name in run or ["latest"]],
        [named_audit(place, name).audit_id for name in audit] if audit else None,
        image_condition=image_condition,
        seed=seed,
    )
    for warning in report.warnings:
        say(f"warning: {warning}")
    if json:
        emit({"type": "level_aware", **report.model_dump(mode="json", exclude={"ratings"})})
        for one in report.ratings:
            head = {**one.model_dump(mode="json", exclude={"models"}), "simulated": report.simulated}
            head["rating_warnings"] = head.pop("warnings")
            for model in one.models:
                emit({"type": "scores", **head, **model.model_dump(mode="json", exclude={"source"})})
    else:
        print_scores(report, by=[one.value for one in by or []], details=details)
    unjudged = sum(one.report.counts.unscored for one in report.ratings[0].models)
    if report.ratings[0].source is None and unjudged:
        say(
            f"{unjudged} reports wait for a judge. Next: "
            f"{HOW_TO_JUDGE.replace('RUN', report.run_ids[0])}{at(workspace)}"
        )
    return 0
