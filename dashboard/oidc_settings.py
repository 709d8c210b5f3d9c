"""How to reach an identity provider: the `[auth]` block of a secrets file, as Streamlit's `st.login` reads it."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import urlsplit

from pydantic import SecretStr

from spinebench.errors import UsageError
from spinebench.records import Record

CALLBACK = "/oauth2callback"
"""The path to which a provider sends a person back; that of `st.login`."""
_NEEDED = ("client_id", "client_secret", "server_metadata_url", "redirect_uri", "cookie_secret")
_SHORTEST_SECRET = 32


class OidcSettings(Record):
    """One OpenID Connect provider and this server as its client."""

    client_id: str
    client_secret: SecretStr
    server_metadata_url: str
    redirect_uri: str
    """Where the provider sends people back, as people reach this server; never taken from a request."""
    cookie_secret: SecretStr
    """Signs the cookie that holds a sign-in together while the provider is asked."""
    scope: str = "openid email"
    prompt: str = "select_account"

    @property
    def provider(self) -> str:
        """The host of the provider, for people to read."""
        return urlsplit(self.server_metadata_url).hostname or self.server_metadata_url

    @property
    def by_https(self) -> bool:
        """Whether people reach this server by TLS."""
        return self.redirect_uri.startswith("https://")


def default_secrets() -> Path | None:
    """The first of Streamlit's own places with an `[auth]` block: the working folder's, the home folder's.

    None where there is none. Raises UsageError for a file there that is not TOML.
    """
    for folder in (Path.cwd(), Path.home()):
        path = folder / ".streamlit" / "secrets.toml"
        if path.is_file() and "auth" in _read(path):
            return path
    return None


def read_settings(path: Path, *, port: int) -> OidcSettings:
    """The settings in a secrets file; `{port}` in `redirect_uri` stands for the port of this server.

    The provider's own keys stand in `[auth]`, or in the one `[auth.NAME]` below it. Raises UsageError for what is
    missing, or would let tokens travel readable.
    """
    auth = _read(path).get("auth")
    if not isinstance(auth, dict):
        raise UsageError(f"secrets {str(path)!r}: expected a block [auth]; docs/rating.md shows one")
    below = {name: one for name, one in auth.items() if isinstance(one, dict) and name != "client_kwargs"}
    if "client_id" not in auth and len(below) > 1:
        raise UsageError(
            f"secrets {str(path)!r}: expected one provider, found [auth.{'], [auth.'.join(below)}]; "
            "name a file with one by --secrets"
        )
    provider = auth if "client_id" in auth or not below else next(iter(below.values()))
    found: dict[str, str] = {}
    for name in _NEEDED:
        value = provider.get(name, auth.get(name))
        if not isinstance(value, str) or not value.strip():
            raise UsageError(f"secrets {str(path)!r}: expected a text as {name!r} in [auth]; add it")
        found[name] = value
    found["redirect_uri"] = found["redirect_uri"].replace("{port}", str(port))
    if len(found["cookie_secret"]) < _SHORTEST_SECRET:
        raise UsageError(
            f"secrets {str(path)!r}: expected a cookie_secret of {_SHORTEST_SECRET} characters or more; make one by "
            "python -c 'import secrets; print(secrets.token_urlsafe(48))'"
        )
    for name in ("redirect_uri", "server_metadata_url"):
        require_private(found[name], what=f"secrets {str(path)!r}: {name}")
    if urlsplit(found["redirect_uri"]).path != CALLBACK:
        raise UsageError(
            f"secrets {str(path)!r}: redirect_uri {found['redirect_uri']!r}: expected the address of this server "
            f"followed by {CALLBACK}; change it here and at the provider"
        )
    extra = _asked_for(provider.get("client_kwargs", {}), path)
    return OidcSettings.model_validate({**found, **extra})


def require_private(address: object, *, what: str) -> str:
    """The address, if what is sent there can be read by nobody on the way: https, or http to this machine itself.

    Raises UsageError for any other.
    """
    try:
        parts = urlsplit(address if isinstance(address, str) else "")
        host = parts.hostname or ""
    except ValueError:
        host = ""
    if not isinstance(address, str) or not (
        host and (parts.scheme == "https" or (parts.scheme == "http" and _is_here(host)))
    ):
        raise UsageError(
            f"{what} {address!r}: expected an address by https, or by http on this machine; change it"
        )
    return address


def _is_here(host: str) -> bool:
    try:
        return host == "localhost" or ip_address(host).is_loopback
    except ValueError:
        return False


def _asked_for(given: object, path: Path) -> dict[str, str]:
    """`client_kwargs`: what is asked of the provider beside the usual."""
    if not isinstance(given, dict) or not set(given) <= {"scope", "prompt"}:
        raise UsageError(
            f"secrets {str(path)!r}: client_kwargs: expected 'scope' and 'prompt' at most; remove the rest"
        )
    asked = {name: str(value) for name, value in given.items()}
    if "openid" not in asked.get("scope", "openid").split():
        raise UsageError(f"secrets {str(path)!r}: scope {asked['scope']!r}: expected 'openid' in it; add it")
    return asked


def _read(path: Path) -> Mapping[str, object]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise UsageError(f"secrets {str(path)!r}: expected a TOML file; docs/rating.md shows one") from None
    except (OSError, ValueError) as error:
        # The message of the parser may quote the line, and with it a secret.
        raise UsageError(
            f"secrets {str(path)!r}: expected a TOML file that can be read; mend it ({type(error).__name__})"
        ) from None
