"""What a benchmark is made of: sizes, classes by source and modality, what guessing gives."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence

from spinebench.builder.audit.report import ChanceLevels, ClassCount, SplitSize
from spinebench.builder.audit.same_pictures import Pictures
from spinebench.builder.selection_pool import label_of
from spinebench.evaluators.answers import Answers, read_answers
from spinebench.evaluators.baselines import Baseline, LevelSets, diagnosis_baselines, localization_baselines
from spinebench.records import MULTIPLE_ANSWER_TASKS, WRITTEN_TASKS, AnswerStatus, Item, Outcome, Task


def split_size(split: str, items: Sequence[Item], pictures: Pictures) -> SplitSize:
    """A split in numbers."""
    options: dict[str, Counter[int]] = defaultdict(Counter)
    for item in items:
        options[item.task.value][len(item.options)] += 1
    return SplitSize(
        split=split,
        n_items=len(items),
        n_by_task=dict(sorted(Counter(item.task.value for item in items).items())),
        n_clusters=len({item.cluster for item in items}),
        n_images=pictures.of_split(split),
        n_options={
            task: {str(size): n for size, n in sorted(counts.items())}
            for task, counts in sorted(options.items())
        },
    )


def class_table(
    splits: Mapping[str, Sequence[Item]], *, label: Callable[[Item], str] = label_of
) -> tuple[ClassCount, ...]:
    """Items by split, task, label, source and modality; by default the label of a localization is its set of levels.

    Without items: ().
    """
    clusters: dict[tuple[str, Task, str, str | None, str | None], Counter[str]] = defaultdict(Counter)
    for split, items in splits.items():
        for item in items:
            clusters[split, item.task, label(item), item.source, item.modality][item.cluster] += 1
    order = {split: at for at, split in enumerate(splits)}
    keys = sorted(clusters, key=lambda key: (order[key[0]], key[1].value, key[2], key[3] or "", key[4] or ""))
    return tuple(
        ClassCount(
            split=key[0],
            task=key[1],
            label=key[2],
            source=key[3],
            modality=key[4],
            n_items=clusters[key].total(),
            n_clusters=len(clusters[key]),
        )
        for key in keys
    )


def chance_levels(splits: Mapping[str, Sequence[Item]]) -> tuple[ChanceLevels, ...]:
    """What guessing gives, by split and task; tasks in free text have none."""
    found = []
    for split, items in splits.items():
        for task in Task:
            own = [item for item in items if item.task is task and item.gold and item.options]
            if not own or task in WRITTEN_TASKS:
                continue
            if task in MULTIPLE_ANSWER_TASKS:
                baselines = localization_baselines(
                    LevelSets(Counter((frozenset(item.gold), len(item.options)) for item in own))
                )
            elif task is Task.DIAGNOSIS:
                baselines = diagnosis_baselines(_as_answers(own))
            else:
                expected = sum(1 / len(item.options) for item in own) / len(own)
                baselines = (Baseline(name="random option", accuracy=expected, n_items=len(own)),)
            found.append(
                ChanceLevels(split=split, task=task, baselines=tuple(_rounded(one) for one in baselines))
            )
    return tuple(found)


def _as_answers(items: Sequence[Item]) -> Answers:
    """The items in the form that the evaluators' baselines read; nothing is answered."""
    n = len(items)
    return read_answers(
        {
            "item_id": [item.id for item in items],
            "task": [item.task.value for item in items],
            "cluster": [item.cluster for item in items],
            "status": [AnswerStatus.NO_ANSWER.value] * n,
            "outcome": [Outcome.NOT_ANSWERED.value] * n,
            "correct": [False] * n,
            "disease": [item.gold[0] for item in items],
            "gold": [item.gold for item in items],
            "options": [item.options for item in items],
        }
    )


def _rounded(baseline: Baseline) -> Baseline:
    figures = {
        name: round(value, 6) for name, value in baseline.model_dump().items() if isinstance(value, float)
    }
    return baseline.model_copy(update=figures)
