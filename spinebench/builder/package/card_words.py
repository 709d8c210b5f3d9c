"""What the fields of a build's reports are called on the card that people read; `card.json` keeps their names."""

from __future__ import annotations

from typing import Final

from spinebench.records import JsonValue

_WORDS: Final = {
    "asked": "asked for",
    "cluster_limit": "over the cluster limit",
    "corrected": "items corrected",
    "adjudicated": "items that the adjudicator decided",
    "dropped": "items in no split",
    "ends_build": "ends the build",
    "gold": "right answer",
    "image_used": "image asked already",
    "interval_reason": "why no interval",
    "largest_unit": "items of the largest unit",
    "n_accepted": "items accepted",
    "n_asked_apart": "pairs on one image that ask about different things",
    "n_candidates": "items reviewed or waiting",
    "n_changed": "items changed since they were decided",
    "n_clusters": "clusters",
    "n_double": "items read by two or more",
    "n_images": "images",
    "n_images_with_facts": "images that could be read",
    "n_items": "items",
    "n_near": "contradictions between near duplicates",
    "n_pairs": "pairs of decisions",
    "n_rejected": "items rejected",
    "n_reviewers": "reviewers who took part in them",
    "n_same_image": "contradictions on one image",
    "n_simulated": "items that simulated reviewers decided",
    "n_units": "units that stay in one split",
    "n_unused": "decisions not used",
    "n_waiting": "items waiting",
    "n_with_gold": "items of which two or more say what is right",
    "not_needed": "not needed",
    "other_split": "another split",
    "per_disease": "images per disease at most",
    "positions": "right options by position",
    "reason": "why undefined",
    "skipped": "baselines not tried",
    "too_poor": "too poor",
    "waits_for": "waiting for",
}


def in_words(report: JsonValue) -> JsonValue:
    """A report with its fields in words, and with a check that was not made neither passed nor failed."""
    if isinstance(report, list):
        return [in_words(one) for one in report]
    if not isinstance(report, dict):
        return report
    return {
        _WORDS.get(name, name): "not tried" if name == "passed" and one is None else in_words(one)
        for name, one in report.items()
    }
