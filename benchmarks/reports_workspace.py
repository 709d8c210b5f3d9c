"""A workspace of the level-aware benchmark's size: 490 questions, 90 cases to be written about and two consultations,
asked of three simulated models under three personas, with all reports of two judges' scores and many of clinicians'.

    python benchmarks/reports_workspace.py FOLDER

The cases are those of `spinebench demo`, its twelve questions asked again and again under other names. Everything in
it is simulated. Takes a minute and 0.1 GB of disk.
"""

from __future__ import annotations

import argparse
import json
from itertools import cycle, islice
from pathlib import Path

from spinebench.api import audit, run
from spinebench.cli.demo import JUDGES, MODELS, rate
from spinebench.demo.cases import write_demo_cases
from spinebench.store import Workspace

QUESTIONS, REPORTS = 490, 90
PERSONAS = ("none", "surgeon", "radiologist")


def make(folder: Path) -> Workspace:
    """Make the workspace, with one run and one audit."""
    workspace = Workspace(folder)
    workspace.create()
    benchmark = write_demo_cases(folder / "demo", n_reports=REPORTS)
    records = [json.loads(line) for line in benchmark.read_text("utf-8").splitlines()]
    questions = [one for one in records if one["task"] == "knowledge"]
    more = [
        {**one, "id": f"{one['id']}-{number}", "cluster": f"{one['cluster']}-{number}"}
        for number, one in enumerate(islice(cycle(questions), QUESTIONS - len(questions)))
    ]
    benchmark.write_text("".join(f"{json.dumps(one)}\n" for one in [*records, *more]), "utf-8")
    sat = run(
        {"benchmark": str(benchmark), "models": list(MODELS), "personas": list(PERSONAS)}, workspace=folder
    )
    plan = {
        "runs": [sat.id],
        "tasks": ["report"],
        "rubrics": ["spinemed_report"],
        "judges": list(JUDGES),
        "per_cell": REPORTS * len(PERSONAS),
        "random_share": 0.2,
    }
    rate(workspace, audit(plan, workspace=folder).folder, seed=0)
    return workspace


def main() -> None:
    """Make it where the command line says."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path)
    folder = parser.parse_args().folder
    make(folder)
    print(
        f"{folder} is ready. Next: python benchmarks/dashboard_speed.py --workspace {folder} --pages reports"
    )


if __name__ == "__main__":
    main()
