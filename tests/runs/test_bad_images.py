"""An image that cannot be used is that item's error, without a call; the others go on."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from spinebench.store.workspace import Workspace
from tests.exams import Exam, answers, asking, draw, write_exam

if TYPE_CHECKING:
    from tests.exams import Said
    from tests.servers.provider import ProviderServer

BAD = ("missing", "truncated", "no image", "outside", "absolute", "link", "empty", "a folder")


def _spoil(exam: Exam, secret: Path) -> None:
    """Make the images of the first items unusable, in the order of `BAD`."""
    paths = [exam.folder / record["image"] for record in exam.records]
    paths[0].unlink()
    paths[1].write_bytes(paths[1].read_bytes()[:60])
    paths[2].write_text("<html>404</html>")
    exam.records[3]["image"] = os.path.relpath(secret, exam.folder)
    exam.records[4]["image"] = str(secret)
    paths[5].unlink()
    paths[5].symlink_to(secret)
    paths[6].write_bytes(b"")
    paths[7].unlink()
    paths[7].mkdir()
    exam.rewrite()


def test_each_bad_image_fails_its_item_only(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=len(BAD) + 4)
    secret = tmp_path / "secret.png"
    draw(secret, 99)
    _spoil(exam, secret)

    said = cli(*asking(exam, provider_server), "--json")

    assert said.code == 1
    assert f"{len(BAD)} items have images that cannot be used" in said.err
    assert f"{len(BAD)} of {len(BAD) + 4} answers failed: {len(BAD)} image" in said.err
    assert sorted(exam.asked) == sorted(list(exam.planted)[len(BAD) :]), "no call for a bad image"
    found = answers(Workspace("spinebench-workspace").runs()[0])
    for index, kind in enumerate(BAD):
        answer = found[exam.question(index)]
        assert (answer.status.value, answer.attempts) == ("error", 0), kind
        (failure,) = answer.failures
        assert failure.failure_class.value == "image", kind
        assert failure.message.count("; ") >= 1, "it says how to mend it"
    assert not {image for request in provider_server.requests for image in request.images} & {
        draw(tmp_path / "same.png", 99)
    }, "nothing outside the folder is sent"
    assert said.last.startswith("go on with: spinebench resume ")


def test_mended_images_are_asked_on_resume(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    """No answer was given to them, so that no answer can change."""
    exam = write_exam(tmp_path / "bench", n=6)
    lost = exam.folder / exam.records[2]["image"]
    kept = lost.read_bytes()
    lost.unlink()
    assert cli(*asking(exam, provider_server)).code == 1
    exam.asked.clear()

    still = cli("resume", "latest")
    assert still.code == 1
    assert exam.asked == []

    lost.write_bytes(kept)
    mended = cli("resume", "latest", "--json")
    assert mended.code == 0, mended.err
    assert exam.asked == [exam.question(2)]
    assert mended.record("result")["diagnosis"]["accuracy"]["of_asked"]["value"] == 1.0


def test_an_image_that_vanishes_during_the_run_fails_its_item_only(
    cli: Callable[..., Said], provider_server: ProviderServer, tmp_path: Path
) -> None:
    exam = write_exam(tmp_path / "bench", n=8)
    arguments = asking(exam, provider_server)
    last = exam.folder / exam.records[7]["image"]

    def answer_and_remove(request: object) -> object:
        last.unlink(missing_ok=True)
        return exam.answer(request)  # type: ignore[arg-type]

    provider_server.answer = answer_and_remove  # type: ignore[assignment]
    said = cli(*arguments, "--max-connections", 1, "--json")
    assert said.code == 1
    run = said.record("run")
    assert run["n_failed"] >= 1
    assert run["n_done"] + run["n_failed"] == 8
    assert exam.question(7) not in exam.asked
