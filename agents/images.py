"""Where the exam graph gets its images from."""

from __future__ import annotations

from typing import Protocol

from spinebench.errors import DataError
from spinebench.models.protocol import ImagePart
from spinebench.records import ImageCondition, Item


class ImageSource(Protocol):
    """Gives the images to show for an item under an image condition, in the item's order.

    Raises `DataError` where an image cannot be used or must not be sent; the graph records it for that item.
    """

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]: ...


class NoImages:
    """A source for items without images; it refuses items that have some, unless the condition is `none`."""

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        if item.images and condition is not ImageCondition.NONE:
            raise DataError(
                f"images of item {item.id!r}: expected a source that can read them; "
                "pass images=... to exam_graph, or use the image condition 'none'"
            )
        return ()
