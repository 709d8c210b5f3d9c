"""What a judge is asked: the rules and the rubrics once, the case as delimited data, earlier replies as turns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from spinebench.agents.judge_case import JudgeCase, case_of
from spinebench.agents.judge_reply import Asked, Read, asked, read_judge_reply
from spinebench.agents.personas import packaged
from spinebench.audit_records import AuditTrace, Blinding, JudgeReply
from spinebench.errors import UsageError
from spinebench.evaluators.steering import neutralized
from spinebench.models.plain_json import ask_for_json
from spinebench.models.protocol import ImagePart, Message, ModelRequest, RequestTag, TextPart
from spinebench.records import WRITTEN_TASKS, DecodingOptions, JsonValue, Task, digest
from spinebench.rubrics.rubric import Dimension, FailureMode, Rubric, rubrics_hash

__all__ = ["Read", "judge_prompt_hash", "judge_request", "marker_of", "read_judge_reply"]

_MOST_PROBLEMS = 20
"""Problems that a repeat request names; a reply with more is wrong in some way that the first ones show."""
_MOST_REPEATED = 40_000
"""Characters of an earlier reply that a repeat request shows again: three endless replies fill any context."""


def judge_prompt_hash(rubrics: Sequence[Rubric], blinding: Blinding) -> str:
    """SHA-256 over all that is the same for every case: the packaged templates, the form of the reply, the rubrics
    and what judges are shown."""
    templates = {name: template.hash for name, template in sorted(packaged("judge").templates.items())}
    forms: dict[str, JsonValue] = {
        task.value: [asked(task, rubrics, image_shown=shown).json_schema().schema_ for shown in (True, False)]
        for task in Task
    }
    content: JsonValue = {
        "templates": templates,
        "forms": forms,
        "rubrics": rubrics_hash(tuple(rubrics)),
        "blinding": blinding.model_dump(mode="json"),
    }
    return digest(content)


def judge_request(
    trace: AuditTrace | JudgeCase,
    rubrics: Sequence[Rubric],
    *,
    blinding: Blinding | None = None,
    images: Sequence[ImagePart] = (),
    repeat: int = 1,
    seed: int = 0,
    earlier: Sequence[JudgeReply] = (),
    plain_json: bool = False,
    decoding: DecodingOptions | None = None,
) -> ModelRequest:
    """The request that asks for a judgement of one trace. The same arguments give the same request.

    Args:
        trace: a trace, or its case made by `case_of`.
        rubrics: all that is to be judged; what does not apply to the item's task is left out.
        blinding: what is shown beside question, options and trace; by default neither gold nor names.
        images: those that are shown, none for a text-only audit.
        repeat: counts from 1; another repeat is another draw and never reused for this one.
        seed: of the marker between which the trace stands.
        earlier: this judge's replies that did not pass, with their problems: they become turns of the conversation.
        plain_json: ask for the JSON in words only, for providers that take no JSON schema.
        decoding: None: the provider's defaults.

    Raises `UsageError` where the rubrics ask nothing about the item's task.
    """
    case = trace if isinstance(trace, JudgeCase) else case_of(trace, blinding or Blinding())
    wanted = asked(case.task, rubrics, image_shown=bool(images))
    if not wanted.dimensions and not wanted.failure_modes:
        names = ", ".join(rubric.id for rubric in rubrics)
        raise UsageError(
            f"rubrics {names!r} for task {case.task.value!r}: expected at least one dimension or failure mode "
            "that applies to it; name another rubric, or leave the task out of the audit"
        )
    marker = marker_of(case, seed=seed)
    messages = [
        Message(role="system", parts=(TextPart(text=_rules(wanted, rubrics)),)),
        Message(role="user", parts=(TextPart(text=_case_text(case, marker, len(images))), *images)),
    ]
    again = packaged("judge").templates["again"]
    for reply in earlier:
        problems = "\n".join(f"- {problem}" for problem in reply.problems[:_MOST_PROBLEMS])
        said = neutralized(problems, boundary=marker)
        # Providers refuse an empty turn.
        before = reply.text.strip() or "(no text)"
        if len(before) > _MOST_REPEATED:
            before = before[:_MOST_REPEATED] + " (cut short)"
        messages.append(Message(role="assistant", parts=(TextPart(text=before),)))
        messages.append(Message(role="user", parts=(TextPart(text=again.fill(problems=said)),)))
    request = ModelRequest(
        messages=tuple(messages),
        decoding=decoding or DecodingOptions(),
        json_schema=wanted.json_schema(),
        tag=RequestTag(
            item_id=case.item_id,
            role="judge",
            image_condition=case.image_condition,
            option_permutation=case.option_permutation,
            epoch=repeat,
            trace_id=case.trace_id,
        ),
    )
    if plain_json:
        request = request.model_copy(update={"messages": ask_for_json(request), "json_schema": None})
    return request


def marker_of(case: JudgeCase, *, seed: int) -> str:
    """The marker between which a case's texts stand.

    It hashes the seed with the texts themselves: who writes a trace cannot know it, and the same case always gives
    the same request.
    """
    content: list[JsonValue] = [seed, case.question, *case.options, case.reasoning, case.text]
    content += [text for turn in case.turns for text in (turn.patient, turn.reasoning, turn.text)]
    return f"CASE-{digest(content)[:20]}"


def _rules(wanted: Asked, rubrics: Sequence[Rubric]) -> str:
    """The part that is the same for all cases of a task, first in the request so that providers can reuse it."""
    templates = packaged("judge").templates
    modes = ""
    if wanted.failure_modes:
        listed = "\n\n".join(_mode_text(mode) for mode in wanted.failure_modes)
        modes = templates["failure_modes"].fill(modes=listed) + "\n\n"
    verdicts = ", ".join(f"`{verdict}`" for verdict in wanted.verdicts)
    dimensions = ""
    if wanted.dimensions:
        listed = "\n\n".join(_dimension_texts(wanted.dimensions, rubrics))
        dimensions = templates["dimensions"].fill(listed=listed) + "\n\n"
    return templates["system"].fill(
        dimensions=dimensions,
        failure_modes=modes,
        claims=templates["claims"].fill(verdicts=verdicts) + "\n\n",
        form=templates["form"].fill(example=wanted.example()),
    )


def _dimension_texts(dimensions: Sequence[Dimension], rubrics: Sequence[Rubric]) -> list[str]:
    """The dimensions in their order; those of a rubric's section under its name."""
    named = {
        dimension.id: section.name
        for rubric in rubrics
        for section in rubric.sections
        for dimension in rubric.dimensions_of(section.id)
    }
    template = packaged("judge").templates["section"]
    texts = [packaged("judge").templates["in_sections"].fill()] if named else []
    for name, group in groupby(dimensions, key=lambda one: named.get(one.id)):
        if name is not None:
            texts.append(template.fill(name=name))
        texts += [_dimension_text(one) for one in group]
    return texts


