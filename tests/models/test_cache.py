from __future__ import annotations

import logging
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spinebench.models.cache import ReplyCache, is_good
from spinebench.models.protocol import JsonSchema, ModelReply, ModelRequest
from spinebench.records import FinishReason, Usage
from tests.scripted_model import OK, request

FULL = ModelReply(
    text="Größe ≥ 5 mm\n\x00\U0001f9b4 [B]",
    reasoning="first, …",
    finish_reason=FinishReason.STOP,
    usage=Usage(input_tokens=9, output_tokens=3, reasoning_tokens=1, cached_input_tokens=2),
    provider_model="gpt-5.2-2025-12-11",
    response_id="r1",
    rate_limit={"x-ratelimit-remaining-requests": "9"},
)


def test_a_reply_comes_back_as_it_was_but_for_its_rate_limit_headers(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "deep" / "replies.sqlite") as cache:
        assert cache.get("k") is None
        cache.put("k", FULL, model="openai/gpt-5.2")
        assert cache.get("k") == FULL.model_copy(update={"rate_limit": {}})
    with ReplyCache(tmp_path / "deep" / "replies.sqlite") as cache:
        assert cache.get("k") == FULL.model_copy(update={"rate_limit": {}})
        assert len(cache) == 1
        assert cache.note is None


@given(text=st.text(min_size=1), reasoning=st.none() | st.text())
def test_any_text_survives(text: str, reasoning: str | None) -> None:
    reply = ModelReply(text=text, reasoning=reasoning, finish_reason=FinishReason.STOP)
    with ReplyCache(Path(":memory:")) as cache:
        cache.put("k", reply, model="m")
        assert cache.get("k") == reply


def test_a_later_reply_replaces_an_earlier_one(tmp_path: Path) -> None:
    with ReplyCache(tmp_path / "r.sqlite") as cache:
        cache.put("k", FULL, model="m")
        cache.put("k", OK, model="m")
        assert cache.get("k") == OK
        assert len(cache) == 1


@pytest.mark.parametrize(
    ("reply", "good"),
    [
        pytest.param(OK, True, id="an answer"),
        pytest.param(OK.model_copy(update={"text": ""}), False, id="empty"),
        pytest.param(OK.model_copy(update={"text": " \n\t"}), False, id="blank"),
        pytest.param(OK.model_copy(update={"refusal": "I cannot"}), False, id="refusal field"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.REFUSAL}), False, id="refused"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.FILTER}), False, id="filtered"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.LENGTH}), False, id="truncated"),
        pytest.param(OK.model_copy(update={"finish_reason": FinishReason.OTHER}), False, id="other"),
    ],
)
def test_what_may_be_reused(reply: ModelReply, good: bool) -> None:
    assert is_good(reply, request()) is good


@pytest.mark.parametrize(
    ("text", "good"), [('{"letters": ["A"]}', True), ('{"letters": ["A"', False), ("Sure! A", False)]
)
def test_a_reply_that_should_be_json_is_reused_only_if_it_is(text: str, good: bool) -> None:
    asked = ModelRequest(messages=(), json_schema=JsonSchema(name="letters", schema={"type": "object"}))
    assert is_good(OK.model_copy(update={"text": text}), asked) is good


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"this is no database, but a text of some length" * 50, id="text"),
        pytest.param(os.urandom(8192), id="noise"),
        pytest.param(b"SQLite format 3\x00" + b"\xff" * 8000, id="header, then rubbish"),
    ],
)
def test_a_broken_file_is_moved_aside_and_said_so(
    tmp_path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path = tmp_path / "replies.sqlite"
    path.write_bytes(content)
    with caplog.at_level(logging.WARNING), ReplyCache(path) as cache:
        cache.put("k", OK, model="m")
        assert cache.get("k") == OK
        assert (
            cache.note
            == "reply cache 'replies.sqlite' was no readable database; kept as 'replies.sqlite.broken-1'"
        )
    assert (tmp_path / "replies.sqlite.broken-1").read_bytes() == content
    assert "broken-1" in caplog.text
    path.write_bytes(content)
    with ReplyCache(path) as cache:
        assert len(cache) == 0
    assert (tmp_path / "replies.sqlite.broken-2").exists()


def test_an_empty_file_is_a_new_cache(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").touch()
    with ReplyCache(tmp_path / "r.sqlite") as cache:
        cache.put("k", OK, model="m")
        assert cache.get("k") == OK
        assert cache.note is None


def test_a_file_that_breaks_in_mid_run_ends_reuse_but_not_the_run(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ReplyCache(path) as cache:
        for number in range(300):
            cache.put(f"k{number}", FULL, model="m")
    size = path.stat().st_size
    with ReplyCache(path) as cache:
        with path.open("r+b") as file:
            file.seek(4096)
            file.write(b"\xee" * (size - 4096))
        assert cache.get("k7") is None
        cache.put("k301", OK, model="m")
        assert cache.note is not None
        assert "replies are neither reused nor kept" in cache.note


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with ReplyCache(tmp_path / "file" / "r.sqlite") as cache:
        cache.put("k", OK, model="m")
        assert cache.get("k") is None
        assert len(cache) == 0
        assert cache.note is not None


def test_a_folder_in_its_place_is_said(tmp_path: Path) -> None:
    (tmp_path / "r.sqlite").mkdir()
    with ReplyCache(tmp_path / "r.sqlite") as cache:
        assert cache.get("k") is None
        assert cache.note is not None


def test_a_newer_versions_cache_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    with ReplyCache(path) as cache:
        cache.put("k", OK, model="m")
        assert cache.get("k") is None
        assert "newer version" in (cache.note or "")
    assert list(tmp_path.glob("*.broken-*")) == []


def test_a_stored_reply_of_another_shape_is_a_miss(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ReplyCache(path) as cache:
        cache.put("k", OK, model="m")
    connection = sqlite3.connect(path)
    with connection:
        connection.execute("UPDATE replies SET reply = ?", ('{"answer": 1',))
    connection.close()
    with ReplyCache(path) as cache:
        assert cache.get("k") is None
        cache.put("k", OK, model="m")
        assert cache.get("k") == OK


def test_a_write_while_another_process_writes_is_kept_for_later(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    with ReplyCache(path) as cache:
        other = sqlite3.connect(path)
        other.execute("BEGIN IMMEDIATE")
        cache.put("k1", OK, model="m")
        other.rollback()
        other.close()
        assert cache.note is None
        cache.put("k2", OK, model="m")
        assert cache.get("k1") == OK
        assert cache.get("k2") == OK


def test_several_processes_share_one_cache(tmp_path: Path) -> None:
    path = tmp_path / "r.sqlite"
    path.write_bytes(b"broken from the start" * 100)
    code = (
        "import sys; from pathlib import Path\n"
        "from spinebench.models.cache import ReplyCache\n"
        "from tests.scripted_model import OK\n"
        "with ReplyCache(Path(sys.argv[1])) as cache:\n"
        "    for n in range(150): cache.put(f'{sys.argv[2]}-{n}', OK, model='m')\n"
        "    assert all(cache.get(f'{sys.argv[2]}-{n}') == OK for n in range(150))\n"
    )
    root = Path(__file__).parents[2]
    workers = [
        subprocess.Popen([sys.executable, "-c", code, str(path), str(worker)], cwd=root)
        for worker in range(4)
    ]
    assert [worker.wait(timeout=120) for worker in workers] == [0, 0, 0, 0]
    with ReplyCache(path) as cache:
        assert len(cache) == 600
    assert len(list(tmp_path.glob("*.broken-*"))) == 1
