from __future__ import annotations

import inspect
from typing import Any, get_args

import pytest

from spinebench.cli.plan_options import given, with_plan_options
from spinebench.errors import UsageError
from spinebench.runs.plan import RunPlan, plan_of
from spinebench.runs.plan_fields import Flag


def _command(first: int, **flags: Any) -> None: ...


def test_every_flagged_field_becomes_an_option_without_a_default() -> None:
    parameters = inspect.signature(with_plan_options(RunPlan)(_command)).parameters
    flagged = [
        name
        for name, info in RunPlan.model_fields.items()
        if any(isinstance(meta, Flag) for meta in info.metadata)
    ]
    assert list(parameters) == ["first", *flagged]
    for name in flagged:
        assert parameters[name].default is None, "what was not given must not go before the plan file"
        assert type(None) in get_args(get_args(parameters[name].annotation)[0])


def test_no_two_options_share_a_name() -> None:
    names = [
        name
        for info in RunPlan.model_fields.values()
        for meta in info.metadata
        if isinstance(meta, Flag)
        for flag in meta.names.split()
        for name in flag.split("/")
    ]
    own = ["--workspace", "--json", "--display", "--dry-run", "--print-config", "--help"]
    assert len(set(names + own)) == len(names + own)


def test_only_what_was_given_is_passed_on() -> None:
    assert given({"models": ["sim/careful"], "epochs": None, "personas": [], "reuse": False}, RunPlan) == {
        "models": ("sim/careful",),
        "reuse": False,
    }


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=[1, 2]", [1, 2]),
        ("a={b: 1}", {"b": 1}),
        ("a=http://127.0.0.1:8000/v1", "http://127.0.0.1:8000/v1"),
        ("a=x=y", "x=y"),
        ("a=2025-01-01", "2025-01-01"),
        ("a=", None),
        ("a=: [", ": ["),
        ("a=1,2", "1,2"),
    ],
)
def test_model_options_are_read_as_yaml_values(text: str, value: object) -> None:
    assert given({"model_args": [text]}, RunPlan) == {"model_args": {"a": value}}


def test_roles_may_be_given_together_or_apart() -> None:
    together = given({"model_roles": ["judge=a/b,extractor=c/d"]}, RunPlan)
    assert together == given({"model_roles": ["judge=a/b", "extractor=c/d"]}, RunPlan)
    plan = plan_of(
        {
            "benchmark": "b",
            "models": "sim/careful",
            **given({"model_roles": ["extractor=openai/gpt-5"]}, RunPlan),
        }
    )
    assert plan.model_roles["extractor"].name == "openai/gpt-5"


@pytest.mark.parametrize("text", ["a", "=1", " =1", ""])
def test_a_pair_without_key_or_sign_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"-M .*expected key=value"):
        given({"model_args": [text]}, RunPlan)
