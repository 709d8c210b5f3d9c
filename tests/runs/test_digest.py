from __future__ import annotations

from typing import Any

import pytest

from spinebench.runs.digest import differences


def _parts(config: dict[str, Any], **others: Any) -> dict[str, Any]:
    return {"models": {"local/x": config}, "extractor": None, "epochs": 1, **others}


@pytest.mark.parametrize(
    ("before", "after", "lines"),
    [
        (_parts({"dtype": "float32"}), _parts({"dtype": "float32"}), []),
        (
            _parts({"dtype": "float32"}),
            _parts({"dtype": "bfloat16"}),
            ["models: local/x: dtype: was float32, is now bfloat16"],
        ),
        (_parts({"checkpoint": None}), _parts({"checkpoint": "ab"}), []),
        (
            _parts({"checkpoint": "ab"}),
            _parts({"checkpoint": None}),
            ["models: local/x: checkpoint: was ab, is now none"],
        ),
        (_parts({}), _parts({"revision": "v2"}), ["models: local/x: revision: was none, is now v2"]),
        (_parts({}), _parts({}, extractor="openai/x"), ["extractor: was none, is now openai/x"]),
        (_parts({}), _parts({}, epochs=2), ["epochs: was 1, is now 2"]),
    ],
    ids=[
        "nothing",
        "a setting",
        "a setting that was not known yet",
        "a setting that is not known any more",
        "a new setting",
        "a part that was none",
        "a number",
    ],
)
def test_what_differs_is_named(before: dict[str, Any], after: dict[str, Any], lines: list[str]) -> None:
    assert differences(before, after) == lines
