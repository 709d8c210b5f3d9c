"""Card, Croissant file and licences of a release; what they say is counted, and texts act as nothing but text."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spinebench.builder.package import PackagePlan, combined_terms, known_kinds, source_facts
from spinebench.builder.package.croissant import missing_properties, structure_faults
from spinebench.builder.package.machine_paths import machine_paths, machine_paths_in, without_machine_paths
from spinebench.builder.package.markdown import plain, table
from spinebench.errors import UsageError
from spinebench.records import Task
from tests.builder.package_samples import REPORTS, Build, a_build, candidate

DOCS = Path(__file__).resolve().parents[2] / "docs" / "builder-release.md"


@pytest.fixture
def build(tmp_path: Path) -> Build:
    return a_build(tmp_path)


def card_of(build: Build, **settings: Any) -> tuple[dict[str, Any], str]:
    _, folder = build.package(**settings)
    release = folder / "release"
    return json.loads((release / "card.json").read_text("utf-8")), (release / "card.md").read_text("utf-8")


def croissant_of(build: Build, **settings: Any) -> dict[str, Any]:
    _, folder = build.package(**settings)
    value: dict[str, Any] = json.loads((folder / "release" / "croissant.json").read_text("utf-8"))
    return value


def test_the_card_counts_what_the_splits_hold(build: Build) -> None:
    """Evaluation: RSNA 0, 1, 2 of studies 100, 101, 100; SPIDER 0, 1, both of patient 0; two films without patient."""
    card, _ = card_of(build)
    first = card["splits"][0]
    assert (first["name"], first["n_items"], first["n_images"]) == ("evaluation", 9, 7)
    assert first["n_clusters"] == 2 + 1 + 2
    diagnosis = [one for one in card["classes"] if (one["split"], one["task"]) == ("evaluation", "diagnosis")]
    assert [(one["source"], one["modality"], one["n_items"], one["n_clusters"]) for one in diagnosis] == [
        ("own", "X-ray", 2, 2),
        ("rsna", "MRI", 3, 2),
        ("spider", "MRI", 2, 1),
    ]
    assert card["gold_positions"] == {"diagnosis": {"C": 13}, "localization": {"C": 2, "D": 2}}
    assert card["n_dropped"] == 3


def test_chance_levels_by_hand(build: Build) -> None:
    """Four options: 1/4. Five levels: 1/31 for a random set; choosing all of five with two right: Jaccard 2/5."""
    card, text = card_of(build)
    diagnosis, localization = (
        {guess["name"]: guess for guess in one["baselines"]} for one in card["chance"][:2]
    )
    assert (diagnosis["random option"]["accuracy"], diagnosis["best constant"]["accuracy"]) == (0.25, 1.0)
    assert localization["uniform non-empty subset"]["accuracy"] == round(1 / 31, 6)
    assert localization["select all"]["jaccard"] == 0.4
    assert localization["best constant"]["answer"] == "L3/L4 + L4/L5"
    assert "| evaluation | diagnosis | best constant (Spinal Canal Stenosis) | 1.0000 | – | 7 |" in text


def test_what_is_simulated_stands_first(build: Build) -> None:
    card, text = card_of(build)
    assert card["simulated"] == ["encoder"]
    assert text.splitlines()[2] == "**SIMULATION: encoder. No real result.**"
    card, text = card_of(build, reports={"review": {"n_simulated": 0, "simulated": False}})
    assert card["simulated"] == []
    assert "SIMULATION" not in text
    drawn = candidate(build, "own/films/film 0.png", Task.DIAGNOSIS, metadata={"simulated": True}, id="drawn")
    build.splits["train"] = (*build.splits["train"], drawn)
    card, _ = card_of(build, reports={"review": {"reviewers": [{"simulated": True}]}})
    assert card["simulated"] == ["images", "review"]


def test_reports_limits_and_drops_are_on_the_card(build: Build) -> None:
    _, text = card_of(build, limits=["Only adults."], intended_use=["Teaching."], not_intended=["Sport."])
    for words in (
        "kappa: 0.81",
        "check: text-only; accuracy: 0.61; found: yes",
        "fingerprint: abab",
        "| import | rsna | bad\\_row | 2 |",
        "- Only adults.",
        "- Teaching.",
        "- Sport.",
        "9 of 13 images are not in the release",
        "Fewer than 20 items",
    ):
        assert words in text, words
    assert "## Review\n\nnot reported" in card_of(build, reports={})[1]


def test_lists_of_alike_objects_are_tables_and_the_settings_come_last(build: Build) -> None:
    counts = [{"label": "a|b", "taken": 3}, {"label": "c", "taken": 4}]
    reports: Any = {
        "settings": {"seed": 7},
        "selection": {"n": 7, "by": {"split": "train", "labels": counts}},
    }
    _, text = card_of(build, reports=reports)
    assert (
        "- n: 7\n\nby:\n\n- split: train\n\nlabels:\n\n| label | taken |\n|---|---|\n| a\\|b | 3 |\n| c | 4 |"
        in text
    )
    assert text.rstrip().endswith("## Settings\n\n- seed: 7")


def test_options_drawn_at_random_are_a_known_limit(build: Build) -> None:
    assert "drawn at random" not in card_of(build)[1]
    first, *rest = build.splits["evaluation"]
    drawn = first.model_copy(update={"provenance": {**first.provenance, "drawn_by_seed": ["Osteophytes"]}})
    build.splits["evaluation"] = (drawn, *rest)
    assert "Wrong options of 1 of 13 diagnoses were drawn at random" in card_of(build)[1]


def test_labels_of_one_modality_only_are_a_known_limit(build: Build) -> None:
    healthy = [
        candidate(
            build,
            one,
            Task.DIAGNOSIS,
            id=f"healthy-{one[-5]}",
            gold=("Healthy",),
            disease="Healthy",
            question="?",
        )
        for one in list(build.labelled)[10:]
    ]
    build.splits["train"] = (*build.splits["train"], *healthy)
    card, _ = card_of(build)
    (found,) = [one for one in card["limits"] if "one modality only" in one and "train" in one]
    assert "Healthy (X-ray)" in found
    assert "Spinal Canal Stenosis" not in found


def test_shortcuts_that_an_audit_found_are_on_the_card(build: Build) -> None:
    shortcut = {
        "split": "evaluation",
        "task": "diagnosis",
        "baseline": "modality",
        "measure": "accuracy",
        "score": 0.61,
        "chance": 0.25,
        "reference": 0.3,
        "above_chance": {"value": 0.36, "low": 0.2, "high": 0.5},
        "above_reference": {"value": 0.31, "low": 0.1, "high": 0.4},
        "shortcut": True,
    }
    checks = [
        {"name": "leakage", "passed": False, "detail": "3 clusters"},
        {"name": "positions", "passed": True},
    ]
    audit = {
        "shortcuts": [shortcut, shortcut | {"baseline": "text", "shortcut": False}],
        "checks": checks,
        "n_images": 7,
    }
    card, text = card_of(build, reports={"audit": audit})
    assert card["limits"][:2] == [
        "Shortcut: modality alone scores 0.61 (accuracy, chance 0.25) on diagnosis of evaluation.",
        "Check not passed: leakage. 3 clusters",
    ]
    row = (
        "| evaluation | diagnosis | modality | accuracy | 0.61 | 0.25 | 0.3 | 0.2 to 0.5 | 0.1 to 0.4 | yes |"
    )
    assert row in text
    assert "\n- images: 7\n" in text


def test_checks_that_could_not_be_made_are_a_known_limit(build: Build) -> None:
    few = "evaluation, diagnosis: 7 clusters, fewer than 20"
    checks = [
        {"name": "shortcut:text", "passed": None, "detail": few},
        {"name": "shortcut:view", "passed": None, "detail": few},
        {"name": "positions", "passed": True, "detail": "none"},
    ]
    card, text = card_of(build, reports={"audit": {"shortcuts": [], "checks": checks}})
    assert card["limits"][0] == f"Not looked for ({few}): shortcut:text, shortcut:view."
    assert f"| shortcut:text | not tried | {few} |" in text
    assert "No baseline was tried without the picture." in text


@pytest.mark.parametrize(("n_double", "said"), [(0, True), (3, False)])
def test_a_review_without_a_second_reader_says_nothing_about_agreement(
    build: Build, n_double: int, said: bool
) -> None:
    review = {"n_accepted": 9, "agreement": {"n_double": n_double}}
    card, text = card_of(build, reports={"review": review})
    found = [one for one in card["limits"] if "how far reviewers agree is not known" in one]
    assert bool(found) == said
    assert f"items read by two or more: {n_double}" in text
    assert "n\\_" not in text.split("## Review")[1].split("## What was dropped")[0]


def test_the_description_says_where_wrong_options_come_from(build: Build) -> None:
    def description() -> str:
        return str(card_of(build)[0]["description"])

    assert description().endswith("the wrong options of a diagnosis are visually similar diseases.")
    encoders: Any = [{"name": "tiny", "simulated": True}, {"name": "other", "simulated": False}]
    picked = card_of(build, reports={"encoder": {"encoders": encoders}})[0]["description"]
    assert picked.endswith("the wrong options of a diagnosis were picked by a simulated encoder.")
    for name, split in build.splits.items():
        build.splits[name] = tuple(
            one.model_copy(update={"provenance": {**one.provenance, "drawn_by_seed": ["Osteophytes"]}})
            for one in split
        )
    assert description().endswith("wrong options of 13 of 13 diagnoses were drawn at random.")
    for name, split in build.splits.items():
        build.splits[name] = tuple(one for one in split if one.item.task is Task.LOCALIZATION)
    assert description().endswith("the options are levels of the spine.")
    assert card_of(build, description="Own words.")[0]["description"] == "Own words."


def test_hostile_texts_are_texts(build: Build) -> None:
    nasty = "<script>alert(1)</script> | **x** [a](javascript:1)\n# Title `code`"
    first, *rest = build.splits["train"]
    item = first.item.model_copy(
        update={"gold": (nasty,), "options": (nasty, "Healthy"), "disease": nasty, "question": nasty}
    )
    build.splits["train"] = (first.model_copy(update={"item": item}), *rest)
    _, text = card_of(
        build, title=nasty, description=nasty, formats=["native"], reports={nasty: {nasty: [nasty]}}
    )
    assert "<script" not in text
    assert "\n# Title" not in text
    assert not re.search(r"(?<!\\)\[a\]", text)
    assert not re.search(r"(?<!\\)\*\*x", text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("a|b", r"a\|b"),
        ("<b>", "&lt;b&gt;"),
        ("x\n\ny", "x y"),
        (None, "–"),
        (True, "yes"),
        (0.5, "0.5"),
        ("L4/L5", "L4/L5"),
    ],
)
def test_plain_text(value: object, shown: str) -> None:
    assert plain(value) == shown


def test_a_table_without_rows_says_so() -> None:
    assert table(("a",), []) == ["none"]
    assert table(("a", "b"), [(1, "x|y")]) == ["| a | b |", "|---|---|", r"| 1 | x\|y |"]


# ---------------------------------------------------------------- Croissant


def test_croissant_has_what_the_specification_requires(build: Build) -> None:
    given: dict[str, Any] = {
        "creators": ["A. Author"],
        "url": "https://example.org/mini",
        "date_published": "2026-01-02",
        "citation": "@misc{mini}",
    }
    document = croissant_of(build, **given)
    assert missing_properties(document) == ()
    assert structure_faults(document) == ()
    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert document["@type"] == "sc:Dataset"
    assert document["datePublished"] == "2026-01-02"
    assert document["license"][1].startswith("RSNA 2024 Lumbar Spine Degenerative Classification")
    assert document["license"][2] == "https://creativecommons.org/licenses/by/4.0/"
    assert re.fullmatch(r"\d+\.\d+\.\d+", document["version"])


def test_nothing_is_made_up_for_croissant(build: Build) -> None:
    packaged, _ = build.package()
    assert packaged.croissant_missing == ("url", "creator", "datePublished")
    assert not {"url", "creator", "datePublished"} & croissant_of(build).keys()


def test_croissant_lists_every_file_with_its_hash(build: Build) -> None:
    document = croissant_of(build)
    release = build.root / "package" / "release"
    sums = dict(line.split("  ")[::-1] for line in (release / "SHA256SUMS").read_text("utf-8").splitlines())
    objects = {one["contentUrl"]: one for one in document["distribution"] if one["@type"] == "cr:FileObject"}
    expected = {name for name in sums if not name.startswith("images/")} - {"croissant.json"}
    assert objects.keys() == expected
    for name, one in objects.items():
        assert one["sha256"] == sums[name]
        assert one["contentSize"] == f"{(release / name).stat().st_size} B"
    assert [one["includes"] for one in document["distribution"] if one["@type"] == "cr:FileSet"] == [
        "images/**/*.png"
    ]


def test_fields_of_croissant_are_fields_of_the_files(build: Build) -> None:
    """Every column and JSON path leads to something in the file that it names."""
    document = croissant_of(build)
    release = build.root / "package" / "release"
    sets = {one["name"]: one for one in document["recordSet"]}
    assert set(sets) == {
        "evaluation-native",
        "evaluation-released",
        "train-native",
        "train-released",
        "pointers",
    }
    for record_set in sets.values():
        for field in record_set["field"]:
            file = field["source"]["fileObject"]["@id"]
            content = (release / file).read_text("utf-8")
            extract = field["source"]["extract"]
            rows = (
                json.loads(content)
                if file.endswith(".json")
                else [json.loads(row) for row in content.splitlines()]
            )
            name = extract.get("column") or extract["jsonPath"].removeprefix("$[*].")
            assert any(name in row for row in rows), field["@id"]
            values = [row[name] for row in rows if row.get(name) is not None]
            # Readers take a text that is declared repeated apart into its letters.
            lists = all(isinstance(one, list) for one in values)
            assert lists == field.get("repeated", False), field["@id"]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda one: one["distribution"].pop(0), "referred to but not there"),
        (lambda one: one["distribution"].append(one["distribution"][0]), "given to more than one node"),
        (lambda one: one["distribution"][0].pop("sha256"), "sha256 is missing"),
        (lambda one: one["recordSet"][0]["field"][0].pop("source"), "source is missing"),
        (lambda one: one["recordSet"][0].update(key={"@id": "nowhere"}), "nowhere: referred to"),
    ],
    ids=["file gone", "id twice", "no hash", "no source", "key of no field"],
)
def test_faults_of_the_structure_are_found(build: Build, change: Any, named: str) -> None:
    document = croissant_of(build)
    document["distribution"].sort(key=lambda one: one["@id"] != "evaluation.json")
    change(document)
    assert any(named in fault for fault in structure_faults(document))


# ---------------------------------------------------------------- licences


def test_the_strictest_terms_bind_the_whole() -> None:
    free = source_facts("spider")
    assert combined_terms([free]).redistribution == "yes"
    assert combined_terms([free]).non_commercial == "no"
    unknown = combined_terms([free, source_facts("csxa")])
    assert (unknown.redistribution, unknown.non_commercial) == ("unknown", "unknown")
    closed = combined_terms([free, source_facts("csxa"), source_facts("vindr"), source_facts("rsna")])
    assert (closed.redistribution, closed.non_commercial) == ("no", "yes")
    assert "vindr" in closed.summary[0]
    assert combined_terms([]).redistribution == "unknown"


@pytest.mark.parametrize("kind", ["rsna", "vindr", "buu", "csxa"])
def test_images_of_the_four_sources_are_never_copied(kind: str) -> None:
    assert not source_facts(kind).may_be_copied
    with pytest.raises(UsageError, match="redistribution"):
        source_facts(kind, redistribution=True, licence="mine")


def test_a_table_states_its_licence_itself() -> None:
    assert not source_facts("table", name="a").may_be_copied
    assert source_facts("table", name="a", licence="CC0", redistribution=True).may_be_copied
    assert source_facts("table", name="a", licence="X", non_commercial=True).non_commercial == "yes"
    with pytest.raises(UsageError, match="'a'"):
        source_facts("table", name="a", redistribution=True)
    assert source_facts("rsna", name="rsna-2").name == "rsna-2"


def test_the_page_has_the_same_table() -> None:
    text = DOCS.read_text("utf-8")
    for kind in known_kinds():
        facts = source_facts(kind)
        (row,) = [line for line in text.splitlines() if line.startswith(f"| `{kind}` |")]
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[2:5] == [facts.licence, facts.redistribution, facts.non_commercial], kind
        assert (facts.doi or "–") in cells[5]


def test_licences_go_with_the_release(build: Build) -> None:
    _, folder = build.package()
    text = (folder / "release" / "LICENCES.md").read_text("utf-8")
    assert "CC BY 4.0" in text
    assert "Copies of images allowed: unknown" in text
    assert "vindr" not in text  # no question is of it


# ---------------------------------------------------------------- paths of the machine


@pytest.mark.parametrize(
    "text",
    ["/home/u/x.csv", "see /data/rsna now", "C:\\Users\\me", "\\\\host\\share\\x", "~/data", "file:///x/y", "'/tmp/a'",
     "key=/data/a/b", "path:/home/u", "(/work/x)"],
)  # fmt: skip
def test_machine_paths_are_seen(text: str) -> None:
    assert machine_paths(text)
    assert machine_paths(without_machine_paths(text)) == ()


@pytest.mark.parametrize(
    "text",
    ["L4/L5", "Normal/Mild", "T1/T2/STIR", "https://a.b/c/d", "http://x/1.0", "images/a/b.png", "train.csv:12",
     "and/or", "3 / 4", "/", "text/csv", "C: 5", "$[*].image", "10.13026/q45h-5h59", "≤ 5/10"],
)  # fmt: skip
def test_other_slashes_are_none(text: str) -> None:
    assert machine_paths(text) == ()
    assert without_machine_paths(text) == text


def test_paths_are_found_and_replaced_at_any_depth() -> None:
    value = {"a": [{"/data/x/y": "in /home/me/z"}], "n": 3, "t": ("/mnt/a/b",)}
    assert [place for place, _ in machine_paths_in(value)] == ["a[0], a key", "a[0]./data/x/y", "t[0]"]
    assert machine_paths_in(without_machine_paths(value)) == ()
    assert without_machine_paths(REPORTS)["settings"]["seed"] == 7


# ---------------------------------------------------------------- the plan


@pytest.mark.parametrize(
    "wrong",
    [{"name": "a/b"}, {"name": ""}, {"version": "1"}, {"formats": []}, {"formats": ["csv"]}, {"include_images": "all"},
     {"url": "x"}, {"date_published": "soon"}, {"titel": "x"}],
    ids=str,
)  # fmt: skip
def test_a_plan_that_makes_no_package_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PackagePlan.model_validate(wrong)
