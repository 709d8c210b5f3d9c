"""The colour of a model, the same in every chart of a page."""

from __future__ import annotations

from collections.abc import Sequence

import altair as alt

# Okabe and Ito (2008) without black, which a dark page swallows, and yellow, which a light one does.
_COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#56B4E9", "#999999")


def model_colour(models: Sequence[str]) -> alt.Color:
    """The encoding of `model`; beyond seven models colours come again, and the tooltip tells them apart."""
    return alt.Color(
        "model:N",
        scale=alt.Scale(
            domain=list(models), range=[_COLOURS[place % len(_COLOURS)] for place in range(len(models))]
        ),
        legend=alt.Legend(orient="bottom", direction="vertical", labelLimit=240),
    )
