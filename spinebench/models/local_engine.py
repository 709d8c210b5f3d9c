"""A loaded transformers checkpoint and how it answers a batch. Synchronous: it lives in one worker thread."""

from __future__ import annotations

import contextlib
import copy
import gc
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from spinebench.models.checkpoint import Checkpoint
from spinebench.models.local_loading import (
    load_config,
    load_model,
    load_processor,
    prompt_writer,
    resolve_device,
)
from spinebench.models.local_options import LocalOptions
from spinebench.models.local_prompt import Prompt
from spinebench.models.protocol import ModelFailure, ModelReply, ModelRequest
from spinebench.models.thinking import THINKING_TAGS, opened_in, split_thinking
from spinebench.records import DecodingOptions, FailureClass, FinishReason, Usage, digest

DEFAULT_NEW_TOKENS = 2048
_SAMPLING_FLAGS = (
    "temperature",
    "top_p",
    "top_k",
    "min_p",
    "typical_p",
    "epsilon_cutoff",
    "eta_cutoff",
    "top_h",
)


class _OutOfMemory(Exception):
    """The batch did not fit."""


class _TooLong(Exception):
    """The batch's padded prompts and new tokens exceed the context; alone, each may still fit."""


@dataclass(frozen=True)
class _Job:
    request: ModelRequest
    prompt: Prompt


@dataclass(frozen=True)
class _Encoded:
    inputs: Any
    lengths: tuple[int, ...]
    """Prompt tokens per request, without padding, image tokens included."""
    width: int


