"""The journal: what it acknowledged is there, whatever happened, and what is broken is told apart."""

from __future__ import annotations

import os
import random
import re
import signal
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spinebench.errors import ExitCode, StoppedError, UsageError
from spinebench.records import JournalEntry
from spinebench.store import CorruptLineError, Journal
from spinebench.store.journal import encode
from tests.stored_runs import ITEMS, answer, key, python, right


def entries(n: int, text: str = "My final option: [A]") -> list[JournalEntry]:
    return [JournalEntry(answer=answer(key(f"i{number}"), text=text)) for number in range(n)]


@pytest.fixture
def journal(tmp_path: Path) -> Journal[JournalEntry]:
    return Journal(tmp_path / "journal.jsonl", JournalEntry)


def test_what_was_appended_is_read_back_in_order(journal: Journal[JournalEntry]) -> None:
    first, second = right(ITEMS[0]), right(ITEMS[3], "sim/b")
    journal.append([first])
    journal.append([])
    journal.append([second])
    assert list(journal.read()) == [first, second]


def test_no_file_is_an_empty_journal(journal: Journal[JournalEntry]) -> None:
    assert list(journal.read()) == []
    assert journal.torn() == 0
    journal.append([])
    assert not journal.path.exists()


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\x00b", id="NUL"),
        pytest.param("one\r\ntwo\nthree\rfour", id="line ends"),
        pytest.param("\u2028\u2029\x85", id="Unicode line ends"),
        pytest.param("\x1b[31mred\x1b]8;;http://x\x07", id="terminal escapes"),
        pytest.param('"}\n{"answer":null}', id="JSON"),
        pytest.param("椎间盘 🦴 ﬁnal", id="other scripts"),
        pytest.param("x" * 20_000_000, id="20 MB"),
    ],
)
def test_texts_come_back_as_they_were(journal: Journal[JournalEntry], text: str) -> None:
    written = entries(1, text) + entries(1, "next")
    journal.append(written)
    assert list(journal.read()) == written
    assert journal.path.read_bytes().count(b"\n") == 2


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        pytest.param("a\ud800b", "a\ufffdb", id="a high half alone"),
        pytest.param("\udc00", "\ufffd", id="a low half alone"),
        pytest.param("\ud83e\uddb4", "🦴", id="two halves of one character"),
    ],
)
def test_what_utf8_cannot_hold_is_replaced(journal: Journal[JournalEntry], text: str, kept: str) -> None:
    journal.append(entries(1, text))
    (entry,) = journal.read()
    assert entry.answer is not None
    assert entry.answer.text == kept


@given(cut=st.integers(0), data=st.data())
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_cut_anywhere_the_whole_lines_remain_and_the_rest_is_kept_aside(
    tmp_path: Path, cut: int, data: st.DataObject
) -> None:
    folder = tmp_path / str(len(list(tmp_path.iterdir())))
    folder.mkdir()
    journal = Journal(folder / "journal.jsonl", JournalEntry)
    written = entries(3, data.draw(st.text(max_size=20)))
    journal.append(written)
    journal.close()
    whole = journal.path.read_bytes()
    cut %= len(whole) + 1
    journal.path.write_bytes(whole[:cut])
    n_whole = whole[:cut].count(b"\n")
    torn = whole[:cut].rpartition(b"\n")[2]

    assert list(journal.read()) == written[:n_whole]
    assert journal.torn() == len(torn)
    aside = journal.open()
    journal.append(written[n_whole:])
    journal.close()

    assert list(journal.read()) == written
    assert journal.path.read_bytes() == whole
    if torn:
        assert aside is not None
        assert (aside.offset, aside.n_bytes) == (cut - len(torn), len(torn))
        assert (folder / aside.file).read_bytes() == torn
    else:
        assert aside is None
        assert sorted(path.name for path in folder.iterdir()) == ["journal.jsonl"]


def test_a_torn_line_is_reported_when_append_finds_it(
    journal: Journal[JournalEntry], caplog: pytest.LogCaptureFixture
) -> None:
    journal.path.write_bytes(b'{"answer": {"key"')
    journal.append(entries(1))
    assert "torn last line (17 bytes) is now in journal.torn-1" in caplog.text
    journal.close()
    with journal.path.open("ab") as file:
        file.write(b"\x00" * 5000)  # what some file systems leave after a power loss
    aside = journal.open()
    assert aside is not None
    assert (aside.file, aside.n_bytes) == ("journal.torn-2", 5000)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b'{"answer": {"key"\n', id="cut JSON"),
        pytest.param(b"\x00\x00\x00\n", id="zeros"),
        pytest.param(b"\n", id="empty"),
        pytest.param(b"{}\n", id="nothing in it"),
        pytest.param(b"[1]\n", id="no object"),
        pytest.param(b'{"answer": null, "scored": null}\n', id="nulls"),
        pytest.param(b'{"rating": 5}\n', id="other fields"),
        pytest.param(encode(entries(1)[0]).replace(b'"answered"', b'"perhaps"'), id="unknown status"),
        pytest.param(b'{"answer": "\xff\xfe"}\n', id="not UTF-8"),
    ],
)
def test_a_corrupt_line_is_named_with_its_place_and_the_way_on(
    journal: Journal[JournalEntry], line: bytes
) -> None:
    first, last = (encode(entry) for entry in entries(2))
    journal.path.write_bytes(first + line + last)
    reader = journal.read()
    next(reader)
    with pytest.raises(CorruptLineError) as caught:
        next(reader)
    message = str(caught.value)
    assert f"{journal.path}', line 2 (byte {len(first)})" in message
    assert "store check --set-aside" in message
    assert caught.value.exit_code is ExitCode.DATA


