"""A model looks through the items before persons do. What it says orders their attention; it decides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from spinebench.builder.records import Candidate
from spinebench.builder.review.prescreen_asking import (
    asked_again,
    item_text,
    prescreen_request,
    read_reply,
    templates,
)
from spinebench.builder.review.prescreen_plan import PrescreenPlan
from spinebench.builder.review.prescreen_records import PrescreenEntry, PrescreenReply, prescreen_journal
from spinebench.builder.review.queue import Review
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Call, Gateway
from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel, ModelRequest
from spinebench.records import FinishReason, Record
from spinebench.runs.crew import Crew, raise_first
from spinebench.runs.dry_run import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE
from spinebench.runs.plan_fields import policy_of
from spinebench.runs.progress import Progress
from spinebench.runs.stopping import StopSwitch
from spinebench.store.locks import run_lock

_REPLY_TOKENS = (60, 1500)
"""The object alone is short; a model that thinks first is not."""
_UNWILLING = frozenset({FinishReason.REFUSAL, FinishReason.FILTER})


class PrescreenEstimate(Record):
    """The calls that are left, without a call. Token figures are ranges by rules of thumb, not measurements."""

    n_items: int
    calls: int
    """Items without a stored reply; a reply that cannot be used is asked for once more, which is not counted."""
    n_images: int
    """That would be sent."""
    input_tokens: tuple[int, int]
    output_tokens: tuple[int, int]
    cost_usd: tuple[float, float] | None
    """None where the price is unknown."""
    leaves_machine: str | None
    """Host that items and pictures would go to."""


class PrescreenCounts(Record):
    """How far a pre-screen is."""

    n_items: int
    n_done: int
    """Items with a reply that could be read."""
    n_unread: int
    """Items whose reply could not be read, or was refused."""
    n_failed: int
    """Items without a reply; they are asked again when the command is called again."""
    n_suspicious: int
    """Items with a suspicion above 0."""


@dataclass
class Prescreening:
    """One sitting over the items of a review."""

    review: Review
    plan: PrescreenPlan
    model: ChatModel
    _done: dict[tuple[str, str], PrescreenEntry] = field(default_factory=dict)
    _failed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._journal = prescreen_journal(self.review.folder)
        for entry in self._journal.read():
            if entry.replies and entry.model == self.model.name:
                self._done[entry.item_id, entry.request_hash] = entry

    @property
    def begun(self) -> bool:
        """Whether there is anything in the journal."""
        return self._journal.path.exists()

    def estimate(self) -> PrescreenEstimate:
        """What is left to ask, counted without a call."""
        left = [one for one, request in self._requests() if self._known(one, request) is None]
        fixed = len(templates()["prescreen"].text)
        characters = sum(len(item_text(one)) + fixed for one in left)
        n_images = sum(len(one.item.images) for one in left)
        most = self.plan.max_tokens or _REPLY_TOKENS[1]
        tokens_in = (
            round(characters / CHARACTERS_PER_TOKEN[1] + n_images * TOKENS_PER_IMAGE[0]),
            round(characters / CHARACTERS_PER_TOKEN[0] + n_images * TOKENS_PER_IMAGE[1]),
        )
        tokens_out = (len(left) * min(_REPLY_TOKENS[0], most), len(left) * most)
        return PrescreenEstimate(
            n_items=len(self.review.candidates),
            calls=len(left),
            n_images=n_images,
            input_tokens=tokens_in,
            output_tokens=tokens_out,
            cost_usd=PriceBook().price_range(self.model.name, 1, tokens_in, tokens_out, host=self.model.host),
            leaves_machine=self.model.host,
        )

    async def run(
        self,
        *,
        switch: StopSwitch | None = None,
        on_progress: Callable[[Progress], None] | None = None,
        on_start: Callable[[Prescreening], None] | None = None,
    ) -> PrescreenCounts:
        """Ask what is left; every reply is on disk before it counts.

        Raises what ended the sitting (wrong key, budget, full disk), after what is in flight is stored.
        """
        folder = self.review.folder
        cache_folder = folder / "cache"
        cache_folder.mkdir(parents=True, exist_ok=True)
        with contextlib.ExitStack() as stack:
            stack.enter_context(
                run_lock(folder / "prescreen.lock", run_id=self.review.build.name, what="pre-screen")
            )
            cache = stack.enter_context(contextlib.closing(ReplyCache(cache_folder / "replies.sqlite")))
            stack.callback(self._journal.close)
            gateway = Gateway(policy_of(self.plan), cache=cache)
            if any(self._known(one, request) is None for one, request in self._requests()):
                await gateway.check([self.model])
            if on_start is not None:
                on_start(self)
            crew = Crew(switch or StopSwitch())
            progress = Progress(n_planned=len(self.review.candidates), n_done=0)

            async def do(one: Candidate) -> None:
                asked = await self._take(one, gateway)
                progress.n_this_sitting += asked
                progress.n_failed = len(self._failed)
                progress.n_done += one.item.id not in self._failed
                costs = [row.cost_usd for row in gateway.spending() if row.cost_usd is not None]
                progress.cost_usd = sum(costs) if costs else None
                if on_progress is not None:
                    on_progress(progress)

            waiting = iter(self.review.candidates)
            n_workers = max(1, min(len(self.review.candidates), self.plan.max_connections))
            raised = await crew.all_of(crew.work(waiting, do) for _ in range(n_workers))
            raise_first(raised, crew.cause)
        return self.counts()

    def counts(self) -> PrescreenCounts:
        """The counts as the journal has them."""
        remarks = Review.open(self.review.build)
        hashes = remarks.hashes
        read = {name for name, found in remarks.remarks if hashes.get(name) == found}
        asked = {name for name, _ in self._done}
        return PrescreenCounts(
            n_items=len(hashes),
            n_done=len(read),
            n_unread=len((asked & hashes.keys()) - read),
            n_failed=len(self._failed),
            n_suspicious=len(remarks.attention),
        )

    def _requests(self) -> Iterator[tuple[Candidate, ModelRequest]]:
        decoding = self.plan.decoding()
        for one in self.review.candidates:
            yield one, prescreen_request(one, self.review.build, decoding)

    def _known(self, one: Candidate, request: ModelRequest) -> PrescreenEntry | None:
        return self._done.get((one.item.id, request.hash(self.model.name)))

    async def _take(self, one: Candidate, gateway: Gateway) -> bool:
        """Ask about one item unless its reply is stored; whether it was asked."""
        request = prescreen_request(one, self.review.build, self.plan.decoding())
        if self._known(one, request) is not None:
            return False
        calls: list[Call] = []
        value: PrescreenReply | None = None
        problem: str | None = None
        asking = request
        while len(calls) < 2:
            call = await gateway.call(self.model, asking, role="prescreen")
            calls.append(call)
            if call.reply is None:
                break
            read = read_reply(call.reply.text, one)
            value, problem = (None, read) if isinstance(read, str) else (read, None)
            if problem is None or call.reply.finish_reason in _UNWILLING or not call.reply.text.strip():
                break
            asking = asked_again(request, call.reply.text, problem)
        entry = PrescreenEntry(
            item_id=one.item.id,
            item_hash=self.review.hashes[one.item.id],
            request_hash=request.hash(self.model.name),
            prompt_hash=templates()["prescreen"].hash,
            model=self.model.name,
            # A second call without a reply leaves the item to be asked again as a whole.
            replies=tuple(call.reply.text for call in calls if call.reply) if calls[-1].reply else (),
            value=None if value is None or not calls[-1].reply else value.model_dump(mode="json"),
            problem=problem,
            failures=tuple(failure for call in calls for failure in call.failures),
            usage=tuple(call.usage for call in calls),
            at=datetime.now(UTC),
        )
        self._journal.append([entry])
        if entry.replies:
            self._done[one.item.id, entry.request_hash] = entry
        else:
            self._failed.add(one.item.id)
        return True


def by_attention(review: Review) -> Sequence[tuple[str, int, tuple[str, ...]]]:
    """(Item id, suspicion, remarks) of the items with a suspicion, the most suspicious first, then by id."""
    found = [
        (name, value, review.remarks[name, review.hashes[name]].texts())
        for name, value in review.attention.items()
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))
