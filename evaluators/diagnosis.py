"""Accuracy of single-answer diagnosis: overall, per disease, by outcome, beside chance."""

from __future__ import annotations

from spinebench.evaluators.answers import Answers
from spinebench.evaluators.baselines import diagnosis_baselines
from spinebench.evaluators.clustered import BoolArray
from spinebench.evaluators.estimate import Rate
from spinebench.evaluators.rates import (
    OutcomeRate,
    TaskAccuracy,
    chance_corrected,
    mean_of_shares,
    not_answered,
    share,
)
from spinebench.records import Outcome, Record
from spinebench.terms import DISEASES, HEALTHY

APART = "cervical Lordosis"
"""Left out of the macro accuracy: in its source data set it is the normal curve."""

SAFETY = frozenset({Outcome.HEALTHY_MISDIAGNOSED, Outcome.DISEASE_MISSED})
"""Outcomes that would harm a patient: exact intervals."""

_EMPTY = "no diagnosis questions"


class LabelAccuracy(Record):
    """Accuracy on the images of one label."""

    label: str
    accuracy: Rate


class DiagnosisSummary(TaskAccuracy):
    """Diagnosis answers of one group. Chance is the random option."""

    macro_accuracy: Rate
    """Unweighted mean over the diseases that occur, without `Healthy` and without cervical Lordosis."""
    per_label: tuple[LabelAccuracy, ...]
    """Diseases in vocabulary order (cervical Lordosis too), then unknown labels, `Healthy` last."""
    outcomes: tuple[OutcomeRate, ...]


def summarize_diagnosis(answers: Answers, *, level: float = 0.95) -> DiagnosisSummary:
    """All figures of a group's diagnosis answers (no other task among them, at least one answer)."""
    by_label = _by_label(answers)
    macro = [(group, group.correct) for label, group in by_label if label not in (HEALTHY, APART)]
    accuracy = diagnosis_accuracy(answers, level=level)
    return DiagnosisSummary(
        accuracy=accuracy.accuracy,
        baselines=accuracy.baselines,
        chance_corrected=accuracy.chance_corrected,
        macro_accuracy=mean_of_shares(
            f"macro diagnosis accuracy over {len(macro)} diseases",
            macro,
            answers,
            level=level,
            empty="no question with a disease to average over",
        ),
        per_label=tuple(
            LabelAccuracy(
                label=label,
                accuracy=share(
                    f"diagnosis accuracy on {label}", group, group.correct, level=level, empty=_EMPTY
                ),
            )
            for label, group in by_label
        ),
        outcomes=_outcomes(answers, level),
    )


def diagnosis_accuracy(answers: Answers, *, level: float = 0.95) -> TaskAccuracy:
    """Of a group's diagnosis answers (no other task among them, at least one answer). Chance is the random option."""
    accuracy = share("diagnosis accuracy", answers, answers.correct, level=level, empty=_EMPTY)
    baselines = diagnosis_baselines(answers)
    chance = next((one.accuracy for one in baselines if one.name == "random option"), None)
    return TaskAccuracy(
        accuracy=accuracy,
        baselines=baselines,
        chance_corrected=chance_corrected(accuracy.of_asked, chance, "random option"),
    )


def _by_label(answers: Answers) -> list[tuple[str, Answers]]:
    def place(label: str) -> tuple[int, str]:
        if label in DISEASES:
            return (DISEASES.index(label), "")
        return (len(DISEASES) + (label == HEALTHY), label)

    groups = [
        (label, answers.take(answers.disease.codes == code))
        for code, label in sorted(enumerate(answers.disease.labels), key=lambda pair: place(pair[1]))
    ]
    return [(label, group) for label, group in groups if len(group)]


def _outcomes(answers: Answers, level: float) -> tuple[OutcomeRate, ...]:
    is_healthy = answers.disease.equals(HEALTHY)
    healthy, diseased = answers.take(is_healthy), answers.take(~is_healthy & (answers.disease.codes >= 0))

    def on_diseased(outcome: Outcome) -> OutcomeRate:
        rate = _rate(
            outcome, diseased, diseased.has_outcome(outcome), "no question on a diseased image", level
        )
        return OutcomeRate(outcome=outcome, among="diseased", rate=rate)

    def on_healthy(outcome: Outcome) -> OutcomeRate:
        rate = _rate(outcome, healthy, healthy.has_outcome(outcome), "no question on a healthy image", level)
        return OutcomeRate(outcome=outcome, among="healthy", rate=rate)

    return (
        on_diseased(Outcome.CORRECT_DISEASE),
        on_healthy(Outcome.CORRECT_HEALTHY),
        on_healthy(Outcome.HEALTHY_MISDIAGNOSED),
        on_diseased(Outcome.DISEASE_MISSED),
        on_diseased(Outcome.DISEASE_CONFUSED),
        OutcomeRate(
            outcome=Outcome.NOT_ANSWERED,
            among="all",
            rate=not_answered("diagnosis", answers, level=level, empty=_EMPTY),
        ),
    )


def _rate(outcome: Outcome, answers: Answers, hit: BoolArray, empty: str, level: float) -> Rate:
    return share(f"diagnosis {outcome}", answers, hit, safety=outcome in SAFETY, level=level, empty=empty)
