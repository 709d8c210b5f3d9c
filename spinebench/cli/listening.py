"""Whether a server can listen where it is told to, asked before it says that it does."""

from __future__ import annotations

import socket

from spinebench.errors import UsageError


def free_port(host: str, port: int) -> None:
    """Raise UsageError where nothing can listen on this port of this address (another program does already)."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server itself does
            probe.bind(address)
    except OSError as error:
        raise UsageError(
            f"port {port} of {host!r}: expected one that is free ({error.strerror}); name another by --port, or end "
            "the program that listens there"
        ) from error
