"""Runs that nobody ran, as a run writes them: for measuring what has to bear hundreds of thousands of answers.

Questions of two tasks in studies of several images, models of different skill, harder and easier studies, right
and wrong answers by the project's own grading, statuses beside `answered`, and texts of a sentence-like prose with
a closing line. Nothing here is about a real model or image; every run is marked as simulated.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from string import ascii_uppercase
from typing import Any

from spinebench.evaluators.scoring import grade
from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    BenchmarkInfo,
    Extraction,
    FinishReason,
    ImageCondition,
    ImageRef,
    Item,
    JournalEntry,
    RunSpec,
    Scored,
    SentImage,
    Task,
    Usage,
    digest,
)
from spinebench.store.journal import encode
from spinebench.terms import HEALTHY, LEVELS

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PERSONA = "surgeon"
PRICE_PER_ANSWER = 0.004
_BENCHMARK = "synthetic"


@dataclass(frozen=True)
class _Source:
    """Where studies come from: what is imaged how, and which labels occur."""

    name: str
    modality: str
    region: str
    diseases: tuple[str, ...]
    share: float


_SOURCES = (
    _Source("lumbar-mri", "MRI", "lumbar",
            ("Spinal Canal Stenosis", "Foraminal stenosis", "Subarticular Stenosis", "Disc space narrowing"), 0.45),
    _Source("lumbar-xray", "X-ray", "lumbar",
            ("Osteophytes", "Spondylolisthesis", "Vertebral collapse", "Disc space narrowing"), 0.30),
    _Source("cervical-xray", "X-ray", "cervical",
            ("cervical Lordosis", "cervical Kyphosis", "Straight cervical vertebrae", "sigmoid cervical vertebrae"),
            0.15),
    _Source("lumbar-ct", "CT", "lumbar",
            ("Spondylolisthesis", "Vertebral collapse", "Osteophytes", "Spinal Canal Stenosis"), 0.10),
)  # fmt: skip
_SUBJECTS = (
    "the disc", "the canal", "the foramen", "the lateral recess", "the endplate", "the posterior margin",
    "the facet joint", "the vertebral body", "the spinous process", "the nerve root", "the ligament",
    "the sagittal alignment",
)  # fmt: skip
_VERBS = (
    "shows",
    "keeps",
    "has lost",
    "suggests",
    "lies beside",
    "narrows towards",
    "is in line with",
    "hides",
)
_OBJECTS = (
    "its height", "a low signal", "a small osteophyte", "no step", "a normal outline", "contact to the sac", "fluid",
    "a broad bulge", "its usual curve", "a fat plane", "an even texture", "sclerosis", "a wedge shape", "the root",
)  # fmt: skip
_PLACES = (
    "at L1/L2",
    "at L4/L5",
    "above the sacrum",
    "on the left",
    "on the right",
    "between C4 and C6",
    "throughout",
)

_REPLIES: dict[AnswerStatus, tuple[float, str]] = {
    AnswerStatus.NO_ANSWER: (0.008, "None of these options fits what I see."),
    AnswerStatus.UNPARSED: (0.015, "Either the first or the last of them would be defensible here."),
    AnswerStatus.REFUSED: (0.006, "I cannot give a medical assessment of this image."),
    AnswerStatus.TRUNCATED: (0.006, "Weighing this against the next option, the"),
    AnswerStatus.ERROR: (0.003, ""),
}
"""Share of the answers without a choice, and how their text ends."""

_MODEL, _TEXT, _FROM, _TO, _LATENCY, _TOKENS = (
    "@model",
    "@text",
    900_000_001,
    900_000_002,
    900_003.5,
    900_000_004,
)
"""What stands in an encoded line where each answer of the same item and choice differs."""


def items(n: int, *, seed: int = 0) -> list[Item]:
    """The first n questions: studies of one to five images, one to three questions each, a fifth of them healthy."""
    return list(islice(_endless_items(random.Random(seed)), n))


def _endless_items(chance: random.Random) -> Iterator[Item]:
    study = number = 0
    while True:
        source = chance.choices(_SOURCES, [one.share for one in _SOURCES])[0]
        disease = HEALTHY if chance.random() < 0.2 else chance.choice(source.diseases)
        for image in range(chance.choice((1, 1, 2, 3, 5))):
            path = f"{source.name}/{study:06}/{image}.png"
            common: dict[str, Any] = {
                "benchmark": _BENCHMARK,
                "images": (ImageRef(path=path, sha256=digest(path)),),
                "disease": disease,
                "modality": source.modality,
                "region": source.region,
                "source": source.name,
                "cluster": f"{source.name}/{study:06}",
            }
            others = chance.sample([one for one in source.diseases if one != disease], 3)
            options = [disease, *others, *([] if disease == HEALTHY else [HEALTHY])]
            chance.shuffle(options)
            yield Item(
                id=f"diagnosis-{number:06}", task=Task.DIAGNOSIS, gold=(disease,), options=tuple(options),
                question="Which of these options describes the image best?", **common,
            )  # fmt: skip
            number += 1
            if source.region == "lumbar" and disease != HEALTHY and chance.random() < 0.7:
                first = chance.randrange(len(LEVELS))
                levels = LEVELS[first : first + chance.choice((1, 1, 2))]
                yield Item(
                    id=f"localization-{number:06}", task=Task.LOCALIZATION, gold=levels, levels=levels,
                    options=LEVELS, question=f"At which levels is the finding ({disease}) seen?", **common,
                )  # fmt: skip
                number += 1
        study += 1


def run_spec(run_id: str, asked: Sequence[Item], models: tuple[str, ...], *, at: datetime = NOW) -> RunSpec:
    """What the run is."""
    by_task = {
        task.value: sum(one.task is task for one in asked) for task in (Task.DIAGNOSIS, Task.LOCALIZATION)
    }
    items_hash = digest([one.id for one in asked])
    return RunSpec(
        run_id=run_id, created_at=at, models=models, personas=(PERSONA,), option_orders=("as_given",),
        image_conditions=(ImageCondition.NORMAL,), n_items=len(asked), n_planned=len(asked) * len(models),
        simulated=True, benchmark=BenchmarkInfo(
            name=_BENCHMARK, format="native-jsonl", path=f"{_BENCHMARK}.jsonl", n_items=len(asked), n_by_task=by_task,
            n_clusters=len({one.cluster for one in asked}), items_hash=items_hash, simulated=True,
        ),
        seed=0, digest=digest([run_id, items_hash]), digest_parts={"items": items_hash}, plan={}, versions={},
    )  # fmt: skip


def entry(of: Item, run_id: str, choice: AnswerStatus | str, *, model: str, text: str) -> JournalEntry:
    """The journal's entry of one answer: `choice` is the letters that it names, or why it names none."""
    key = AnswerKey(
        item_id=of.id, model=model, persona=PERSONA, image_condition=ImageCondition.NORMAL,
        option_order="as_given", epoch=1,
    )  # fmt: skip
    status = choice if isinstance(choice, AnswerStatus) else AnswerStatus.ANSWERED
    failed = status is AnswerStatus.ERROR
    form = text == _TEXT
    span = (_FROM, _TO) if form else (0, len(text))
    extraction = Extraction(
        letters=tuple(choice) if not isinstance(choice, AnswerStatus) else (),
        status=status,
        rule=None if isinstance(choice, AnswerStatus) else "closing_line",
        span=None if isinstance(choice, AnswerStatus) else span,
        version="rules-2",
    )
    order = tuple(range(len(of.options)))
    image = SentImage(
        source_path=of.images[0].path, source_sha256=of.images[0].sha256, sha256=of.images[0].sha256 or "0" * 64,
        media_type="image/png", width=512, height=512, n_bytes=200_000, transform="as_is",
    )  # fmt: skip
    # Whether there is text to read is known from the reply; that it names no option is found by extraction.
    of_reply = (AnswerStatus.ERROR, AnswerStatus.REFUSED, AnswerStatus.TRUNCATED)
    return JournalEntry(
        answer=Answer(
            key=key, run_id=run_id, status=status if status in of_reply else AnswerStatus.ANSWERED,
            text=text, finish_reason=None if failed else FinishReason.STOP, option_permutation=order, images=(image,),
            prompt_hash=digest(PERSONA), request_hash=digest(of.id), response_id=None,
            provider_model=None if failed else model,
            usage=Usage() if failed
            else Usage(input_tokens=1050, output_tokens=_TOKENS if form else len(text) // 4, cost_usd=PRICE_PER_ANSWER),
            latency_s=None if failed else _LATENCY if form else 1.5, attempts=1, at=NOW + timedelta(seconds=1),
        ),
        scored=None if status in of_reply else Scored(
            key=key, run_id=run_id, at=NOW + timedelta(seconds=1), extraction=extraction,
            grade=grade(of, extraction, permutation=order),
        ),
    )  # fmt: skip


@dataclass(frozen=True)
class WrittenAnswer:
    """One answer as it goes into a journal."""

    item: Item
    model: str
    answer_id: str
    form: JournalEntry
    """Of the same item and choice, with placeholders: grade and status hold, the text does not."""
    text: str
    line: bytes


def answers(
    asked: Sequence[Item], models: Sequence[str], run_id: str, *, text_bytes: int = 1500, seed: int = 0
) -> Iterator[WrittenAnswer]:
    """Every model's answer to every item, item by item, texts of `text_bytes` on average.

    Filled into lines that the project's own records and encoder made: through the records each of 780,000 would take
    longer than what is measured.
    """
    chance = random.Random(f"{seed} {run_id}")
    sentences = _sentences(random.Random(seed))
    mean = sum(map(len, sentences)) / len(sentences)
    n_sentences = max(1, round(text_bytes / mean))
    skills = {model: 0.35 + 0.5 * random.Random(model).random() for model in models}
    cluster, ease = "", 0.0
    for of in asked:
        if of.cluster != cluster:
            cluster, ease = of.cluster, random.Random(f"{seed} {of.cluster}").gauss(0, 0.18)
        forms: dict[AnswerStatus | str, tuple[JournalEntry, str]] = {}
        for model in models:
            choice = _choice(of, min(0.97, max(0.05, skills[model] + ease)), chance)
            if choice not in forms:
                form = entry(of, run_id, choice, model=_MODEL, text=_TEXT)
                forms[choice] = form, encode(form).decode()
            form, line = forms[choice]
            text = _text(choice, chance, sentences, n_sentences)
            line = line.replace(f'"{_MODEL}"', f'"{model}"').replace(f'"{_TEXT}"', f'"{text}"')
            line = line.replace(str(_LATENCY), f"{chance.lognormvariate(1, 0.5):.3f}")
            line = line.replace(str(_TOKENS), str(len(text) // 4))
            if not isinstance(choice, AnswerStatus):
                line = line.replace(str(_FROM), str(len(text) - len(choice) - 2)).replace(
                    str(_TO), str(len(text))
                )
            key = AnswerKey(
                item_id=of.id, model=model, persona=PERSONA, image_condition=ImageCondition.NORMAL,
                option_order="as_given", epoch=1,
            )  # fmt: skip
            yield WrittenAnswer(of, model, key.id(), form, text, line.encode())


def _choice(of: Item, skill: float, chance: random.Random) -> AnswerStatus | str:
    drawn = chance.random()
    for status, (share, _) in _REPLIES.items():
        drawn -= share
        if drawn < 0:
            return status
    right = [place for place, option in enumerate(of.options) if option in of.gold]
    if chance.random() < skill:
        return "".join(ascii_uppercase[place] for place in right)
    if of.task is Task.DIAGNOSIS:
        wrong = [place for place in range(len(of.options)) if place not in right]
        return ascii_uppercase[chance.choice(wrong)]
    shifted = [place + chance.choice((-1, 1)) for place in right]
    kinds = [right[1:], sorted({*right, chance.randrange(len(of.options))}), shifted]
    picked = [place for place in chance.choice(kinds) if 0 <= place < len(of.options)]
    places = picked or [chance.randrange(len(of.options))]
    return "".join(ascii_uppercase[place] for place in places)


def _sentences(chance: random.Random, n: int = 6000) -> list[str]:
    """Prose that says nothing, safe within a JSON string as it stands."""
    found = []
    for _ in range(n):
        parts = [
            " ".join(chance.choice(of) for of in (_SUBJECTS, _VERBS, _OBJECTS, _PLACES))
            for _ in range(chance.choice((1, 2, 2)))
        ]
        found.append(f"{', and '.join(parts).capitalize()} ({chance.randrange(10_000)}).")
    return found


def _text(
    choice: AnswerStatus | str, chance: random.Random, sentences: Sequence[str], n_sentences: int
) -> str:
    if choice is AnswerStatus.ERROR:
        return ""
    n = 1 if choice is AnswerStatus.REFUSED else max(1, round(n_sentences * chance.uniform(0.6, 1.4)))
    end = _REPLIES[choice][1] if isinstance(choice, AnswerStatus) else f"Final answer: [{choice}]"
    return " ".join([*chance.choices(sentences, k=n), end])
