"""A reply without its markup, and the way back to the characters it came from.

Rules are written once, against plain text: no emphasis, no LaTeX wrappers, no HTML, half-width letters, one
kind of quote, dash and bracket. The way back to the original is kept (`splices`), so a span found here can be
given in characters of the text as the model wrote it.
"""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from spinebench.evaluators.extraction.splices import Splices

BOXED = "\ue000"
"""Stands for `\\boxed{`."""
ANSWER_OPEN = "\ue001"
"""Stands for `<answer>` and its kin."""
ANSWER_CLOSE = "\ue002"

_MARKUP = re.compile(
    r"""
    (?P<drop>
        \x1b(?:\[[0-9;?]{0,20}[A-Za-z])?                 # terminal escapes
      | <!--[^<>]{0,2000}-->
      | ~~[^~\n]{1,200}~~                                # struck out: withdrawn by the writer
      | <(?:s|del|strike)>[^<>\n]{1,200}</(?:s|del|strike)>
      | `+(?:json|text|latex|markdown|html|xml|plaintext)?|\*{2,}|(?<=\S)\*|\*(?=\S)|\#{1,12}(?=\s)
      | (?<![^\W_])_+|_+(?![^\W_])
      | \\[_*`]|\\(?:left|right|displaystyle|bf|rm)\b
    )
  | (?P<line></?(?:tr|li|p|div|h[1-6]|table|tbody|thead|ul|ol|br|hr)\b[^<>]{0,200}>)
  | (?P<cell></?(?:td|th)\b[^<>]{0,200}>)
  | <(?P<angle>[A-Z])>(?![^<>\n]{0,200}</)                # a letter in angle brackets, not bold type
  | <(?P<answer>/?)(?:final[_ -]?)?(?:answer|option|choice)s?>
  | (?P<tag></?[A-Za-z][^<>\n]{0,200}>)
  | (?P<entity>&(?:\#[0-9]{1,7}|\#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,24});)
  | (?P<wrap>\\(?:text(?:bf|it|rm|sf|tt|normal)?|math(?:rm|bf|it|sf|tt|bb|cal|frak)|mbox|hbox|emph|underline
        |boldsymbol|bm|operatorname)\s*\{)
  | (?P<boxed>\\f?boxed\s{0,3}\{?)
  | (?P<space>\\[()\[\]{},;:!\ $%#]|\\q?quad\b|\$+)
  | (?P<ampersand>\\&)
  | (?P<bullet>\*)
  | (?P<cluster>[\u1100-\u1112][\u1161-\u1175][\u11a8-\u11c2]?|[^\x00-\x7f][\u0300-\u036f]*
        |[A-Za-z][\u0300-\u036f]+)
  | (?P<control>[\x00-\x08\x0e-\x1f\x7f])
    """,
    re.VERBOSE,
)
_SPECIAL = re.compile(r"[^\t-\r -\x22%'-)+-;=?-\[\]^a-z{-}]")
"""Where markup may begin: one cheap character class, so that plain stretches are passed over quickly. The one
thing in `_MARKUP` that begins with another character is a letter with a combining mark behind it."""

_REPLACED: dict[str, str] = {
    **dict.fromkeys("“”„‟«»「」『』〈〉《》⟨⟩″", '"'),
    **dict.fromkeys("‘’‚‛′´", "'"),
    **dict.fromkeys("【〔〖［❲", "["),
    **dict.fromkeys("】〕〗］❳", "]"),
    **dict.fromkeys("‐‑‒–—―−⁃", "-"),
    **dict.fromkeys("、،・，", ","),
    **dict.fromkeys("。।｡۔", "."),
    **dict.fromkeys("؛；", ";"),
    **dict.fromkeys("？؟", "?"),
    **dict.fromkeys("•‣◦▪●∙·", "-"),
    **dict.fromkeys("→⇒⟶⟹➜➔➡⮕►▶", ":"),
    **dict.fromkeys("\u2028\u2029\x85", "\n"),
    # Cyrillic and Greek capitals that stand at the same place in both alphabets, or in no other list of options.
    # Cyrillic В and Е are left alone: third and sixth of their own alphabet, B and E by their looks.
    "А": "A",
    "С": "C",
    "Α": "A",
    "Β": "B",
    "Ε": "E",
    # The squared letters of emoji keyboards.
    "🅰": "A",
    "🅱": "B",
}


