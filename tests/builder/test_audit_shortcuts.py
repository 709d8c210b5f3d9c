from __future__ import annotations

import hashlib
import itertools
import random
from typing import Any

import numpy as np
import pytest

from spinebench.builder.audit.auditing import audit_benchmark
from spinebench.builder.audit.choice_model import Choices, Features, out_of_fold, share_of_hits
from spinebench.builder.audit.plan import AuditPlan, BaselineName
from spinebench.builder.audit.questions import questions_of
from spinebench.builder.audit.report import AuditReport
from spinebench.builder.audit.shortcuts import shortcuts
from spinebench.builder.audit.tables import tables
from spinebench.records import Item, Task
from tests.builder.audit_items import DISEASES, LEVELS, Plant, diagnoses, localizations


def found(report: AuditReport) -> set[str]:
    return {one.baseline.value for one in report.shortcuts if one.shortcut} - {"label frequency"}


def audited(items: list[Item], facts: Any = None, **settings: Any) -> AuditReport:
    plan = AuditPlan.model_validate({"folds": 3} | settings)
    return audit_benchmark({"evaluation": items}, image_facts=facts, plan=plan)


def wording_by_label(rng: random.Random, fields: dict[str, Any]) -> None:
    if fields["truth"] == "Osteophytes":
        fields["question"] = "Which finding is there in the image?"


