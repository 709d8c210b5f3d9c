"""Keeps the paths of the building machine out of what is given on."""

from __future__ import annotations

import re
from typing import Final

from spinebench.records import JsonValue

REPLACEMENT: Final = "(path)"
_PATH: Final = re.compile(
    r"""
    (?<![\w./\\)\]}>%&?@-])            # not inside a word, a URL, a relative path or L4/L5
    (?:
        file:/{1,3}[^\s"'<>|]+          # file: URL
      | ~[\w.-]*/[^\s"'<>|,;]*          # a home folder
      | /(?:[\w.@+~\-]+/)+[\w.@+~\-]*   # absolute, at least one folder and a separator
      | /(?:home|root|tmp|Users|mnt|data|srv|opt|var|media|scratch|work)\b[^\s"'<>|,;]*
      | [A-Za-z]:[\\/](?![/\s])[^\s"'<>|]*  # with a drive
      | \\\\[\w.$-]+\\[^\s"'<>|]+       # a share
    )
    """,
    re.VERBOSE,
)


def machine_paths(text: str) -> tuple[str, ...]:
    """Parts of a text that look like absolute paths, in order. URLs, `L4/L5` and relative paths are none."""
    return tuple(match.group() for match in _PATH.finditer(text))


def without_machine_paths(value: JsonValue) -> JsonValue:
    """A JSON value with `(path)` in place of every absolute path in its texts and keys."""
    if isinstance(value, str):
        return _PATH.sub(REPLACEMENT, value)
    if isinstance(value, dict):
        return {_PATH.sub(REPLACEMENT, str(key)): without_machine_paths(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [without_machine_paths(one) for one in value]
    return value


def machine_paths_in(value: JsonValue, at: str = "") -> tuple[tuple[str, str], ...]:
    """Where in a JSON value absolute paths stand: (place such as `metadata.builder.rows[0]`, path)."""
    if isinstance(value, str):
        return tuple((at, path) for path in machine_paths(value))
    if isinstance(value, dict):
        return tuple(
            found
            for key, one in value.items()
            for found in (
                *((f"{at}, a key", path) for path in machine_paths(str(key))),
                *machine_paths_in(one, f"{at}.{key}".lstrip(".")),
            )
        )
    if isinstance(value, list | tuple):
        return tuple(found for i, one in enumerate(value) for found in machine_paths_in(one, f"{at}[{i}]"))
    return ()
