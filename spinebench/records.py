"""The frozen records that cross a module or process boundary. Imports nothing else of the package."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
LANGUAGE = r"^(en|zh)(-[A-Za-z0-9]{2,8})*$"
Language = Annotated[str, StringConstraints(pattern=LANGUAGE)]
"""`en` or `zh`, or one of them with a region: `zh-CN`."""
JsonValue = Any
"""Any value that JSON can hold; pydantic's own JsonValue costs a deep validation per record."""


class Record(BaseModel):
    """Base of all records: immutable, and an unknown field is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


# ---------------------------------------------------------------- items


class Task(StrEnum):
    """What an item asks for."""

    DIAGNOSIS = "diagnosis"  # one right option
    LOCALIZATION = "localization"  # one or more right options
    KNOWLEDGE = "knowledge"  # multiple choice with or without an image
    REPORT = "report"  # a case in, a report in sections out: free text, no options
    CONSULTATION = "consultation"  # a scripted patient speaks, the model replies turn by turn


MULTIPLE_ANSWER_TASKS = frozenset({Task.LOCALIZATION})
WRITTEN_TASKS = frozenset({Task.REPORT, Task.CONSULTATION})
"""Answered in free text: neither right nor wrong by themselves, scored by judges and clinicians."""


class ImageRef(Record):
    """Where an image of an item lies, relative to the benchmark's image folder, and what it is."""

    path: str
    sha256: Sha256 | None = None
    """SHA-256 of the file's bytes as the benchmark declares or the reader found it; None before reading."""
    frame: int | None = None
    """Slice of a volume or frame of a multi-frame file; None: the middle one is chosen, and recorded."""
    plane: Literal["axial", "coronal", "sagittal"] | None = None
    """Plane to cut a volume in; None: the plane with the finest in-plane resolution, and recorded."""
    modality: str | None = None
    """What this image is, e.g. `MRI T2`, where it differs from image to image of an item."""
    view: str | None = None
    """E.g. `sagittal`, `lateral`."""
    level: str | None = None
    """The level that it shows, e.g. `L4/L5`."""


class ClinicalCase(Record):
    """What a report or a consultation is about, beside the images."""

    history: str | None = None
    examination: str | None = None
    key_facts: tuple[str, ...] = ()
    """What a good report has to state, where known. Never shown to the model that writes it."""
    turns: tuple[str, ...] = ()
    """What the scripted patient of a consultation says, in order; the model replies to each."""


class Item(Record):
    """One question of a benchmark, with its gold answer."""

    id: str = Field(min_length=1)
    benchmark: str = Field(min_length=1)
    task: Task
    question: str
    options: tuple[str, ...] = ()
    """Option texts in the benchmark's own order; empty for a task of `WRITTEN_TASKS`."""
    gold: tuple[str, ...] = ()
    """The right options, as they stand in `options`; empty for a task of `WRITTEN_TASKS`."""
    images: tuple[ImageRef, ...] = ()
    disease: str | None = None
    """Canonical label of the diseased (or `Healthy`) image, where the item states it."""
    levels: tuple[str, ...] = ()
    """Gold levels in anatomical order (localization)."""
    modality: str | None = None
    region: str | None = None
    source: str | None = None
    """Source data set, e.g. `rsna`."""
    cluster: str = Field(min_length=1)
    """The unit for errors and resampling: study or patient where known, otherwise the image."""
    subspecialty: str | None = None
    reference: str | None = None
    """Reference text (report, consultation). Never shown to the model that writes."""
    case: ClinicalCase | None = None
    """Of a report or a consultation."""
    language: str | None = None
    """Language of the question, which the answer is to be written in: `en`, `zh`; None: not said."""
    metadata: dict[str, JsonValue] = Field(default_factory=dict)


