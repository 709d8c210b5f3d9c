"""Writes a finished benchmark: `local/` for this machine, `release/` for others."""

from __future__ import annotations

import os
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.resources import files
from pathlib import Path
from typing import Final

from spinebench.benchmarks.raster import StructureError, read_raster
from spinebench.builder.package.card import BenchmarkCard, ImageCounts, benchmark_card, simulated_parts
from spinebench.builder.package.card_text import card_text
from spinebench.builder.package.checksums import SUMS, files_below, tree_hash, write_sums
from spinebench.builder.package.croissant import croissant, missing_properties, structure_faults
from spinebench.builder.package.layout import image_paths
from spinebench.builder.package.licences import SourceFacts, licences_text
from spinebench.builder.package.machine_paths import without_machine_paths
from spinebench.builder.package.plan import PackagePlan
from spinebench.builder.package.pointers import (
    POINTERS,
    STANDARDIZING,
    Standardizing,
    pointer,
    public_id,
    with_public_ids,
)
from spinebench.builder.package.questions import check_split_names, packaged_items, write_split
from spinebench.builder.record_files import file_sha256, put_whole, write_json, write_records
from spinebench.builder.records import Candidate, Dropped, LabelledImage, StandardImage
from spinebench.builder.standard_policy import StandardPolicy
from spinebench.errors import DataError, StoppedError
from spinebench.records import Item, JsonValue, Record, Sha256, canonical_json

LOCAL: Final = "local"
RELEASE: Final = "release"


class Packaged(Record):
    """What `package` wrote."""

    n_items: dict[str, int]
    """By split; a split without questions is left out."""
    images: ImageCounts
    simulated: tuple[str, ...]
    empty_splits: tuple[str, ...]
    croissant_missing: tuple[str, ...]
    """Properties that Croissant requires and the plan does not give."""
    release_hash: Sha256
    """Over names and bytes of all files of the release."""
    local_files: tuple[str, ...]
    """Question files below `local/`."""


