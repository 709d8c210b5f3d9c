"""Reading the choice that stands at a given place: letters, option texts, none of them, or nothing clear."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from spinebench.evaluators.extraction.options import NameMatch, OptionSet
from spinebench.evaluators.extraction.text import ANSWER_CLOSE, BOXED, PlainText


class Kind(StrEnum):
    """What stands where a choice is expected."""

    LETTERS = "letters"
    NAMES = "names"  # option texts in place of letters
    ALL = "all"  # all of the options
    NONE = "none"  # none of the options
    OUTSIDE = "outside"  # a letter that is no option
    SEVERAL = "several"  # several options where one is asked for, or a text that two options share
    CONFLICT = "conflict"  # a letter with another option's text
    HEDGED = "hedged"  # this or that
    RANGE = "range"
    WITHDRAWN = "withdrawn"  # ruled out, asked, or conditional: no choice at all
    TEMPLATE = "template"  # a placeholder: the prompt's own form
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class Reading:
    """A choice and the half-open range of plain text that holds it."""

    kind: Kind
    start: int
    end: int
    letters: tuple[str, ...] = ()
    described: bool = False
    """Whether the last letter comes with its own option's text."""


@dataclass(frozen=True)
class _Entry:
    """One option of a list: a letter, a text, or both."""

    letters: tuple[str, ...]
    start: int
    end: int
    by_name: bool = False
    conflict: bool = False
    described: bool = False
    """The option's own text goes with the letter."""


_WORD_FILLER = (
    r"(?:options?|choices?|answers?|letters?|levels?|number|selection|the|is|are|be|both|either"
    r"|clearly|definitely|therefore|thus|most|likely"
    r"|probably|certainly|indeed|simply|still|correct|best|right|my|final|as|follows|following"
    r"|only|just|that|would|one|ones|labell?ed|marked"
    r"|opción|opciones|opção|opções|opzione|opzioni|lettre|lettera|letra|buchstabe|antwort|réponse"
    r"|la|las|les|le|el|los|die|der|das|os|il|lo"
    r"|вариант|варианты|буква|под|şık|seçenek|phương\s+án|pilihan|opsi|huruf|الخيار|هو|هي"
    r"|विकल्प)(?![^\W\d_])"
    r"|选项|選項|选择|選擇|選択肢|옵션|선택지|ตัวเลือก|ข้อ|是|为|為|は|应为|:"
)
_FILLER = re.compile(
    rf"(?:{_WORD_FILLER}|[\s:=>|\"'(\[{{}}~,{BOXED}]|-(?![\d.])|\.(?!\d)|(?<=\n)\d{{1,2}}[.)]\s)",
    re.IGNORECASE,
)
_MAX_FILLERS = 24

_NONE = re.compile(
    r"(?:none(?! other| but| except)\b|neither\b|no\s+(?:\w+\s+){0,2}(?:answers?|options?|choices?"
    r"|levels?|match|selection)\b"
    r"|not\s+(?:\w+\s+)?(?:among|listed|in the|on the|given|available|applicable|possible|provided"
    r"|answerable|determin\w+|clear|present|any of)\b"
    r"|n/?a\b|unknown\b|undetermined\b|indeterminate\b|inconclusive\b|unanswerable\b|impossible\b"
    r"|insufficient\b|null\b|nothing\b"
    r"|(?:i\s+|we\s+|it\s+)?(?:cannot|can't|can not|could not|couldn't"
    r"|unable to)\s+(?:be\s+)?(?:\w+ly\s+)?(?:determine|answer|decide|tell|choose"
    r"|select|give|provide|identif|establish|conclude|say|assess|calculate|know|made|found|definitive)\w*"
    r"|keiner?s?\b|aucune?\b|ninguna?\b|nessuna?\b|nenhuma?\b|geen\b|ingen\b|żadn\w|ни\s?один"
    r"|ни\s?одн|нет\s|hiçbiri|không\s+(?:có|xác)|tidak\s+ada"
    r"|以上(?:都|皆|全)?(?:不|非)|都不|无法|無法|没有|沒有|皆非|なし|該当なし|いずれでも|どれでも|없음|해당\s?없|لا\s+شيء|لا\s+يمكن|कोई\s+नहीं)",
    re.IGNORECASE,
)
_ALL = re.compile(
    r"(?:all\s+(?:of\s+)?(?:the\s+|these\s+|those\s+|them\b)?(?:above\b|(?:the\s+)?(?:five\s+"
    r"|four\s+|six\s+|three\s+|listed\s+|given\s+|lumbar\s+)*"
    r"(?:options|levels|choices|answers)\b)?(?:\s+(?:options|levels|choices|listed|above"
    r"|are correct))?|every\s+(?:level|option)\b|以上(?:全部|都是|皆是)|全部)",
    re.IGNORECASE,
)
_ALL_WORD = re.compile(r"above|options|levels|choices|answers|them|every|全部|都是|皆是", re.IGNORECASE)
_EXCEPT = re.compile(
    r"[\s,(]*(?:except|but\b|other than|apart from|besides|excluding|save\b|not\b|minus)", re.IGNORECASE
)

