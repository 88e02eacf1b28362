"""How the gateway serves the page: headers, caching, and nothing in the way of the API."""

from __future__ import annotations

import re
from pathlib import Path

import httpx
import pytest

from service.app import create_app
from service.settings import Settings
from tests.clients.web.conftest import WEB
from tests.service.conftest import served

ASSETS = re.findall(r'"\./(assets/[^"]+)"', (WEB / "dist" / "index.html").read_text())


def test_the_page_is_asked_for_anew_and_speaks_to_no_one_else(gateway_url: str) -> None:
    reply = httpx.get(gateway_url)
    assert reply.status_code == 200
    assert reply.headers["content-type"].startswith("text/html")
    assert reply.headers["cache-control"] == "no-cache"
    policy = reply.headers["content-security-policy"]
    assert policy.startswith("default-src 'none'")
    assert "unsafe" not in policy and "http" not in policy and "*" not in policy
    again = httpx.get(gateway_url, headers={"if-none-match": reply.headers["etag"]})
    assert again.status_code == 304


@pytest.mark.parametrize("asset", ASSETS)
@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_assets_are_kept_forever_and_are_the_same_in_every_form(
    asset: str, coding: str, gateway_url: str
) -> None:
    reply = httpx.get(f"{gateway_url}/{asset}", headers={"accept-encoding": coding})
    assert reply.status_code == 200
    assert "immutable" in reply.headers["cache-control"]
    content = (WEB / "dist" / asset).read_bytes()
    assert reply.content == content  # httpx reads either form
    if asset.endswith(".js"):
        assert int(reply.headers["content-length"]) < len(content) * (1.1 if coding == "identity" else 0.26)
    again = httpx.get(
        f"{gateway_url}/{asset}",
        headers={"accept-encoding": coding, "if-none-match": f'"other", W/{reply.headers["etag"]}'},
    )
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["etag"] == reply.headers["etag"]
    head = httpx.head(f"{gateway_url}/{asset}", headers={"accept-encoding": coding})
    assert head.headers["content-length"] == reply.headers["content-length"]


@pytest.mark.parametrize(
    ("accepted", "coding"),
    [
        ("gzip, deflate, br, zstd", "br"),
        ("gzip;q=1.0, br;q=0.5", "br"),
        ("GZIP", "gzip"),
        ("br;q=0, gzip", "gzip"),
        ("br ; q = 0.00 , gzip;q=0.0", None),
        ("", None),
        ("deflate, *;q=0", None),
    ],
)
def test_the_smallest_form_that_is_read_is_sent(accepted: str, coding: str | None, gateway_url: str) -> None:
    (script,) = [asset for asset in ASSETS if asset.endswith(".js")]
    reply = httpx.get(f"{gateway_url}/{script}", headers={"accept-encoding": accepted})
    assert reply.headers.get("content-encoding") == coding
    assert reply.headers["vary"] == "accept-encoding"


def test_a_picture_is_not_compressed_again(gateway_url: str) -> None:
    (sample,) = (WEB / "dist" / "assets").glob("*.jpg")
    assert "content-encoding" not in httpx.get(f"{gateway_url}/assets/{sample.name}").headers


@pytest.mark.parametrize(
    "path", ["assets/none.js", "assets/..%2Findex.html", "assets/%2Fetc%2Fhosts", "none"]
)
def test_what_is_not_there_is_a_problem_document(path: str, gateway_url: str) -> None:
    reply = httpx.get(f"{gateway_url}/{path}")
    assert reply.status_code == 404
    assert reply.headers["content-type"] == "application/problem+json"


def test_the_api_keeps_its_places(gateway_url: str) -> None:
    assert httpx.get(f"{gateway_url}/docs").status_code == 200
    assert httpx.get(f"{gateway_url}/v1/reconstruct").status_code == 405
    assert not [path for path in httpx.get(f"{gateway_url}/openapi.json").json()["paths"] if "assets" in path]


def test_without_the_folder_there_is_the_api_alone(model_repository: Path, tmp_path: Path) -> None:
    settings = Settings(model_repository=model_repository, web_folder=tmp_path)
    with served(create_app(settings)) as client:
        assert client.get("/").status_code == 404
        assert client.get("/livez").status_code == 200
