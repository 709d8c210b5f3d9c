"""Raters who sign in through an identity provider: a provider on loopback, whose faults are ordered."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from starlette.testclient import TestClient

from spinebench.audit_records import RaterCard
from spinebench.dashboard.oidc_settings import OidcSettings, read_settings
from spinebench.dashboard.rater_server import COOKIE, create_rater_app
from spinebench.errors import UsageError
from spinebench.rating.assigning import Rateable, assign
from spinebench.store import Workspace
from spinebench.store.rater_identities import (
    current_identities,
    email_identity,
    identity_of,
    known_by,
    set_identities,
    subject_identity,
)
from spinebench.store.rater_tokens import issue_token
from tests.exams import Said
from tests.oidc_provider import CLIENT_ID, Provider
from tests.rated_audits import make_audit

if TYPE_CHECKING:
    from playwright.sync_api import Page

AT = datetime(2026, 3, 4, tzinfo=UTC)
HERE = "http://127.0.0.1"


@pytest.fixture(scope="module")
def _provider() -> Iterator[Provider]:
    with Provider() as started:
        yield started


@pytest.fixture
def provider(_provider: Provider) -> Provider:
    """As it was begun; the same for all tests, since a key takes long to make."""
    fresh = Provider()
    for name in ("claims", "changed", "metadata", "signed_by_another_key", "algorithm", "refuses", "asked"):
        setattr(_provider, name, getattr(fresh, name))
    return _provider


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    """Two raters, a and b, with ten traces each."""
    made, audit = make_audit(tmp_path, n_items=10, models=("sim/x",))
    for rater in "ab":
        made.save_rater(RaterCard(rater=rater, specialty="radiology"))
    traces = [Rateable.of(one) for one in audit.traces()]
    audit.write_assignments(assign(traces, ["a", "b"], audit_id=audit.audit_id, seed=3, at=AT, duplicates=0))
    return made


def settings(provider: Provider, folder: Path, address: str = HERE) -> OidcSettings:
    path = folder / "secrets.toml"
    path.write_text(provider.secrets(f"{address}/oauth2callback"))
    return read_settings(path, port=80)


def visitor(workspace: Workspace, provider: Provider) -> TestClient:
    app = create_rater_app(workspace, oidc=settings(provider, workspace.path.parent))
    return TestClient(app, base_url=HERE, follow_redirects=False)


def sent_back(client: TestClient) -> str:
    """The address to which the provider sends the person, who was sent there by the server."""
    left = client.get("/sign-in/oidc")
    assert left.status_code == 302
    back: str = httpx2.get(left.headers["location"]).headers["location"]
    return back


def signs_in(client: TestClient) -> Any:
    return client.get(sent_back(client))


# ---------------------------------------------------------------- the good path


@pytest.mark.parametrize(
    ("written", "claims"),
    [
        ("A@X.org", {"sub": "s", "email": "a@x.ORG", "email_verified": True}),
        ("a@x.org", {"sub": "s", "email": "a@x.org", "email_verified": "true"}),
        ("abc-1", {"sub": "abc-1"}),
        ("sub:p@home.org", {"sub": "p@home.org"}),
    ],
    ids=["verified e-mail", "verified as a text", "subject", "subject with an @"],
)
def test_a_known_person_comes_to_their_own_traces(
    workspace: Workspace, provider: Provider, written: str, claims: dict[str, Any]
) -> None:
    set_identities(workspace, "a", [identity_of(written)], at=AT)
    provider.claims = claims
    client = visitor(workspace, provider)
    assert "Sign in through 127.0.0.1" in client.get("/").text
    reply = signs_in(client)
    assert (reply.status_code, reply.headers["location"]) == (303, "/")
    assert re.search(rf"{COOKIE}=[^;]{{40,}}; HttpOnly; .*SameSite=lax", reply.headers["set-cookie"])
    address = client.get("/").headers["location"]
    assert '"rater":"a"' in client.get(address).text
    asked = provider.asked[0]
    assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
    assert asked["redirect_uri"] == f"{HERE}/oauth2callback"
    assert (len(asked["nonce"]) >= 20, len(asked["state"]) >= 20) == (True, True)
    assert client.post("/sign-out").headers["location"] == "/"
    assert client.get(address).headers["location"] == "/"


def test_a_browser_gets_a_new_session_and_loses_the_one_it_had(
    workspace: Workspace, provider: Provider
) -> None:
    set_identities(workspace, "b", [email_identity("a@x.org")], at=AT)
    client = visitor(workspace, provider)
    client.cookies.set(COOKIE, "chosen by somebody else", domain="127.0.0.1", path="/")
    signs_in(client)
    assert client.cookies[COOKIE] != "chosen by somebody else"
    client.cookies.clear()
    client.post("/sign-in", data={"token": issue_token(workspace, "a", at=AT)})
    before = client.cookies[COOKIE]
    signs_in(client)
    assert '"rater":"b"' in client.get(client.get("/").headers["location"]).text
    client.cookies.clear()
    client.cookies.set(COOKIE, before)
    assert client.get("/").status_code == 200  # the form: that session has ended


def test_a_session_ends_when_the_identity_is_taken_back(workspace: Workspace, provider: Provider) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    client = visitor(workspace, provider)
    signs_in(client)
    assert client.get("/").status_code == 303
    issue_token(workspace, "a", at=AT)  # another way in: this session stays
    assert client.get("/").status_code == 303
    set_identities(workspace, "a", [email_identity("other@x.org")], at=AT)
    assert "<h1>Sign in</h1>" in client.get("/").text


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("changed", "shown"),
    [
        ({"sub": "zzz", "email": "nobody@x.org"}, "nobody@x.org"),
        ({"email_verified": False}, "a@x.org (not verified)"),
        ({"email_verified": None}, "a@x.org (not verified)"),
        ({"email_verified": "yes"}, "a@x.org (not verified)"),
        ({"sub": "a@x.org", "email": None}, "subject: a@x.org"),
        ({"email": "\u212a@x.org", "sub": "k"}, "e-mail address: \u212a@x.org"),
        ({"email": "<script>1</script>@x.org"}, "&lt;script&gt;"),
    ],
    ids=["unknown", "unverified", "verification not said", "verified in words", "subject like an address",
         "letter that folds to k", "markup"],
)  # fmt: skip
def test_a_person_nobody_knows_is_told_what_to_do_and_sees_nothing_else(
    workspace: Workspace, provider: Provider, changed: dict[str, Any], shown: str
) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org"), email_identity("k@x.org")], at=AT)
    provider.changed = changed
    client = visitor(workspace, provider)
    reply = signs_in(client)
    assert (reply.status_code, client.cookies.get(COOKIE)) == (403, None)
    assert shown in reply.text
    assert "Give this to the study lead" in reply.text
    assert "<script" not in reply.text
    assert client.get("/").status_code == 200  # the form


@pytest.mark.parametrize(
    "changed",
    [
        {"nonce": "of another sign-in"},
        {"nonce": None},
        {"exp": int(time.time()) - 3600},
        {"exp": None},
        {"iat": int(time.time()) + 3600},
        {"aud": "another client"},
        {"aud": ["another client"], "azp": CLIENT_ID},
        {"aud": None},
        {"iss": "https://evil.example"},
        {"iss": None},
        {"sub": None},
        {"sub": ""},
        {"sub": 7},
    ],
    ids=["wrong nonce", "no nonce", "expired", "no expiry", "of the future", "wrong audience",
         "wrong audience, right party", "no audience", "wrong issuer", "no issuer", "no subject",
         "empty subject", "subject no text"],
)  # fmt: skip
def test_an_id_token_with_a_wrong_claim_signs_nobody_in(
    workspace: Workspace, provider: Provider, changed: dict[str, Any]
) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    provider.changed = changed
    client = visitor(workspace, provider)
    reply = signs_in(client)
    assert (reply.status_code, client.cookies.get(COOKIE)) == (403, None)
    assert "could not be accepted" in reply.text


@pytest.mark.parametrize(
    "fault",
    [{"signed_by_another_key": True}, {"algorithm": "none"}],
    ids=["another key", "not signed"],
)
def test_an_id_token_that_the_provider_did_not_sign_signs_nobody_in(
    workspace: Workspace, provider: Provider, fault: dict[str, Any]
) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    for name, value in fault.items():
        setattr(provider, name, value)
    client = visitor(workspace, provider)
    assert signs_in(client).status_code == 403
    assert COOKIE not in client.cookies


def test_coming_back_counts_once_and_in_the_browser_that_left(
    workspace: Workspace, provider: Provider
) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    client = visitor(workspace, provider)
    back = sent_back(client)
    somebody_else = visitor(workspace, provider)
    for reply in (
        somebody_else.get(back),
        somebody_else.get("/oauth2callback"),
        client.get(re.sub(r"state=\w+", "state=guessed", back)),
    ):
        assert reply.status_code == 403
        assert "begun in another browser, or too long ago" in reply.text
    assert client.get(back).status_code == 303
    assert client.get(back).status_code == 403  # the same again
    assert COOKIE not in somebody_else.cookies


def test_a_refusal_by_the_provider_is_said(workspace: Workspace, provider: Provider) -> None:
    provider.refuses = "access_denied"
    reply = signs_in(visitor(workspace, provider))
    assert reply.status_code == 403
    assert "was not allowed to say who you are" in reply.text
    assert 'action="/sign-in"' in reply.text


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": ""},
        {"token_endpoint": "http://provider.example/token"},
        {"authorization_endpoint": None},
        {"jwks_uri": 3},
        {"id_token_signing_alg_values_supported": ["none", "HS256"]},
    ],
    ids=[
        "no issuer",
        "readable on the way",
        "no address to go to",
        "no address of keys",
        "signs by nothing that counts",
    ],
)
def test_a_provider_that_cannot_be_trusted_is_not_asked(
    workspace: Workspace, provider: Provider, metadata: dict[str, Any]
) -> None:
    provider.metadata = metadata
    reply = visitor(workspace, provider).get("/sign-in/oidc")
    assert reply.status_code == 502
    assert "cannot be asked at present" in reply.text


def test_with_the_provider_away_tokens_still_open(workspace: Workspace, tmp_path: Path) -> None:
    with Provider() as gone:
        client = visitor(workspace, gone)
    assert client.get("/sign-in/oidc").status_code == 502
    assert client.post("/sign-in", data={"token": issue_token(workspace, "a", at=AT)}).status_code == 303


def test_no_address_leads_elsewhere(workspace: Workspace, provider: Provider) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    client = visitor(workspace, provider)
    for asked in ("/sign-in/oidc?next=//evil.example", "/sign-in/oidc?redirect_uri=https://evil.example"):
        left = client.get(asked, headers={"host": "evil.example", "x-forwarded-host": "evil.example"})
        to = urlsplit(left.headers["location"])
        assert f"{to.scheme}://{to.netloc}" == provider.address
        assert parse_qs(to.query)["redirect_uri"] == [f"{HERE}/oauth2callback"]
    back = sent_back(client)
    assert client.get(f"{back}&next=//evil.example").headers["location"] == "/"
    # A picture or link on another site begins no sign-in.
    foreign = client.get("/sign-in/oidc", headers={"sec-fetch-site": "cross-site"})
    assert (foreign.status_code, "location" in foreign.headers) == (200, False)


def test_without_a_provider_there_is_no_such_address(workspace: Workspace) -> None:
    client = TestClient(create_rater_app(workspace))
    assert (client.get("/sign-in/oidc").status_code, client.get("/oauth2callback").status_code) == (404, 404)
    assert "Sign in through" not in client.get("/").text


def test_cookies_travel_by_tls_alone_where_people_come_by_tls(
    workspace: Workspace, provider: Provider
) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    app = create_rater_app(workspace, oidc=settings(provider, workspace.path.parent, "https://rate.example"))
    # Behind a proxy that ends TLS the server itself is asked by http.
    client = TestClient(app, base_url="http://rate.example", follow_redirects=False)
    assert "secure" in client.get("/sign-in/oidc").headers["set-cookie"].lower()
    reply = client.post("/sign-in", data={"token": issue_token(workspace, "a", at=AT)})
    assert "secure" in reply.headers["set-cookie"].lower()


# ---------------------------------------------------------------- what is stored, and how it is written down


def test_an_identity_names_one_rater_and_is_stored_as_a_hash(
    workspace: Workspace, cli: Callable[..., Said], monkeypatch: pytest.MonkeyPatch
) -> None:
    def add(*more: str) -> Said:
        return cli("rate", "raters", "add", *more, "--workspace", workspace.path)

    said = add("a", "--oidc", "Ann@X.org", "--oidc", "abc-1")
    assert said.code == 0
    assert "2 identities" in said.err
    assert workspace.raters()["a"].specialty == "radiology"  # the card stays
    assert not [
        path for path in workspace.path.rglob("*") if path.is_file() and b"x.org" in path.read_bytes().lower()
    ]
    assert [rater for rater, _ in known_by(workspace, [email_identity("ann@x.org")])] == ["a"]
    taken = add("b", "--oidc", "ann@x.ORG")
    assert taken.code == 2
    assert "'a' has this one" in taken.err
    assert add("c", "--oidc", "c@x.org", "--years", "4").code == 0
    assert workspace.raters()["c"].years == 4
    assert add("a", "--no-oidc").code == 0
    assert list(current_identities(workspace)) == ["c"]
    assert add("b", "--oidc", "ann@x.org").code == 0
    assert add("b", "--oidc", "x@y", "--no-oidc").code == 2


@pytest.mark.parametrize(
    ("text", "identity"),
    [
        (" Ann.O@X.Org ", "email:ann.o@x.org"),
        ("ÄNN@x.org", "email:Änn@x.org"),
        ("auth0|5f7c", "sub:auth0|5f7c"),
        ("sub:A@b", "sub:A@b"),
        ("Case", "sub:Case"),
    ],
)
def test_identities_are_compared_as(text: str, identity: str) -> None:
    assert identity_of(text) == identity


@pytest.mark.parametrize(
    "text", ["", "  ", "@", "a@", "@b", "a@b@c", "a b", "a @b.org", "sub:", "x\x00y", "y" * 321]
)
def test_what_can_be_no_identity_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="expected an e-mail address or the provider's subject"):
        identity_of(text)


def test_somebody_whom_two_raters_claim_is_neither(workspace: Workspace, provider: Provider) -> None:
    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    set_identities(workspace, "b", [subject_identity("abc-1")], at=AT)
    assert signs_in(visitor(workspace, provider)).status_code == 403


# ---------------------------------------------------------------- the secrets file


def test_settings_are_those_of_streamlit(provider: Provider, tmp_path: Path) -> None:
    path = tmp_path / "secrets.toml"
    path.write_text(
        provider.secrets("http://localhost:{port}/oauth2callback")
        + 'client_kwargs = { prompt = "login", scope = "openid email profile" }\n[mail]\nx = 1\n'
    )
    found = read_settings(path, port=8502)
    assert found.redirect_uri == "http://localhost:8502/oauth2callback"
    assert (found.prompt, found.scope, found.by_https) == ("login", "openid email profile", False)
    assert "known to the provider" not in repr(found)
    top, below = path.read_text().split("client_id", 1)
    path.write_text(f"{top}[auth.clinic]\nclient_id{below}")
    assert read_settings(path, port=8502) == found


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("[auth]", "[else]", r"expected a block \[auth\]"),
        ("client_id", "id", "'client_id'"),
        ("k" * 40, "k" * 31, "cookie_secret of 32 characters"),
        ("http://127.0.0.1/oauth2callback", "http://rate.example/oauth2callback", "by https"),
        ("http://127.0.0.1/oauth2callback", "https://rate.example/back", "/oauth2callback"),
        ("http://127.0.0.1:", "http://10.0.0.1:", "server_metadata_url.*by https"),
        ("[auth]", "[auth", "TOML file that can be read"),
        ("[auth]", '[auth]\nclient_kwargs = { scope = "email" }', "expected 'openid' in it"),
        ("[auth]", '[auth]\nclient_kwargs = { verify = false }', "'scope' and 'prompt' at most"),
    ],
    ids=["no block", "no client id", "short secret", "no TLS", "another path", "provider without TLS", "no TOML",
         "no openid", "other settings"],
)  # fmt: skip
def test_a_secrets_file_is_refused(provider: Provider, tmp_path: Path, old: str, new: str, said: str) -> None:
    path = tmp_path / "secrets.toml"
    text = provider.secrets(f"{HERE}/oauth2callback")
    assert old in text
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(UsageError, match=said) as refused:
        read_settings(path, port=80)
    assert "known to the provider" not in str(refused.value)


def test_serving_with_a_wrong_secrets_file_does_not_begin(
    workspace: Workspace, cli: Callable[..., Said], tmp_path: Path
) -> None:
    said = cli("rate", "serve", "--workspace", workspace.path, "--secrets", tmp_path / "none.toml")
    assert (said.code, "expected a TOML file" in said.err) == (2, True)


# ---------------------------------------------------------------- in a browser


def test_signing_in_through_the_provider_in_a_browser(
    workspace: Workspace, provider: Provider, tab: Page
) -> None:
    from tests.dashboard.test_rate import Server

    set_identities(workspace, "a", [email_identity("a@x.org")], at=AT)
    server = Server(workspace, oidc=lambda address: settings(provider, workspace.path.parent, address))
    try:
        tab.goto(server.address)
        tab.click("text=Sign in through 127.0.0.1")
        tab.click("#yes")
        tab.wait_for_selector(".dimension")
        assert tab.inner_text("#rater") == "a"
        assert tab.url.startswith(f"{server.address}/rate/")
        tab.click("#sign-out")
        tab.wait_for_selector("#token")
        provider.changed = {"email_verified": False}
        tab.click("text=Sign in through 127.0.0.1")
        tab.click("#yes")
        tab.wait_for_selector("text=Nobody of this study")
        tab.click("text=Back")
        tab.wait_for_selector("#token")
    finally:
        tab.goto("about:blank")
        server.stop()
