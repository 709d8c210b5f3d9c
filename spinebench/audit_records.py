"""The frozen records of an audit: what is sampled, how judges score it, how clinicians rate it, who decides.

They stand beside `records.py` and import nothing else of the package.
"""

from __future__ import annotations

import hashlib
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from spinebench.records import Answer, Failure, Item, JsonValue, Record, RunState, Scored, Sha256, Task, Usage

RaterId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$")]
"""A pseudonym; never a person's name."""

# ---------------------------------------------------------------- the sample


class SampleMode(StrEnum):
    """How traces are drawn within a stratum."""

    SPECIFIC = "specific"  # each trace by its own random number
    COMMON = "common"  # by image: the same images for all models
    MIXED = "mixed"  # half and half


class StrataBy(StrEnum):
    """What splits the traces of one task and model further."""

    CORRECT = "correct"  # correct or incorrect
    OUTCOME = "outcome"  # the outcome taxonomy


class Split(StrEnum):
    """What a trace may be used for. Traces of one image are all in the same split."""

    VALIDATION = "validation"  # agreement and calibration
    TUNING = "tuning"  # to better prompts and rubrics on


class FrameTrace(Record):
    """A trace of the frame, with what sampling and analysis need to know of it."""

    trace_id: str
    """`<run id>/<answer id>`."""
    run_id: str
    model: str
    task: Task
    item_id: str
    image: str
    """What traces are common by: SHA-256 of the shown image's source where known, else its path or the item."""
    cluster: str
    """The unit of errors and resampling: study, patient or image."""
    correct: bool | None
    """None where the task has no right answer."""
    outcome: str
    text_sha256: Sha256
    """Of the trace's text as UTF-8."""


class Pick(Record):
    """A drawn trace."""

    trace: FrameTrace
    stratum: str
    """`task/model/correct` or `task/model/<outcome>`."""
    u: float = Field(ge=0, lt=1)
    """Its permanent random number: SHA-256 over seed and trace id (or image), first 52 bits."""
    probability: float = Field(gt=0, le=1)
    """Inclusion probability, for Horvitz-Thompson and Hajek estimates."""
    by: Literal["specific", "common", "all"]
    """Which draw brought it in; `all`: the whole stratum was taken."""
    split: Split = Split.VALIDATION


class Stratum(Record):
    """One stratum of the frame and what was drawn from it."""

    name: str
    n_frame: int = Field(ge=1)
    n_drawn: int = Field(ge=0)


class SampleSpec(Record):
    """How the traces of an audit were drawn: enough to draw them again."""

    run_ids: tuple[str, ...]
    seed: int
    mode: SampleMode
    strata_by: StrataBy
    per_cell: int = Field(ge=1)
    """Traces per model and task."""
    tuning_share: float = Field(default=0.0, ge=0, lt=1)
    """Share of images set aside for tuning; their traces are never in a validation sample."""
    n_frame: int
    frame_hash: Sha256
    """SHA-256 over the sorted lines `trace id|text sha256|stratum` of the frame."""
    strata: tuple[Stratum, ...]


# ---------------------------------------------------------------- what is audited


class AuditTrace(Record):
    """One drawn trace with the question it answers: all that a judge, a packet or a page needs."""

    pick: Pick
    item: Item
    answer: Answer
    scored: Scored | None

    @property
    def trace_id(self) -> str:
        return self.pick.trace.trace_id

    @property
    def options(self) -> tuple[str, ...]:
        """Option texts as they were presented to the model."""
        order = self.answer.option_permutation or range(len(self.item.options))
        return tuple(self.item.options[place] for place in order)


class Blinding(Record):
    """What judges are shown beside question, options and trace; stored with the audit."""

    image: bool = True
    gold: bool = False
    model: Literal[False] = False
    """The model's name and whether it was right are never shown."""


class RefersBy(StrEnum):
    """Why a trace goes to clinicians."""

    DISAGREEMENT = "disagreement"  # two judge votes two levels or more apart
    CONTRADICTION = "contradiction"  # the reasoning's conclusion is not the chosen option
    RIGHT_FOR_WRONG_REASON = "right_for_wrong_reason"  # a right answer with a median score of 1 or 2
    FAILED_CHECKS = "failed_checks"  # a judge's reply stayed unparsed
    RANDOM = "random"  # the random share of the sampling plan


