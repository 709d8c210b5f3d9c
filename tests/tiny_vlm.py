"""Builds tiny, randomly initialised vision-language checkpoints on disk: real files for real loaders.

Everything is made here: the tokenizer is trained on the lines below, weights are drawn from a fixed seed.
No network, about 0.3 MB per checkpoint. Answers are gibberish; they are the same gibberish every time.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

LLAVA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message['role'] + '|>' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<image>' }}{% else %}{{ part['text'] }}{% endif %}{{ '\n' }}"
    "{% endfor %}{{ '<|end|>' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>' }}{% endif %}"
)
"""Takes every role and keeps the order of texts and images."""

_CORPUS = [
    "You are an experienced spine surgeon reading an image of the spine. Look at the image with care.",
    "Which of the following options best describes the most likely diagnosis in this image?",
    "Which level or levels of the lumbar spine are affected? L1/L2, L2/L3, L3/L4, L4/L5, L5/S1",
    "A. Healthy B. Osteophytes C. Spondylolisthesis D. Disc space narrowing E. Foraminal stenosis",
    "Think step by step, describe the findings, then close with the line: My final option: [A]",
]

_SPECIAL = ["<pad>", "<s>", "</s>", "<unk>", "<image>", "<|system|>", "<|user|>", "<|assistant|>", "<|end|>"]


def tiny_tokenizer(*, extra: tuple[str, ...] = (), named: dict[str, str] | None = None) -> Any:
    """A byte-level BPE tokenizer that can encode any text.

    `extra` are added tokens that are not special; `named` are special tokens that become its attributes.
    """
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    core = Tokenizer(models.BPE())
    core.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    core.decoder = decoders.ByteLevel()
    core.train_from_iterator(
        _CORPUS,
        trainers.BpeTrainer(
            vocab_size=500,
            min_frequency=1,
            special_tokens=_SPECIAL,
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=core,
        bos_token="<s>",
        eos_token="</s>",
        pad_token="<pad>",
        unk_token="<unk>",
        extra_special_tokens=named or {"image_token": "<image>"},
        model_max_length=4096,
    )
    if extra:
        tokenizer.add_tokens(list(extra))
    return tokenizer


def build_tiny_llava(
    folder: Path,
    *,
    chat_template: str | None = LLAVA_TEMPLATE,
    context: int = 4096,
    extra_tokens: tuple[str, ...] = (),
    seed: int = 0,
    pad_token: bool = True,
    dtype: str = "float32",
) -> Path:
    """A LLaVA (CLIP vision tower, Llama text model) of about 0.1 million parameters, saved to `folder`."""
    import torch
    from transformers import (
        CLIPVisionConfig,
        LlamaConfig,
        LlavaConfig,
        LlavaForConditionalGeneration,
        LlavaProcessor,
    )
    from transformers.models.clip.image_processing_pil_clip import CLIPImageProcessorPil

    tokenizer = tiny_tokenizer(extra=extra_tokens)
    if not pad_token:
        tokenizer.pad_token = None
    config = LlavaConfig(
        vision_config=CLIPVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
            projection_dim=32,
        ),
        text_config=LlamaConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=context,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        image_token_index=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_layer=-1,
    )
    model = _drawn(LlavaForConditionalGeneration, config, seed)
    model.generation_config.eos_token_id = tokenizer.eos_token_id
    model.generation_config.pad_token_id = tokenizer.pad_token_id
    model.to(getattr(torch, dtype)).save_pretrained(folder)
    processor = LlavaProcessor(
        image_processor=CLIPImageProcessorPil(
            size={"shortest_edge": 32}, crop_size={"height": 32, "width": 32}
        ),
        tokenizer=tokenizer,
        patch_size=8,
        vision_feature_select_strategy="default",
        num_additional_image_tokens=1,
        chat_template=chat_template,
    )
    processor.save_pretrained(folder)
    return folder


GEMMA_TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}"
    "{% if message['role'] == 'system' %}{{ raise_exception('System role not supported') }}{% endif %}"
    "{{ '<start_of_turn>' + message['role'] + '\n' }}"
    "{% for part in message['content'] %}"
    "{% if part['type'] == 'image' %}{{ '<start_of_image>' }}{% else %}{{ part['text'] }}{% endif %}"
    "{% endfor %}{{ '<end_of_turn>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<start_of_turn>model\n' }}{% endif %}"
)
"""Refuses a system message, as the templates of the Gemma family do."""


def build_tiny_gemma3(folder: Path, *, seed: int = 0) -> Path:
    """A Gemma 3 (SigLIP vision tower, sliding-window text model, begin-of-image token), saved to `folder`."""
    from transformers import (
        Gemma3Config,
        Gemma3ForConditionalGeneration,
        Gemma3Processor,
        Gemma3TextConfig,
        SiglipVisionConfig,
    )
    from transformers.models.gemma3.image_processing_pil_gemma3 import Gemma3ImageProcessorPil

    tokenizer = tiny_tokenizer(
        extra=("<start_of_turn>", "<end_of_turn>"),
        named={
            "image_token": "<image_soft_token>",
            "boi_token": "<start_of_image>",
            "eoi_token": "<end_of_image>",
        },
    )
    config = Gemma3Config(
        text_config=Gemma3TextConfig(
            vocab_size=len(tokenizer),
            hidden_size=48,
            intermediate_size=96,
            num_hidden_layers=2,
            num_attention_heads=4,
            num_key_value_heads=2,
            head_dim=12,
            max_position_embeddings=4096,
            sliding_window=64,
            layer_types=["sliding_attention", "full_attention"],
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        ),
        vision_config=SiglipVisionConfig(
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=2,
            num_attention_heads=4,
            image_size=32,
            patch_size=8,
        ),
        mm_tokens_per_image=4,
        boi_token_index=tokenizer.convert_tokens_to_ids("<start_of_image>"),
        eoi_token_index=tokenizer.convert_tokens_to_ids("<end_of_image>"),
        image_token_index=tokenizer.convert_tokens_to_ids("<image_soft_token>"),
    )
    model = _drawn(Gemma3ForConditionalGeneration, config, seed)
    model.generation_config.eos_token_id = [tokenizer.eos_token_id]
    # Settings as published checkpoints have them; greedy decoding has to set them aside.
    model.generation_config.do_sample = True
    model.generation_config.top_k = 64
    model.generation_config.top_p = 0.95
    model.save_pretrained(folder)
    processor = Gemma3Processor(
        image_processor=Gemma3ImageProcessorPil(size={"height": 32, "width": 32}),
        tokenizer=tokenizer,
        image_seq_length=4,
        chat_template=GEMMA_TEMPLATE,
    )
    processor.save_pretrained(folder)
    return folder


def _drawn(model_class: Any, config: Any, seed: int) -> Any:
    """A model with weights from `seed`, wide enough that no choice of a token hangs on rounding.

    With the usual deviation of 0.02 the logits are nearly flat.
    """
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = model_class(config)
        for parameter in model.parameters():
            if parameter.dim() > 1:
                torch.nn.init.normal_(parameter, std=0.25)
    return model


def build_answering_llava(folder: Path, *, reply: str) -> Path:
    """A tiny LLaVA that was trained, for a few seconds, to give one reply to whatever it is shown and asked."""
    import torch
    from transformers import AutoProcessor, LlavaForConditionalGeneration

    build_tiny_llava(folder)
    model = LlavaForConditionalGeneration.from_pretrained(folder)
    tokenizer = AutoProcessor.from_pretrained(folder).tokenizer
    opening = tokenizer.convert_tokens_to_ids("<|assistant|>")
    target = [*tokenizer(reply, add_special_tokens=False)["input_ids"], tokenizer.eos_token_id]
    generator = torch.Generator().manual_seed(0)
    optimizer = torch.optim.Adam(model.model.language_model.parameters(), lr=1e-2)
    head = torch.optim.Adam(model.lm_head.parameters(), lr=1e-2)
    batch, context = 4, 24
    answer = torch.tensor([[opening, *target]]).repeat(batch, 1)
    for _ in range(60):
        # Whatever stands before, and however much of it: only the opening counts.
        prompt = torch.randint(len(tokenizer), (batch, context), generator=generator)
        prompt[prompt == model.config.image_token_id] = opening + 1
        tokens = torch.cat([prompt, answer], dim=1)
        labels = tokens.clone()
        labels[:, : context + 1] = -100
        loss = model(input_ids=tokens, labels=labels).loss
        optimizer.zero_grad()
        head.zero_grad()
        loss.backward()
        optimizer.step()
        head.step()
    model.save_pretrained(folder)
    return folder
