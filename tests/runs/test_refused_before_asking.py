"""What cannot work is refused before the first question, with its exit code and a last line that says what to do."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.exams import asking, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer

VENDORS = [
    pytest.param("openai/gpt-test", "OPENAI_API_KEY", id="openai"),
    pytest.param("anthropic/claude-test", "ANTHROPIC_API_KEY", id="anthropic"),
    pytest.param("google/gemini-test", "GOOGLE_API_KEY", id="google"),
]


def _nothing_was_asked(server: ProviderServer) -> bool:
    """Whether no item reached the server; a model that is not listed may have been sent a word without image."""
    asked = [request for request in server.requests if request.images or len(request.text) > 20]
    return not asked and not list(Path("spinebench-workspace").glob("runs/*"))


@pytest.mark.parametrize(("model", "key"), VENDORS)
def test_a_wrong_key(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    key: str,
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    provider_server.keys = ["the-right-one"]
    monkeypatch.setenv(key, "sk-wrong-secret-0123456789")
    said = cli(*asking(exam, provider_server, model=model))
    assert said.code == 4
    assert key in said.err
    assert "secret-0123456789" not in said.err, "a key is never printed"
    assert _nothing_was_asked(provider_server)
    assert said.last


@pytest.mark.parametrize(("model", "key"), VENDORS)
def test_a_missing_key(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path, model: str, key: str
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    said = cli("run", "-b", exam.file, "-m", model)
    assert said.code == 4
    assert f"set {key}" in said.last


@pytest.mark.parametrize(("model", "key"), VENDORS)
def test_an_unknown_model(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    model: str,
    key: str,
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    provider_server.models = ["gpt-known", "claude-known"]
    monkeypatch.setenv(key, "key-of-no-worth")
    said = cli(*asking(exam, provider_server, model=model))
    assert said.code == 4
    assert model.partition("/")[2] in said.err
    assert _nothing_was_asked(provider_server)


def test_a_server_that_is_not_there(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    said = cli(
        "run", "-b", exam.file, "-m", "openai-compatible/m", "-M", "base_url=http://127.0.0.1:9/v1",
    )  # fmt: skip
    assert said.code == 4
    assert "127.0.0.1:9" in said.err
    assert not list(Path("spinebench-workspace").glob("runs/*"))


def test_a_malformed_benchmark_names_record_field_and_value(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    exam.records[2]["task"] = "spine_poetry"
    del exam.records[3]["options"]
    exam.rewrite()
    said = cli("run", "-b", exam.file, "-m", "baseline/random")
    assert said.code == 3
    assert "test.json" in said.err
    assert "'spine_poetry'" in said.err
    assert "options" in said.err
    assert "--skip-invalid" in said.last


def test_malformed_records_can_be_left_out_and_are_counted(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    exam.records[2]["task"] = "spine_poetry"
    exam.rewrite()
    said = cli("run", "-b", exam.file, "-m", "baseline/random", "--skip-invalid", "--json")
    assert said.code == 0
    assert "1 malformed record" in said.err
    assert said.record("run")["n_planned"] == 5


@pytest.mark.parametrize(
    "content", [b"", b"{", b"[]", b"[1, 2]", b"\xff\xfe\x00", b'{"image": "x"}'], ids=repr
)
def test_a_file_that_is_no_benchmark(cli: Callable[..., Said], tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "test.json"
    file.write_bytes(content)
    said = cli("run", "-b", file, "-m", "baseline/random")
    assert said.code == 3
    assert "test.json" in said.err
    assert "Traceback" not in said.err


def test_a_benchmark_that_is_not_there(cli: Callable[..., Said], tmp_path: Path) -> None:
    said = cli("run", "-b", tmp_path / "missing.json", "-m", "baseline/random")
    assert said.code == 3
    assert "missing.json" in said.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["-m", "baseline/random"], ["benchmark", "--benchmark"]),
        (["-b", "{bench}"], ["models", "--model"]),
        (["-b", "{bench}", "-m", "opnai/gpt"], ["opnai/gpt", "provider/id"]),
        (["-b", "{bench}", "-m", "baseline/random", "--limit", "x"], ["limit", "'x'"]),
        (["-b", "{bench}", "-m", "baseline/random", "--limit", "0"], ["limit", "'0'"]),
        (["-b", "{bench}", "-m", "baseline/random", "--limit", "90-99"], ["at least one item"]),
        (["-b", "{bench}", "-m", "baseline/random", "--sample-id", "nosuch"], ["nosuch", "data show"]),
        (["-b", "{bench}", "-m", "baseline/random", "--persona", "wizard"], ["wizard", "surgeon"]),
        (["-b", "{bench}", "-m", "baseline/random", "--epochs", "0"], ["epochs", "0"]),
        (["-b", "{bench}", "-m", "baseline/random", "--temperature", "7"], ["temperature", "7"]),
        (["-b", "{bench}", "-m", "baseline/random", "-M", "colour=blue"], ["colour"]),
        (["-b", "{bench}", "-m", "baseline/random", "-M", "colour"], ["-M", "key=value"]),
        (["-b", "{bench}", "-m", "baseline/random", "-m", "baseline/random"], ["each model once"]),
        (
            ["-b", "{bench}", "-m", "baseline/random", "--model-role", "jury=sim/x"],
            ["jury", "extractor", "judge"],
        ),
        (
            ["-b", "{bench}", "-m", "baseline/random", "--rotate-options", "--shuffle-options", "1"],
            ["rotate_options", "shuffle_options"],
        ),
        (["-b", "{bench}", "-m", "baseline/random", "--image-condition", "dark"], ["dark"]),
        (["-b", "{bench}", "-m", "baseline/random", "--persona", "none", "--persona", "none"], ["once"]),
        (["-b", "{bench}", "-m", "baseline/random", "--wokspace", "x"], ["--wokspace", "--workspace"]),
    ],
    ids=lambda value: " ".join(value[2:]) if isinstance(value, list) and value[:1] == ["-b"] else None,
)
def test_a_wrong_option(
    cli: Callable[..., Said], tmp_path: Path, arguments: list[str], expected: list[str]
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    said = cli("run", *(str(exam.file) if arg == "{bench}" else arg for arg in arguments))
    assert said.code == 2
    for part in expected:
        assert part in said.err
    assert "Traceback" not in said.err
    assert said.out == ""


PLANS = {
    "unknown key": ("benchmrk: x.json", ["benchmrk", "did you mean 'benchmark'"]),
    "far key": ("zzz: 1", ["zzz", "docs/plan-file.md"]),
    "not yaml": ("a: [1", ["expected YAML", "line"]),
    "a list": ("- 1", ["expected keys and values"]),
    "empty": ("", ["expected keys and values"]),
    "a key twice": ("seed: 1\nseed: 2", ["'seed' a second time", "line 2"]),
    "wrong type": ("benchmark: b.json\nmodels: [sim/careful]\nepochs: many", ["epochs", "'many'"]),
    "nested key": (
        "benchmark: b.json\nmodels: [{name: sim/careful, arguments: {}}]",
        ["models", "arguments", "known key"],
    ),
    "a tag": ("benchmark: !!python/object/apply:os.getcwd []", ["expected YAML"]),
}


@pytest.mark.parametrize(("text", "expected"), PLANS.values(), ids=PLANS)
def test_a_wrong_plan_file(cli: Callable[..., Said], tmp_path: Path, text: str, expected: list[str]) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_text(text)
    said = cli("run", plan)
    assert said.code == 2
    for part in ["plan", *expected]:
        assert part in said.err
    assert "Traceback" not in said.err


def test_a_plan_file_that_is_no_text(cli: Callable[..., Said], tmp_path: Path) -> None:
    plan = tmp_path / "plan.yaml"
    plan.write_bytes(b"benchmark: \xff\xfe")
    said = cli("run", plan)
    assert said.code == 2
    assert "UTF-8" in said.err
    assert cli("run", tmp_path / "missing.yaml").code == 2
    assert cli("run", tmp_path).code == 2


def test_a_workspace_that_holds_other_things_is_left_alone(cli: Callable[..., Said], tmp_path: Path) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    home = tmp_path / "home"
    home.mkdir()
    (home / "letter.txt").write_text("dear")
    said = cli("run", "-b", exam.file, "-m", "baseline/random", "--workspace", home)
    assert said.code == 2
    assert "letter.txt" in said.err
    assert "--workspace" in said.last


def test_a_first_run_after_a_dry_run_finds_its_workspace_usable(
    cli: Callable[..., Said], tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    assert cli("run", "-b", exam.file, "-m", "baseline/random", "--dry-run").code == 0
    assert cli("run", "-b", exam.file, "-m", "baseline/random").code == 0


def test_identifiers_are_not_sent_to_a_remote_model(
    cli: Callable[..., Said], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the image belongs to an item that is only a donor of swapped images."""
    from PIL import Image
    from PIL.PngImagePlugin import PngInfo

    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    exam = write_exam(tmp_path / "bench", n=4)
    notes = PngInfo()
    notes.add_text("PatientName", "Doe^Jane")
    path = exam.folder / exam.records[2]["image"]
    Image.open(path).save(path, pnginfo=notes)
    own = cli("run", "-b", exam.file, "-m", "openai/gpt-5", "--task", "diagnosis", "--dry-run")
    assert own.code == 3
    assert "--allow-identifiers" in own.last
    assert "Jane" not in own.err
    first = json.loads(exam.file.read_text())[0]
    assert "0000" in first["question"]
    swapped = cli(
        "run",
        "-b",
        exam.file,
        "-m",
        "openai/gpt-5",
        "--limit",
        1,
        "--image-condition",
        "swapped",
        "--dry-run",
    )
    assert swapped.code == 3
    assert cli("run", "-b", exam.file, "-m", "openai/gpt-5", "--limit", 1, "--dry-run").code == 0
    assert (
        cli("run", "-b", exam.file, "-m", "openai/gpt-5", "--image-condition", "blank", "--dry-run").code == 0
    )
    assert cli("run", "-b", exam.file, "-m", "baseline/random").code == 0, "nothing leaves the machine"
