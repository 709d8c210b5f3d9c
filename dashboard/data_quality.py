"""How good the questions of a run are: repeats, lopsided labels, images and clusters that several items share."""

from __future__ import annotations

import altair as alt
import streamlit as st

from spinebench.dashboard.caveats import mark_runs
from spinebench.dashboard.charts import show_chart
from spinebench.dashboard.interval_chart import BLUE, GREY
from spinebench.dashboard.workspace_data import rows
from spinebench.records import RunSpec

_LISTED = 50
"""Rows of a list; counts above it are of all."""
_BARS = 20
"""Bars of a chart: the most frequent values."""
_TITLES = {
    "disease": "Items by label",
    "right option": "Items by the place of the right option",
    "modality": "Items by modality",
    "region": "Items by region",
    "source": "Items by source",
    "options": "Items by number of options",
}


def show_data_quality(spec: RunSpec) -> None:
    """Draw all of it, from the items that the run asks, which need not be the whole benchmark."""
    mark_runs([spec])
    sizes = next(iter(rows("item_sizes", run_id=spec.run_id)), None)
    if sizes is None:
        st.info(
            "The items of this run are not in the database yet: `Load what is new` above brings them there."
        )
        return
    repeated = rows("item_duplicates", run_id=spec.run_id, size=_LISTED)
    images = rows("item_images", run_id=spec.run_id, size=_LISTED)
    columns = st.columns(5)
    columns[0].metric("Items", str(sizes["n_items"]))
    columns[1].metric(
        "Clusters", str(sizes["n_clusters"]), help="Studies or patients where known, else images."
    )
    columns[2].metric("Items in the largest cluster", str(sizes["largest"]))
    columns[3].metric("Items that repeat others", str(repeated[0]["n_repeats"]) if repeated else "0")
    shared = f"{images[0]['n_shared']} of {images[0]['n_images']}" if images else "0 of 0"
    columns[4].metric("Images of several items", shared)
    st.caption(
        "Of the items of this run, from the database. Files of the same bytes under different names, unusable images "
        "and identifiers are found by `spinebench data check`, which reads the files."
    )
    _show_repeats(repeated)
    _show_images([one for one in images if int(str(one["n"])) > 1])
    _show_balance(spec.run_id)


def _show_repeats(repeated: list[dict[str, object]]) -> None:
    st.subheader("Duplicates")
    if not repeated:
        st.text("No two items ask the same of the same images with the same answer.")
        return
    st.dataframe(
        [
            {
                "task": one["task"],
                "items": one["n"],
                "question": one["question"],
                "ids (20 at most)": one["item_ids"],
            }
            for one in repeated
        ],
        hide_index=True,
        width="stretch",
    )
    st.caption(f"{len(repeated)} of {repeated[0]['n_groups']} groups of items that are the same.")


def _show_images(shared: list[dict[str, object]]) -> None:
    st.subheader("Shared images")
    if not shared:
        st.text("No image is shown by more than one item.")
        return
    across = int(str(shared[0]["n_across_clusters"]))
    if across:
        st.warning(
            f"Images shown by items of different clusters: {across:,}. Intervals take these items as independent.",
            icon=":material/warning:",
        )
    st.dataframe(
        [
            {"image": one["path"], "items": one["n"], "clusters": one["n_clusters"], "tasks": one["tasks"]}
            for one in shared
        ],
        hide_index=True,
        width="stretch",
        height=250,
    )
    st.caption(f"{len(shared)} of {shared[0]['n_shared']} images that several items show.")


def _show_balance(run_id: str) -> None:
    st.subheader("Balance")
    counts = rows("item_counts", run_id=run_id)
    for task in dict.fromkeys(str(one["task"]) for one in counts):
        columns = st.columns(2)
        drawn = 0
        for what, title in _TITLES.items():
            found = [one for one in counts if one["task"] == task and one["what"] == what]
            if len(found) < 2:
                if found:
                    st.text(f"{title}, {task}: all {found[0]['n_items']} are {found[0]['value']}.")
                continue
            with columns[drawn % 2]:
                show_chart(_bars(found, f"{title}, {task}"))
            drawn += 1


def _bars(found: list[dict[str, object]], title: str) -> alt.Chart:
    numbers = [int(str(one["n"])) for one in found]
    n, most, least = int(str(found[0]["n_items"])), max(numbers), min(numbers)
    more = f"; the {_BARS} most frequent of {len(found)}" if len(found) > _BARS else ""
    values = [
        {"value": str(one["value"]), "items": number} for one, number in zip(found, numbers, strict=True)
    ]
    chart: alt.Chart = (
        alt.Chart(alt.InlineData(values=values[:_BARS]))
        .mark_bar(color=BLUE)
        .encode(
            x=alt.X("items:Q", title="items", axis=alt.Axis(tickMinStep=1)),
            y=alt.Y("value:N", title=None, sort=None, axis=alt.Axis(labelLimit=220)),
            tooltip=[alt.Tooltip("value:N", title="value"), alt.Tooltip("items:Q", title="items")],
        )
        .properties(
            title=alt.TitleParams(
                title,
                subtitle=f"n = {n}; most frequent to least: {most} to {least}{more}",
                subtitleColor=GREY,
                anchor="start",
            ),
            height=alt.Step(22),
        )
    )
    return chart
