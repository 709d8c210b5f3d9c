"""`spinebench models`: which providers there are, which keys are present, whether a model can be used."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from spinebench.errors import ProviderError

app = typer.Typer(
    help="List providers and whether their keys are present; check models.",
    invoke_without_command=True,
    rich_markup_mode=None,
)

_REACHED = {
    "openai": "OpenAI's API",
    "openai-compatible": "a server with OpenAI's protocol",
    "anthropic": "Anthropic's API",
    "google": "Google's Gemini API",
    "local": "a transformers checkpoint on this machine",
    "langchain": "a LangChain chat model, module:attribute",
    "recorded": "a file of recorded answers",
    "sim": "a simulated examinee",
    "baseline": "a baseline without a model",
}

JsonFlag = Annotated[bool, typer.Option("--json", help="NDJSON on stdout.")]


@app.callback()
def list_providers(context: typer.Context, as_json: JsonFlag = False) -> None:
    """List providers and whether their keys are present (never the keys)."""
    if context.invoked_subcommand is not None:
        return
    from spinebench.cli.console import emit, print_table
    from spinebench.cli.environment import environment
    from spinebench.models.keys import KEY_VARIABLES, present
    from spinebench.models.registry import providers

    environment()
    rows: list[tuple[str, str, str]] = []
    for name in sorted(providers()):
        variables = KEY_VARIABLES.get(name, ())
        found = present(name)
        if as_json:
            emit(
                {
                    "type": "provider",
                    "provider": name,
                    "key_variables": list(variables),
                    "key_present": found is not None,
                }
            )
            continue
        key = (
            f"set: {found}" if found else f"not set: {' or '.join(variables)}" if variables else "none needed"
        )
        rows.append((f"{name}/...", _REACHED.get(name, "added by an installed package"), key))
    if not as_json:
        print_table(("model", "reaches", "key"), rows)


@app.command()
def check(
    models: Annotated[list[str], typer.Argument(help="Models, provider/id.", show_default=False)],
    model_args: Annotated[
        list[str] | None,
        typer.Option("-M", help="Option for every model, key=value (repeatable)."),
    ] = None,
    as_json: JsonFlag = False,
) -> None:
    """Check key, permission and model id with the cheapest call there is; exit code 4 if one fails."""
    from spinebench.cli.console import emit, print_table, say
    from spinebench.cli.environment import environment
    from spinebench.cli.plan_options import given
    from spinebench.errors import ProviderError
    from spinebench.models.registry import canonical_name
    from spinebench.runs.plan import RunPlan

    environment()
    args = given({"model_args": model_args}, RunPlan).get("model_args", {})
    names = [canonical_name(model) for model in models]
    outcomes = asyncio.run(_check_all(names, args))
    failed = [error for error in outcomes if error is not None]
    if as_json:
        for name, error in zip(names, outcomes, strict=True):
            emit(
                {
                    "type": "model",
                    "model": name,
                    "ok": error is None,
                    "error": None if error is None else str(error),
                }
            )
    else:
        rows = [
            (name, "usable" if error is None else "cannot be used")
            for name, error in zip(names, outcomes, strict=True)
        ]
        print_table(("model", "state"), rows)
    if len(failed) == 1:
        raise failed[0]
    if failed:
        for error in failed:
            say(f"error: {error}")
        raise ProviderError(
            f"{len(failed)} of {len(names)} models cannot be used; mend the above and check again"
        )


async def _check_all(names: list[str], args: dict[str, Any]) -> list[ProviderError | None]:
    """One outcome per model, in order. Raises `UsageError` for a wrong option."""
    return list(await asyncio.gather(*(_check_one(name, args) for name in names)))


async def _check_one(name: str, args: dict[str, Any]) -> ProviderError | None:
    from spinebench.errors import ProviderError
    from spinebench.models.gateway import Gateway
    from spinebench.models.registry import create_model

    try:
        model = create_model(name, args=args)
    except ProviderError as error:
        return error
    try:
        await Gateway().check([model])
    except ProviderError as error:
        return error
    finally:
        await model.aclose()
    return None
