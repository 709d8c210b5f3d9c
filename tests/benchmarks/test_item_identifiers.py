"""Identifiers in items: every text is searched, and each reader's share of the texts is known."""

from __future__ import annotations

import pytest

from spinebench.benchmarks.identifier_forms import TextKind
from spinebench.benchmarks.item_identifiers import Texts, in_items
from spinebench.records import ClinicalCase, ImageRef, Item, Task

WHO = "Patient: Anna Kowalska, seen."


def report(**changes: object) -> Item:
    fields = {"id": "r1", "benchmark": "b", "task": Task.REPORT, "question": "Write it.", "cluster": "c"}
    return Item.model_validate({**fields, **changes})


PLACES: dict[str, tuple[dict[str, object], str, set[str]]] = {
    "question": ({"question": WHO}, "question", {"asked", "judged", "all"}),
    "history": ({"case": ClinicalCase(history=WHO)}, "case.history", {"asked", "judged", "all"}),
    "examination": ({"case": ClinicalCase(examination=WHO)}, "case.examination", {"asked", "judged", "all"}),
    "turn": ({"case": ClinicalCase(turns=("Hello.", WHO))}, "case.turns[1]", {"asked", "judged", "all"}),
    "view of an image": (
        {"images": (ImageRef(path="a.png", view=WHO),)},
        "images[0].view",
        {"asked", "judged", "all"},
    ),
    "reference": ({"reference": WHO}, "reference", {"judged", "all"}),
    "key fact": ({"case": ClinicalCase(key_facts=(WHO,))}, "case.key_facts[0]", {"judged", "all"}),
    "source": ({"source": WHO}, "source", {"all"}),
    "metadata": ({"metadata": {"a": ["x", {"b": WHO}]}}, "metadata.a[1].b", {"all"}),
    "id": ({"id": "DOE^JANE"}, "id", {"all"}),
    "cluster": ({"cluster": "MRN123456"}, "cluster", {"all"}),
}


@pytest.mark.parametrize("texts", ["asked", "judged", "all"])
@pytest.mark.parametrize(("changes", "field", "readers"), PLACES.values(), ids=PLACES)
def test_what_a_reader_is_sent_is_searched(
    changes: dict[str, object], field: str, readers: set[str], texts: Texts
) -> None:
    found = [one.field for one in in_items([report(**changes)], texts=texts)]
    assert found == ([field] if texts in readers else [])


def test_options_are_sent_and_the_reference_of_a_question_is_not() -> None:
    item = Item(
        id="k1",
        benchmark="b",
        task=Task.KNOWLEDGE,
        question="Which?",
        options=("TLIF", "Tel. 555 0199"),
        gold=("TLIF",),
        reference=WHO,
        cluster="c",
    )
    assert [one.field for one in in_items([item], texts="judged")] == ["options[1]"]
    assert [one.field for one in in_items([item])] == ["options[1]", "reference"]


def test_findings_name_item_and_place_and_mask_the_value() -> None:
    item = report(
        question="Write the report. Patient: Anna Kowalska, 54.",
        reference="Seen on 2024-03-12 at L4-5.",
        metadata={"history": ["none", {"MRN 445566": "Tel. 555 0199"}], "views": 3, "note": None},
    )
    found = list(in_items([item]))
    assert [(one.where, one.what, one.text_kind) for one in found] == [
        ("item 'r1': question, characters 27 to 40", "a name (Xxxx Xxxxxxxx)", TextKind.NAME),
        ("item 'r1': reference, characters 8 to 18", "a date (9999-99-99)", TextKind.DATE),
        (
            "item 'r1': metadata.history[1], key 0, characters 4 to 10",
            "a record number (999999)",
            TextKind.RECORD_NUMBER,
        ),
        (
            "item 'r1': metadata.history[1][0], characters 5 to 13",
            "a telephone number (999 9999)",
            TextKind.PHONE,
        ),
    ]
    assert all(one.direct and one.item_id == "r1" for one in found)
    said = "".join(one.model_dump_json() for one in found)
    assert not any(value in said for value in ("Anna", "2024", "445566", "0199"))


def test_an_id_that_identifies_is_masked_and_its_item_still_found() -> None:
    found = list(in_items([report(), report(id="DOE^JANE", question=WHO)]))
    assert [one.where for one in found] == [
        "item '***', number 2 of those read: question, characters 9 to 22",
        "item '***', number 2 of those read: id",
    ]
    assert not any("DOE" in one.model_dump_json() for one in found)


@pytest.mark.parametrize(
    "name",
    [
        "100206310", "rsna/4003253/702807833/5.jpg", "case_12345678", "report-8f3a", "Knowledge_Question_12",
        "Text Question", "Multi_Turn", "Trauma_Case", "Question_One",
    ],
)  # fmt: skip
def test_ids_and_clusters_as_data_sets_give_them_are_no_identifiers(name: str) -> None:
    assert list(in_items([report(id=name, cluster=f"{name}-c")])) == []