@lru_cache(maxsize=8192)
def _plain_cluster(cluster: str) -> str:
    """The plain form of one character with its combining marks."""
    known = _REPLACED.get(cluster)
    if known is not None:
        return known
    plain = unicodedata.normalize("NFKC", cluster)
    if plain == cluster:
        category = unicodedata.category(cluster[0])
        if category in {"Cf", "Cc", "Co", "Cs", "Cn"} or "\ufe00" <= cluster <= "\ufe0f":
            return ""
        if category == "So":
            return " "
    return plain


def _replacement(match: re.Match[str]) -> str:
    kind = match.lastgroup
    if kind == "cluster":
        return _plain_cluster(match.group())
    if kind == "answer":
        return ANSWER_CLOSE if match.group("answer") else ANSWER_OPEN
    if kind == "angle":
        return f"[{match.group('angle')}]"
    if kind == "entity":
        text = html.unescape(match.group())
        return text if text == match.group() else "".join(map(_plain_cluster, text))
    return {
        "line": "\n",
        "cell": "|",
        "boxed": BOXED,
        "space": " ",
        "ampersand": "&",
        "bullet": "-",
    }.get(kind or "", "")


_THINKING = re.compile(
    r"<(?P<close>/?)(?:seed:)?(?:think|thinking|thought|thoughts|reasoning|scratchpad)>"
    r"|◁(?P<close2>/?)think▷|\[(?P<close3>/?)THINK\]|<(?P<final>\|channel\|>final<\|message\|>)"
)


_END_OF_TURN = re.compile(
    r"<\|(?:im_end|eot_id|eot|end|endoftext|end_of_text|end_of_turn|return)\|>|<end_of_turn>|</s>|<｜end▁of▁sentence｜>"
)
_TOKENS = re.compile(r"<\|[^|<>\n]{1,40}\|>(?:assistant\b)?|</?s>|<bos>|<(?:start|end)_of_turn>(?:model\b)?")


