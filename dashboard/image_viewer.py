"""The viewer of a case's images: zoom, pan, window and level, on the very bytes that were sent."""

from __future__ import annotations

from collections.abc import Sequence
from importlib.resources import files

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

_NAME = "spinebench_image_viewer"


def show_images(images: Sequence[tuple[str, str]], *, key: str) -> None:
    """Draw the viewer over images (address on this server, label); nothing for none.

    Labels are set as text, and no address but the given ones is asked for.
    """
    if images:
        _viewer()(data={"images": [{"url": url, "label": label} for url, label in images]}, key=key)


def _viewer() -> ComponentRenderer:
    html, css, js = (_part(ending) for ending in ("html", "css", "js"))
    return st.components.v2.component(_NAME, html=html, css=css, js=js)


def _part(ending: str) -> str:
    return files("spinebench.dashboard").joinpath(f"image_viewer.{ending}").read_text("utf-8")
