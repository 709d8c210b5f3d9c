"""Which severities count as disease, by a policy file; and what an image is on which none counts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from importlib.resources import files
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Literal, assert_never

from pydantic import BeforeValidator, Field, ValidationError

from spinebench.builder.records import Dropped, Finding, Grading, LabelledImage, Stage
from spinebench.errors import UsageError
from spinebench.records import Record
from spinebench.terms import fold

DEFAULT_POLICY = "moderate-severe"
_SHIPPED = ("moderate-severe", "published")


def _as_texts(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(str(one) if isinstance(one, int) and not isinstance(one, bool) else one for one in value)
    return value


Severities = Annotated[Literal["all"] | tuple[str, ...], BeforeValidator(_as_texts)]


class SourcePolicy(Record):
    """What counts as disease in one source."""

    counts: Severities = Field(default="all", description="Severities that are a disease, or `all`.")
    labels: dict[str, Severities] = Field(
        default_factory=dict, description="Another rule for some labels, as the source words them."
    )
    uncounted: Literal["healthy", "drop", "healthy_study"] = Field(
        default="drop",
        description=(
            "What an image is whose findings do not count: `healthy`; `drop`; or `healthy_study`: healthy only where "
            "its whole study is graded and nothing in it counts, else dropped."
        ),
    )

    def takes(self, label: str, severity: str | None) -> bool:
        """Whether a finding of this severity is a disease. A finding without a severity always is."""
        if severity is None:
            return True
        rule = next((rule for name, rule in self.labels.items() if fold(name) == fold(label)), self.counts)
        return rule == "all" or fold(severity) in {fold(one) for one in rule}


class SeverityPolicy(Record):
    """What counts as disease, source by source."""

    name: str = Field(min_length=1)
    sources: dict[str, SourcePolicy] = Field(
        default_factory=dict, description="By the source's name in the plan, or by its kind."
    )
    default: SourcePolicy = Field(default_factory=SourcePolicy, description="For every other source.")

    def of(self, source: str, kind: str | None = None) -> SourcePolicy:
        """The rule of a source: by name, else by kind, else the default."""
        return self.sources.get(source) or self.sources.get(kind or source) or self.default


def load_policy(name: str | Path = DEFAULT_POLICY) -> SeverityPolicy:
    """A shipped policy (`moderate-severe`, `published`) or one of a YAML file. Raises `UsageError`."""
    import yaml

    if str(name) in _SHIPPED:
        text = files("spinebench.builder").joinpath("policies", f"{name}.yaml").read_text("utf-8")
    else:
        try:
            text = Path(name).read_text("utf-8-sig")
        except (OSError, ValueError) as error:
            raise UsageError(
                f"severity policy {str(name)!r}: expected {' or '.join(_SHIPPED)}, or a readable YAML file "
                f"({error}); correct the name"
            ) from error
    try:
        return SeverityPolicy.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise UsageError(
            f"severity policy {str(name)!r}: expected YAML ({error}); correct the file"
        ) from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise UsageError(
            f"severity policy {str(name)!r}, {where}: {first['msg']}, found {first['input']!r}; "
            "see docs/builder-sources.md"
        ) from error


def judged(
    images: Iterable[LabelledImage],
    policy: SeverityPolicy,
    kinds: Mapping[str, str] = MappingProxyType({}),
) -> tuple[tuple[LabelledImage, ...], tuple[Dropped, ...]]:
    """The images with `Finding.counts` and `healthy` as the policy has it, and those that it leaves out.

    `kinds` gives the kind of a source that has another name in the plan. Every image is in exactly one of the two
    results, in the order of `images`. Reasons: `label_conflict` (called healthy and ill, or one label at one level both
    counting and not), `no_label` (only labels outside the vocabulary), `severity_not_counted`, `study_not_healthy`,
    `study_not_graded`.
    """
    kept, dropped = [], []
    for image in images:
        result = _judge(image, policy.of(image.source, kinds.get(image.source)))
        if isinstance(result, Dropped):
            dropped.append(result)
        else:
            kept.append(result)
    return tuple(kept), tuple(dropped)


def _judge(image: LabelledImage, rule: SourcePolicy) -> LabelledImage | Dropped:
    findings = tuple(_counted(one, rule) for one in image.findings)
    if conflict := _conflict(findings):
        return _dropped(image, "label_conflict", conflict)
    ill = [one for one in findings if one.counts and one.disease is not None]
    beside = [one for one in findings if one.counts and one.disease is None]
    if image.healthy:
        if found := (ill or beside):
            return _dropped(image, "label_conflict", f"is called healthy, and {_named(found)}")
        return image.model_copy(update={"findings": findings})
    if ill:
        return image.model_copy(update={"findings": findings})
    if beside:
        return _dropped(image, "no_label", f"has only {_named(beside)}: expected a label of the vocabulary")
    if not findings and not image.study_gradings:
        return _dropped(image, "no_label", "has no finding, and is not called healthy")
    match rule.uncounted:
        case "healthy":
            return image.model_copy(update={"findings": findings, "healthy": True})
        case "drop":
            return _dropped(image, "severity_not_counted", f"has only {_named(findings)}")
        case "healthy_study":
            return _by_study(image, findings, rule)
        case other:
            assert_never(other)


def _by_study(
    image: LabelledImage, findings: tuple[Finding, ...], rule: SourcePolicy
) -> LabelledImage | Dropped:
    unknown = [one.label for one in image.study_gradings if one.severity is None]
    if unknown or not image.study_gradings:
        what = f"no grading of {', '.join(unknown)}" if unknown else "no gradings"
        return _dropped(image, "study_not_graded", f"has nothing that counts, but its study has {what}")
    ill = [one for one in image.study_gradings if rule.takes(one.label, one.severity)]
    if ill:
        return _dropped(
            image, "study_not_healthy", f"has nothing that counts, but its study has {_named(ill)} elsewhere"
        )
    return image.model_copy(update={"findings": findings, "healthy": True})


def _counted(finding: Finding, rule: SourcePolicy) -> Finding:
    counts = rule.takes(finding.label, finding.severity)
    return finding if counts == finding.counts else finding.model_copy(update={"counts": counts})


def _conflict(findings: Iterable[Finding]) -> str | None:
    seen: dict[tuple[str, str | None, str | None], Finding] = {}
    for one in findings:
        other = seen.setdefault((one.label, one.level, one.side), one)
        if other.counts != one.counts:
            return f"is {other.severity!r} by {other.row} and {one.severity!r} by {one.row} for {one.label!r}"
    return None


def _named(found: Iterable[Finding | Grading]) -> str:
    words = [one.label if one.severity is None else f"{one.label} ({one.severity})" for one in found]
    return ", ".join(dict.fromkeys(words))


def _dropped(image: LabelledImage, reason: str, detail: str) -> Dropped:
    return Dropped(stage=Stage.IMPORT, subject=image.id, reason=reason, detail=detail, source=image.source)
