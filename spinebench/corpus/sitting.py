"""One sitting of a corpus from the documents to the review queue."""

from __future__ import annotations

import contextlib
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from spinebench.corpus.building import Building, Built
from spinebench.corpus.dry_run import planned_calls
from spinebench.corpus.known_items import KnownItems, read_test_sets
from spinebench.corpus.parts import LeftOut, Reason, Selection, select_parts
from spinebench.corpus.plan import CorpusPlan
from spinebench.corpus.reading import read_documents
from spinebench.corpus.review import TABLE, read_decisions, write_queue
from spinebench.corpus.steps import corpus_steps
from spinebench.errors import DataError
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel
from spinebench.models.registry import create_model
from spinebench.records import Record
from spinebench.runs.progress import Progress
from spinebench.runs.stopping import StopSwitch
from spinebench.store.locks import run_lock


class CorpusReport(Record):
    """What became of the documents; `report.json`."""

    n_documents: int
    n_figures: int
    n_test_items: int
    n_test_images_unread: int
    n_parts: int
    n_questions: int
    """Planned: parts x kinds."""
    n_candidates: int
    n_with_remarks: int
    n_waiting: int
    left_out: dict[str, int]
    """Reason -> number of documents, figures, paragraphs and questions."""


@dataclass
class Prepared:
    """Everything that is known before the first call."""

    plan: CorpusPlan
    folder: Path
    selection: Selection
    known: KnownItems


def prepare(plan: CorpusPlan, folder: Path, *, cache: Path) -> Prepared:
    """Read the test sets and the documents, and choose the parts; nothing leaves this machine.

    Raises `DataError` where there are no documents, all of them are held back, or nothing gives a question.
    """
    known = read_test_sets([Path(one) for one in plan.test_sets], cache=cache, workers=plan.workers)
    documents = read_documents(
        Path(plan.documents), cache=cache, allow_identifiers=plan.allow_identifiers, workers=plan.workers
    )
    selection = select_parts(
        documents, kinds=plan.kinds, test_set=known, shortest_paragraph=plan.shortest_paragraph
    )
    if not selection.parts:
        counts = Counter(one.reason.value for one in selection.left_out)
        found = (
            ", ".join(f"{n} left out for {reason}" for reason, n in counts.items()) or "no figures with text"
        )
        listed = "; ".join(f"{one.where}: {one.detail}" for one in selection.left_out[:3])
        raise DataError(
            f"documents {plan.documents!r}: expected something to make questions of, found {found}"
            + (f" ({listed})" if listed else "")
            + "; mend what is named, remove what identifies persons (or --allow-identifiers), add captions, "
            "or choose another --kind"
        )
    return Prepared(plan, folder, selection, known)


def models_of(plan: CorpusPlan, *, dry: bool = False) -> dict[str, ChatModel]:
    """The models by role; roles of the same model share it."""
    made: dict[str, ChatModel] = {}
    found = {}
    for role in CorpusPlan.ROLES:
        entry = plan.role(role)
        key = entry.model_dump_json()
        if key not in made:
            made[key] = create_model(entry.name, args={**plan.model_args, **entry.args}, dry=dry)
        found[role] = made[key]
    return found


async def build_through(
    prepared: Prepared,
    models: dict[str, ChatModel],
    *,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[Building], None] | None = None,
) -> Built:
    """Check the models, make the questions, and write the queue; it is written also when the sitting ends early.

    Raises `SpinebenchError` of what ended it; everything finished is in the journal.
    """
    plan, folder = prepared.plan, prepared.folder
    distinct = list({id(model): model for model in models.values()}.values())
    with contextlib.ExitStack() as stack:
        stack.enter_context(run_lock(folder / "lock", run_id=folder.name, what="corpus"))
        cache = stack.enter_context(contextlib.closing(ReplyCache(folder / "cache" / "replies.sqlite")))
        gateway = Gateway(plan.gateway_policy(), cache=cache)
        if (folder / TABLE).exists():
            read_decisions(
                folder / TABLE
            )  # a table that cannot be taken over is told before anything is paid for
        try:
            if any(planned_calls(prepared.selection.parts, plan, models, corpus_steps(folder))):
                await gateway.check(distinct)
            steps = corpus_steps(folder, gateway=gateway)
            stack.callback(steps.journal.close)
            building = Building(plan, prepared.selection.parts, models, steps, prepared.known)
            if on_start is not None:
                on_start(building)
            try:
                await building.run(switch=switch, gateway=gateway, on_progress=on_progress)
            finally:
                built = building.built()
                write_results(prepared, built)
            return built
        finally:
            for model in distinct:
                await model.aclose()


def report_of(prepared: Prepared, built: Built) -> CorpusReport:
    """The counts of a corpus as it stands."""
    selection = prepared.selection
    left_out = [*selection.left_out, *built.left_out]
    return CorpusReport(
        n_documents=selection.n_documents,
        n_figures=selection.n_figures,
        n_test_items=prepared.known.n_items,
        n_test_images_unread=prepared.known.n_unreadable,
        n_parts=len(selection.parts),
        n_questions=sum(len(part.kinds) for part in selection.parts),
        n_candidates=len(built.candidates),
        n_with_remarks=sum(bool(one.remarks) for one in built.candidates),
        n_waiting=built.n_waiting,
        left_out={
            reason.value: n for reason in Reason if (n := sum(one.reason is reason for one in left_out))
        },
    )


def write_results(prepared: Prepared, built: Built) -> None:
    """The review queue, the list of what was left out, and the counts."""
    folder = prepared.folder
    write_queue(folder, built.candidates)
    left_out: list[LeftOut] = [*prepared.selection.left_out, *built.left_out]
    lines = "".join(one.model_dump_json() + "\n" for one in left_out)
    (folder / "left-out.jsonl").write_text(lines, "utf-8")
    report = report_of(prepared, built).model_dump(mode="json")
    (folder / "report.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
