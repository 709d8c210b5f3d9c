"""Small exams for tests: drawn images, records in the released format, planted answers, commands as users call them.

Used through the fixtures of `tests/conftest.py`.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, ImageDraw

if TYPE_CHECKING:
    from spinebench.records import Answer
    from spinebench.store.run_folder import RunFolder
    from tests.servers.provider import ProviderServer
    from tests.servers.wire import Received, Reply

MODEL = "openai-compatible/test-model"
"""The loopback provider lists this model, so that checking it costs no call."""

ROOT = Path(__file__).resolve().parent.parent
DIAGNOSIS, LOCALIZATION = "spine_disease_classification", "spine_lesion_localization"
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")
DISEASES = ("Osteophytes", "Healthy", "Spondylolisthesis", "Disc space narrowing", "Foraminal stenosis")


@dataclass
class Exam:
    """A benchmark file, its records, and what a model is to answer to each question."""

    folder: Path
    file: Path
    records: list[dict[str, Any]]
    planted: dict[str, str | Sequence[str]] = field(default_factory=dict)
    """Question -> option texts to choose (a sequence), or the whole reply (a string)."""
    asked: list[str] = field(default_factory=list)
    """Questions in the order in which `answer` met them."""
    _guard: threading.Lock = field(default_factory=threading.Lock)

    def question(self, index: int) -> str:
        return str(self.records[index]["question"])

    def rewrite(self) -> None:
        """Write the records again after they were changed."""
        self.file.write_text(json.dumps(self.records), "utf-8")

    def answer(self, request: Received) -> Reply:
        """The planted answer to the question in a request, in the letters that the request shows."""
        from tests.servers.wire import Reply

        if request.text == "ping":  # the check of a model that the server does not list
            return Reply(text="pong")
        question = self.question_in(request)
        with self._guard:
            self.asked.append(question)
        planted = self.planted[question]
        if isinstance(planted, str):
            return Reply(text=planted)
        letters = sorted(letter_of(option, request.text) for option in planted)
        plural = "s" if "final options:" in request.text else ""
        return Reply(text=f"I looked at the image.\n\nMy final option{plural}: [{', '.join(letters)}]")

    def question_in(self, request: Received) -> str:
        return next(question for question in self.planted if question in request.text)

    def n_asked(self) -> dict[str, int]:
        """Question -> how often it was asked."""
        return {question: self.asked.count(question) for question in self.planted}


def statuses(run: RunFolder) -> dict[str, str]:
    """Question -> what became of it: the extraction's status, or the answer's where nothing was extracted."""
    questions = {item.id: item.question for item in run.items()}
    found = {}
    for entry in run.latest():
        assert entry.answer is not None
        status = entry.answer.status if entry.scored is None else entry.scored.extraction.status
        found[questions[entry.answer.key.item_id]] = status.value
    return found


def answers(run: RunFolder) -> dict[str, Answer]:
    """Question -> its latest answer; for runs with one answer to a question."""
    questions = {item.id: item.question for item in run.items()}
    latest = [entry.answer for entry in run.latest() if entry.answer is not None]
    found = {questions[answer.key.item_id]: answer for answer in latest}
    assert len(found) == len(latest)
    return found


def letter_of(option: str, prompt: str) -> str:
    """The letter of an option as the prompt shows it."""
    found = re.findall(rf"\b([A-Z]): {re.escape(option)}", prompt)
    assert len(set(found)) == 1, (option, found)
    return str(found[0])


def draw(path: Path, number: int, *, size: tuple[int, int] = (48, 64)) -> str:
    """A small grey picture that no other number gives; returns its SHA-256."""
    image = Image.new("RGB", size, (20 + number % 200,) * 3)
    pen = ImageDraw.Draw(image)
    for row in range(5):
        pen.rectangle((14 + (number * 7 + row) % 9, 4 + 12 * row, 34, 12 + 12 * row), fill=(200, 200, 190))
    pen.point([(number % size[0], number // size[0])], fill=(255, 255, 255))
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return hashlib.sha256(path.read_bytes()).hexdigest()


def write_exam(folder: Path, *, n: int = 8, right: Sequence[int] | None = None) -> Exam:
    """`n` records, even ones diagnosis, odd ones localization, each with an image and a study of its own.

    Gold: disease or level number i, cyclically (i = index // 2); odd records alternate between one level and two.
    Planted: the right answer for the indices in `right` (None: all), otherwise a wrong one.
    """
    records: list[dict[str, Any]] = []
    planted: dict[str, str | Sequence[str]] = {}
    for index in range(n):
        path = f"rsna/{7000 + index}/1/{index}.png"
        draw(folder / path, index)
        turn = index // 2
        if index % 2 == 0:
            gold = [DISEASES[turn % 5]]
            wrong = [DISEASES[(turn + 1) % 5]]
            question = f"Which diagnosis fits best? (case {index:04d})"
            records.append(
                {
                    "image": path,
                    "question": question,
                    "task": DIAGNOSIS,
                    "answers": gold[0],
                    "options": list(DISEASES),
                }
            )
        else:
            first = turn % 5
            gold = [LEVELS[first]] if turn % 2 == 0 else sorted({LEVELS[first], LEVELS[(first + 1) % 5]})
            wrong = [level for level in LEVELS if level not in gold][:1]
            question = f"Which levels are affected? (case {index:04d})"
            records.append(
                {
                    "image": path,
                    "question": question,
                    "task": LOCALIZATION,
                    "answers": gold,
                    "options": list(LEVELS[::-1]),
                }
            )
        planted[question] = gold if right is None or index in right else wrong
    folder.mkdir(parents=True, exist_ok=True)
    exam = Exam(folder, folder / "test.json", records, planted)
    exam.rewrite()
    return exam


@dataclass(frozen=True)
class Said:
    """What a command printed and how it ended."""

    code: int
    out: str
    err: str

    @property
    def records(self) -> list[dict[str, Any]]:
        """Stdout as NDJSON; fails where a line is anything else."""
        return [json.loads(line) for line in self.out.splitlines()]

    def record(self, kind: str) -> dict[str, Any]:
        (one,) = [record for record in self.records if record["type"] == kind]
        return one

    @property
    def last(self) -> str:
        """The last line on stderr: of a command that failed, how to go on."""
        return self.err.rstrip("\n").rsplit("\n", 1)[-1]


def asking(exam: Exam, server: ProviderServer, *, model: str = MODEL) -> list[str]:
    """Arguments of `spinebench run` for an exam through the loopback provider, without progress lines."""
    server.answer = exam.answer
    protocol = model.partition("/")[0].removesuffix("-compatible")
    base_url = getattr(server, f"{protocol}_url")
    return ["run", "-b", str(exam.file), "-m", model, "-M", f"base_url={base_url}", "--display", "none"]


def command(*args: str | Path) -> list[str]:
    """The command line that runs spinebench in a process of its own."""
    return [sys.executable, "-m", "spinebench", *map(str, args)]


def start(
    *args: str | Path, cwd: Path, env: Mapping[str, str] | None = None, line: Sequence[str] | None = None
) -> subprocess.Popen[str]:
    """Start a command in a process (and process group) of its own."""
    variables = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SPINEBENCH_", "COV_")) and not name.endswith("_API_KEY")
    }
    variables |= {"PYTHONPATH": str(ROOT), "COLUMNS": "120", **(env or {})}
    return subprocess.Popen(
        list(line) if line is not None else command(*args),
        cwd=cwd,
        env=variables,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str], *, timeout_s: float = 60) -> Said:
    """Wait for a process started by `start`."""
    out, err = process.communicate(timeout=timeout_s)
    return Said(process.returncode, out, err)


def wait_until(condition: Callable[[], bool], *, timeout_s: float = 30) -> None:
    """Return once the condition holds."""
    deadline = time.monotonic() + timeout_s
    while not condition():
        assert time.monotonic() < deadline, "the condition did not come true"
        time.sleep(0.01)


def without_times(summary: Mapping[str, Any]) -> dict[str, Any]:
    """A result record without what differs between equal runs."""
    return {name: value for name, value in summary.items() if name not in {"run_id"}}
