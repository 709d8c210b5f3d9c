"""What looks like a level and is none: MR sequences, vitamins, complement, heart sounds, symbols of a formula.

Two questions: does the text speak of a spine at all (`speaks_of_spine`), and is this expression something else
by the words next to it (`is_something_else`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import pairwise
from types import MappingProxyType

from spinebench.evaluators.level_naming.expressions import Expression
from spinebench.evaluators.level_naming.vocabulary import FINDING

_SPINE = re.compile(
    r"\b(?:spin(?:e|al)|vertebra|inter-?vertebral|dis[ck]s?\b|disco|lumb|cervical|thoracic"
    r"|thoraco|sacr(?:al|um)|lordo|kypho|scolio|stenos"
    r"|herniat|radicul|myelopath|foramin|\w*listhes|spondyl|nerve|conus|cauda|laminectom|pedicle"
    r"|facet|paraspinal|back pain|neck pain"
    r"|sciatica|dermatom|fractur|bulg|protru|extru|osteophyt|narrow|canal|laminec|thecal|cord\b"
    r"|mri\b|marrow|endplate|end plate|segment"
    r"|metasta|tender|ha?emangioma|fusion|acdf|epidural|pars|lucen|desiccat|alignment)|[椎腰颈胸骶脊]|神经根|突出"
)
_SHORT = 60
"""A text of no more characters than this may be an answer and nothing more."""
_ANSWER = re.compile(
    r"(?:\W|[a-j]\b|(?:my|final|options?|answers?|is|are|the|levels?|at|left|right|bilateral|both"
    r"|sides?|and|or|to|between|most|likely|affected|also|not|no|it|in|of|choice|correct|i|choose"
    r"|would|say|think)\b|[左右双两侧答案选是为在水平和与及])*"
)

_LEVEL_NOUN = (
    r"\s*(?:-| )?\s*(?:and t\d+ )?(?:vertebra|bod(?:y|ies)\b|levels?\b|dis[ck]\b|fractur"
    r"|compression|spinous|transverse|pedicle|lamina|endplate"
    r"|superior|inferior|nerve|roots?\b|radicul|dermatom|slope|facet|segment|椎|节段|水平|棘|横突|神经)"
)
_IS_LEVEL = re.compile(_LEVEL_NOUN)

_SEQUENCE_AFTER = re.compile(
    r"(?:(?: ?[,/&+、和及与]| and| or|-)*(?: ?(?:t[12]|stir|flair|pd|dwi|gre)(?:wi|w)?\b-?)*)"
    r"[ -]*(?:weight|w\b|wi\b|signal|hyper|hypo|iso|intens|images?\b|imaging|sequences?\b|fat"
    r"|fs\b|stir|flair|tse|fse|gre|mapping|map\b|relax"
    r"|contrast|post-?|pre-?contrast|gad|bright|dark|prolong|shorten|\*|star\b|space\b|axial|sag"
    r"|cor(?:onal)?\b|tra(?:ns|\b)|mr\b|mri|scan|se\b|dixon|gradient|echo|haste|propeller|ce\b|c\+"
    r"|[高低等短长略稍混]|信号|加权|像|相|序列|压脂|抑脂|呈|上|示)"
)
_SEQUENCE_BEFORE = re.compile(
    r"(?:\b(?:on|low|high|bright|dark|hyper\w*|hypo\w*|iso\w*|increased|decreased|reduced"
    r"|intermediate|sagittal|axial|coronal|transverse"
    r"|fat-?sat\w*|fs|weighted|dixon|mri|mr|stir|flair|pd|and t[12]|t[12](?:wi?)?)[ ,/&-]*(?:on "
    r"|in |and |the |both )*|[短长等压]|(?:^|[(\[:])(?:sag|ax|cor|tra)\w* )$"
)
_OPERATOR_AFTER = re.compile(
    r" ?(?:[=^×≈∥]|\* ?[\da-z]|\+ ?(?:[cltsr]\d|\d)(?!\d*/)|n[0-3x]\b| n[0-3x]\b| [hon]\d|')"
)
_OPERATOR_BEFORE = re.compile(r"(?:[=^×∥√∑]|[cltsrhno]\d ?\+|\\)\s*$| [hn]\d+ $")
_OTHER = MappingProxyType(
    {
        "C": re.compile(
            r"complement|esterase|convertase|inhibitor|capacit|carbon|glucose|hepatitis|\bcell \w\d"
            r"|column \w\d|domain|\bc\d? ?-?peptide"
        ),
        "T": re.compile(
            r"thyro|\btsh\b|free t\d|\bstage|staging|\btnm\b|temperature|kelvin|diabetes|\btumou?r stage"
            r"|period|time constant"
        ),
        "D": re.compile(r"vitamin|receptor|dextrose|dopamin|duoden|\bday\b"),
        "S": re.compile(
            r"heart|gallop|murmur|cardiac|auscult|\btables?\b|\bfig|supplement|\bappendix|\bsteps?\b"
            r"|systol"
        ),
        "L": re.compile(
            r"\bnorm\b|regulari[sz]|penalt|\bloss function|inductor|retrotranspos|larva|\bcache"
            r"|\blanguage|pd-l|distance\b|lymph"
        ),
    }
)
_NEXT_WORDS = MappingProxyType(
    {
        "C": re.compile(r" ?(?:esterase|convertase|inhibitor|domain|complement|deficien|peptide)"),
        "T": re.compile(r" ?(?:cells?\b|diabet|dm\b|tumou?r|n[0-3]\b|disease|stage)"),
        "D": re.compile(r" ?(?:receptor|dextrose|dopamin|agonist|antagonist|and b\d|level was|w\b)"),
        "S": re.compile(r" ?(?:heart|gallop|sounds?\b|murmur)"),
        "L": re.compile(
            r" ?(?:norm\b|regulari|penalt|loss\b|retrotranspos|larva|cache|distance|language|and l2 regul"
            r"|speaker)"
        ),
    }
)
_BEFORE_WORDS = MappingProxyType(
    {
        "C": re.compile(r"(?:complement|vitamin|factor|hepatitis|column|cell) $"),
        "T": re.compile(r"(?:free|total|serum|stage|type|pt|ct|tsh|time) $"),
        "D": re.compile(r"(?:vitamin|and|vit\.?|day|grade|b12,?) $"),
        "S": re.compile(
            r"(?:tables?|figs?\.?|figures?|heart sounds?|video|appendix|normal|section|step|movie|file) $"
        ),
        "L": re.compile(r"(?:pd-?|level|lead|cache|stage) $"),
    }
)
_SHORT_PAIR = frozenset({"/", "-", "", "on"})


def speaks_of_spine(text: str, taken: Sequence[Expression]) -> bool:
    """Whether a folded text has a word of the spine, or is a short answer: levels, a finding, or levels alone."""
    if _SPINE.search(text) is not None:
        return True
    if len(text) > _SHORT:
        return False
    if FINDING.search(text) is not None:
        return True
    rest = list(text)
    for one in taken:
        rest[one.start : one.end] = " " * (one.end - one.start)
    return _ANSWER.fullmatch("".join(rest)) is not None


def is_something_else(text: str, expression: Expression, *, spine: bool) -> bool:
    """Whether an expression of a folded text is no level, by the words around it.

    A pair that only the spine has (`L4/5`, `C7-T1`, `L5S1`) is one wherever it stands; everything else needs a
    text that speaks of a spine (`spine`).
    """
    parts = expression.parts
    if _only_of_spine(expression):
        return False
    if not parts[0].letter or text[expression.start].isascii() is False:
        return False
    if not spine:
        return True
    before = text[max(0, expression.start - 24) : expression.start]
    after = text[expression.end : expression.end + 48]
    if _OPERATOR_AFTER.match(after) or _OPERATOR_BEFORE.search(before):
        return True
    pair = any(part.link in _SHORT_PAIR for part in parts[1:])
    names = {part.name for part in parts}
    if _IS_LEVEL.match(after):
        return False
    if names <= {"T1", "T2"} and not parts[0].dorsal:
        if len(parts) == 2 and parts[0].name == "T2" and parts[1].link == "/":
            return True  # a quotient: the disc is T1/T2
        # A pair of neighbours too: T1/T2 is more often two sequences than a disc that hardly ever is ill.
        return bool(_SEQUENCE_AFTER.match(after) or _SEQUENCE_BEFORE.search(before))
    if pair:
        return False
    written = "D" if parts[0].dorsal else parts[0].name[0]
    if _NEXT_WORDS[written].match(after) or _BEFORE_WORDS[written].search(before):
        return True
    if written == "D":
        return not _dorsal_nearby(text, expression)
    around = text[max(0, expression.start - 60) : expression.end + 60]
    return _OTHER[written].search(around) is not None


_DORSAL = re.compile(
    r"dorsal|\bd\d{1,2} ?[-/] ?[dl]?\d|\bat d\d|level of d\d|thorac|胸|d\d+ (?:vertebra|body|level|fract)"
)


def _dorsal_nearby(text: str, expression: Expression) -> bool:
    return _DORSAL.search(text[max(0, expression.start - 120) : expression.end + 120]) is not None


def _only_of_spine(expression: Expression) -> bool:
    """A pair written short (`L4/5`), or a pair or range over two regions (`L5/S1`, `T11 to L1`)."""
    parts = expression.parts
    for above, below in pairwise(parts):
        crossing = above.name[0] != below.name[0]
        if below.link == "to" and crossing:
            return True
        if below.link not in _SHORT_PAIR or below.link == "on":
            continue
        short = not below.letter and below.link in {"/", "-"}
        high = above.name[0] in "CL" and above.name not in {"L1", "C1"}
        if crossing or (short and high):
            return True
    return False
