"""From a plan to a run that is ready to ask: everything that can be refused is refused here, before any call."""

from __future__ import annotations

import contextlib
import json
import platform
import re
import secrets
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from spinebench.agents.personas import Persona, load_persona
from spinebench.benchmarks import Benchmark, ImagePolicy, ImageStore, load_benchmark
from spinebench.benchmarks.hashing import FileHashes
from spinebench.errors import DataError, UsageError
from spinebench.evaluators.extraction import EXTRACTION_VERSION
from spinebench.evaluators.scoring import GRADING_VERSION
from spinebench.models.protocol import ChatModel
from spinebench.models.registry import canonical_name, create_model
from spinebench.records import ImageCondition, ImageRef, Item, JsonValue, RunSpec, digest
from spinebench.runs.digest import digest_parts
from spinebench.runs.identifiers import refuse_images, refuse_texts
from spinebench.runs.images import BenchmarkImages, is_slow
from spinebench.runs.plan import RunPlan
from spinebench.runs.plan_fields import ModelEntry
from spinebench.runs.selection import is_partial, n_planned, select_items
from spinebench.store.workspace import Workspace

_LOOPBACK = re.compile(r"^(localhost|127(\.\d+){3}|\[?::1\]?)(:\d+)?$")


@dataclass(frozen=True, kw_only=True)
class PreparedRun:
    """A plan with everything it names loaded and checked."""

    plan: RunPlan
    benchmark: Benchmark
    items: tuple[Item, ...]
    models: tuple[ChatModel, ...]
    extractor: ChatModel | None
    personas: dict[str, Persona]
    images: BenchmarkImages
    image_hashes: dict[str, str | None]
    """Path of every image that may be shown -> SHA-256 of the file; None where it cannot be used."""
    image_problems: dict[str, str]
    """Item id -> why its image cannot be used; these items end as errors without a call."""
    warnings: tuple[str, ...]
    spec: RunSpec


def remote_hosts(models: Sequence[ChatModel]) -> tuple[str, ...]:
    """Hosts other than this machine that requests would go to."""
    hosts = {model.host for model in models if model.host is not None}
    return tuple(sorted(host for host in hosts if not _LOOPBACK.match(host)))


def prepare_run(
    plan: RunPlan,
    *,
    workspace: Workspace,
    run_id: str | None = None,
    unusable_before: Collection[str] = (),
    dry: bool = False,
) -> PreparedRun:
    """Load the benchmark, the models and the personas of a plan, check the images, take the digest.

    `unusable_before`: images that no answer so far was given to, because they could not be used; for the digest
    they stay so. `dry`: only to count and describe, so that no key is needed. Nothing is written but the image
    cache, and nothing is sent.

    Raises `DataError`, `UsageError`, `ProviderError` (missing key).
    """
    benchmark = load_benchmark(
        Path(plan.benchmark),
        image_root=None if plan.image_root is None else Path(plan.image_root),
        skip_invalid=plan.skip_invalid,
    )
    items = select_items(benchmark.items, plan)
    personas = _personas(plan, items)
    models = tuple(_model(entry, plan.model_args, items, plan=plan, dry=dry) for entry in plan.models)
    names = [model.name for model in models]
    if len(set(names)) != len(names):
        raise UsageError(f"models {names!r}: expected each model once; use --epochs to ask more than once")
    extractor_entry = plan.model_roles.get("extractor")
    extractor = None if extractor_entry is None else _model(extractor_entry, {}, items, plan=plan, dry=dry)
    warnings = []
    if benchmark.invalid:
        warnings.append(f"{len(benchmark.invalid)} malformed records are left out (--skip-invalid)")
    if extractor is not None and extractor.name in names:
        warnings.append(f"{extractor.name} reads its own answers: examinee and extractor are the same model")

    policy = ImagePolicy(longest_side=plan.longest_side, format=plan.image_format)
    store = ImageStore(benchmark.image_root, cache_dir=workspace.cache_dir / "images", policy=policy)
    shown = shown_images(items, benchmark, plan)
    hashes, problems = _hash_images(shown, store, workspace.cache_dir / "image-hashes.json")
    if problems:
        warnings.append(f"{len(problems)} items have images that cannot be used: they are recorded as errors")
    if not plan.allow_identifiers:
        refuse_texts(items, remote_hosts([*models, *([extractor] if extractor else [])]))
        if {ImageCondition.NORMAL, ImageCondition.SWAPPED} & {*plan.image_conditions}:
            refs = (ref for refs in shown.values() for ref in refs)
            refuse_images(refs, store, remote_hosts(models))

    parts = digest_parts(
        plan,
        items=items,
        shown=shown,
        image_hashes={**hashes, **dict.fromkeys(unusable_before)},
        models=models,
        extractor=extractor,
        personas=personas,
    )
    now = datetime.now(UTC)
    simulated = benchmark.info.simulated or any(model.simulated for model in models)
    spec = RunSpec(
        run_id=run_id or new_run_id(benchmark.info.name, now),
        created_at=now,
        benchmark=benchmark.info,
        models=tuple(names),
        personas=tuple(personas),
        image_conditions=plan.image_conditions,
        option_orders=_option_orders(plan),
        epochs=plan.epochs,
        n_items=len(items),
        n_planned=n_planned(items, plan, n_models=len(models)),
        partial=is_partial(plan),
        simulated=simulated,
        seed=plan.seed,
        digest=digest(parts),
        digest_parts=parts,
        plan=json.loads(plan.model_dump_json()),
        versions=versions(),
    )
    return PreparedRun(
        plan=plan,
        benchmark=benchmark,
        items=items,
        models=models,
        extractor=extractor,
        personas=personas,
        images=BenchmarkImages(benchmark, store, seed=plan.seed),
        image_hashes=hashes,
        image_problems=problems,
        warnings=tuple(warnings),
        spec=spec,
    )


