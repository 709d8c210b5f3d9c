"""What the address of a page asks for, read alike by the page and by what is written into its HTML before it runs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from urllib.parse import parse_qs

import streamlit as st

_MOST_FIELDS = 1000
"""Of an address with more, Streamlit reads none."""


class Address:
    """The parameters of an address: each may stand there several times."""

    def __init__(self, values: Mapping[str, Sequence[str]]) -> None:
        self._values = values

    @classmethod
    def of_page(cls) -> Address:
        """Of the page that is being drawn."""
        return cls({name: st.query_params.get_all(name) for name in st.query_params})

    @classmethod
    def of_query(cls, text: str) -> Address:
        """Of what stands behind the question mark. Raises ValueError where Streamlit would drop it all."""
        return cls(parse_qs(text, keep_blank_values=True, max_num_fields=_MOST_FIELDS))

    def __contains__(self, name: str) -> bool:
        return name in self._values

    def all(self, name: str) -> list[str]:
        """Its values as they stand there; [] where it is absent."""
        return list(self._values.get(name, ()))

    def last(self, name: str) -> str | None:
        """The value that counts where there can be but one; None where it is absent."""
        found = self._values.get(name)
        return found[-1] if found else None

    def parts(self, name: str) -> list[str]:
        """Its values: repeated, or with commas between; [] where it is absent."""
        return [part for text in self.all(name) for part in text.split(",") if part]


def asked_for(name: str) -> list[str]:
    """The values of a filter in the address of the page that is being drawn; see `Address.parts`."""
    return Address.of_page().parts(name)
