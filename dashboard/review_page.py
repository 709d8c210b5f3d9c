"""The page on which a reviewer decides on items: as the server gives it out, or as one file without a network."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterator
from functools import lru_cache
from importlib.resources import files
from io import BytesIO
from typing import Final

from spinebench.builder.review.desk import MOST_AT_ONCE, Desk
from spinebench.errors import SpinebenchError
from spinebench.records import JsonValue

PER_FILE: Final = 100
"""Items in one file; their images are in it too."""
_LONGEST_SIDE: Final = 1024
_VIEWER: Final = "export default function (component) {"
"""How the dashboard's image viewer begins; on this page it is a function beside the others."""


def served_page(desk: Desk) -> str:
    """The page for the raters' server. It holds the order and what is decided; items and images are asked for."""
    base = f"/review/{desk.set_id}"
    server: JsonValue = {
        "submit": f"{base}/decisions",
        "items": f"{base}/items",
        "images": f"{base}/images",
        "sign_out": "/sign-out",
    }
    items: JsonValue = [{"id": name, "state": state} for name, state in desk.states()]
    return _html(
        {**_about(desk), "items": items, "server": server}, sources="img-src 'self'; connect-src 'self'"
    )


def offline_pages(desk: Desk) -> Iterator[str]:
    """Files of up to 100 items each; one that says so where there is nothing to review.

    Images are in them, at most 1024 pixels wide and high; an item whose image cannot be had is shown without it, and
    cannot be accepted. Remarks of a pre-screen are in none of them.
    """
    states = desk.states()
    for part, start in enumerate(range(0, max(1, len(states)), PER_FILE), start=1):
        shown = states[start : start + PER_FILE]
        keys = [name for name, _ in shown]
        cases = [
            {**one, "remarks": []}
            for at in range(0, len(keys), MOST_AT_ONCE)
            for one in desk.cases(keys[at : at + MOST_AT_ONCE])
        ]
        images: dict[str, JsonValue] = {}
        for one in cases:
            for image in one["images"]:
                images[image["key"]] = _embedded(desk, image["key"])
        items: JsonValue = [{"id": name, "state": state} for name, state in shown]
        content = {**_about(desk), "items": items, "cases": cases, "images": images, "part": part}
        yield _html(content, sources="img-src data:")


def _about(desk: Desk) -> dict[str, JsonValue]:
    return {
        "set": desk.set_id,
        "reviewer": desk.reviewer,
        "adjudicates": desk.adjudicates,
        "simulated": desk.review.simulated,
        "reasons": [*desk.review.reasons()],
    }


def _embedded(desk: Desk, key: str) -> str:
    """A data URI; that of an empty image, which no browser shows, where the image cannot be had."""
    from PIL import Image

    try:
        found = desk.review.picture(key)
        assert found is not None, key
        with Image.open(BytesIO(found.data)) as picture:
            small = picture.convert("RGB")
    except (SpinebenchError, OSError, ValueError, Image.DecompressionBombError):
        return "data:image/png;base64,"
    small.thumbnail((_LONGEST_SIDE, _LONGEST_SIDE))
    data = BytesIO()
    small.save(data, "PNG", optimize=False)
    return f"data:image/png;base64,{base64.b64encode(data.getvalue()).decode('ascii')}"


def _html(content: JsonValue, *, sources: str) -> str:
    """The page around a content. Its policy lets nothing run or load but what stands in it and `sources`."""
    style, script = _style(), _script()
    fields = {
        "sources": sources,
        "style": style,
        "script": script,
        "viewer": _own("image_viewer.html"),
        "style_hash": _policy_hash(style),
        "script_hash": _policy_hash(script),
        # ASCII without "<": no text from outside can end the element, whatever it holds.
        "content": json.dumps(content, separators=(",", ":")).replace("<", "\\u003c").replace("&", "\\u0026"),
    }
    return re.sub(r"\{(\w+)\}", lambda found: fields[found[1]], _own("review.html"))


@lru_cache(maxsize=1)
def _style() -> str:
    viewer = f"#picture {{\n{_own('image_viewer.css')}}}"  # its rules for buttons are for its own
    return "\n".join((_packet("packet.css"), viewer, _own("review.css")))


@lru_cache(maxsize=1)
def _script() -> str:
    viewer = _own("image_viewer.js")
    assert viewer.count(_VIEWER) == 1, "the image viewer begins otherwise"
    opened = viewer.replace(_VIEWER, "const openViewer = function (component) {")
    return "\n".join(
        ('"use strict";', opened, _packet("sending.js").removeprefix('"use strict";\n'), _own("review.js"))
    )


@lru_cache(maxsize=8)
def _own(name: str) -> str:
    return files("spinebench.dashboard").joinpath(name).read_text("utf-8")


@lru_cache(maxsize=4)
def _packet(name: str) -> str:
    return files("spinebench.exchange").joinpath("packet").joinpath(name).read_text("utf-8")


def _policy_hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")