_TEMPLATE = re.compile(
    r"(?:x\s?,\s?y\b|\.\.\.|\?{1,3}(?=[\])]|\s|$)|_+|(?:the\s+|your\s+|one\s+|option\s+|chosen\s+"
    r"|single\s+|correct\s+)*"
    r"(?:letters?|answer|option letter|option|choice|your choice)(?:\(s\))?\s?(?=[\])}]|$)"
    r"|[xyn](?=\s?(?:[\])}.,\"']|$|\n)))",
    re.IGNORECASE | re.MULTILINE,
)
_AND = (
    r"(?:and|&|\+|as well as|plus|und|et|(?-i:(?<=\s)[yei](?=\s))|og|och|en|ja|ve|và|dan|и|та|و|और"
    r"|und auch|και)"
)
_AND_UNSPACED = r"(?:和|与|與|及|以及|と|および|及び|와|과|및|하고|และ)"
_OR = (
    r"(?:and/or|or|/or|versus|vs\.?|oder|ou|oppure|(?-i:(?<=\s)[ou](?=\s))|of|eller|tai|lub|albo"
    r"|nebo|vagy|veya|ya da|hoặc|atau|или|або|أو|या|ή)"
)
_OR_UNSPACED = r"(?:หรือ|或者?|还是|または|もしくは|か|또는|혹은)"
_SEPARATOR = re.compile(
    rf"\s?(?:(?P<either>(?:[,;]\s?)?(?:{_OR}(?![^\W\d_])|{_OR_UNSPACED}))"
    rf"|(?:[,;]\s?)?(?:{_AND}(?![^\W\d_])|{_AND_UNSPACED})(?:\s?,)?|\n+\s?(?:[,;]\s?)?(?:-\s"
    rf"|\d{{1,2}}[.)]\s)?|[,;|/]|\s(?=[\[(])|(?=[\[(]))\s?(?:-\s)?",
    re.IGNORECASE,
)
_LISTED = re.compile(r"[\s\"'(\[]*(?:(?:options?|levels?|also|both|und|the)\s+)?[\"'(\[]*", re.IGNORECASE)
_RANGE = re.compile(r" ?(?:-|~|to\b|through\b|thru\b|bis\b|から|至|到)\s?([A-Z])(?![^\W_])", re.IGNORECASE)
_CLOSERS = re.compile(r"\s?[)\]}\"']+")
_JOINT = re.compile(r"\s?(?:[:.=,]|-(?!\d)|\s)?\s?(?:option\s)?[(\[\"']?\s?", re.IGNORECASE)
_ASIDE = re.compile(r"\s?\([^()\n]{1,80}\)")
_LETTER_BEHIND = re.compile(r"\s?[,-]?\s?[(\[]?\s?(?:option\s)?([A-Z])(?![^\W_]|')\s?[)\]]?")

