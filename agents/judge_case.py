"""What a judge is shown of a trace, as a record that has no place for the model's name or its correctness."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from pydantic import Field

from spinebench.agents.options import letters
from spinebench.audit_records import AuditTrace, Blinding
from spinebench.evaluators.quotes import QuoteMatch, find_quote
from spinebench.evaluators.written_case import asked_text, expected_text
from spinebench.models.protocol import ImagePart
from spinebench.records import ImageCondition, JsonValue, Record, Task, Turn, digest

_SHORT = 200
"""A trace longer than this always holds something that can be quoted."""


class JudgeCase(Record):
    """One trace with its question, blinded: neither model, persona, run, score nor outcome has a field here."""

    trace_id: str
    """For the request's tag; not sent."""
    item_id: str
    """For the request's tag; not sent."""
    task: Task
    question: str
    options: tuple[str, ...] = ()
    """As presented, with their letters: `A: ...`."""
    text: str
    """The answer as the model wrote it."""
    reasoning: str | None = None
    """Native reasoning, as the provider gave it apart from the answer."""
    turns: tuple[Turn, ...] = ()
    """Of a consultation: what the patient said and the model replied, in place of `text` and `reasoning`."""
    gold: tuple[str, ...] | None = None
    """The right options with their letters, or the reference and the key facts of free text; None where not shown."""
    image_condition: ImageCondition = ImageCondition.NORMAL
    option_permutation: tuple[int, ...] = ()
    n_images: int = Field(default=0, ge=0)
    """Images that the question comes with, whether or not the judge is shown them."""

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The texts that quotes may come from, blank ones left out: native reasoning first, then the answer.

        Of a consultation the replies one by one; what the patient said is the question's.
        """
        said = [(turn.reasoning, turn.text) for turn in self.turns] or [(self.reasoning, self.text)]
        return tuple(part for both in said for part in both if part and part.strip())

    @cached_property
    def quotable(self) -> bool:
        """Whether the trace holds a passage long enough to be quoted; a lone `B` is not."""
        return any(len(part) > _SHORT or find_quote(part.strip(), part).found for part in self.parts)

    def find(self, quote: str) -> QuoteMatch:
        """Where a quote stands; of the misses the one that comes closest. An empty trace holds none."""
        misses = []
        for part in self.parts or ("",):
            match = find_quote(quote, part)
            if match.found:
                return match
            misses.append(match)
        return max(misses, key=lambda match: match.similarity)

    def shown_hash(self, images: Sequence[ImagePart]) -> str:
        """SHA-256 over everything the judge is shown of the case."""
        shown: dict[str, JsonValue] = self.model_dump(
            mode="json", include={"question", "options", "text", "reasoning", "gold"}
        )
        if self.turns:
            shown["turns"] = [[turn.patient, turn.text, turn.reasoning] for turn in self.turns]
        return digest({**shown, "images": [part.image.sha256 for part in images]})


def case_of(trace: AuditTrace, blinding: Blinding) -> JudgeCase:
    """The blinded case of a trace. Gold is in it only where `blinding` says so."""
    lettered = tuple(
        f"{letter}: {text}" for letter, text in zip(letters(len(trace.options)), trace.options, strict=True)
    )
    gold: tuple[str, ...] | None = None
    if blinding.gold:
        right = set(trace.item.gold)
        gold = tuple(line for line, text in zip(lettered, trace.options, strict=True) if text in right)
        gold = gold or expected_text(trace.item)
    return JudgeCase(
        trace_id=trace.trace_id,
        item_id=trace.item.id,
        task=trace.item.task,
        question=asked_text(trace.item),
        options=lettered,
        text=trace.answer.text,
        reasoning=trace.answer.reasoning,
        turns=trace.answer.turns,
        gold=gold,
        image_condition=trace.answer.key.image_condition,
        option_permutation=trace.answer.option_permutation,
        n_images=len(trace.item.images),
    )
