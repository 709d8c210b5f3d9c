from __future__ import annotations

import asyncio
import json
import math
import random
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import pytest

from spinebench.errors import UsageError
from spinebench.models.protocol import (
    ChatModel,
    ImagePart,
    Message,
    ModelFailure,
    ModelReply,
    ModelRequest,
    RequestTag,
    TextPart,
)
from spinebench.models.registry import create_model
from spinebench.models.simulated_extractor import read
from spinebench.models.simulated_profiles import PROFILES, SimProfile
from spinebench.records import (
    FailureClass,
    FinishReason,
    ImageCondition,
    ImageRef,
    Item,
    SentImage,
    Task,
)
from spinebench.terms import LEVELS

DIAGNOSES = ("Healthy", "Osteophytes", "Spondylolisthesis", "Vertebral collapse", "Disc space narrowing")


def diagnosis(number: int, gold: str) -> Item:
    return Item(
        id=f"d{number}",
        benchmark="pathology",
        task=Task.DIAGNOSIS,
        question="What is the diagnosis?",
        options=DIAGNOSES,
        gold=(gold,),
        disease=gold,
        images=(ImageRef(path=f"{number}.png"),),
        cluster=f"{number}.png",
    )


def localization(number: int, gold: tuple[str, ...]) -> Item:
    return Item(
        id=f"l{number}",
        benchmark="pathology",
        task=Task.LOCALIZATION,
        question="Where is the disc space narrowing?",
        options=LEVELS,
        gold=gold,
        levels=gold,
        images=(ImageRef(path=f"loc{number}.png"),),
        cluster=f"loc{number}.png",
    )


HEALTHY_ITEMS = [diagnosis(n, "Healthy") for n in range(40)]
SICK_ITEMS = [diagnosis(100 + n, DIAGNOSES[1 + n % 4]) for n in range(40)]
TWO_LEVELS = [localization(n, LEVELS[n % 4 : n % 4 + 2]) for n in range(40)]
ONE_LEVEL = [localization(100 + n, (LEVELS[n % 5],)) for n in range(40)]
ITEMS = [*HEALTHY_ITEMS, *SICK_ITEMS, *TWO_LEVELS, *ONE_LEVEL]


def make(name: str, **args: object) -> ChatModel:
    return create_model(name, args=dict(args), items=lambda: ITEMS, seed=1)


def request(
    item: Item | str,
    *,
    condition: ImageCondition = ImageCondition.NORMAL,
    permutation: tuple[int, ...] = (),
    epoch: int = 1,
    persona: str = "surgeon",
    swapped_from: str | None = None,
) -> ModelRequest:
    parts: list[TextPart | ImagePart] = [TextPart(text="The question, the options.")]
    if condition is not ImageCondition.NONE:
        sent = SentImage(
            source_path="x.png",
            source_sha256="0" * 64,
            sha256="0" * 64,
            media_type="image/png",
            width=1,
            height=1,
            n_bytes=1,
            transform="as_is",
            swapped_from=swapped_from,
        )
        parts.append(ImagePart(image=sent, file=Path("x.png")))
    return ModelRequest(
        messages=(Message(role="user", parts=tuple(parts)),),
        tag=RequestTag(
            item_id=item if isinstance(item, str) else item.id,
            persona=persona,
            image_condition=condition,
            option_permutation=permutation,
            epoch=epoch,
        ),
    )


def chosen(reply: ModelReply, options: Sequence[str]) -> frozenset[str] | None:
    """Options of an exact closing line; None where the text ends in none."""
    match = re.search(r"My final options?: \[([A-E](?:, [A-E])*)\]\Z", reply.text)
    if match is None:
        return None
    return frozenset(options["ABCDE".index(letter)] for letter in match.group(1).split(", "))