class BenchmarkInfo(Record):
    """What a benchmark is, without its items."""

    name: str
    format: Literal["pathology-json", "native-jsonl"]
    path: str
    """File name without its folders: machine paths stay out of stored records."""
    n_items: int
    n_by_task: dict[str, int]
    n_clusters: int
    items_hash: Sha256
    """SHA-256 over the canonical items, without image bytes."""
    simulated: bool = False
    """True for drawn phantoms: shown wherever the benchmark is named."""


# ---------------------------------------------------------------- asking


class ImageCondition(StrEnum):
    """What the model is shown in place of the item's image."""

    NORMAL = "normal"
    BLANK = "blank"  # a uniform grey image of the same size
    NONE = "none"  # no image at all
    SWAPPED = "swapped"  # another item's image of another disease, seeded, recorded


class AnswerKey(Record):
    """Identity of an answer: no two answers of a run share it."""

    item_id: str
    model: str
    persona: str
    image_condition: ImageCondition
    option_order: str
    """`as_given`, `shuffled:<seed>` or `rotation:<k>`."""
    epoch: int = Field(ge=1)

    def id(self) -> str:
        """SHA-256 (hex, first 32 digits) over the six fields; the key of every table and journal."""
        fields = [self.item_id, self.model, self.persona, self.image_condition.value, self.option_order]
        text = json.dumps([*fields, self.epoch], ensure_ascii=False, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:32]


class DecodingOptions(Record):
    """Everything about decoding that can change an answer. None: the provider's default."""

    temperature: float | None = Field(default=None, ge=0, le=2)
    top_p: float | None = Field(default=None, gt=0, le=1)
    max_tokens: int | None = Field(default=None, ge=1)
    seed: int | None = None
    reasoning_effort: Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None = None
    thinking_budget: int | None = Field(default=None, ge=0)
    """Tokens the model may spend on native reasoning."""


class SentImage(Record):
    """What was sent in place of an image reference, byte-exact."""

    source_path: str | None
    """Path inside the benchmark; None for a blank image."""
    source_sha256: Sha256 | None
    sha256: Sha256
    """SHA-256 of the bytes that were sent."""
    media_type: Literal["image/png", "image/jpeg"]
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    n_bytes: int = Field(ge=1)
    transform: str
    """`as_is`, or the steps applied, e.g. `dicom frame=0 window=40/400; resize 1024`."""
    swapped_from: str | None = None
    """Item whose image was shown instead (image condition `swapped`)."""


class FailureClass(StrEnum):
    """Why an attempt gave no usable reply. Closed: every failure is put into one class once."""

    RATE_LIMIT = "rate_limit"  # 429
    SERVER = "server"  # 5xx, overloaded
    CONNECTION = "connection"  # refused, reset, DNS, TLS
    TIMEOUT = "timeout"
    MALFORMED = "malformed"  # truncated or invalid JSON, a reply without the promised fields
    BAD_REQUEST = "bad_request"  # 400, 413, 422: the request itself
    AUTH = "auth"  # 401
    PERMISSION = "permission"  # 403
    UNKNOWN_MODEL = "unknown_model"  # 404 on the model
    QUOTA = "quota"  # money or quota used up: waiting does not help
    IMAGE = "image"  # the item's image cannot be used; met before any call
    INTERNAL = "internal"  # a user's or our code raised


class Failure(Record):
    """One failed attempt."""

    failure_class: FailureClass
    message: str
    attempt: int = Field(ge=1)
    status_code: int | None = None
    retryable: bool = False
    at: datetime
    """UTC."""


class FinishReason(StrEnum):
    """Why the model stopped, in one vocabulary for all providers."""

    STOP = "stop"
    LENGTH = "length"
    REFUSAL = "refusal"
    FILTER = "filter"
    OTHER = "other"


class Usage(Record):
    """Tokens and cost of one answer. None: not reported; never 0 in its place."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    """Reasoning tokens included."""
    reasoning_tokens: int | None = None
    cached_input_tokens: int | None = None
    cost_usd: float | None = None
    """None where the model's price is unknown."""