def _first_turn(text: str, ranges: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """The ranges up to the first end of a turn that has words before it: a later turn is not this answer."""
    kept: list[tuple[int, int]] = []
    said = False
    for a, b in ranges:
        place = a
        for token in _END_OF_TURN.finditer(text, a, b):
            # `<s>` on the same line, behind other text, opens a passage that is struck out.
            opened = text.rfind("<s>", max(place, token.start() - 200), token.start())
            if token.group() == "</s>" and opened > 0 and "\n" not in text[opened : token.start()]:
                continue
            said = said or any(map(str.isalnum, _TOKENS.sub("", text[place : token.start()])))
            if said:
                begin = a + 3 if text.startswith("<s>", a) else a
                return [*kept, (begin, token.start())] if token.start() > begin else kept
            place = token.end()
        said = said or any(map(str.isalnum, _TOKENS.sub("", text[place:b])))
        kept.append((a, b))
    return kept


def spoken(text: str) -> tuple[list[tuple[int, int]], bool]:
    """The ranges of `text` outside thinking blocks, and whether the last block was never closed.

    A closing tag without an opening one (some chat templates put the opening tag into the prompt) makes all
    that stands before it thinking.
    """
    kept: list[tuple[int, int]] = []
    start = 0
    opened: int | None = None
    for match in _THINKING.finditer(text):
        closes = (
            match.group("final") or match.group("close") or match.group("close2") or match.group("close3")
        )
        if closes:
            if opened is None:
                kept.clear()
            opened = None
            start = match.end()
        elif opened is None:
            kept.append((start, match.start()))
            opened = match.start()
    if opened is None:
        kept.append((start, len(text)))
    return _first_turn(text, [(a, b) for a, b in kept if b > a]), opened is not None


@dataclass(frozen=True)
class PlainText:
    """Text without markup, and how it was made: markup replaced first, runs of white space then."""

    text: str
    markup: Splices
    spaces: Splices

    @cached_property
    def flat(self) -> str:
        """Lower case, line breaks and hyphens between letters as spaces; as long as `text`."""
        lowered = self.text.lower()
        if len(lowered) != len(self.text):
            lowered = "".join(c.lower() if len(c.lower()) == 1 else c for c in self.text)
        return _unhyphenated(lowered.replace("\n", " "))

    def original(self, start: int, end: int) -> tuple[int, int]:
        """The half-open range of the original text behind the half-open range of the plain text."""
        if end <= start:
            place = self._start(start) if start < len(self.text) else self._end(len(self.text))
            return place, place
        return self._start(start), self._end(end)

    def _start(self, place: int) -> int:
        return self.markup.start(self.spaces.start(place))

    def _end(self, place: int) -> int:
        return self.markup.end(self.spaces.end(place)) if place else 0


_HYPHEN = re.compile(r"-(?<=[^\W\d_]-)(?=[^\W\d_])")
"""A hyphen between letters; the hyphen itself first, which is quick to find."""


def _unhyphenated(text: str) -> str:
    return _HYPHEN.sub(" ", text) if "-" in text else text


def _pieces(text: str, start: int, end: int) -> Iterator[tuple[int, int, str | None]]:
    """Ranges of the original with their replacement; None: unchanged."""
    place = search_from = start
    while (special := _SPECIAL.search(text, search_from, end)) is not None:
        begin = special.start()
        if begin > search_from and _marked_letter(text[begin - 1 : begin + 1]):
            begin -= 1
        match = _MARKUP.match(text, begin, end)
        if match is None:
            search_from = begin + 1
            continue
        if match.start() > place:
            yield place, match.start(), None
        yield match.start(), match.end(), _replacement(match)
        place = search_from = match.end()
    if place < end:
        yield place, end, None


def _marked_letter(pair: str) -> bool:
    """Whether two characters are a Latin letter and a combining mark on it."""
    return "\u0300" <= pair[1] <= "\u036f" and pair[0].isascii() and pair[0].isalpha()


_SIMPLE = re.compile(r"[A-Za-z0-9 ,.:;()/'%+-]*")


def flat_name(text: str) -> str:
    """The flat form of a short text; the common case without the machinery."""
    if _SIMPLE.fullmatch(text):
        return _unhyphenated(" ".join(text.lower().split()))
    return plain(text).flat


_RUN = re.compile(r"[ \t\n\r\x0b\x0c](?:[ \t\n\r\x0b\x0c]+|(?<=[\t\r\x0b\x0c])|(?<=^[ \n])|\Z)")
"""White space that is not one space or one line break inside the text already; the class all begin with stands
in front, where `re` looks for it quickly."""


def plain(text: str, ranges: list[tuple[int, int]] | None = None) -> PlainText:
    """`text` (or these ranges of it) without markup; runs of white space become one space or line break.

    A blank line stays visible as two line breaks. Takes time linear in the length.
    """
    markup = Splices()
    for a, b in [(0, len(text))] if ranges is None else ranges:
        if markup.length:
            markup.put("\n\n", a, a)
        for start, end, replaced in _pieces(text, a, b):
            if replaced is None:
                markup.copy(text, start, end)
            else:
                markup.put(replaced, start, end)
    return _collapsed(markup)


def _collapsed(markup: Splices) -> PlainText:
    text = markup.text()
    spaces = Splices()
    place = 0
    for run in _RUN.finditer(text):
        a, b = run.span()
        spaces.copy(text, place, a)
        place = b
        if a == 0 or b == len(text):
            continue
        breaks = run.group().replace("\r\n", "\n").replace("\r", "\n").count("\n")
        spaces.put("\n\n" if breaks > 1 else "\n" if breaks else " ", a, b)
    spaces.copy(text, place, len(text))
    return PlainText(spaces.text(), markup, spaces)
