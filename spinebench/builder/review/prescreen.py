"""A model looks through the items before persons do. What it says orders their attention; it decides nothing."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from spinebench.builder.records import Candidate
from spinebench.builder.review.prescreen_asking import item_text, prescreen_request, problems_of_reply
from spinebench.builder.review.prescreen_plan import PrescreenPlan
from spinebench.builder.review.prescreen_records import PrescreenReply, prescreen_steps, templates
from spinebench.builder.review.queue import Review
from spinebench.models.cache import ReplyCache
from spinebench.models.gateway import Gateway
from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel, ModelRequest
from spinebench.records import Record
from spinebench.runs.crew import Crew, raise_first
from spinebench.runs.dry_run import CHARACTERS_PER_TOKEN, TOKENS_PER_IMAGE
from spinebench.runs.progress import Progress
from spinebench.runs.stopping import StopSwitch
from spinebench.store.locks import run_lock

_REPLY_TOKENS = (60, 1500)
"""The object alone is short; a model that thinks first is not."""


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
    _failed: set[str] = field(default_factory=set)

    def __post_init__(self) -> None:
        self._steps = prescreen_steps(self.review.folder)

    @property
    def begun(self) -> bool:
        """Whether there is anything in the journal."""
        return self._steps.journal.path.exists()

    def estimate(self) -> PrescreenEstimate:
        """What is left to ask, counted without a call."""
        left = [one for one, request in self._requests() if not self._known(one, request)]
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
            gateway = Gateway(self.plan.gateway_policy(), cache=cache)
            self._steps = prescreen_steps(folder, gateway=gateway)
            stack.callback(self._steps.journal.close)
            if not all(self._known(one, request) for one, request in self._requests()):
                await gateway.check([self.model])
            if on_start is not None:
                on_start(self)
            crew = Crew(switch or StopSwitch())
            progress = Progress(n_planned=len(self.review.candidates), n_done=0)

            async def do(one: Candidate) -> None:
                asked = await self._take(one)
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
        review = Review.open(self.review.build)
        hashes = set(review.hashes.values())
        read = hashes & review.remarks.keys()
        asked = {one.part for one in self._steps.journal.read() if one.asked and one.model == self.model.name}
        return PrescreenCounts(
            n_items=len(hashes),
            n_done=len(read),
            n_unread=len((asked & hashes) - read),
            n_failed=len(self._failed),
            n_suspicious=len(review.attention),
        )

    def _requests(self) -> Iterator[tuple[Candidate, ModelRequest]]:
        decoding = self.plan.decoding()
        for one in self.review.candidates:
            yield one, prescreen_request(one, self.review.build, decoding)

    def _known(self, one: Candidate, request: ModelRequest) -> bool:
        return self._steps.known(self.review.hashes[one.item.id], self.model, request) is not None

    async def _take(self, one: Candidate) -> bool:
        """Ask about one item unless its reply is stored; whether it was asked."""
        request = prescreen_request(one, self.review.build, self.plan.decoding())
        if self._known(one, request):
            return False
        entry = await self._steps.take(
            "prescreen",
            request,
            PrescreenReply,
            part=self.review.hashes[one.item.id],
            kind=one.item.task.value,
            model=self.model,
            prompt_hash=templates()["prescreen"].hash,
            problems=lambda reply: problems_of_reply(reply, one),
        )
        if not entry.asked:
            self._failed.add(one.item.id)
        return True


def by_attention(review: Review) -> Sequence[tuple[str, int, tuple[str, ...]]]:
    """(Item id, suspicion, remarks) of the items with a suspicion, the most suspicious first, then by id."""
    found = [
        (name, value, review.remarks[review.hashes[name]].texts()) for name, value in review.attention.items()
    ]
    return sorted(found, key=lambda one: (-one[1], one[0]))
