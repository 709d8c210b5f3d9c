from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from spinebench.cli.app import run_app

FIVE = ["Healthy", "Osteophytes", "Spondylolisthesis", "Disc space narrowing", "Foraminal stenosis"]


def record(image: str, **changes: Any) -> dict[str, Any]:
    return {
        "image": image,
        "question": "What is shown?",
        "task": "spine_disease_classification",
        "answers": "Healthy",
        "options": FIVE,
    } | changes


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, grey in (("a.png", 10), ("b.png", 20), ("copy-of-a.png", 10)):
        Image.new("RGB", (16, 16), (grey,) * 3).save(tmp_path / name)
    return tmp_path


def write(folder: Path, *records: Any) -> str:
    path = folder / "test.json"
    path.write_text(json.dumps(records), "utf-8")
    return str(path)


def told(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_good_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    levels = {
        "task": "spine_lesion_localization",
        "answers": ["L4/L5"],
        "options": ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"],
    }
    path = write(folder, record("a.png"), record("b.png", answers="Osteophytes"), record("a.png", **levels))
    assert run_app(["data", "check", path]) == 0
    shown = capsys.readouterr()
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    for line in (
        "items 3",
        "diagnosis 2",
        "localization 1",
        "images 2",
        "shown by several items 1",
        "Healthy 1",
    ):
        assert line in lines
    assert "Nothing is wrong" in shown.err


def test_everything_that_is_wrong_is_counted_and_named(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (folder / "broken.png").write_bytes((folder / "a.png").read_bytes()[:60])
    path = write(
        folder,
        record("a.png"),
        record("a.png"),
        record("copy-of-a.png"),
        record("none.png"),
        record("broken.png"),
        record("../x.png"),
        record("b.png", options=["Healthy", "Osteophites"]),
        record("b.png", answers="Vertebral collapse"),
        record("b.png", task="x"),
    )
    assert run_app(["data", "check", path, "--json"]) == 3
    records = told(capsys)
    summary = records[0]
    assert summary["type"] == "benchmark"
    assert summary["n_invalid_records"] == 2
    assert summary["n_unusable_images"] == 3
    assert summary["n_unknown_labels"] == 1
    by_kind: dict[str, list[dict[str, Any]]] = {}
    for entry in records[1:]:
        by_kind.setdefault(entry["type"], []).append(entry)
    assert [entry["index"] for entry in by_kind["invalid_record"]] == [7, 8]
    problems = [problem for entry in by_kind["invalid_record"] for problem in entry["problems"]]
    assert [problem["gold_absent"] for problem in problems] == [True, False]
    assert {entry["path"]: entry["problem"] for entry in by_kind["unusable_image"]} == {
        "none.png": "missing",
        "broken.png": "truncated",
        "../x.png": "outside",
    }
    assert by_kind["unknown_label"][0]["nearest"] == "Osteophytes"
    assert len(by_kind["duplicates"][0]["members"]) == 2
    assert by_kind["same_images"][0]["members"] == ["a.png", "copy-of-a.png"]

    assert run_app(["data", "check", path]) == 3
    shown = capsys.readouterr()
    assert "gold not among the options 1" in " ".join(shown.out.split())
    assert "2 invalid records, 3 unusable images" in shown.err
    assert shown.err.splitlines()[-1].endswith(path)


def test_identifiers_are_reported_masked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "a.png").rename(folder / "DOE^JANE.png")
    assert run_app(["data", "check", write(folder, record("DOE^JANE.png")), "--json"]) == 3
    (finding,) = [entry for entry in told(capsys) if entry["type"] == "identifier"]
    assert finding["kind"] == "path"
    assert finding["what"].startswith("a person's name")
    assert finding["where"] == "***.png: path, part 1 of 1"


def test_skipping_invalid_records_leaves_a_good_file(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(folder, record("a.png"), record("b.png", task="x"))
    assert run_app(["data", "check", path]) == 3
    assert run_app(["data", "check", path, "--skip-invalid"]) == 0
    assert run_app(["data", "hash", path]) == 3
    assert "record 1 (line 1)" in capsys.readouterr().err
    assert run_app(["data", "hash", path, "--skip-invalid"]) == 0
    assert "1 invalid records" in capsys.readouterr().err


@pytest.mark.parametrize("content", ["", "no json", "[", "[1]"], ids=str)
def test_files_that_are_no_benchmark(folder: Path, capsys: pytest.CaptureFixture[str], content: str) -> None:
    path = folder / "test.json"
    path.write_text(content, "utf-8")
    for command in ("check", "show", "hash"):
        assert run_app(["data", command, str(path)]) == 3
        assert capsys.readouterr().err.startswith("error: benchmark file 'test.json'")


def test_usage_errors(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, record("a.png"))
    assert run_app(["data", "check", path, "--format", "csv"]) == 2
    assert run_app(["data", "check", path, "--images", str(folder / "none")]) == 2
    assert run_app(["data", "show", path, "--sample-id", "none"]) == 2
    assert run_app(["data", "check"]) == 2
    assert run_app(["data", "check", str(folder / "none.json")]) == 3
    assert "none.json" in capsys.readouterr().err


def test_show(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, *(record("a.png", question=f"Number {n}\x1b[31m") for n in range(9)))
    assert run_app(["data", "show", path, "--limit", "2"]) == 0
    shown = capsys.readouterr()
    assert "Number 1" in shown.out
    assert "Number 2" not in shown.out
    assert "\x1b" not in shown.out
    assert "* A: Healthy" in shown.out
    assert "7 more items" in shown.err
    assert run_app(["data", "show", path, "--limit", "9", "--json"]) == 0
    items = told(capsys)
    assert run_app(["data", "show", path, "--sample-id", items[6]["id"], "--json"]) == 0
    assert told(capsys) == [items[6]]


def test_hash_follows_items_and_images(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(folder, record("a.png"))
    assert run_app(["data", "hash", path, "--json"]) == 0
    (first,) = told(capsys)
    Image.new("RGB", (16, 16), (99,) * 3).save(folder / "a.png")
    assert run_app(["data", "hash", path, "--json"]) == 0
    (second,) = told(capsys)
    assert second["items"] == first["items"]
    assert second["items_and_images"] != first["items_and_images"]
    (folder / "a.png").unlink()
    assert run_app(["data", "hash", path]) == 3


def test_images_may_lie_elsewhere(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = write(tmp_path_factory.mktemp("questions"), record("a.png"))
    assert run_app(["data", "check", path]) == 3
    assert run_app(["data", "check", path, "--images", str(folder)]) == 0


def test_the_bare_noun_lists_its_commands(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_app(["data"]) == 0
    out = capsys.readouterr().out
    assert all(command in out for command in ("check", "show", "hash"))


def test_a_simulated_benchmark_says_so(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    line = {"task": "report", "question": "?", "images": ["a.png"], "metadata": {"simulated": True}}
    path = folder / "drawn.jsonl"
    path.write_text(json.dumps(line), "utf-8")
    assert run_app(["data", "check", str(path)]) == 0
    assert "SIMULATED" in capsys.readouterr().out


REPORT = {
    "id": "r1",
    "task": "report",
    "question": "Write the report.",
    "case": {"history": "Patient: Anna Kowalska. Leg pain since 12 March 2024.", "key_facts": ["L4/L5"]},
}


def write_lines(folder: Path, *items: dict[str, Any]) -> str:
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(item, ensure_ascii=False) + "\n" for item in items), "utf-8")
    return str(path)


def test_a_case_with_identifiers_is_listed_masked_and_counted(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(folder, REPORT, {**REPORT, "id": "r2", "case": {"history": "Leg pain."}})
    assert run_app(["data", "check", path, "--json"]) == 3
    records = told(capsys)
    assert records[0]["n_text_identifiers"] == 2
    found = [entry for entry in records if entry["type"] == "text_identifier"]
    assert [(one["item_id"], one["field"], one["text_kind"], one["what"]) for one in found] == [
        ("r1", "case.history", "name", "a name (Xxxx Xxxxxxxx)"),
        ("r1", "case.history", "date", "a date (99 Xxxxx 9999)"),
    ]
    assert run_app(["data", "check", path]) == 3
    shown = capsys.readouterr()
    lines = [" ".join(line.split()) for line in shown.out.splitlines()]
    for line in ("identifiers in texts 2", "name 1", "date 1", "identifiers of images 0"):
        assert line in lines
    assert "2 identifiers in texts" in shown.err
    assert "Kowalska" not in shown.out + shown.err


def test_identifiers_may_be_allowed(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(folder, REPORT)
    assert run_app(["data", "check", path, "--allow-identifiers"]) == 0
    shown = capsys.readouterr()
    assert "2 identifiers allowed" in shown.err
    assert "item 'r1': case.history" in shown.out
    broken = write_lines(folder, REPORT, {"task": "report"})
    assert run_app(["data", "check", broken, "--allow-identifiers"]) == 3, "of identifiers only"


SPOKEN = [
    {**REPORT, "id": f"r{n}", "case": None, "language": code} for n, code in enumerate(("en", "zh", "zh-CN"))
]
SPOKEN = [*SPOKEN, {"id": "r3", "task": "report", "question": "?"}]
LANGUAGES: dict[str, tuple[list[str], list[str]]] = {
    "all": ([], ["r0", "r1", "r2", "r3"]),
    "one": (["en"], ["r0"]),
    "with its regions": (["zh"], ["r1", "r2"]),
    "a region": (["zh-cn"], ["r2"]),
    "two": (["en", "zh-CN"], ["r0", "r2"]),
}


@pytest.mark.parametrize(("languages", "ids"), LANGUAGES.values(), ids=LANGUAGES)
def test_items_of_a_language(
    folder: Path, capsys: pytest.CaptureFixture[str], languages: list[str], ids: list[str]
) -> None:
    path = write_lines(folder, *({key: value for key, value in one.items() if value} for one in SPOKEN))
    options = [part for one in languages for part in ("--language", one)]
    assert run_app(["data", "show", path, "--json", *options]) == 0
    assert [item["id"] for item in told(capsys)] == ids
    assert run_app(["data", "check", path, "--json", *options]) == 0
    (summary,) = told(capsys)
    assert summary["info"]["n_items"] == summary["info"]["n_by_task"]["report"] == len(ids)


@pytest.mark.parametrize(
    ("language", "said"),
    [("zh-TW", "en (1)"), ("de", "en, zh"), ("", "en, zh")],
    ids=["none", "not one", "empty"],
)
def test_a_language_that_no_item_is_in(
    folder: Path, capsys: pytest.CaptureFixture[str], language: str, said: str
) -> None:
    path = write_lines(folder, {**REPORT, "language": "en"})
    assert run_app(["data", "show", path, "--language", language]) == 2
    assert said in capsys.readouterr().err
