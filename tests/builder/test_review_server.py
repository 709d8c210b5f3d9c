"""Review on the raters' server, asked as a browser asks, and as somebody asks who should not."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from starlette.testclient import TestClient

from spinebench.audit_records import RaterCard
from spinebench.builder.review.ledger import decisions_of
from spinebench.builder.review.plan import ReviewPlan
from spinebench.builder.review.queue import Review
from spinebench.dashboard.rater_server import create_rater_app
from spinebench.store import Workspace
from spinebench.store.rater_tokens import issue_token
from tests.builder.review_builds import candidate, make_build

AT = datetime(2026, 3, 4, tzinfo=UTC)
HOSTILE = (
    "</script><script>window.taken=1</script><img src=x onerror='window.taken=1'> \x1b[31m \u202egnp\u202c"
)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    """Six items, three for each of anna and ben."""
    plan = ReviewPlan(reviewers=("anna", "ben"), double_share=0)
    return make_build(
        tmp_path, [candidate(number, question=f"{number} {HOSTILE}") for number in range(6)], plan
    )


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    found = Workspace(tmp_path / "workspace")
    found.create()
    for rater in ("anna", "ben", "carl"):
        found.save_rater(RaterCard(rater=rater))
    return found


def signed_in(workspace: Workspace, build: Path, rater: str = "anna") -> TestClient:
    client = TestClient(create_rater_app(workspace, review=build))
    token = issue_token(workspace, rater, at=AT)
    assert client.post("/sign-in", data={"token": token}, follow_redirects=False).status_code == 303
    return client


def content_of(client: TestClient) -> dict[str, Any]:
    found = re.search(
        r'<script type="application/json" id="content">(.*?)</script>', client.get("/").text, re.DOTALL
    )
    assert found is not None
    content: dict[str, Any] = json.loads(found[1])
    return content


def cases_of(client: TestClient, content: Mapping[str, Any]) -> list[dict[str, Any]]:
    keys = ",".join(one["id"] for one in content["items"])
    cases: list[dict[str, Any]] = client.get(f"{content['server']['items']}/{keys}").json()["cases"]
    return cases


def decided(case: Mapping[str, Any], **changes: Any) -> dict[str, Any]:
    fields: dict[str, Any] = {
        "key": "0" * 32, "follows": None, "withdrawn": False, "item_id": case["item_id"],
        "item_hash": case["item_hash"], "decision": "accept", "reason": None, "gold": [], "note": "",
    }  # fmt: skip
    return {**fields, **changes}


def test_everybody_reaches_their_own_part_and_no_other(workspace: Workspace, build: Path) -> None:
    anna, ben, carl = (signed_in(workspace, build, name) for name in ("anna", "ben", "carl"))
    own, other = content_of(anna), content_of(ben)
    assert (len(own["items"]), len(other["items"]), own["set"] == other["set"]) == (3, 3, False)
    assert "nothing for you to do" in carl.get("/").text
    theirs = cases_of(ben, other)
    for path in (
        f"/review/{other['set']}",
        f"{other['server']['items']}/{other['items'][0]['id']}",
        f"{other['server']['images']}/{theirs[0]['images'][0]['key']}",
        f"{own['server']['images']}/../../../etc/passwd",
        f"{own['server']['images']}/{'0' * 32}",
        "/review/x",
    ):
        assert anna.get(path).status_code == 404, path
    keys = ",".join(one["id"] for one in other["items"])
    assert anna.get(f"{own['server']['items']}/{keys}").json() == {"cases": []}
    assert anna.post(other["server"]["submit"], json=decided(theirs[0])).status_code == 403
    refused = anna.post(own["server"]["submit"], json=decided(theirs[0]))
    assert (refused.status_code, refused.json()["reason"]) == (422, "the item is not one of this reviewer's")
    nobody = TestClient(create_rater_app(workspace, review=build))
    assert nobody.get(own["server"]["images"] + "/x").status_code == 401
    assert nobody.post(own["server"]["submit"], json={}).status_code == 401
    assert nobody.get(f"/review/{own['set']}", follow_redirects=False).headers["location"] == "/"
    assert decisions_of(build / "review") == ()
    # Without a build to review there is nothing of it.
    assert TestClient(create_rater_app(workspace)).get(f"/review/{own['set']}").status_code == 404


def test_texts_arrive_as_texts_and_images_as_images(workspace: Workspace, build: Path) -> None:
    client = signed_in(workspace, build)
    page = client.get("/")
    assert "window.taken" not in page.text
    assert "default-src 'none'" in page.text
    (case, *_) = cases_of(client, content_of(client))
    assert HOSTILE in case["question"]
    reply = client.get(f"{content_of(client)['server']['images']}/{case['images'][0]['key']}")
    assert (reply.headers["content-type"], reply.headers["x-content-type-options"]) == (
        "image/png",
        "nosniff",
    )
    assert (
        reply.content
        == (build / "standardize" / candidate(int(case["item_id"][-3:])).item.images[0].path).read_bytes()
    )


def test_handed_in_once_or_twenty_times_it_is_one_decision(workspace: Workspace, build: Path) -> None:
    client = signed_in(workspace, build)
    content = content_of(client)
    case = cases_of(client, content)[0]
    submit = content["server"]["submit"]
    replies: list[Any] = []
    threads = [
        threading.Thread(target=lambda: replies.append(client.post(submit, json=decided(case)).json()))
        for _ in range(20)
    ]
    for one in threads:
        one.start()
    for one in threads:
        one.join()
    assert replies == [{"rating_id": "0" * 32, "remarks": []}] * 20
    assert len((build / "review/decisions/anna.jsonl").read_bytes().splitlines()) == 1
    later = decided(case, key="1" * 32, decision="reject", reason="poor_image")
    conflict = client.post(submit, json=later)
    assert (conflict.status_code, conflict.json()["stands"]) == (409, "0" * 32)
    assert client.post(submit, json=later | {"follows": "0" * 32}).status_code == 200
    assert [one.decision for one in decisions_of(build / "review")] == ["reject"]
    assert cases_of(client, content)[0]["standing"]["reason"] == "poor_image"
    assert [one["state"] for one in content_of(client)["items"]].count("reject") == 1


@pytest.mark.parametrize(
    "changes",
    [
        {"key": "../../x"},
        {"key": None},
        {"decision": "maybe"},
        {"decision": "reject"},
        {"gold": "Healthy"},
        {"gold": [["Healthy"]]},
        {"item_id": "nobody's"},
        {"item_id": 3},
        {"item_hash": "0" * 64},
        {"note": "x" * 10_001},
        {"note": "\ud800", "decision": "\ud800"},
        {"withdrawn": True},
        {"withdrawn": "perhaps"},
    ],
    ids=["key", "no key", "decision", "no reason", "a text", "a list", "item", "number", "stale", "note", "half",
         "nothing to take back", "withdrawn"],
)  # fmt: skip
def test_what_is_no_decision_is_refused(workspace: Workspace, build: Path, changes: dict[str, Any]) -> None:
    client = signed_in(workspace, build)
    content = content_of(client)
    case = cases_of(client, content)[0]
    reply = client.post(content["server"]["submit"], content=json.dumps(decided(case, **changes)))
    assert (reply.status_code, bool(reply.json()["reason"])) == (422, True)
    assert decisions_of(build / "review") == ()


def test_what_cannot_be_read_is_refused(workspace: Workspace, build: Path) -> None:
    client = signed_in(workspace, build)
    content = content_of(client)
    for body in (b"", b"{", b"[" * 100_000, b'"x"', b"[]", b"1" * (1 << 21)):
        assert client.post(content["server"]["submit"], content=body).status_code in {400, 422}
    sent = decided(cases_of(client, content)[0])
    for headers in ({"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}):
        assert client.post(content["server"]["submit"], json=sent, headers=headers).status_code == 403
    assert decisions_of(build / "review") == ()


def test_a_build_that_changes_under_the_server(workspace: Workspace, build: Path, tmp_path: Path) -> None:
    client = signed_in(workspace, build)
    content = content_of(client)
    case = cases_of(client, content)[0]
    plan = Review.open(build).plan
    make_build(tmp_path, [candidate(number, question="Another wording?") for number in range(6)], plan)
    reply = client.post(content["server"]["submit"], json=decided(case))
    assert (reply.status_code, "has changed" in reply.json()["reason"]) == (422, True)
    assert cases_of(client, content)[0]["question"] == "Another wording?"
    (build / "review" / "plan.json").unlink()
    broken = client.get("/")
    assert (broken.status_code, "Something is wrong" in broken.text) == (500, True)
