"""The audit graph as its callers meet it: a panel of scripted judges, mended replies, failures, resumption."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from spinebench.agents.audit import audit_graph
from spinebench.audit_records import Blinding, JudgementStatus, Review
from spinebench.models.protocol import ModelReply, ModelRequest
from spinebench.records import FailureClass, FinishReason, ImageCondition, Task
from tests.agents.audit_cases import EVIDENCE, RUBRICS, NoImageToday, OneImage, quick, reply, trace, verdict
from tests.agents.audit_graphs import FIRST, SECOND, given, graph, judge, judgements
from tests.scripted_model import ScriptedModel, failure

if TYPE_CHECKING:
    from pathlib import Path

    from spinebench.agents.images import ImageSource


async def test_a_panel_scores_a_trace_and_its_votes_are_reconciled(images: OneImage) -> None:
    first, second = judge(reply(verdict(2, 3))), judge(reply(verdict(5, 3)), name=SECOND)
    state = await graph(first, second, images=images).ainvoke(given())
    made = judgements(state)
    assert [(one.key.judge, one.key.repeat, one.status) for one in made] == [
        (FIRST, 1, JudgementStatus.SCORED),
        (SECOND, 1, JudgementStatus.SCORED),
    ]
    assert [[score.score for score in one.scores] for one in made] == [[2, 3], [5, 3]]
    assert {one.audit_id for one in made} == {"audit-1"}
    assert made[0].scores[0].quotes == (EVIDENCE,)
    review = Review.model_validate(state["review"])
    assert [(one.dimension, one.votes, one.median, one.spread) for one in review.dimensions] == [
        ("rationality", (2, 5), 3.5, 3),
        ("features", (3, 3), 3, 0),
    ]
    assert "disagreement" in review.refers_by
    assert review.rating_probability == 1
    assert review.audit_id == "audit-1"


async def test_a_panel_that_agrees_refers_nothing_but_the_random_share(images: OneImage) -> None:
    none = await graph(judge(), judge(name=SECOND), images=images, random_share=0.0).ainvoke(given())
    assert none["review"]["refers_by"] == []
    all_of_them = await graph(judge(), images=images, random_share=1.0).ainvoke(given())
    assert all_of_them["review"]["refers_by"] == ["random"]


async def test_each_judge_is_asked_as_often_as_wanted_and_all_at_once(images: OneImage) -> None:
    def slow(name: str) -> ScriptedModel:
        return judge(*[(0.01, reply(verdict()))] * 3, name=name)

    first, second = slow(FIRST), slow(SECOND)
    state = await graph(first, second, images=images, repeats=3).ainvoke(given())
    assert (first.most_in_flight, second.most_in_flight) == (3, 3)
    assert sorted((one.key.judge, one.key.repeat) for one in judgements(state)) == [
        (name, repeat) for name in (SECOND, FIRST) for repeat in (1, 2, 3)
    ]
    assert len({one.key.id() for one in judgements(state)}) == 6
    assert len({one.replies[0].request_hash for one in judgements(state)}) == 6
    assert state["votes"][0]["votes"] == [4] * 6


async def test_a_reply_that_fails_the_checks_is_asked_again_with_what_was_wrong(images: OneImage) -> None:
    seen: list[ModelRequest] = []

    def decide(request: ModelRequest, number: int) -> ModelReply:
        seen.append(request)
        return (
            reply(verdict(quotes=["the upper body was displaced forwards"]))
            if number == 1
            else reply(verdict())
        )

    state = await graph(ScriptedModel(decide=decide, name=FIRST), images=images).ainvoke(given())
    (made,) = judgements(state)
    assert made.status is JudgementStatus.SCORED
    assert [bool(one.problems) for one in made.replies] == [True, False]
    first, again = seen
    assert again.messages[:2] == first.messages
    assert [message.role for message in again.messages] == ["system", "user", "assistant", "user"]
    assert again.messages[2].text == made.replies[0].text
    assert "the upper body is displaced forwards" in again.messages[3].text
    assert again.tag == first.tag


@pytest.mark.parametrize("bad", ["no JSON at all", "", verdict(rationality=9), "{" * 50])
async def test_a_judge_that_never_passes_is_unparsed_with_all_its_replies(
    images: OneImage, bad: str | dict[str, Any]
) -> None:
    first = judge(*[reply(bad)] * 5)
    state = await graph(first, judge(name=SECOND), images=images, random_share=0.0).ainvoke(given())
    made, other = judgements(state)[::-1]
    assert other.status is JudgementStatus.SCORED
    assert len(first.asked) == 3
    assert made.status is JudgementStatus.UNPARSED
    assert made.scores == ()
    assert len(made.replies) == 3
    assert all(one.problems for one in made.replies)
    assert state["votes"][0]["votes"] == [4]
    assert state["review"]["n_unparsed"] == 1
    assert "failed_checks" in state["review"]["refers_by"]


async def test_one_judges_bad_reply_does_not_ask_the_others_again(images: OneImage) -> None:
    first, second = judge(reply("?"), reply("?")), judge(name=SECOND)
    await graph(first, second, images=images).ainvoke(given())
    assert (len(first.asked), len(second.asked)) == (3, 1)


STATUSES = {
    "refusal": (reply("No.", FinishReason.REFUSAL), "refused"),
    "refusal field": (reply("", refusal="I will not"), "refused"),
    "filter": (reply("", FinishReason.FILTER), "refused"),
    "verdict under a filter": (reply(verdict(), FinishReason.FILTER), "refused"),
    "no reply": (failure(FailureClass.IMAGE, "gone"), "error"),
    "complete though cut off after": (reply(verdict(), FinishReason.LENGTH), "scored"),
}


@pytest.mark.parametrize(("said", "status"), STATUSES.values(), ids=STATUSES)
async def test_what_becomes_of_a_reply(images: OneImage, said: Any, status: str) -> None:
    first = judge(said)
    (made,) = judgements(await graph(first, images=images).ainvoke(given()))
    assert made.status.value == status
    assert len(first.asked) == 1
    assert bool(made.scores) == (status == "scored")
    assert bool(made.failures) == (status == "error")
    assert len(made.replies) == (status != "error")


async def test_a_refusal_after_a_bad_reply_keeps_both(images: OneImage) -> None:
    first = judge(reply("?"), reply("No.", FinishReason.REFUSAL))
    (made,) = judgements(await graph(first, images=images).ainvoke(given()))
    assert (made.status, len(made.replies)) == (JudgementStatus.REFUSED, 2)


async def test_a_cut_off_reply_is_told_to_be_brief(images: OneImage) -> None:
    first = judge(reply(json.dumps(verdict())[:60], FinishReason.LENGTH))
    (made,) = judgements(await graph(first, images=images).ainvoke(given()))
    assert "cut off" in made.replies[0].problems[0]
    assert "be brief" in first.asked[1][1]
    assert made.status is JudgementStatus.SCORED


async def test_failed_attempts_are_kept(images: OneImage) -> None:
    first = judge(failure(FailureClass.SERVER), failure(FailureClass.RATE_LIMIT))
    (made,) = judgements(await graph(first, images=images).ainvoke(given()))
    assert made.status is JudgementStatus.SCORED
    assert [one.failure_class.value for one in made.failures] == ["server", "rate_limit"]


async def test_a_refused_schema_is_asked_for_in_words_once_for_all(images: OneImage) -> None:
    seen: list[ModelRequest] = []

    def decide(request: ModelRequest, _: int) -> Any:
        seen.append(request)
        if request.json_schema is not None:
            return failure(FailureClass.BAD_REQUEST, "response_format is not supported")
        return reply("Sure:\n" + json.dumps(verdict()))

    audit = graph(ScriptedModel(decide=decide, name=FIRST), images=images)
    (made,) = judgements(await audit.ainvoke(given()))
    assert made.status is JudgementStatus.SCORED
    assert [one.failure_class.value for one in made.failures] == ["bad_request"]
    assert [one.plain_json for one in made.replies] == [True]
    assert "valid under this JSON Schema" in seen[1].messages[-1].text
    (later,) = judgements(await audit.ainvoke(given(trace(name="answer-2"))))
    assert len(seen) == 3
    assert later.failures == ()
    assert later.replies[0].plain_json


async def test_a_request_that_is_refused_either_way_is_an_error(images: OneImage) -> None:
    first = ScriptedModel(otherwise=failure(FailureClass.BAD_REQUEST, "too long"), name=FIRST)
    (made,) = judgements(await graph(first, images=images).ainvoke(given()))
    assert made.status is JudgementStatus.ERROR
    assert len(first.asked) == 2
    assert len(made.failures) == 2


async def test_what_is_done_is_not_asked_again_and_counts(images: OneImage) -> None:
    before = await graph(judge(reply(verdict(1, 1))), images=images, repeats=2).ainvoke(given())
    first, second = judge(), judge(name=SECOND)
    state = await graph(first, second, images=images, repeats=2).ainvoke(given(done=before["judgements"]))
    assert (len(first.asked), len(second.asked)) == (0, 2)
    assert [one.key.judge for one in judgements(state)] == [SECOND] * 2
    assert state["votes"][0]["votes"] == [1, 4, 4, 4]


async def test_stored_errors_are_asked_again_and_other_outcomes_are_not(images: OneImage) -> None:
    stored = {}
    for said in (failure(FailureClass.IMAGE), reply("No.", FinishReason.REFUSAL)):
        state = await graph(judge(said), images=images).ainvoke(given())
        stored[state["judgements"][0]["status"]] = state["judgements"]
    for status, asked in (("error", 1), ("refused", 0)):
        first = judge()
        state = await graph(first, images=images).ainvoke(given(done=stored[status]))
        assert len(first.asked) == asked
        assert len(state["judgements"]) == asked
        assert state["votes"][0]["votes"] == [4] * asked


async def test_where_all_is_done_the_image_is_not_looked_for(images: OneImage) -> None:
    before = await graph(judge(), images=images).ainvoke(given())
    images.asked.clear()
    state = await graph(judge(), images=images, random_share=0.0).ainvoke(given(done=before["judgements"]))
    assert images.asked == []
    assert (state["judgements"], state["review"]["refers_by"]) == ([], [])


async def test_without_judges_a_trace_is_checked_and_reviewed_all_the_same() -> None:
    state = await graph(random_share=1.0).ainvoke(given())
    assert state["judgements"] == []
    assert state["review"]["refers_by"][-1] == "random"
    assert state["votes"][0]["median"] is None


# ---------------------------------------------------------------- images


async def test_judges_see_the_image_as_the_examinee_did(images: OneImage) -> None:
    first = judge()
    await graph(first, images=images).ainvoke(given(trace(condition=ImageCondition.SWAPPED)))
    assert images.asked == [("d-1", ImageCondition.SWAPPED)]


@pytest.mark.parametrize("case", ["missing", "changed", "no source"])
async def test_an_image_that_cannot_be_had_asks_nobody(case: str, tmp_path: Path) -> None:
    """Scores without the image would not be comparable: the judgement is an error that says so."""
    sources: dict[str, ImageSource | None] = {
        "missing": NoImageToday(),
        "changed": OneImage(tmp_path / "b.png", sha256="cd" * 32),
        "no source": None,
    }
    first, second = judge(), judge(name=SECOND)
    audit = audit_graph([first, second], rubrics=RUBRICS, gateway=quick(), images=sources[case])
    state = await audit.ainvoke(given())
    assert first.asked == second.asked == []
    for made in judgements(state):
        assert made.status is JudgementStatus.ERROR
        assert [one.failure_class for one in made.failures] == [FailureClass.IMAGE]
    assert state["review"]["dimensions"][0]["votes"] == []
    if case == "changed":
        assert "expected those that the model was sent (abababababab), found cdcdcdcdcdcd" in (
            judgements(state)[0].failures[0].message
        )


async def test_a_text_only_audit_needs_no_image() -> None:
    first = judge()
    audit = audit_graph(
        [first], rubrics=RUBRICS, gateway=quick(), images=NoImageToday(), blinding=Blinding(image=False)
    )
    (made,) = judgements(await audit.ainvoke(given()))
    assert made.status is JudgementStatus.SCORED
    assert "an image that you are not shown" in first.asked[0][1]


async def test_an_item_without_an_image_needs_none() -> None:
    item = {"images": (), "task": Task.KNOWLEDGE}
    audit = audit_graph([judge()], rubrics=RUBRICS, gateway=quick())
    (made,) = judgements(await audit.ainvoke(given(trace(images=(), item=item))))
    assert made.status is JudgementStatus.SCORED
