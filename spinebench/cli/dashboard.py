"""`spinebench dashboard`: the pages over a workspace, in a browser."""

from __future__ import annotations

from typing import Annotated

import typer

from spinebench.cli.named import DEFAULT_WORKSPACE
from spinebench.cli.options import WorkspaceOption

_THIS_MACHINE = ("127.0.0.1", "localhost", "::1", "[::1]")
app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="rich")


@app.command()
def dashboard(
    *,
    workspace: WorkspaceOption = DEFAULT_WORKSPACE,
    host: Annotated[
        str, typer.Option("--host", help="Address to listen on. Others than this machine see what you see.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port to listen on.")] = 8501,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host",
            metavar="NAME",
            help="Name under which a proxy passes requests on, repeatable. Default: this machine's own, or any with "
            "another --host.",
        ),
    ] = None,
    browser: Annotated[bool, typer.Option("--browser/--no-browser", help="Open a browser.")] = True,
) -> int:
    """Look at errors, read the cases behind every number, rate, compare judge and clinicians.

    Example: spinebench dashboard --port 8600 --no-browser
    """
    from spinebench.cli.console import say
    from spinebench.cli.listening import free_port
    from spinebench.errors import UsageError
    from spinebench.store.workspace import Workspace

    Workspace(workspace)  # refused here, before anything starts, where it is none
    if not workspace.is_dir():
        raise UsageError(
            f"workspace {str(workspace)!r}: expected a folder, but there is none; name one by --workspace, or begin "
            "with 'spinebench demo' or 'spinebench run'"
        )
    free_port(host, port)
    import logging

    import uvicorn

    # Streamlit warns that it caches in memory whenever its pages are served by an application.
    logging.getLogger("streamlit.runtime.caching.cache_data_api").addFilter(lambda _: False)
    from spinebench.dashboard.server import create_app
    from spinebench.dashboard.warming import load_libraries

    load_libraries()
    address = f"http://{'127.0.0.1' if host in {'0.0.0.0', '::'} else host}:{port}"
    say(f"dashboard on {workspace}: {address}  (Ctrl-C ends it)")
    hosts = [*_THIS_MACHINE, *(allow_host or ())]
    if host not in _THIS_MACHINE:
        hosts = hosts if allow_host else ["*"]
        say(
            "Whoever reaches this address sees everything, images and answers too, without signing in: put a proxy "
            "that asks who they are in front of it."
        )
    if browser:
        import threading
        import webbrowser

        threading.Timer(1.5, webbrowser.open, (address,)).start()
    uvicorn.run(create_app(workspace, hosts=hosts), host=host, port=port, log_level="warning")
    return 0
