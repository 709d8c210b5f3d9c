"""Personas, image conditions, option orders, epochs, selections and the extractor, as the provider sees them."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from spinebench.store.workspace import Workspace
from tests.exams import DISEASES, MODEL, Exam, answers, asking, write_exam

if TYPE_CHECKING:
    from spinebench.records import Answer, Item
    from tests.exams import Said
    from tests.servers.provider import ProviderServer
    from tests.servers.wire import Received, Reply


def _answers() -> list[tuple[Item, Answer]]:
    """Items and answers of the latest run."""
    run = Workspace("spinebench-workspace").runs()[-1]
    items = {item.id: item for item in run.items()}
    return [(items[e.answer.key.item_id], e.answer) for e in run.latest() if e.answer is not None]


def _accuracies(said: Said) -> set[tuple[float, float]]:
    return {
        (
            record["diagnosis"]["accuracy"]["of_asked"]["value"],
            record["localization"]["accuracy"]["of_asked"]["value"],
        )
        for record in said.records
        if record["type"] == "result"
    }


def test_every_persona_asks_every_item_in_its_own_words(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    own = tmp_path / "own.txt"
    own.write_text("As a chiropractor I say: {{question}} -- {{options}}\nMy final option: [X]\n")
    said = cli(
        *asking(exam, provider_server), "--persona", "surgeon", "--persona", "radiologist", "--persona", "none",
        "--persona", own, "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert said.record("run")["n_planned"] == 16
    assert [record["persona"] for record in said.records[1:]] == [
        "surgeon",
        "radiologist",
        "none",
        "file:own",
    ]
    texts = {(exam.question_in(request), request.text) for request in provider_server.requests}
    assert len(texts) == 16
    assert sum("spine surgeon" in text for _, text in texts) == 4
    assert sum("radiologist" in text for _, text in texts) == 4
    assert sum(text.startswith("As a chiropractor I say: ") for _, text in texts) == 4
    by_persona: dict[str, set[str]] = {}
    for _, answer in _answers():
        by_persona.setdefault(answer.key.persona, set()).add(answer.prompt_hash)
    assert {name: len(hashes) for name, hashes in by_persona.items()} == {
        "surgeon": 2, "radiologist": 2, "none": 2, "file:own": 1,
    }  # fmt: skip


def test_image_conditions_show_what_they_say(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=10)
    conditions = ("normal", "blank", "none", "swapped")
    options = [part for name in conditions for part in ("--image-condition", name)]
    said = cli(*asking(exam, provider_server), *options, "--json")
    assert said.code == 0, said.err
    assert said.record("run")["n_planned"] == 40
    assert [record["image_condition"] for record in said.records[1:]] == list(conditions)

    rows = _answers()
    items = {item.id: item for item, _ in rows}
    shown = Counter(request.images for request in provider_server.requests)
    recorded = Counter(tuple(image.sha256 for image in answer.images) for _, answer in rows)
    assert shown == recorded, "what is recorded is what was sent"
    grey = {
        path
        for path in Path("spinebench-workspace/cache/images").rglob("*")
        if path.suffix in {".png", ".jpg"}
        and Image.open(io.BytesIO(path.read_bytes())).getextrema() == ((128, 128),) * 3
    }
    assert len(grey) == 1
    for item, answer in rows:
        match answer.key.image_condition.value:
            case "normal":
                assert [image.source_path for image in answer.images] == [ref.path for ref in item.images]
            case "none":
                assert answer.images == ()
            case "blank":
                (image,) = answer.images
                assert (image.source_path, image.width, image.height) == (None, 48, 64)
            case "swapped":
                (image,) = answer.images
                donor = items[str(image.swapped_from)]
                assert image.source_path == donor.images[0].path
                assert donor.cluster != item.cluster
                if item.disease is not None and donor.disease is not None:
                    assert donor.disease != item.disease


def test_shuffled_options_are_graded_by_their_texts(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=10, right=[0, 1, 2, 3, 4])
    said = cli(*asking(exam, provider_server), "--shuffle-options", 7, "--json")
    assert said.code == 0, said.err
    assert _accuracies(said) == {(0.6, 0.4)}  # right: 0, 2, 4 of five diagnoses; 1, 3 of five localizations
    permutations = set()
    for item, answer in _answers():
        permutations.add(answer.option_permutation)
        assert answer.key.option_order == "shuffled:7"
        request = next(r for r in provider_server.requests if item.question in r.text)
        shown = ", ".join(
            f"{letter}: {item.options[index]}"
            for letter, index in zip("ABCDE", answer.option_permutation, strict=True)
        )
        assert shown in request.text
    assert len(permutations) > 4


def test_every_rotation_is_asked_and_graded_right(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4, right=[0, 1])
    said = cli(*asking(exam, provider_server), "--rotate-options", "--json")
    assert said.code == 0, said.err
    assert said.record("run")["n_planned"] == 20
    assert _accuracies(said) == {(0.5, 0.5)}
    assert set(exam.n_asked().values()) == {5}
    letters: Counter[str] = Counter()
    for item, answer in _answers():
        if item.question == exam.question(0):
            letters[answer.text[-2]] += 1
    assert letters == Counter("ABCDE"), "the right option stood at each letter once"


def test_epochs_are_draws_of_their_own(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=4)
    replies = iter(["My final option: [A]", "My final option: [B]", "My final option: [A]"])
    first = exam.question(0)  # gold: Osteophytes, option A
    arguments = [*asking(exam, provider_server), "--epochs", "3", "--max-connections", "1"]
    planted = exam.answer

    def answer(request: Received) -> Reply:
        if first in request.text:
            exam.planted[first] = next(replies)
        return planted(request)

    provider_server.answer = answer
    said = cli(*arguments, "--json")
    assert said.code == 0, said.err
    assert set(exam.n_asked().values()) == {3}
    assert sorted(a.key.epoch for item, a in _answers() if item.question == first) == [1, 2, 3]
    ((diagnosis, localization),) = _accuracies(said)
    assert diagnosis == pytest.approx(5 / 6)
    assert localization == 1.0
    assert said.record("result")["answers_per_item"] == 3.0


@pytest.mark.parametrize(
    ("options", "cases", "partial"),
    [
        ([], range(8), False),
        (["--limit", "3"], range(3), True),
        (["--limit", "2-4"], [1, 2, 3], True),
        (["--limit", "7-99"], [6, 7], True),
        (["--task", "localization"], [1, 3, 5, 7], True),
        (["--task", "localization", "--limit", "2"], [1, 3], True),
    ],
    ids=lambda value: (
        " ".join(value) if isinstance(value, list) and value and isinstance(value[0], str) else None
    ),
)
def test_a_selection_stamps_the_run_partial(
    cli: Callable[..., Said],
    provider_server: ProviderServer,
    tmp_path: Path,
    options: list[str],
    cases: list[int],
    partial: bool,
) -> None:
    exam = write_exam(tmp_path / "bench", n=8)
    said = cli(*asking(exam, provider_server), *options)
    assert said.code == 0, said.err
    assert sorted(exam.asked) == sorted(exam.question(case) for case in cases)
    shown = cli("runs", "show")
    listed = cli("runs", "list")
    assert ("PARTIAL" in said.out) == partial
    assert ("partial" in shown.out.lower()) == partial
    assert ("partial" in listed.out.lower()) == partial


def test_samples_are_chosen_by_id(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    assert cli(*asking(exam, provider_server)).code == 0
    ids = {item.question: item.id for item, _ in _answers()}
    exam.asked.clear()
    said = cli(
        *asking(exam, provider_server), "--no-reuse", "--sample-id", ids[exam.question(4)],
        "--sample-id", ids[exam.question(1)], "--json",
    )  # fmt: skip
    assert said.code == 0, said.err
    assert sorted(exam.asked) == sorted([exam.question(4), exam.question(1)])
    assert said.record("run")["partial"] is True


UNREADABLE = "Both seem possible to me and the image is of poor quality; I would look at it again tomorrow."


def _reading(exam: Exam, server: ProviderServer, *, letters: str) -> Callable[[Received], Reply]:
    """The examinee's planted answers; `reader-model` reads `letters` out of whatever it is given."""

    def answer(request: Received) -> Reply:
        from tests.servers.wire import Reply

        return Reply(text=letters) if request.model == "reader-model" else exam.answer(request)

    return answer