async def answers(
    model: ChatModel, items: Sequence[Item], *, epochs: int, condition: ImageCondition = ImageCondition.NORMAL
) -> list[tuple[Item, ModelReply]]:
    return [
        (item, await model.generate(request(item, condition=condition, epoch=epoch)))
        for epoch in range(1, epochs + 1)
        for item in items
    ]


def assert_rate(hits: int, n: int, planted: float) -> None:
    """Within four standard errors of a binomial: a chance of 1 in 16,000 to miss, and the seed is fixed."""
    assert n > 0
    assert abs(hits / n - planted) <= 4 * math.sqrt(planted * (1 - planted) / n) + 1e-12


# ---------------------------------------------------------------- planted rates are recovered


@pytest.mark.parametrize("name", ["careful", "overcaller"])
async def test_planted_diagnosis_rates_are_recovered(name: str) -> None:
    profile = PROFILES[name]
    model = make(f"sim/{name}", variety=0)
    counts: Counter[str] = Counter()
    for item, reply in await answers(model, [*HEALTHY_ITEMS, *SICK_ITEMS], epochs=50):
        answer = chosen(reply, item.options)
        if answer is None:
            continue
        kind = "healthy" if item.gold == ("Healthy",) else "sick"
        counts[kind] += 1
        if answer != frozenset(item.gold):
            counts[f"{kind} {'missed' if answer == {'Healthy'} else 'wrong'}"] += 1
    assert_rate(counts["healthy wrong"], counts["healthy"], profile.healthy_misdiagnosed)
    assert_rate(counts["sick missed"], counts["sick"], profile.disease_missed)
    assert_rate(counts["sick wrong"], counts["sick"], profile.disease_confused)


@pytest.mark.parametrize("name", ["careful", "overcaller"])
@pytest.mark.parametrize("two_levels", [True, False], ids=["two-levels", "one-level"])
async def test_planted_localization_rates_are_recovered(name: str, two_levels: bool) -> None:
    profile = PROFILES[name]
    counts: Counter[str] = Counter()
    model = make(f"sim/{name}", variety=0)
    for item, reply in await answers(model, TWO_LEVELS if two_levels else ONE_LEVEL, epochs=50):
        answer = chosen(reply, item.options)
        if answer is None:
            continue
        counts["n"] += 1
        gold = frozenset(item.gold)
        places = sorted(LEVELS.index(level) for level in answer)
        moves = {a - LEVELS.index(b) for a, b in zip(places, item.gold, strict=False)}
        if answer == gold:
            counts["exact"] += 1
        elif answer < gold:
            counts["missed"] += 1
        elif answer > gold:
            counts["extra"] += 1
        elif len(answer) == len(gold) and moves in ({1}, {-1}):
            counts["shifted"] += 1
    assert counts["n"] == sum(counts[kind] for kind in ("exact", "missed", "extra", "shifted"))
    assert_rate(counts["missed"], counts["n"], profile.missed_levels if two_levels else 0.0)
    assert_rate(counts["extra"], counts["n"], profile.extra_levels)
    assert_rate(counts["shifted"], counts["n"], profile.shifted)


@pytest.mark.parametrize("name", sorted(PROFILES))
async def test_planted_statuses_are_recovered(name: str) -> None:
    profile = PROFILES[name]
    model = make(f"sim/{name}", variety=0)
    replies = [(item, reply) for item, reply in await answers(model, ITEMS, epochs=25)]
    finishes = Counter(reply.finish_reason for _, reply in replies)
    stopped = [(i, r) for i, r in replies if r.finish_reason is FinishReason.STOP]
    assert_rate(finishes[FinishReason.REFUSAL], len(replies), profile.refused)
    assert_rate(finishes[FinishReason.LENGTH], len(replies), profile.truncated)
    undecided = sum(chosen(reply, item.options) is None for item, reply in stopped)
    assert_rate(undecided, len(replies), profile.unparsed)
    assert all(reply.refusal and not reply.text for _, reply in replies if reply.finish_reason == "refusal")


