"""Drawing the traces of an audit with known probabilities, so that it can be repeated and extended.

Permanent random numbers. Every trace, and every image, has one number that depends on the seed and on it alone:

    digest = SHA-256 of the UTF-8 text "<seed>|<trace id>"          (for images "<seed>|<image>")
    bits   = the first 13 hexadecimal digits of the digest, read as a number: its first 52 bits
    u      = bits / 2**52                                           (exact in a double; 0 <= u < 1)

A draw of n takes the n smallest u. So the same sample comes out in any language, and a larger n keeps every
earlier pick (Ohlsson 1995, in Cox et al., Business Survey Methods).

A *cell* is one task and one model. Its traces are split into strata by `strata_by`. Modes:

- `specific`: by trace within each stratum. The `per_cell` traces are allotted one after another, each to the
  stratum with the fewest so far that still has one to give (among equals the larger stratum, then the name):
  equal numbers as far as they go, every stratum at least one where `per_cell` allows, small strata whole, and
  nothing is ever taken back when `per_cell` grows (as by largest remainders it could be). The probability in
  stratum h is n_h / N_h.
- `common`: by image, the same images for all models. An image can be drawn for a task if every model of that task
  has a trace of it (M of them). Whether an answer is right differs from model to model, so a draw of common images
  cannot be stratified by it: strata only label the picks here, for post-stratification. Where a model has several
  traces of an image (epochs, personas, runs), one stands for the image: the one with the smallest SHA-256 of its
  trace id, whatever the seed. The probability is n / M for these, and 0 for all other traces.
- `mixed`: the first half of `per_cell`, rounded down, by `common`; the rest by `specific` among what is left, with
  the allotment of the whole strata. A trace comes in by either draw: with C_h the number that the common draw takes
  of its stratum, P = P(common) + sum over c of P(not common, C_h = c) min(1, n_h / (N_h - c)), where C_h is
  hypergeometric. Where the common draw has used up a small stratum the cell holds fewer than `per_cell` traces.

A cell with no more than `per_cell` traces is taken whole by `specific` and `mixed`. Tuning and validation images are
set apart before anything is drawn, by a number of their own: u of "<seed>|tuning|<image>" below `tuning_share`.
Probabilities are within the split. Of the tuning images, ceil(per_cell x tuning_share) traces per cell are drawn
beside the `per_cell` for validation, by the same rules.
"""

from __future__ import annotations

import hashlib
import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, assert_never

from spinebench.audit_records import FrameTrace, Pick, SampleMode, SampleSpec, Split, StrataBy, Stratum
from spinebench.errors import DataError, UsageError
from spinebench.records import Record


class Sample(Record):
    """What was drawn, and how."""

    spec: SampleSpec
    """`spec.strata` are those of the validation split."""
    picks: tuple[Pick, ...]
    """By split (validation first), task, model, stratum and trace id."""
    warnings: tuple[str, ...] = ()
    """What an estimate from this sample cannot speak for, and cells that came out smaller."""


def draw(
    frame: Sequence[FrameTrace],
    *,
    seed: int,
    mode: SampleMode = SampleMode.MIXED,
    strata_by: StrataBy = StrataBy.CORRECT,
    per_cell: int = 10,
    tuning_share: float = 0.0,
) -> Sample:
    """Draw `per_cell` traces of each model and task, by the rules above. The frame's order does not matter.

    Raises DataError for an empty frame and for one where two traces share an id, UsageError for a `per_cell`
    below 1, a `tuning_share` outside [0, 1), and for mode `common` where no image is common to a task's models.
    """
    _check(frame, per_cell, tuning_share)
    splits: dict[Split, list[FrameTrace]] = {split: [] for split in (Split.VALIDATION, Split.TUNING)}
    for trace in frame:
        splits[split_of(trace.image, seed=seed, tuning_share=tuning_share)].append(trace)
    picks: list[Pick] = []
    warnings: list[str] = []
    for split, traces in splits.items():
        n = per_cell if split is Split.VALIDATION else math.ceil(per_cell * tuning_share)
        if n and not traces:
            warnings.append(f"no image fell to {split.value}: no trace is drawn for it")
        drawn, said = _draw_split(traces, seed, SampleMode(mode), StrataBy(strata_by), n, split)
        picks += drawn
        warnings += said
    sizes = Counter(stratum_of(trace, strata_by) for trace in splits[Split.VALIDATION])
    taken = Counter(pick.stratum for pick in picks if pick.split is Split.VALIDATION)
    spec = SampleSpec(
        run_ids=tuple(sorted({trace.run_id for trace in frame})),
        seed=seed,
        mode=mode,
        strata_by=strata_by,
        per_cell=per_cell,
        tuning_share=tuning_share,
        n_frame=len(frame),
        frame_hash=frame_hash(frame, strata_by=strata_by),
        strata=tuple(Stratum(name=name, n_frame=sizes[name], n_drawn=taken[name]) for name in sorted(sizes)),
    )
    return Sample(spec=spec, picks=tuple(picks), warnings=tuple(warnings))


