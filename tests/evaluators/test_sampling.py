from __future__ import annotations

import hashlib
from collections import Counter, defaultdict

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spinebench.audit_records import FrameTrace, SampleMode, Split, StrataBy
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.sampling import (
    allot,
    draw,
    frame_hash,
    permanent_number,
    split_of,
    stratum_of,
    verify,
)
from spinebench.records import Task

MODES = list(SampleMode)


def trace(
    name: str,
    *,
    model: str = "sim/a",
    image: str | None = None,
    correct: bool = True,
    task: Task = Task.DIAGNOSIS,
    outcome: str | None = None,
) -> FrameTrace:
    return FrameTrace(
        trace_id=name,
        run_id=name.partition("/")[0],
        model=model,
        task=task,
        item_id=image or name,
        image=image or name,
        cluster=image or name,
        correct=correct,
        outcome=outcome or ("correct_disease" if correct else "disease_missed"),
        text_sha256=hashlib.sha256(name.encode()).hexdigest(),
    )


def crossed(
    n_images: int, models: tuple[str, ...] = ("sim/a", "sim/b"), *, wrong: int = 4
) -> list[FrameTrace]:
    """Every model answers every image; model k gets each image wrong whose number is k modulo `wrong`."""
    return [
        trace(f"r/{model}-{image}", model=model, image=f"image {image}", correct=(image + k) % wrong != 0)
        for k, model in enumerate(models)
        for image in range(n_images)
    ]


def ids(sample_picks: object) -> set[str]:
    assert isinstance(sample_picks, tuple)
    return {pick.trace.trace_id for pick in sample_picks}


def test_the_permanent_number_is_the_recipe() -> None:
    # printf '7|run-1/abc' | sha256sum | cut -c1-13, as hexadecimal, over 2^52
    digest = hashlib.sha256(b"7|run-1/abc").hexdigest()
    assert permanent_number(7, "run-1/abc") == int(digest[:13], 16) / 4503599627370496
    assert (
        permanent_number(0, "wörter") == int(hashlib.sha256("0|wörter".encode()).hexdigest()[:13], 16) / 2**52
    )


@pytest.mark.parametrize(
    ("n", "sizes", "expected"),
    [
        pytest.param(10, {"right": 800, "wrong": 200}, {"right": 5, "wrong": 5}, id="equal parts"),
        pytest.param(
            5, {"right": 800, "wrong": 200}, {"right": 3, "wrong": 2}, id="the odd one to the larger"
        ),
        pytest.param(10, {"right": 98, "wrong": 2}, {"right": 8, "wrong": 2}, id="a small stratum whole"),
        pytest.param(
            2, {"a": 5, "b": 9, "c": 1}, {"a": 1, "b": 1, "c": 0}, id="too few for all: larger first"
        ),
        pytest.param(3, {"a": 5, "b": 9, "c": 1}, {"a": 1, "b": 1, "c": 1}, id="one from each"),
        pytest.param(1, {"b": 4, "a": 4}, {"b": 0, "a": 1}, id="a tie by name"),
        pytest.param(99, {"a": 5, "b": 9}, {"a": 5, "b": 9}, id="all there are"),
        pytest.param(3, {}, {}, id="nothing there"),
    ],
)
def test_allotment(n: int, sizes: dict[str, int], expected: dict[str, int]) -> None:
    assert allot(n, sizes) == expected


@given(
    sizes=st.dictionaries(st.sampled_from("abcdef"), st.integers(1, 12), min_size=1),
    n=st.integers(0, 60),
)
def test_allotment_takes_nothing_back(sizes: dict[str, int], n: int) -> None:
    now, then = allot(n, sizes), allot(n + 1, sizes)
    assert sum(now.values()) == min(n, sum(sizes.values()))
    assert all(now[name] <= then[name] <= sizes[name] for name in sizes)
    if n >= len(sizes):
        assert all(now.values())


@pytest.mark.parametrize("mode", MODES)
def test_a_cell_gets_what_was_asked_for(mode: SampleMode) -> None:
    sample = draw(crossed(100), seed=3, mode=mode, per_cell=10)
    per_model = Counter(pick.trace.model for pick in sample.picks)
    assert per_model == {"sim/a": 10, "sim/b": 10}
    assert not sample.warnings
    assert sum(stratum.n_drawn for stratum in sample.spec.strata) == 20
    assert sum(stratum.n_frame for stratum in sample.spec.strata) == sample.spec.n_frame == 200