async def test_a_rate_set_by_option_is_the_rate_found() -> None:
    model = make("sim/careful", healthy_misdiagnosed="0.5", unparsed=0, refused=0, truncated=0, variety=0)
    found = await answers(model, HEALTHY_ITEMS, epochs=40)
    wrong = sum(chosen(reply, item.options) != frozenset({"Healthy"}) for item, reply in found)
    assert_rate(wrong, len(found), 0.5)


async def test_changing_one_rate_moves_no_other_answer() -> None:
    before, after = make("sim/careful"), make("sim/careful", healthy_misdiagnosed=0.9)
    assert [r for _, r in await answers(before, SICK_ITEMS, epochs=3)] == [
        r for _, r in await answers(after, SICK_ITEMS, epochs=3)
    ]


# ---------------------------------------------------------------- determinism and option order


async def test_replies_do_not_depend_on_the_order_or_number_of_calls() -> None:
    requests = [request(item, epoch=epoch) for item in ITEMS for epoch in (1, 2)]
    first = make("sim/careful")
    straight = {r.hash("m") + r.tag.item_id: await first.generate(r) for r in requests if r.tag}
    second = make("sim/careful")
    shuffled = list(requests)
    random.Random(0).shuffle(shuffled)
    replies = await asyncio.gather(*(second.generate(r) for r in shuffled))
    for r, reply in zip(shuffled, replies, strict=True):
        assert r.tag is not None
        assert reply == straight[r.hash("m") + r.tag.item_id]


async def test_epoch_persona_seed_and_model_each_give_their_own_replies() -> None:
    async def texts(model: ChatModel, **kwargs: object) -> list[str]:
        return [(await model.generate(request(item, **kwargs))).text for item in SICK_ITEMS]  # type: ignore[arg-type]

    variants = [
        await texts(make("sim/careful")),
        await texts(make("sim/careful"), epoch=2),
        await texts(make("sim/careful"), persona="radiologist"),
        await texts(make("sim/careful", seed=9)),
        await texts(make("sim/overcaller")),
    ]
    assert len({tuple(variant) for variant in variants}) == len(variants)


@pytest.mark.parametrize("permutation", [(0, 1, 2, 3, 4), (4, 3, 2, 1, 0), (2, 0, 4, 1, 3)])
async def test_letters_follow_the_presented_order(permutation: tuple[int, ...]) -> None:
    exact = dict.fromkeys(
        (
            "healthy_misdiagnosed",
            "disease_missed",
            "disease_confused",
            "missed_levels",
            "extra_levels",
            "shifted",
            "unparsed",
            "refused",
            "truncated",
            "variety",
        ),
        0.0,
    )
    model = make("sim/careful", **exact)
    for item in (*SICK_ITEMS, *TWO_LEVELS):
        reply = await model.generate(request(item, permutation=permutation))
        presented = [item.options[index] for index in permutation]
        assert chosen(reply, presented) == frozenset(item.gold)


# ---------------------------------------------------------------- image conditions


CERTAIN = {"unparsed": 0, "refused": 0, "truncated": 0, "variety": 0, "unseen_unparsed": 0}


async def test_without_an_image_the_careful_model_falls_to_a_guess() -> None:
    model = make("sim/careful", **CERTAIN)
    for condition in (ImageCondition.BLANK, ImageCondition.NONE):
        found = await answers(model, SICK_ITEMS, epochs=40, condition=condition)
        right = sum(chosen(reply, item.options) == frozenset(item.gold) for item, reply in found)
        # Not Healthy (1 - .5), then one of four diseases.
        assert_rate(right, len(found), 0.5 / 4)
        assert all(re.search("grey|structure|image", reply.text) for _, reply in found)


