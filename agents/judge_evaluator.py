"""A judge in the shape of openevals: `(inputs=, outputs=, reference_outputs=) -> {key, score, comment}`."""

from __future__ import annotations

import asyncio
import hashlib
import io
import threading
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self, TypedDict

from spinebench.agents.audit import audit_graph
from spinebench.audit_records import AuditTrace, Blinding, FrameTrace, Judgement, JudgementStatus, Pick
from spinebench.errors import DataError, UsageError
from spinebench.models.gateway import Gateway
from spinebench.models.protocol import ChatModel, ImagePart
from spinebench.models.registry import create_model
from spinebench.models.storable import encodable
from spinebench.records import (
    Answer,
    AnswerKey,
    AnswerStatus,
    DecodingOptions,
    ImageCondition,
    ImageRef,
    Item,
    SentImage,
    Task,
    digest,
)
from spinebench.rubrics.load import load_rubric
from spinebench.rubrics.rubric import Rubric

_QUESTION_FIELDS = ("question", "input", "prompt")
_TEXT_FIELDS = ("text", "answer", "output", "response", "content")
_INPUT_FIELDS = frozenset({*_QUESTION_FIELDS, "options", "images", "task"})
_OUTPUT_FIELDS = frozenset({*_TEXT_FIELDS, "reasoning"})
_IMAGES: ContextVar[tuple[ImagePart, ...]] = ContextVar("images of a judged answer")
_MEDIA: dict[str, Any] = {"PNG": "image/png", "JPEG": "image/jpeg"}


class EvaluatorResult(TypedDict):
    """One result, as openevals and LangSmith take it."""

    key: str
    """Id of a dimension or failure mode."""
    score: int | bool | None
    """A dimension's score on its scale; whether a failure mode is present; None where there is no judgement."""
    comment: str
    """The judge's reason and quotes; without a judgement, why there is none."""


def judge_evaluator(
    model: ChatModel | str,
    *,
    rubrics: Sequence[Rubric] | None = None,
    dimension: str | None = None,
    blinding: Blinding | None = None,
    gateway: Gateway | None = None,
    decoding: DecodingOptions | None = None,
    seed: int = 0,
) -> JudgeEvaluator:
    """A judge that scores one answer per call, by the same prompt, form and checks as the audit graph.

    Args:
        model: the judge, or its model string.
        rubrics: what is scored; None: the packaged `reasoning`.
        dimension: id of a dimension or failure mode: calls then give one result instead of a list of all.
        blinding: `gold=True` shows the judge `reference_outputs`, which are ignored otherwise.
        gateway: limits, retries, budget; one of its own if None. It may serve this evaluator only.
        decoding: options of every call; None: the provider's defaults.
        seed: of the markers in the prompts.

    Raises `UsageError` for an unknown dimension or a wrong model string.
    """
    return JudgeEvaluator(
        create_model(model) if isinstance(model, str) else model,
        rubrics=tuple(rubrics) if rubrics is not None else (load_rubric("reasoning"),),
        only=dimension,
        blinding=blinding or Blinding(),
        gateway=gateway,
        decoding=decoding,
        seed=seed,
        owned=isinstance(model, str),
    )


