"""Images of cases: byte for byte what was sent, and no other file."""

from __future__ import annotations

from pathlib import Path

import pytest
from starlette.applications import Starlette
from starlette.testclient import TestClient

from spinebench.dashboard.image_route import image_routes, image_url
from spinebench.store import Workspace
from tests.dashboard.hostile_cases import hostile_workspace
from tests.stored_runs import key


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return hostile_workspace(tmp_path)


@pytest.fixture
def client(workspace: Workspace) -> TestClient:
    return TestClient(Starlette(routes=image_routes(workspace)))


ADDRESS = image_url("run-1", key("d1").id(), 0)


def test_the_bytes_are_those_of_the_file(client: TestClient, tmp_path: Path) -> None:
    found = client.get(ADDRESS)
    assert found.status_code == 200
    assert found.content == (tmp_path / "images" / "film.png").read_bytes()
    assert found.headers["content-type"] == "image/png"
    assert found.headers["x-content-type-options"] == "nosniff"
    assert found.headers["cache-control"] == "private, no-cache"


def test_an_image_that_the_browser_has_is_not_sent_again(client: TestClient) -> None:
    etag = client.get(ADDRESS).headers["etag"]
    again = client.get(ADDRESS, headers={"If-None-Match": etag})
    assert (again.status_code, again.content) == (304, b"")


@pytest.mark.parametrize(
    "address",
    [
        image_url("run-1", key("d1").id(), 1),
        image_url("run-1", key("d1").id(), 99999999999),
        image_url("run-1", key("d1").id(), 0) + "0" * 5000,
        image_url("run-1", "0" * 32, 0),
        image_url("run-2", key("d1").id(), 0),
        "/case-images/run-1/../../secret.txt/0",
        "/case-images/run-1/..%2F..%2Fsecret.txt/0",
        "/case-images/run-1/' OR 1=1 --/0",
        f"/case-images/run-1/{key('d1').id()}/film.png",
        f"/case-images/run-1/{key('d1').id()}/-1",
        "/case-images/%2Fetc%2Fpasswd",
    ],
)
def test_nothing_else_is_served(client: TestClient, address: str) -> None:
    found = client.get(address)
    assert found.status_code == 404
    assert b"business" not in found.content


def test_a_replaced_image_is_not_served_in_its_place(client: TestClient, tmp_path: Path) -> None:
    from PIL import Image

    Image.new("L", (9, 9), 200).save(tmp_path / "images" / "film.png")
    assert client.get(ADDRESS).status_code == 410


def test_a_link_out_of_the_folder_is_not_followed(client: TestClient, tmp_path: Path) -> None:
    film = tmp_path / "images" / "film.png"
    outside = film.rename(tmp_path / "outside.png")
    film.symlink_to(outside)
    assert client.get(ADDRESS).status_code == 410


def test_only_reading(client: TestClient) -> None:
    assert client.post(ADDRESS).status_code == 405