class AuditSpec(Record):
    """What an audit is: written once as `audit.json`, before the first call."""

    audit_id: str
    created_at: datetime
    sample: SampleSpec
    rubrics: tuple[dict[str, JsonValue], ...]
    """The rubrics in full, as `Rubric.model_dump(mode="json")`."""
    rubric_hash: Sha256
    """Over all of them."""
    judges: tuple[str, ...]
    """Canonical model strings; empty: clinicians only."""
    repeats: int = Field(default=1, ge=1)
    """How often each judge scores each trace."""
    blinding: Blinding
    prompt_hash: Sha256
    random_share: float = Field(ge=0, le=1)
    """Share of the traces without another reason that are referred all the same."""
    seed: int
    n_traces: int
    simulated: bool = False
    """True if a trace, a judge or the benchmark is simulated."""
    partial: bool = False
    digest: Sha256
    digest_parts: dict[str, JsonValue]
    plan: dict[str, JsonValue]
    versions: dict[str, str]


class AuditStatus(Record):
    """Live progress of an audit, rewritten whole in `status.json`."""

    audit_id: str
    state: RunState
    n_planned: int
    """Judgements planned: traces x judges x repeats."""
    n_done: int
    n_unparsed: int
    n_failed: int
    n_referred: int = 0
    cost_usd: float | None = None
    input_tokens: int | None = None
    output_tokens: int | None = None
    started_at: datetime
    updated_at: datetime
    pid: int
    message: str | None = None


# ---------------------------------------------------------------- judges


class DimensionScore(Record):
    """One dimension as a judge scored it: evidence first, then the reason, then the score."""

    dimension: str
    quotes: tuple[str, ...]
    """Verbatim passages of the trace."""
    reason: str
    score: int


class FailureMark(Record):
    """A failure mode that a judge or clinician found."""

    mode: str
    quotes: tuple[str, ...] = ()


class ClaimVerdict(StrEnum):
    """What the image says to a claim of the trace."""

    SUPPORTED = "supported"
    CONTRADICTED = "contradicted"
    NOT_VERIFIABLE = "not_verifiable"


class Claim(Record):
    """One statement of the trace about the image."""

    quote: str
    verdict: ClaimVerdict


class JudgementStatus(StrEnum):
    """What became of one judge's look at one trace. Only `scored` has scores."""

    SCORED = "scored"
    UNPARSED = "unparsed"  # three replies, none of which passed the checks
    REFUSED = "refused"
    ERROR = "error"  # no reply after all attempts


class JudgeReply(Record):
    """One reply of a judge as it came, and what was wrong with it."""

    text: str
    reasoning: str | None = None
    problems: tuple[str, ...] = ()
    """Empty for a reply that passed the checks."""
    request_hash: Sha256
    response_id: str | None = None
    provider_model: str | None = None
    usage: Usage = Usage()
    reused: bool = False
    plain_json: bool = False
    """True where JSON was asked for in words only, because the provider takes no JSON schema."""


class JudgementKey(Record):
    """Identity of a judgement: no two of an audit share it."""

    trace_id: str
    judge: str
    repeat: int = Field(ge=1)

    def id(self) -> str:
        """SHA-256 (hex, first 32 digits) over the three fields."""
        text = "\x1f".join((self.trace_id, self.judge, str(self.repeat)))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class Judgement(Record):
    """One judge's scores of one trace. Never edited; a later one of the same key replaces it."""

    key: JudgementKey
    audit_id: str
    status: JudgementStatus
    scores: tuple[DimensionScore, ...] = ()
    failure_modes: tuple[FailureMark, ...] = ()
    claims: tuple[Claim, ...] = ()
    replies: tuple[JudgeReply, ...] = ()
    """All, the accepted one last."""
    failures: tuple[Failure, ...] = ()
    """Failed attempts at a reply."""
    steering: tuple[str, ...] = ()
    """Passages of the trace that address the judge, imitate its delimiters or name the model that wrote it. What
    imitates or hides is shown neutralized; the words stay, they are evidence."""
    prompt_hash: Sha256
    rubric_hash: Sha256
    shown_sha256: Sha256
    """Of everything the judge was shown of the case: question, options, trace, image digest, gold or not."""
    at: datetime

    @model_validator(mode="after")
    def _only_scored_has_scores(self) -> Self:
        found = self.scores or self.failure_modes or self.claims
        if found and self.status is not JudgementStatus.SCORED:
            raise ValueError(f"a judgement of status {self.status.value} has no scores")
        return self


