"""The head of a page: what stands at its top, known without drawing it.

That is its title, what has to be said of its figures, and the figures. Each page's module finds its own (`head`) by
the functions that it draws with. `head_route` sends it ahead of the page; whatever only the page can find, and every
fault, is left to the page.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from html import escape
from importlib import import_module
from pathlib import Path

from spinebench.dashboard.address import Address
from spinebench.dashboard.caveats import Caveat, run_caveats
from spinebench.dashboard.headlines import Headline, headline_html
from spinebench.dashboard.run_choice import RunChoice, all_of, all_runs, choice_at, is_choice, usual_choice
from spinebench.dashboard.workspace_data import data_stamp, when_said
from spinebench.records import RunSpec

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PageHead:
    """The top of a page."""

    title: str
    said: Sequence[Caveat | str]
    """What stands between title and figures, in the page's order."""
    figures: Sequence[Headline]
    instead: str = ""
    """What the page says first where it has no figures."""
    has_sidebar: bool = False
    """Whether the page has a choice beside it, which moves all else."""


def head_of_runs(
    title: str,
    address: Address,
    figures: Callable[[RunChoice], list[Headline]],
    *,
    instead: Callable[[RunChoice], str] = lambda choice: "",
    usual: Callable[[Sequence[RunSpec]], RunChoice] = usual_choice,
    said: Callable[[RunChoice], Sequence[Caveat | str]] = lambda choice: (
        *run_caveats(choice.runs),
        when_said(data_stamp()),
    ),
) -> PageHead | None:
    """Of a page on the runs that the address chooses, or that it shows by itself; None where nothing is chosen."""
    specs = all_runs()
    if not specs:
        return None
    choice = choice_at(address, specs, usual)
    if choice.is_empty:
        return None
    everything = all_of(choice.runs)
    lists = [[spec.run_id for spec in specs], everything.personas, everything.conditions]
    return PageHead(
        title,
        tuple(said(choice)),
        tuple(figures(choice)),
        instead(choice),
        has_sidebar=any(map(is_choice, lists)),
    )


def page_head(name: str, query: str = "") -> PageHead | None:
    """The head of one of `PAGES` at an address with this query; None where it has none, or nothing to say in it."""
    try:
        page = import_module(f"spinebench.dashboard.pages.{name}")
        found: PageHead | None = page.head(Address.of_query(query))
    except Exception as error:  # noqa: BLE001 - the page meets the same fault, and says what it is
        _log.info("no head for %s: %s", name, error)
        return None
    return found if found is not None and (found.figures or found.instead) else None


def head_html(head: PageHead) -> str:
    """As it stands behind Streamlit's own element: everything in it is text."""
    said = "".join(
        f'<p class="caveat">{escape(one.said)}</p>' if isinstance(one, Caveat) else f"<p>{escape(one)}</p>"
        for one in (*head.said, *filter(None, [head.instead]))
    )
    figures = headline_html(head.figures) if head.figures else ""
    beside = ' class="beside"' if head.has_sidebar else ""
    return (
        f'<style>{_style()}</style><div id="page-head"{beside} aria-hidden="true">'
        f'<div class="title">{escape(head.title)}</div>{said}{figures}</div>'
    )


@cache
def _style() -> str:
    return Path(__file__).with_name("page_head.css").read_text("utf-8")
