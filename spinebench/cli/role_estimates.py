"""What a dry run expects of models by role: calls, tokens, price."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spinebench.runs.role_estimate import RoleEstimate


def print_role_estimates(roles: Sequence[RoleEstimate], *, title: str) -> None:
    """A line per role."""
    from spinebench.cli.console import print_table

    print_table(
        ("role", "model", "calls at most", "input tokens", "output tokens", "USD"),
        [
            (
                one.role,
                one.model,
                one.calls,
                "{:,}–{:,}".format(*one.input_tokens),
                "{:,}–{:,}".format(*one.output_tokens),
                "unknown" if one.cost_usd is None else "{:.2f}–{:.2f}".format(*one.cost_usd),
            )
            for one in roles
        ],
        title=title,
    )