def test_specific_draws_equal_parts_by_the_smallest_numbers() -> None:
    frame = crossed(100)
    sample = draw(frame, seed=3, mode=SampleMode.SPECIFIC, per_cell=10)
    wrong = [one for one in frame if one.model == "sim/a" and not one.correct]
    expected = sorted(wrong, key=lambda one: permanent_number(3, one.trace_id))[:5]
    picks = [pick for pick in sample.picks if pick.stratum == "diagnosis/sim/a/incorrect"]
    assert {pick.trace.trace_id for pick in picks} == {one.trace_id for one in expected}
    assert {(pick.probability, pick.by) for pick in picks} == {(5 / 25, "specific")}
    assert all(pick.u == permanent_number(3, pick.trace.trace_id) for pick in picks)


def test_common_shows_all_models_the_same_images() -> None:
    frame = crossed(50, ("a", "b", "c"))
    sample = draw(frame, seed=1, mode=SampleMode.COMMON, per_cell=7)
    images = defaultdict(set)
    for pick in sample.picks:
        images[pick.trace.model].add(pick.trace.image)
        assert pick.probability == 7 / 50
        assert pick.u == permanent_number(1, pick.trace.image)
    assert len(set(map(frozenset, images.values()))) == 1
    assert len(images["a"]) == 7


def test_common_leaves_out_images_that_a_model_has_not_answered_and_says_so() -> None:
    frame = crossed(20)
    frame = [one for one in frame if one.trace_id not in {"r/sim/b-0", "r/sim/b-1"}]
    sample = draw(frame, seed=1, mode=SampleMode.COMMON, per_cell=18)
    assert {pick.trace.image for pick in sample.picks} == {f"image {n}" for n in range(2, 20)}
    assert sample.warnings == (
        "diagnosis/sim/a: traces without a chance to be drawn: 1 of 15 diagnosis/sim/a/correct, 1 of 5 "
        "diagnosis/sim/a/incorrect (too few picks for all strata, not every model has their image, or another "
        "trace stands for it); estimates speak for the others alone",
    )


def test_common_without_a_common_image_is_refused() -> None:
    frame = [trace("r/1", model="a"), trace("r/2", model="b")]
    with pytest.raises(UsageError, match=r"every model has a trace.*specific"):
        draw(frame, seed=1, mode=SampleMode.COMMON)
    sample = draw(frame, seed=1, mode=SampleMode.MIXED)
    assert len(sample.picks) == 2
    assert "no image is common" in sample.warnings[0]


def test_mixed_is_half_common() -> None:
    sample = draw(crossed(200), seed=5, mode=SampleMode.MIXED, per_cell=11)
    by = Counter((pick.trace.model, pick.by) for pick in sample.picks)
    assert by == {
        ("sim/a", "common"): 5,
        ("sim/a", "specific"): 6,
        ("sim/b", "common"): 5,
        ("sim/b", "specific"): 6,
    }
    common = defaultdict(set)
    for pick in sample.picks:
        if pick.by == "common":
            common[pick.trace.model].add(pick.trace.image)
    assert common["sim/a"] == common["sim/b"]


# ---------------------------------------------------------------- probabilities


def epochs(frame: list[FrameTrace], n: int) -> list[FrameTrace]:
    """Each trace n times over, as from epochs; the later ones are wrong."""
    return [
        one.model_copy(update={"trace_id": f"{one.trace_id}-{epoch}", "correct": one.correct and epoch == 0})
        for one in frame
        for epoch in range(n)
    ]


FRAMES = {
    "balanced": crossed(12, wrong=2),
    "a tiny stratum": crossed(12, wrong=6),
    "one model": crossed(9, ("a",), wrong=3),
    "one trace wrong": crossed(10, ("a",), wrong=10),
    "epochs": epochs(crossed(6, wrong=3), 3),
    "incomplete": [one for n, one in enumerate(crossed(12, wrong=3)) if n % 5],
    "two tasks": [*crossed(8), *(
        one.model_copy(update={"trace_id": one.trace_id + "l", "task": Task.LOCALIZATION}) for one in crossed(8)
    )],
}  # fmt: skip


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)
def test_stored_probabilities_are_how_often_a_trace_is_drawn(
    frame: list[FrameTrace], mode: SampleMode
) -> None:
    """Over 700 seeds every trace comes as often as its stored probability says, within 4.6 standard errors
    (two-sided 4e-6 each, some 700 comparisons), and that probability never depends on the seed."""
    n_seeds = 700
    drawn: Counter[str] = Counter()
    stored: dict[str, float] = {}
    for seed in range(n_seeds):
        for pick in draw(frame, seed=seed, mode=mode, per_cell=5).picks:
            drawn[pick.trace.trace_id] += 1
            assert stored.setdefault(pick.trace.trace_id, pick.probability) == pick.probability
    for name, p in stored.items():
        error = (p * (1 - p) / n_seeds) ** 0.5
        assert abs(drawn[name] / n_seeds - p) <= 4.6 * error + 1e-12, (name, p, drawn[name] / n_seeds)
    never = {one.trace_id for one in frame} - stored.keys()
    assert not never or mode is SampleMode.COMMON


