"""The command line that the measurements of coverage share: a table, one row per setting, printed and kept."""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TypeVar

SettingT = TypeVar("SettingT")


def measure_all(
    settings: Iterable[SettingT],
    measure: Callable[[SettingT, int, int], dict[str, object]],
    *,
    description: str | None,
    replications: int,
) -> int:
    """Print `measure(setting, replications, seed)` for every setting, a line of JSON each; 0, the exit code.

    `--json FILE` keeps the rows in one file, marked as simulated; `--replications` and `--seed` change how much is
    drawn and from which seed. Every setting starts from the same seed, so that a row can be measured alone.
    """
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path)
    parser.add_argument("--replications", type=int, default=replications)
    parser.add_argument("--seed", type=int, default=20261121)
    options = parser.parse_args()
    rows = []
    for setting in settings:
        row = measure(setting, options.replications, options.seed)
        rows.append(row)
        print(json.dumps(row), flush=True)
    if options.json is not None:
        table = {
            "simulated": True,
            "seed": options.seed,
            "replications": options.replications,
            "rows": rows,
        }
        options.json.write_text(json.dumps(table, indent=1) + "\n")
    return 0