def verify(frame: Sequence[FrameTrace], spec: SampleSpec, picks: Sequence[Pick]) -> list[str]:
    """Draw again and name every difference, one line each; [] where the stored sample is what comes out."""
    try:
        again = draw(
            frame,
            seed=spec.seed,
            mode=spec.mode,
            strata_by=spec.strata_by,
            per_cell=spec.per_cell,
            tuning_share=spec.tuning_share,
        )
    except (DataError, UsageError) as error:
        return [f"it cannot be drawn again: {error}"]
    found = []
    for what, stored, now in (
        ("runs", ", ".join(spec.run_ids), ", ".join(again.spec.run_ids)),
        ("traces in the frame", spec.n_frame, again.spec.n_frame),
        ("frame hash", spec.frame_hash, again.spec.frame_hash),
    ):
        if stored != now:
            found.append(f"{what}: {stored} stored, {now} now")
    sizes = {stratum.name: stratum for stratum in spec.strata}
    sizes_now = {stratum.name: stratum for stratum in again.spec.strata}
    for name in sorted(sizes.keys() | sizes_now.keys()):
        if sizes.get(name) != sizes_now.get(name):
            found.append(f"stratum {name}: {_size(sizes.get(name))} stored, {_size(sizes_now.get(name))} now")
    drawn = {pick.trace.trace_id: pick for pick in again.picks}
    for trace_id, n in Counter(pick.trace.trace_id for pick in picks).items():
        if n > 1:
            found.append(f"trace {trace_id}: stored {n} times")
    held = {pick.trace.trace_id: pick for pick in picks}
    in_frame = {trace.trace_id for trace in frame}
    for trace_id in sorted(held.keys() | drawn.keys()):
        if trace_id not in drawn:
            why = "not drawn" if trace_id in in_frame else "not in the frame"
            found.append(f"trace {trace_id}: stored, but {why} now")
        elif trace_id not in held:
            found.append(f"trace {trace_id}: drawn now, but not stored")
        else:
            found += _changes(held[trace_id], drawn[trace_id])
    return found


def frame_hash(frame: Iterable[FrameTrace], *, strata_by: StrataBy) -> str:
    """SHA-256 (hex) over the UTF-8 lines `trace id|text sha256|stratum`, sorted, joined by newlines."""
    lines = sorted(
        f"{trace.trace_id}|{trace.text_sha256}|{stratum_of(trace, strata_by)}".encode(
            "utf-8", "surrogatepass"
        )
        for trace in frame
    )
    return hashlib.sha256(b"\n".join(lines)).hexdigest()


def permanent_number(seed: int, key: str) -> float:
    """The number in [0, 1) of a trace id or image under a seed: see the recipe above."""
    return int(_sha256(f"{seed}|{key}")[:13], 16) / 2**52


def split_of(image: str, *, seed: int, tuning_share: float) -> Split:
    """Whether an image's traces are for tuning or for validation; the same in every sample of that seed."""
    return Split.TUNING if permanent_number(seed, f"tuning|{image}") < tuning_share else Split.VALIDATION


def stratum_of(trace: FrameTrace, strata_by: StrataBy) -> str:
    """`<task>/<model>/correct`, `.../incorrect` or, where no answer is right, `.../written`; or
    `<task>/<model>/<outcome>`."""
    match strata_by:
        case StrataBy.CORRECT:
            last = "written" if trace.correct is None else "correct" if trace.correct else "incorrect"
        case StrataBy.OUTCOME:
            last = trace.outcome
        case _:
            assert_never(strata_by)
    return f"{trace.task.value}/{trace.model}/{last}"


