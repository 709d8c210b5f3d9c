"""One call of a pipeline and its line in the journal: asked, read, asked again where it cannot be used."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from spinebench.agents.personas import Template
from spinebench.models.gateway import Call, Gateway
from spinebench.models.protocol import ChatModel, Message, ModelRequest, TextPart
from spinebench.records import Failure, FinishReason, Record, Usage
from spinebench.runs.json_replies import ReplyT, read_reply
from spinebench.store.journal import CorruptLineError, Journal, Line

JOURNAL: Final = "journal.jsonl"
_UNWILLING: Final = frozenset({FinishReason.REFUSAL, FinishReason.FILTER})


class StepEntry(Record):
    """What became of one step of one part."""

    part: str
    step: str
    """Name of the step, e.g. `draft`."""
    kind: str | None = None
    request_hash: str
    """Of the first request: texts, images, model, decoding. The step is found again by it."""
    prompt_hash: str
    model: str
    replies: tuple[str, ...] = ()
    """As they came, byte for byte; empty where no call succeeded."""
    value: dict[str, Any] | None = None
    """The last reply as it was read; None where it could not be."""
    problem: str | None = None
    """Why the last reply cannot be used."""
    failures: tuple[Failure, ...] = ()
    usage: tuple[Usage, ...] = ()
    at: datetime

    @property
    def asked(self) -> bool:
        """Whether there was a reply; a step without one is asked again when the command is called again."""
        return bool(self.replies)


class StepJournal(Journal[StepEntry]):
    """The journal of a pipeline; what a damaged line held is asked again."""

    def __init__(self, path: Path, *, way_on: str, what: str) -> None:
        super().__init__(path, StepEntry, way_on=way_on)
        self._what = what

    def corrupt(self, line: Line, why: str) -> CorruptLineError:
        return CorruptLineError(
            f"journal {str(self.path)!r}, line {line.number} (byte {line.offset}): expected a step of a "
            f"{self._what}, but {why}; remove the line, then {self.way_on}"
        )


class Steps:
    """The steps that are done, of this and earlier sittings, and the way to the next ones."""

    def __init__(
        self, path: Path, *, what: str, way_on: str, again: Template, gateway: Gateway | None = None
    ) -> None:
        """`what` and `way_on` are for messages; `again` asks once more and has the place `problem`."""
        self.journal = StepJournal(path, way_on=way_on, what=what)
        self._again = again
        self._gateway = gateway
        self._done: dict[tuple[str, str], StepEntry] = {
            (entry.part, entry.request_hash): entry for entry in self.journal.read() if entry.asked
        }

    def known(self, part: str, model: ChatModel, request: ModelRequest) -> StepEntry | None:
        """The stored step of exactly this request; None where it is still to be asked."""
        return self._done.get((part, request.hash(model.name)))

    async def take(
        self,
        step: str,
        request: ModelRequest,
        reply: type[ReplyT],
        *,
        part: str,
        kind: str | None,
        model: ChatModel,
        prompt_hash: str,
        problems: Callable[[ReplyT], tuple[str, ...]],
    ) -> StepEntry:
        """The stored step, or a new one, which counts once its line is on disk.

        A reply that cannot be read, or breaks a rule, is asked for once more, with the reason.
        Raises what `Gateway.call` raises.
        """
        known = self.known(part, model, request)
        if known is not None:
            return known
        assert self._gateway is not None, "steps without a gateway are read only"
        calls: list[Call] = []
        value: ReplyT | None = None
        problem: str | None = None
        asking = request
        while len(calls) < 2:
            call = await self._gateway.call(model, asking, role=step)
            calls.append(call)
            if call.reply is None:
                break
            value, problem = None, None
            read = read_reply(call.reply.text, reply)
            if isinstance(read, str):
                problem = read
            else:
                value = read
                problem = "; ".join(problems(read)) or None
            if problem is None or call.reply.finish_reason in _UNWILLING or not call.reply.text.strip():
                break
            asking = asked_again(request, call.reply.text, self._again.fill(problem=problem))
        entry = StepEntry(
            part=part,
            step=step,
            kind=kind,
            request_hash=request.hash(model.name),
            prompt_hash=prompt_hash,
            model=model.name,
            # A second call without a reply leaves the first reply as it is: the whole step is asked again.
            replies=tuple(call.reply.text for call in calls if call.reply) if calls[-1].reply else (),
            value=None if value is None else value.model_dump(mode="json"),
            problem=problem,
            failures=tuple(failure for call in calls for failure in call.failures),
            usage=tuple(call.usage for call in calls),
            at=datetime.now(UTC),
        )
        self.journal.append([entry])
        if entry.asked:
            self._done[(part, entry.request_hash)] = entry
        return entry


def asked_again(request: ModelRequest, reply: str, again: str) -> ModelRequest:
    """The same request with the reply, and why it cannot be used."""
    turns = (
        Message(role="assistant", parts=(TextPart(text=reply),)),
        Message(role="user", parts=(TextPart(text=again),)),
    )
    return request.model_copy(update={"messages": (*request.messages, *turns)})