def test_mixed_probability_by_hand() -> None:
    # 4 images, one model, 2 right (A, B) and 2 wrong (C, D); per_cell 3: 1 common, 2 specific (one of each).
    # A: common with 1/4. Else (3/4) the common one is B (1/3: A is taken for sure) or C or D (2/3: 1 of 2).
    # P(A) = 1/4 + 3/4 (1/3 + 2/3 * 1/2) = 1/4 + 3/4 * 2/3 = 3/4. So too for the others: 4 * 3/4 = 3 expected.
    frame = [trace(f"r/{name}", correct=name in "AB") for name in "ABCD"]
    sample = draw(frame, seed=0, mode=SampleMode.MIXED, per_cell=3)
    assert [pick.probability for pick in sample.picks] == pytest.approx([0.75] * 3, abs=1e-15)


# ---------------------------------------------------------------- extension, verification, splits


@st.composite
def frames(draw_from: st.DrawFn) -> list[FrameTrace]:
    models = draw_from(st.sampled_from([("a",), ("a", "b"), ("a", "b", "c/d")]))
    n = draw_from(st.integers(1, 14))
    found = []
    for number in range(n):
        for model in models:
            for epoch in range(draw_from(st.integers(0, 2))):
                outcome = draw_from(st.sampled_from(["correct_disease", "disease_missed", "not_answered"]))
                found.append(
                    trace(
                        f"r/{model}-{number}-{epoch}", model=model, image=f"i{number % 9}",
                        correct=outcome == "correct_disease", outcome=outcome,
                    )
                )  # fmt: skip
    return found or [trace("r/only")]


@settings(max_examples=150)
@given(
    frame=frames(), seed=st.integers(-5, 5), n=st.integers(1, 12), mode=st.sampled_from(MODES),
    strata_by=st.sampled_from(list(StrataBy)), share=st.sampled_from([0.0, 0.3]),
)  # fmt: skip
def test_a_larger_sample_keeps_every_earlier_pick(
    frame: list[FrameTrace], seed: int, n: int, mode: SampleMode, strata_by: StrataBy, share: float
) -> None:
    try:
        now = draw(frame, seed=seed, mode=mode, strata_by=strata_by, per_cell=n, tuning_share=share)
    except UsageError:
        assert mode is SampleMode.COMMON
        return
    then = draw(frame, seed=seed, mode=mode, strata_by=strata_by, per_cell=n + 1, tuning_share=share)
    assert {(pick.trace.trace_id, pick.split) for pick in now.picks} <= {
        (pick.trace.trace_id, pick.split) for pick in then.picks
    }
    assert len(ids(now.picks)) == len(now.picks)
    tuning = {pick.trace.image for pick in now.picks if pick.split is Split.TUNING}
    assert not tuning & {pick.trace.image for pick in now.picks if pick.split is Split.VALIDATION}
    cells = Counter(
        (pick.trace.model, pick.trace.task) for pick in now.picks if pick.split is Split.VALIDATION
    )
    assert max(cells.values(), default=0) <= n
    assert verify(frame[::-1], now.spec, now.picks) == []


@pytest.mark.parametrize("mode", [SampleMode.SPECIFIC, SampleMode.MIXED])
def test_a_small_cell_is_taken_whole(mode: SampleMode) -> None:
    sample = draw(crossed(4), seed=0, mode=mode, per_cell=10)
    assert len(sample.picks) == 8
    assert {(pick.by, pick.probability) for pick in sample.picks} == {("all", 1.0)}
    assert sample.warnings == tuple(
        f"diagnosis/{model}: 4 traces instead of 10; the cell holds 4" for model in ("sim/a", "sim/b")
    )


