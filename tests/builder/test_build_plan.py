"""The plan of a build: paths, seeds, errors that name the key, and the schema."""

from __future__ import annotations

import json
import re
import signal
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from spinebench.builder import building
from spinebench.builder.build_report import BuildReport, StageLine
from spinebench.builder.plan import BuildPlan, read_build_plan
from spinebench.builder.plan_schema import SCHEMA_FILE, plan_schema
from spinebench.builder.records import Stage
from spinebench.cli.app import run_app
from spinebench.cli.build_benchmark import print_build
from spinebench.errors import UsageError
from spinebench.models import checkpoint
from tests.builder.review_builds import simulate
from tests.builder.trees import write_buu, write_vindr

LEAST: dict[str, Any] = {
    "sources": [{"kind": "rsna", "folder": "rsna"}],
    "items": {"missing_similarities": "random"},
}


def written(folder: Path, **changes: Any) -> Path:
    (folder / "rsna").mkdir(exist_ok=True)
    file = folder / "plan.yaml"
    file.write_text(yaml.safe_dump({**LEAST, **changes}))
    return file


def test_paths_count_from_the_plan(tmp_path: Path) -> None:
    (tmp_path / "encoder").mkdir()
    plan = read_build_plan(
        written(
            tmp_path,
            severity="mild.yaml",
            embed={"encoder": {"model": "encoder"}, "compare": [{"model": "google/siglip2-base"}]},
            questions={"pools": ["shipped", "own.yaml"]},
        )
    )
    assert plan.sources[0].folder == str(tmp_path / "rsna")
    assert plan.severity == str(tmp_path / "mild.yaml")
    assert plan.embed is not None
    assert plan.embed.encoder.model == str(tmp_path / "encoder")
    assert plan.embed.compare[0].model == "google/siglip2-base"  # a hub id stays what it is
    assert plan.questions.pools == ("shipped", str(tmp_path / "own.yaml"))


def test_one_seed_for_all_but_those_with_their_own(tmp_path: Path) -> None:
    plan = read_build_plan(written(tmp_path, seed=5, select={"seed": 9}))
    assert (plan.seed, plan.review.seed, plan.select.seed, plan.audit.seed) == (5, 5, 9, 5)


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "an unknown key": ({"sorces": []}, "'sorces': expected a known key; did you mean 'sources'?"),
    "an unknown key inside": ({"select": {"slits": {}}}, "'select.slits': expected a known key, did you mean"),
    "no folder": ({"sources": [{"kind": "rsna", "folder": "nowhere"}]}, "nowhere"),
    "a kind": ({"sources": [{"kind": "mimic", "folder": "rsna"}]}, "'csxa', 'spider' or 'table'"),
    "a name twice": ({"sources": LEAST["sources"] * 2}, "'rsna': expected each once"),
    "no encoder": ({"items": {}}, "embed: expected an encoder"),
    "an encoder's folder": (
        {"embed": {"encoder": {"model": "tiny"}}},
        "encoder 'tiny': expected a folder with a checkpoint, or a hub id organization/name",
    ),
    "a folder below": ({"embed": {"encoder": {"model": "./a/b"}}}, "encoder './a/b': expected a folder"),
    "terms of nobody": ({"terms": {"buu": {}}}, "terms of ['buu']: expected names of sources (rsna)"),
    "copies that nothing allows": (
        {"terms": {"rsna": {"redistribution": True}}},
        "redistribution of source 'rsna' is True: expected false",
    ),
    "a label that the released format spells otherwise": (
        {"vocabulary": {"diseases": ["osteophyte", "Scoliosis"]}},
        "'osteophyte': the released format would read it as 'Osteophytes'",
    ),
    "no sources": ({"sources": []}, "sources"),
}  # fmt: skip


@pytest.mark.parametrize(("change", "named"), WRONG.values(), ids=WRONG)
def test_errors_name_the_key(tmp_path: Path, change: dict[str, Any], named: str) -> None:
    with pytest.raises(UsageError, match=re.escape(named)):
        read_build_plan(written(tmp_path, **change))


def test_a_wrong_entry_is_told_once(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as told:
        read_build_plan(written(tmp_path, sources=[{"kind": "rsna", "folder": "rsna", "nme": "x"}]))
    assert str(told.value).startswith("plan: key 'sources.0.nme': expected a known key; ")


def test_an_encoder_without_its_packages_is_told_before_anything_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checkpoint, "find_spec", lambda package: None)
    (tmp_path / "encoder").mkdir()
    file = written(tmp_path, embed={"encoder": {"model": "encoder"}})
    assert run_app(["build", "benchmark", str(file), "--out", str(tmp_path / "b")]) == 2
    assert "'torch', which loads checkpoints, it is not installed\npip install 'spinebench[local]'" in (
        capsys.readouterr().err
    )
    assert not (tmp_path / "b").exists()


def test_a_wrong_plan_is_exit_2_and_nothing_is_made(tmp_path: Path) -> None:
    file = written(tmp_path, seed=-1)
    assert run_app(["build", "benchmark", str(file), "--out", str(tmp_path / "b")]) == 2
    assert not (tmp_path / "b").exists()