async def test_a_swapped_image_is_read_as_what_it_shows() -> None:
    model = make("sim/careful", healthy_misdiagnosed=0, disease_missed=0, disease_confused=0, **CERTAIN)
    asked, donor = SICK_ITEMS[0], SICK_ITEMS[1]
    assert asked.gold != donor.gold
    reply = await model.generate(
        request(asked, condition=ImageCondition.SWAPPED, swapped_from=donor.id, permutation=(4, 3, 2, 1, 0))
    )
    assert chosen(reply, asked.options[::-1]) == frozenset(donor.gold)


async def test_a_swapped_localization_is_read_at_the_levels_of_the_shown_image() -> None:
    model = make("sim/careful", missed_levels=0, extra_levels=0, shifted=0, **CERTAIN)
    asked, donor = TWO_LEVELS[0], TWO_LEVELS[2]
    reply = await model.generate(request(asked, condition=ImageCondition.SWAPPED, swapped_from=donor.id))
    assert chosen(reply, asked.options) == frozenset(donor.gold)


async def test_a_swapped_image_of_a_disease_outside_the_options_gives_a_guess_among_them() -> None:
    kyphosis = diagnosis(900, "Healthy").model_copy(
        update={
            "options": ("Healthy", "cervical Kyphosis"),
            "gold": ("cervical Kyphosis",),
            "disease": "cervical Kyphosis",
        }
    )
    model = create_model("sim/careful", args=dict(CERTAIN), items=lambda: [*ITEMS, kyphosis])
    asked = SICK_ITEMS[0]
    reply = await model.generate(request(asked, condition=ImageCondition.SWAPPED, swapped_from=kyphosis.id))
    answer = chosen(reply, asked.options)
    assert answer is not None
    assert answer <= set(asked.options)


async def test_the_guesser_answers_the_same_whatever_is_shown() -> None:
    model = make("sim/guesser")
    for item in (*HEALTHY_ITEMS[:10], *TWO_LEVELS[:10]):
        replies = [
            await model.generate(
                request(
                    item,
                    condition=condition,
                    swapped_from=SICK_ITEMS[0].id if condition is ImageCondition.SWAPPED else None,
                )
            )
            for condition in ImageCondition
        ]
        assert len({reply.text for reply in replies}) == 1


async def test_the_guesser_is_right_no_more_often_than_its_guess() -> None:
    found = await answers(make("sim/guesser", **CERTAIN), SICK_ITEMS, epochs=40)
    right = sum(chosen(reply, item.options) == frozenset(item.gold) for item, reply in found)
    assert_rate(right, len(found), (1 - PROFILES["guesser"].unseen_healthy) / 4)


# ---------------------------------------------------------------- what a reply looks like


async def test_traces_reason_name_alternatives_and_vary() -> None:
    found = await answers(make("sim/careful", unparsed=0, refused=0, truncated=0), SICK_ITEMS, epochs=5)
    texts = [reply.text for _, reply in found]
    assert len(set(texts)) > 0.95 * len(texts)
    for item, reply in found:
        assert len(reply.text) > 200
        assert sum(option in reply.text for option in item.options) >= 2
    closings = {text.splitlines()[-1][:16] for text in texts}
    assert len(closings) >= 5
    assert any(reply.reasoning for _, reply in found)


async def test_replies_are_labelled_as_simulated_and_report_tokens_without_cost() -> None:
    model = make("sim/careful")
    reply = await model.generate(request(SICK_ITEMS[0]))
    assert model.simulated is True
    assert model.host is None
    assert model.name == "sim/careful"
    assert reply.provider_model == "simulated"
    assert reply.usage.input_tokens is not None
    assert reply.usage.input_tokens >= 800
    assert reply.usage.output_tokens is not None
    assert reply.usage.output_tokens > 40
    assert reply.usage.cost_usd is None


