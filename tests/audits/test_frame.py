from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from spinebench.audits.frame import frame_of, trace_id
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.sampling import draw
from spinebench.records import (
    AnswerStatus,
    ImageCondition,
    ImageRef,
    Item,
    JournalEntry,
    Outcome,
    SentImage,
    Task,
)
from spinebench.store import Workspace
from tests.stored_runs import ITEMS, answer, diagnosis, failed, key, right, scored, stored_run

SHA = "cd" * 32


def sent(path: str, sha: str = SHA) -> SentImage:
    return SentImage(
        source_path=path, source_sha256=sha, sha256="ef" * 32, media_type="image/png", width=1, height=1, n_bytes=1,
        transform="as_is",
    )  # fmt: skip


def with_image(item: Item, *refs: ImageRef) -> Item:
    return item.model_copy(update={"images": refs})


def showing(entry: JournalEntry, *images: SentImage) -> JournalEntry:
    assert entry.answer is not None
    return entry.model_copy(update={"answer": entry.answer.model_copy(update={"images": images})})


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "workspace")


def test_every_answer_with_text_is_a_trace_and_the_others_are_counted(workspace: Workspace) -> None:
    unread = scored(key("d2"), ITEMS[1], (), Outcome.NOT_ANSWERED, status=AnswerStatus.UNPARSED)
    run = stored_run(
        workspace,
        [
            right(ITEMS[0]),
            JournalEntry(answer=answer(key("d2"), text="It depends."), scored=unread),
            JournalEntry(answer=answer(key("d3"), status=AnswerStatus.TRUNCATED, text="The disc")),
            failed(ITEMS[3]),
            JournalEntry(answer=answer(key("l2"), status=AnswerStatus.REFUSED, text="")),
            JournalEntry(answer=answer(key("d1", "sim/b"), text=" \n")),
            right(ITEMS[4], "sim/b"),
        ],
    )
    frame = frame_of([run])
    assert [(one.item_id, one.model, one.correct, one.outcome) for one in frame.traces] == [
        ("d1", "sim/a", True, "correct_disease"),
        ("d2", "sim/a", False, "not_answered"),
        ("d3", "sim/a", False, "not_answered"),
        ("l2", "sim/b", True, "exact"),
    ]
    assert [(one.model, one.reason, one.n) for one in frame.left_out] == [
        ("sim/a", "no text (error)", 1),
        ("sim/a", "no text (refused)", 1),
        ("sim/b", "no text (no_answer)", 1),
    ]
    assert frame.n_unscored == 1
    assert any("1 answers have no score" in note for note in frame.notes)
    assert (frame.simulated, frame.partial) == (True, False)
    first = frame.traces[0]
    assert first.trace_id == f"run-1/{key('d1').id()}"
    assert first.cluster == "study of d1"
    assert first.text_sha256 == hashlib.sha256(b"My final option: [A]").hexdigest()


def test_the_latest_answer_counts(workspace: Workspace) -> None:
    run = stored_run(
        workspace, [failed(ITEMS[0]), right(ITEMS[0], text="first"), right(ITEMS[0], text="second")]
    )
    (trace,) = frame_of([run]).traces
    assert trace.text_sha256 == hashlib.sha256(b"second").hexdigest()


def test_one_image_condition_at_a_time(workspace: Workspace) -> None:
    blank = key("d1").model_copy(update={"image_condition": ImageCondition.BLANK})
    run = stored_run(workspace, [right(ITEMS[0]), JournalEntry(answer=answer(blank))])
    frame = frame_of([run])
    assert len(frame.traces) == 1
    assert [(one.reason, one.n) for one in frame.left_out] == [("image condition blank", 1)]
    assert len(frame_of([run], image_condition=ImageCondition.BLANK).traces) == 1
    assert len(frame_of([run], image_condition=None).traces) == 2


def test_an_image_has_one_name_for_all_models(workspace: Workspace) -> None:
    """One model was sent the file, the other (a baseline) nothing: it is the same image all the same."""
    item = with_image(ITEMS[0], ImageRef(path="a.png"))
    run = stored_run(workspace, [right(item, "sim/b"), showing(right(item), sent("a.png"))], items=(item,))
    assert {trace.image for trace in frame_of([run]).traces} == {SHA}


