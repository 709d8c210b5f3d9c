"""What the fields of plans are made of: how they are written on the command line, and those that plans share."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal, Protocol, Self

from pydantic import Field, model_validator

from spinebench.models.policy import IN_PROCESS, GatewayPolicy
from spinebench.models.prices import TokenPrice
from spinebench.models.registry import canonical_name
from spinebench.records import DecodingOptions, JsonValue, Record


@dataclass(frozen=True)
class Flag:
    """How a plan field is written on the command line."""

    names: str
    """Space-separated, e.g. `--model -m`."""
    panel: str = "What is asked"


class ModelEntry(Record):
    """A model string with options of its own."""

    name: str
    args: dict[str, JsonValue] = Field(default_factory=dict)

    @model_validator(mode="before")
    @classmethod
    def _from_string(cls, value: object) -> object:
        return {"name": value} if isinstance(value, str) else value


DECODE = "Decoding"
MODELS = "Models"
LIMITS = "Connections, retries and limits"
RULES = "Reproduction and thresholds"

Temperature = Annotated[
    float | None,
    Flag("--temperature", DECODE),
    Field(ge=0, le=2, description="Sampling temperature; default: the provider's."),
]
MaxTokens = Annotated[
    int | None,
    Flag("--max-tokens", DECODE),
    Field(ge=1, description="Most tokens of a reply; default: the provider's."),
]
ReasoningEffort = Annotated[
    Literal["none", "minimal", "low", "medium", "high", "xhigh"] | None,
    Flag("--reasoning-effort", DECODE),
    Field(description="Reasoning effort, where the provider takes one."),
]
ThinkingBudget = Annotated[
    int | None,
    Flag("--thinking-budget", DECODE),
    Field(ge=0, description="Tokens for native reasoning, where the provider takes a budget."),
]

MaxConnections = Annotated[
    int,
    Flag("--max-connections", LIMITS),
    Field(ge=1, description="Calls in flight per provider account."),
]
AdaptiveConnections = Annotated[
    bool,
    Flag("--adaptive-connections", LIMITS),
    Field(description="Start low, grow to --max-connections while clean, fall on 429."),
]
MaxRetries = Annotated[
    int,
    Flag("--max-retries", LIMITS),
    Field(ge=0, description="Further attempts after a failure that may pass."),
]
Timeout = Annotated[
    float | None,
    Flag("--timeout", LIMITS),
    Field(gt=0, description="Seconds for one attempt; default: 180 over a network, else none."),
]
ItemTimeout = Annotated[
    float | None,
    Flag("--item-timeout", LIMITS),
    Field(gt=0, description="Seconds for one item with all attempts; default: 900 over a network."),
]
BudgetUsd = Annotated[
    float | None,
    Flag("--budget-usd", LIMITS),
    Field(gt=0, description="Stop, resumable, when this much has been spent."),
]
TokenLimit = Annotated[
    int | None,
    Flag("--token-limit", LIMITS),
    Field(gt=0, description="Stop, resumable, after this many tokens."),
]
Prices = Annotated[
    dict[str, TokenPrice],
    Field(description="Own prices: model -> input, output, cached_input in USD per million."),
]
Reuse = Annotated[
    bool,
    Flag("--reuse/--no-reuse", LIMITS),
    Field(description="Take a stored reply to the very same request instead of paying again."),
]
FailOnError = Annotated[
    float,
    Flag("--fail-on-error", RULES),
    Field(
        ge=0,
        description="Failed answers that are tolerated: a share below 1, or a number; above it, exit code 1.",
    ),
]


class Limits(Protocol):
    """The limits that every plan has, whatever is asked under them."""

    @property
    def max_connections(self) -> int: ...
    @property
    def adaptive_connections(self) -> bool: ...
    @property
    def max_retries(self) -> int: ...
    @property
    def timeout(self) -> float | None: ...
    @property
    def item_timeout(self) -> float | None: ...
    @property
    def budget_usd(self) -> float | None: ...
    @property
    def token_limit(self) -> int | None: ...
    @property
    def reuse(self) -> bool: ...


def policy_of(plan: Limits, *, seed: int = 0) -> GatewayPolicy:
    """The gateway's policy under a plan's limits; `seed` is that of the waits between attempts."""
    return GatewayPolicy(
        max_connections=plan.max_connections,
        adaptive=plan.adaptive_connections,
        max_retries=plan.max_retries,
        attempt_timeout_s=plan.timeout,
        item_timeout_s=plan.item_timeout,
        budget_usd=plan.budget_usd,
        token_limit=plan.token_limit,
        reuse=plan.reuse,
        seed=seed,
    )


class CallSettings(Record):
    """Decoding and limits of a plan whose models make or look through something, rather than sit an exam."""

    temperature: Temperature = None
    max_tokens: MaxTokens = None
    model_seed: Annotated[int | None, Flag("--model-seed", DECODE)] = Field(
        default=None, description="Seed sent to the provider, where it takes one."
    )
    max_connections: MaxConnections = 16
    adaptive_connections: AdaptiveConnections = False
    max_retries: MaxRetries = 6
    timeout: Timeout = None
    item_timeout: ItemTimeout = None
    budget_usd: BudgetUsd = None
    token_limit: TokenLimit = None
    reuse: Reuse = True

    def decoding(self) -> DecodingOptions:
        """The decoding options of every call."""
        return DecodingOptions(temperature=self.temperature, max_tokens=self.max_tokens, seed=self.model_seed)

    def gateway_policy(self) -> GatewayPolicy:
        """The limits of the gateway."""
        return policy_of(self)


class RoleSettings(CallSettings):
    """The same with a model for each of several roles, all of which write texts of their own."""

    ROLES: ClassVar[tuple[str, ...]]

    model: Annotated[ModelEntry, Flag("--model -m", MODELS)] = Field(
        description="Model for all roles that --model-role does not give, provider/id."
    )
    model_args: Annotated[dict[str, JsonValue], Flag("-M", MODELS)] = Field(
        default_factory=dict, description="Option for every model, key=value (repeatable)."
    )
    model_roles: Annotated[dict[str, ModelEntry], Flag("--model-role", MODELS)] = Field(
        default_factory=dict, description="Other models by role: <role>=provider/id (repeatable)."
    )

    @model_validator(mode="after")
    def _roles_that_write(self) -> Self:
        if unknown := sorted(set(self.model_roles) - set(self.ROLES)):
            raise ValueError(f"model_roles {unknown!r}: expected only {', '.join(self.ROLES)}")
        for role in self.ROLES:
            name = canonical_name(self.role(role).name)
            if name.partition("/")[0] in IN_PROCESS - {"local"}:
                raise ValueError(f"model {name!r}: expected a model that writes texts of its own")
        return self

    def role(self, role: str) -> ModelEntry:
        """The model of one of `ROLES`."""
        return self.model_roles.get(role, self.model)
