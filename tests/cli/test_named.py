"""Commands in messages mean the workspace that the person is in."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from spinebench.cli.named import in_workspace_of
from tests.exams import Said
from tests.rated_audits import make_audit

Cli = Callable[..., Said]


@pytest.mark.parametrize(
    ("args", "text", "said"),
    [
        (["rate", "--workspace", "w"], "call 'spinebench rate lock X'", "call 'spinebench rate lock X --workspace w'"),
        (["agree", "--workspace=a b"], "see 'spinebench agree'", "see 'spinebench agree --workspace 'a b''"),
        (["rate"], "call 'spinebench rate lock X'", "call 'spinebench rate lock X'"),
        (["agree", "--workspace", "w"], "see 'spinebench rubrics list'", "see 'spinebench rubrics list'"),
        (["agree", "--workspace", "w"], "'spinebench agree --workspace v'", "'spinebench agree --workspace v'"),
        (["agree", "--workspace"], "'spinebench agree'", "'spinebench agree'"),
        (["agree", "--workspace", "spinebench-workspace"], "'spinebench agree'", "'spinebench agree'"),
        (["agree", "--workspace", "w"], "a trace said 'run'", "a trace said 'run'"),
    ],
    ids=["two words", "one word", "none given", "takes none", "named already", "cut off", "the default", "no command"],
)  # fmt: skip
def test_a_command_to_copy_names_the_workspace(args: list[str], text: str, said: str) -> None:
    assert in_workspace_of(args, text) == said


def test_an_error_leads_on_in_the_same_workspace(tmp_path: Path, cli: Cli) -> None:
    make_audit(tmp_path, images=False)
    said = cli("rate", "status", "--workspace", "workspace")
    assert said.code == 2
    assert "'spinebench rate assign" in said.err
    assert "--workspace workspace'" in said.err