def test_the_extractor_reads_only_what_no_rule_reads(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6)
    provider_server.models = ["test-model", "reader-model"]
    exam.planted[exam.question(2)] = UNREADABLE  # gold: Healthy, option B
    exam.planted[exam.question(4)] = "My final option: [A, B]"  # read by a rule, as no single choice
    arguments = asking(exam, provider_server)
    provider_server.answer = _reading(exam, provider_server, letters='{"letters": ["B"]}')
    plan = tmp_path / "plan.yaml"
    reader = f"{{name: openai-compatible/reader-model, args: {{base_url: '{provider_server.openai_url}'}}}}"
    plan.write_text(f"benchmark: bench/test.json\nmodel_roles: {{extractor: {reader}}}\n")
    said = cli(arguments[0], plan, *arguments[3:], "--json")
    assert said.code == 0, said.err

    (read,) = [request for request in provider_server.requests if request.model == "reader-model"]
    assert UNREADABLE in read.text
    assert all(option in read.text for option in DISEASES)
    assert read.images == (), "the extractor never sees the image"
    run = Workspace("spinebench-workspace").runs()[-1]
    by_question = {
        item.question: scored
        for item in run.items()
        for entry in run.latest()
        if (scored := entry.scored) is not None and scored.key.item_id == item.id
    }
    scored = by_question[exam.question(2)]
    assert scored.extraction.rule == "model:openai-compatible/reader-model"
    assert scored.extraction.letters == ("B",)
    assert scored.grade.correct
    assert by_question[exam.question(4)].extraction.status.value == "unparsed"
    usage = answers(run)[exam.question(2)].extractor_usage
    assert usage is not None
    assert usage.input_tokens == 100

    kept = cli("score", "latest", "--json")
    assert kept.record("rescore")["n_kept_model_extractions"] == 1
    assert kept.record("rescore")["n_rescored"] == 0


