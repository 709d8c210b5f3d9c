"""`spinebench demo`: the whole loop on drawn phantoms with simulated models, judges and clinicians."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import Display, DisplayOption, JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from spinebench.store.audit_folder import AuditFolder
    from spinebench.store.workspace import Workspace

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")

MODELS = ("sim/careful", "sim/overcaller", "sim/guesser")
JUDGES = ("sim/judge-lenient", "sim/judge-noisy")


@app.command()
def demo(
    *,
    seed: Annotated[int, typer.Option("--seed", help="Seed of phantoms and simulated models.")] = 0,
    items: Annotated[int, typer.Option("--items", min=12, help="Number of questions.")] = 60,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
    display: DisplayOption = Display.RICH,
) -> int:
    """Draw a small benchmark; have three simulated models sit it, two simulated judges score their reasoning, three
    simulated clinicians rate some of it; print results, agreement and corrected scores."""
    from spinebench.cli.agree import agree
    from spinebench.cli.calibrate import calibrate
    from spinebench.cli.console import say
    from spinebench.cli.environment import environment
    from spinebench.cli.named import at, quoted
    from spinebench.cli.sitting import sit_new_run
    from spinebench.demo import write_demo_benchmark
    from spinebench.runs.plan import plan_from
    from spinebench.store.workspace import Workspace

    environment()
    place = Workspace(workspace)
    place.create()
    cases = _cases(place, seed=seed)
    say(f"drawing {items} questions on phantoms ...")
    benchmark = write_demo_benchmark(workspace / "demo", seed=seed, n_items=items)
    plan = plan_from(
        flags={
            "benchmark": str(benchmark),
            "models": MODELS,
            "seed": seed,
            "audit": {"judges": JUDGES, "random_share": 0.5},
        }
    )
    code = sit_new_run(plan, place, display=display.value, as_json=json)
    folder = place.latest_audit()
    if code or folder is None:
        return code
    say()
    rate(place, folder, seed=seed)
    say()
    agree([folder.audit_id], workspace=workspace, json=json)
    calibrate([folder.audit_id], workspace=workspace, json=json)
    if not json:
        place_of = at(workspace)
        say()
        say("What to look at next:")
        say(f"  {workspace / 'demo'}  the drawn images and the benchmark file in the released format")
        say(
            f"  {folder.path / 'packets'}  what a clinician receives: open one of the HTML files in a browser"
        )
        say(f"  spinebench dashboard{place_of}  errors, cases, agreement and runs in a browser")
        say(f"  spinebench runs show latest{place_of}  the run, its outcomes and its failures")
        say(
            f"  spinebench agree latest --details{place_of}  everything on judges and clinicians, and what may be said"
        )
        say(
            f"  spinebench scores {cases}{place_of}  the other run: knowledge questions, reports, consultations"
        )
        say(f"  spinebench levels {cases}{place_of}  the levels and sides that its reports name")
        say(f"  spinebench compare sim/careful sim/guesser{place_of}  the models on the same items, paired")
        say(
            f"  spinebench run -b {quoted(benchmark)}{place_of} -m openai/<id>  your own model, with OPENAI_API_KEY set"
        )
    return code


def _cases(workspace: Workspace, *, seed: int) -> str:
    """The second benchmark, without its tables: cases that are asked about, written about, judged and rated. Returns
    its run's id."""
    from spinebench.api import audit, run
    from spinebench.cli.console import say
    from spinebench.demo.cases import write_demo_cases

    benchmark = write_demo_cases(workspace.path / "demo", seed=seed)
    sat = run({"benchmark": str(benchmark), "models": list(MODELS), "seed": seed}, workspace=workspace.path)
    judged = audit(
        {
            "runs": [sat.id],
            "tasks": ["report"],
            "rubrics": ["spinemed_report"],
            "judges": list(JUDGES),
            "random_share": 1.0,
            "seed": seed,
        },
        workspace=workspace.path,
    )
    say(
        f"SIMULATION: {sat.spec.n_items} made-up cases asked of {len(MODELS)} simulated models, "
        f"{judged.spec.n_traces} reports scored on ten dimensions by simulated judges"
    )
    rate(workspace, judged.folder, seed=seed)
    say()
    return sat.id


def rate(workspace: Workspace, folder: AuditFolder, *, seed: int) -> None:
    """What clinicians would do over some days: packets out, filled by simulated clinicians, imported and locked."""
    from spinebench.cli.console import say
    from spinebench.demo.clinicians import CLINICIANS, fill_packet
    from spinebench.exchange.packets import write_packet
    from spinebench.exchange.rating_book import RatingBook
    from spinebench.rating.assigning import Rateable, assign
    from spinebench.rating.images import RunImages
    from spinebench.rating.importing import import_ratings
    from spinebench.rating.locking import lock_ratings

    now = datetime.now(UTC)
    for rater, clinician in CLINICIANS.items():
        workspace.save_rater(clinician.card(rater))
    reviews = folder.reviews()
    referred = [trace for trace in folder.traces() if reviews[trace.trace_id].refers_by]
    folder.write_assignments(
        assign(
            [Rateable.of(trace) for trace in referred],
            list(CLINICIANS),
            audit_id=folder.audit_id,
            seed=seed,
            at=now,
        )
    )
    book = RatingBook.open(folder)
    packets = folder.path / "packets"
    images = RunImages(workspace)
    filled: list[Path] = []
    for rater, clinician in CLINICIANS.items():
        write_packet(book, rater, packets, images=images)
        saved = packets / f"ratings-{rater}.json"
        yesterday = now - timedelta(days=1)
        filled.append(fill_packet(book, rater, saved, clinician=clinician, seed=seed, at=yesterday))
    files = import_ratings(folder, filled, at=now)
    lock_ratings(folder, at=now)
    say(
        f"SIMULATION: in place of clinicians with packets, {len(CLINICIANS)} simulated ones rated "
        f"{len(referred)} referred traces ({sum(file.n_new for file in files)} ratings, hidden duplicates included); "
        "imported and locked."
    )
