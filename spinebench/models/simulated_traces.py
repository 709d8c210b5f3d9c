"""Writes the reasoning of a simulated examinee: survey, finding, alternatives, closing line in many shapes.

The texts only illustrate a decision that is made elsewhere; nothing in them is read from an image.
"""

from __future__ import annotations

import random
from collections.abc import Sequence

from spinebench.models.questions import closing_line, letters_of
from spinebench.models.simulated_findings import FINDINGS, UNKNOWN, Findings
from spinebench.records import MULTIPLE_ANSWER_TASKS, ImageCondition, Item
from spinebench.terms import DISEASES, HEALTHY, LEVELS, canonical_disease, canonical_level

_OPENINGS = {
    "surgeon": (
        "I start as I would before the operating list, with alignment, then bone, then discs and canal.",
        "Let me take this image the way I do in clinic: alignment first, then each segment in turn.",
        "After many years of reading such films, I first make sure of projection and numbering.",
    ),
    "radiologist": (
        "Technique is adequate and the segments of interest are covered.",
        "I report in the usual order: alignment, vertebral bodies, discs, canal and foramina.",
        "Quality allows an assessment of bodies, discs and posterior elements.",
    ),
}
_PLAIN_OPENINGS = (
    "Looking at the picture step by step:",
    "First I orient myself and number the segments.",
    "I describe what is visible before choosing.",
)
_SURVEY = (
    "I count the segments upwards from the sacrum, which gives five lumbar-type bodies.",
    "The soft tissues and the visible posterior elements add nothing of note.",
    "Bone texture is even and the cortical outlines can be followed throughout.",
    "The spinous processes are in line and the pedicles are complete.",
)
_NECK_SURVEY = (
    "The dens and the anterior tubercle are in their normal relation.",
    "C2 to C7 are covered by the image, and the prevertebral soft tissue is slender.",
    "The facet columns overlap, so the projection is nearly true lateral.",
)
_UNSEEN = {
    ImageCondition.BLANK: (
        "The image shows a uniform grey field without any anatomy, so I have nothing to measure.",
        "There is no recognizable structure on this image; what follows rests on likelihood alone.",
    ),
    ImageCondition.NONE: (
        "No image reached me with this question, so I can only go by how often such findings occur.",
        "Without an image at hand my choice is a matter of probability, and my confidence is low.",
    ),
}
_GUESSED = (
    "In patients seen for back complaints this is a common reason, which makes it the likeliest of the list.",
    "Going by frequency alone I lean this way, without any finding to support it.",
    "If I have to commit myself, this is where I would place my bet.",
)
_RULED_OUT = (
    "I set aside {name}: {why}.",
    "{Name} does not fit, because {why}.",
    "Against {name} speaks that {why}.",
    "Option {letter} ({name}) fits less well, as {why}.",
    "{letter}) {name}: {why}.",
)
_HEDGES = (
    "Between {one} and {two} I cannot decide on this projection. Both remain possible, and a further "
    "sequence would be needed before I commit myself to either.",
    "The signs are shared by {one} and by {two}; I would want to compare with earlier studies and leave the "
    "question open for now.",
    "It could be {one}, it could as well be {two}. The picture does not let me settle on a single answer.",
)
_LEVEL_HIT = (
    "{level}: counting up from the sacrum, the segment between {upper} and {lower} shows {finding}.",
    "At {level} I find {finding}, in contrast to the segment next to it.",
    "The change is plain at {level}, where {upper} meets {lower}: {finding}.",
)
_LEVEL_CLEAR = (
    "{level} looks unremarkable.",
    "I see nothing comparable at {level}.",
    "{level} keeps its normal appearance.",
)
_LEVEL_FINDING = {
    "Disc space narrowing": (
        "a disc space of less than half the expected height",
        "endplates that almost meet",
    ),
    "Foraminal stenosis": ("a foramen without fat around its root", "a foramen narrowed to a slit"),
    "Subarticular Stenosis": ("a lateral recess closed by facet and disc", "a traversing root without room"),
    "Osteophytes": (
        "claw-like spurs at the anterior corners",
        "bony beaks that reach across the disc margin",
    ),
    "Spinal Canal Stenosis": ("a pinched thecal sac", "effaced fluid around crowded roots"),
    "Spondylolisthesis": ("a forward step of the upper body", "a broken posterior body line"),
    "Vertebral collapse": ("a wedged upper body", "a body crushed in front"),
}
_ANY_FINDING = ("a clear departure from the neighbouring segments", "the change that the question asks for")
_REFUSAL = "I'm not able to interpret medical images or give a diagnosis."


