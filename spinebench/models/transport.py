"""One HTTP connection pool per model, for up to a thousand calls in flight, and the address it talks to."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from functools import cache
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx2

from spinebench.errors import UsageError

DEFAULT_TIMEOUT_S = 3600.0
"""Between two bytes of a reply. Generous: the gateway's own timeout ends an attempt long before."""
_CONNECT_S = 30.0
_KEEPALIVE_S = 4.0
"""Below the 5 s after which uvicorn, and so vLLM and many others, closes an idle connection."""
_CONNECTIONS_PER_POOL = 16
"""httpcore looks at every connection of a pool twice per call: 64 connections in one pool cost a third of the
whole call's CPU (measured), so the connections are spread over small pools."""


@dataclass(frozen=True)
class Endpoint:
    """Where a model is reached."""

    base_url: str
    """Without a slash at the end."""
    origin: str
    """Scheme, host and port."""
    host: str | None
    """None for this machine: nothing leaves it."""

    @classmethod
    def parse(cls, base_url: str, *, model: str) -> Endpoint:
        """Raises `UsageError` for anything but a plain address: it is stored, so no secrets may be in it."""
        what = f"model {model!r}, base_url"
        url = urlsplit(base_url)
        if url.username is not None or url.password is not None or url.query or url.fragment:
            raise UsageError(
                f"{what}: expected an address without user, password or query; "
                "keys belong into an environment variable, named by -M api_key_env=NAME"
            )
        try:
            known = url.scheme in ("http", "https") and bool(url.hostname) and url.port != 0
        except ValueError:
            known = False
        if not known:
            raise UsageError(
                f"{what} {base_url!r}: expected http://host:port/path or https://...; correct -M base_url=..."
            )
        host = url.hostname or ""
        return cls(base_url.rstrip("/"), f"{url.scheme}://{url.netloc}", None if _is_loopback(host) else host)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def open_client(endpoint: Endpoint, *, timeout_s: float | None = None) -> httpx2.AsyncClient:
    """The client that an SDK is given: pooled, no redirects (they would carry the key to another address).

    A proxy of the environment (`HTTPS_PROXY`, `NO_PROXY`, ...) is used as everywhere else, but never for this
    machine's own addresses. Raises `UsageError` for a proxy that cannot be used.
    """
    transport = _SpreadTransport(endpoint, _proxy_of(endpoint), timeout_s or DEFAULT_TIMEOUT_S)
    return httpx2.AsyncClient(transport=transport, trust_env=False, follow_redirects=False, timeout=None)


def _proxy_of(endpoint: Endpoint) -> str | None:
    if endpoint.host is None or proxy_bypass(endpoint.host):
        return None
    proxies = getproxies()
    return proxies.get(urlsplit(endpoint.origin).scheme) or proxies.get("all")


@cache
def _tls() -> ssl.SSLContext:
    return httpx2.create_ssl_context()


class _Pool:
    """A small pool of connections and how many calls it carries."""

    def __init__(self, transport: httpx2.AsyncHTTPTransport) -> None:
        self.transport = transport
        self.in_flight = 0


class _Counted(httpx2.AsyncByteStream):
    """The body of a response; its pool has one call less once it is closed."""

    def __init__(self, stream: httpx2.AsyncByteStream, pool: _Pool) -> None:
        self._stream = stream
        self._pool: _Pool | None = pool

    async def __aiter__(self) -> AsyncIterator[bytes]:
        async for chunk in self._stream:
            yield chunk

    async def aclose(self) -> None:
        if self._pool is not None:
            self._pool.in_flight -= 1
            self._pool = None
        await self._stream.aclose()


class _SpreadTransport(httpx2.AsyncBaseTransport):
    """Spreads calls over small pools, the first ones first, so that few calls need few connections."""

    def __init__(self, endpoint: Endpoint, proxy: str | None, timeout_s: float) -> None:
        self._secure = endpoint.origin.startswith("https://")
        self._proxy = proxy
        self._timeout = httpx2.Timeout(timeout_s, connect=min(_CONNECT_S, timeout_s), pool=None).as_dict()
        self._pools: list[_Pool] = []
        self._loop: asyncio.AbstractEventLoop | None = None
        if proxy is not None:
            try:
                self._new_pool()
            except (ImportError, ValueError) as error:
                raise UsageError(
                    f"proxy of the environment for {endpoint.origin!r}: expected an http or https proxy "
                    f"({error}); correct HTTPS_PROXY or ALL_PROXY, or add the host to NO_PROXY"
                ) from None

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        pool = self._free_pool()
        # The SDKs differ in which timeouts they pass on (Google's: none); here they are one.
        request.extensions = {**request.extensions, "timeout": self._timeout}
        pool.in_flight += 1
        try:
            response = await pool.transport.handle_async_request(request)
        except BaseException:
            pool.in_flight -= 1
            raise
        assert isinstance(response.stream, httpx2.AsyncByteStream)
        response.stream = _Counted(response.stream, pool)
        return response

    async def aclose(self) -> None:
        pools, self._pools = self._pools, []
        for pool in pools:
            await pool.transport.aclose()

    def _free_pool(self) -> _Pool:
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            # Connections belong to the event loop that opened them: a second asyncio.run() starts afresh.
            self._pools, self._loop = [], loop
        for pool in self._pools:
            if pool.in_flight < _CONNECTIONS_PER_POOL:
                return pool
        return self._new_pool()

    def _new_pool(self) -> _Pool:
        limits = httpx2.Limits(
            max_connections=None,
            max_keepalive_connections=_CONNECTIONS_PER_POOL,
            keepalive_expiry=_KEEPALIVE_S,
        )
        pool = _Pool(
            httpx2.AsyncHTTPTransport(
                verify=_tls() if self._secure else False, trust_env=False, proxy=self._proxy, limits=limits
            )
        )
        self._pools.append(pool)
        return pool