def package(
    splits: Mapping[str, Sequence[Candidate]],
    standard: Mapping[str, StandardImage],
    labelled: Mapping[str, LabelledImage],
    *,
    folder: Path,
    picture_root: Path,
    sources: Sequence[SourceFacts],
    plan: PackagePlan,
    ledger: Sequence[Dropped],
    reports: Mapping[str, JsonValue],
    policy: StandardPolicy | None = None,
    on_progress: Callable[[int, int], None] | None = None,
) -> Packaged:
    """Write `folder/local` and `folder/release` anew; each appears when it is whole.

    Args:
        splits: name -> accepted candidates, in the order of the question files.
        standard, labelled: by image id; may hold more images than are asked about.
        picture_root: folder that `StandardImage.file` is below.
        sources: facts of every source that a question is of.
        ledger: everything that was dropped, of all stages.
        reports: what stages report, by name; `settings`, `encoder`, `review`, `selection`, `audit` have their place on
            the card. Absolute paths in them are replaced.
        policy: the settings of standardization, without which pointed images cannot be restored.
        on_progress: called with images done and all.

    Raises `DataError` for an unknown image or source, an image file that is not as it was standardized, and absolute
    paths in questions; `UsageError` for names of splits; `StoppedError` where the disk is full.
    """
    check_split_names(list(splits))
    kept = {name: tuple(candidates) for name, candidates in splits.items() if candidates}
    if not kept:
        raise DataError(
            "benchmark without questions: expected at least one accepted question in a split; loosen the selection or "
            "review more"
        )
    shown = sorted({candidate.image_id for candidates in kept.values() for candidate in candidates})
    paths = image_paths(shown, labelled, standard)
    facts = _facts(sources, {labelled[one].source for one in shown})
    items = {name: packaged_items(some, paths, labelled, standard) for name, some in kept.items()}
    _refuse_ids_twice(items)
    simulated = simulated_parts((item for some in items.values() for item in some), reports)

    making = {name: _fresh(folder, name) for name in (LOCAL, RELEASE)}
    local, release = making[LOCAL], making[RELEASE]
    try:
        counts = [write_split(local, name, items[name], plan=plan, simulated=simulated) for name in kept]
        _copy_files(local, release, files_below(local))
        included = {
            one
            for one in shown
            if plan.include_images != "never" and facts[labelled[one].source].may_be_copied
        }
        _place_images(shown, included, paths, standard, picture_root, making, on_progress)
        images = ImageCounts(
            n=len(shown),
            n_included=len(included),
            n_pointed=len(shown) - len(included),
            by_source=dict(sorted(Counter(labelled[one].source for one in shown).items())),
        )
        pointed = [one for one in shown if one not in included]
        if pointed:
            lines = {paths[one]: pointer(labelled[one], standard[one], path=paths[one]) for one in pointed}
            write_records(release / POINTERS, [line for _, line in sorted(lines.items())])
            settings = {} if policy is None else policy.of_picture()
            write_json(release / STANDARDIZING, Standardizing(policy=settings).model_dump(mode="json"))
        told = [_told(one) for one in ledger]
        write_records(release / "ledger.jsonl", told)
        put_whole(release / "provenance.jsonl", _provenance(kept, items, paths))
        card = benchmark_card(
            {name: _as_packaged(kept[name], items[name]) for name in kept},
            counts=counts,
            images=images,
            sources=list(facts.values()),
            plan=plan,
            ledger=told,
            reports=with_public_ids(without_machine_paths(dict(reports))),
        )
        empty = tuple(name for name in splits if name not in kept)
        if empty:
            left_out = f"Splits without a single question, left out: {', '.join(empty)}."
            card = card.model_copy(update={"limits": (left_out, *card.limits)})
        missing = _write_papers(release, card, plan)
        write_sums(release, {paths[one]: standard[one].sha256 for one in included})
        _refuse_machine_paths(release, (folder, picture_root, Path.home()))
        for name, part in making.items():
            _replace(part, folder / name)
    except OSError as error:
        raise StoppedError(
            f"folder {folder.name!r} of the build: expected room and leave to write the package, but {error.strerror}; "
            "mend that, then call the same command again"
        ) from error
    finally:
        for part in making.values():
            shutil.rmtree(part, ignore_errors=True)
    return Packaged(
        n_items={one.name: one.n_items for one in counts},
        images=images,
        simulated=card.simulated,
        empty_splits=empty,
        croissant_missing=missing,
        release_hash=tree_hash(folder / RELEASE),
        local_files=tuple(file for one in counts for file in (one.native, one.released) if file),
    )


def _refuse_ids_twice(items: Mapping[str, Sequence[Item]]) -> None:
    seen: dict[str, str] = {}
    for split, members in items.items():
        for item in members:
            if item.id in seen:
                raise DataError(
                    f"item id {item.id!r} of split {split!r}: expected each id once, split {seen[item.id]!r} has it; "
                    "select again"
                )
            seen[item.id] = split


def _facts(sources: Sequence[SourceFacts], needed: set[str]) -> dict[str, SourceFacts]:
    known = {one.name: one for one in sources}
    for name in sorted(needed):
        if name not in known:
            raise DataError(
                f"source {name!r}: expected its licence facts beside those of {', '.join(sorted(known)) or 'none'}; "
                "state them in the plan"
            )
    return {name: known[name] for name in sorted(needed)}


def _fresh(folder: Path, name: str) -> Path:
    """An empty folder beside the one to be written."""
    part = folder / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    return part


def _replace(part: Path, final: Path) -> None:
    shutil.rmtree(final, ignore_errors=True)
    os.replace(part, final)


def _copy_files(source: Path, target: Path, names: Iterable[str]) -> None:
    for name in names:
        shutil.copyfile(source / name, target / name)


def _place_images(
    shown: Sequence[str],
    included: set[str],
    paths: Mapping[str, str],
    standard: Mapping[str, StandardImage],
    picture_root: Path,
    making: Mapping[str, Path],
    on_progress: Callable[[int, int], None] | None,
) -> None:
    """Link every image into `local`, copy those that may be into `release`; each is read and checked first."""

    def place(image_id: str) -> None:
        one = standard[image_id]
        file = picture_root / one.file
        _check_image(file, image_id, one)
        local = _place_for(making[LOCAL], paths[image_id])
        try:
            os.link(os.path.realpath(file), local)
        except OSError:  # no hard links here, or another file system
            shutil.copyfile(file, local)
        if image_id in included:  # a copy: whoever works on a release does not change the build
            shutil.copyfile(file, _place_for(making[RELEASE], paths[image_id]))

    with ThreadPoolExecutor() as pool:
        for done, _ in enumerate(pool.map(place, shown), start=1):
            if on_progress is not None:
                on_progress(done, len(shown))


