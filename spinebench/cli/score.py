"""`spinebench score`: extract and grade again from the stored text."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def score(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Run id, its unique beginning, or 'latest'.")],
    *,
    phrase: Annotated[
        list[str] | None,
        typer.Option("--phrase", help="Further closing phrase, a regular expression (repeatable)."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Extract and grade every stored answer again with the present rules. No model is called."""
    from spinebench.cli.console import emit, say
    from spinebench.cli.named import named_run
    from spinebench.cli.results_table import emit_results, print_results
    from spinebench.runs.rescore import rescore
    from spinebench.runs.results import run_results
    from spinebench.store.ingest import ingest
    from spinebench.store.workspace import Workspace

    place = Workspace(workspace)
    folder = named_run(place, run)
    with folder.lock():
        changed = rescore(folder, closing_phrases=phrase or None)
    ingest(place, folder.run_id)
    results = run_results(place, folder.run_id)
    if json:
        emit({"type": "rescore", "run_id": folder.run_id, **changed.model_dump(mode="json")})
        emit_results(results)
        return 0
    print_results(folder.spec(), folder.status(), results)
    say(f"{changed.n_rescored} of {changed.n_answers} answers score differently now; no model was called")
    if changed.n_kept_model_extractions:
        say(
            f"{changed.n_kept_model_extractions} readings by the extractor model are kept: no rule reads these texts"
        )
    return 0
