"""The levels that a text names.

What is expected is written as `L4/L5 left; -L3/L4; L5 root`: levels in the order of the text, a mark for the standing
(none: asserted, `?` uncertain, `-` negated, `=` normal, `<` prior, `@` mentioned), the kind of a root, the side.
"""

from __future__ import annotations

import json
import time
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.evaluators.level_naming import Kind, Mention, Standing, named_levels
from spinebench.evaluators.level_naming.chain import VERTEBRAE, neighbours
from spinebench.evaluators.level_naming.expressions import MOST
from tests.evaluators.level_naming.cases import CASES, LATER
from tests.evaluators.level_naming.held_out_cases import HELD_OUT

MARKS = {
    Standing.ASSERTED: "",
    Standing.UNCERTAIN: "?",
    Standing.NEGATED: "-",
    Standing.NORMAL: "=",
    Standing.PRIOR: "<",
    Standing.MENTIONED: "@",
}


def written(mentions: tuple[Mention, ...]) -> str:
    return "; ".join(
        MARKS[one.standing]
        + one.level
        + (" root" if one.kind is Kind.ROOT else "")
        + (f" {one.side}" if one.side else "")
        for one in mentions
    )


ALL = (*CASES, *HELD_OUT, *LATER)


@pytest.mark.parametrize(("text", "expected"), [case[1:] for case in ALL], ids=[case[0] for case in ALL])
def test_levels_sides_and_standing(text: str, expected: str) -> None:
    assert written(named_levels(text)) == expected


@pytest.mark.parametrize("text", ["", " ", "\n\n", "no level at all", "\u200b"])
def test_nothing_named(text: str) -> None:
    assert named_levels(text) == ()


@pytest.mark.parametrize(
    ("text", "quotes"),
    [
        ("Herniation at L4/5 and L5-S1.", ["L4/5", "L5-S1"]),
        ("**Ｌ４－Ｌ５** bulge", ["Ｌ４－Ｌ５"]),
        ("腰3/4、4/5椎间盘突出", ["腰3/4", "4/5"]),
        ("Fracture of the fifth  lumbar\tvertebra", ["fifth  lumbar"]),
        ("Laminectomy from L1 to L3", ["L1 to L3"] * 3),
        ("L\u200b4/\u200b5 bulge", ["L\u200b4/\u200b5"]),
    ],
    ids=["plain", "full-width", "chinese", "spaces", "range", "invisible"],
)
def test_spans_are_those_of_the_text_as_written(text: str, quotes: list[str]) -> None:
    assert [text[one.start : one.end] for one in named_levels(text)] == quotes


def _disc(upper: str, lower: str) -> list[str]:
    number = lower[1:]
    short = [f"{upper}/{number}", f"{upper}-{number}"] if upper[0] == lower[0] else []
    return [f"{upper}/{lower}", f"{upper}-{lower}", f"{upper}–{lower}", f"{upper}{lower}", *short]


@pytest.mark.parametrize("place", range(len(VERTEBRAE) - 1))
def test_every_disc_in_every_notation(place: int) -> None:
    upper, lower = VERTEBRAE[place : place + 2]
    assert neighbours(upper, lower)
    for name in _disc(upper, lower):
        found = named_levels(f"Disc herniation at {name} of the spine.")
        assert written(found) == f"{upper}/{lower}", name
        assert found[0].kind is Kind.DISC


@pytest.mark.parametrize("name", VERTEBRAE)
def test_every_vertebra_in_both_languages(name: str) -> None:
    letter = {"C": "颈", "T": "胸", "L": "腰", "S": "骶"}[name[0]]
    numeral = ("", *"一二三四五六七八九十", "十一", "十二")[int(name[1:])]
    for text in (
        f"Fracture of the {name} vertebra.",
        f"{letter}{name[1:]}椎体骨折",
        f"第{name[1:]}{letter}椎骨折",
        f"第{numeral}{letter}椎骨折",
        f"{letter}{numeral}椎体骨折",
    ):
        assert written(named_levels(text)) == name, text


@given(
    st.text(alphabet=st.sampled_from(list("LCTS1245/-,. noat左右侧未见腰颈椎间盘\n:?()、至")), max_size=120)
)
def test_any_text_gives_ordered_valid_mentions(text: str) -> None:
    found = named_levels(text)
    assert found == named_levels(text)
    for one in found:
        assert 0 <= one.start < one.end <= len(text)
        upper, _, lower = one.level.partition("/")
        assert (one.kind is Kind.DISC) == bool(lower)
        assert not lower or neighbours(upper, lower)


@given(st.sampled_from([case for case in ALL if "\u200b" not in case[1]]))
def test_full_width_letters_and_digits_read_alike(case: tuple[str, str, str]) -> None:
    wide = "".join(chr(ord(char) + 0xFEE0) if char.isascii() and char.isalnum() else char for char in case[1])
    assert written(named_levels(wide)) == case[2]


_HOSTILE = {
    "list": "L4, ",
    "chain": "L4-L5-",
    "ranges": "C1 to S1; ",
    "sides": "left L4/5 right ",
    "denials": "no herniation at L4, ",
    "ordinals": "第四、",
    "words": "first, second ",
    "chinese list": "腰4、",
    "headings": "L4/5: bulge. ok. ",
    "lines": "L4/5\n",
    "exceptions": "except L4, ",
    "past": "prior L4 status post ",
    "one word": "a",
    "dashes": "-",
    "invisible": "L\u200b4",
}


@pytest.mark.parametrize("piece", list(_HOSTILE.values()), ids=list(_HOSTILE))
def test_cost_grows_with_the_length_and_no_faster(piece: str) -> None:
    """Four times the text may take eight times the processor time, not sixteen; the least of five."""

    def cost(size: int) -> float:
        text = "spine " + (piece * (size // len(piece) + 1))[:size]
        times: list[float] = []
        for _ in range(5):
            begin = time.process_time()
            named_levels(text + "x" * len(times))
            times.append(time.process_time() - begin)
        return min(times)

    cost(500)
    assert cost(12_000) < 8 * cost(3_000) + 0.05


def test_a_megabyte_is_read_and_its_levels_are_bounded() -> None:
    text = "spine " + "C1 to S5; L4/5 left and no L3, " * 33_000
    assert len(text) > 1_000_000
    found = named_levels(text)
    assert MOST <= len(found) < MOST + 100
    assert named_levels("-" * 1_000_000) == ()


_OUTPUTS = Path(__file__).resolve().parents[4] / "shared" / "data" / "real" / "model_outputs"


@pytest.mark.skipif(not _OUTPUTS.is_dir(), reason="no folder of real model outputs beside the repository")
def test_answers_about_other_subjects_name_next_to_no_level() -> None:
    """Every twelfth question of fourteen subjects: capacitors C1, temperatures T1, units T-1, heart sounds S1."""
    (path,) = (_OUTPUTS / "mmlu_pro").glob("*.zip")
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        questions = json.loads(archive.read(name))[::12]
    texts = [text for question in questions for text in _strings(question)]
    assert sum(map(len, texts)) > 300_000
    named = [text[one.start - 20 : one.end + 20] for text in texts for one in named_levels(text)]
    assert len(named) <= sum(map(len, texts)) / 100_000


def _strings(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for one in value.values():
            yield from _strings(one)
    elif isinstance(value, list):
        for one in value:
            yield from _strings(one)