class AnswerStatus(StrEnum):
    """What became of the question; separate from whether the answer is right."""

    ANSWERED = "answered"
    NO_ANSWER = "no_answer"  # empty text, or the model declines all options ("none of the above")
    UNPARSED = "unparsed"  # text without one clear choice
    REFUSED = "refused"
    TRUNCATED = "truncated"  # cut off before a final answer
    FILTERED = "filtered"
    ERROR = "error"  # no reply after all attempts


class SectionSpan(Record):
    """One section of a report as it was found in the text."""

    section: str
    """Id of the section, e.g. `risk`."""
    audience: str | None = None
    """`patient` or `physician`, of a part of the treatment that says so."""
    span: tuple[int, int]
    """Half-open character range of its text, without the heading."""


class Extraction(Record):
    """Which options a text chooses, by which rule, and where it says so."""

    letters: tuple[str, ...] = ()
    """Chosen letters as presented to the model, sorted; empty unless `status` is `answered`."""
    status: AnswerStatus
    rule: str | None = None
    """Id of the rule that fired; `model:<name>` for the LLM extractor."""
    span: tuple[int, int] | None = None
    """Half-open character range of the declaration in the text."""
    sections: tuple[SectionSpan, ...] = ()
    """Sections found in a report, in the order of the text; a section that was not found is not in it."""
    version: str
    """Version of the rule set or hash of the extractor's prompt."""


class Outcome(StrEnum):
    """Outcome taxonomy: first six for diagnosis, last seven for localization (one is shared)."""

    CORRECT_DISEASE = "correct_disease"
    CORRECT_HEALTHY = "correct_healthy"
    HEALTHY_MISDIAGNOSED = "healthy_misdiagnosed"  # a healthy image answered with a disease
    DISEASE_MISSED = "disease_missed"  # a diseased image answered Healthy
    DISEASE_CONFUSED = "disease_confused"  # one disease answered as another
    NOT_ANSWERED = "not_answered"
    EXACT = "exact"
    MISSED_LEVELS = "missed_levels"  # a proper subset of the gold levels
    EXTRA_LEVELS = "extra_levels"  # a proper superset of the gold levels
    SHIFTED = "shifted"  # all levels off by the same number of levels
    MIXED = "mixed"  # some right, some missed, some extra
    DISJOINT = "disjoint"  # none right, and not a uniform shift
    CORRECT = "correct"  # tasks without a taxonomy of their own
    WRONG = "wrong"
    COMPLETE = "complete"  # free text with every section asked for, or a reply to every turn
    INCOMPLETE = "incomplete"  # a section asked for, or the reply to a turn, is missing


class Grade(Record):
    """An extraction held against the gold answer. Unanswered is wrong, with its own status beside it."""

    correct: bool | None
    """None for a task of `WRITTEN_TASKS`, whatever was written."""
    chosen: tuple[str, ...] = ()
    """Chosen option texts, in the benchmark's option order."""
    gold: tuple[str, ...]
    outcome: Outcome
    precision: float | None = None
    """tp / |chosen|; 0 for an empty choice; None for single-answer tasks."""
    recall: float | None = None
    f1: float | None = None
    jaccard: float | None = None
    confused_with: str | None = None
    """Canonical label of the answered disease where it is wrong."""
    shift: int | None = None
    """Signed number of levels (caudal positive) of a uniform shift."""
    version: str


class Turn(Record):
    """One turn of a consultation: what the patient said, and what came back."""

    patient: str
    text: str
    """The model's reply; empty where it gave none."""
    reasoning: str | None = None
    finish_reason: FinishReason | None = None
    request_hash: Sha256
    response_id: str | None = None
    usage: Usage = Usage()
    latency_s: float | None = None
    reused: bool = False


