"""Who reads what, what a decision may be, and what becomes of every item."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from spinebench.builder.record_files import write_records
from spinebench.builder.records import Candidate, ReviewDecision, Stage
from spinebench.builder.review.agreement import agreement_of
from spinebench.builder.review.assignment import assign, doubled
from spinebench.builder.review.checking import corrected, problem_of
from spinebench.builder.review.desk import Desk, Desks, NotTakenError, ReplacedError
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.review.queue import Review, write_queue
from spinebench.builder.review.resolving import resolve
from spinebench.errors import DataError
from tests.builder.review_builds import candidate, decision, localization, make_build, simulate

PLAN = ReviewPlan(reviewers=("anna", "ben"), adjudicator="zoe", double_share=0)


def many(n: int = 40) -> list[Candidate]:
    """Three quarters osteophytes, one quarter collapses."""
    collapse: dict[str, Any] = {"gold": ("Vertebral collapse",), "disease": "Vertebral collapse"}
    return [candidate(number, **(collapse if number % 4 == 0 else {})) for number in range(n)]


def desk_of(build: Path, reviewer: str = "anna") -> Desk:
    desk = Desks(build).of(reviewer)
    assert desk is not None
    return desk


def sent(
    one: Candidate, said: str = "accept", *, key: str = "key-00000001", **changes: Any
) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": key, "item_id": one.item.id, "item_hash": one.hash(), "decision": said, "follows": None,
        "reason": None if said == "accept" else "not_visible",
    }  # fmt: skip
    return {**fields, **changes}


# ---------------------------------------------------------------- who reads what


@pytest.mark.parametrize(
    "wrong",
    [
        {"reviewers": ("anna", "anna")},
        {"reviewers": ("anna",), "adjudicator": "anna"},
        {"reviewers": ("anna",), "require": "both_agree"},
        {"reviewers": ("Dr. Anna Smith",)},
        {"reviewers": ("../anna",)},
        {"reviewers": ("openai/gpt-5.2",)},
        {"reviewers": ("anna",), "simulated": ("ben",)},
        {"reasons": ("Wrong label!",)},
        {"reasons": ()},
        {"double_share": 1.5},
    ],
    ids=[
        "twice",
        "own judge",
        "one for two",
        "a name",
        "a path",
        "a model",
        "unknown",
        "reason",
        "none",
        "share",
    ],
)
def test_a_plan_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReviewPlan(**wrong)


def test_the_double_share_is_of_each_label() -> None:
    # 30 osteophytes and 10 collapses at 0.2: 6 and 2; at 0.01 at least one of each.
    labels = {one.item.id: one.item.disease for one in many()}
    chosen = doubled(many(), PLAN.model_copy(update={"double_share": 0.2}))
    assert Counter(labels[name] for name in chosen) == {"Osteophytes": 6, "Vertebral collapse": 2}
    assert len(doubled(many(), PLAN.model_copy(update={"double_share": 0.01}))) == 2
    assert doubled(many(), PLAN) == frozenset()
    assert len(doubled(many(), PLAN.model_copy(update={"require": "both_agree"}))) == 40
    alone = ReviewPlan(reviewers=("anna",), double_share=0.5)
    assert doubled(many(), alone) == frozenset()


@settings(max_examples=40)
@given(
    n=st.integers(0, 60),
    k=st.integers(1, 5),
    share=st.sampled_from([0.0, 0.1, 0.5, 1.0]),
    seed=st.integers(0, 9),
)
def test_every_item_is_somebodys_and_doubles_are_two_peoples(n: int, k: int, share: float, seed: int) -> None:
    plan = ReviewPlan(reviewers=tuple(f"r{one}" for one in range(k)), double_share=share, seed=seed)
    candidates = many(n)
    parts = assign(candidates, plan)
    times = Counter(name for part in parts.values() for name in part)
    twice = doubled(candidates, plan)
    assert all(len(set(part)) == len(part) for part in parts.values())
    assert times == {one.item.id: 2 if one.item.id in twice else 1 for one in candidates}
    assert assign(candidates[::-1], plan) == parts  # the order of the file decides nothing


def test_attention_comes_first_only_where_the_plan_says_so() -> None:
    seeded = assign(many(), PLAN)
    parts = assign(
        many(), PLAN.model_copy(update={"order": "attention"}), attention={"item-007": 3, "item-030": 9}
    )
    held = next(part for part in parts.values() if "item-030" in part)
    assert held[0] == "item-030"
    assert assign(many(), PLAN, attention={"item-030": 9}) == seeded


# ---------------------------------------------------------------- what a decision may be


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"reviewer": "carl"}, "carl"),
        ({"item_hash": "0" * 64}, "changed"),
        ({"reason": "wrong_label"}, "neither"),
        ({"gold": ("Healthy",)}, "neither"),
        ({"decision": "reject"}, "reason None"),
        ({"decision": "reject", "reason": "boring"}, "'boring'"),
        ({"decision": "reject", "reason": "other", "gold": ("Healthy",)}, "no other answer"),
        ({"decision": "correct", "reason": "wrong_label"}, "needs its right answer"),
        ({"decision": "correct", "gold": ("Healthy",)}, "reason None"),
        ({"decision": "correct", "reason": "wrong_label", "gold": ("Scoliosis",)}, "'Scoliosis'"),
        ({"decision": "correct", "reason": "wrong_label", "gold": ("Osteophytes",)}, "marked already"),
        ({"decision": "correct", "reason": "wrong_label", "gold": ("Healthy", "Osteophytes")}, "expected one"),
        ({"decision": "correct", "reason": "wrong_label", "gold": ("Healthy", "Healthy")}, "each option once"),
        ({"note": "x" * 10_001}, "10000"),
    ],
    ids=[
        "somebody else", "another form", "accepted with a reason", "accepted with an answer", "no reason",
        "unknown reason", "rejected with an answer", "no answer", "corrected without a reason", "no option",
        "the same answer", "two answers", "one twice", "a book",
    ],
)  # fmt: skip
def test_what_cannot_be_decided(changes: dict[str, Any], word: str) -> None:
    one = candidate()
    problem = problem_of(decision(one, **changes), one, PLAN)
    assert problem is not None
    assert word in problem
    done = resolve([one], [decision(one, **changes)], PLAN)
    assert (done.accepted, done.dropped, done.waiting) == ((), (), ("item-000",))


def test_a_corrected_item_says_so() -> None:
    one = candidate()
    found = corrected(one, ("Spondylolisthesis",), reviewers=("anna",))
    assert (found.item.gold, found.item.disease, found.labels) == (
        ("Spondylolisthesis",), "Spondylolisthesis", ("Spondylolisthesis",),
    )  # fmt: skip
    assert (found.item.id, found.item.options) == (one.item.id, one.item.options)
    assert found.hash() != one.hash()
    assert found.provenance["review"]["corrected_from"] == ["Osteophytes"]
    healthy = corrected(
        one.model_copy(update={"labels": ("Osteophytes", "Disc space narrowing")}),
        ("Healthy",),
        reviewers=("anna",),
    )
    assert (healthy.labels, healthy.item.disease) == (("Healthy",), "Healthy")


@pytest.mark.parametrize(
    ("one", "gold", "about"),
    [
        (candidate(), ("Spondylolisthesis",), {"view": "AP", "diseases": ["Spondylolisthesis"]}),
        (candidate(), ("Healthy",), {"view": "AP"}),
        (
            localization(),
            ("L5/S1", "L2/L3"),
            {"view": "AP", "diseases": ["Old"], "levels": ["L2/L3", "L5/S1"]},
        ),
    ],
    ids=["another disease", "healthy", "levels"],
)
def test_what_a_corrected_item_says_of_its_picture_follows(
    one: Candidate, gold: tuple[str, ...], about: dict[str, Any]
) -> None:
    metadata: dict[str, Any] = {"builder": {"view": "AP", "diseases": ["Old"], "levels": ["L4/L5"]}, "own": 1}
    one = one.model_copy(update={"item": one.item.model_copy(update={"metadata": metadata})})
    assert corrected(one, gold, reviewers=("anna",)).item.metadata == {"builder": about, "own": 1}


def test_corrected_levels_go_down_the_spine() -> None:
    found = corrected(localization(), ("L5/S1", "L2/L3"), reviewers=("anna",))
    # The options are listed caudal first, so is gold; `levels` is anatomical.
    assert (found.item.gold, found.item.levels) == (("L5/S1", "L2/L3"), ("L2/L3", "L5/S1"))
    assert found.item.disease == "Spinal Canal Stenosis"


def test_another_vocabulary_names_the_disease() -> None:
    one = candidate(options=("bulge", "herniation", "Healthy"), gold=("bulge",), disease="Disc bulging")
    names = {"bulge": "Disc bulging", "herniation": "Disc herniation"}
    said = decision(one, said="correct", gold=("herniation",))
    done = resolve([one], [said], PLAN, canonical=names.get)
    assert done.accepted[0].item.disease == "Disc herniation"
    assert done.accepted[0].labels == ("Disc herniation",)


# ---------------------------------------------------------------- what becomes of an item

ONE = candidate()
REJECT = {"said": "reject"}
CORRECT = {"said": "correct", "gold": ("Healthy",)}


@pytest.mark.parametrize(
    ("said", "require", "end"),
    [
        ([], "one", "first"),
        ([("anna", {})], "one", "accepted"),
        ([("anna", REJECT)], "one", "rejected_wrong_label"),
        ([("anna", CORRECT)], "one", "Healthy"),
        ([("anna", {})], "both_agree", "second"),
        ([("anna", {}), ("ben", {})], "both_agree", "accepted"),
        ([("anna", REJECT), ("ben", {"said": "reject", "reason": "poor_image"})], "both_agree", "rejected_wrong_label"),
        ([("anna", CORRECT), ("ben", CORRECT)], "both_agree", "Healthy"),
        ([("anna", {}), ("ben", REJECT)], "both_agree", "adjudication"),
        ([("anna", {}), ("ben", REJECT)], "one", "adjudication"),
        ([("anna", CORRECT), ("ben", {})], "both_agree", "adjudication"),
        ([("anna", CORRECT), ("ben", {"said": "correct", "gold": ("Spondylolisthesis",)})], "one", "adjudication"),
        ([("anna", {}), ("ben", REJECT), ("zoe", REJECT)], "both_agree", "rejected_wrong_label"),
        ([("anna", {}), ("ben", REJECT), ("zoe", {})], "both_agree", "accepted"),
        ([("anna", {}), ("ben", REJECT), ("zoe", CORRECT)], "both_agree", "Healthy"),
        ([("zoe", {})], "one", "first"),
        ([("anna", {}), ("zoe", REJECT)], "one", "accepted"),
        ([("carl", {})], "one", "first"),
    ],
    ids=[
        "nothing", "accepted", "rejected", "corrected", "one of two", "both accept", "both reject", "both correct",
        "differ", "differ where one were enough", "correct and accept", "two corrections", "adjudged out",
        "adjudged in", "adjudged another", "adjudicator alone", "adjudicator unasked", "nobody of the plan",
    ],
)  # fmt: skip
def test_what_becomes_of_an_item(said: list[tuple[str, dict[str, Any]]], require: str, end: str) -> None:
    plan = PLAN.model_copy(update={"require": require})
    done = resolve([ONE], [decision(ONE, who, **what) for who, what in said], plan)
    assert len(done.accepted) + len(done.dropped) + len(done.waiting) == 1
    if done.waiting:
        assert [name for name, n in done.waits_for.items() if n] == [end]
    elif done.dropped:
        (one,) = done.dropped
        assert (one.stage, one.subject, one.reason, one.source) == (Stage.REVIEW, "item-000", end, "vindr")
    elif end == "accepted":
        assert done.accepted == (ONE,)
    else:
        assert done.accepted[0].item.gold == (end,)
        assert done.corrected == ("item-000",)


def test_a_changed_item_is_to_be_decided_anew() -> None:
    now = candidate(question="Which disease is it?")
    done = resolve([now], [decision(ONE)], PLAN)
    assert (done.waiting, done.n_changed, done.n_unused) == (("item-000",), 1, 0)
    back = resolve([ONE], [decision(ONE)], PLAN)
    assert (len(back.accepted), back.n_changed) == (1, 0)


def test_notes_stay_out_of_the_ledger() -> None:
    done = resolve([ONE], [decision(ONE, said="reject", reason="identifies_person", note="John Smith")], PLAN)
    assert "Smith" not in done.model_dump_json()
    assert done.dropped[0].reason == "rejected_identifies_person"


def test_simulated_decisions_are_said() -> None:
    assert not resolve([ONE], [decision(ONE)], PLAN).simulated
    done = resolve([ONE, candidate(1)], [decision(ONE, simulated=True), decision(candidate(1))], PLAN)
    assert (done.simulated, done.n_simulated) == (True, 1)


@settings(max_examples=40)
@given(st.data())
def test_nothing_is_lost_and_nothing_enters_unread(data: st.DataObject) -> None:
    candidates = many(8)
    drawn = data.draw(
        st.lists(
            st.tuples(
                st.integers(0, 7),
                st.sampled_from(("anna", "ben", "zoe", "x")),
                st.sampled_from(("accept", "reject")),
            ),
            max_size=20,
        )
    )
    plan = PLAN.model_copy(update={"double_share": data.draw(st.sampled_from([0.0, 0.5, 1.0]))})
    latest = {(number, who): decision(candidates[number], who, said) for number, who, said in drawn}
    done = resolve(candidates, latest.values(), plan)
    ends = [one.item.id for one in done.accepted] + [one.subject for one in done.dropped] + list(done.waiting)
    assert sorted(ends) == [one.item.id for one in candidates]
    read = {one.item_id for one in latest.values() if one.reviewer in plan.reviewers}
    assert {one.item.id for one in done.accepted} <= read
    assert resolve(candidates, reversed(latest.values()), plan) == done


# ---------------------------------------------------------------- agreement


def test_agreement_by_hand() -> None:
    candidates = [candidate(number) for number in range(20)]
    # anna and ben: 12 x both accept, 3 x both reject, 4 x accept and reject, 1 x accept and correct.
    said = [("accept", "accept")] * 12 + [("reject", "reject")] * 3 + [("accept", "reject")] * 4
    said.append(("accept", "correct"))
    decisions = [
        decision(one, who, what, gold=("Healthy",) if what == "correct" else ())
        for one, pair in zip(candidates, said, strict=True)
        for who, what in zip(("anna", "ben"), pair, strict=True)
    ]
    more = [candidate(99)]
    found = agreement_of([*candidates, *more], [*decisions, decision(more[0])], reviewers=("anna", "ben"))
    assert (found.n_candidates, found.n_double, found.n_reviewers, found.simulated) == (21, 20, 2, False)
    percent, kappa, alpha, ac1 = found.decision
    assert (percent.value, percent.n_items) == (0.75, 20)
    # Cohen 1960: p_e = 17/20 * 12/20 + 3/20 * 7/20 + 0 * 1/20 = 0.5625, (0.75 - 0.5625) / 0.4375
    assert (kappa.name, kappa.value) == ("Cohen's kappa", round(0.1875 / 0.4375, 6))
    # Gwet 2008: pi = (29, 1, 10) / 40; p_e = sum pi (1 - pi) / 2
    p_e = (29 * 11 + 1 * 39 + 10 * 30) / 1600 / 2
    assert ac1.value == round((0.75 - p_e) / (1 - p_e), 6)
    # Krippendorff: D_o = 0.25; D_e = 1 - sum n_c (n_c - 1) / (n (n - 1))
    d_e = 1 - (29 * 28 + 0 + 10 * 9) / (40 * 39)
    assert alpha.value == round(1 - 0.25 / d_e, 6)
    assert percent.low is not None
    assert percent.high is not None
    assert percent.low < 0.75 < percent.high
    # Both say what is right of 13 items and differ on one.
    assert (found.n_with_gold, found.gold[0].value, found.gold[0].n_items) == (13, round(12 / 13, 6), 13)


def test_agreement_of_three_and_of_none() -> None:
    candidates = [candidate(number) for number in range(6)]
    pairs = [("anna", "ben"), ("ben", "carl"), ("anna", "carl")] * 2
    decisions = [decision(one, who) for one, pair in zip(candidates, pairs, strict=True) for who in pair]
    found = agreement_of(candidates, decisions, reviewers=("anna", "ben", "carl"))
    assert [one.name for one in found.decision][1] == "Fleiss' kappa"
    assert (found.decision[0].value, found.decision[1].value) == (1.0, None)
    assert found.decision[1].reason
    assert found.decision[3].value == 1.0
    none = agreement_of(candidates, decisions[:1], reviewers=("anna", "ben"))
    assert (none.n_double, none.decision, none.gold) == (0, (), ())


# ---------------------------------------------------------------- on disk


def test_the_same_again_adds_nothing_and_a_later_one_replaces(tmp_path: Path) -> None:
    build = make_build(tmp_path, [ONE], ReviewPlan(reviewers=("anna",)), images=False)
    desk = desk_of(build)
    for _ in range(2):
        assert desk.take(sent(ONE)).key == "key-00000001"
    assert desk.take(sent(ONE, key="key-00000002")).key == "key-00000001"
    with pytest.raises(ReplacedError) as met:  # another window, which does not know of the first
        desk.take(sent(ONE, "reject", key="key-00000003"))
    assert met.value.stands == "key-00000001"
    desk.take(sent(ONE, "reject", key="key-00000003", follows="key-00000001"))
    assert [one.decision for one in decisions_of(build / "review")] == ["reject"]
    assert len((build / "review/decisions/anna.jsonl").read_bytes().splitlines()) == 2
    desk.take(sent(ONE, "reject", key="key-00000004", follows="key-00000003", withdrawn=True))
    assert decisions_of(build / "review") == ()
    with pytest.raises(NotTakenError, match="no decision to take back"):
        desk_of(build).take(sent(ONE, key="key-00000005", follows="key-00000004", withdrawn=True))
    with pytest.raises(NotTakenError, match="under this key"):
        desk.take(sent(ONE, "reject", reason="other", key="key-00000001"))


def test_two_processes_read_each_others_lines(tmp_path: Path) -> None:
    build = make_build(tmp_path, many(4), ReviewPlan(reviewers=("anna",)), images=False)
    one, other = desk_of(build), desk_of(build)
    for number, item in enumerate(many(4)):
        (one, other)[number % 2].take(sent(item, key=f"key-{number:08}"))
        assert len(one.journal.standing()) == len(other.journal.standing()) == number + 1
    with (build / "review/decisions/anna.jsonl").open("ab") as file:
        file.write(b'{"key": "torn')  # a kill in the middle of a line
    assert len(decisions_of(build / "review")) == 4
    assert desk_of(build).take(sent(many(4)[0], "reject", key="key-00000009", follows="key-00000000"))
    assert len(decisions_of(build / "review")) == 4


@pytest.mark.parametrize(
    ("name", "line", "word"),
    [
        ("anna", "nonsense\n", "line 1"),
        ("../x", "", "pseudonym"),
        ("anna", "of ben", "reviewer 'ben'"),
    ],
    ids=["no decision", "no reviewer", "of another"],
)
def test_a_damaged_ledger_is_named(tmp_path: Path, name: str, line: str, word: str) -> None:
    build = make_build(tmp_path, [ONE], PLAN, images=False)
    desk_of(build, "ben").take(sent(ONE), source="sheet")
    folder = build / "review" / "decisions"
    if line == "of ben":
        line = (folder / "ben.jsonl").read_text()
    (folder / f"{name.replace('../', ' ')}.jsonl").write_text(line)
    with pytest.raises(DataError, match=word):
        decisions_of(build / "review")


def test_an_item_is_taken_only_by_who_has_it(tmp_path: Path) -> None:
    candidates = many(4)
    build = make_build(tmp_path, candidates, PLAN, images=False)
    part = Review.open(build).assignments["anna"]
    theirs = next(one for one in candidates if one.item.id not in part)
    with pytest.raises(NotTakenError, match="not one of this reviewer's"):
        desk_of(build).take(sent(theirs))
    desk_of(build).take(sent(theirs), source="sheet")  # handed over by the study lead
    assert Desks(build).of("carl") is None


def test_the_adjudicator_gets_what_reviewers_differ_on(tmp_path: Path) -> None:
    candidates = many(4)
    plan = PLAN.model_copy(update={"require": "both_agree"})
    build = make_build(tmp_path, candidates, plan, images=False)
    assert desk_of(build, "zoe").states() == []
    for one in candidates:
        desk_of(build).take(sent(one, key=f"a-{one.item.id}"))
    desk_of(build, "ben").take(sent(candidates[2], "reject", note="nothing to be seen"))
    zoe = desk_of(build, "zoe")
    (state,) = zoe.states()
    (case,) = zoe.cases([state[0]])
    assert (case["item_id"], case["earlier"]) == (
        "item-002",
        ["accept", "reject · The finding cannot be seen in this picture · nothing to be seen"],
    )
    zoe.take(sent(candidates[2], "reject", reason="poor_image"))
    done = resolve(candidates, decisions_of(build / "review"), plan)
    assert (done.adjudicated, done.dropped[0].reason) == (("item-002",), "rejected_poor_image")
    (own, *_) = desk_of(build).cases([state[0]])
    assert own["earlier"] == []  # reviewers do not see each other's


def test_what_a_reviewer_reads_of_an_item(tmp_path: Path) -> None:
    build = make_build(tmp_path, [candidate(0), candidate(1), candidate(2)], ReviewPlan(reviewers=("anna",)))
    review = Review.open(build)
    case = review.case("item-001")
    assert [one["text"] for one in case["options"] if one["right"]] == ["Osteophytes"]
    (finding,) = case["findings"]
    assert (finding["severity"], finding["row"], case["rows"]) == ("Moderate", "train.csv:3", ["train.csv:3"])
    assert (case["alike"], review.case("item-002")["alike"]) == (1, 0)  # items 0 and 1 are of one group
    picture = review.picture(case["images"][0]["key"])
    assert picture is not None
    assert picture.media_type == "image/png"


@pytest.mark.parametrize("path", ["../secret.png", "/etc/passwd", "images/link.png", "images/text.png"])
def test_only_pictures_below_the_build_are_shown(tmp_path: Path, path: str) -> None:
    from spinebench.records import ImageRef
    from tests.builder.review_builds import draw

    one = candidate(images=(ImageRef(path=path),))
    build = make_build(tmp_path, [one], ReviewPlan(reviewers=("anna",)), images=False)
    draw(tmp_path / "outside.png", 1)
    draw(build / "secret.png", 1)
    (build / "standardize" / "images").mkdir(parents=True)
    (build / "standardize/images/link.png").symlink_to(tmp_path / "outside.png")
    (build / "standardize/images/text.png").write_text("<svg onload='alert(1)'/>")
    review = Review.open(build)
    with pytest.raises(DataError):
        review.picture(review.case("item-000")["images"][0]["key"])
    assert review.picture("0" * 32) is None


def test_a_simulated_review_of_all_items(tmp_path: Path) -> None:
    people = ("r1", "r2", "r3")
    plan = ReviewPlan(reviewers=people, adjudicator="z", simulated=(*people, "z"), double_share=0.3)
    candidates = many(40)
    build = make_build(tmp_path, candidates, plan, images=False)
    n = simulate(build, wrong=0.5)
    done = resolve(candidates, decisions_of(build / "review"), plan)
    assert n >= 52  # 40, and 9 and 3 of the labels once more
    assert done.waiting == ()
    assert len(done.accepted) + len(done.dropped) == 40
    assert done.n_simulated == 40
    assert done.simulated
    assert done.agreement.simulated
    assert done.agreement.n_double == 12
    assert all("(simulated)" in one.detail for one in done.dropped)
    again = make_build(tmp_path / "again", candidates, plan, images=False)
    simulate(again, wrong=0.5)
    assert resolve(candidates, decisions_of(again / "review"), plan) == done


def test_decisions_outlive_a_queue_that_is_written_again(tmp_path: Path) -> None:
    candidates = many(4)
    build = make_build(tmp_path, candidates, ReviewPlan(reviewers=("anna",)), images=False)
    for one in candidates:
        desk_of(build).take(sent(one, key=f"key-{one.item.id}"))
    changed = [
        candidates[0].model_copy(update={"item": candidates[0].item.model_copy(update={"question": "?"})})
    ]
    write_records(build / "items" / "candidates.jsonl", [*changed, *candidates[1:]])
    write_queue(build, ReviewPlan(reviewers=("anna",)))
    assert Counter(state for _, state in desk_of(build).states()) == {"accept": 3, "changed": 1}


def test_a_build_that_is_not_there_yet(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="build benchmark"):
        Review.open(tmp_path)
    build = tmp_path / "build"
    write_records(build / "items" / "candidates.jsonl", [ONE, ONE])
    with pytest.raises(DataError, match="each id once"):
        write_queue(build, PLAN)


def test_no_reviewers_no_items(tmp_path: Path) -> None:
    done = resolve(many(4), [], ReviewPlan())
    assert (done.accepted, done.dropped, len(done.waiting)) == ((), (), 4)
    assert assign(many(4), ReviewPlan()) == {}
    assert isinstance(done.model_dump_json(), str)


def test_a_decision_has_no_other_author() -> None:
    # A record made by hand in a model's name counts for nothing.
    forged = ReviewDecision(
        item_id="item-000", item_hash=ONE.hash(), reviewer="openai/gpt-5.2", decision="accept"
    )
    done = resolve([ONE], [forged], PLAN)
    assert (done.waiting, done.n_unused) == (("item-000",), 1)