@pytest.mark.parametrize(
    "letters", ['{"letters": []}', '{"letters": ["Z"]}', "B", '{"letters": ["A", "B"]}', "{}", "[]", ""]
)
def test_an_extractor_that_does_not_know_leaves_it_unparsed(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path, letters: str
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    provider_server.models = ["test-model", "reader-model"]
    exam.planted[exam.question(0)] = UNREADABLE
    arguments = asking(exam, provider_server)
    provider_server.answer = _reading(exam, provider_server, letters=letters)
    plan = tmp_path / "plan.yaml"
    reader = f"{{name: openai-compatible/reader-model, args: {{base_url: '{provider_server.openai_url}'}}}}"
    plan.write_text(f"benchmark: bench/test.json\nmodel_roles: {{extractor: {reader}}}\n")
    said = cli(arguments[0], plan, *arguments[3:], "--json", "--max-retries", 0)
    assert said.code == 0, said.err
    assert said.record("result")["denominators"]["unparsed"] == 1
    assert said.record("result")["diagnosis"]["accuracy"]["of_asked"]["value"] == 0.0


def test_without_an_extractor_such_a_reply_is_unparsed(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    exam.planted[exam.question(0)] = UNREADABLE
    said = cli(*asking(exam, provider_server), "--json")
    assert said.record("result")["denominators"]["unparsed"] == 1
    assert len(provider_server.requests) == 2


def test_an_examinee_that_reads_its_own_answers_is_warned_about(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=2)
    plan = tmp_path / "plan.yaml"
    model = f"{{name: {MODEL}, args: {{base_url: '{provider_server.openai_url}'}}}}"
    plan.write_text(f"benchmark: bench/test.json\nmodels: [{model}]\nmodel_roles: {{extractor: {model}}}\n")
    asking(exam, provider_server)
    said = cli("run", plan)
    assert said.code == 0, said.err
    assert "warning" in said.err
    assert "examinee and extractor are the same model" in said.err


def test_several_models_sit_the_same_items(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=6, right=[0, 1, 2])
    said = cli(
        *asking(exam, provider_server), "-m", "baseline/always-healthy", "-m", "sim/careful", "--json",
    )  # fmt: skip
    # -M base_url is an option of every examined model, and only one of them has it.
    assert said.code == 2
    assert "base_url" in said.err
    plan = tmp_path / "plan.yaml"
    model = f"{{name: {MODEL}, args: {{base_url: '{provider_server.openai_url}'}}}}"
    plan.write_text(f"benchmark: bench/test.json\nmodels: [{model}, baseline/always-healthy, sim/careful]\n")
    said = cli("run", plan, "--json")
    assert said.code == 0, said.err
    found = {record["model"]: record for record in said.records if record["type"] == "result"}
    assert found[MODEL]["diagnosis"]["accuracy"]["of_asked"]["value"] == pytest.approx(2 / 3)
    # one of three diagnoses has the gold Healthy
    assert found["baseline/always-healthy"]["diagnosis"]["accuracy"]["of_asked"]["value"] == pytest.approx(
        1 / 3
    )
    assert list(found) == [MODEL, "baseline/always-healthy", "sim/careful"]
    assert said.record("run")["simulated"] is True
    assert "SIMULATION" in said.err