class Answer(Record):
    """One asked item: what was sent, what came back, byte for byte. Never edited afterwards."""

    key: AnswerKey
    run_id: str
    status: AnswerStatus
    """Known from the reply alone: `answered` means that there is text to extract from."""
    text: str = ""
    """Of a consultation the replies to all turns, joined by blank lines."""
    turns: tuple[Turn, ...] = ()
    """Of a consultation; the other fields then hold the last turn's, `usage` the sum of all."""
    reasoning: str | None = None
    """Native reasoning, as the provider gave it, apart from the text."""
    finish_reason: FinishReason | None = None
    option_permutation: tuple[int, ...] = ()
    """presented[i] = options[permutation[i]]."""
    images: tuple[SentImage, ...] = ()
    prompt_hash: Sha256
    """Of the persona template used."""
    request_hash: Sha256 | None = None
    """Of the whole request: messages, images, decoding, model. None where it was never composed."""
    response_id: str | None = None
    provider_model: str | None = None
    """The provider's own id of the model that answered."""
    usage: Usage = Usage()
    extractor_usage: Usage | None = None
    """Spent on the LLM extractor, where no rule fired."""
    latency_s: float | None = None
    """Wall seconds of the successful attempt."""
    reused: bool = False
    """True where the reply came from the cache: no new call, no new cost."""
    failures: tuple[Failure, ...] = ()
    """Every failed attempt, also of answers that succeeded in the end."""
    attempts: int = Field(default=0, ge=0)
    at: datetime
    """UTC, when it was finished."""


class Scored(Record):
    """Extraction and grade of one answer, made together; a later one for the same key replaces it."""

    key: AnswerKey
    run_id: str
    extraction: Extraction
    grade: Grade
    at: datetime


# ---------------------------------------------------------------- runs


class JournalEntry(Record):
    """One line of a run's journal: an answer with its score, or a later score of an earlier answer."""

    answer: Answer | None = None
    scored: Scored | None = None


class RunSpec(Record):
    """What a run is: written once as `run.json`, before the first question."""

    run_id: str
    created_at: datetime
    benchmark: BenchmarkInfo
    models: tuple[str, ...]
    personas: tuple[str, ...]
    image_conditions: tuple[ImageCondition, ...]
    option_orders: tuple[str, ...]
    epochs: int = Field(default=1, ge=1)
    n_items: int
    n_planned: int
    """Answers planned: items x models x personas x conditions x orders x epochs."""
    partial: bool = False
    """True under `--limit` or `--sample-id`: shown wherever the run is named."""
    simulated: bool = False
    """True if any examinee is simulated or the benchmark is drawn."""
    seed: int
    digest: Sha256
    """Over `digest_parts`: everything that can change an answer, nothing that cannot."""
    digest_parts: dict[str, JsonValue]
    plan: dict[str, JsonValue]
    """The resolved plan, for `resume`."""
    versions: dict[str, str]
    """Of spinebench, its rules and the libraries that touch answers."""


class RunState(StrEnum):
    """Where a run stands."""

    RUNNING = "running"
    DONE = "done"
    INCOMPLETE = "incomplete"  # failures, budget, interruption: resumable


class RunStatus(Record):
    """Live progress of a run, rewritten whole in `status.json`."""

    run_id: str
    state: RunState
    n_planned: int
    n_done: int
    """Answers with a reply, of this and earlier sittings."""
    n_failed: int
    """Answers that ended in status `error`."""
    n_reused: int = 0
    cost_usd: float | None = None
    """None while no price is known."""
    input_tokens: int | None = None
    output_tokens: int | None = None
    started_at: datetime
    updated_at: datetime
    pid: int
    message: str | None = None
    """Why it stopped early."""


def canonical_json(value: JsonValue) -> str:
    """JSON with sorted keys and no spaces: the one text that hashes are taken over."""
    return json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))


def digest(value: JsonValue) -> str:
    """SHA-256 (hex) of `canonical_json(value)`."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