@pytest.mark.parametrize(("sent", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_build_says_how_to_go_on(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    sent: signal.Signals,
    code: int,
) -> None:
    before = signal.getsignal(signal.SIGTERM)
    monkeypatch.setattr(building, "build_benchmark", lambda *_, **__: signal.raise_signal(sent))
    file = written(tmp_path)
    assert (
        run_app(["build", "benchmark", str(file), "--out", str(tmp_path / "b"), "--display", "none"]) == code
    )
    last = capsys.readouterr().err.splitlines()[-1]
    assert last.startswith("Go on with: spinebench build benchmark ")
    assert signal.getsignal(signal.SIGTERM) is before


def test_labels_of_ones_own_are_free_in_the_native_format(tmp_path: Path) -> None:
    own = {"diseases": ["osteophyte", "Scoliosis"]}
    assert read_build_plan(written(tmp_path, vocabulary=own, package={"formats": ["native"]})).vocabulary
    assert run_app(["build", "benchmark", str(written(tmp_path))]) == 2  # no folder to build in


def test_a_folder_that_cannot_be_built_in_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path)
    assert run_app(["build", "benchmark", str(file), "--out", str(file)]) == 2
    assert "found a file" in capsys.readouterr().err
    assert run_app(["build", "benchmark", str(file), "--out", str(file / "b")]) == 5
    assert "folder 'b' of the build: expected room and leave" in capsys.readouterr().err
    (tmp_path / "b" / "lock").mkdir(parents=True)
    assert run_app(["build", "benchmark", str(file), "--out", str(tmp_path / "b")]) == 5
    assert "expected leave to write its lock" in capsys.readouterr().err


def test_print_config_gives_a_plan_that_reads_the_same(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = written(tmp_path, seed=5)
    assert run_app(["build", "benchmark", str(file), "--print-config"]) == 0
    (tmp_path / "whole.yaml").write_text(capsys.readouterr().out)
    assert read_build_plan(tmp_path / "whole.yaml") == read_build_plan(file)
    assert run_app(["build", "benchmark", str(file), "--print-config", "--json"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == yaml.safe_load((tmp_path / "whole.yaml").read_text())


def test_a_source_that_gives_no_image_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_buu(tmp_path / "buu", 4)
    write_vindr(tmp_path / "vindr", 4, 0, pictures=False)
    sources = [{"kind": one, "folder": one} for one in ("buu", "vindr")]
    plan = tmp_path / "plan.yaml"
    plan.write_text(yaml.safe_dump({"sources": sources, "items": {"missing_similarities": "random"}}))
    assert run_app(["build", "benchmark", str(plan), "--out", str(tmp_path / "build")]) == 0
    said = capsys.readouterr().err
    assert "not given: source 'vindr': no image (" in said
    assert " missing image" in said
    assert "'buu'" not in said
    assert run_app(["build", "status", str(tmp_path / "build")]) == 0
    assert "not given: source 'vindr': no image (" in capsys.readouterr().err


def test_a_named_split_without_an_item_is_exit_3(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_buu(tmp_path / "buu", 4)
    plan = tmp_path / "plan.yaml"
    values: dict[str, Any] = {
        "sources": [{"kind": "buu", "folder": "buu"}],
        "items": {"missing_similarities": "random"},
        "review": {"reviewers": ["anna"], "simulated": ["anna"]},
        # The first takes all of the task, and leaves the second nothing.
        "select": {"splits": {"evaluation": {"diagnosis": None}, "hard": {"diagnosis": 2}}},
    }
    plan.write_text(yaml.safe_dump(values))
    command = ["build", "benchmark", str(plan), "--out", str(tmp_path / "build")]
    assert run_app(command) == 0
    simulate(tmp_path / "build", wrong=0)
    capsys.readouterr()
    assert run_app(command) == 3
    said = capsys.readouterr().err
    assert "split 'hard' of the plan: expected at least one item, found none (8 in evaluation; " in said
    assert "or leave the split out" in said
    assert not (tmp_path / "build" / "package").exists()


def test_the_table_of_stages_fits_a_terminal(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "100")
    counts = {
        "images": 70_000,
        "pictures": 69_000,
        "diseases with fewer than asked": 4,
        "library images": 2_200,
    }
    dropped = {"severity_not_counted": 12_345, "study_not_graded": 1, "no_coordinates": 17}
    line = StageLine(stage=Stage.IMPORT, counts=counts, dropped=dropped)
    print_build(BuildReport(name="x", version="1.0.0", stages=(line,)))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 100
    assert sum(line.lstrip().startswith("─") for line in shown.splitlines()) == 1  # one table, not two
    for text in ("70000 images", "2200 library images", "12345 severity not counted", "17 no coordinates"):
        assert text in shown


def test_the_shipped_schema_is_current() -> None:
    assert json.loads(SCHEMA_FILE.read_text("utf-8")) == plan_schema(), (
        "write it again: python -m spinebench.builder.plan_schema"
    )
    jsonschema.Draft202012Validator.check_schema(plan_schema())
    assert set(BuildPlan.model_fields) | {"$schema"} == set(plan_schema()["properties"])


def test_the_plan_of_the_page_is_one(tmp_path: Path) -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "builder.md").read_text("utf-8")
    (text,) = re.findall(r"^```yaml\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    values = yaml.safe_load(text)
    BuildPlan.model_validate(values)
    jsonschema.validate(values, plan_schema())