class TraceCheck(Record):
    """A deterministic check of a trace, shown beside the scores and never turned into one."""

    name: Literal["conclusion", "level", "side", "view", "modality", "persona"]
    verdict: Literal["agrees", "contradicts", "not_stated"]
    """`agrees`: what the trace says fits; `not_stated`: it says nothing, or nothing is known to hold it against."""
    detail: str
    quote: str | None = None


class DimensionVotes(Record):
    """The votes of all judges and repeats on one dimension."""

    dimension: str
    votes: tuple[int, ...]
    median: float | None
    spread: int | None
    """Largest minus smallest vote; None below two votes."""


class Review(Record):
    """What the panel's votes on one trace come to, and whether clinicians are to see it."""

    trace_id: str
    audit_id: str
    dimensions: tuple[DimensionVotes, ...]
    n_unparsed: int
    checks: tuple[TraceCheck, ...]
    refers_by: tuple[RefersBy, ...]
    """Empty: not referred."""
    rating_probability: float | None = Field(gt=0, le=1)
    """Probability that this trace is referred: 1 with a reason, else the random share; None where that is 0, so
    that it can never be referred."""
    at: datetime


# ---------------------------------------------------------------- clinicians


class RaterCard(Record):
    """Who rates, without who they are."""

    rater: RaterId
    specialty: str | None = None
    years: int | None = Field(default=None, ge=0, le=70)
    """Years of practice."""
    training: str | None = None
    """What they were trained with before rating, e.g. `calibration round of 20 traces`."""
    simulated: bool = False


class AssignedTrace(Record):
    """One thing to rate, in the order of the rater's list."""

    packet_id: str
    """Opaque: says nothing about trace, model or rater."""
    trace_id: str
    position: int = Field(ge=1)
    sitting: int = Field(ge=1)
    """At most 25 traces each."""
    duplicate: bool = False
    """A hidden second showing of a trace the same rater has already been given."""
    anchor: bool = False
    """One of the set that all rate."""


class Assignment(Record):
    """What one rater rates, and in which order."""

    audit_id: str
    rater: RaterId
    seed: int
    created_at: datetime
    traces: tuple[AssignedTrace, ...]


class RatedDimension(Record):
    """One dimension as a clinician rated it."""

    dimension: str
    score: int | None = None
    cannot_assess: bool = False

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.score is None) != self.cannot_assess:
            raise ValueError("a rated dimension has either a score or 'cannot assess'")
        return self


class Rating(Record):
    """One clinician's rating of one showing of a trace. Never edited or deleted: a later one supersedes it."""

    rating_id: Sha256
    """Over all fields but this one and `at`: importing the same rating twice adds nothing."""
    audit_id: str
    rater: RaterId
    packet_id: str
    trace_id: str
    duplicate: bool = False
    dimensions: tuple[RatedDimension, ...]
    failure_modes: tuple[str, ...] = ()
    comment: str = ""
    safety: bool = False
    """The clinician holds the trace to be dangerous for a patient."""
    opened_at: datetime | None = None
    saved_at: datetime | None = None
    active_s: float | None = Field(default=None, ge=0)
    """Seconds with the page in front and the person at work."""
    rubric_hash: Sha256
    shown_sha256: Sha256 | None = None
    """Of everything the clinician was shown; None where another tool showed it."""
    source: Literal["packet", "csv", "label_studio", "argilla", "page", "simulated"]
    at: datetime
    """When it was taken in."""


class Adjudicated(Record):
    """The decision on a trace whose ratings lie apart, or that was flagged. Original scores stay."""

    audit_id: str
    trace_id: str
    dimension: str
    score: int | None
    """None: the panel holds that it cannot be assessed."""
    by: Literal["third_rater", "consensus"]
    rater: RaterId | None = None
    note: str = ""
    at: datetime


class RatingLock(Record):
    """From here on ratings are final: adjudication may begin, and agreement is computed on what was locked."""

    audit_id: str
    at: datetime
    n_ratings: int
    ratings_hash: Sha256


class AuditEntry(Record):
    """One line of an audit's journal; exactly one of the fields is set."""

    judgement: Judgement | None = None
    review: Review | None = None
    lock: RatingLock | None = None
    adjudicated: Adjudicated | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        held = [self.judgement, self.review, self.lock, self.adjudicated]
        if sum(one is not None for one in held) != 1:
            raise ValueError("an audit entry holds exactly one record")
        return self
