"""All stages of a build in their order: each made where its inputs changed, taken as it is where they did not."""

from __future__ import annotations

from pathlib import Path

from spinebench.builder.build_report import BuildReport
from spinebench.builder.build_work import LABELLED, Building, OnProgress, nothing
from spinebench.builder.first_stages import embed_images, import_labels, make_items, standardize_images
from spinebench.builder.last_stages import audit_splits, package_splits, read_review, select_splits
from spinebench.builder.plan import BuildPlan
from spinebench.builder.record_files import make_folder, read_records
from spinebench.builder.records import LabelledImage, Stage, StandardImage
from spinebench.builder.stages import BuildFolder
from spinebench.errors import UsageError
from spinebench.store.locks import run_lock


def build_benchmark(
    plan: BuildPlan,
    out: Path,
    *,
    accepted_so_far: bool = False,
    workers: int | None = None,
    on_progress: OnProgress | None = None,
) -> BuildReport:
    """Take a build as far as it goes: to its end, to items that wait for the review, or to a check that fails.

    `accepted_so_far`: go on with what is accepted, though items wait. `workers`: processes; None: all cores; changes
    nothing in the result. Called again, a stage is made anew only where its settings or inputs changed. Raises
    `DataError` where a stage leaves nothing, `UsageError` where another process builds in the folder, and what the
    stages raise.
    """
    if out.exists() and not out.is_dir():
        raise UsageError(
            f"folder {str(out)!r}: expected one to build in, found a file; name another with --out"
        )
    make_folder(out)
    with run_lock(out / "lock", run_id=out.name, what="build"):
        build = BuildFolder(out)
        build.clear_halves()
        return _built(Building(plan, build, on_progress), accepted_so_far, workers)


def _built(work: Building, accepted_so_far: bool, workers: int | None) -> BuildReport:
    build = work.build
    labelled_record = import_labels(work)
    labelled = {one.id: one for one in read_records(build.of(Stage.IMPORT) / LABELLED, LabelledImage)}
    standard_record = standardize_images(work, labelled, labelled_record, workers)
    standard = {one.id: one for one in read_records(build.of(Stage.STANDARDIZE) / LABELLED, StandardImage)}
    if not standard:
        raise nothing("standardize", "usable image", work)
    labelled = {name: labelled[name] for name in standard}
    embed_key, similarities = embed_images(work, labelled, standard, (labelled_record, standard_record))
    items_record = make_items(
        work, labelled, standard, similarities, [*(embed_key), labelled_record, standard_record]
    )
    reviewed = read_review(work, labelled)
    if reviewed.waiting and not (accepted_so_far and reviewed.accepted):
        return work.report(n_waiting=len(reviewed.waiting), waits_for=reviewed.waits_for)
    if not reviewed.accepted:
        raise nothing("review", "accepted item", work)
    splits, lines = select_splits(work, standard, reviewed, (items_record, standard_record))
    audit = audit_splits(work, labelled, standard, splits)
    failed = {one.name: one.detail for one in audit.failed}
    said: dict[str, object] = {
        "n_waiting": len(reviewed.waiting),
        "waits_for": reviewed.waits_for,
        "failed_checks": failed,
    }
    if failed:
        return work.report(not_given=lines, **said)
    package_splits(work, labelled, standard, splits, reviewed, audit)
    return work.report(not_given=lines, **said, finished=True)