_AFTER_ARTICLE = re.compile(
    r"\s(?:and|or|because|since|as|is|are|was|were|due|which|but|not|rather|over|would|should"
    r"|could|seems|appears|for|in|on|the|by|from|to|with|at"
    r"|that|this|it|we|there|however|if|unless|only|alone|also|again|based|remains|und|oder|weil"
    r"|denn|da|ist|et|ou|car|est|parce|y|o|porque|es|e|perché"
    r"|è|é|pois|och|eller|en|of|ve|veya|çünkü|dan|atau|karena|và|vì|per|by|instead|here|where|when"
    r"|so|then|matches|best|fits|option|are)\b"
)
_AFTER_PRONOUN = re.compile(
    r"\s(?:and|or|because|since|is|was|due|but not|rather|over|by|based|for|und|et|y|e)\b"
)
_AFTER_INITIAL = re.compile(
    r"\.\s(?:the|this|that|these|it|its|as|because|since|there|in|on|at|based|given|due|which|so"
    r"|no|not|with|i|we|here|however|while|all|an?|both|for|from|my|although|if)\b"
)
_RULED_OUT = re.compile(
    r"[\s,)\]]*(?:(?:is|are|was|were|seems?|appears?|looks?|would be|can be|could be|has been"
    r"|have been|being)\s+(?:\w+ly\s+)?(?:(?:also|both|then|therefore|thus|all)\s+)?"
    r"(?:not|un\w+|in(?:correct|valid|consistent|appropriate)|im(?:plausible|possible|probable)"
    r"|less|wrong|false|ruled|excluded|eliminated|rejected|out\b|dismissed|the (?:wrong|least))"
    r"|(?:is|are|was|were|do|does|did|ca|could|would|wo)n't\b|(?:cannot|can not|does not|do not"
    r"|did not|may not|might not|would not)\b"
    r"|不(?:对|正确|是|符合)|错|[가은는이]?\s?아(?:니|닙)|では(?:ない|ありません)|じゃない|değil|नहीं|(?:ist|sind)\s+(?:nicht"
    r"|falsch|unwahrscheinlich)|n'est\s+pas|no\s+es\b|não\s+é|non\s+è)",
    re.IGNORECASE,
)
_CONDITION = re.compile(r"[\s,)\]]*(?:(?:only\s+)?if|unless|provided that|assuming|in case)\b", re.IGNORECASE)
_CLAUSE = re.compile(
    r"\s(?:is|was|has|would|could|can|can't|may|might|shows|does|did|seems|appears|represents"
    r"|cannot|because|since|describes|refers|isn't|being|mentions)\b",
    re.IGNORECASE,
)
_STOP_AFTER_NAME = re.compile(
    r"\s?(?:$|[\n.,;:!?)\]}\"'|/&+<-]|\(|\[|"
    + BOXED
    + "|"
    + ANSWER_CLOSE
    + r"|(?:level|levels|disc|disk|at|of|with|in|on|due|because|since|as|is|are|and|or|between|for"
    r"|but|which|that"
    r"|given|based|from|segment|only|und|et|y|e|oder|ou|입|이|です|と|和|が|的|。)(?![A-Za-z]))",
    re.IGNORECASE,
)
_NOT_A_WORD = 0x0E00
"""Letters from here on (Thai, Chinese, Japanese, Korean ...) do not lengthen a Latin word beside them."""


def joins_word(char: str) -> bool:
    """Whether a character beside a Latin letter makes it part of a longer word."""
    return char.isalnum() and ord(char) < _NOT_A_WORD


