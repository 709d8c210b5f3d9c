"""The level-aware benchmark from a file to its scores: every task in one plan, two providers and a local model.

Seventeen items: two text and two image questions, ten reports, a consultation, and beside them a diagnosis and a
localization. The local checkpoint was trained to answer `My final option: [B]` to everything.
"""

from __future__ import annotations

import csv
import json
import os
import re
import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
import yaml

from spinebench.records import Answer, AnswerStatus, Scored
from spinebench.store.workspace import Workspace
from tests.exams import draw, finish, letter_of, start, wait_until
from tests.servers.judge import asked_schema, verdict
from tests.servers.wire import Received, Reply

if TYPE_CHECKING:
    from spinebench.store.run_folder import RunFolder
    from tests.exams import Said
    from tests.servers.provider import ProviderServer

OPENAI, ANTHROPIC, JUDGE = "openai-compatible/first", "anthropic/second", "openai/gpt-judge"
OPTIONS = ["ALIF", "PLIF", "TLIF", "XLIF"]
LEVELS = ["L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1"]
N_REPORTS = 10
"""Below ten independent traces no coefficient of agreement is given."""
SCRIPT = ["My left leg hurts.", "Since the first of the month.", "Can I lift boxes?"]
WHOLE = """To begin with, a word on {case}.

## Structured imaging findings
Protrusion at L4/L5, left, in {case}.

## AI-assisted diagnosis
Disc herniation.

## Treatment recommendations: patient guidance
Keep walking.

## Treatment recommendations: physician plan
Six weeks of physiotherapy.

## Risk and prognosis
Good.

## Postoperative management
None needed.

## Rationale and disclaimer
From two images.
"""
PART = "**影像学表现**\nProtrusion at L5/S1, right, in {case}.\n\n**诊断意见**\nRadiculopathy."
RIGHT = {
    "first": {"k1", "k2", "k3", "d1", "l1"},
    "second": {"k1"},
}
"""Items that a model answers right, of those with options; the local one is right where the gold option is B."""
MARKS = {
    "first": {
        "ir": 4,
        "dgn": 5,
        "pg": 3,
        "ebp": 4,
        "tf": 5,
        "rpm": 3,
        "cov": 4,
        "rel": 4,
        "gra": 2,
        "exp": 2,
    },
    "second": dict.fromkeys(("ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp"), 2),
    "local": dict.fromkeys(("ir", "dgn", "pg", "ebp", "tf", "rpm", "cov", "rel", "gra", "exp"), 1),
}
"""What the judge gives each model's reports."""


def write_items(folder: Path) -> Path:
    """The benchmark file, with images of the image questions and two of every report's case."""
    for number in range(24):
        draw(folder / f"images/{number}.png", number)
    options: list[tuple[str, str, str, list[str], list[str]]] = [
        ("k1", "knowledge", "PLIF", OPTIONS, []),
        ("k2", "knowledge", "PLIF", OPTIONS, []),
        ("k3", "knowledge", "PLIF", OPTIONS, ["images/0.png"]),
        ("k4", "knowledge", "ALIF", OPTIONS, ["images/1.png"]),
        ("d1", "diagnosis", "Healthy", ["Osteophytes", "Healthy", "Spondylolisthesis"], ["images/2.png"]),
        ("l1", "localization", "L2/L3", LEVELS, ["images/3.png"]),
    ]
    rows: list[dict[str, Any]] = [
        {"id": name, "task": task, "question": f"Which one? (case {name})", "options": choices, "gold": [gold],
         "images": images, "cluster": name, "subspecialty": "degenerative", "source": "textbook"}
        for name, task, gold, choices, images in options
    ]  # fmt: skip
    for number in range(1, N_REPORTS + 1):
        pictures = [
            {
                "path": f"images/{2 + 2 * number + one}.png",
                "modality": "MRI T2",
                "view": view,
                "level": "L4/L5",
            }
            for one, view in enumerate(("sagittal", "axial"))
        ]
        rows.append(
            {"id": f"r{number}", "task": "report", "question": f"Write the report. (case r{number})",
             "images": pictures, "cluster": f"r{number}", "language": "en" if number < 6 else "zh",
             "case": {"history": "Leg pain.", "examination": "Weak big toe.", "key_facts": ["the planted fact"]},
             "reference": "The planted reference.", "subspecialty": "trauma", "source": "hospital"}
        )  # fmt: skip
    rows.append(
        {"id": "c1", "task": "consultation", "question": "The patient sits down. (case c1)", "cluster": "c1",
         "case": {"history": "A lorry driver.", "turns": SCRIPT}, "language": "en"}
    )  # fmt: skip
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows), "utf-8")
    return path