def allot(n: int, sizes: Mapping[str, int]) -> dict[str, int]:
    """How many of `n` each stratum gives, by the rule above; their sum is n, or all there are."""
    taken = dict.fromkeys(sizes, 0)
    left = min(n, sum(sizes.values()))
    order = sorted(sizes, key=lambda name: (-sizes[name], name))
    while left:
        giving = [name for name in order if taken[name] < sizes[name]]
        fewest = min(taken[name] for name in giving)
        for name in giving:
            if taken[name] == fewest and left:
                taken[name] += 1
                left -= 1
    return taken


@dataclass(frozen=True)
class _Cell:
    """The traces of one task and model in one split."""

    name: str
    strata: dict[str, list[FrameTrace]]
    """Each by its permanent random number."""
    standing: dict[str, FrameTrace]
    """Image that can be drawn in common -> the trace that stands for it; no images where unused."""

    @property
    def size(self) -> int:
        return sum(len(traces) for traces in self.strata.values())


def _draw_split(
    frame: Sequence[FrameTrace], seed: int, mode: SampleMode, strata_by: StrataBy, n: int, split: Split
) -> tuple[list[Pick], list[str]]:
    tasks: dict[str, dict[str, list[FrameTrace]]] = defaultdict(lambda: defaultdict(list))
    for trace in frame:
        tasks[trace.task.value][trace.model].append(trace)
    picks: list[Pick] = []
    warnings: list[str] = []
    for task in sorted(tasks) if n else ():
        models = tasks[task]
        images = [] if mode is SampleMode.SPECIFIC else _common_images(models.values(), seed)
        if mode is SampleMode.COMMON and not images:
            raise UsageError(
                f"mode 'common', task {task!r}: expected an image of which every model has a trace "
                f"({', '.join(sorted(models))}); draw with mode 'specific', or leave a model out"
            )
        if mode is SampleMode.MIXED and not images:
            warnings.append(f"{task}: no image is common to all models, so all traces are drawn one by one")
        for model in sorted(models):
            cell = _cell(f"{task}/{model}", models[model], images, seed, strata_by)
            drawn, barred = _draw_cell(cell, images, seed, mode, n, split)
            picks += drawn
            warnings += _said(cell, len(drawn), barred, n, split)
    return picks, warnings


def _cell(
    name: str, traces: Sequence[FrameTrace], images: Sequence[str], seed: int, strata_by: StrataBy
) -> _Cell:
    strata: dict[str, list[FrameTrace]] = defaultdict(list)
    for trace in sorted(traces, key=lambda trace: (permanent_number(seed, trace.trace_id), trace.trace_id)):
        strata[stratum_of(trace, strata_by)].append(trace)
    standing: dict[str, FrameTrace] = {}
    wanted = set(images)
    for trace in sorted(traces, key=lambda trace: _sha256(trace.trace_id)):
        if trace.image in wanted:
            standing.setdefault(trace.image, trace)
    return _Cell(name, {key: strata[key] for key in sorted(strata)}, standing)


def _common_images(models: Iterable[Sequence[FrameTrace]], seed: int) -> list[str]:
    """Images of which every model has a trace, by their permanent random numbers."""
    shared = set.intersection(*({trace.image for trace in traces} for traces in models))
    return sorted(shared, key=lambda image: (permanent_number(seed, image), image))


