"""How far a sitting is."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime


@dataclass
class Progress:
    """Counts of one sitting and the run as a whole, for display."""

    n_planned: int
    n_done: int
    """Answers with a reply, of this and earlier sittings."""
    n_failed: int = 0
    n_reused: int = 0
    n_unread: int = 0
    """Replies of this sitting that no rule reads and on which the extractor failed."""
    n_this_sitting: int = 0
    cost_usd: float | None = None
    """Spent in this sitting; None while no price is known."""
    started_at: datetime = field(default_factory=lambda: datetime.now(UTC))

    def rate_per_s(self) -> float | None:
        """Answers per second of this sitting; None before the first one."""
        elapsed = (datetime.now(UTC) - self.started_at).total_seconds()
        return self.n_this_sitting / elapsed if self.n_this_sitting and elapsed > 0 else None

    def eta_s(self) -> float | None:
        """Seconds left at the present rate; None while it is unknown."""
        rate = self.rate_per_s()
        left = self.n_planned - self.n_done - self.n_failed
        return left / rate if rate else None
