"""Runs the measurements that need no data of others; JSON in benchmarks/results/: `make bench`.

Takes about three quarters of an hour on two cores; nothing else should be at work on the machine.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
RESULTS = HERE / "results"

MEASUREMENTS: tuple[tuple[str, list[str]], ...] = (
    ("exam-overhead", ["exam_overhead.py", "--output"]),
    ("audit-overhead", ["audit_overhead.py", "--output"]),
    ("store-scale", ["store_scale.py", "--json"]),
    ("dashboard-speed", ["dashboard_speed.py", "--json"]),
    ("calibration-coverage", ["calibration_coverage.py", "--json"]),
    ("agreement-coverage", ["agreement_coverage.py", "--json"]),
    ("two-phase-coverage", ["two_phase_coverage.py", "--json"]),
)


def main() -> int:
    RESULTS.mkdir(exist_ok=True)
    for name, (script, *arguments) in MEASUREMENTS:
        print(f"== {name}", flush=True)
        done = subprocess.run([sys.executable, str(HERE / script), *arguments, str(RESULTS / f"{name}.json")])
        if done.returncode != 0:
            print(f"{name} failed", file=sys.stderr)
            return done.returncode
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
