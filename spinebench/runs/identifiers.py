"""Nothing that looks like it identifies a person goes to a remote host unless a plan says so."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from spinebench.benchmarks import ImageStore
from spinebench.benchmarks.item_identifiers import Texts, in_items
from spinebench.errors import DataError
from spinebench.records import ImageRef, Item

_LISTED = 3


def refuse_texts(items: Iterable[Item], hosts: Collection[str], *, texts: Texts = "asked") -> None:
    """Raise `DataError` where a text that would be sent to a remote host looks like it identifies a person."""
    if not hosts:
        return
    found = list(in_items(items, texts=texts))
    if found:
        n_items = len({one.where.partition(": ")[0] for one in found})
        listed = ", ".join(f"{one.where} holds {one.what}" for one in found[:_LISTED])
        raise _refusal(f"texts with identifiers {len(found)!r} in {n_items} items ({listed})", hosts)


def refuse_images(refs: Iterable[ImageRef], store: ImageStore, hosts: Collection[str]) -> None:
    """Raise `DataError` where an image that would be sent to a remote host looks like it identifies a person."""
    if not hosts:
        return
    found: dict[str, str] = {}
    for ref in {ref.path: ref for ref in refs}.values():
        try:
            findings = store.identifiers(ref)
        except DataError:  # an image that cannot be read is not sent
            continue
        if findings:
            found[ref.path] = f"{findings[0].where} holds {findings[0].what}"
    if found:
        listed = ", ".join(list(found.values())[:_LISTED])
        raise _refusal(f"images with identifiers {len(found)!r} ({listed})", hosts)


def _refusal(what: str, hosts: Collection[str]) -> DataError:
    return DataError(
        f"{what}: expected none before sending to {', '.join(hosts)}; remove them, 'spinebench data check' lists them "
        "all, or send them all the same with --allow-identifiers"
    )