def _draw_cell(
    cell: _Cell, images: Sequence[str], seed: int, mode: SampleMode, n: int, split: Split
) -> tuple[list[Pick], Counter[str]]:
    """The picks of a cell, and per stratum the number of traces that could not have been drawn."""
    whole = mode is not SampleMode.COMMON and n >= cell.size
    match mode:
        case SampleMode.SPECIFIC:
            n_common = 0
        case SampleMode.COMMON:
            n_common = min(n, len(images))
        case SampleMode.MIXED:
            n_common = min(n // 2, len(images))
        case _:
            assert_never(mode)
    common = {cell.standing[image].trace_id for image in images[:n_common]}
    n_specific = 0 if mode is SampleMode.COMMON else n - n_common
    allotted = allot(n_specific, {name: len(traces) for name, traces in cell.strata.items()})
    standing = {trace.trace_id for trace in cell.standing.values()}
    picks: list[Pick] = []
    barred: Counter[str] = Counter()
    for name, traces in cell.strata.items():
        chances = _chances(
            size=len(traces),
            n_standing=sum(trace.trace_id in standing for trace in traces),
            n_images=len(images),
            n_common=n_common,
            n_specific=allotted[name],
        )
        left = [trace for trace in traces if trace.trace_id not in common]
        specific = {trace.trace_id for trace in (left if whole else left[: allotted[name]])}
        for trace in sorted(traces, key=lambda trace: trace.trace_id):
            chance = 1.0 if whole else chances[trace.trace_id in standing]
            barred[name] += chance == 0
            by: Literal["specific", "common", "all"]
            if trace.trace_id not in common and trace.trace_id not in specific:
                continue
            if trace.trace_id in common:
                by, key = "common", trace.image
            else:
                by, key = "specific", trace.trace_id
            picks.append(
                Pick(
                    trace=trace,
                    stratum=name,
                    u=permanent_number(seed, key),
                    probability=chance,
                    by="all" if chance == 1.0 else by,
                    split=split,
                )
            )
    return picks, +barred


def _chances(
    *, size: int, n_standing: int, n_images: int, n_common: int, n_specific: int
) -> dict[bool, float]:
    """Inclusion probability in one stratum: of a trace that stands for a common image, and of one that does not.

    `n_common` of `n_images` images are drawn, `n_standing` of which have their trace in this stratum of `size`.
    """
    if n_specific >= size:
        return {True: 1.0, False: 1.0}
    if n_common == 0:
        return dict.fromkeys((True, False), n_specific / size)
    by_image = n_common / n_images
    if n_specific == 0:
        return {True: by_image, False: 0.0}

    def later(n_in: int, n_all: int) -> float:
        """Mean of min(1, n_specific / (size - C)), C of the n_in of n_all images that are drawn."""
        ways = math.comb(n_all, n_common)
        counts = range(max(0, n_common - (n_all - n_in)), min(n_common, n_in) + 1)
        return math.fsum(
            math.comb(n_in, c) * math.comb(n_all - n_in, n_common - c) / ways
            * min(1.0, n_specific / (size - c))
            for c in counts
        )  # fmt: skip

    # A trace whose image was not drawn: the n_common images are then any of the others.
    first = by_image
    if n_standing and by_image < 1:
        first = min(1.0, by_image + (1 - by_image) * later(n_standing - 1, n_images - 1))
    second = later(n_standing, n_images) if size > n_standing else 0.0
    return {True: first, False: second}


def _said(cell: _Cell, n_drawn: int, barred: Counter[str], n: int, split: Split) -> list[str]:
    """What is to be known of a cell: parts of it that cannot be drawn, and a number that was not reached."""
    where = cell.name if split is Split.VALIDATION else f"{cell.name} ({split.value})"
    found = []
    if barred:
        parts = ", ".join(f"{count} of {len(cell.strata[name])} {name}" for name, count in barred.items())
        found.append(
            f"{where}: traces without a chance to be drawn: {parts} (too few picks for all strata, not every "
            "model has their image, or another trace stands for it); estimates speak for the others alone"
        )
    if n_drawn < n:
        found.append(f"{where}: {n_drawn} traces instead of {n}; the cell holds {cell.size}")
    return found


def _changes(stored: Pick, now: Pick) -> list[str]:
    found = []
    for field in type(stored).model_fields:
        if field == "trace":
            continue
        before, after = getattr(stored, field), getattr(now, field)
        if before != after:
            found.append(f"trace {now.trace.trace_id}: {field} {before} stored, {after} now")
    for field in type(stored.trace).model_fields:
        before, after = getattr(stored.trace, field), getattr(now.trace, field)
        if before != after:
            found.append(f"trace {now.trace.trace_id}: {field} {before} stored, {after} now")
    return found


def _size(stratum: Stratum | None) -> str:
    return "no traces" if stratum is None else f"{stratum.n_drawn} of {stratum.n_frame}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def _check(frame: Sequence[FrameTrace], per_cell: int, tuning_share: float) -> None:
    if per_cell < 1:
        raise UsageError(f"per_cell {per_cell!r}: expected at least 1 trace per model and task; raise it")
    if not 0 <= tuning_share < 1:
        raise UsageError(f"tuning_share {tuning_share!r}: expected 0 or more and below 1; 0.2 is usual")
    if not frame:
        raise DataError(
            "frame 0 traces: expected at least one answer with text; finish a run, or choose another condition"
        )
    twice = [name for name, n in Counter(trace.trace_id for trace in frame).items() if n > 1]
    if twice:
        raise DataError(
            f"trace {twice[0]!r}: expected each trace once in the frame, but it comes twice; name each run once"
        )
