"""One extraction against one gold answer."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.errors import DataError
from spinebench.evaluators.scoring import GRADING_VERSION, grade, set_scores
from spinebench.records import AnswerStatus, Extraction, Item, Outcome, Task
from spinebench.terms import LEVELS
from tests.graded_columns import diagnosis, localization

L12, L23, L34, L45, L51 = LEVELS


def answered(*letters: str) -> Extraction:
    return Extraction(letters=letters, status=AnswerStatus.ANSWERED, rule="test", version="1")


def shuffled(item: Item, order: str) -> tuple[int, ...]:
    """`order` "CAB": the third option is presented first."""
    return tuple("ABCDEFGH".index(letter) for letter in order)


FIVE = diagnosis(
    "d", "Osteophytes", "Healthy", "Foraminal stenosis", "Vertebral collapse", "Disc space narrowing"
)
WELL = diagnosis(
    "h", "Healthy", "Osteophytes", "Foraminal stenosis", "Vertebral collapse", "Spondylolisthesis"
)


@pytest.mark.parametrize(
    ("item", "letter", "outcome", "confused_with"),
    [
        pytest.param(FIVE, "E", Outcome.CORRECT_DISEASE, None, id="right disease"),
        pytest.param(FIVE, "A", Outcome.DISEASE_MISSED, None, id="disease called healthy"),
        pytest.param(FIVE, "B", Outcome.DISEASE_CONFUSED, "Foraminal stenosis", id="one disease for another"),
        pytest.param(WELL, "E", Outcome.CORRECT_HEALTHY, None, id="right healthy"),
        pytest.param(
            WELL, "D", Outcome.HEALTHY_MISDIAGNOSED, "Spondylolisthesis", id="disease in a healthy spine"
        ),
    ],
)
def test_diagnosis_outcomes(item: Item, letter: str, outcome: Outcome, confused_with: str | None) -> None:
    result = grade(item, answered(letter), permutation=range(5))
    assert (result.outcome, result.confused_with) == (outcome, confused_with)
    assert result.correct == (outcome in (Outcome.CORRECT_DISEASE, Outcome.CORRECT_HEALTHY))
    assert result.precision is None
    assert result.version == GRADING_VERSION


def test_confusion_is_named_by_the_canonical_label() -> None:
    item = diagnosis("d", "Osteophytes", "no finding", "Left Subarticular Stenosis")
    confused = grade(item, answered("B"), permutation=range(3))
    assert (confused.chosen, confused.confused_with) == (
        ("Left Subarticular Stenosis",),
        "Subarticular Stenosis",
    )
    assert grade(item, answered("A"), permutation=range(3)).outcome is Outcome.DISEASE_MISSED


def test_a_label_outside_the_vocabulary_is_kept_as_it_is() -> None:
    item = diagnosis("d", "Scheuermann disease", "Modic changes", "Healthy")
    result = grade(item, answered("A"), permutation=range(3))
    assert (result.outcome, result.confused_with) == (Outcome.DISEASE_CONFUSED, "Modic changes")


@pytest.mark.parametrize(
    ("gold", "chosen", "outcome", "shift"),
    [
        pytest.param({L34, L45}, {L34, L45}, Outcome.EXACT, None, id="exact"),
        pytest.param({L34, L45}, {L45}, Outcome.MISSED_LEVELS, None, id="proper subset"),
        pytest.param({L45}, {L34, L45}, Outcome.EXTRA_LEVELS, None, id="proper superset"),
        pytest.param({L34}, {L45}, Outcome.SHIFTED, 1, id="one level down"),
        pytest.param({L51}, {L12}, Outcome.SHIFTED, -4, id="from bottom to top"),
        pytest.param({L34, L45}, {L45, L51}, Outcome.SHIFTED, 1, id="shift that overlaps the gold set"),
        pytest.param({L12, L34}, {L23, L45}, Outcome.SHIFTED, 1, id="shift of a set with a gap"),
        pytest.param({L12, L23}, {L12, L45}, Outcome.MIXED, None, id="one right, one missed, one extra"),
        pytest.param({L12, L23}, {L34}, Outcome.DISJOINT, None, id="none right, other size"),
        pytest.param({L12, L23}, {L34, L51}, Outcome.DISJOINT, None, id="none right, not uniform"),
    ],
)
def test_localization_outcomes(gold: set[str], chosen: set[str], outcome: Outcome, shift: int | None) -> None:
    item = localization("l", *gold)
    letters = sorted("ABCDE"[LEVELS.index(level)] for level in chosen)
    result = grade(item, answered(*letters), permutation=range(5))
    assert (result.outcome, result.shift) == (outcome, shift)
    assert result.correct == (outcome is Outcome.EXACT)


def test_letters_count_presented_options_and_texts_stand_in_the_items_order() -> None:
    # Presented L5/S1, L3/L4, L1/L2, L4/L5, L2/L3: B and D are L3/L4 and L4/L5, the gold pair.
    item = localization("l", L45, L34)
    result = grade(item, answered("D", "B"), permutation=shuffled(item, "ECADB"))
    assert result.correct
    assert result.chosen == result.gold == (L34, L45)


def test_set_scores_of_a_grade() -> None:
    # gold {L3/4, L4/5}, chosen {L4/5, L5/S1, L1/2}: tp 1, precision 1/3, recall 1/2, F1 2/5, Jaccard 1/4
    result = grade(localization("l", L34, L45), answered("A", "D", "E"), permutation=range(5))
    assert (result.precision, result.recall, result.f1, result.jaccard) == pytest.approx(
        (1 / 3, 1 / 2, 2 / 5, 1 / 4)
    )


@pytest.mark.parametrize("status", [status for status in AnswerStatus if status is not AnswerStatus.ANSWERED])
def test_what_is_not_answered_is_wrong_and_says_so(status: AnswerStatus) -> None:
    found = Extraction(status=status, version="1")
    single = grade(FIVE, found, permutation=())
    several = grade(localization("l", L34), found, permutation=())
    assert (single.correct, single.outcome, single.chosen) == (False, Outcome.NOT_ANSWERED, ())
    assert single.precision is None
    assert (several.precision, several.recall, several.f1, several.jaccard) == (0, 0, 0, 0)


def test_knowledge_is_right_or_wrong() -> None:
    item = FIVE.model_copy(update={"task": Task.KNOWLEDGE, "disease": None})
    assert grade(item, answered("E"), permutation=range(5)).outcome is Outcome.CORRECT
    assert grade(item, answered("A"), permutation=range(5)).outcome is Outcome.WRONG


def test_gold_is_found_by_synonym_and_case_where_the_text_differs() -> None:
    item = FIVE.model_copy(update={"gold": ("osteophyte",)})
    assert grade(item, answered("E"), permutation=range(5)).correct


@pytest.mark.parametrize(
    ("item", "letters", "permutation", "says"),
    [
        pytest.param(FIVE.model_copy(update={"task": Task.REPORT}), ("A",), range(5), "report", id="report"),
        pytest.param(
            FIVE.model_copy(update={"gold": ("Scoliosis",)}), ("A",), range(5), "Scoliosis", id="gold unknown"
        ),
        pytest.param(
            FIVE.model_copy(update={"gold": ()}), ("A",), range(5), "exactly one right", id="no gold"
        ),
        pytest.param(FIVE, ("F",), range(5), "'F'", id="letter outside the options"),
        pytest.param(FIVE, ("AB",), range(5), "'AB'", id="no letter"),
        pytest.param(FIVE, ("A",), (0, 1, 2, 3, 3), "permutation", id="not a permutation"),
        pytest.param(FIVE, ("A",), (), "permutation", id="permutation missing"),
        pytest.param(FIVE, ("A", "B"), range(5), "one letter", id="two letters for a diagnosis"),
    ],
)
def test_what_cannot_be_graded_is_refused(
    item: Item, letters: tuple[str, ...], permutation: tuple[int, ...], says: str
) -> None:
    with pytest.raises(DataError, match=says):
        grade(item, answered(*letters), permutation=permutation)


@pytest.mark.parametrize(
    ("chosen", "gold", "expected"),
    [
        pytest.param("", "", (1, 1, 1, 1), id="both empty"),
        pytest.param("", "ab", (0, 0, 0, 0), id="nothing chosen"),
        pytest.param("ab", "", (0, 0, 0, 0), id="nothing right"),
        pytest.param("abcde", "ab", (2 / 5, 1, 4 / 7, 2 / 5), id="select all, two right"),
    ],
)
def test_set_scores(chosen: str, gold: str, expected: tuple[float, ...]) -> None:
    assert set_scores(tuple(chosen), tuple(gold)) == pytest.approx(expected)


levels = st.sets(st.sampled_from(LEVELS), min_size=1)


@given(gold=levels, chosen=levels, permutation=st.permutations(range(5)))
def test_the_order_in_which_options_are_shown_does_not_matter(
    gold: set[str], chosen: set[str], permutation: list[int]
) -> None:
    item = localization("l", *gold)
    shown = [item.options[i] for i in permutation]
    letters = tuple(sorted("ABCDE"[shown.index(level)] for level in chosen))
    plain = tuple(sorted("ABCDE"[LEVELS.index(level)] for level in chosen))
    assert grade(item, answered(*letters), permutation=permutation) == grade(
        item, answered(*plain), permutation=range(5)
    )


@given(gold=levels, chosen=levels)
def test_scores_are_bounded_symmetric_and_agree_with_the_outcome(gold: set[str], chosen: set[str]) -> None:
    one, other = set_scores(chosen, gold), set_scores(gold, chosen)
    assert all(0 <= value <= 1 for value in one)
    assert (one.precision, one.f1, one.jaccard) == (other.recall, other.f1, other.jaccard)
    assert one.jaccard <= one.f1
    item = localization("l", *gold)
    letters = tuple(sorted("ABCDE"[LEVELS.index(level)] for level in chosen))
    outcome = grade(item, answered(*letters), permutation=range(5)).outcome
    assert (outcome is Outcome.EXACT) == (one.jaccard == 1)
    if outcome is Outcome.MISSED_LEVELS:
        assert one.precision == 1 > one.recall
    if outcome is Outcome.EXTRA_LEVELS:
        assert one.recall == 1 > one.precision
    if outcome is Outcome.DISJOINT:
        assert one.jaccard == 0
    if outcome is Outcome.MIXED:
        assert 0 < one.jaccard < 1
