"""Bad input on the way from a case to its score: said clearly, confined to its own case, nothing lost.

One benchmark of six cases: a good one; one with an image missing; one whose report has no headings; two whose judge
names a dimension or a score that the rubric has not; one that the model refuses.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.audit_records import JudgementStatus
from spinebench.records import AnswerStatus, JournalEntry, Outcome
from spinebench.store.workspace import Workspace
from tests.exams import draw
from tests.servers.judge import asked_schema, verdict
from tests.servers.wire import Received, Reply

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer

EXAMINEE, JUDGE = "openai-compatible/examinee", "openai/gpt-judge"
BARE = "The scan of case plain shows a disc at L4/L5 that is wider than it should be. Walk, and come back in May.\n"
WHOLE = "## Imaging findings\nA wide disc.\n\n## Diagnosis\nProtrusion in case {name}.\n"
NAMES = ("good", "gap", "plain", "style", "above", "shy")


def write_cases(folder: Path) -> Path:
    """Six cases of two images each; the second image of `gap` is not there."""
    rows = []
    for number, name in enumerate(NAMES):
        paths = [f"{name}-{one}.png" for one in (1, 2)]
        for one, picture in enumerate(paths):
            draw(folder / picture, 2 * number + one)
        rows.append(
            {"id": name, "task": "report", "question": f"Report. (case {name})", "images": paths, "cluster": name}
        )  # fmt: skip
    (folder / "gap-2.png").unlink()
    path = folder / "items.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return path


def answer(request: Received) -> Reply:
    if request.text == "ping":
        return Reply(text="pong")
    schema = asked_schema(request)
    name = re.findall(r"\(case (\w+)\)", request.text)[0]
    if schema is not None:
        return Reply(text=json.dumps(judged(schema, name)), input_tokens=1000, output_tokens=200)
    if name == "shy":
        return Reply(text="", finish="refusal")
    return Reply(text=BARE if name == "plain" else WHOLE.format(name=name))


def judged(schema: dict[str, Any], name: str) -> dict[str, Any]:
    """4 of 5 everywhere, of the plain report 2; what else is said of two of them is not in the rubric."""
    found = verdict(
        schema,
        quote="a disc at L4/L5" if name == "plain" else "A wide disc.",
        score=lambda _: 2 if name == "plain" else 4,
    )
    if name == "style":
        found["scores"][0]["dimension"] = "style"
    if name == "above":
        found["scores"][0]["score"] = 6
    return found


@pytest.fixture
def sat(
    cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch, provider_server: ProviderServer, tmp_path: Path
) -> Path:
    """The folder of the benchmark, after its exam."""
    monkeypatch.setenv("OPENAI_API_KEY", "key-of-no-worth")
    provider_server.answer = answer
    items = write_cases(tmp_path / "bench")
    said = cli(
        "run", "-b", items, "-m", EXAMINEE, "-M", f"base_url={provider_server.openai_url}", "--display", "none",
    )  # fmt: skip
    assert said.code == 1
    assert "1 items have images that cannot be used" in said.err
    return items.parent


def entries() -> dict[str, JournalEntry]:
    (run,) = Workspace("spinebench-workspace").runs()
    return {one.answer.key.item_id: one for one in run.latest() if one.answer is not None}


def audit(cli: Callable[..., Said], server: ProviderServer, *more: str) -> Said:
    return cli(
        "audit", "latest", "--rubric", "spinemed_report", "--judge", JUDGE, "-M", f"base_url={server.openai_url}",
        "--display", "none", "--json", *more,
    )  # fmt: skip


def test_a_case_with_a_missing_image_is_not_asked_and_goes_on_when_it_is_there(
    cli: Callable[..., Said], provider_server: ProviderServer, sat: Path
) -> None:
    found = entries()
    gap = found["gap"].answer
    assert gap is not None
    assert (gap.status, gap.attempts) == (AnswerStatus.ERROR, 0)
    assert "'gap-2.png'" in gap.failures[0].message
    assert not any("(case gap)" in request.text for request in provider_server.requests), (
        "not half a case either"
    )
    answered = [
        name for name, one in found.items() if one.answer and one.answer.status is AnswerStatus.ANSWERED
    ]
    assert sorted(answered) == ["above", "good", "plain", "style"]
    checked = cli("data", "check", sat / "items.jsonl")
    assert checked.code == 3
    assert "1 unusable images" in checked.err
    assert "gap-2.png" in checked.out

    draw(sat / "gap-2.png", 99)
    provider_server.clear()
    again = cli("resume", "latest", "--display", "none")
    assert again.code == 0, again.err
    assert [len(one.images) for one in provider_server.requests if "(case gap)" in one.text] == [2]
    assert not any("(case good)" in one.text for one in provider_server.requests), "what is there is kept"


def test_a_report_without_headings_is_kept_whole_and_still_judged(
    cli: Callable[..., Said], provider_server: ProviderServer, sat: Path
) -> None:
    plain = entries()["plain"]
    assert plain.answer is not None
    assert plain.scored is not None
    assert plain.answer.text == BARE
    assert plain.scored.extraction.sections == ()
    assert plain.scored.grade.outcome is Outcome.INCOMPLETE
    assert audit(cli, provider_server).code in (0, 1)
    found = {one.key.trace_id: one for one in Workspace("spinebench-workspace").audits()[0].judgements()}
    trace = f"{plain.answer.run_id}/{plain.answer.key.id()}"
    assert found[trace].status is JudgementStatus.SCORED
    assert {one.score for one in found[trace].scores} == {2}


def test_what_the_rubric_has_not_is_asked_for_again_then_recorded_and_scored_as_nothing(
    cli: Callable[..., Said], provider_server: ProviderServer, sat: Path
) -> None:
    """Scored are `good` at 4 of 5 and `plain` at 2, 80 and 40 points: 60, and with two not written at 0, 30."""
    said = audit(cli, provider_server)
    (folder,) = Workspace("spinebench-workspace").audits()
    unparsed = [one for one in folder.judgements() if one.status is JudgementStatus.UNPARSED]
    assert len(unparsed) == 2, said.err
    problems = " ".join(text for one in unparsed for reply in one.replies for text in reply.problems)
    assert '"style" is not known' in problems
    assert "score 6 is off the scale 1, 2, 3, 4, 5" in problems
    assert all(len(one.replies) == 3 and all(reply.text for reply in one.replies) for one in unparsed)

    scores = cli("scores", "latest", "--json")
    assert scores.code == 0, scores.err
    found = scores.record("scores")
    assert found["report"]["counts"] == {
        "asked": 6, "scored": 2, "incomplete": 0, "unscored": 2, "not_written": 2,
    }  # fmt: skip
    assert found["report"]["votes"]["unparsed"] == 20
    assert found["scores"]["report"]["value"] == pytest.approx(60)
    assert found["report"]["not_written_as_zero"]["value"] == pytest.approx((80 + 40 + 0 + 0) / 4)
    assert found["scores"]["overall"]["value"] == pytest.approx(60)
    shown = cli("scores", "latest")
    assert "2 of 6 reports have a section without a score and are left out" in shown.out


NOT_IN_THE_RUBRIC: dict[str, tuple[dict[str, str], str]] = {
    "unknown dimension": ({"dimension": "beauty"}, "beauty '3': expected a dimension of the rubric"),
    "off the scale": ({"score": "6"}, "ir '6': expected one of 1, 2, 3, 4, 5"),
}


@pytest.mark.parametrize(("change", "said"), NOT_IN_THE_RUBRIC.values(), ids=NOT_IN_THE_RUBRIC)
def test_ratings_that_the_rubric_has_not_are_named_by_row_and_the_others_kept(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    sat: Path,
    tmp_path: Path,
    change: dict[str, str],
    said: str,
) -> None:
    audit(cli, provider_server)
    for rater in ("r-1", "r-2"):
        assert cli("rate", "raters", "add", rater).code == 0
    assert cli("rate", "assign", "latest", "--all", "--per-trace", 2).code == 0
    (folder,) = Workspace("spinebench-workspace").audits()
    dimensions = [one["id"] for one in folder.spec().rubrics[0]["dimensions"]]
    rows = [
        {"trace_id": trace.trace_id, "rater": "r-1", "dimension": name, "score": "3"}
        for trace in folder.traces()
        for name in dimensions
    ]
    rows[0].update(change)
    table = tmp_path / "ratings.csv"
    table.write_text(
        "\n".join([",".join(rows[0]), *(",".join(row.values()) for row in rows)]) + "\n", "utf-8"
    )
    imported = cli("rate", "import", "latest", table)
    assert imported.code == 3
    assert f"row 2: {said}" in imported.err
    assert sum(len(one.dimensions) for one in folder.ratings()) == len(rows) - 1