class JudgeEvaluator:
    """See `judge_evaluator`. Call it, or await `evaluate`; both may be used from several threads at once.

    All calls run on one event loop in a thread of the evaluator's own, so that its limits hold over all of them and a
    notebook's loop is left alone. `close()`, or a `with` block, ends the thread, and closes a model that was given by
    its string; a closed evaluator takes no more calls.
    """

    def __init__(
        self,
        model: ChatModel,
        *,
        rubrics: tuple[Rubric, ...],
        only: str | None,
        blinding: Blinding,
        gateway: Gateway | None,
        decoding: DecodingOptions | None,
        seed: int,
        owned: bool = False,
    ) -> None:
        self._model = model
        self._owned = owned
        self._closed = False
        self._rubrics = rubrics
        self._only = only
        self._blinding = blinding
        self._graph = audit_graph(
            [model],
            rubrics=rubrics,
            gateway=gateway,
            images=_GivenImages(),
            random_share=0.0,
            blinding=blinding,
            decoding=decoding,
            seed=seed,
        )
        self._guard = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        known = [one.id for rubric in rubrics for one in rubric.dimensions]
        known += [one.id for rubric in rubrics for one in rubric.failure_modes]
        if only is not None and only not in known:
            raise UsageError(
                f"dimension {only!r}: expected one of {', '.join(known)}; correct the name or add its rubric"
            )

    def __call__(
        self, *, inputs: Any, outputs: Any, reference_outputs: Any = None, **_: Any
    ) -> EvaluatorResult | list[EvaluatorResult]:
        """Judge one answer, and wait for it.

        Args:
            inputs: the question, or a mapping with `question` (or `input`, `prompt`) and, optionally, `options` (in
                the order they were presented), `images` (paths of PNG or JPEG files) and `task` (default: `knowledge`).
            outputs: the answer, or a mapping with `text` (or `answer`, `output`, `response`, `content`) and,
                optionally, `reasoning`.
            reference_outputs: the right answer or answers; shown to the judge under `blinding.gold` only.

        Returns one result per dimension, then one per failure mode; one result alone where a dimension is named. Where
        there is no judgement (refused, unparsed, error) each score is None. Raises `UsageError` for inputs or outputs
        in another form, and `ProviderError` or `StoppedError` where nothing more can be asked.
        """
        trace, images = self._trace(inputs, outputs, reference_outputs)
        return self._begun(trace, images).result()

    async def evaluate(
        self, *, inputs: Any, outputs: Any, reference_outputs: Any = None, **_: Any
    ) -> EvaluatorResult | list[EvaluatorResult]:
        """As calling it, awaited."""
        trace, images = self._trace(inputs, outputs, reference_outputs)
        return await asyncio.wrap_future(self._begun(trace, images))

    def close(self) -> None:
        """End the thread, and the connections of a model that was given by its string."""
        with self._guard:
            self._closed = True
            if self._loop is None or self._thread is None:
                return
            if self._owned:
                asyncio.run_coroutine_threadsafe(self._model.aclose(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._loop = self._thread = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _begun(
        self, trace: AuditTrace, images: tuple[ImagePart, ...]
    ) -> Future[EvaluatorResult | list[EvaluatorResult]]:
        loop = self._running()
        return asyncio.run_coroutine_threadsafe(self._judged(trace, images), loop)

    def _running(self) -> asyncio.AbstractEventLoop:
        with self._guard:
            if self._closed:
                raise UsageError(f"judge {self._model.name!r}: expected an open evaluator; make a new one")
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                self._thread = threading.Thread(
                    target=self._loop.run_forever, name="spinebench-judge", daemon=True
                )
                self._thread.start()
            return self._loop

    async def _judged(
        self, trace: AuditTrace, images: tuple[ImagePart, ...]
    ) -> EvaluatorResult | list[EvaluatorResult]:
        _IMAGES.set(images)
        state = await self._graph.ainvoke({"trace": trace.model_dump(mode="json")})
        judgement = Judgement.model_validate(state["judgements"][0])
        results = list(self._results(judgement, trace.item.task))
        if self._only is None:
            return results
        for result in results:
            if result["key"] == self._only:
                return result
        raise UsageError(
            f"dimension {self._only!r} for task {trace.item.task.value!r}: expected one that applies to it; "
            "give inputs a task that it applies to"
        )

    def _results(self, judgement: Judgement, task: Task) -> list[EvaluatorResult]:
        dimensions = [one.id for rubric in self._rubrics for one in rubric.dimensions if one.applies_to(task)]
        modes = [one.id for rubric in self._rubrics for one in rubric.failure_modes if one.applies_to(task)]
        if judgement.status is not JudgementStatus.SCORED:
            why = _why_none(judgement)
            return [EvaluatorResult(key=key, score=None, comment=why) for key in (*dimensions, *modes)]
        marks = {one.mode: one for one in judgement.failure_modes}
        scored = [
            EvaluatorResult(key=one.dimension, score=one.score, comment=_comment(one.reason, one.quotes))
            for one in judgement.scores
        ]
        marked = [
            EvaluatorResult(
                key=mode,
                score=mode in marks,
                comment=_comment("", marks[mode].quotes) if mode in marks else "",
            )
            for mode in modes
        ]
        return scored + marked

    def _trace(
        self, inputs: Any, outputs: Any, reference_outputs: Any
    ) -> tuple[AuditTrace, tuple[ImagePart, ...]]:
        asked = _fields(inputs, "inputs", main=_QUESTION_FIELDS, known=_INPUT_FIELDS)
        said = _fields(outputs, "outputs", main=_TEXT_FIELDS, known=_OUTPUT_FIELDS)
        try:
            task = Task(asked.get("task", Task.KNOWLEDGE))
        except ValueError:
            raise UsageError(
                f"inputs, task {asked['task']!r}: expected one of {', '.join(Task)}; correct it"
            ) from None
        images = tuple(_image_part(Path(path)) for path in asked.get("images", ()))
        options = tuple(encodable(str(option)) for option in asked.get("options", ()))
        references = _references(reference_outputs)
        gold = tuple(one for one in references if one in options)
        reasoning = encodable(said["reasoning"]) if said.get("reasoning") else None
        digests = [one.image.sha256 for one in images]
        name = digest([asked["main"], options, said["main"], reasoning, digests, references])[:32]
        item = Item(
            id=name,
            benchmark="openevals",
            task=task,
            question=asked["main"],
            options=options,
            gold=gold,
            reference="\n".join(references) if references and not gold else None,
            images=tuple(ImageRef(path=f"image-{number}") for number in range(len(images))),
            cluster=name,
        )
        key = AnswerKey(
            item_id=name,
            model="unnamed/unnamed",
            persona="none",
            image_condition=ImageCondition.NORMAL,
            option_order="as_given",
            epoch=1,
        )
        text_hash = hashlib.sha256(said["main"].encode()).hexdigest()
        frame = FrameTrace(
            trace_id=f"openevals/{name}",
            run_id="openevals",
            model=key.model,
            task=task,
            item_id=name,
            image=name,
            cluster=name,
            correct=False,
            outcome="unknown",
            text_sha256=text_hash,
        )
        answer = Answer(
            key=key,
            run_id="openevals",
            status=AnswerStatus.ANSWERED,
            text=said["main"],
            reasoning=reasoning,
            prompt_hash=text_hash,
            at=datetime.now(UTC),
        )
        pick = Pick(trace=frame, stratum="openevals", u=0.0, probability=1.0, by="all")
        return AuditTrace(pick=pick, item=item, answer=answer, scored=None), images


class _GivenImages:
    """The images that came with the call at work."""

    async def show(self, item: Item, condition: ImageCondition) -> tuple[ImagePart, ...]:
        return _IMAGES.get()


def _fields(value: Any, what: str, *, main: Sequence[str], known: frozenset[str]) -> dict[str, Any]:
    """The fields of a mapping, its text under `main`; a lone text is that field."""
    if isinstance(value, str):
        return {"main": encodable(value)}
    if isinstance(value, Mapping):
        given = [name for name in main if isinstance(value.get(name), str)]
        unknown = sorted(str(name) for name in value if name not in known)
        if len(given) == 1 and not unknown:
            return {**value, "main": encodable(value[given[0]])}
        raise UsageError(
            f"{what} with the fields {', '.join(map(str, value)) or 'none'!r}: expected a text under exactly one of "
            f"{', '.join(main)}, and nothing but {', '.join(sorted(known))}; rename or drop the others"
        )
    raise UsageError(
        f"{what} {type(value).__name__!r}: expected a text or a mapping with {main[0]!r}; convert it"
    )


def _references(value: Any) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, Mapping):
        return tuple(text for one in value.values() for text in _references(one))
    if isinstance(value, list | tuple):
        return tuple(text for one in value for text in _references(one))
    return (encodable(str(value)),)


def _image_part(path: Path) -> ImagePart:
    from PIL import Image, UnidentifiedImageError

    try:
        data = path.read_bytes()
        with Image.open(io.BytesIO(data)) as image:
            width, height, kind = image.width, image.height, image.format
    except (OSError, UnidentifiedImageError, Image.DecompressionBombError) as error:
        raise DataError(
            f"image {str(path)!r}: expected a PNG or JPEG file, but {error}; correct the path"
        ) from error
    if kind not in _MEDIA:
        raise DataError(f"image {str(path)!r}: expected a PNG or JPEG file, found {kind}; convert it")
    sent = SentImage(
        source_path=path.name,
        source_sha256=None,
        sha256=hashlib.sha256(data).hexdigest(),
        media_type=_MEDIA[kind],
        width=width,
        height=height,
        n_bytes=len(data),
        transform="as_is",
    )
    return ImagePart(image=sent, file=path)


def _comment(reason: str, quotes: Sequence[str]) -> str:
    return "\n".join([*([reason] if reason else []), *(f"> {quote}" for quote in quotes)])


def _why_none(judgement: Judgement) -> str:
    if judgement.status is JudgementStatus.UNPARSED:
        return f"unparsed: {'; '.join(judgement.replies[-1].problems)}"
    if judgement.status is JudgementStatus.ERROR:
        return f"error: {judgement.failures[-1].message}" if judgement.failures else "error"
    return judgement.status.value