class Trace:
    """One reply's text in the making, with its own generator: wording never changes the decision."""

    def __init__(
        self,
        item: Item,
        options: Sequence[str],
        *,
        persona: str,
        condition: ImageCondition,
        rng: random.Random,
    ) -> None:
        self._item = item
        self._options = tuple(options)
        self._persona = persona
        self._condition = condition
        self._rng = rng

    def answered(self, chosen: Sequence[str], *, seen: bool, level: str | None, variety: float) -> str:
        """A text that settles on `chosen`; `level`: where the finding is said to lie."""
        parts = self._body(chosen, seen=seen, level=level)
        closing = self._closing(chosen, plain=self._rng.random() >= variety)
        glue = "\n\n" if self._rng.random() < 0.85 else "\n"
        return glue.join([*parts, closing])

    def undecided(self, *, seen: bool) -> str:
        """A text that names two options and settles on neither."""
        names = self._rng.sample(self._options, min(2, len(self._options)))
        if len(names) < 2:
            return self._opening(seen=seen)[0] + " I leave the question open."
        hedge = self._rng.choice(_HEDGES).format(one=names[0], two=names[1])
        return "\n\n".join([*self._opening(seen=seen), hedge])

    def cut_off(self, chosen: Sequence[str], *, seen: bool, level: str | None) -> str:
        """The text as it stands when the token limit strikes before the closing line."""
        text = "\n\n".join(self._opening(seen=seen) + self._body(chosen, seen=seen, level=level)[-1:])
        return text[: max(20, int(len(text) * self._rng.uniform(0.35, 0.8)))].rstrip()

    def refusal(self) -> str:
        return _REFUSAL

    def thoughts(self, chosen: Sequence[str]) -> str:
        """Native reasoning: short notes that lead to the choice."""
        other = [option for option in self._options if option not in chosen]
        first = f"The task is {self._item.task.value}. Candidates: {', '.join(self._options)}."
        doubt = f" {self._rng.choice(other)} crossed my mind first, then I looked again." if other else ""
        return f"{first}{doubt} I settle on {' and '.join(chosen) or 'nothing'}."

    def _opening(self, *, seen: bool) -> list[str]:
        if not seen and self._condition in _UNSEEN:
            return [self._rng.choice(_UNSEEN[self._condition])]
        first = self._rng.choice(_OPENINGS.get(self._persona, _PLAIN_OPENINGS))
        labels = {canonical_disease(option) for option in self._options}
        neck = any(label is not None and "cervical" in label for label in labels)
        survey = self._rng.sample(_NECK_SURVEY if neck else _SURVEY, self._rng.choice((1, 2)))
        return [" ".join([first, *survey])]

    def _body(self, chosen: Sequence[str], *, seen: bool, level: str | None) -> list[str]:
        opening = self._opening(seen=seen)
        if not seen and self._condition in _UNSEEN:
            return [*opening, self._rng.choice(_GUESSED)]
        if self._item.task in MULTIPLE_ANSWER_TASKS:
            return [*opening, self._levels(chosen)]
        return [*opening, self._finding(chosen[0], level), self._alternatives(chosen[0])]

    def _finding(self, option: str, level: str | None) -> str:
        findings = _findings(option)
        place = level or self._rng.choice(LEVELS)
        upper, _, lower = place.partition("/")
        seen = self._rng.choice(findings.seen).format(level=place, upper=upper, lower=lower)
        return f"{seen} {self._rng.choice(findings.means)}"

    def _alternatives(self, chosen: str) -> str:
        others = [option for option in self._options if option != chosen]
        self._rng.shuffle(others)
        kept = others[: self._rng.randint(min(2, len(others)), len(others))]
        listed = self._rng.random() < 0.3
        lines = []
        for option in kept:
            why = self._rng.choice(_findings(option).absent)
            letter = letters_of([option], self._options)[0]
            form = _RULED_OUT[-1] if listed else self._rng.choice(_RULED_OUT[:-1])
            name = option[0].upper() + option[1:]
            lines.append(
                ("- " if listed else "") + form.format(letter=letter, name=option, Name=name, why=why)
            )
        return ("\n" if listed else " ").join(lines)

    def _levels(self, chosen: Sequence[str]) -> str:
        disease = shown_disease(self._item)
        findings = _LEVEL_FINDING.get(disease or "", _ANY_FINDING)
        lines = []
        for option in sorted(self._options):
            level = canonical_level(option) or option
            upper, _, lower = level.partition("/")
            forms = _LEVEL_HIT if option in chosen else _LEVEL_CLEAR
            if option not in chosen and self._rng.random() < 0.3:
                continue
            form = self._rng.choice(forms)
            text = form.format(level=option, upper=upper, lower=lower, finding=self._rng.choice(findings))
            lines.append(text)
        return ("\n" if self._rng.random() < 0.4 else " ").join(lines)

    def _closing(self, chosen: Sequence[str], *, plain: bool) -> str:
        letters = letters_of(chosen, self._options)
        exact = closing_line(self._item, letters)
        if plain or not letters:
            return exact
        several = self._item.task in MULTIPLE_ANSWER_TASKS
        texts = {letter: option for option in chosen for letter in letters_of([option], self._options)}
        listed = ", ".join(letters)
        described = ", ".join(f"{letter}: {texts[letter]}" for letter in letters)
        words = "My final options" if several else "My final option"
        spoken = " and ".join([", ".join(letters[:-1]), letters[-1]] if len(letters) > 1 else letters)
        shapes = [
            f"**{words}: [{listed}]**",
            f"My final\n{words.removeprefix('My final ')}: [{listed}]",
            f"{words}: {spoken}",
            f" {words}: [{listed}]",
            f"{words}: [{described}]",
            f"My final option: [{listed}]",
            f"{words}: [{','.join(letters)}].",
            f"In summary, the findings speak for {' and '.join(texts.values())}. {words}: [{listed}]",
            f"### Conclusion\n{words}: **[{listed}]**",
            f"{words}: $\\boxed{{{listed}}}$",
        ]
        if not several:
            letter = letters[0]
            shapes += [
                f"{words}: ({letter})",
                f"{words}: [{letter}] {texts[letter]}",
                f"{words}: {letter}) {texts[letter]}",
                f"{words}: {texts[letter]}",
            ]
        return self._rng.choice(shapes)


def shown_disease(item: Item) -> str | None:
    """The disease that an item states, or names in its question; None where it does neither."""
    if item.disease is not None:
        return item.disease
    question = item.question.casefold()
    return next((label for label in (*DISEASES, HEALTHY) if label.casefold() in question), None)


def _findings(option: str) -> Findings:
    return FINDINGS.get(canonical_disease(option) or "", UNKNOWN)
