"""The -M options of local models, as text or typed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spinebench.errors import UsageError
from spinebench.models.local_options import LocalOptions, parse_options
from spinebench.models.registry import ModelContext


def parse(**args: Any) -> LocalOptions:
    return parse_options(ModelContext(name="local/m", args=args))


def test_defaults() -> None:
    assert parse() == LocalOptions()


def test_text_and_typed_values_are_the_same() -> None:
    text = parse(
        batch_size="4", batch_wait_ms="5", trust_remote_code="True", max_new_tokens="7", revision="12"
    )
    typed = parse(batch_size=4, batch_wait_ms=5, trust_remote_code=True, max_new_tokens=7, revision=12)
    assert text == typed
    assert (text.batch_size, text.trust_remote_code, text.revision) == (4, True, "12")


def test_the_chat_template_is_read(tmp_path: Path) -> None:
    file = tmp_path / "template.jinja"
    file.write_text("{{ messages }}")
    assert parse(chat_template=str(file)).chat_template == "{{ messages }}"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("device", "gpu"),
        ("device", "cuda:x"),
        ("dtype", "float8"),
        ("dtype", True),
        ("batch_size", "0"),
        ("batch_size", "many"),
        ("batch_size", True),
        ("batch_size", "2.5"),
        ("batch_wait_ms", "-1"),
        ("batch_wait_ms", "nan"),
        ("max_new_tokens", "0"),
        ("trust_remote_code", "maybe"),
        ("revision", " "),
        ("chat_template", "no-such-file.jinja"),
        ("temperature", "0"),
    ],
)
def test_a_wrong_option_is_named_with_its_value(key: str, value: Any) -> None:
    with pytest.raises(UsageError, match=f"{key!r}.*expected.*; "):
        parse(**{key: value})
