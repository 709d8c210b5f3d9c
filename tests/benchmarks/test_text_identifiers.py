"""Identifiers in free text, English and Chinese: found with kind and place, never repeated; no clinical figures."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.benchmarks.text_identifiers import find_identifiers
from tests.benchmarks.identifying_texts import KEPT, LATER, SHOWN, marked

ALL = {**SHOWN, **KEPT, **LATER}


@pytest.mark.parametrize("text", ALL.values(), ids=ALL)
def test_kinds_and_places(text: str) -> None:
    plain, expected = marked(text)
    found = find_identifiers(plain)
    assert [(one.kind.value, plain[slice(*one.span)]) for one in found] == [
        (kind, plain[low:high]) for kind, low, high in expected
    ]


def test_findings_never_repeat_a_value() -> None:
    for text in ALL.values():
        plain, expected = marked(text)
        told = " ".join(one.model_dump_json() for one in find_identifiers(plain))
        for _, low, high in expected:
            words = [
                word
                for word in plain[low:high].split()
                if len(word) > 3 and word not in {"date", "name", "time"}
            ]
            assert not any(word in told for word in words), words


def test_the_form_of_a_value_is_shown_without_its_content() -> None:
    (name, date) = find_identifiers("Patient: Anna Kowalska, seen 2024-03-12")
    assert (name.kind, name.masked) == ("name", "Xxxx Xxxxxxxx")
    assert (date.kind, date.masked) == ("date", "9999-99-99")
    (chinese,) = find_identifiers("姓名:张伟")
    assert chinese.masked == "□□"


@pytest.mark.parametrize(
    ("number", "kinds"),
    [
        ("11010519491231002X", ["id_number"]),  # sum of digits by weights is 167, 167 mod 11 = 2, so X
        ("11010519491231002x", ["id_number"]),
        ("110105194912310021", ["record_number"]),  # check digit wrong: still a long number
        ("440308199901101512", ["id_number"]),
    ],
)
def test_chinese_identity_numbers_by_their_check_digit(number: str, kinds: list[str]) -> None:
    assert [one.kind.value for one in find_identifiers(f"号码为{number}。")] == kinds


def test_ages_up_to_89_are_no_identifiers() -> None:
    found = [age for age in range(1, 121) if find_identifiers(f"A {age}-year-old woman. {age}岁女性。")]
    assert found == list(range(90, 121))


CLINICAL = [
    "L4-5", "L5/S1", "C5/6", "12 x 8 mm", "9.5 mm", "VAS 7/10", "ODI 42 %", "Cobb 45°", "5-0 suture", "4 mg", "1.5 T",
    "in 2019", "grade II", "4/5", "腰4/5", "12×8毫米", "术后3个月", "VAS 7分", "左侧", "T2-weighted",
]  # fmt: skip


@given(st.lists(st.sampled_from(CLINICAL), max_size=12), st.sampled_from([", ", "; ", " ", "\n", "。"]))
def test_clinical_figures_in_any_order_are_none(parts: list[str], between: str) -> None:
    assert find_identifiers(between.join(parts)) == ()


@given(st.text(max_size=300))
def test_any_text_can_be_searched(text: str) -> None:
    found = find_identifiers(text)
    ends = [0]
    for one in found:
        assert ends[-1] <= one.span[0] < one.span[1] <= len(text)
        ends.append(one.span[1])
