"""The demo's cases: every task of the level-aware benchmark, made up and labelled as such."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from spinebench.benchmarks import load_benchmark
from spinebench.benchmarks.check import check_benchmark
from spinebench.demo.cases import write_demo_cases
from spinebench.evaluators.written_case import asked_text
from spinebench.records import Task


def test_every_task_is_there_and_nothing_is_wrong_with_it(tmp_path: Path) -> None:
    benchmark = load_benchmark(write_demo_cases(tmp_path, n_reports=6))
    assert benchmark.info.simulated
    assert Counter(item.task for item in benchmark.items) == {
        Task.KNOWLEDGE: 12,
        Task.REPORT: 6,
        Task.CONSULTATION: 2,
    }
    report = check_benchmark(benchmark)
    assert (report.invalid, report.unusable, report.identifiers) == ((), (), ())
    assert {len(item.images) for item in benchmark.items if item.task is Task.REPORT} == {1, 2}
    assert {item.language for item in benchmark.items} == {"en", "zh"}


def test_what_is_expected_of_a_report_is_not_in_what_is_asked(tmp_path: Path) -> None:
    for item in load_benchmark(write_demo_cases(tmp_path)).items:
        if item.task is Task.REPORT:
            assert item.reference is not None
            assert item.case is not None
            assert item.case.history is not None
            assert item.case.history in asked_text(item)
            assert not any(fact in asked_text(item) for fact in item.case.key_facts)


def test_the_same_seed_draws_the_same_bytes(tmp_path: Path) -> None:
    one, same, other = (
        write_demo_cases(tmp_path / name, seed=seed) for name, seed in (("a", 1), ("b", 1), ("c", 2))
    )
    assert one.read_bytes() == same.read_bytes() != other.read_bytes()
    pictures = [path.relative_to(one.parent) for path in sorted(one.parent.rglob("*.png"))]
    assert pictures
    assert all((one.parent / path).read_bytes() == (same.parent / path).read_bytes() for path in pictures)
