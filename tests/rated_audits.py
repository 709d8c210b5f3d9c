"""Small audits on disk with drawn images, for tests of packets, ratings and what is decided on them."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from spinebench.audit_records import (
    AuditEntry,
    AuditSpec,
    AuditTrace,
    Blinding,
    FrameTrace,
    Pick,
    RefersBy,
    Review,
    SampleMode,
    SampleSpec,
    StrataBy,
    Stratum,
)
from spinebench.benchmarks.images import ImageStore
from spinebench.records import (
    Answer,
    AnswerStatus,
    Extraction,
    Grade,
    ImageRef,
    Item,
    Outcome,
    RunSpec,
    Scored,
    Task,
)
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, rubrics_hash
from spinebench.store import AuditFolder, Workspace
from tests import stored_runs
from tests.exams import draw

NOW = datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)
HASH = "cd" * 32
MODELS = ("openai/gpt-4o-2024-08-06", "anthropic/claude-opus-9")
RUN = "run-with-secret-name"
PERSONA = "orthopod-persona"
OPTIONS = ("Osteophytes", "Healthy", "Vertebral collapse", "Spondylolisthesis")
LEVELS = ("L1/L2", "L2/L3", "L3/L4", "L4/L5", "L5/S1")

RUBRIC = Rubric(
    id="small", version="1", title="Small", language="en", source="made for tests",
    dimensions=(
        Dimension(id="clinical_rationality", name="Clinical rationality", focus="Is the reasoning sound?",
                  scale=(1, 2, 3, 4, 5), anchors={1: "unsound", 3: "partly sound", 5: "sound"}),
        Dimension(id="visual_features", name="Visual features", focus="Are findings seen?",
                  scale=(1, 2, 3, 4, 5), anchors={1: "none", 5: "all"}),
        Dimension(id="spatial", name="Spatial reasoning", focus="Are levels counted?", scale=(1, 3, 5),
                  anchors={1: "no", 5: "yes"}, tasks=(Task.LOCALIZATION,)),
    ),
    failure_modes=(
        FailureMode(id="missed_finding", name="Missed finding", definition="Not seen.", example="e",
                    counter_example="c"),
        FailureMode(id="wrong_level", name="Wrong level", definition="Another level.", example="e",
                    counter_example="c", tasks=(Task.LOCALIZATION,)),
    ),
)  # fmt: skip


def item(number: int, *, image: ImageRef | None) -> Item:
    """Even ones diagnosis, odd ones localization."""
    common: dict[str, Any] = {
        "id": f"item-{number}", "benchmark": "secret-benchmark", "cluster": f"study-{number}",
        "images": () if image is None else (image,), "source": "secret-source",
        "metadata": {"note": "secret-metadata"},
    }  # fmt: skip
    if number % 2 == 0:
        gold = OPTIONS[number // 2 % 4]
        return Item(task=Task.DIAGNOSIS, question=f"Which diagnosis? (case {number})", options=OPTIONS,
                    gold=(gold,), disease=gold, **common)  # fmt: skip
    level = LEVELS[number // 2 % 5]
    return Item(task=Task.LOCALIZATION, question=f"Which levels? (case {number})", options=LEVELS,
                gold=(level,), levels=(level,), **common)  # fmt: skip


def trace_text(model: int, number: int) -> str:
    return (
        f"The vertebral bodies of case {number} are aligned. Reader {model}: B fits.\n\nMy final option: [B]"
    )


def make_audit(
    folder: Path,
    *,
    n_items: int = 6,
    models: Sequence[str] = MODELS,
    rubrics: Sequence[Rubric] = (RUBRIC,),
    texts: Callable[[int, int], str] = trace_text,
    reasoning: str | None = None,
    gold: bool = False,
    judges: Sequence[str] = ("google/secret-judge",),
    refer: Callable[[int], bool] = lambda place: True,
    images: bool = True,
    size: tuple[int, int] = (48, 64),
    audit_id: str = "audit-secret",
    simulated: bool = False,
) -> tuple[Workspace, AuditFolder]:
    """An audit of every model on every item, each trace with a review that refers it or not."""
    workspace = Workspace(folder / "workspace")
    root = folder / "images"
    refs = [_image(root, number, size) if images else None for number in range(n_items)]
    items = [item(number, image=ref) for number, ref in enumerate(refs)]
    run = _run(workspace, folder, items, models)
    store = ImageStore(root, cache_dir=workspace.cache_dir / "images")
    traces = [
        _trace(items[number], refs[number], model, store if images else None, texts(place, number), reasoning)
        for (place, model), number in itertools.product(enumerate(models), range(n_items))
    ]
    spec = _spec(audit_id, traces, rubrics, gold=gold, judges=judges, simulated=simulated, run_id=run)
    audit = workspace.create_audit(spec, traces)
    if judges:
        with audit.lock():
            audit.journal.append(
                [
                    AuditEntry(review=_review(audit_id, trace, refer(place)))
                    for place, trace in enumerate(traces)
                ]
            )
            audit.journal.close()
    return workspace, audit


def _image(root: Path, number: int, size: tuple[int, int]) -> ImageRef:
    """A drawn picture whose name and texts would tell what nobody is to know."""
    path = f"secret-folder/secret-image-{number}.png"
    draw(root / path, number, size=size)
    notes = PngInfo()
    notes.add_text("Description", "secret-note: Osteophytes, gold answer")
    with Image.open(root / path) as image:
        image.load()
        exif = image.getexif()
        exif[0x010E] = "secret-exif"
        image.save(root / path, pnginfo=notes, exif=exif)
    return ImageRef(path=path, sha256=hashlib.sha256((root / path).read_bytes()).hexdigest())


def _run(workspace: Workspace, folder: Path, items: Sequence[Item], models: Sequence[str]) -> str:
    held: RunSpec = stored_runs.spec(RUN, n_items=len(items)).model_copy(
        update={
            "models": tuple(models),
            "plan": {"benchmark": str(folder / "bench.json"), "image_root": str(folder / "images")},
        }
    )
    return workspace.create_run(held, items).run_id


def _trace(
    of: Item, ref: ImageRef | None, model: str, store: ImageStore | None, text: str, reasoning: str | None
) -> AuditTrace:
    key = stored_runs.key(of.id, model).model_copy(update={"persona": PERSONA})
    sent = () if ref is None or store is None else (store.prepare(ref).image,)
    answer = Answer(
        key=key, run_id=RUN, status=AnswerStatus.ANSWERED, text=text, reasoning=reasoning, images=sent,
        option_permutation=tuple(reversed(range(len(of.options)))), prompt_hash=HASH, at=NOW,
        provider_model="secret-provider-model",
    )  # fmt: skip
    outcome = Outcome.DISEASE_MISSED if of.task is Task.DIAGNOSIS else Outcome.SHIFTED
    scored = Scored(
        key=key, run_id=RUN, at=NOW,
        extraction=Extraction(letters=("B",), status=AnswerStatus.ANSWERED, rule="secret-rule", version="1"),
        grade=Grade(correct=False, chosen=(of.options[1],), gold=of.gold, outcome=outcome, version="1"),
    )  # fmt: skip
    frame = FrameTrace(
        trace_id=f"{RUN}/{key.id()}", run_id=RUN, model=model, task=of.task, item_id=of.id,
        image=of.id, cluster=of.cluster, correct=False, outcome=outcome.value,
        text_sha256=hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest(),
    )  # fmt: skip
    pick = Pick(trace=frame, stratum=f"{of.task.value}/{model}/incorrect", u=0.5, probability=1.0, by="all")
    return AuditTrace(pick=pick, item=of, answer=answer, scored=scored)


def _spec(
    audit_id: str,
    traces: Sequence[AuditTrace],
    rubrics: Sequence[Rubric],
    *,
    gold: bool,
    judges: Sequence[str],
    simulated: bool,
    run_id: str,
) -> AuditSpec:
    names = sorted({trace.pick.stratum for trace in traces})
    sample = SampleSpec(
        run_ids=(run_id,), seed=1, mode=SampleMode.SPECIFIC, strata_by=StrataBy.CORRECT, per_cell=10,
        n_frame=len(traces), frame_hash=HASH,
        strata=tuple(
            Stratum(name=name, n_frame=sum(t.pick.stratum == name for t in traces),
                    n_drawn=sum(t.pick.stratum == name for t in traces))
            for name in names
        ),
    )  # fmt: skip
    return AuditSpec(
        audit_id=audit_id, created_at=NOW, sample=sample,
        rubrics=tuple(rubric.model_dump(mode="json") for rubric in rubrics),
        rubric_hash=rubrics_hash(tuple(rubrics)), judges=tuple(judges), blinding=Blinding(gold=gold),
        prompt_hash=HASH, random_share=0.2, seed=1, n_traces=len(traces), simulated=simulated,
        digest=HASH, digest_parts={}, plan={}, versions={"spinebench": "0"},
    )  # fmt: skip


def _review(audit_id: str, trace: AuditTrace, referred: bool) -> Review:
    return Review(
        trace_id=trace.trace_id, audit_id=audit_id, dimensions=(), n_unparsed=0, checks=(),
        refers_by=(RefersBy.RANDOM,) if referred else (), rating_probability=0.2, at=NOW,
    )  # fmt: skip