class ChoiceReader:
    """Reads choices in one reply. `multiple`: whether several options may be right."""

    def __init__(self, plain: PlainText, options: OptionSet, *, multiple: bool) -> None:
        self._text = plain.text
        self._flat = plain.flat
        self._options = options
        self._known = frozenset(options.letters)
        self._multiple = multiple

    def read(self, place: int, *, lower: bool = True, stop: int | None = None) -> Reading:
        """The choice that begins at `place`, after filler words and opening brackets.

        `lower`: whether a bare lower-case letter may be an option ("answer: b").
        """
        stop = len(self._text) if stop is None else stop
        begin = place
        for _ in range(_MAX_FILLERS):
            if begin >= stop:
                return Reading(Kind.UNREADABLE, place, place)
            found = self._first(begin, lower=lower)
            if found is not None:
                return found
            filler = _FILLER.match(self._text, begin, stop)
            if filler is None:
                break
            begin = filler.end()
        return Reading(Kind.UNREADABLE, begin, begin)

    def _first(self, place: int, *, lower: bool) -> Reading | None:
        entry = self._entry(place, lower=lower)
        if entry is not None:
            return self._list(entry)
        template = _TEMPLATE.match(self._text, place)
        if template is not None and template.end() > place:
            letter = template.group()[0].upper()
            bracketed = place > 0 and self._text[place - 1] in "[({\"'"
            if template.group()[1:] or bracketed or letter in "XYN":
                return Reading(Kind.TEMPLATE, place, template.end())
        none = _NONE.match(self._text, place)
        if none is not None:
            return Reading(Kind.NONE, place, none.end())
        outside = self._outside(place)
        if outside is not None:
            return outside
        everything = _ALL.match(self._text, place)
        if everything is not None and _ALL_WORD.search(everything.group()):
            if _EXCEPT.match(self._text, everything.end()):
                return Reading(Kind.RANGE, place, everything.end())
            return Reading(Kind.ALL, place, everything.end(), self._options.letters)
        return None

    def _outside(self, place: int) -> Reading | None:
        """A lone capital that is no option's letter: bracketed, or with nothing but an end behind it."""
        letter = self._text[place]
        if letter in self._known or not ("A" <= letter <= "Z") or not self._alone(place, place + 1):
            return None
        behind = self._text[place + 1 : place + 3]
        if behind == "" or behind[0] in ")]}\"'\n,;/|" or (behind[0] in ".:" and not behind[1:].isalnum()):
            return Reading(Kind.OUTSIDE, place, place + 1)
        return None

    def _alone(self, start: int, end: int) -> bool:
        before = self._text[start - 1] if start else " "
        after = self._text[end] if end < len(self._text) else " "
        if before == "'" and start > 1 and joins_word(self._text[start - 2]):
            return False
        return not joins_word(before) and not joins_word(after) and before not in "_\\"

    def _entry(self, place: int, *, lower: bool) -> _Entry | None:
        """One option at exactly this place."""
        name = self._options.name_at(self._flat, place)
        letters = self._letter(place, lower=lower)
        if name is not None and (letters is None or name.end > letters.end):
            if self._ends_name(name):
                return self._with_letter_behind(place, name)
            if letters is None:
                return None
        return letters

    def _ends_name(self, name: NameMatch) -> bool:
        if name.weak:
            rest = self._text[name.end : name.end + 2].lstrip()
            return not rest or rest[0] in "\n.,;:!)]}\"'|(" + ANSWER_CLOSE
        return _STOP_AFTER_NAME.match(self._text, name.end) is not None

    def _with_letter_behind(self, place: int, name: NameMatch) -> _Entry:
        """`Osteophytes (B)`: the letter must be the text's own."""
        behind = _LETTER_BEHIND.match(self._text, name.end)
        bracket = behind is not None and any(c in "([" or c.islower() for c in behind.group())
        if behind is None or not bracket or behind.group(1) not in self._known:
            return _Entry(name.letters, place, name.end, by_name=True)
        letter = behind.group(1)
        return _Entry((letter,), place, behind.end(), conflict=letter not in name.letters, described=True)

    def _letter(self, place: int, *, lower: bool) -> _Entry | None:
        text = self._text
        char = text[place]
        letter = char.upper()
        if not ("A" <= letter <= "Z"):
            return None
        if not self._alone(place, place + 1):
            return self._joined_letters(place) if char == letter else None
        if letter not in self._known:
            return None
        bracketed = place > 0 and text[place - 1] in "[({" + BOXED
        after = text[place + 1 : place + 2]
        if char != letter and not bracketed and after not in (")", "]"):
            ends = after in ("", "\n") or (after in ".:\"'" and text[place + 2 : place + 3].strip() == "")
            if not lower or not ends:
                return None
        if after == "-" and joins_word(text[place + 2 : place + 3] or " "):
            own = self._options.name_at(self._flat, place + 2)
            if (own is None or letter not in own.letters) and not _RANGE.match(text, place + 1):
                return None
        if after == "'" and text[place + 2 : place + 3].isalpha():
            return None
        if after == "." and joins_word(text[place + 2 : place + 3] or " "):
            own = self._options.name_at(self._flat, place + 2)
            if own is None and not text[place + 2].isupper():
                return None
        entry = self._described(letter, place)
        if entry.described or entry.conflict or bracketed:
            return entry
        if self._reads_as_word(char, place):
            return None
        return entry

    def _reads_as_word(self, char: str, place: int) -> bool:
        """The article A, the pronoun I, and initials as in `E. coli`."""
        rest = self._text[place + 1 : place + 24]
        if char == "A" and re.match(r" [0-9A-Za-zÀ-ɏ]", rest):
            return _AFTER_ARTICLE.match(rest) is None
        if char == "I" and (re.match(r" [0-9A-Za-zÀ-ɏ]", rest) or rest.startswith("'")):
            return _AFTER_PRONOUN.match(rest) is None
        if re.match(r"\.\s[a-z]{3,}", rest):
            return _AFTER_INITIAL.match(rest) is None
        return False

    def _described(self, letter: str, place: int) -> _Entry:
        """A letter with whatever option text goes with it."""
        text = self._text
        closed = _CLOSERS.match(text, place + 1)
        end = place + 1 if closed is None else closed.end()
        joint = _JOINT.match(text, end)
        begin = end if joint is None else joint.end()
        name = self._options.name_at(self._flat, begin)
        if name is not None and letter in name.letters:
            behind = _CLOSERS.match(text, name.end)
            return _Entry((letter,), place, name.end if behind is None else behind.end(), described=True)
        if name is not None and self._contradicts(joint, name, begin):
            return _Entry((letter,), place, name.end, conflict=True)
        aside = _ASIDE.match(text, end)
        return _Entry((letter,), place, end if aside is None else aside.end())

    def _contradicts(self, joint: re.Match[str] | None, name: NameMatch, begin: int) -> bool:
        """Another option's text right behind the letter, long enough or alone enough to mean it."""
        if joint is not None and "," in joint.group() and self._multiple:
            return False
        rest = self._text[name.end : name.end + 3].lstrip(" )]\"'.")
        ends = not rest or rest[0] == "\n"
        return ends or (not name.weak and name.end - begin >= 4 and self._ends_name(name))

    def _joined_letters(self, place: int) -> _Entry | None:
        """`ACD` where several options may be right."""
        run = re.compile(r"[A-Z]{2,26}").match(self._text, place)
        if not self._multiple or run is None or not self._alone(place, run.end()):
            return None
        letters = run.group()
        bracketed = place > 0 and self._text[place - 1] in "[({" + BOXED
        ends = self._text[run.end() : run.end() + 1] in ("", "\n", ".", ")", "]", "}", '"')
        if not set(letters) <= self._known or len(set(letters)) < len(letters) or not ends:
            return None
        if not bracketed and list(letters) != sorted(letters):
            return None
        return _Entry(tuple(letters), place, run.end())

    def _list(self, first: _Entry) -> Reading:
        entries = [first]
        hedged = False
        place = first.end
        text = self._text
        while len(entries) <= 2 * len(self._known):
            if not entries[-1].by_name and len(entries[-1].letters) == 1:
                span = _RANGE.match(text, place)
                if span is not None and self._is_range(span, entries[-1]):
                    return Reading(Kind.RANGE, first.start, span.end())
            closed = _CLOSERS.match(text, place) if entries[-1].by_name else None
            separator = _SEPARATOR.match(text, place if closed is None else closed.end())
            if separator is None or separator.end() >= len(text):
                break
            listed = _LISTED.match(text, separator.end())
            begin = separator.end() if listed is None else listed.end()
            if text.startswith("...", begin):
                return Reading(Kind.TEMPLATE, first.start, begin + 3)
            entry = self._entry(begin, lower=text[first.start].islower()) if begin < len(text) else None
            if entry is None or not self._goes_on(separator, entry):
                outside = (
                    self._outside(begin) if begin < len(text) and "\n" not in separator.group() else None
                )
                if outside is None:
                    break
                return Reading(Kind.OUTSIDE, first.start, outside.end)
            if set(entry.letters) & {x for e in entries for x in e.letters} and "\n" in separator.group():
                break
            hedged = hedged or separator.group("either") is not None
            entries.append(entry)
            place = entry.end
        return self._judged(entries, hedged=hedged)

    def _is_range(self, span: re.Match[str], last: _Entry) -> bool:
        other = span.group(1)
        if other.islower() or other not in self._known:
            return False
        word = span.group()[:-1].strip()
        return word != "-" or not last.described

    def _goes_on(self, separator: re.Match[str], entry: _Entry) -> bool:
        """Whether an option behind a separator still belongs to the list, and opens no clause of its own."""
        between = separator.group()
        behind = self._text[entry.end : entry.end + 1]
        if "\n" in between:
            return (
                entry.described
                or entry.by_name
                or behind in ("", "\n")
                or self._text[entry.end : entry.end + 2] in (".", ".\n")
            )
        if _RULED_OUT.match(self._text, entry.end):
            return False
        return _CLAUSE.match(self._text, entry.end) is None or not between.strip() or between.strip() in "/|"

    def _judged(self, entries: list[_Entry], *, hedged: bool) -> Reading:
        start, end = entries[0].start, entries[-1].end
        letters = tuple(sorted({letter for entry in entries for letter in entry.letters}))
        text = self._text
        if _RULED_OUT.match(text, end) or _CONDITION.match(text, end):
            return Reading(Kind.WITHDRAWN, start, end)
        if re.compile(r"[\s)\]\"'.]{0,4}\?").match(text, end):
            return Reading(Kind.WITHDRAWN, start, end)
        if any(entry.conflict for entry in entries):
            return Reading(Kind.CONFLICT, start, end, letters)
        if hedged and len(letters) > 1:
            return Reading(Kind.HEDGED, start, end, letters)
        if any(entry.by_name and len(entry.letters) > 1 for entry in entries):
            return Reading(Kind.SEVERAL, start, end, letters)
        if not self._multiple and len(letters) > 1:
            return Reading(Kind.SEVERAL, start, end, letters)
        by_name = all(entry.by_name for entry in entries)
        return Reading(Kind.NAMES if by_name else Kind.LETTERS, start, end, letters, entries[-1].described)

    def within(self, start: int, stop: int, *, names: bool) -> Reading:
        """The one option that a sentence names: `... (option B)`, or with `names` its text; else UNREADABLE."""
        marked = [m for m in _MARKED.finditer(self._text, start, stop) if not self._negated(m.start(), start)]
        letters = {m.group(1) or m.group(2) for m in marked}
        if len(letters) == 1 and letters <= self._known:
            first = self.read(marked[-1].start(), stop=stop)
            if first.kind is Kind.LETTERS and first.letters == tuple(letters):
                return Reading(Kind.LETTERS, marked[-1].start(), marked[-1].end(), tuple(letters))
        if len(letters) > 1 and letters <= self._known:
            return Reading(Kind.SEVERAL, marked[0].start(), marked[-1].end(), tuple(sorted(letters)))
        if names and not letters:
            found = [
                (place, match)
                for place, match in self._options.names_in(self._flat, start, stop)
                if (not match.weak or self._ends_name(match))
                and match.end - place > 2
                and not self._negated(place, start)
            ]
            bearers = {letter for _, match in found for letter in match.letters}
            if found and (
                len(bearers) == 1 or (self._multiple and all(len(m.letters) == 1 for _, m in found))
            ):
                end = found[-1][1].end
                if not _RULED_OUT.match(self._text, end):
                    return Reading(Kind.NAMES, found[0][0], end, tuple(sorted(bearers)))
        return Reading(Kind.UNREADABLE, start, start)

    def _negated(self, place: int, start: int) -> bool:
        return NEGATION_BEFORE.search(self._text[max(start, place - 40) : place]) is not None


_MARKED = re.compile(
    r"[(\[](?:option\s|answer\s|choice\s)?([A-Z])[)\]]|\b(?:[Oo]ption|[Cc]hoice"
    r"|[Aa]nswer)\s[(\[]?([A-Z])(?![^\W_]|')"
)
NEGATION_BEFORE = re.compile(
    r"\b(?:not|no|never|n't|nor|neither|without|rather than|instead of|except|unlike|over"
    r"|excludes?|excluding|excluded|rul(?:e|es|ed|ing) out|loss of|absence of|absent"
    r"|eliminat\w+|reject\w*|than|against|versus|vs|as opposed to|less likely|unlikely"
    r"|straightening of|reversed|denies|dismiss\w*|discard\w*|reversal of)"
    r"\b[^.;:!?\n]{0,24}$|n't\s[^.;:!?\n]{0,24}$",
    re.IGNORECASE,
)
