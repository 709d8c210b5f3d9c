"""`spinebench build`: documents written here, a provider on loopback, and a reviewed queue."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from spinebench.benchmarks import load_benchmark, write_native
from spinebench.benchmarks.check import check_benchmark
from spinebench.records import ImageRef, Item, Task
from tests.corpus_authors import MCQ, author, document, picture, role_of
from tests.exams import Said
from tests.servers.provider import ProviderServer

Cli = Callable[..., Said]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One document with two figures."""
    notes = tmp_path / "notes"
    for number in (1, 2):
        picture(notes / "images" / f"{number}.png", number)
    (notes / "chapter.md").write_text(document(2), "utf-8")
    return notes


@pytest.fixture
def build(
    cli: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., Said]:
    """Calls `build corpus` on the folder with the loopback provider."""
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    provider_server.answer = author(revise_mcq=own_wording, draft_mcq=own_wording)

    def call(*more: str | Path, documents: Path | None = None) -> Said:
        base = f"base_url={provider_server.openai_url}"
        return cli(
            "build", "corpus", documents or folder, "--out", tmp_path / "out", "-m", "openai/writer", "-M", base,
            "--workers", "1", "--display", "none", "--max-retries", "0", *more,
        )  # fmt: skip

    return call


def own_wording(text: str) -> dict[str, Any]:
    """A question that differs from case to case."""
    case = re.search(r"case (\d+)", text)
    return {**MCQ, "question": f"What became of the disc in the picture number {case[1] if case else 0}?"}


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as stream:
        return list(csv.DictReader(stream))


