"""Which runs, personas and image conditions the pages are about: chosen in the sidebar, kept in the address."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import streamlit as st

from spinebench.dashboard.address import Address
from spinebench.dashboard.workspace_data import stop_if_empty, stop_with, workspace
from spinebench.errors import SpinebenchError
from spinebench.records import RunSpec
from spinebench.store.workspace import Workspace


@dataclass(frozen=True)
class RunChoice:
    """The chosen runs, oldest first, and what is shown of them."""

    runs: tuple[RunSpec, ...]
    personas: tuple[str, ...]
    conditions: tuple[str, ...]

    @property
    def run_ids(self) -> list[str]:
        """Ids of the chosen runs, oldest first."""
        return [run.run_id for run in self.runs]

    @property
    def models(self) -> list[str]:
        """Models of the chosen runs, in the order in which their plans name them."""
        return list(dict.fromkeys(model for run in self.runs for model in run.models))

    @property
    def is_empty(self) -> bool:
        """Whether nothing can be shown of it."""
        return not (self.runs and self.personas and self.conditions)


def usual_choice(specs: Sequence[RunSpec]) -> RunChoice:
    """What is shown without a choice: all runs on the benchmark that was run last, all personas, all image conditions.

    Of runs oldest first, at least one.
    """
    newest = specs[-1].benchmark.items_hash
    return all_of(tuple(spec for spec in specs if spec.benchmark.items_hash == newest))


def latest_choice(specs: Sequence[RunSpec], run_ids: Collection[str]) -> RunChoice:
    """The latest of these runs alone, with all its personas and image conditions; without one the usual choice.

    Of runs oldest first, at least one.
    """
    latest = next((spec for spec in reversed(specs) if spec.run_id in run_ids), None)
    return usual_choice(specs) if latest is None else all_of((latest,))


def chosen_runs() -> list[str]:
    """Ids of the chosen runs, oldest first; see `chosen`."""
    return chosen().run_ids


def chosen(usual: Callable[[Sequence[RunSpec]], RunChoice] = usual_choice) -> RunChoice:
    """Draw the choice in the sidebar and return it; ends the page with advice where nothing can be shown.

    What the address says counts (`run`, `persona`, `condition`: repeated, or with commas between), and the sidebar
    writes itself into the address. Without either: what `usual` makes of all runs, oldest first.
    """
    stop_if_empty()
    specs = all_runs()
    with st.sidebar:
        labels = {spec.run_id: _label(spec) for spec in specs}
        run_ids = _choose("Runs", "run", list(labels), usual(specs).run_ids, labels)
        everything = all_of(tuple(spec for spec in specs if spec.run_id in run_ids))
        personas, conditions = everything.personas, everything.conditions
        choice = RunChoice(
            everything.runs,
            tuple(_choose("Personas", "persona", personas, personas)),
            tuple(_choose("Image conditions", "condition", conditions, conditions)),
        )
    if choice.is_empty:
        st.info(
            "Nothing is chosen: name at least one run, persona and image condition in the sidebar.",
            icon=":material/info:",
        )
        st.stop()
    return choice


def choice_at(
    address: Address, specs: Sequence[RunSpec], usual: Callable[[Sequence[RunSpec]], RunChoice] = usual_choice
) -> RunChoice:
    """What `chosen` gives in a new window at this address, without drawing anything; perhaps empty.

    Of runs oldest first, at least one.
    """
    run_ids = _at(address, "run", [spec.run_id for spec in specs], usual(specs).run_ids)
    everything = all_of(tuple(spec for spec in specs if spec.run_id in run_ids))
    return RunChoice(
        everything.runs,
        tuple(_at(address, "persona", everything.personas, everything.personas)),
        tuple(_at(address, "condition", everything.conditions, everything.conditions)),
    )


def all_runs() -> tuple[RunSpec, ...]:
    """What the readable runs of the workspace are, oldest first."""
    try:
        place = workspace()
        stamps = [(path.parent.name, path.stat().st_mtime_ns) for path in place.runs_dir.glob("*/run.json")]
        return _specs(str(place.path), tuple(sorted(stamps)))
    except SpinebenchError as error:
        stop_with(error)
        return ()


def counted_together(choice: RunChoice) -> str:
    """A sentence for figures that do not tell personas or image conditions apart; "" where there is one of each."""
    found = [
        f"{len(names)} {what}"
        for names, what in ((choice.personas, "personas"), (choice.conditions, "image conditions"))
        if len(names) > 1
    ]
    if not found:
        return ""
    return (
        f" An item counts once under each of the {' and '.join(found)} chosen; the sidebar leaves one alone."
    )


def all_of(runs: tuple[RunSpec, ...]) -> RunChoice:
    """These runs with all their personas and image conditions, in the order of their plans."""
    personas = dict.fromkeys(name for run in runs for name in run.personas)
    conditions = dict.fromkeys(one.value for run in runs for one in run.image_conditions)
    return RunChoice(runs, tuple(personas), tuple(conditions))


@st.cache_data(max_entries=8, show_spinner=False)
def _specs(path: str, stamps: tuple[tuple[str, int], ...]) -> tuple[RunSpec, ...]:
    # The stamps are part of the key: a new run is read, the others are not read again at every click.
    return tuple(run.spec() for run in Workspace(Path(path)).runs())


def _label(spec: RunSpec) -> str:
    marks = [name for name, holds in (("simulated", spec.simulated), ("partial", spec.partial)) if holds]
    return f"{spec.run_id}" + (f" ({', '.join(marks)})" if marks else "")


def _choose(
    label: str,
    name: str,
    options: Sequence[str],
    default: Sequence[str],
    labels: Mapping[str, str] | None = None,
) -> list[str]:
    """One list to choose from, drawn only where there is a choice. The address is its only memory on a page;
    between pages, whose links drop it, the session's."""
    key, kept = f"chosen {name}", f"kept {name}"
    address = Address.of_page()
    if name not in address and kept in st.session_state:
        wanted = [value for value in st.session_state[kept] if value in options] or list(default)
    else:
        wanted = _at(address, name, options, default)
    if not is_choice(options):
        return list(options)

    def remember() -> None:
        chosen_now = [value for value in options if value in st.session_state[key]]
        st.session_state[kept] = chosen_now
        st.query_params[name] = ",".join(chosen_now)

    st.session_state[key] = wanted
    if sorted(wanted) != sorted(default):
        st.session_state[kept] = wanted
        st.query_params[name] = ",".join(wanted)
    picked = st.multiselect(
        label,
        options,
        key=key,
        format_func=lambda value: (labels or {}).get(value, value),
        on_change=remember,
    )
    return list(picked)


def is_choice(options: Sequence[str]) -> bool:
    """Whether there is anything to choose; else the sidebar has no list of it."""
    return len(options) > 1


def _at(address: Address, name: str, options: Sequence[str], default: Sequence[str]) -> list[str]:
    """What the address alone chooses."""
    if not is_choice(options):
        return list(options)
    if name not in address:
        return list(default)
    asked = address.parts(name)
    wanted = [value for value in asked if value in options]
    # What is named may be of another workspace, or of runs no longer chosen.
    return list(default) if asked and not wanted else wanted