def test_a_second_writer_is_noticed_before_anything_is_written(journal: Journal[JournalEntry]) -> None:
    journal.append(entries(1))
    other = Journal(journal.path, JournalEntry)
    other.append(entries(1))
    before = journal.path.read_bytes()
    with pytest.raises(UsageError, match="stop the other process"):
        journal.append(entries(1))
    assert journal.path.read_bytes() == before


FULL_DISK = """
import resource, sys
from pathlib import Path
from spinebench.errors import StoppedError
from spinebench.records import JournalEntry
from spinebench.store import Journal
from tests.store.test_journal import entries
journal = Journal(Path(sys.argv[1]), JournalEntry)
journal.append(entries(2))
size = journal.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (size + 700, resource.RLIM_INFINITY))
for batch in (1, 3):
    try:
        journal.append(entries(batch, "x" * 1000))
    except StoppedError as error:
        print(int(error.exit_code), error)
    assert journal.path.stat().st_size == size, journal.path.stat().st_size
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
journal.append(entries(1))
"""


def test_a_full_disk_leaves_no_half_line_and_the_journal_goes_on_when_there_is_room(
    journal: Journal[JournalEntry],
) -> None:
    process = python(FULL_DISK, journal.path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert re.findall(r"^5 journal .* all earlier entries are safe.*resume", out, re.MULTILINE)
    assert out.count("journal.jsonl") == 2
    assert list(journal.read()) == entries(2) + entries(1)


def test_no_room_to_set_a_torn_line_aside_stops_without_losing_it(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    path = folder / "journal.jsonl"
    path.write_bytes(b"x" * 5000)
    code = """
import resource, sys
from pathlib import Path
from spinebench.errors import StoppedError
from spinebench.records import JournalEntry
from spinebench.store import Journal
resource.setrlimit(resource.RLIMIT_FSIZE, (100, resource.RLIM_INFINITY))
try:
    Journal(Path(sys.argv[1]), JournalEntry).open()
except StoppedError as error:
    print(error)
"""
    process = python(code, path)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    assert "resume run" in out
    assert path.read_bytes() == b"x" * 5000


ENDLESS = """
import sys
from pathlib import Path
from spinebench.records import JournalEntry
from spinebench.records import JournalEntry
from spinebench.store import Journal
from tests.stored_runs import answer, key
journal = Journal(Path(sys.argv[1]), JournalEntry)
number = int(sys.argv[2])
while True:
    batch = [number + step for step in range(1 + number % 7)]
    journal.append([JournalEntry(answer=answer(key(f"i{n}"), text="x" * (n % 5000))) for n in batch])
    number += len(batch)
    print(number, flush=True)
"""


def test_killed_at_any_moment_nothing_acknowledged_is_lost(journal: Journal[JournalEntry]) -> None:
    generator = random.Random(7)
    n_kept = 0
    for _ in range(6):
        process = python(ENDLESS, journal.path, str(n_kept))
        assert process.stdout is not None
        acknowledged = n_kept
        for _ in range(generator.randrange(1, 60)):
            acknowledged = int(process.stdout.readline())
        os.kill(process.pid, signal.SIGKILL)
        out, _ = process.communicate(timeout=60)
        acknowledged = max([acknowledged, *map(int, out.rpartition("\n")[0].split())])

        journal.open()
        journal.close()
        ids = [entry.answer.key.item_id for entry in journal.read() if entry.answer is not None]
        assert ids == [f"i{n}" for n in range(len(ids))]
        assert len(ids) >= acknowledged
        assert len(ids) > n_kept
        n_kept = len(ids)


def test_a_journal_that_cannot_be_written_to_says_so(tmp_path: Path) -> None:
    (tmp_path / "journal.jsonl").mkdir()
    with pytest.raises(UsageError, match=r"expected a file to write to, but Is a directory"):
        Journal(tmp_path / "journal.jsonl", JournalEntry).append(entries(1))


def test_an_unsynced_batch_is_not_acknowledged(journal: Journal[JournalEntry]) -> None:
    """A pipe can be written to but not synced: the batch is refused."""
    os.mkfifo(journal.path)
    reader = os.open(journal.path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        with pytest.raises(StoppedError):
            journal.append(entries(1))
    finally:
        os.close(reader)