def new_run_id(benchmark: str, at: datetime) -> str:
    """A run id that sorts by time and names its benchmark: `20261120-101500-demo-3f9a`."""
    name = re.sub(r"[^a-z0-9]+", "-", benchmark.lower()).strip("-")[:24] or "run"
    return f"{at:%Y%m%d-%H%M%S}-{name}-{secrets.token_hex(2)}"


def versions() -> dict[str, str]:
    """Versions of this package, its rules and the libraries that touch answers."""
    found = {
        "python": platform.python_version(),
        "extraction": EXTRACTION_VERSION,
        "grading": GRADING_VERSION,
    }
    for package in (
        "spinebench",
        "langgraph",
        "openai",
        "anthropic",
        "google-genai",
        "transformers",
        "torch",
    ):
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _option_orders(plan: RunPlan) -> tuple[str, ...]:
    if plan.rotate_options:
        return ("rotation",)
    return ("as_given" if plan.shuffle_options is None else f"shuffled:{plan.shuffle_options}",)


def _personas(plan: RunPlan, items: Sequence[Item]) -> dict[str, Persona]:
    personas: dict[str, Persona] = {}
    for name in plan.personas:
        persona = load_persona(name)
        if persona.name in personas:
            raise UsageError(
                f"persona {name!r}: expected another file name than {persona.name!r}; rename one"
            )
        for task in {item.task for item in items}:
            persona.template(task)
        personas[persona.name] = persona
    return personas


def _model(
    entry: ModelEntry, args: dict[str, JsonValue], items: Sequence[Item], *, plan: RunPlan, dry: bool
) -> ChatModel:
    name = canonical_name(entry.name)
    return create_model(name, args={**args, **entry.args}, items=lambda: items, seed=plan.seed, dry=dry)


def shown_images(
    items: Sequence[Item], benchmark: Benchmark, plan: RunPlan
) -> dict[str, tuple[ImageRef, ...]]:
    """Item id -> every image that the plan's conditions would show for it, in whatever form, swapped ones included.

    An item for which no image qualifies to be swapped in keeps its own: the exam graph records why.
    """
    conditions = set(plan.image_conditions)
    shown: dict[str, tuple[ImageRef, ...]] = {}
    for item in items:
        refs = item.images if conditions & {ImageCondition.NORMAL, ImageCondition.BLANK} else ()
        if ImageCondition.SWAPPED in conditions:
            with contextlib.suppress(DataError):
                refs += tuple(
                    benchmark.swapped_image(item, seed=plan.seed, position=position)[1]
                    for position in range(len(item.images))
                )
        if refs:
            shown[item.id] = refs
    return shown


def _hash_images(
    shown: Mapping[str, Sequence[ImageRef]], store: ImageStore, cache_file: Path
) -> tuple[dict[str, str | None], dict[str, str]]:
    """Source hash of every image that may be shown, and the items whose image cannot be used.

    PNG and JPEG files are checked to their end here, before any paid call, and remembered for the asking; volumes
    and DICOM files, which take long to convert, are only hashed.
    """
    hashes: dict[str, str | None] = {}
    problems: dict[str, str] = {}
    failed: dict[str, str] = {}
    with FileHashes(store.root, cache_file=cache_file) as files:
        for item_id, refs in shown.items():
            for ref in refs:
                if ref.path not in hashes:
                    try:
                        hashes[ref.path] = (
                            files.sha256(ref.path) if is_slow(ref) else store.prepare(ref).image.source_sha256
                        )
                    except DataError as error:
                        hashes[ref.path] = None
                        failed[ref.path] = str(error)
                if ref.path in failed:
                    problems[item_id] = failed[ref.path]
    return hashes, problems