def option_in_the_question(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["question"] += f" ({fields['truth'].lower()}?)"


def two_spaces(rng: random.Random, fields: dict[str, Any]) -> None:
    if fields["truth"] in {"Healthy", "Osteophytes", "Spondylolisthesis"}:
        fields["question"] = fields["question"].replace(" ", "  ", 1)


def healthy_in_xray_only(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["modality"] = "X-ray" if fields["truth"] == "Healthy" else "MRI"


def disease_by_source(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["source"] = "one" if fields["truth"] in DISEASES[:3] else "two"


def disease_by_region(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["region"] = "lumbar" if fields["truth"] in DISEASES[:3] else "cervical"


def disease_by_view(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["view"] = "AP" if fields["truth"] in DISEASES[:3] else "lateral"


def gold_at_a(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["options"].remove(fields["truth"])
    fields["options"].insert(0, fields["truth"])


def width_by_label(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["width"] = 300 + 10 * ("Healthy", *DISEASES).index(fields["truth"])


def truth_is_the_only_one_of_its_kind(rng: random.Random, fields: dict[str, Any]) -> None:
    """Three diseases of one modality and three of another: the wrong options are all of the other."""
    if fields["truth"] == "Healthy":
        return
    kinds = (DISEASES[:3], DISEASES[3:])
    others = kinds[1] if fields["truth"] in kinds[0] else kinds[0]
    fields["options"] = [fields["truth"], "Healthy", *others]
    rng.shuffle(fields["options"])


def truth_is_no_distractor(rng: random.Random, fields: dict[str, Any]) -> None:
    """The wrong options are always the same three: any other that is offered is right."""
    if fields["truth"] in DISEASES[3:]:
        fields["options"] = [fields["truth"], "Healthy", *DISEASES[:3]]
        rng.shuffle(fields["options"])


def truth_is_written_otherwise(rng: random.Random, fields: dict[str, Any]) -> None:
    marked = fields["truth"] + "."
    fields["options"] = [marked if text == fields["truth"] else text for text in fields["options"]]
    fields["truth"] = marked


def truth_is_longer(rng: random.Random, fields: dict[str, Any]) -> None:
    longer = f"{fields['truth']}, lumbar and degenerative"
    fields["options"] = [longer if text == fields["truth"] else text for text in fields["options"]]
    fields["truth"] = longer


def others_in_order(rng: random.Random, fields: dict[str, Any]) -> None:
    others = sorted(text for text in fields["options"] if text != fields["truth"])
    others.insert(rng.randrange(len(others) + 1), fields["truth"])
    fields["options"] = others


def view_tells_with_modality(rng: random.Random, fields: dict[str, Any]) -> None:
    first = fields["truth"] in {"Healthy", "Osteophytes", "Spondylolisthesis"}
    fields["view"] = "AP" if (fields["modality"] == "MRI") == first else "lateral"


def disease_by_folder(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["folder"] = "vindr/" if fields["truth"] in DISEASES[:3] else "rsna/"


@pytest.mark.parametrize(
    ("plant", "share", "baselines"),
    [
        pytest.param(wording_by_label, 1.0, {"wording", "text"}, id="wording tied to a label"),
        pytest.param(option_in_the_question, 0.5, {"wording", "text"}, id="the question names the answer"),
        pytest.param(two_spaces, 1.0, {"wording", "text"}, id="two spaces for some labels"),
        pytest.param(healthy_in_xray_only, 1.0, {"modality"}, id="Healthy in X-ray only"),
        pytest.param(disease_by_source, 1.0, {"source"}, id="the source tells the label"),
        pytest.param(disease_by_region, 1.0, {"region"}, id="the region tells the label"),
        pytest.param(disease_by_view, 1.0, {"view"}, id="the view tells the label"),
        pytest.param(gold_at_a, 0.5, {"option position"}, id="gold mostly A"),
        pytest.param(width_by_label, 0.8, {"metadata"}, id="the width tells the label"),
        pytest.param(
            truth_is_the_only_one_of_its_kind, 1.0, {"options", "text"}, id="the set tells the answer"
        ),
        pytest.param(
            truth_is_no_distractor, 1.0, {"options", "text"}, id="some labels are offered only where right"
        ),
        pytest.param(
            truth_is_written_otherwise, 0.5, {"options", "text"}, id="the truth ends with a full stop"
        ),
        pytest.param(truth_is_longer, 0.8, {"options", "text"}, id="the truth has more words"),
        pytest.param(
            others_in_order, 0.8, {"option position"}, id="the truth is out of the order of the others"
        ),
        pytest.param(view_tells_with_modality, 1.0, {"all together"}, id="modality and view only together"),
        pytest.param(disease_by_folder, 1.0, {"source"}, id="the folder tells the label"),
    ],
)
def test_a_planted_shortcut_is_found_and_named(plant: Plant, share: float, baselines: set[str]) -> None:
    items, facts = diagnoses(400, seed=1, plant=plant, share=share)
    report = audited(items, facts)
    assert baselines <= found(report) <= {*baselines, "all together", "label frequency"}
    names = {f"shortcut:{name}" for name in found(report)}
    assert {one.name for one in report.failed} == names


@pytest.mark.parametrize("seed", range(2))
def test_a_clean_benchmark_has_none(seed: int) -> None:
    items, facts = diagnoses(450, seed=seed)
    report = audited([*items, *localizations(150, seed=seed)], facts)
    assert found(report) == set()
    assert report.failed == ()
    tried = {(one.task, one.baseline) for one in report.shortcuts}
    assert {(Task.DIAGNOSIS, name) for name in BaselineName} <= tried


def levels_by_wording(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["question"] = f"Wording {LEVELS.index(fields['gold'][0])}?"


def levels_first(rng: random.Random, fields: dict[str, Any]) -> None:
    fields["options"] = [*fields["gold"], *(one for one in LEVELS if one not in fields["gold"])]


@pytest.mark.parametrize(
    ("plant", "baseline"),
    [
        pytest.param(levels_by_wording, "wording", id="wording"),
        pytest.param(levels_first, "option position", id="position"),
    ],
)
def test_shortcuts_to_levels(plant: Plant, baseline: str) -> None:
    report = audited(localizations(250, seed=2, plant=plant))
    measures = {one.measure for one in report.shortcuts if one.baseline.value == baseline and one.shortcut}
    assert measures == {"accuracy", "jaccard"}


def test_label_frequencies_are_told_apart_from_shortcuts() -> None:
    # Eight of ten images are healthy: guessing Healthy is right in 80 %, which no feature improves on.
    items, _ = diagnoses(900, seed=3)
    healthy = [item for item in items if item.gold == ("Healthy",)]
    ill = [item for item in items if item.gold != ("Healthy",)]
    report = audited([*healthy, *ill[: len(healthy) // 4]])
    (frequency,) = [one for one in report.shortcuts if one.baseline is BaselineName.FREQUENCY]
    assert frequency.score == pytest.approx(0.8, abs=0.01)
    assert frequency.shortcut
    assert found(report) == set()
    (check,) = [one for one in report.checks if one.name == "label_frequency"]
    assert (check.passed, check.ends_build) == (False, False)


def test_clusters_are_never_on_two_sides_of_a_fold() -> None:
    # Each patient has a width of its own and four images of one label: across folds the width says nothing.
    items, facts = diagnoses(400, seed=4)
    of_patient = []
    for at, item in enumerate(items):
        first = items[at // 4 * 4]
        of_patient.append(
            item.model_copy(
                update={
                    "gold": first.gold,
                    "options": first.options,
                    "disease": first.disease,
                    "cluster": f"p{at // 4}",
                }
            )
        )
        facts[f"i{at}.png"] = facts[f"i{at}.png"].model_copy(update={"width": 1000 + at // 4})
    report = audited(of_patient, facts, baselines=["metadata"])
    assert found(report) == set()
    (metadata,) = [one for one in report.shortcuts if one.baseline is BaselineName.METADATA]
    assert metadata.score < 0.4
    assert metadata.n_clusters == 100


def test_false_alarms_on_clean_sets_are_no_more_than_nominal() -> None:
    # 200 clean benchmarks, four baselines each, at delta 0: every flag is a false alarm. Holm's adjustment keeps the
    # chance of any flag in a benchmark at 5 %; 10 expected, and more than 18 with a chance of 0.6 % (binomial).
    plan = AuditPlan(
        delta=0, folds=2, baselines=tuple(map(BaselineName, ("option position", "modality", "wording")))
    )
    flagged = []
    for seed in range(200):
        items, _ = diagnoses(100, seed=seed, items_per_cluster=2)
        questions = questions_of("e", Task.DIAGNOSIS, items, None, folds=2, seed=seed)
        assert questions is not None
        results, _ = shortcuts([questions], None, plan)
        flagged.append(any(one.shortcut for one in results if one.baseline is not BaselineName.FREQUENCY))
    assert sum(flagged) <= 18


def test_the_order_of_items_says_nothing() -> None:
    items, facts = diagnoses(120, seed=5)
    assert audited(items, facts) == audited(items[::-1], facts)


def test_an_interval_holds_nothing_that_cannot_be() -> None:
    # Every item is right in another set of two levels or more: no baseline hits one of them. One of the 31 non-empty
    # sets of five levels is right by chance, so that no score can lie further than 1/31 below chance.
    items = [
        one.model_copy(update={"gold": gold, "levels": gold})
        for one, gold in zip(
            localizations(24),
            [tuple(c) for k in (2, 3, 4) for c in itertools.combinations(LEVELS, k)][:24],
            strict=True,
        )
    ]
    by_chance = [one for one in audited(items).shortcuts if one.measure == "accuracy"]
    never = [one for one in by_chance if one.score == 0]
    assert never
    for one in never:
        assert one.above_chance.value == pytest.approx(-1 / 31, abs=1e-6)
        assert one.above_chance.low == pytest.approx(-1 / 31, abs=1e-6)
        assert one.above_chance.high > 0.1  # 0 of 24 keeps its upper bound
    assert all(one.above_chance.low >= -1 / 31 - 1e-6 for one in by_chance)


def test_what_cannot_be_tried_is_said() -> None:
    items, _ = diagnoses(10)
    report = audited(items)
    assert report.shortcuts == ()
    assert [(one.baseline, one.why) for one in report.skipped] == [(None, "10 clusters, fewer than 20")]
    plain = [item.model_copy(update={"modality": "MRI"}) for item in diagnoses(60)[0]]
    skipped = {one.baseline for one in audited(plain).skipped}
    assert BaselineName.MODALITY in skipped


def test_a_check_that_could_not_be_made_has_not_passed() -> None:
    report = audited(diagnoses(10)[0])
    untried = {one.name: one.detail for one in report.not_tried}
    assert untried["label_frequency"] == "evaluation, diagnosis: 10 clusters, fewer than 20"
    assert untried["shortcut:text"] == untried["label_frequency"]
    assert untried["shared_clusters"] == "only one split"
    beside_nothing = audit_benchmark({"test": diagnoses(10)[0], "train": ()}, plan=AuditPlan())
    assert {one.name for one in beside_nothing.not_tried} >= {"shared_clusters", "repeated_items"}
    assert untried["near_conflicts"] == "no picture could be looked at"
    assert {one.name for one in report.checks if one.passed} == {"positions", "label_conflicts"}
    assert report.failed == ()
    shown = {row[0]: row[1] for row in tables(report)[-1].rows}
    assert (shown["shortcut:text"], shown["positions"]) == ("not tried", "passed")


def test_what_a_check_left_out_stands_beside_it() -> None:
    items, facts = diagnoses(60)
    few = [item.model_copy(update={"id": f"few-{item.id}"}) for item in items[:5]]
    facts = {
        path: one.model_copy(update={"picture_hash": hashlib.sha256(path.encode()).hexdigest()})
        for path, one in facts.items()
        if path != items[0].images[0].path
    }
    report = audit_benchmark({"big": items, "small": few}, image_facts=facts, plan=AuditPlan())
    (text,) = [one for one in report.checks if one.name == "shortcut:text"]
    assert text.passed is True
    assert text.detail == "none; not tried: small, diagnosis: 5 clusters, fewer than 20"
    (near,) = [one for one in report.checks if one.name == "shared_near_duplicates"]
    assert near.passed is True
    assert near.detail == "none; 1 of 60 pictures could not be looked at"


def test_baselines_that_the_plan_leaves_out_are_not_tried() -> None:
    report = audited(diagnoses(60)[0], baselines=["text"])
    details = {one.name: one.detail for one in report.not_tried}
    assert details["shortcut:modality"] == "not among the plan's baselines"
    assert "shortcut:text" not in details


def test_an_empty_benchmark() -> None:
    report = audited([])
    assert report.failed == ()
    assert all((one.n, one.passed) == (0, None) for one in report.checks)


def test_the_learner_by_hand() -> None:
    # Two classes, always both offered; class 0 is right in 3 of 4 of the training fold whatever else. Nearly without
    # penalty the model's share is the observed one, 3/4, for the test fold.
    offered = np.tile(np.array([[0, 1]]), (8, 1))
    right = np.array([0, 0, 0, 1] * 2)
    features = Features(rows=None, row_of=np.zeros(8, dtype=np.int64))
    folds = np.array([0] * 4 + [1] * 4)
    shares = out_of_fold(Choices(offered, right, 2), features, folds, penalty=1e-6)
    assert shares == pytest.approx(np.tile([[0.75, 0.25]], (8, 1)), abs=1e-3)


def test_ties_share_the_hit() -> None:
    shares = np.array([[0.4, 0.4, 0.2], [0.4, 0.4, 0.2], [0.2, 0.2, 0.6], [0.5, 0.3, 0.2]])
    assert share_of_hits(shares, np.array([0, 2, 2, -1])).tolist() == [0.5, 0.0, 1.0, 0.0]


@pytest.mark.parametrize("names", [{"fail": ["nonsense"]}, {"allow": ["shortcut:label frequency"]}], ids=str)
def test_unknown_checks_are_refused(names: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="expected one of"):
        AuditPlan.model_validate(names)


def test_what_is_allowed_does_not_end_the_build() -> None:
    items, _ = diagnoses(450, seed=1, plant=healthy_in_xray_only)
    report = audited(items, allow=["shortcut:modality", "shortcut:all together"])
    (check,) = [one for one in report.checks if one.name == "shortcut:modality"]
    assert (check.passed, check.ends_build) == (False, False)
    assert report.failed == ()
