"""What may and may not be said of corrected means at the number of labels there is, in plain sentences."""

from __future__ import annotations

from collections.abc import Sequence

from spinebench.evaluators.calibration.corrected import FEW_LABELS

MANY_CLINICIANS = 10
"""From this many clinicians on, what holds for them may be said of others."""


def claims(
    *,
    labels: Sequence[int],
    half_width: float | None,
    pooled: bool,
    n_clinicians: int,
    stale: Sequence[str],
    locked: bool,
    simulated: bool,
) -> tuple[str, ...]:
    """`labels` holds the number of rated traces of each model; `half_width` is the median of their intervals'."""
    found = []
    if simulated:
        found.append("Simulated: nothing here may be said of real models, judges or clinicians.")
    if stale:
        found.append(
            f"Stale: {'; '.join(stale)}. The correction may be quoted for what was rated then, not for now."
        )
    if not any(labels):
        found.append(
            "No labels: the judge's means may be quoted as the judge's, not as what clinicians hold."
        )
        return tuple(found)
    if half_width is None:
        found.append("The corrected means have no interval: no difference between models may be claimed.")
    else:
        found.append(
            f"May be claimed: a model's corrected mean, to about +-{half_width:.2f}, for the frame's traces; "
            "the raw judge mean may not be quoted as a clinician's score."
        )
        found.append(
            f"May not be claimed: an order of two models less than about {1.4 * half_width:.2f} apart, "
            "and anything about a single trace."
        )
    if pooled:
        found.append(
            "The intervals take the judge's error to scatter alike in all models of the task (apart for right and "
            "wrong answers); its mean is each model's own."
        )
    without = sum(number == 0 for number in labels)
    if without:
        found.append(
            f"{without} of {len(labels)} models have no labels: nothing about clinicians may be said of them."
        )
    if any(0 < number < FEW_LABELS for number in labels):
        found.append(f"Models with fewer than {FEW_LABELS} labels: the value is a hint, not a finding.")
    if n_clinicians < MANY_CLINICIANS:
        who = "this one clinician" if n_clinicians == 1 else f"these {n_clinicians} clinicians"
        found.append(f"Conditional on {who}: others may hold otherwise.")
    if not locked:
        found.append("Not locked: the ratings may still change.")
    return tuple(found)