def test_fewer_traces_than_strata_is_said() -> None:
    sample = draw(crossed(9, ("a",), wrong=3), seed=0, mode=SampleMode.SPECIFIC, per_cell=1)
    assert [pick.stratum for pick in sample.picks] == ["diagnosis/a/correct"]
    assert "without a chance to be drawn: 3 of 3 diagnosis/a/incorrect (" in sample.warnings[0]


def test_the_order_of_the_frame_does_not_matter() -> None:
    frame = crossed(30)
    assert draw(frame, seed=2) == draw(frame[::-1], seed=2)
    assert ids(draw(frame, seed=2).picks) != ids(draw(frame, seed=3).picks)


def test_frame_hash_is_over_sorted_lines() -> None:
    frame = [trace("r/2", correct=False), trace("r/1")]
    lines = [
        f"r/1|{frame[1].text_sha256}|diagnosis/sim/a/correct",
        f"r/2|{frame[0].text_sha256}|diagnosis/sim/a/incorrect",
    ]
    assert (
        frame_hash(frame, strata_by=StrataBy.CORRECT) == hashlib.sha256("\n".join(lines).encode()).hexdigest()
    )
    assert stratum_of(frame[0], StrataBy.OUTCOME) == "diagnosis/sim/a/disease_missed"


def test_tuning_and_validation_are_apart_by_image() -> None:
    frame = crossed(100)
    sample = draw(frame, seed=4, per_cell=10, tuning_share=0.3)
    by_split = Counter(pick.split for pick in sample.picks)
    assert by_split == {Split.VALIDATION: 20, Split.TUNING: 6}  # ceil(10 x 0.3) per model
    for pick in sample.picks:
        assert pick.split is split_of(pick.trace.image, seed=4, tuning_share=0.3)
    aside = sum(split_of(f"image {n}", seed=4, tuning_share=0.3) is Split.TUNING for n in range(100))
    assert sum(stratum.n_frame for stratum in sample.spec.strata) == 2 * (100 - aside)
    assert 15 <= aside <= 45


def test_a_split_without_images_is_said() -> None:
    sample = draw([trace("r/1")], seed=0, tuning_share=0.01)
    assert "no image fell to tuning: no trace is drawn for it" in sample.warnings


def test_verify_names_every_difference() -> None:
    frame = crossed(40)
    sample = draw(frame, seed=9, per_cell=6)
    first, second, *rest = sample.picks
    changed = frame_changed = [
        one.model_copy(update={"correct": not one.correct}) if one.trace_id == first.trace.trace_id else one
        for one in frame
    ]
    lines = verify(frame_changed, sample.spec, sample.picks)
    assert any(line.startswith("frame hash: ") for line in lines)
    assert any(line.startswith("stratum diagnosis/") for line in lines)
    assert any(first.trace.trace_id in line for line in lines)
    assert verify(changed[:-1], sample.spec, sample.picks)[0] == "traces in the frame: 80 stored, 79 now"

    lied = second.model_copy(update={"probability": 0.999})
    lines = verify(frame, sample.spec, (lied, *rest))
    assert lines == sorted([
            f"trace {first.trace.trace_id}: drawn now, but not stored",
            f"trace {second.trace.trace_id}: probability 0.999 stored, {second.probability} now",
    ])  # fmt: skip
    alien = first.model_copy(update={"trace": trace("r/zz")})
    assert verify(frame, sample.spec, (*sample.picks, alien, first)) == [
        f"trace {first.trace.trace_id}: stored 2 times", "trace r/zz: stored, but not in the frame now",
    ]  # fmt: skip
    assert verify([], sample.spec, sample.picks)[0].startswith("it cannot be drawn again: frame 0 traces")


@pytest.mark.parametrize(
    ("frame", "kwargs", "error", "text"),
    [
        pytest.param([], {}, DataError, "at least one answer", id="empty"),
        pytest.param([trace("r/1"), trace("r/1")], {}, DataError, "comes twice", id="twice"),
        pytest.param([trace("r/1")], {"per_cell": 0}, UsageError, "per_cell 0", id="none per cell"),
        pytest.param([trace("r/1")], {"tuning_share": 1.0}, UsageError, "tuning_share 1.0", id="all tuning"),
    ],
)
def test_what_cannot_be_drawn_from(
    frame: list[FrameTrace], kwargs: dict[str, float], error: type[Exception], text: str
) -> None:
    with pytest.raises(error, match=text):
        draw(frame, seed=0, **kwargs)  # type: ignore[arg-type]  # wrong on purpose
