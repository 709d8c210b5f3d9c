"""The audit graph: prepare the case, ask the judges at once, check their replies, reconcile, refer; later, resolve."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.types import Checkpointer, Send

from spinebench.agents.audit_state import AuditInput, AuditOutput, AuditState, Json, JudgeInput, Sitting
from spinebench.agents.images import ImageSource, NoImages
from spinebench.agents.judge import judge_prompt_hash, judge_request
from spinebench.agents.judge_case import JudgeCase, case_of
from spinebench.agents.judge_reply import read_judge_reply
from spinebench.audit_records import (
    Adjudicated,
    AuditTrace,
    Blinding,
    DimensionVotes,
    Judgement,
    JudgementKey,
    JudgementStatus,
    JudgeReply,
    Rating,
    Review,
    TraceCheck,
)
from spinebench.errors import DataError, ProviderError, SpinebenchError, StoppedError, UsageError
from spinebench.evaluators.reconciling import reconcile, referral
from spinebench.evaluators.resolving import ResolvedDimension, resolve
from spinebench.evaluators.self_naming import named_models
from spinebench.evaluators.steering import find_steering
from spinebench.evaluators.trace_checks import check_trace
from spinebench.models.gateway import Call, Gateway, GatewayPolicy
from spinebench.models.protocol import ChatModel, ImagePart
from spinebench.records import DecodingOptions, Failure, FailureClass, FinishReason, SentImage
from spinebench.rubrics.rubric import Rubric, rubrics_hash

AuditGraph = CompiledStateGraph[AuditState, None, AuditInput, AuditOutput]

MOST_REPLIES = 3
"""A first reply, and two more in which the judge may mend what was wrong."""
_MOST_PASSAGES = 50
_PASSAGE_LENGTH = 300
_ENDS: dict[str, type[SpinebenchError]] = {
    one.__name__: one for one in (ProviderError, StoppedError, UsageError)
}


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
    nodes = _Nodes(
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
    builder.add_node("prepare", nodes.prepare)
    builder.add_node("checks", nodes.checks)
    builder.add_node("judge", nodes.judge, input_schema=JudgeInput)
    builder.add_node("check", nodes.check)
    builder.add_node("reconcile", nodes.reconcile)
    builder.add_node("refer", nodes.refer)
    builder.add_node("resolve", nodes.resolve)
    builder.add_node("adjudicate", nodes.adjudicate)
    builder.add_node("close", nodes.close)
    builder.add_conditional_edges(START, nodes.enter, ["prepare", "resolve"])
    builder.add_conditional_edges("prepare", nodes.after_prepare, ["judge", "checks"])
    builder.add_edge("judge", "check")
    builder.add_edge("checks", "check")
    builder.add_conditional_edges("check", nodes.after_check, ["judge", "reconcile"])
    builder.add_edge("reconcile", "refer")
    builder.add_edge("refer", END)
    builder.add_conditional_edges("resolve", nodes.after_resolve, ["adjudicate", "close", END])
    builder.add_edge("adjudicate", END)
    builder.add_edge("close", END)
    return builder.compile(
        name="audit", checkpointer=checkpointer, interrupt_before=list(interrupt_before) or None
    )


class _Nodes:
    """The nodes, bound to what they work with. Each takes the state and returns what it adds to it."""

    def __init__(
        self,
        *,
        judges: dict[str, ChatModel],
        rubrics: tuple[Rubric, ...],
        gateway: Gateway,
        images: ImageSource,
        repeats: int,
        blinding: Blinding,
        random_share: float,
        seed: int,
        decoding: DecodingOptions | None,
    ) -> None:
        self._judges = judges
        self._rubrics = rubrics
        self._gateway = gateway
        self._images = images
        self._repeats = repeats
        self._blinding = blinding
        self._random_share = random_share
        self._seed = seed
        self._decoding = decoding
        self._prompt_hash = judge_prompt_hash(rubrics, blinding)
        self._rubric_hash = rubrics_hash(rubrics)
        self._without_schema: set[str] = set()
        """Judges whose provider has refused the JSON schema: not sent again with every further trace."""

    def enter(self, state: AuditState) -> Literal["prepare", "resolve"]:
        """With ratings to their resolution, otherwise to the judges."""
        return "resolve" if state.get("ratings") else "prepare"

    # ------------------------------------------------------------ judges

    async def prepare(self, state: AuditState) -> AuditState:
        """Blind the case, fetch the images, find what tries to steer, and see which judgements are missing."""
        trace = AuditTrace.model_validate(state["trace"])
        case = case_of(trace, self._blinding)
        parts: tuple[ImagePart, ...] = ()
        failure: Failure | None = None
        try:
            parts = await self._shown(trace)
        except DataError as error:
            failure = Failure(
                failure_class=FailureClass.IMAGE, message=str(error)[:2000], attempt=1, at=datetime.now(UTC)
            )
        if failure is None:  # refuses rubrics that ask nothing about the task, before any call
            judge_request(case, self._rubrics, images=parts, seed=self._seed)
        prepared: AuditState = {
            "images": [{**part.image.model_dump(mode="json"), "file": str(part.file)} for part in parts],
            "image_failure": None if failure is None else failure.model_dump(mode="json"),
            "shown_sha256": case.shown_hash(parts),
            "steering": _steering(trace),
            "judgements": [],
            "halted": None,
        }
        prepared["sittings"] = {
            key.id(): Sitting(
                trace_id=key.trace_id,
                judge=key.judge,
                repeat=key.repeat,
                stage="ask",
                plain_json=key.judge in self._without_schema,
                replies=[],
                failures=[],
            )
            for key in self._missing(state, trace)
        }
        if failure is not None:
            self._give_up(prepared, failure)
        return prepared

    def after_prepare(self, state: AuditState) -> list[str | Send]:
        """To all judges at once, and to the deterministic checks beside them."""
        return ["checks", *self._sends(state)]

    async def checks(self, state: AuditState) -> AuditState:
        """What can be checked without a judge: conclusion, levels, sides, view, modality, persona."""
        found = check_trace(AuditTrace.model_validate(state["trace"]))
        return {"checks": [check.model_dump(mode="json") for check in found]}

    async def judge(self, state: JudgeInput) -> AuditState:
        """One question to one judge. A provider that takes no JSON schema is asked once more without."""
        sitting = state["sitting"].copy()
        try:
            call = await self._call(state, sitting)
            if _schema_refused(call) and not sitting["plain_json"]:
                sitting["failures"] = [*sitting["failures"], *_dumped(call.failures)]
                sitting["plain_json"] = True
                call = await self._call(state, sitting)
                if call.reply is not None:
                    self._without_schema.add(sitting["judge"])
        except (ProviderError, StoppedError, UsageError) as error:
            # The judges beside it finish what they have begun; the graph ends when they have.
            return {"halted": {"kind": type(error).__name__, "message": str(error)}}
        sitting["failures"] = [*sitting["failures"], *_dumped(call.failures)]
        if call.reply is None:
            sitting["finish_reason"] = None
        else:
            reply = JudgeReply(
                text=call.reply.text,
                reasoning=call.reply.reasoning,
                request_hash=call.request_hash,
                response_id=call.reply.response_id,
                provider_model=call.reply.provider_model,
                usage=call.usage,
                reused=call.reused,
                plain_json=sitting["plain_json"],
            )
            sitting["replies"] = [*sitting["replies"], reply.model_dump(mode="json")]
            finish = call.reply.finish_reason
            declined = call.reply.refusal is not None and not call.reply.text.strip()
            sitting["finish_reason"] = (FinishReason.REFUSAL if declined else finish).value
        sitting["stage"] = "replied"
        return {"sittings": {state["id"]: sitting}}

    async def check(self, state: AuditState) -> AuditState:
        """Read the new replies and hold them against the trace; what is over becomes a judgement."""
        case = self._case(state)
        changed: dict[str, Sitting] = {}
        over: list[Json] = []
        for name, one in self._own(state).items():
            if one["stage"] == "replied":
                sitting = one.copy()
                judgement = self._checked(sitting, case, state)
                if judgement is not None:
                    sitting["stage"] = "over"
                    sitting["judgement"] = judgement.model_dump(mode="json")
                    over.append(sitting["judgement"])
                changed[name] = sitting
        return {"sittings": changed, "judgements": [*state["judgements"], *over]}

    def after_check(self, state: AuditState) -> list[str | Send]:
        """Back to the judges whose replies did not pass; on when there are none."""
        again = [] if state["halted"] else self._sends(state)
        return [*again] or ["reconcile"]

    async def reconcile(self, state: AuditState) -> AuditState:
        """Median and spread of all votes by dimension. Ends the graph where nothing more may be asked."""
        halted = state["halted"]
        if halted is not None:
            raise _ENDS[halted["kind"]](halted["message"])
        names = [dimension for dimension, _ in self._scales(state)]
        votes = reconcile(self._all_judgements(state), dimensions=names)
        return {"votes": [one.model_dump(mode="json") for one in votes]}

    async def refer(self, state: AuditState) -> AuditState:
        """Whether clinicians are to see the trace, why, and with which probability."""
        trace = AuditTrace.model_validate(state["trace"])
        judgements = self._all_judgements(state)
        votes = tuple(DimensionVotes.model_validate(one) for one in state["votes"])
        checks = tuple(TraceCheck.model_validate(one) for one in state["checks"])
        reasons, probability = referral(
            trace,
            votes,
            checks,
            judgements,
            seed=self._seed,
            random_share=self._random_share,
            scales=dict(self._scales(state)),
        )
        review = Review(
            trace_id=trace.trace_id,
            audit_id=state.get("audit_id", ""),
            dimensions=votes,
            n_unparsed=sum(one.status is JudgementStatus.UNPARSED for one in judgements),
            checks=checks,
            refers_by=reasons,
            rating_probability=probability,
            at=datetime.now(UTC),
        )
        return {"review": review.model_dump(mode="json")}

    # ------------------------------------------------------------ ratings

    async def resolve(self, state: AuditState) -> AuditState:
        """Median and range of the clinicians' scores by dimension."""
        trace_id = _trace_id(state)
        ratings = [Rating.model_validate(one) for one in state["ratings"]]
        strangers = sorted({one.trace_id for one in ratings} - {trace_id})
        if strangers:
            raise UsageError(
                f"ratings of trace {strangers[0]!r}: expected ratings of {trace_id!r} only; give each trace its own"
            )
        resolved = resolve(ratings, scales=dict(self._scales(state)))
        return {
            "resolved": [one.model_dump(mode="json") for one in resolved],
            "adjudicate": [],
            "outcome": "waiting",
        }

    def after_resolve(self, state: AuditState) -> Literal["adjudicate", "close", "__end__"]:
        """Nothing is decided before the ratings are locked; then what lies apart or was flagged is adjudicated."""
        if not state.get("locked"):
            return "__end__"
        return "adjudicate" if self._open(state) else "close"

    async def adjudicate(self, state: AuditState) -> AuditState:
        """List what a third rater or the panel has to decide."""
        return {"adjudicate": self._open(state), "outcome": "adjudicate"}

    async def close(self, state: AuditState) -> AuditState:
        """The ratings stand as they are, or what was open has been decided."""
        return {"adjudicate": [], "outcome": "closed"}

    # ------------------------------------------------------------ parts of nodes

    def _case(self, state: AuditState) -> JudgeCase:
        return case_of(AuditTrace.model_validate(state["trace"]), self._blinding)

    async def _shown(self, trace: AuditTrace) -> tuple[ImagePart, ...]:
        """The images as the examinee was sent them. Raises `DataError` where they are not to be had."""
        if not self._blinding.image or not self._judges:
            return ()
        parts = await self._images.show(trace.item, trace.answer.key.image_condition)
        sent = [image.sha256 for image in trace.answer.images]
        shown = [part.image.sha256 for part in parts]
        if sent and sent != shown:
            raise DataError(
                f"images of trace {trace.trace_id!r}: expected those that the model was sent "
                f"({', '.join(one[:12] for one in sent)}), found {', '.join(one[:12] for one in shown) or 'none'}; "
                "restore them, or audit the text only"
            )
        return parts

    def _missing(self, state: AuditState, trace: AuditTrace) -> list[JudgementKey]:
        stored = {
            one.key
            for one in (Judgement.model_validate(done) for done in state.get("done", []))
            if one.status is not JudgementStatus.ERROR
        }
        wanted = [
            JudgementKey(trace_id=trace.trace_id, judge=judge, repeat=repeat)
            for judge in self._judges
            for repeat in range(1, self._repeats + 1)
        ]
        return [key for key in wanted if key not in stored]

    def _give_up(self, prepared: AuditState, failure: Failure) -> None:
        """Every missing judgement ends before it began, with the same failure."""
        for one in prepared["sittings"].values():
            one["stage"] = "replied"
            one["finish_reason"] = None
            one["failures"] = [failure.model_dump(mode="json")]

    def _own(self, state: AuditState) -> dict[str, Sitting]:
        """Sittings on this trace: a thread that is kept by a checkpointer may hold those of another."""
        trace_id = _trace_id(state)
        return {name: one for name, one in state.get("sittings", {}).items() if one["trace_id"] == trace_id}

    def _sends(self, state: AuditState) -> list[str | Send]:
        return [
            Send(
                "judge",
                JudgeInput(id=name, sitting=one, trace=state["trace"], images=state["images"]),
            )
            for name, one in self._own(state).items()
            if one["stage"] == "ask"
        ]

    async def _call(self, asked: JudgeInput, sitting: Sitting) -> Call:
        trace = AuditTrace.model_validate(asked["trace"])
        request = judge_request(
            case_of(trace, self._blinding),
            self._rubrics,
            images=[_image_part(entry) for entry in asked["images"]],
            repeat=sitting["repeat"],
            seed=self._seed,
            earlier=[JudgeReply.model_validate(one) for one in sitting["replies"]],
            plain_json=sitting["plain_json"],
            decoding=self._decoding,
        )
        return await self._gateway.call(self._judges[sitting["judge"]], request, role="judge")

    def _checked(self, sitting: Sitting, case: JudgeCase, state: AuditState) -> Judgement | None:
        """The judgement a reply amounts to; None where it is asked for again. Notes the problems in the reply."""
        judgement = Judgement(
            key=JudgementKey(trace_id=sitting["trace_id"], judge=sitting["judge"], repeat=sitting["repeat"]),
            audit_id=state.get("audit_id", ""),
            status=JudgementStatus.ERROR,
            failures=tuple(Failure.model_validate(one) for one in sitting["failures"]),
            steering=tuple(state["steering"]),
            prompt_hash=self._prompt_hash,
            rubric_hash=self._rubric_hash,
            shown_sha256=state["shown_sha256"],
            at=datetime.now(UTC),
        )
        replies = tuple(JudgeReply.model_validate(one) for one in sitting["replies"])
        finish = sitting["finish_reason"]
        if finish is None:
            return judgement.model_copy(update={"replies": replies})
        if finish in {FinishReason.REFUSAL, FinishReason.FILTER}:
            return judgement.model_copy(update={"status": JudgementStatus.REFUSED, "replies": replies})
        read = read_judge_reply(replies[-1].text, case, self._rubrics, image_shown=bool(state["images"]))
        problems = read.problems
        if problems and finish == FinishReason.LENGTH:
            problems = ("the reply was cut off before its end; be brief", *problems)
        replies = (*replies[:-1], replies[-1].model_copy(update={"problems": problems}))
        if not problems:
            return judgement.model_copy(
                update={
                    "status": JudgementStatus.SCORED,
                    "scores": read.scores,
                    "failure_modes": read.failure_modes,
                    "claims": read.claims,
                    "replies": replies,
                }
            )
        if len(replies) >= MOST_REPLIES:
            return judgement.model_copy(update={"status": JudgementStatus.UNPARSED, "replies": replies})
        sitting["replies"] = _dumped(replies)
        sitting["stage"] = "ask"
        return None

    def _all_judgements(self, state: AuditState) -> list[Judgement]:
        """Those stored before and those of this entry, the later one of a key, in the order of judges and repeats."""
        held = {
            judgement.key: judgement
            for judgement in (
                Judgement.model_validate(one) for one in (*state.get("done", []), *state["judgements"])
            )
        }
        order = {name: number for number, name in enumerate(self._judges)}
        return sorted(
            held.values(),
            key=lambda one: (order.get(one.key.judge, len(order)), one.key.judge, one.key.repeat),
        )

    def _scales(self, state: AuditState) -> list[tuple[str, tuple[int, ...]]]:
        task = AuditTrace.model_validate(state["trace"]).item.task
        return [
            (one.id, one.scale)
            for rubric in self._rubrics
            for one in rubric.dimensions
            if one.applies_to(task)
        ]

    def _open(self, state: AuditState) -> list[Json]:
        """Dimensions to adjudicate that no stored decision settles."""
        trace_id = _trace_id(state)
        decided = {
            one.dimension
            for one in (Adjudicated.model_validate(entry) for entry in state.get("adjudicated", []))
            if one.trace_id == trace_id
        }
        resolved = [ResolvedDimension.model_validate(one) for one in state["resolved"]]
        return [
            {"trace_id": trace_id, "dimension": one.dimension, "why": list(one.needs)}
            for one in resolved
            if one.needs and one.dimension not in decided
        ]


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


def _trace_id(state: AuditState) -> str:
    return str(state["trace"]["pick"]["trace"]["trace_id"])


def _schema_refused(call: Call) -> bool:
    """Whether the request itself was refused, which a JSON schema may be the cause of."""
    return (
        call.reply is None
        and bool(call.failures)
        and call.failures[-1].failure_class is FailureClass.BAD_REQUEST
    )


def _steering(trace: AuditTrace) -> list[str]:
    """Passages that address the judge, imitate its delimiters or name the trace's model; each once, cut short."""
    found: list[str] = []
    for part in (trace.answer.reasoning or "", trace.answer.text):
        found += [passage.text for passage in find_steering(part)]
        found += named_models(part, model=trace.answer.key.model)
    return list(dict.fromkeys(text[:_PASSAGE_LENGTH] for text in found))[:_MOST_PASSAGES]


def _image_part(entry: Json) -> ImagePart:
    image = SentImage.model_validate({key: value for key, value in entry.items() if key != "file"})
    return ImagePart(image=image, file=Path(entry["file"]))


def _dumped(records: Sequence[Failure] | Sequence[JudgeReply]) -> list[Json]:
    return [record.model_dump(mode="json") for record in records]
