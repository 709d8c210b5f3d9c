"""`spinebench sheets`: reporting sheets of an audit, filled from the store."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import JsonOption, WorkspaceOption

if TYPE_CHECKING:
    from spinebench.exchange.sheets import ReportingSheet

app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


class Sheet(StrEnum):
    """The guidelines that there is a sheet for."""

    GRRAS = "GRRAS"
    TRIPOD_LLM = "TRIPOD-LLM"
    CLAIM = "CLAIM"


@app.command()
def sheets(
    audit: Annotated[
        str, typer.Argument(metavar="AUDIT", help="Audit id, its unique beginning, or 'latest'.")
    ] = "latest",
    *,
    sheet: Annotated[
        list[Sheet] | None,
        typer.Option("--sheet", case_sensitive=False, help="One sheet (repeatable); default: all."),
    ] = None,
    statements: Annotated[
        Path | None,
        typer.Option("--statements", help="YAML file of your own words by item: 'GRRAS 5: ...'."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write one Markdown file per sheet into this folder; default: print."),
    ] = None,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    json: JsonOption = False,
) -> int:
    """Reporting sheets of an audit: GRRAS, TRIPOD-LLM, CLAIM. What the store does not know is 'not recorded'.

    Example: spinebench sheets latest --sheet GRRAS --statements statements.yaml --out sheets
    """
    from spinebench.audits.sheets import audit_facts
    from spinebench.cli.console import emit, put
    from spinebench.cli.named import named_audit
    from spinebench.exchange.sheets import reporting_sheets, sheets_markdown
    from spinebench.store.workspace import Workspace

    said = {} if statements is None else _statements(statements)
    place = Workspace(workspace)
    facts = audit_facts(place, named_audit(place, audit), statements=said)
    chosen = [one for one in reporting_sheets(facts) if sheet is None or one.id in set(sheet)]
    if json:
        for one in chosen:
            emit({"type": "reporting_sheet", **one.model_dump(mode="json")})
    if out is not None:
        _write(chosen, out)
    elif not json:
        put(sheets_markdown(chosen))
    return 0


def _statements(path: Path) -> dict[str, str]:
    """The statements of a file. Raises `DataError` for one that cannot be read or is no mapping of texts."""
    import yaml

    from spinebench.errors import DataError

    try:
        content: Any = yaml.safe_load(path.read_text("utf-8-sig"))
    except OSError as error:
        raise DataError(
            f"statements {str(path)!r}: expected a readable file ({error.strerror}); check the path"
        ) from None
    except (UnicodeDecodeError, yaml.YAMLError) as error:
        raise DataError(
            f"statements {str(path)!r}: expected YAML in UTF-8 ({' '.join(str(error).split())}); mend the file"
        ) from None
    if content is None:
        return {}
    if not isinstance(content, dict):
        raise DataError(
            f"statements {str(path)!r}: expected lines such as 'GRRAS 5: what is known', not "
            f"{type(content).__name__}; write one line per item"
        )
    for item, text in content.items():
        if not isinstance(item, str) or not isinstance(text, str):
            raise DataError(
                f"statements {str(path)!r}, {item!r}: expected a text; put what is said behind the colon, in quotes "
                "if it is a number or a date"
            )
    return content


def _write(chosen: list[ReportingSheet], out: Path) -> None:
    from spinebench.cli.console import say
    from spinebench.errors import DataError
    from spinebench.exchange.sheets import sheets_markdown

    try:
        out.mkdir(parents=True, exist_ok=True)
        for one in chosen:
            path = out / f"{one.audit_id}-{one.id.lower()}.md"
            path.write_text(sheets_markdown([one]), "utf-8", newline="\n")
            say(f"{one.id}: {one.n_recorded} of {len(one.items)} items have something recorded, in {path}")
    except OSError as error:
        raise DataError(
            f"folder {str(out)!r}: expected to write to it ({error.strerror}); name another with --out"
        ) from None
