"""The nodes of the audit graph on the judges' side: prepare, ask, check, reconcile, refer."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from langgraph.types import Send

from spinebench.agents.audit_state import (
    AuditState,
    Json,
    JudgeInput,
    Sitting,
    scales,
    trace_id_of,
)
from spinebench.agents.images import ImageSource
from spinebench.agents.judge import judge_prompt_hash, judge_request
from spinebench.agents.judge_case import JudgeCase, case_of
from spinebench.agents.judge_reply import read_judge_reply
from spinebench.audit_records import (
    AuditTrace,
    Blinding,
    DimensionVotes,
    Judgement,
    JudgementKey,
    JudgementStatus,
    JudgeReply,
    Review,
    TraceCheck,
)
from spinebench.errors import DataError, ProviderError, SpinebenchError, StoppedError, UsageError
from spinebench.evaluators.reconciling import reconcile, referral
from spinebench.evaluators.self_naming import named_models
from spinebench.evaluators.steering import find_steering
from spinebench.evaluators.trace_checks import check_trace
from spinebench.models.gateway import Call, Gateway
from spinebench.models.protocol import ChatModel, ImagePart
from spinebench.records import DecodingOptions, Failure, FailureClass, FinishReason, SentImage
from spinebench.rubrics.rubric import Rubric, rubrics_hash

MOST_REPLIES = 3
"""A first reply, and two more in which the judge may mend what was wrong."""
_MOST_PASSAGES = 50
_PASSAGE_LENGTH = 300
_ENDS: dict[str, type[SpinebenchError]] = {
    one.__name__: one for one in (ProviderError, StoppedError, UsageError)
}


class JudgeNodes:
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

    async def prepare(self, state: AuditState) -> AuditState:
        """Blind the case, fetch the images, find what tries to steer, and see which judgements are missing."""
        trace = AuditTrace.model_validate(state["trace"])
        case = case_of(trace, self._blinding)
        missing = self._missing(state, trace)
        # Off the event loop: a long trace takes tens of milliseconds, in which no other judge would be answered.
        steering = await asyncio.to_thread(_steering, trace)
        parts: tuple[ImagePart, ...] = ()
        failure: Failure | None = None
        try:
            parts = await self._shown(trace) if missing else ()
        except DataError as error:
            failure = Failure(
                failure_class=FailureClass.IMAGE, message=str(error)[:2000], attempt=1, at=datetime.now(UTC)
            )
        if missing:  # refuses rubrics that ask nothing about the task, before any call
            judge_request(case, self._rubrics, images=parts, seed=self._seed)
        prepared: AuditState = {
            "images": [{**part.image.model_dump(mode="json"), "file": str(part.file)} for part in parts],
            "image_failure": None if failure is None else failure.model_dump(mode="json"),
            "shown_sha256": case.shown_hash(parts),
            "steering": steering,
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
            for key in missing
        }
        if failure is not None:
            self._give_up(prepared, failure)
        return prepared

    def after_prepare(self, state: AuditState) -> list[str | Send]:
        """To all judges at once, and to the deterministic checks beside them."""
        return ["checks", *self._sends(state)]

    async def checks(self, state: AuditState) -> AuditState:
        """What can be checked without a judge: conclusion, levels, sides, view, modality, persona."""
        found = await asyncio.to_thread(check_trace, AuditTrace.model_validate(state["trace"]))
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
        names = tuple(scales(self._rubrics, state))
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
            scales=scales(self._rubrics, state),
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

    # ------------------------------------------------------------ parts of nodes

    def _case(self, state: AuditState) -> JudgeCase:
        return case_of(AuditTrace.model_validate(state["trace"]), self._blinding)

    async def _shown(self, trace: AuditTrace) -> tuple[ImagePart, ...]:
        """The images as the examinee was sent them. Raises `DataError` where they are not to be had."""
        if not self._blinding.image:
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
        trace_id = trace_id_of(state)
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
    said = [(turn.reasoning, turn.text) for turn in trace.answer.turns]
    for part in (
        part or "" for both in said or [(trace.answer.reasoning, trace.answer.text)] for part in both
    ):
        found += [passage.text for passage in find_steering(part)]
        found += named_models(part, model=trace.answer.key.model)
    return list(dict.fromkeys(text[:_PASSAGE_LENGTH] for text in found))[:_MOST_PASSAGES]


def _image_part(entry: Json) -> ImagePart:
    image = SentImage.model_validate({key: value for key, value in entry.items() if key != "file"})
    return ImagePart(image=image, file=Path(entry["file"]))


def _dumped(records: Sequence[Failure] | Sequence[JudgeReply]) -> list[Json]:
    return [record.model_dump(mode="json") for record in records]
