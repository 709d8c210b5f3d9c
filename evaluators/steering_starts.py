"""Where an order to a judge can begin: nearly every word of an ordinary text is passed over by its first letters.

All patterns together at every place of a text take 4 ms per 1,000 characters; at the words that one of them can begin
with, 0.2 ms. A test reads the beginnings from the patterns and compares.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from spinebench.evaluators.steering_orders import ORDERS, ORDERS_IN_OTHER_SCRIPTS
from spinebench.evaluators.steering_patterns import INSTRUCTIONS, OTHER_SCRIPTS, compiled

_BEGINNINGS = (
    "aba acc act add adm all ans any app as_ asi ass atr att awa bea bew byp bỏ_ cal cer cle con da da_ "
    "dai dal dea des dev dim dis do_ don dê_ esq eve fai fla for ge_ geb gee gi_ gib giv gra has hav hel "
    "hey hi_ hi, hi: hid hin if_ ign imp ins lis mar mem mer mes mis mus ne_ neg nev new no_ not olv oto "
    "oub out ove phớ pon pre pri put rat rea rec rep res ret rev sco sec set sho ski spe sto the thi to_ "
    "tüm upd val ver war wha who you yuk zap zig önc "
)
STARTS = frozenset(part.replace("_", " ") for part in _BEGINNINGS.split())
"""First three letters of the words (a space where the word is shorter; two letters where anything may follow them)."""
_ORDERS = compiled(INSTRUCTIONS + ORDERS)
_IN_OTHER_SCRIPTS = compiled(OTHER_SCRIPTS + ORDERS_IN_OTHER_SCRIPTS)
_OTHER_SCRIPT = re.compile(r"[\u0370-\u1dff\u2c00-\uabff\uac00-\ud7ff\uf900-\ufdff\ufe70-\uffef]")
"""Letters beyond the Latin ones, without the signs between them (dashes, arrows, degrees)."""
_WORD = re.compile(r"\b\w")


def orders(text: str) -> Iterator[tuple[int, int]]:
    """Half-open ranges of the orders in a folded text; those that begin within another may be among them."""
    flat = text.replace("\n", " ")
    for word in _WORD.finditer(text):
        place = word.start()
        if flat[place : place + 3] in STARTS or flat[place : place + 2] in STARTS:
            found = _ORDERS.match(text, place)
            if found is not None:
                yield found.span()
    if _OTHER_SCRIPT.search(text) is not None:
        yield from (found.span() for found in _IN_OTHER_SCRIPTS.finditer(text))
