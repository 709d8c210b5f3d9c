"""Agreement of the extraction rules with other people's extraction, on texts real models wrote.

    python benchmarks/extraction_agreement.py --data DIR [--half reading|held|both] [--json FILE] [--show SET:CLASS]

DIR holds the folders `mmlu_pro`, `mmmu_pro`, `medical_reasoning_cot`, `vlmevalkit`, `mmmu_example_outputs`,
`medagents_bench` and `helm` as their authors published them; those that are missing are left out. Every text is
put into one of two halves by the hash of its set and id: the rules were written while reading the first, the
second was only counted.
"""

from __future__ import annotations

import argparse
import ast
import gzip
import hashlib
import json
import re
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spinebench.evaluators.extraction import EXTRACTION_VERSION, ClosingPhrases, extract
from spinebench.records import Extraction

LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"


@dataclass(frozen=True)
class Case:
    """One text with what others made of it."""

    set: str
    id: str
    text: str
    options: dict[str, str]
    letter: str | None = None
    """Read by the authors; None: they read none."""
    has_letter: bool = False
    """Whether the authors' letter is part of the data at all."""
    tick: bool | None = None
    """The authors' own right or wrong."""
    gold: str | None = None

    @property
    def half(self) -> str:
        digest = hashlib.sha256((self.set + self.id).encode()).hexdigest()
        return "reading" if int(digest[0], 16) < 8 else "held"


def _lettered(texts: list[Any]) -> dict[str, str]:
    return {LETTERS[i]: str(text) for i, text in enumerate(texts)}


def mmlu_pro(folder: Path) -> Iterator[Case]:
    """Gemini 1.5 Flash, ten options, five-shot prompts that end `The answer is (X).`"""
    for path in sorted((folder / "mmlu_pro").glob("*.zip")):
        with zipfile.ZipFile(path) as archive:
            for name in archive.namelist():
                for row in json.loads(archive.read(name)):
                    yield Case(
                        "mmlu_pro",
                        str(row["question_id"]),
                        row["model_outputs"] or "",
                        _lettered(row["options"]),
                        letter=row["pred"],
                        has_letter=True,
                        gold=row["answer"],
                    )


def mmmu_pro(folder: Path) -> Iterator[Case]:
    """GPT-4o, ten options, chain of thought that ends `Answer: X`."""
    for path in sorted((folder / "mmmu_pro").glob("*.jsonl")):
        for line in path.read_text(encoding="utf-8").splitlines():
            row = json.loads(line)
            yield Case(
                "mmmu_pro",
                row["id"],
                row["response"],
                _lettered(ast.literal_eval(row["options"])),
                letter=row["pred_indexs"],
                has_letter=True,
                tick=bool(row["if_right"]),
                gold=row["answer"],
            )