def _dimension_text(one: Dimension) -> str:
    anchors = "\n".join(f"  {value}: {text.strip()}" for value, text in sorted(one.anchors.items()))
    scale = ", ".join(map(str, one.scale))
    return f"`{one.id}` - {one.name}\n  {one.focus.strip()}\n  Scale: {scale}\n{anchors}"


def _mode_text(mode: FailureMode) -> str:
    return (
        f"`{mode.id}` - {mode.name}: {mode.definition.strip()}\n"
        f"  Example: {mode.example.strip()}\n  Not this: {mode.counter_example.strip()}"
    )


def _case_text(case: JudgeCase, marker: str, n_images: int) -> str:
    sections = [_section("QUESTION", case.question, marker)]
    if case.options:
        sections.append(_section("OPTIONS", "\n".join(case.options), marker))
    sections += _trace_sections(case, marker)
    gold = "You are not told which answer is held to be right."
    if case.task in WRITTEN_TASKS:
        gold = "You are not told what the text is expected to say."
        if case.gold is not None:
            gold = "Nothing is known of what the text is expected to say."
        if case.gold:
            gold = "What the text is expected to say, in whatever words:\n" + _section(
                "REFERENCE AND KEY FACTS", "\n".join(case.gold), marker
            )
    elif case.gold is not None:
        gold = "What is held to be right:\n" + _section("RIGHT ANSWER", "\n".join(case.gold), marker)
    return (
        packaged("judge")
        .templates["case"]
        .fill(marker=marker, sections="\n\n".join(sections), image=_image_text(case, n_images), gold=gold)
    )


def _trace_sections(case: JudgeCase, marker: str) -> list[str]:
    """What is judged: reasoning and answer, or a consultation turn by turn."""
    said = [(turn.reasoning, turn.text, turn.patient) for turn in case.turns]
    sections = []
    for number, (reasoning, text, patient) in enumerate(said or [(case.reasoning, case.text, None)], start=1):
        if patient is not None:
            sections.append(_section(f"PATIENT {number}", patient, marker))
        if reasoning is not None and reasoning.strip():
            before = "ANSWER" if case.task not in WRITTEN_TASKS else _title(case.task, number)
            sections.append(_section(f"REASONING BEFORE THE {before}", reasoning, marker))
        sections.append(_section(_title(case.task, number), text or "(nothing was written)", marker))
    return sections


def _title(task: Task, number: int) -> str:
    """What the text of a task is called."""
    if task is Task.CONSULTATION:
        return f"REPLY {number}"
    return "REPORT" if task is Task.REPORT else "ANSWER WITH ITS REASONING"


def _section(title: str, text: str, marker: str) -> str:
    return f"<<<{marker} {title}\n{neutralized(text, boundary=marker)}\n{marker}>>>"


def _image_text(case: JudgeCase, n_images: int) -> str:
    if n_images == 1:
        return "The image that the question was asked about follows."
    if n_images:
        return f"The {n_images} images that the question was asked about follow, in their order."
    if case.n_images:
        what = "an image" if case.n_images == 1 else f"{case.n_images} images"
        return (
            f"The question was asked about {what} that you are not shown. Judge what can be judged without: "
            "whether a statement agrees with an image cannot be said here."
        )
    return "The question was asked without an image."