def decide(path: Path, decisions: Callable[[dict[str, str]], str]) -> None:
    rows = table(path)
    with path.open("w", encoding="utf-8-sig", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows({**row, "decision": decisions(row)} for row in rows)


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


def report(out: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((out / "report.json").read_text("utf-8"))
    return found


def test_from_documents_to_a_benchmark(
    build: Cli, cli: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    out = tmp_path / "out"
    assert build().code == 0
    # Two figures: a check each, then for each of two kinds a draft and a revision.
    assert provider_server.n_requests == 2 + 2 * 2 * 2
    assert all(len(request.images) == 1 for request in provider_server.requests)
    decide(out / "review.csv", lambda row: "reject" if "number 2" in row["question"] else "accept")
    accepted = cli("build", "accept", out, "--json")
    assert accepted.code == 0
    assert json.loads(accepted.out)["n_accepted"] == 3
    benchmark = load_benchmark(out / "benchmark.jsonl")
    assert not check_benchmark(benchmark).unusable
    assert [item.task for item in benchmark.items] == [Task.KNOWLEDGE, Task.REPORT, Task.REPORT]
    first, written = benchmark.items[0], benchmark.items[1]
    assert first.gold == (MCQ["answer"],)
    assert set(first.options) == set(MCQ["options"])
    assert written.reference == "The disc at L4/L5 is extruded."
    assert written.case is not None
    assert written.case.history == "Leg pain for six weeks."
    origin = first.metadata["corpus"]
    assert origin["source"]["document"] == "chapter.md"
    assert origin["source"]["figure"] == "1"
    assert origin["source"]["paragraphs"] == [2]
    assert origin["source"]["images"] == ["images/1.png"]
    assert set(origin["prompt_sha256"]) == {"check", "draft", "revise"}
    both = {row["id"]: row for row in lines(out / "drafts.jsonl")}[first.id]
    assert both["draft"]["question"] == both["revision"]["question"] == first.question


def test_a_document_with_a_name_is_held_back_before_any_call(
    build: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer
) -> None:
    (folder / "letter.md").write_text("Patient name: John Smith, born 1961-02-03.\n\n" + document(1), "utf-8")
    said = build()
    assert said.code == 0
    assert "left out (identifiers): letter.md" in said.err
    assert "Smith" not in said.err + said.out
    assert not any("Smith" in request.text for request in provider_server.requests)
    assert report(tmp_path / "out")["left_out"] == {"identifiers": 1}
    assert build("--allow-identifiers").code == 0
    assert report(tmp_path / "out")["left_out"].get("identifiers") is None


def test_nothing_but_held_back_documents(build: Cli, folder: Path, provider_server: ProviderServer) -> None:
    (folder / "chapter.md").write_text("Patient name: John Smith.\n\n" + document(1), "utf-8")
    said = build()
    assert said.code == 3
    assert "remove what identifies persons (or --allow-identifiers)" in said.err
    assert provider_server.n_requests == 0


def test_figures_that_do_not_agree_or_cannot_be_used(
    build: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer
) -> None:
    (folder / "more.md").write_text(
        "# A\n\n![Fig. 7. A missing picture](none.png)\n\n![Fig. 8. On the web](//files/x.png)\n\n"
        "![Fig. 9. Outside of it](../../etc/x.png)\n\n# B\n\n![](images/2.png)\n",
        "utf-8",
    )

    def second_is_a_logo(text: str) -> dict[str, Any]:
        return {"agree": "case 2" not in text, "reason": "the picture is a logo"}

    provider_server.answer = author(check=second_is_a_logo, revise_mcq=own_wording)
    said = build()
    assert said.code == 0
    assert report(tmp_path / "out")["left_out"] == {"unreadable": 3, "unanchored": 1, "disagree": 2}
    assert "the picture is a logo" in said.err
    assert provider_server.n_requests == 2 + 4  # nothing is drafted for the second figure


def test_what_is_invalid_after_the_revision_is_asked_for_once_more_and_left_out(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    three = {**MCQ, "options": MCQ["options"][:3]}
    provider_server.answer = author(draft_mcq=three, revise_mcq=three, again=three)
    assert build("--kind", "image-mcq").code == 0
    out = report(tmp_path / "out")
    assert (out["n_candidates"], out["left_out"]) == (0, {"invalid": 2})
    texts = [request.text for request in provider_server.requests]
    assert [role_of(text) for text in texts].count("again") == 2
    assert all("3 options" in text for text in texts if role_of(text) in {"revise-mcq", "again"})
    assert "There is nothing to review" in (tmp_path / "out" / "review-page-1.html").read_text("utf-8")


def test_a_second_reply_that_is_right_is_taken(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    provider_server.answer = author(
        check="I think so.", again={"agree": True, "reason": "yes"}, revise_mcq=own_wording
    )
    assert build("--kind", "image-mcq").code == 0
    assert report(tmp_path / "out")["n_candidates"] == 2
    first = lines(tmp_path / "out" / "journal.jsonl")[0]
    assert first["replies"] == ["I think so.", '{"agree": true, "reason": "yes"}']


def test_going_on_asks_only_what_is_missing(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    out = tmp_path / "out"
    provider_server.fault("server", after=3)
    said = build()
    assert said.code == 1
    assert "call the same command again" in said.err
    stored = [one for one in lines(out / "journal.jsonl") if one["replies"]]
    shutil.rmtree(out / "cache")  # the journal alone has to know
    provider_server.clear()
    planned = json.loads(build("--dry-run", "--json").out)["roles"]
    assert sum(role["calls"] for role in planned) == 10 - len(stored)
    assert provider_server.n_requests == 0
    assert build().code == 0
    assert provider_server.n_requests == 10 - len(stored)
    assert report(out)["n_candidates"] == 4


def test_a_line_cut_off_by_a_kill_costs_that_call_only(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    journal = tmp_path / "out" / "journal.jsonl"
    assert build().code == 0
    whole = journal.read_bytes()
    before = (tmp_path / "out" / "candidates.jsonl").read_bytes()
    journal.write_bytes(whole[:-40])
    shutil.rmtree(tmp_path / "out" / "cache")
    provider_server.clear()
    assert build().code == 0
    assert provider_server.n_requests == 1
    assert (tmp_path / "out" / "candidates.jsonl").read_bytes() == before


def test_a_limit_stops_it_and_it_goes_on(build: Cli, tmp_path: Path, provider_server: ProviderServer) -> None:
    said = build("--token-limit", "300", "--max-connections", "1")
    assert said.code == 5
    assert "call the same command again" in said.err.splitlines()[-1]
    assert report(tmp_path / "out")["n_waiting"] > 0
    assert build().code == 0
    assert report(tmp_path / "out")["n_waiting"] == 0


def test_a_wrong_key_ends_it_before_any_work(build: Cli, provider_server: ProviderServer) -> None:
    provider_server.keys = ["another"]
    assert build().code == 4
    assert provider_server.n_requests == 0


def test_a_simulated_model_writes_no_questions(cli: Cli, folder: Path, tmp_path: Path) -> None:
    said = cli("build", "corpus", folder, "--out", tmp_path / "out", "-m", "sim/careful")
    assert said.code == 2
    assert "expected a model that writes" in said.err


def test_exact_duplicates_are_dropped_and_near_ones_marked(
    build: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer
) -> None:
    from PIL import Image

    tests = tmp_path / "tests"
    tests.mkdir()
    shutil.copy(folder / "images" / "1.png", tests / "scan.png")
    Image.open(folder / "images" / "2.png").resize((100, 100)).save(tests / "small.png")
    shutil.copy(folder / "images" / "2.png", folder / "images" / "copy.png")
    (folder / "twice.md").write_text("![Fig. 1. The same picture again](images/copy.png)\n", "utf-8")
    items = [
        Item(
            id=name, benchmark="tests", task=Task.KNOWLEDGE, question="Which level?", options=("L1", "L2"),
            gold=("L1",), images=(ImageRef(path=f"{name}.png"),), cluster=name,
        )
        for name in ("scan", "small")
    ]  # fmt: skip
    write_native(tests / "test.jsonl", items)
    said = build("--kind", "image-mcq", "--test-set", tests / "test.jsonl")
    assert said.code == 0
    assert report(tmp_path / "out")["left_out"] == {"same_image": 1, "in_test_set": 1}
    (row,) = table(tmp_path / "out" / "review.csv")
    assert "looks like that of small of test.jsonl" in row["remarks"]
    assert provider_server.n_requests == 3


def test_questions_from_texts_against_a_test_set(
    build: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer
) -> None:
    long = "Paragraph {} on the lumbar spine, with all that is to be known of it. " * 4
    texts = [long.format(*"aaaa"), long.format(*"bbbb"), long.format(*"aaaa"), long.format(*"cccc")]
    (folder / "chapter.md").write_text("\n\n".join(texts) + "\n", "utf-8")

    def question(text: str) -> dict[str, Any]:
        which = re.search(r"Paragraph ([abc])", text)
        assert which
        asked = {
            "a": "Which change of the lumbar disc is the most common one in adults of middle age?",
            "b": "Which change of the lumbar disc is the most common one in adults of old age?",
            "c": "Which sign is it?",
        }
        return {**MCQ, "question": asked[which[1]]}

    provider_server.answer = author(draft_mcq=question, revise_mcq=question)
    test_item = Item(
        id="t1", benchmark="tests", task=Task.KNOWLEDGE, question="Which sign is it", cluster="t1",
        options=("No change", "Sequester at L5/S1", "Protrusion at L3/L4", "Extrusion at L4/L5"),
        gold=("Extrusion at L4/L5",),
    )  # fmt: skip
    write_native(tmp_path / "test.jsonl", [test_item])
    assert build("--kind", "text-mcq", "--test-set", tmp_path / "test.jsonl").code == 0
    assert report(tmp_path / "out")["left_out"] == {"same_text": 1, "in_test_set": 1}
    rows = table(tmp_path / "out" / "review.csv")
    assert [bool(row["remarks"]) for row in rows] == [False, True]
    assert rows[0]["id"] in rows[1]["remarks"]
    assert not any(request.images for request in provider_server.requests)


def test_chinese_documents_give_chinese_questions(
    build: Cli, folder: Path, tmp_path: Path, provider_server: ProviderServer
) -> None:
    (folder / "chapter.md").write_text(
        "# 病例\n\n![](images/1.png)\n\n图1 腰椎矢状位T2加权像。\n\n"
        "如图1所示，腰4/5椎间盘向后突出，硬膜囊受压。\n",
        "utf-8",
    )
    chinese = {
        **MCQ, "question": "图像显示哪一种改变？", "answer": "椎间盘突出",
        "options": ["椎间盘突出", "椎体骨折", "脊柱侧弯", "椎体血管瘤"],
    }  # fmt: skip
    provider_server.answer = author(draft_mcq=chinese, revise_mcq=chinese)
    assert build("--kind", "image-mcq").code == 0
    (candidate,) = lines(tmp_path / "out" / "candidates.jsonl")
    assert candidate["item"]["language"] == "zh"
    assert "如图1所示" in candidate["material"]
    assert any("Write in Chinese" in request.text for request in provider_server.requests)


def test_hostile_text_is_only_text_on_the_page_and_in_the_table(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    bad = '=HYPERLINK("x")</script><script>alert(1)</script><img src=x onerror=alert(1)> what is it?'
    provider_server.answer = author(draft_mcq={**MCQ, "question": bad}, revise_mcq={**MCQ, "question": bad})
    assert build("--kind", "image-mcq").code == 0
    page = (tmp_path / "out" / "review-page-1.html").read_text("utf-8")
    assert page.count("<script>") == 1
    assert "<img src=x" not in page
    assert "http" not in re.sub(r'http-equiv="[^"]*"', "", page)
    assert all(row["question"].startswith("'=HYPERLINK") for row in table(tmp_path / "out" / "review.csv"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda row: {**row, "decision": "yes"}, "expected accept, reject or nothing"),
        (lambda row: {**row, "id": "unknown", "decision": "accept"}, "an unknown item"),
        (lambda row: {**row, "hash": "0" * 64, "decision": "accept"}, "no longer what was reviewed"),
        (lambda row: row, "at least one that was accepted"),
    ],
    ids=["word", "unknown", "changed", "none"],
)
def test_a_wrong_review_writes_nothing(
    build: Cli, cli: Cli, tmp_path: Path, change: Callable[[dict[str, str]], dict[str, str]], message: str
) -> None:
    out = tmp_path / "out"
    assert build("--kind", "image-mcq").code == 0
    reviewed = tmp_path / "reviewed.jsonl"
    reviewed.write_text("".join(json.dumps(change(row)) + "\n" for row in table(out / "review.csv")), "utf-8")
    said = cli("build", "accept", out, "--reviewed", reviewed)
    assert said.code == 3
    assert message in said.err
    assert not (out / "benchmark.jsonl").exists()


def test_two_reviewers_who_contradict_each_other(build: Cli, cli: Cli, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert build("--kind", "image-mcq").code == 0
    rows = table(out / "review.csv")
    for name, decision in (("one", "accept"), ("two", "reject")):
        text = "".join(
            json.dumps({"id": row["id"], "hash": row["hash"], "decision": decision}) + "\n" for row in rows
        )
        (tmp_path / f"{name}.jsonl").write_text(text, "utf-8")
    said = cli(
        "build", "accept", out, "--reviewed", tmp_path / "one.jsonl", "--reviewed", tmp_path / "two.jsonl"
    )
    assert said.code == 3
    assert "both accept and reject" in said.err
    apart = tmp_path / "apart" / "final.jsonl"
    assert cli("build", "accept", out, "--reviewed", tmp_path / "one.jsonl", "--to", apart).code == 0
    assert not check_benchmark(load_benchmark(apart)).unusable


def test_decisions_stay_when_the_corpus_grows(build: Cli, folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert build("--kind", "image-mcq").code == 0
    decide(out / "review.csv", lambda row: "accept")
    picture(folder / "images" / "3.png", 3)
    (folder / "next.md").write_text(document(1, first=3), "utf-8")
    assert build("--kind", "image-mcq").code == 0
    assert [row["decision"] for row in table(out / "review.csv")] == ["accept", "accept", ""]
    (folder / "chapter.md").unlink()
    assert build("--kind", "image-mcq").code == 0
    assert [row["decision"] for row in table(out / "review.csv")] == [""]
    assert [row["decision"] for row in table(out / "review.csv.before-1")] == ["accept", "accept", ""]


def test_as_many_processes_as_one_likes_give_the_same(build: Cli, folder: Path, tmp_path: Path) -> None:
    picture(folder / "images" / "3.png", 3)
    (folder / "next.md").write_text(document(1, first=3), "utf-8")
    assert build().code == 0
    one = (tmp_path / "out" / "candidates.jsonl").read_bytes()
    shutil.rmtree(tmp_path / "out")
    assert build("--workers", "2").code == 0
    assert (tmp_path / "out" / "candidates.jsonl").read_bytes() == one


def test_a_dry_run_calls_nobody_and_writes_nothing(
    build: Cli, tmp_path: Path, provider_server: ProviderServer
) -> None:
    said = build("--dry-run", "--json")
    assert said.code == 0
    roles = json.loads(said.out)["roles"]
    assert {role["role"]: role["calls"] for role in roles} == {"checker": 2, "drafter": 4, "reviser": 4}
    assert all(0 < role["input_tokens"][0] < role["input_tokens"][1] for role in roles)
    assert "unknown" in build("--dry-run").out  # no price is known of a model by that name
    assert provider_server.n_requests == provider_server.n_checks == 0
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["no-such-folder"], 3),
        (["empty"], 3),
        (["notes", "--kind", "poem"], 2),
        (["notes", "--model-role", "judge=openai/x"], 2),
    ],
    ids=["missing", "empty", "kind", "role"],
)
def test_wrong_calls(
    cli: Cli, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], code: int
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "a-key")
    (tmp_path / "empty").mkdir()
    assert cli("build", "corpus", *arguments, "--out", "out", "-m", "openai/x", "--dry-run").code == code
