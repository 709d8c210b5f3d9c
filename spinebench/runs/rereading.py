"""Replies that no rule reads and on which the extractor failed: read again when a run goes on, without asking anew."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from spinebench.agents.extractor import extractor_request, read_extractor_reply
from spinebench.agents.options import presented
from spinebench.evaluators.scoring import grade
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel, RequestTag
from spinebench.records import Answer, AnswerStatus, Item, JournalEntry, Scored
from spinebench.store.run_folder import RunFolder


def is_unread(entry: JournalEntry) -> bool:
    """Whether there is a complete reply that neither a rule nor the extractor has read."""
    return (
        entry.answer is not None
        and entry.answer.status is AnswerStatus.ANSWERED
        and entry.scored is not None
        and entry.scored.extraction.status is AnswerStatus.UNPARSED
        and entry.scored.extraction.rule is None
    )


def unread_answers(folder: RunFolder) -> Iterator[Answer]:
    """The stored answers that wait for the extractor."""
    for entry in folder.latest():
        if entry.answer is not None and is_unread(entry):
            yield entry.answer


async def read_again(
    answer: Answer, item: Item, *, extractor: ChatModel, gateway: Gateway
) -> JournalEntry | None:
    """A score made of the extractor's reading; None where the extractor failed again."""
    options = presented(item.options, answer.option_permutation)
    tag = RequestTag(
        item_id=item.id,
        persona=answer.key.persona,
        image_condition=answer.key.image_condition,
        option_permutation=answer.option_permutation,
        epoch=answer.key.epoch,
    )
    request = extractor_request(answer.text, item=item, options=options, tag=tag)
    call = await gateway.call(extractor, request, role="extractor")
    if call.reply is None:
        return None
    extraction = read_extractor_reply(call.reply.text, model=extractor.name, task=item.task, options=options)
    scored = Scored(
        key=answer.key,
        run_id=answer.run_id,
        extraction=extraction,
        grade=grade(item, extraction, permutation=answer.option_permutation),
        at=datetime.now(UTC),
    )
    return JournalEntry(scored=scored)
