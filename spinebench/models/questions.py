"""What models without a network need to know about a question: the item behind a request, and its letters."""

from __future__ import annotations

import string
from collections.abc import Callable, Iterable, Sequence

from spinebench.models.protocol import ModelFailure, ModelRequest, RequestTag
from spinebench.records import MULTIPLE_ANSWER_TASKS, FailureClass, Item
from spinebench.terms import HEALTHY, canonical_disease


class Questions:
    """The run's items by id. They are asked for once, at the first request."""

    def __init__(self, items: Callable[[], Sequence[Item]], *, model: str) -> None:
        self._source = items
        self._model = model
        self._by_id: dict[str, Item] | None = None
        self._by_image: dict[str, list[Item]] | None = None

    def all(self) -> Iterable[Item]:
        return self._items().values()

    def get(self, item_id: str) -> Item | None:
        return self._items().get(item_id)

    def showing(self, paths: Iterable[str]) -> list[Item]:
        """Items that show one of these image files, each once, in the order of the run."""
        if self._by_image is None:
            self._by_image = {}
            for item in self._items().values():
                for image in item.images:
                    self._by_image.setdefault(image.path, []).append(item)
        found = {item.id: item for path in paths for item in self._by_image.get(path, ())}
        return list(found.values())

    def asked(self, request: ModelRequest) -> tuple[Item, RequestTag]:
        """The item of a request and its tag.

        Raises `ModelFailure` (bad request) where the request carries no tag or names an unknown item: such a
        model cannot answer a free question.
        """
        tag = request.tag
        if tag is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST, f"{self._model} answers only tagged requests about a run's items"
            )
        item = self.get(tag.item_id)
        if item is None:
            raise ModelFailure(
                FailureClass.BAD_REQUEST, f"{self._model} knows no item {tag.item_id!r} among the run's items"
            )
        if tag.option_permutation and sorted(tag.option_permutation) != list(range(len(item.options))):
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"option permutation {tag.option_permutation!r} does not fit {len(item.options)} options",
            )
        return item, tag

    def _items(self) -> dict[str, Item]:
        if self._by_id is None:
            self._by_id = {item.id: item for item in self._source()}
        return self._by_id


def presented(item: Item, tag: RequestTag) -> tuple[str, ...]:
    """The option texts in the order that the model was shown."""
    return tuple(item.options[index] for index in tag.option_permutation) or item.options


def letters_of(chosen: Iterable[str], options: Sequence[str]) -> tuple[str, ...]:
    """Letters of option texts by their presented position, sorted."""
    wanted = set(chosen)
    return tuple(
        letter for letter, text in zip(string.ascii_uppercase, options, strict=False) if text in wanted
    )


def healthy_option(options: Iterable[str]) -> str | None:
    """The option that says the spine is healthy; None where there is none."""
    return next((text for text in options if canonical_disease(text) == HEALTHY), None)


def closing_line(item: Item, letters: Sequence[str]) -> str:
    """The exact closing line of the persona prompts."""
    several = item.task in MULTIPLE_ANSWER_TASKS
    return f"My final option{'s' if several else ''}: [{', '.join(letters)}]"