def answer(request: Received) -> Reply:
    """The examinees, and the judge of their reports."""
    if request.text == "ping":
        return Reply(text="pong")
    schema = asked_schema(request)
    if schema is not None:
        return Reply(text=json.dumps(judged(schema, request.text)), input_tokens=1000, output_tokens=200)
    name = re.findall(r"\(case (\w+)\)", request.text)[0]
    if name.startswith("r"):
        return Reply(text=(WHOLE if request.model == "first" else PART).format(case=name))
    if name == "c1":
        number = sum(said in request.text for said in SCRIPT)
        if request.model == "second" and number == 2:
            return Reply(text="", finish="refusal")
        return Reply(text=f"Reply {number} to the patient.", input_tokens=100 * number, output_tokens=10)
    gold = {"k4": "ALIF", "d1": "Healthy", "l1": "L2/L3"}.get(name, "PLIF")
    wrong = {"d1": "Osteophytes", "l1": "L4/L5"}.get(name, "XLIF")
    letter = letter_of(gold if name in RIGHT[request.model] else wrong, request.text)
    return Reply(text=f"I looked.\n\nMy final option{'s' if name == 'l1' else ''}: [{letter}]")


def judged(schema: dict[str, Any], text: str) -> dict[str, Any]:
    """The verdict on a report; whose it is shows by how it was written."""
    whose, quote = "local", "My final option"
    if "## Risk and prognosis" in text:
        whose, quote = "first", "Six weeks of physiotherapy."
    elif "**诊断意见**" in text:
        whose, quote = "second", "Radiculopathy."
    return verdict(schema, quote=quote, score=lambda dimension: MARKS[whose][dimension])


@pytest.fixture
def second_server() -> Iterator[ProviderServer]:
    from tests.servers.provider import ProviderServer

    with ProviderServer() as server:
        server.answer = answer
        yield server


