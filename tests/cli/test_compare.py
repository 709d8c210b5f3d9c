from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import yaml

from tests.exams import MODEL, asking, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer


@pytest.fixture
def two_models(cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path) -> None:
    """A model that is right on ten of twelve questions, and one that always answers Healthy or all levels."""
    exam = write_exam(tmp_path / "bench", n=12, right=range(10))
    asking(exam, provider_server)
    model = {"name": MODEL, "args": {"base_url": provider_server.openai_url}}
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        yaml.safe_dump({"benchmark": str(exam.file), "models": [model, "baseline/always-healthy"]})
    )
    assert cli("run", plan).code == 0


@pytest.mark.usefixtures("two_models")
def test_models_are_compared_on_the_questions_they_share(cli: Callable[..., Said]) -> None:
    """Diagnosis: 5 of 6 against 2 of 6 (indices 2 and, as one of six, none else: Healthy is gold in 2 only).

    Gold of the six diagnoses: Osteophytes, Healthy, Spondylolisthesis, Disc space narrowing, Foraminal stenosis,
    Osteophytes; so always-healthy is right once, and the model on the first five.
    """
    said = cli("compare", MODEL, "baseline/always-healthy", "--json")
    assert said.code == 0, said.err
    (comparison,) = said.records
    scopes = {scope["scope"]: scope for scope in comparison["scopes"]}
    diagnosis = scopes["diagnosis"]
    assert diagnosis["n"] == 6
    (pair,) = diagnosis["pairs"]
    assert (pair["first"], pair["second"], pair["n"]) == (MODEL, "baseline/always-healthy", 6)
    assert pair["difference"]["value"] == pytest.approx(5 / 6 - 1 / 6)
    assert 0 < pair["p_value"] <= pair["p_adjusted"] <= 1


@pytest.mark.usefixtures("two_models")
def test_the_comparison_is_printed_for_all_models_of_the_latest_run(cli: Callable[..., Said]) -> None:
    said = cli("compare")
    assert said.code == 0, said.err
    assert MODEL in said.out
    assert "baseline/always-healthy" in said.out
    assert "66.7 [" in said.out
    assert "p (holm)" in said.out.lower()
    assert "6 questions" in said.out


@pytest.mark.usefixtures("two_models")
@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["openai/nobody"], "openai/nobody"),
        (["gibberish"], "gibberish"),
        ([MODEL], MODEL),
        (["--run", "nosuch"], "nosuch"),
    ],
)
def test_what_cannot_be_compared_is_named(
    cli: Callable[..., Said], arguments: list[str], expected: str
) -> None:
    said = cli("compare", *arguments)
    assert said.code == 2
    assert expected in said.err
    assert "Traceback" not in said.err


def test_without_a_run_it_says_how_to_make_one(cli: Callable[..., Said]) -> None:
    said = cli("compare")
    assert said.code == 2
    assert "spinebench run" in said.last


def test_runs_of_several_models_are_compared_together(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=12)
    ids = [
        cli("run", "-b", exam.file, "-m", model, "--json").record("run")["run_id"]
        for model in ("baseline/always-healthy", "baseline/random")
    ]
    said = cli("compare", "--run", ids[0], "--run", ids[1], "--against-best", "--json")
    assert said.code == 0, said.err
    models = {standing["model"] for scope in said.records[0]["scopes"] for standing in scope["standings"]}
    assert models == {"baseline/always-healthy", "baseline/random"}