def medical_cot(folder: Path) -> Iterator[Case]:
    """Chain of thought on USMLE questions that ends `among A through D, the answer is X`; the authors' tick."""
    for path in sorted((folder / "medical_reasoning_cot").glob("*.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for number, line in enumerate(lines):
                row = json.loads(line)
                if row["gold"] is None:
                    continue
                options = dict(re.findall(r"^([A-E])\) (.*)$", row["question"], re.MULTILINE))
                tick = str(row["marked_correct"]) == "True"
                yield Case("med_cot", str(number), row["response"], options, tick=tick, gold=row["gold"])


def vlmevalkit(folder: Path) -> Iterator[Case]:
    """GPT-4.1 with the tick of the tool's judge; Qwen-VL with gold only."""
    from openpyxl import load_workbook

    for name, label in (
        ("gpt-4.1_tdbench_rot0_openai_result", "tdbench"),
        ("qwen_chat_MMMU_DEV_VAL", "qwen_mmmu"),
    ):
        path = folder / "vlmevalkit" / f"{name}.xlsx"
        if not path.exists():
            continue
        book = load_workbook(path, read_only=True)
        head, *rows = list(book.worksheets[0].iter_rows(values_only=True))
        book.close()
        for cells in rows:
            row = dict(zip(map(str, head), cells, strict=False))
            options = {k: str(row[k]) for k in "ABCDEFGHI" if row.get(k) is not None}
            if len(options) < 2:
                continue
            tick = None if row.get("hit") is None else str(row["hit"]) == "1"
            gold = row["answer"]
            yield Case(label, str(row["index"]), str(row["prediction"] or ""), options, tick=tick, gold=gold)


def mmmu_examples(folder: Path) -> Iterator[Case]:
    """Qwen-VL on medical MMMU questions, free replies, gold only."""
    for path in sorted((folder / "mmmu_example_outputs").glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            if row["question_type"] == "multiple-choice":
                yield Case("mmmu_ex", row["id"], row["response"], row["index2ans"], gold=row["answer"])


def one_letter(folder: Path) -> Iterator[Case]:
    """Replies of one letter: GPT-4o mini in MedAgents' files, Claude 3 Haiku in HELM's."""
    for path in sorted((folder / "medagents_bench").glob("*.json")):
        for row in json.loads(path.read_text(encoding="utf-8")):
            text = row["predicted_answer"]
            yield Case("medagents", str(row["realidx"]), text, row["options"], text, True)
    for path in sorted((folder / "helm").glob("*/scenario_state.json")):
        for row in json.loads(path.read_text(encoding="utf-8"))["request_states"]:
            text = row["result"]["completions"][0]["text"]
            yield Case("helm", row["instance"]["id"], text, row["output_mapping"], text.strip(), True)


SOURCES: tuple[Callable[[Path], Iterator[Case]], ...] = (
    mmlu_pro,
    mmmu_pro,
    medical_cot,
    vlmevalkit,
    mmmu_examples,
    one_letter,
)
OWN_PHRASES = {
    "mmlu_pro": ClosingPhrases((r"the answer is",), generic=False),
    "mmmu_pro": ClosingPhrases((r"answer:",), generic=False),
    "med_cot": ClosingPhrases((r"the answer is",), generic=False),
}
"""The closing phrase each prompt asked for, given as a parameter and nothing else in force beside it."""


def _class(case: Case, found: Extraction) -> str:
    """What kind of agreement or disagreement this is. Where the authors' letter is missing: by their tick."""
    ours = found.letters[0] if found.letters else None
    if case.has_letter:
        if ours == case.letter:
            return "same letter" if ours else "both none"
        if ours is None:
            return f"only they read one; we: {found.rule or found.status.value}"
        if case.letter is None:
            return f"only we read one: {found.rule}"
        return f"other letter: {found.rule}"
    if case.tick is not None:
        if (ours == case.gold) == case.tick:
            return "tick as ours" if ours else "ticked wrong, we read none"
        return f"tick differs; we: {found.rule or found.status.value}"
    return "answered" if ours else found.status.value


def measure(cases: list[Case], *, own_phrase: bool = False) -> tuple[dict[str, Counter[str]], float]:
    """Counts of classes, statuses and rules per set, and CPU seconds spent extracting."""
    counts: dict[str, Counter[str]] = {}
    spent = 0.0
    for case in cases:
        phrases = OWN_PHRASES.get(case.set) if own_phrase else None
        start = time.process_time()
        found = extract(case.text, task="knowledge", options=case.options, phrases=phrases)
        spent += time.process_time() - start
        count = counts.setdefault(case.set, Counter())
        count["n"] += 1
        count["answered"] += bool(found.letters)
        count["status " + found.status.value] += 1
        count["rule " + str(found.rule)] += 1
        count["class " + _class(case, found)] += 1
        count["right of answered"] += found.letters == (case.gold,)
    return counts, spent


def agreement(count: Counter[str]) -> float | None:
    """Share of texts where both read the same letter or none, or where the tick is the same; None without either."""
    if not any(key.startswith(("class same", "class tick", "class both")) for key in count):
        return None
    same = sum(
        count["class " + name]
        for name in ("same letter", "both none", "tick as ours", "ticked wrong, we read none")
    )
    return same / count["n"]


def _table(title: str, counts: dict[str, Counter[str]]) -> None:
    print(
        f"\n{title}\n{'set':<10} {'n':>6} {'answered':>9} {'no_answer':>9} {'refused':>8} {'unparsed':>9} {'agree':>8}"
    )
    for name, count in counts.items():
        share = agreement(count)
        numbers = [count["status " + status] for status in ("answered", "no_answer", "refused", "unparsed")]
        shown = " ".join(f"{value:>{width}}" for value, width in zip(numbers, (9, 9, 8, 9), strict=True))
        print(f"{name:<10} {count['n']:>6} {shown} {'' if share is None else f'{share:8.2%}':>8}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder with the published outputs")
    parser.add_argument("--half", choices=("reading", "held", "both"), default="both")
    parser.add_argument("--json", type=Path, help="write all counts to this file")
    parser.add_argument("--show", metavar="SET:CLASS", help="print the texts of a class, shortened")
    parser.add_argument("--limit", type=int, default=20, help="how many texts --show prints")
    arguments = parser.parse_args()

    cases = [case for source in SOURCES for case in source(arguments.data)]
    if arguments.half != "both":
        cases = [case for case in cases if case.half == arguments.half]
    if arguments.show:
        _show(cases, arguments.show, arguments.limit)
        return
    report: dict[str, Any] = {"version": EXTRACTION_VERSION}
    for half in ("reading", "held"):
        part = [case for case in cases if case.half == half]
        if not part:
            continue
        counts, spent = measure(part)
        _table(f"{half} half, default phrases ({1000 * spent / len(part):.2f} ms CPU per text)", counts)
        for name, count in counts.items():
            for key in sorted(key for key in count if key.startswith("class ")):
                if key not in {"class same letter", "class both none", "class tick as ours"}:
                    print(f"    {name}: {key.removeprefix('class ')}: {count[key]}")
        own, _ = measure([case for case in part if case.set in OWN_PHRASES], own_phrase=True)
        _table(f"{half} half, only the set's own closing phrase", own)
        report[half] = {"default": counts, "own_phrase": own, "cpu_s": spent}
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=1, sort_keys=True), encoding="utf-8")


def _show(cases: list[Case], which: str, limit: int) -> None:
    name, _, wanted = which.partition(":")
    shown = 0
    for case in cases:
        if case.set != name or shown >= limit:
            continue
        found = extract(case.text, task="knowledge", options=case.options)
        if wanted in _class(case, found):
            shown += 1
            print(
                f"--- {case.id} gold {case.gold}, they {case.letter or case.tick}, we {found.letters} by {found.rule}"
            )
            print(case.text[-400:])


if __name__ == "__main__":
    main()