@pytest.mark.parametrize(
    ("refs", "name"),
    [
        pytest.param((ImageRef(path="a.png", sha256="12" * 32),), "12" * 32, id="declared hash"),
        pytest.param((ImageRef(path="a.png"),), "a.png", id="path"),
        pytest.param(
            (ImageRef(path="a.nii", frame=3, plane="axial"),), "a.nii#axial#3", id="slice of a volume"
        ),
        pytest.param((ImageRef(path="a.png"), ImageRef(path="b.png")), "a.png+b.png", id="two images"),
        pytest.param((), "item d1", id="no image"),
    ],
)
def test_names_of_images_that_no_answer_shows(
    workspace: Workspace, refs: tuple[ImageRef, ...], name: str
) -> None:
    item = with_image(ITEMS[0], *refs)
    run = stored_run(workspace, [right(item)], items=(item,))
    assert frame_of([run]).traces[0].image == name


def test_a_swapped_image_is_the_one_that_was_shown(workspace: Workspace) -> None:
    item = with_image(ITEMS[0], ImageRef(path="a.png"))
    swapped = key("d1").model_copy(update={"image_condition": ImageCondition.SWAPPED})
    entry = showing(JournalEntry(answer=answer(swapped)), sent("other.png", "98" * 32))
    run = stored_run(workspace, [entry], items=(item,))
    assert frame_of([run], image_condition=ImageCondition.SWAPPED).traces[0].image == "98" * 32


def test_two_runs_of_the_same_items_share_images_and_clusters(workspace: Workspace) -> None:
    runs = [stored_run(workspace, [right(ITEMS[0], run_id=name)], run_id=name) for name in ("run-1", "run-2")]
    one, two = frame_of(runs).traces
    assert (one.image, one.cluster) == (two.image, two.cluster)
    assert one.trace_id != two.trace_id


def test_models_and_tasks_narrow_the_frame(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(ITEMS[0]), right(ITEMS[0], "sim/b"), right(ITEMS[3])])
    assert len(frame_of([run], models=["sim/b"]).traces) == 1
    assert [one.task for one in frame_of([run], tasks=[Task.LOCALIZATION]).traces] == [Task.LOCALIZATION]
    with pytest.raises(UsageError, match=r"'sim/c'.*sim/a, sim/b"):
        frame_of([run], models=["sim/c"])


def test_a_run_named_twice_is_refused(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(ITEMS[0])])
    with pytest.raises(UsageError, match="each run once"):
        frame_of([run, run])


def test_an_answer_to_an_unknown_item_is_refused(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(diagnosis("alien"))])
    with pytest.raises(DataError, match="'alien'"):
        frame_of([run])


def test_drawn_traces_come_with_item_answer_and_score(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(item, model) for item in ITEMS for model in ("sim/a", "sim/b")])
    frame = frame_of([run])
    sample = draw(frame.traces, seed=1, per_cell=2)
    traces = frame.audit_traces(sample.picks)
    assert [one.pick for one in traces] == list(sample.picks)
    for one in traces:
        assert trace_id(one.answer) == one.trace_id
        assert one.item.id == one.pick.trace.item_id
        assert one.scored is not None
        assert one.scored.key == one.answer.key


def test_a_trace_that_changed_or_is_not_there_is_refused(workspace: Workspace) -> None:
    run = stored_run(workspace, [right(ITEMS[0])])
    frame = frame_of([run])
    name = frame.traces[0].trace_id
    with pytest.raises(DataError, match="'run-1/zz'"):
        list(frame.entries(["run-1/zz"]))
    run.journal.append([right(ITEMS[0], text="I have thought again")])
    run.journal.close()
    with pytest.raises(DataError, match="answered again since"):
        list(frame.entries([name]))


def test_no_runs_give_an_empty_frame() -> None:
    assert frame_of([]).traces == ()
