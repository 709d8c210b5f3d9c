"""`spinebench demo`: the whole loop on drawn phantoms with simulated models, no keys, no network."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.run import DEFAULT_WORKSPACE, Display, DisplayOption, JsonOption, WorkspaceOption

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

MODELS = ("sim/careful", "sim/overcaller", "sim/guesser")


@app.command()
def demo(
    *,
    seed: Annotated[int, typer.Option("--seed", help="Seed of phantoms and simulated models.")] = 0,
    items: Annotated[int, typer.Option("--items", min=12, help="Number of questions.")] = 60,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
) -> int:
    """Draw a small benchmark, have three simulated models sit it, print the results."""
    from spinebench.cli.console import say
    from spinebench.cli.environment import environment
    from spinebench.cli.sitting import quoted, sit_new_run
    from spinebench.demo import write_demo_benchmark
    from spinebench.runs.plan import plan_from
    from spinebench.store.workspace import Workspace

    environment()
    place = Workspace(workspace)
    place.create()
    say(f"drawing {items} questions on phantoms ...")
    benchmark = write_demo_benchmark(workspace / "demo", seed=seed, n_items=items)
    plan = plan_from(flags={"benchmark": str(benchmark), "models": MODELS, "seed": seed})
    code = sit_new_run(plan, place, display=display.value, as_json=json)
    if not json:
        at = "" if workspace == DEFAULT_WORKSPACE else f" --workspace {quoted(workspace)}"
        say()
        say("What to look at next:")
        say(f"  {workspace / 'demo'}  the drawn images and the benchmark file in the released format")
        say(f"  spinebench runs show latest{at}  the run, its outcomes and its failures")
        say(f"  spinebench compare sim/careful sim/guesser{at}  the models on the same items, paired")
        say(
            f"  spinebench run -b {quoted(benchmark)}{at} -m openai/<id>  your own model, with OPENAI_API_KEY set"
        )
    return code
