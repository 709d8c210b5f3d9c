"""What the models are asked to reply."""

from __future__ import annotations

from spinebench.records import Record


class CheckReply(Record):
    """Whether image and text agree."""

    agree: bool
    reason: str


class McqDraft(Record):
    """A multiple-choice question as a model writes it."""

    question: str
    options: tuple[str, ...]
    answer: str
    explanation: str
    subspecialty: str


class OpenDraft(Record):
    """An open task as a model writes it."""

    question: str
    history: str
    examination: str
    reference: str
    key_facts: tuple[str, ...]
    subspecialty: str