def _check_image(file: Path, image_id: str, standard: StandardImage) -> None:
    """Raise `DataError` unless the file is the one that was standardized, and a picture without any text."""
    try:
        found = file_sha256(file)
        notes = None if found != standard.sha256 else read_raster(file.read_bytes())
    except (OSError, StructureError) as error:
        raise _not_standard(image_id, str(getattr(error, "strerror", None) or error)) from error
    if found != standard.sha256:
        raise _not_standard(image_id, f"the SHA-256 {found}")
    if notes is None or notes.notes:
        raise _not_standard(image_id, "a file that is no PNG or JPEG, or holds texts beside its pixels")


def _not_standard(image_id: str, found: str) -> DataError:
    return DataError(
        f"picture of image {image_id!r}: expected the file that was standardized, found {found}; standardize again"
    )


def _place_for(folder: Path, path: str) -> Path:
    target = folder / path
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def _told(one: Dropped) -> Dropped:
    """A line of the ledger as it may be given on."""
    subject = public_id(one.subject)
    detail = one.detail
    if subject != one.subject:
        _, _, path = one.subject.partition("/")
        detail = detail.replace(one.subject, subject).replace(path or one.subject, "(path)")
    return one.model_copy(
        update={"subject": without_machine_paths(subject), "detail": without_machine_paths(detail)}
    )


def _as_packaged(candidates: Sequence[Candidate], items: Sequence[Item]) -> tuple[Candidate, ...]:
    pairs = zip(candidates, items, strict=True)
    return tuple(candidate.model_copy(update={"item": item}) for candidate, item in pairs)


def _provenance(
    splits: Mapping[str, Sequence[Candidate]], items: Mapping[str, Sequence[Item]], paths: Mapping[str, str]
) -> Iterable[bytes]:
    """One line per question: which image and source rows it rests on, which wording, how the options came about."""
    for name, candidates in splits.items():
        for candidate, item in zip(candidates, items[name], strict=True):
            line = {
                "item_id": item.id,
                "split": name,
                "image": paths[candidate.image_id],
                "image_id": candidate.image_id,
                "group": candidate.group,
                "labels": candidate.labels,
                "rows": candidate.rows,
                "template": candidate.template,
                "provenance": candidate.provenance,
            }
            yield (canonical_json(with_public_ids(without_machine_paths(line))) + "\n").encode()


def _write_papers(release: Path, card: BenchmarkCard, plan: PackagePlan) -> tuple[str, ...]:
    """Card, licences, verifier and Croissant file; returns what Croissant asks for and the plan does not give."""
    write_json(release / "card.json", card.model_dump(mode="json"))
    put_whole(release / "card.md", [card_text(card).encode()])
    put_whole(release / "LICENCES.md", [licences_text(card.licences).encode()])
    put_whole(release / "verify.py", [files("spinebench.builder.package").joinpath("verify.py").read_bytes()])
    listed = {
        name: (file_sha256(release / name), (release / name).stat().st_size)
        for name in files_below(release)
        if not name.startswith("images/")
    }
    published = None if plan.date_published is None else plan.date_published.isoformat()
    document = croissant(card, listed, url=plan.url, date_published=published)
    faults = structure_faults(document)
    assert not faults, faults
    write_json(release / "croissant.json", document)
    return missing_properties(document)


def _refuse_machine_paths(release: Path, places: Iterable[Path]) -> None:
    """The last look before a release appears: no file of it names a folder of this machine."""
    names = {
        str(form).encode() for place in places for form in (place, place.resolve()) if len(form.parts) > 2
    }
    for file in files_below(release):
        if file.startswith("images/") or file == SUMS:
            continue
        content = (release / file).read_bytes()
        for name in sorted(names):
            if name in content:
                raise DataError(
                    f"file {file!r} of the release: expected nothing of the building machine, found the folder "
                    f"{name.decode()!r}; report what wrote it there"
                )
