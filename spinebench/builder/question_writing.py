"""Wordings written by one model and judged by another, then checked by rules, for people to read and commit."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from spinebench.builder.question_asking import templates
from spinebench.builder.question_plan import WritingPlan
from spinebench.builder.question_pool import PAGE, SHIPPED, PoolFile, read_pool, shipped_pool
from spinebench.builder.question_rounds import Writing, WrittenPool
from spinebench.builder.question_rules import problems_of_wording
from spinebench.builder.record_files import put_whole, write_records
from spinebench.builder.vocabulary import Vocabulary
from spinebench.errors import UsageError
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Gateway
from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel, ModelRequest
from spinebench.runs.dry_run import CHARACTERS_PER_TOKEN
from spinebench.runs.progress import Progress
from spinebench.runs.role_estimate import RoleEstimate
from spinebench.runs.steps import JOURNAL, Steps
from spinebench.runs.stopping import StopSwitch
from spinebench.store.locks import run_lock

REJECTED: Final = "rejected.jsonl"
_WAY_ON: Final = "call the same 'spinebench build questions' again"
_WORDING_CHARACTERS: Final = 120
"""Of a wording that is not written yet, as the judge is shown it."""
_REPLY_TOKENS: Final = {"writer": (200, 4000), "judge": (30, 1000)}


def open_writing(
    plan: WritingPlan,
    models: Mapping[str, ChatModel],
    folder: Path,
    *,
    vocabulary: Vocabulary | None = None,
    gateway: Gateway | None = None,
) -> Writing:
    """The writing of a plan at its start; its stored steps, if any, lie in `folder`.

    Raises `UsageError` where the reference is no wording that could be used itself, or a pool cannot be read.
    """
    vocabulary = vocabulary or Vocabulary.default()
    base = plan.language.partition("-")[0]
    reference = plan.reference or shipped_pool(plan.task, base).reference
    problems = problems_of_wording(reference, task=plan.task, language=plan.language, vocabulary=vocabulary)
    if problems:
        raise UsageError(
            f"reference {reference[:80]!r}: expected a question that suits every image, but it "
            f"{'; it '.join(problems)}; give another one with --reference ({PAGE})"
        )
    pools = [shipped_pool(plan.task, base) if one == SHIPPED else read_pool(Path(one)) for one in plan.pools]
    known = tuple(
        one.text
        for pool in pools
        if pool.task is plan.task and pool.language == plan.language
        for one in pool.phrasings
    )
    steps = Steps(
        folder / JOURNAL, what="pool of wordings", way_on=_WAY_ON, again=templates()["again"], gateway=gateway
    )
    return Writing(plan, models, steps, reference, known, vocabulary)


async def write_pool(
    plan: WritingPlan,
    models: Mapping[str, ChatModel],
    folder: Path,
    *,
    vocabulary: Vocabulary | None = None,
    switch: StopSwitch | None = None,
    on_progress: Callable[[Progress], None] | None = None,
    on_start: Callable[[Writing], None] | None = None,
) -> WrittenPool:
    """Write and judge wordings; journal, replies and `rejected.jsonl` stay in `folder`, which is made if missing.

    Called again it goes on. Raises `SpinebenchError` of what ended it (wrong key, budget, full disk); everything
    finished is in the journal. Models are closed at the end.
    """
    distinct = list({id(model): model for model in models.values()}.values())
    (folder / "cache").mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        stack.enter_context(run_lock(folder / "lock", run_id=folder.name, what="pool of wordings"))
        cache = stack.enter_context(contextlib.closing(ReplyCache(folder / "cache" / "replies.sqlite")))
        gateway = Gateway(plan.gateway_policy(), cache=cache)
        try:
            if any(one.calls for one in estimates(open_writing(plan, models, folder, vocabulary=vocabulary))):
                await gateway.check(distinct)
            writing = open_writing(plan, models, folder, vocabulary=vocabulary, gateway=gateway)
            stack.callback(writing.steps.journal.close)
            if on_start is not None:
                on_start(writing)
            try:
                await writing.run(switch=switch, gateway=gateway, on_progress=on_progress)
            finally:
                write_records(folder / REJECTED, writing.rejected)
            return writing.result()
        finally:
            for model in distinct:
                await model.aclose()


def write_pool_file(path: Path, pool: PoolFile) -> None:
    """Write a pool as YAML, for people to read; the same pool gives the same bytes."""
    import yaml

    fields = pool.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(fields, sort_keys=False, allow_unicode=True, width=1000)
    put_whole(path, [text.encode()])


def estimates(writing: Writing) -> tuple[RoleEstimate, ...]:
    """Calls that are left by role, at most, without a call. Takes the writing through what is stored and uses it up."""
    n_writer = n_judge = characters = 0
    while not writing.done:
        request = writing.request()
        written = writing.steps.known(writing.part, writing.models["writer"], request)
        if written is None:
            n_judge = writing.asked_for * writing.rounds_left
        else:
            wordings = writing.sift(written, writing.asked_for)
            judged = [
                writing.steps.known(writing.part, writing.models["judge"], writing.judge_request(one))
                for one in wordings
            ]
            if None not in judged:
                writing.settle([(one, entry) for one, entry in zip(wordings, judged, strict=True) if entry])
                continue
            n_judge = judged.count(None) + writing.asked_for * writing.rounds_left
            request = writing.request()
        n_writer, characters = writing.rounds_left, writing.rounds_left * _characters(request)
        break
    per_judgement = _characters(writing.judge_request("")) + _WORDING_CHARACTERS
    return (
        _estimate(writing, "writer", n_writer, characters),
        _estimate(writing, "judge", n_judge, n_judge * per_judgement),
    )


def _estimate(writing: Writing, role: str, calls: int, characters: int) -> RoleEstimate:
    plan, model = writing.plan, writing.models[role]
    low, high = _REPLY_TOKENS[role]
    most = min(high, plan.max_tokens or high)
    # A Chinese character is about one token.
    densest = 1.0 if plan.language.startswith("zh") else CHARACTERS_PER_TOKEN[0]
    tokens_in = (round(characters / CHARACTERS_PER_TOKEN[1]), round(characters / densest))
    tokens_out = (calls * min(low, most), calls * most)
    return RoleEstimate(
        role=role,
        model=model.name,
        host=model.host,
        calls=calls,
        input_tokens=tokens_in,
        output_tokens=tokens_out,
        cost_usd=PriceBook().price_range(model.name, 1, tokens_in, tokens_out, host=model.host),
    )


def _characters(request: ModelRequest) -> int:
    return sum(len(message.text) for message in request.messages)
