"""The audit graph: prepare the case, ask the judges at once, check their replies, reconcile, refer; later, resolve."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer

from spinebench.agents.audit_judging import JudgeNodes
from spinebench.agents.audit_rating import RatingNodes
from spinebench.agents.audit_state import AuditInput, AuditOutput, AuditState, JudgeInput
from spinebench.agents.images import ImageSource, NoImages
from spinebench.audit_records import (
    Blinding,
)
from spinebench.errors import UsageError
from spinebench.models.gateway import Gateway, GatewayPolicy
from spinebench.models.protocol import ChatModel
from spinebench.records import DecodingOptions
from spinebench.rubrics.rubric import Rubric

AuditGraph = CompiledStateGraph[AuditState, None, AuditInput, AuditOutput]


def audit_graph(
    judges: Sequence[ChatModel],
    *,
    rubrics: Sequence[Rubric],
    gateway: Gateway | None = None,
    images: ImageSource | None = None,
    repeats: int = 1,
    blinding: Blinding | None = None,
    random_share: float = 0.2,
    seed: int = 0,
    decoding: DecodingOptions | None = None,
    checkpointer: Checkpointer = None,
    interrupt_before: Sequence[str] = (),
) -> AuditGraph:
    """A compiled LangGraph graph that has a panel of judges score one trace and says whether clinicians are to see it.

    It takes an `AuditInput` and gives the whole `AuditState`; state is plain JSON, images travel as references. Called
    again with the trace's ratings it asks nobody: it resolves them and says what has to be adjudicated. `judgements`
    are given out by the node `check` as soon as they are over, so that who streams updates can store them at once.

    A judge's reply that does not pass the checks is asked for again, with what was wrong, at most twice; then it is
    recorded as unparsed, with all replies. An image that is to be shown and cannot be asks nobody: a judge without it
    would not be scoring the same thing, so each judgement is an error that names the image.

    Raises, while it runs, what the gateway raises (`ProviderError`, `StoppedError`), after the judges that were at work
    have finished and been given out.

    Args:
        judges: the panel, each with a name of its own; empty: clinicians only.
        rubrics: what is scored; ids of dimensions and failure modes are unique over all of them.
        gateway: limits, retries, budget and cache; one with default policy if None. Usage is booked under `judge`.
        images: where images come from; None refuses items that have images, unless the audit is text-only.
        repeats: how often each judge scores the trace.
        blinding: what judges are shown; by default the image and no gold.
        random_share: share of the traces without another reason that are referred all the same.
        seed: of the random share and of the markers in the prompts.
        decoding: options of every judge's call; None: the provider's defaults.
        checkpointer: for stepping the graph by itself. A batch audit has none: it resumes from its journal.
        interrupt_before: nodes to stop before.
    """
    _refuse_wrong_arguments(judges, rubrics, repeats=repeats, random_share=random_share)
    rating = RatingNodes(tuple(rubrics))
    judging = JudgeNodes(
        judges={judge.name: judge for judge in judges},
        rubrics=tuple(rubrics),
        gateway=gateway or Gateway(GatewayPolicy()),
        images=images or NoImages(),
        repeats=repeats,
        blinding=blinding or Blinding(),
        random_share=random_share,
        seed=seed,
        decoding=decoding,
    )
    builder = StateGraph(AuditState, input_schema=AuditInput, output_schema=AuditOutput)
    builder.add_node("prepare", judging.prepare)
    builder.add_node("checks", judging.checks)
    builder.add_node("judge", judging.judge, input_schema=JudgeInput)
    builder.add_node("check", judging.check)
    builder.add_node("reconcile", judging.reconcile)
    builder.add_node("refer", judging.refer)
    builder.add_node("resolve", rating.resolve)
    builder.add_node("adjudicate", rating.adjudicate)
    builder.add_node("close", rating.close)
    builder.add_conditional_edges(START, _enter, ["prepare", "resolve"])
    builder.add_conditional_edges("prepare", judging.after_prepare, ["judge", "checks"])
    builder.add_edge("judge", "check")
    builder.add_edge("checks", "check")
    builder.add_conditional_edges("check", judging.after_check, ["judge", "reconcile"])
    builder.add_edge("reconcile", "refer")
    builder.add_edge("refer", END)
    builder.add_conditional_edges("resolve", rating.after_resolve, ["adjudicate", "close", END])
    builder.add_edge("adjudicate", END)
    builder.add_edge("close", END)
    return builder.compile(
        name="audit", checkpointer=checkpointer, interrupt_before=list(interrupt_before) or None
    )


def _enter(state: AuditState) -> Literal["prepare", "resolve"]:
    """With ratings to their resolution, otherwise to the judges."""
    return "resolve" if state.get("ratings") else "prepare"


def _refuse_wrong_arguments(
    judges: Sequence[ChatModel], rubrics: Sequence[Rubric], *, repeats: int, random_share: float
) -> None:
    if not rubrics:
        raise UsageError("rubrics []: expected at least one; pass load_rubric('reasoning')")
    if repeats < 1:
        raise UsageError(
            f"repeats {repeats!r}: expected 1 or more; leave it out to have each judge asked once"
        )
    if not 0 <= random_share <= 1:
        raise UsageError(f"random_share {random_share!r}: expected a share from 0 to 1; correct it")
    for what, names in (
        ("judges", [judge.name for judge in judges]),
        ("dimensions", [one.id for rubric in rubrics for one in rubric.dimensions]),
        ("failure modes", [one.id for rubric in rubrics for one in rubric.failure_modes]),
    ):
        twice = sorted({name for name in names if names.count(name) > 1})
        if twice:
            raise UsageError(
                f"{what} {', '.join(twice)!r}: expected each name once; "
                + ("use repeats=... to ask a judge several times" if what == "judges" else "drop a rubric")
            )