class LocalEngine:
    """One checkpoint on one device."""

    def __init__(
        self, checkpoint: Checkpoint, options: LocalOptions, *, on_shrink: Callable[[int], None]
    ) -> None:
        """Loads the weights. `on_shrink` hears of the batch size that still fits after running out of memory.

        Raises `ProviderError` where the checkpoint cannot be loaded or lacks weights.
        """
        self.device = resolve_device(options.device)
        self._options = options
        self._on_shrink = on_shrink
        config = load_config(checkpoint, options)
        self._processor = load_processor(checkpoint, options)
        self._tokenizer = self._processor.tokenizer
        self._writer = prompt_writer(checkpoint, self._processor, options)
        self._model = load_model(checkpoint, options, config, self.device)
        self.dtype = str(self._model.dtype).removeprefix("torch.")
        self._encoder_decoder = bool(getattr(config, "is_encoder_decoder", False))
        self._context = _context_length(config)
        self._prepare_generation()

    @property
    def pads(self) -> bool:
        """Whether prompts of different lengths can share a batch."""
        return self._tokenizer.pad_token_id is not None

    def answer(
        self, requests: Sequence[ModelRequest], abandoned: threading.Event
    ) -> list[ModelReply | Exception]:
        """One reply or `ModelFailure` per request, in order. The requests share their decoding options."""
        results: dict[int, ModelReply | Exception] = {}
        jobs: list[tuple[int, _Job]] = []
        for index, request in enumerate(requests):
            try:
                jobs.append((index, _Job(request, self._writer.write(request))))
            except ModelFailure as failure:
                results[index] = failure
        groups = [jobs] if self.pads else [[job] for job in jobs]
        for group in groups:
            answers = self._answer_group([job for _, job in group], abandoned) if group else []
            results.update(zip([index for index, _ in group], answers, strict=True))
        return [results[index] for index in range(len(requests))]

    def close(self) -> None:
        """Let go of the weights and of the accelerator's cached memory."""
        del self._model
        self._free_memory()

    # ------------------------------------------------------------ one batch

    def _answer_group(self, jobs: Sequence[_Job], abandoned: threading.Event) -> list[ModelReply | Exception]:
        """Whole if it fits, otherwise in halves; a request that fails alone fails only itself."""
        failure: ModelFailure | None = None
        too_big = False
        try:
            return list(self._generate(jobs, abandoned))
        except _OutOfMemory as error:
            too_big = True
            failure = ModelFailure(
                FailureClass.BAD_REQUEST,
                f"out of memory on {self.device} with one request alone: expected it to fit; "
                f"use a smaller image side, fewer tokens or a smaller dtype ({error})",
            )
        except _TooLong:
            pass
        except ModelFailure as error:
            failure = error
        # Outside of the except blocks: a traceback in hand keeps the tensors of the failed batch alive.
        if len(jobs) == 1:
            if too_big:
                self._free_memory()
            assert failure is not None
            return [failure]
        half = (len(jobs) + 1) // 2
        if too_big:
            self._free_memory()
            self._on_shrink(half)
        elif failure is not None:
            half = 1
        answers: list[ModelReply | Exception] = []
        for start in range(0, len(jobs), half):
            answers += self._answer_group(jobs[start : start + half], abandoned)
        return answers

    def _generate(self, jobs: Sequence[_Job], abandoned: threading.Event) -> list[ModelReply]:
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList

        class Abandoned(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped here
            def __call__(self, input_ids: Any, scores: Any, **_: Any) -> Any:
                return torch.full((input_ids.shape[0],), abandoned.is_set(), device=input_ids.device)

        try:
            encoded = self._encode(jobs)
        except (ValueError, TypeError, KeyError, IndexError, NotImplementedError, AttributeError) as error:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"the processor refuses the request: {type(error).__name__}: {error}",
            ) from error
        decoding = jobs[0].request.decoding
        new_tokens = self._room(encoded, decoding)
        try:
            with torch.inference_mode(), self._seeded(jobs[0].request):
                inputs = encoded.inputs.to(self.device, dtype=self._model.dtype)
                output = self._model.generate(
                    **inputs,
                    generation_config=self._generation_config(decoding, new_tokens),
                    stopping_criteria=StoppingCriteriaList([Abandoned()]),
                ).cpu()
        except (RuntimeError, MemoryError) as error:
            if _is_out_of_memory(error):
                raise _OutOfMemory(str(error).split("\n")[0][:200]) from None
            raise ModelFailure(
                FailureClass.INTERNAL, f"generation failed: {type(error).__name__}: {error}"
            ) from error
        except (ValueError, TypeError, IndexError, KeyError) as error:
            raise ModelFailure(
                FailureClass.INTERNAL, f"generation failed: {type(error).__name__}: {error}"
            ) from error
        rows = self._new_tokens(encoded.inputs["input_ids"], output)
        return [
            self._reply(job, row, length, new_tokens)
            for job, row, length in zip(jobs, rows, encoded.lengths, strict=True)
        ]

    def _encode(self, jobs: Sequence[_Job]) -> _Encoded:
        images = [list(job.prompt.images) for job in jobs]
        padding: dict[str, Any] = {"padding": True} if len(jobs) > 1 else {}
        if any(job.prompt.control_tokens for job in jobs):
            inputs = self._encode_guarded(jobs, padding)
        else:
            texts = [job.prompt.text for job in jobs]
            bos = self._tokenizer.bos_token
            if self._writer.template is not None and bos and texts[0].startswith(bos):
                padding["add_special_tokens"] = False  # the template wrote it
            if any(images):
                padding["images"] = images
            inputs = self._processor(text=texts, return_tensors="pt", **padding)
        ids = inputs["input_ids"]
        mask = inputs.get("attention_mask")
        lengths = [int(ids.shape[1])] * len(jobs) if mask is None else [int(row.sum()) for row in mask]
        return _Encoded(inputs, tuple(lengths), int(ids.shape[1]))

    def _encode_guarded(self, jobs: Sequence[_Job], padding: dict[str, Any]) -> Any:
        """As text what looks like the model's control tokens in the request's own texts.

        Otherwise a question with `<image>` or an end-of-turn token in it could ask for an image that is not
        there, or put words into the model's mouth.
        """
        token = next(token for job in jobs for token in job.prompt.control_tokens)
        template = self._writer.template
        apply = getattr(self._processor, "apply_chat_template", None)
        plain_images = any(
            job.prompt.images and isinstance(job.prompt.turns[-1]["content"], str) for job in jobs
        )
        if (
            template is None
            or plain_images
            or apply is None
            or "sanitize_control_tokens" not in inspect.signature(apply).parameters
        ):
            raise ValueError(
                f"a text holds the model's control token {token!r}, which cannot be sent as plain text here"
            )
        try:
            return apply(
                [list(job.prompt.turns) for job in jobs],
                chat_template=template,
                tokenize=True,
                add_generation_prompt=True,
                return_dict=True,
                return_tensors="pt",
                sanitize_control_tokens=True,
                processor_kwargs=padding,
                **jobs[0].prompt.template_options,
            )
        except (ValueError, NotImplementedError) as error:
            raise ValueError(
                f"a text holds the model's control token {token!r}, which its processor does not take as "
                "plain text"
            ) from error

    def _room(self, encoded: _Encoded, decoding: DecodingOptions) -> int:
        """New tokens the batch may get: as wished, or what the context leaves to a single request."""
        wished = (
            decoding.max_tokens
            or self._options.max_new_tokens
            or self._model.generation_config.max_new_tokens
            or DEFAULT_NEW_TOKENS
        )
        if self._context is None or self._encoder_decoder or encoded.width + wished <= self._context:
            return int(wished)
        if len(encoded.lengths) > 1:
            # Room must not depend on how long the neighbours' prompts are.
            raise _TooLong
        left = self._context - encoded.width
        if left < 1:
            raise ModelFailure(
                FailureClass.BAD_REQUEST,
                f"prompt of {encoded.width} tokens, images included: expected at most "
                f"{self._context - 1} for a context "
                f"of {self._context}; use a smaller image side, fewer images or a model with a longer "
                "context",
            )
        return int(left)

    def _new_tokens(self, prompts: Any, output: Any) -> list[list[int]]:
        """Generated tokens per row. Some models return the prompt before them, some do not."""
        width = prompts.shape[1]
        repeats = (
            not self._encoder_decoder
            and output.shape[1] >= width
            and bool((output[:, :width] == prompts).all())
        )
        rows = output[:, width:] if repeats else output
        return [[int(token) for token in row] for row in rows.tolist()]

    def _reply(self, job: _Job, row: list[int], prompt_tokens: int, limit: int) -> ModelReply:
        start = 1 if self._encoder_decoder and row and row[0] == self._decoder_start else 0
        end = next((index for index, token in enumerate(row) if index >= start and token in self._ends), None)
        tokens = row[start:] if end is None else row[start : end + 1]
        length = end is None and len(tokens) >= limit
        kept = [token for token in tokens if token not in self._hidden]
        raw = self._tokenizer.decode(kept, skip_special_tokens=False, clean_up_tokenization_spaces=False)
        thought = split_thinking(raw, opened_by=opened_in(job.prompt.text), lone_close=self._lone_close)
        return ModelReply(
            text=thought.text,
            reasoning=thought.reasoning,
            finish_reason=FinishReason.LENGTH if length else FinishReason.STOP,
            usage=Usage(
                input_tokens=prompt_tokens,
                output_tokens=len(tokens),
                reasoning_tokens=self._reasoning_tokens(tokens, thought.reasoning, closed=thought.closed),
            ),
        )

    def _reasoning_tokens(self, tokens: Sequence[int], reasoning: str | None, *, closed: bool) -> int | None:
        """Tokens up to and with the closing tag; None where the tag is not one token of the vocabulary."""
        if reasoning is None:
            return None
        if not closed:
            return len(tokens)
        return next((index + 1 for index, token in enumerate(tokens) if token in self._close_ids), None)

    # ------------------------------------------------------------ decoding

    def _prepare_generation(self) -> None:
        """Take over the checkpoint's generation settings and leave only what holds for every request."""
        tokenizer, base = self._tokenizer, self._model.generation_config
        if not self._encoder_decoder:
            # New tokens follow the prompt's last column: it must not be padding.
            tokenizer.padding_side = "left"
        ends = base.eos_token_id if base.eos_token_id is not None else tokenizer.eos_token_id
        self._ends = frozenset(ends if isinstance(ends, list | tuple) else () if ends is None else (ends,))
        if tokenizer.pad_token_id is None:
            tokenizer.pad_token = tokenizer.eos_token or tokenizer.unk_token
        base.eos_token_id = sorted(self._ends) or None
        base.pad_token_id = tokenizer.pad_token_id if base.pad_token_id is None else base.pad_token_id
        base.max_length = None
        self._sampling = {name: getattr(base, name, None) for name in _SAMPLING_FLAGS}
        # Left in place they would be mixed into every call, with a warning for each greedy one.
        for name in (*_SAMPLING_FLAGS, "do_sample"):
            if hasattr(base, name):
                setattr(base, name, None)
        start = getattr(base, "decoder_start_token_id", None)
        self._decoder_start = (
            start if start is not None else getattr(self._model.config, "decoder_start_token_id", None)
        )
        ids = {tag: _single_id(tokenizer, tag) for pair in THINKING_TAGS for tag in pair}
        self._hidden = frozenset(tokenizer.all_special_ids) - {
            found for found in ids.values() if found is not None
        }
        self._lone_close = frozenset(close for _, close in THINKING_TAGS if ids[close] is not None)
        self._close_ids = frozenset(found for _, close in THINKING_TAGS if (found := ids[close]) is not None)

    def _generation_config(self, decoding: DecodingOptions, new_tokens: int) -> Any:
        config = copy.deepcopy(self._model.generation_config)
        config.max_new_tokens = new_tokens
        config.num_beams = 1
        config.do_sample = not is_greedy(decoding)
        if config.do_sample:
            for name, value in self._sampling.items():
                setattr(config, name, value)
            config.temperature = decoding.temperature
            config.top_p = decoding.top_p if decoding.top_p is not None else self._sampling["top_p"]
            if config.top_k is None:
                config.top_k = 0  # the library would otherwise cut to its own default of 50
        return config

    @contextlib.contextmanager
    def _seeded(self, request: ModelRequest) -> Iterator[None]:
        """The request's own random numbers, without touching those of the rest of the process."""
        seed = request.decoding.seed
        if seed is None or is_greedy(request.decoding):
            yield
            return
        import torch

        if request.tag is not None and request.tag.epoch > 1:
            # Epochs of one item differ in nothing else; they are asked in order to differ.
            seed = int(digest([seed, request.tag.epoch])[:15], 16)
        devices = [self.device] if self.device.startswith("cuda") else []
        with torch.random.fork_rng(devices=devices):
            torch.manual_seed(seed % 2**63)
            yield

    def _free_memory(self) -> None:
        import torch

        gc.collect()
        if self.device.startswith("cuda"):
            torch.cuda.empty_cache()
        elif self.device == "mps":
            torch.mps.empty_cache()


def is_greedy(decoding: DecodingOptions) -> bool:
    """Temperature 0 or none at all: the most likely token each time."""
    return not decoding.temperature


def _context_length(config: Any) -> int | None:
    length = getattr(config.get_text_config(), "max_position_embeddings", None)
    return length if isinstance(length, int) and length > 0 else None


def _single_id(tokenizer: Any, tag: str) -> int | None:
    """The id of a tag that is one token of the vocabulary."""
    found = tokenizer.get_vocab().get(tag)
    return found if isinstance(found, int) else None


def _is_out_of_memory(error: BaseException) -> bool:
    text = str(error).lower()
    return isinstance(error, MemoryError) or "out of memory" in text or "can't allocate memory" in text
