"""From a plan to an audit that is ready to ask: everything that can be refused is refused here, before any call."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

from spinebench.agents.judge import judge_prompt_hash
from spinebench.audit_records import AuditSpec, AuditTrace, Judgement, JudgementStatus, SampleSpec
from spinebench.audits.frame import Frame, frame_of
from spinebench.audits.images import SentImages, image_problems
from spinebench.audits.plan import AuditPlan, audit_plan_of
from spinebench.audits.rubric_freeze import refuse_changed_rubrics
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.sampling import draw, verify
from spinebench.models.gateway import Gateway
from spinebench.models.prices import PriceBook
from spinebench.models.protocol import ChatModel
from spinebench.models.registry import canonical_name, create_model
from spinebench.records import Item, JsonValue, RunState, digest
from spinebench.rubrics.load import load_rubrics
from spinebench.rubrics.rubric import Rubric, rubrics_hash
from spinebench.runs.digest import differences
from spinebench.runs.identifiers import refuse_images, refuse_texts
from spinebench.runs.prepare import new_run_id, remote_hosts, versions
from spinebench.store.audit_folder import AuditFolder
from spinebench.store.run_folder import RunFolder
from spinebench.store.workspace import Workspace


@dataclass(frozen=True, kw_only=True)
class PreparedAudit:
    """A plan with everything it names loaded and checked."""

    plan: AuditPlan
    traces: tuple[AuditTrace, ...]
    rubrics: tuple[Rubric, ...]
    judges: tuple[ChatModel, ...]
    images: dict[str, SentImages]
    """By run id."""
    image_problems: dict[str, str]
    """Trace id -> why its image cannot be shown; judgements of these traces end as errors without a call."""
    warnings: tuple[str, ...]
    spec: AuditSpec
    reused: tuple[Judgement, ...] = field(default=())
    """Judgements of the audit that this one extends: they are not asked for again."""


def named_runs(names: Sequence[str], workspace: Workspace) -> tuple[RunFolder, ...]:
    """The runs of these ids, their unique beginnings, or `latest`, each once.

    Raises `UsageError` for a name that is none, `DataError` for a run that cannot be read.
    """
    found: dict[str, RunFolder] = {}
    for name in names:
        folder = workspace.latest() if name == "latest" else workspace.run(name)
        if folder is None:
            raise UsageError(
                f"workspace {str(workspace.path)!r}: expected at least one run; make one with 'spinebench run', or "
                "name another workspace with --workspace"
            )
        found[folder.run_id] = folder
    return tuple(found.values())


def audit_frame(plan: AuditPlan, folders: Sequence[RunFolder]) -> Frame:
    """The traces that a plan may draw from. Errors as `frame_of`."""
    return frame_of(
        folders,
        image_condition=plan.image_condition,
        models=plan.models or None,
        tasks=plan.tasks or None,
    )


def verify_audit(folder: AuditFolder, workspace: Workspace) -> list[str]:
    """Draw an audit's sample again from its runs as they are now: every difference, one line each; [] for none.

    Raises `UsageError` and `DataError` where a run is gone or cannot be read.
    """
    spec = folder.spec()
    frame = audit_frame(audit_plan_of(spec.plan), named_runs(spec.sample.run_ids, workspace))
    return verify(frame.traces, spec.sample, [trace.pick for trace in folder.traces()])


def prepare_audit(
    plan: AuditPlan, workspace: Workspace, *, extends: AuditFolder | None = None, dry: bool = False
) -> PreparedAudit:
    """Draw the traces of a plan's runs, load rubrics and judges, check the images, take the digest.

    `extends`: an earlier audit whose picks are all to be in the new sample, and whose judgements are kept.
    `dry`: only to count and describe, so that no key is needed. Nothing is written but the image cache, and nothing
    is sent.

    Raises `DataError` (no traces, a rubric that changed under its version, identifiers, no image usable),
    `UsageError`, `ProviderError` (missing key).
    """
    folders = named_runs(plan.runs, workspace)
    plan = plan.model_copy(update={"runs": tuple(folder.run_id for folder in folders)})
    rubrics = load_rubrics(plan.rubrics)
    refuse_changed_rubrics(rubrics, workspace)
    frame = audit_frame(plan, folders)
    sample = draw(
        frame.traces,
        seed=plan.seed,
        mode=plan.mode,
        strata_by=plan.strata,
        per_cell=plan.per_cell,
        tuning_share=plan.tuning_share,
    )
    traces = frame.audit_traces(sample.picks)
    warnings = [*frame.notes, *sample.warnings, *_of_runs(folders)]
    now = datetime.now(UTC)
    benchmark = folders[0].spec().benchmark.name
    prepared = _ready(
        plan,
        traces=traces,
        rubrics=rubrics,
        sample=sample.spec,
        folders=folders,
        workspace=workspace,
        warnings=warnings,
        audit_id=new_run_id(f"audit-{benchmark}", now),
        at=now,
        dry=dry,
    )
    return prepared if extends is None else _extended(prepared, extends)


def prepare_audit_resume(folder: AuditFolder, workspace: Workspace, **changes: object) -> PreparedAudit:
    """A stored audit, ready to go on: its own traces and rubrics, with other limits where `changes` names some.

    Raises `UsageError` listing what differs where anything that can change a judgement is not as it was.
    """
    spec = folder.spec()
    plan = audit_plan_of({**spec.plan, **changes})
    folders = named_runs(spec.sample.run_ids, workspace)
    prepared = _ready(
        plan,
        traces=tuple(folder.traces()),
        rubrics=tuple(Rubric.model_validate(rubric) for rubric in spec.rubrics),
        sample=spec.sample,
        folders=folders,
        workspace=workspace,
        warnings=[],
        audit_id=spec.audit_id,
        at=spec.created_at,
        dry=False,
    )
    found = differences(spec.digest_parts, prepared.spec.digest_parts)
    if prepared.spec.digest != spec.digest and found:
        raise UsageError(
            f"audit {spec.audit_id!r}: expected everything that can change a judgement to be as it was, but "
            + " | ".join(found)
            + "; put it back, or start a new audit with 'spinebench audit'"
        )
    return prepared


def _ready(
    plan: AuditPlan,
    *,
    traces: tuple[AuditTrace, ...],
    rubrics: tuple[Rubric, ...],
    sample: SampleSpec,
    folders: Sequence[RunFolder],
    workspace: Workspace,
    warnings: Sequence[str],
    audit_id: str,
    at: datetime,
    dry: bool,
) -> PreparedAudit:
    _refuse_idle_rubrics(traces, rubrics)
    judges = judges_of(plan, traces, dry=dry)
    warnings = [*warnings, *_about_judges(judges, traces)]
    _refuse_texts(plan, [trace.item for trace in traces], judges)
    images = _images(plan, traces, folders, workspace)
    problems: dict[str, str] = {}
    if judges and not plan.text_only:
        problems = image_problems(traces, images)
        if problems and len(problems) == sum(bool(trace.answer.images) for trace in traces):
            raise DataError(
                f"images of {len(problems)} traces: expected those that the examinees were sent, but none can be "
                f"shown ({next(iter(problems.values()))}); name their folder with --images, or use --text-only"
            )
        if problems:
            warnings = [
                *warnings,
                f"{len(problems)} traces have an image that cannot be shown as it was: their judgements are recorded "
                f"as errors ({next(iter(problems.values()))})",
            ]
        if not plan.allow_identifiers:
            for run_id, source in images.items():
                drawn = [trace for trace in traces if trace.pick.trace.run_id == run_id]
                refs = (ref for trace in drawn for ref in source.refs(trace))
                refuse_images(refs, source.store, remote_hosts(judges))
    parts = _digest_parts(plan, traces=traces, rubrics=rubrics, sample=sample, judges=judges)
    spec = AuditSpec(
        audit_id=audit_id,
        created_at=at,
        sample=sample,
        rubrics=tuple(rubric.model_dump(mode="json") for rubric in rubrics),
        rubric_hash=rubrics_hash(rubrics),
        judges=tuple(judge.name for judge in judges),
        repeats=plan.repeats,
        blinding=plan.blinding(),
        prompt_hash=judge_prompt_hash(rubrics, plan.blinding()),
        random_share=random_share(plan),
        seed=plan.seed,
        n_traces=len(traces),
        simulated=any(folder.spec().simulated for folder in folders) or any(one.simulated for one in judges),
        partial=any(folder.spec().partial for folder in folders),
        digest=digest(parts),
        digest_parts=parts,
        plan=json.loads(plan.model_dump_json()),
        versions=versions(),
    )
    return PreparedAudit(
        plan=plan,
        traces=traces,
        rubrics=rubrics,
        judges=judges,
        images=images,
        image_problems=problems,
        warnings=tuple(warnings),
        spec=spec,
    )


def _refuse_texts(plan: AuditPlan, items: Sequence[Item], judges: Sequence[ChatModel]) -> None:
    """Raise `DataError` where what judges at other hosts are shown of these items looks like it identifies a person."""
    if not plan.allow_identifiers:
        different = {item.id: item for item in items}.values()
        refuse_texts(different, remote_hosts(judges), texts="judged" if plan.show_gold else "asked")


def random_share(plan: AuditPlan) -> float:
    """The share of traces that clinicians get without another reason: all of them where no judge gives one."""
    return plan.random_share if plan.judges else 1.0


def judges_of(
    plan: AuditPlan, traces: Sequence[AuditTrace] = (), *, dry: bool = False
) -> tuple[ChatModel, ...]:
    """The judges of a plan. Raises `UsageError` for an unknown model or option, `ProviderError` for a missing key."""
    items = {trace.item.id: trace.item for trace in traces}
    judges = tuple(
        create_model(
            canonical_name(entry.name),
            args={**plan.judge_args, **entry.args},
            items=lambda: tuple(items.values()),
            traces=lambda: traces,
            seed=plan.seed,
            dry=dry,
        )
        for entry in plan.judges
    )
    names = [judge.name for judge in judges]
    if len(set(names)) != len(names):
        raise UsageError(
            f"judges {names!r}: expected each model once; use --repeats to have it judge several times"
        )
    return judges


def _about_judges(judges: Sequence[ChatModel], traces: Sequence[AuditTrace]) -> list[str]:
    if not judges:
        return ["no judge is named: the traces are drawn for clinicians alone, and all are referred to them"]
    examined = {trace.answer.key.model for trace in traces}
    return [
        f"{judge.name} judges its own answers: examinee and judge are the same model"
        for judge in judges
        if judge.name in examined
    ]


def _of_runs(folders: Sequence[RunFolder]) -> list[str]:
    warnings = []
    for folder in folders:
        status = folder.status()
        if status is not None and status.state is not RunState.DONE:
            warnings.append(
                f"run {folder.run_id} is not complete ({status.n_done}/{status.n_planned} answers): what is asked "
                "later is not in the frame of this audit"
            )
    return warnings


def _images(
    plan: AuditPlan, traces: Sequence[AuditTrace], folders: Sequence[RunFolder], workspace: Workspace
) -> dict[str, SentImages]:
    images = {folder.run_id: SentImages(folder, workspace, image_root=plan.image_root) for folder in folders}
    for trace in traces:
        images[trace.pick.trace.run_id].add(trace)
    return images


def _refuse_idle_rubrics(traces: Sequence[AuditTrace], rubrics: Sequence[Rubric]) -> None:
    """Raise `UsageError` where a task was drawn that no dimension and no failure mode applies to."""
    for task, n in Counter(trace.item.task for trace in traces).items():
        dimensions = any(one.applies_to(task) for rubric in rubrics for one in rubric.dimensions)
        if not dimensions and not any(
            one.applies_to(task) for rubric in rubrics for one in rubric.failure_modes
        ):
            names = ", ".join(rubric.id for rubric in rubrics)
            raise UsageError(
                f"rubrics {names!r} for {n} traces of task {task.value!r}: expected a dimension or failure mode that "
                "applies to it; name another rubric with --rubric"
            )


def _digest_parts(
    plan: AuditPlan,
    *,
    traces: Sequence[AuditTrace],
    rubrics: Sequence[Rubric],
    sample: SampleSpec,
    judges: Sequence[ChatModel],
) -> dict[str, JsonValue]:
    """Everything that can change a judgement or a referral, nothing that cannot (limits, budgets, connections)."""
    return {
        "sample": digest(sample.model_dump(mode="json")),
        "traces": digest(
            [
                [
                    trace.trace_id,
                    trace.pick.trace.text_sha256,
                    trace.answer.reasoning,
                    [image.sha256 for image in trace.answer.images],
                ]
                for trace in traces
            ]
        ),
        "rubrics": {f"{rubric.id} {rubric.version}": rubric.hash for rubric in rubrics},
        "models": {judge.name: judge.config for judge in judges},
        "repeats": plan.repeats,
        "decoding": plan.decoding().model_dump(mode="json", exclude_none=True),
        "blinding": plan.blinding().model_dump(mode="json"),
        "prompt": judge_prompt_hash(rubrics, plan.blinding()),
        "random_share": random_share(plan),
        "seed": plan.seed,
    }


def _extended(prepared: PreparedAudit, earlier: AuditFolder) -> PreparedAudit:
    """With the judgements of the earlier audit that a new call would ask for in the same way."""
    before, now = earlier.spec(), prepared.spec
    drawn = {trace.trace_id for trace in prepared.traces}
    lost = [trace.trace_id for trace in earlier.traces() if trace.trace_id not in drawn]
    if lost:
        raise UsageError(
            f"audit {before.audit_id!r}: expected all its {before.n_traces} traces in the larger sample, but "
            f"{len(lost)} are not drawn now ({lost[0]}); its runs have other answers or scores since: see "
            f"'spinebench audit --verify {before.audit_id}', or start a new audit"
        )
    same = {
        name
        for name in ("rubrics", "blinding", "prompt", "decoding", "seed")
        if before.digest_parts.get(name) == now.digest_parts.get(name)
    }
    if len(same) < 5:
        return _warned(prepared, "rubrics, prompt or what judges see differ: no earlier judgement is kept")
    kept_judges = _unchanged(before.digest_parts["models"], now.digest_parts["models"])
    reused = tuple(
        _carried(one, now.audit_id)
        for one in earlier.judgements()
        if one.status is not JudgementStatus.ERROR
        and one.key.judge in kept_judges
        and one.key.repeat <= now.repeats
    )
    return replace(prepared, reused=reused)


def _unchanged(before: Mapping[str, JsonValue], now: Mapping[str, JsonValue]) -> set[str]:
    return {
        name
        for name in now
        if name in before and not differences({"config": before[name]}, {"config": now[name]})
    }


def _carried(judgement: Judgement, audit_id: str) -> Judgement:
    """A judgement as part of another audit, where it costs nothing."""
    replies = tuple(
        reply.model_copy(
            update={
                "reused": True,
                "usage": reply.usage.model_copy(
                    update={"cost_usd": None if reply.usage.cost_usd is None else 0.0}
                ),
            }
        )
        for reply in judgement.replies
    )
    return judgement.model_copy(update={"audit_id": audit_id, "replies": replies})


def _warned(prepared: PreparedAudit, warning: str) -> PreparedAudit:
    return replace(prepared, warnings=(*prepared.warnings, warning))


async def check_before_exam(plan: AuditPlan, workspace: Workspace, items: Sequence[Item] = ()) -> None:
    """Refuse before an exam what its audit would be refused for: rubrics, keys, names and prices of the judges, texts.

    `items`: those of the exam; what judges would be sent of them is searched for identifiers.

    Raises `UsageError`, `DataError`, `ProviderError`.
    """
    refuse_changed_rubrics(load_rubrics(plan.rubrics), workspace)
    judges = judges_of(plan)
    _refuse_texts(plan, [item for item in items if not plan.tasks or item.task in plan.tasks], judges)
    try:
        await Gateway(plan.gateway_policy(), prices=PriceBook(plan.prices)).check(judges)
    finally:
        for judge in judges:
            await judge.aclose()