@pytest.fixture
def keys(cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys of no worth, set after `cli` has cleared the environment."""
    for name in ("OPENAI_API_KEY", "ANTHROPIC_API_KEY"):
        monkeypatch.setenv(name, "key-of-no-worth")


def test_all_tasks_run_from_one_plan_and_end_in_scores_and_agreement(
    cli: Callable[..., Said],
    keys: None,
    tmp_path: Path,
    provider_server: ProviderServer,
    second_server: ProviderServer,
    tiny_llava_answering_b: Path,
) -> None:
    provider_server.answer = answer
    items = write_items(tmp_path / "bench")
    checked = cli("data", "check", items)
    assert checked.code == 0, checked.err
    local = f"local/{tiny_llava_answering_b}"
    plan = tmp_path / "plan.yaml"
    plan.write_text(
        yaml.safe_dump(
            {
                "benchmark": str(items),
                "models": [
                    {"name": OPENAI, "args": {"base_url": provider_server.openai_url}},
                    {"name": ANTHROPIC, "args": {"base_url": second_server.anthropic_url}},
                    {"name": local, "args": {"device": "cpu"}},
                ],
                "max_tokens": 16,
            }
        )
    )
    said = cli("run", plan, "--json", "--display", "none")
    assert said.code == 0, said.err
    assert (said.record("run")["n_done"], said.record("run")["n_planned"]) == (51, 51)

    workspace = Workspace("spinebench-workspace")
    (run,) = workspace.runs()
    entries = latest(run)
    check_reports(entries, local)
    check_consultations(entries, local, second_server)
    check_tables(workspace, entries)
    # both images of a case in one message, and nothing of what is expected of the report
    for server in (provider_server, second_server):
        for request in server.requests:
            assert "planted" not in request.text
        written = [one for one in server.requests if "(case r" in one.text]
        assert [len(one.images) for one in written] == [2] * N_REPORTS

    scored = cli("score", "latest", "--json")
    assert scored.code == 0, scored.err
    again = latest(run)
    for key, entry in entries.items():
        assert (again[key].scored.grade, again[key].scored.extraction) == (
            entry.scored.grade, entry.scored.extraction,
        )  # fmt: skip

    provider_server.clear()
    judge = {"name": JUDGE, "args": {"base_url": provider_server.openai_url}}
    audit_plan = tmp_path / "audit.yaml"
    audit_plan.write_text(
        yaml.safe_dump(
            {
                "tasks": ["report"],
                "rubrics": ["spinemed_report"],
                "judges": [judge],
                "show_gold": True,
                "per_cell": N_REPORTS,
            }
        )
    )
    audited = cli("audit", "latest", "--plan", audit_plan, "--json", "--display", "none")
    assert audited.code == 0, audited.err
    assert (audited.record("audit")["n_done"], audited.record("audit")["n_unparsed"]) == (30, 0)
    for request in provider_server.requests:
        assert len(request.images) == 2
        assert "The planted reference." in request.text
        assert "the planted fact" in request.text
    n_written = sum(
        entries[local, f"r{one}"].answer.status is AnswerStatus.ANSWERED for one in range(1, N_REPORTS + 1)
    )
    check_scores(cli("scores", "latest", "--json"), local, n_written)
    check_agreement(cli, workspace, tmp_path)


class Entry(NamedTuple):
    answer: Answer
    scored: Scored


def latest(run: RunFolder) -> dict[tuple[str, str], Entry]:
    """(Model, item) -> its latest answer with its grade."""
    found = {}
    for one in run.latest():
        assert one.answer is not None
        assert one.scored is not None
        found[one.answer.key.model, one.answer.key.item_id] = Entry(one.answer, one.scored)
    return found


def check_reports(entries: dict[tuple[str, str], Entry], local: str) -> None:
    """The first writes all six sections, the second two, the local model none."""
    for name in (f"r{number}" for number in range(1, N_REPORTS + 1)):
        whole, part, none = (entries[model, name] for model in (OPENAI, ANTHROPIC, local))
        assert whole.answer.text == WHOLE.format(case=name)
        found = [(one.section, one.audience) for one in whole.scored.extraction.sections]
        assert found == [
            ("findings", None), ("diagnosis", None), ("treatment", "patient"), ("treatment", "physician"),
            ("prognosis", None), ("postoperative", None), ("rationale", None),
        ]  # fmt: skip
        texts = [part.answer.text[slice(*one.span)] for one in part.scored.extraction.sections]
        assert texts == [f"Protrusion at L5/S1, right, in {name}.", "Radiculopathy."]
        assert none.scored.extraction.sections == ()
        for entry, outcome in ((whole, "complete"), (part, "incomplete"), (none, "incomplete")):
            assert (entry.scored.grade.correct, entry.scored.grade.outcome.value) == (None, outcome)


def check_consultations(entries: dict[tuple[str, str], Entry], local: str, server: ProviderServer) -> None:
    """The first and the local model reply to all three turns; the second one refuses at its second."""
    first, refused, gibberish = (entries[model, "c1"] for model in (OPENAI, ANTHROPIC, local))
    assert [turn.patient for turn in first.answer.turns] == SCRIPT
    assert [turn.text for turn in first.answer.turns] == [f"Reply {one} to the patient." for one in (1, 2, 3)]
    # tokens: 100 + 200 + 300 in, three times 10 out
    assert (first.answer.usage.input_tokens, first.answer.usage.output_tokens) == (600, 30)
    assert first.scored.grade.outcome.value == "complete"
    assert refused.answer.status is AnswerStatus.REFUSED
    assert [turn.text for turn in refused.answer.turns] == ["Reply 1 to the patient.", ""]
    assert refused.scored.grade.outcome.value == "not_answered"
    assert [turn.text.strip() for turn in gibberish.answer.turns] == ["My final option: [B]"] * 3
    # the refused turn ended the consultation: two calls
    assert sum("(case c1)" in one.text for one in server.requests) == 2


def check_tables(workspace: Workspace, entries: dict[tuple[str, str], Entry]) -> None:
    """The database holds the case, its language, the turns and the sections."""
    rows = workspace.database.sql(
        "SELECT a.model, a.item_id, a.turns, x.sections, i.clinical_case, i.language, g.correct, g.outcome "
        "FROM answers AS a JOIN items AS i USING (run_id, item_id) "
        "LEFT JOIN extractions AS x USING (run_id, answer_id) LEFT JOIN grades AS g USING (run_id, answer_id)"
    ).to_pylist()
    assert len(rows) == 51
    for row in rows:
        entry = entries[row["model"], row["item_id"]]
        assert row["outcome"] == entry.scored.grade.outcome.value
        assert row["correct"] == entry.scored.grade.correct
        if row["item_id"] == "c1":
            assert [turn["patient"] for turn in json.loads(row["turns"])] == SCRIPT[: len(entry.answer.turns)]
        if row["item_id"].startswith("r"):
            assert len(json.loads(row["sections"] or "[]")) == len(entry.scored.extraction.sections)
            assert json.loads(row["clinical_case"])["key_facts"] == ["the planted fact"]
            assert row["language"] == ("en" if int(row["item_id"][1:]) < 6 else "zh")


def check_scores(said: Said, local: str, n_written: int) -> None:
    """By hand. Sections of the first: 4, 5, (3 + 4 + 5)/3 = 4, 3, (4 + 4 + 2 + 2)/4 = 3; mean 3.8, times 20: 76.

    Text and image are of two questions each, the report of ten: overall (2 text + 2 image + 10 report) / 14.
    first: (200 + 100 + 760)/14; second: (100 + 0 + 400)/14. Of the local model's reports those
    that ran into the token limit are not written; each of the others has 20 points.
    """
    assert said.code == 0, said.err
    found = {one["model"]: one["scores"] for one in said.records if one["type"] == "scores"}
    points = {
        model: [one["text"]["of_asked"]["value"], one["image"]["of_asked"]["value"], one["report"]["value"]]
        for model, one in found.items()
    }
    assert points[OPENAI] == pytest.approx([100, 50, 76])
    assert points[ANTHROPIC] == pytest.approx([50, 0, 40])
    assert points[local][:2] == pytest.approx([100, 50])
    assert found[OPENAI]["overall"]["value"] == pytest.approx(1060 / 14)
    assert found[ANTHROPIC]["overall"]["value"] == pytest.approx(500 / 14)
    assert found[OPENAI]["weights"] == {"text": 2, "image": 2, "report": 10}
    assert found[local]["weights"] == {"text": 2, "image": 2, "report": n_written}
    assert found[local]["overall"]["value"] == pytest.approx((300 + 20 * n_written) / (4 + n_written))
    (divided,) = (one for one in said.records if one["type"] == "scores" and one["model"] == OPENAI)
    values = {(part["by"], part["value"]): part["scores"]["overall"]["value"] for part in divided["divided"]}
    assert values["subspecialty", "degenerative"] == pytest.approx(75)  # (2x100 + 2x50)/4
    assert values["source", "hospital"] == pytest.approx(76)  # the reports alone


def check_agreement(cli: Callable[..., Said], workspace: Workspace, folder: Path) -> None:
    """Clinician r-1 rates as the judge does, r-2 gives the second model's reports one more.

    Imaging report: a third each of 4, 2, 1 against a third each of 4, 3, 1. Quadratic kappa is 1 less mean of d^2 over
    its mean under independence: 1/3, and 7 + 26/3 - 2 (7/3) (8/3) = 29/9; so 1 - 3/29 = 26/29. The judge agrees with
    r-1 (1) and as r-1 with r-2 (26/29). Pearson's r of r-1 and r-2: covariance (16 + 6 + 1)/3 - 56/9 = 13/9, variances
    7 - 49/9 = 14/9 and 26/3 - 64/9 = 14/9, so 13/14.
    """
    for rater in ("r-1", "r-2"):
        assert cli("rate", "raters", "add", rater).code == 0
    assigned = cli("rate", "assign", "latest", "--all", "--per-trace", 2)
    assert assigned.code == 0, assigned.err
    (audit,) = workspace.audits()
    table = folder / "ratings.csv"
    with table.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(["trace_id", "rater", "dimension", "score"])
        for trace in audit.traces():
            whose = {OPENAI: "first", ANTHROPIC: "second"}.get(trace.answer.key.model, "local")
            for rater in ("r-1", "r-2"):
                for dimension, score in MARKS[whose].items():
                    more = int(rater == "r-2" and whose == "second")
                    rows.writerow([trace.trace_id, rater, dimension, score + more])
    imported = cli("rate", "import", "latest", table)
    assert imported.code == 0, imported.err
    said = cli("agree", "latest", "--json")
    assert said.code == 0, said.err
    found = {one["dimension"]: one for one in said.records if one["type"] == "agreement"}
    assert set(found) == set(MARKS["first"])
    imaging = found["ir"]
    (judge,) = imaging["judges"]
    assert imaging["ceiling"]["mean_kappa"]["value"] == pytest.approx(26 / 29)
    assert imaging["ceiling"]["pearson"]["value"] == pytest.approx(13 / 14)
    assert {one["clinician"]: one["kappa"]["value"] for one in judge["each"]} == pytest.approx(
        {"r-1": 1, "r-2": 26 / 29}
    )
    # half a point below the clinicians' mean in the ten reports of the second model, of thirty
    for one in found.values():
        assert (one["n_rated"], one["task"]) == (30, "report")
        assert one["judges"][0]["differences"]["bias"] == pytest.approx(-1 / 6)
        assert one["ceiling"]["exact"]["value"] == pytest.approx(2 / 3)


def test_a_consultation_that_was_killed_goes_on_at_the_turn_it_had_reached(
    cli: Callable[..., Said], tmp_path: Path, provider_server: ProviderServer
) -> None:
    """The process is killed while the second turn waits for its reply; the first reply is not paid for again."""
    provider_server.answer = answer
    items = write_items(tmp_path / "bench")
    provider_server.fault("hang", match=SCRIPT[1])
    arguments: list[str | Path] = [
        "run", "-b", items, "-m", OPENAI, "-M", f"base_url={provider_server.openai_url}", "--task", "consultation",
        "--task", "report", "--display", "none",
    ]  # fmt: skip
    process = start(*arguments, cwd=tmp_path)
    try:
        wait_until(lambda: any(SCRIPT[1] in one.text for one in provider_server.requests), timeout_s=60)
    finally:
        os.killpg(process.pid, signal.SIGKILL)
    assert finish(process).code == -signal.SIGKILL
    workspace = Workspace(tmp_path / "spinebench-workspace")
    (run,) = workspace.runs()
    assert not [one for one in run.latest() if one.answer is not None and one.answer.key.item_id == "c1"]

    provider_server.clear()
    said = cli("resume", "latest", "--json", "--display", "none")
    assert said.code == 0, said.err
    assert said.record("run")["n_done"] == 11
    asked = [
        sum(line in one.text for line in SCRIPT)
        for one in provider_server.requests
        if "(case c1)" in one.text
    ]
    assert asked == [2, 3], "the first turn is not asked again"
    (consultation,) = (
        one.answer for one in run.latest() if one.answer is not None and one.answer.key.item_id == "c1"
    )
    assert [turn.text for turn in consultation.turns] == [f"Reply {one} to the patient." for one in (1, 2, 3)]
    assert [turn.reused for turn in consultation.turns] == [True, False, False]
    # each question holds what was said before it
    last = provider_server.requests[-1].body["messages"]
    spoken = [
        one["content"] if isinstance(one["content"], str) else one["content"][0]["text"] for one in last
    ]
    assert [one["role"] for one in last] == ["user", "assistant", "user", "assistant", "user"]
    assert spoken[1:] == [
        "Reply 1 to the patient.", SCRIPT[1], "Reply 2 to the patient.", SCRIPT[2],
    ]  # fmt: skip
