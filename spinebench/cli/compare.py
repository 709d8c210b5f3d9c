"""`spinebench compare`: models on the same questions, paired."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def compare(
    models: Annotated[
        list[str] | None,
        typer.Argument(metavar="[A] [B] [...]", help="Models to compare; none: all of the runs."),
    ] = None,
    *,
    run: Annotated[
        list[str] | None,
        typer.Option("--run", help="Run that holds the answers (repeatable); default: the latest."),
    ] = None,
    against_best: Annotated[
        bool, typer.Option("--against-best", help="Each model against the best, in place of all pairs.")
    ] = False,
    seed: Annotated[int, typer.Option("--seed", help="Seed of the rank intervals.")] = 0,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Compare models on the questions they share: difference, paired test, Holm's correction.

    Example: spinebench compare openai/gpt-5.2 google/gemini-2.5-pro --run 20261120
    """
    from spinebench.cli.console import emit, print_table
    from spinebench.cli.named import named_run
    from spinebench.cli.results_table import percent
    from spinebench.models.registry import canonical_name
    from spinebench.runs.results import compare_models
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    folders = [named_run(place, name) for name in run or ["latest"]]
    simulated = any(folder.spec().simulated for folder in folders)
    result = compare_models(
        place,
        [folder.run_id for folder in folders],
        models=[canonical_name(model) for model in models] if models else None,
        against_best=against_best,
        seed=seed,
    )
    if json:
        emit({"type": "comparison", "simulated": simulated, **result.model_dump(mode="json")})
        return 0
    mark = "  [SIMULATION]" if simulated else ""
    for scope in result.scopes:
        print_table(
            ("model", "accuracy", "rank", "95 % of resampled ranks"),
            [
                (
                    standing.model,
                    percent(standing.accuracy),
                    f"{standing.rank:g}",
                    f"{standing.rank_interval.low:g}-{standing.rank_interval.high:g}",
                )
                for standing in scope.standings
            ],
            title=f"{scope.scope}: {scope.n} questions in {scope.n_clusters} clusters{mark}",
            caption=None
            if scope.cochran_q is None or scope.cochran_q.p_value is None
            else f"Cochran's Q: p = {scope.cochran_q.p_value:.3g}",
        )
        print_table(
            ("A", "B", "A - B, points", "n", "test", "p", f"p ({result.adjustment})"),
            [
                (
                    pair.first,
                    pair.second,
                    percent(pair.difference),
                    pair.n,
                    pair.test,
                    None if pair.p_value is None else f"{pair.p_value:.3g}",
                    None if pair.p_adjusted is None else f"{pair.p_adjusted:.3g}",
                )
                for pair in scope.pairs
            ],
            caption=" ".join(scope.warnings) or None,
        )
    for warning in result.warnings:
        print_table(("note",), [(warning,)])
    return 0