async def test_tasks_beyond_the_pathology_benchmark_are_answered_too() -> None:
    knowledge = Item(
        id="k",
        benchmark="x",
        task=Task.KNOWLEDGE,
        question="?",
        options=("one", "two"),
        gold=("two",),
        cluster="k",
    )
    report = Item(id="r", benchmark="x", task=Task.REPORT, question="?", cluster="r")
    model = create_model("sim/careful", args={**CERTAIN, "other_wrong": 0}, items=lambda: [knowledge, report])
    assert (await model.generate(request(knowledge))).text.endswith("My final option: [B]")
    assert "## Risk and prognosis" in (await model.generate(request(report))).text


# ---------------------------------------------------------------- wrong use


@pytest.mark.parametrize(
    ("name", "args", "message"),
    [
        ("sim/perfect", {}, "'perfect'.*careful"),
        ("sim/careful", {"healthy_misdiagnosed": 1.5}, "healthy_misdiagnosed"),
        ("sim/careful", {"disease_missed": "often"}, "disease_missed"),
        ("sim/careful", {"disease_missed": 0.6, "disease_confused": 0.6}, "expected at most 1"),
        ("sim/careful", {"seed": "x"}, "seed"),
        ("sim/careful", {"healty_misdiagnosed": 0.5}, "healthy_misdiagnosed"),
        ("sim/extractor", {"variety": 0.5}, "variety"),
    ],
)
def test_wrong_names_and_options_are_refused(name: str, args: dict[str, object], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make(name, **args)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(ModelRequest(messages=()), id="no-tag"),
        pytest.param(request("unknown"), id="unknown-item"),
        pytest.param(request(SICK_ITEMS[0], permutation=(0, 0, 1, 2, 3)), id="no-permutation"),
        pytest.param(
            ModelRequest(messages=(), tag=RequestTag(item_id=SICK_ITEMS[0].id, role="judge")), id="judge"
        ),
    ],
)
async def test_a_request_that_is_no_exam_question_is_a_bad_request(asked: ModelRequest) -> None:
    with pytest.raises(ModelFailure) as failure:
        await make("sim/careful").generate(asked)
    assert failure.value.failure_class is FailureClass.BAD_REQUEST


def test_the_digest_holds_rates_and_seed_but_no_latency() -> None:
    fast, slow = make("sim/careful"), make("sim/careful", latency_ms=20)
    assert fast.config == slow.config
    assert fast.config["seed"] == 1
    assert set(SimProfile.model_fields) - {"latency_ms"} <= set(fast.config)


# ---------------------------------------------------------------- extractor


@pytest.mark.parametrize(
    ("reply", "several", "expected"),
    [
        pytest.param("All considered, I choose option B.", False, ("B",), id="letter"),
        pytest.param("So the answer is D", False, ("D",), id="answer-is"),
        pytest.param("First A.\n\nIn short: osteophytes.", False, ("B",), id="text"),
        pytest.param("It is options A and C that apply.", True, ("A", "C"), id="two-of-several"),
        pytest.param("It is options A and C that apply.", False, (), id="two-of-one"),
        pytest.param("Osteophytes or Spondylolisthesis; I leave the question open.", False, (), id="hedge"),
        pytest.param("I choose option Q.", False, (), id="outside"),
        pytest.param("", False, (), id="empty"),
    ],
)
def test_the_extractor_reads_the_end_of_a_reply(reply: str, several: bool, expected: tuple[str, ...]) -> None:
    assert read(reply, DIAGNOSES, several=several) == expected


async def test_the_extractor_answers_json_from_between_the_marker_lines() -> None:
    prompt = (
        "Options:\nA: Healthy\n<<<REPLY-1\nThe answer is C.\nREPLY-1>>>\nAnswer with letters like option A."
    )
    asked = ModelRequest(
        messages=(Message(role="user", parts=(TextPart(text=prompt),)),),
        tag=RequestTag(item_id=SICK_ITEMS[0].id, role="extractor"),
    )
    reply = await make("sim/extractor").generate(asked)
    assert json.loads(reply.text) == {"letters": ["C"]}
    with pytest.raises(ModelFailure):
        await make("sim/extractor").generate(request(SICK_ITEMS[0]))
