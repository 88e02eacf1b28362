"""Every kind of bad upload: its status, a body that says what was wrong, and a gateway that serves on."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

from service.app import create_app
from service.errors import PROBLEM_MEDIA_TYPE, PROBLEM_TYPE_PREFIX
from service.settings import Settings
from tests.service.conftest import served
from tests.service.pictures import encoded, picture, png_header

PIXELS = picture(120, 100)
JPEG = encoded(PIXELS, "JPEG")
BOUNDARY = "multipart/form-data; boundary=x"
PART = b'--x\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n'
FRAMES = [Image.fromarray(picture(40, 40, seed=seed)) for seed in range(2)]


@pytest.fixture(autouse=True)
def serves_on(client: httpx.Client) -> Iterator[None]:
    """After whatever a test has done, a good picture gets its hand."""
    yield
    headers = {"content-type": "image/jpeg"}
    assert client.post("/v1/reconstruct", content=JPEG, headers=headers).status_code == 200


def assert_problem(answer: httpx.Response, status: int, slug: str, says: str) -> dict[str, Any]:
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == PROBLEM_MEDIA_TYPE
    problem: dict[str, Any] = answer.json()
    assert problem["type"] == PROBLEM_TYPE_PREFIX + slug
    assert problem["status"] == status
    assert problem["title"]
    assert says in problem["detail"]
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert "server-timing" in answer.headers
    return problem


@pytest.mark.parametrize(
    ("body", "content_type", "status", "slug", "says"),
    [
        (b"not an image at all", "image/jpeg", 400, "unreadable-image", "first bytes"),
        (JPEG[: len(JPEG) // 2], "image/jpeg", 400, "unreadable-image", "truncated"),
        (encoded(PIXELS)[:-40], "image/png", 400, "unreadable-image", "cannot be decoded"),
        (b"", "image/jpeg", 400, "unreadable-image", "empty"),
        (png_header(10_000, 10_000), "image/png", 413, "too-large", "100000000 pixels, over 25000000"),
        (bytes(9 << 20), "image/jpeg", 413, "too-large", f"{9 << 20} bytes, over {8 << 20}"),
        (JPEG, "text/plain", 415, "unsupported-media-type", "text/plain"),
        (JPEG, "image/gif", 415, "unsupported-media-type", "image/gif"),
        (JPEG, "", 415, "unsupported-media-type", "missing"),
        (encoded(FRAMES[0], "PNG", save_all=True, append_images=FRAMES[1:]), "image/png", 415,
         "unsupported-media-type", "animation"),
        (encoded(FRAMES[0], "GIF"), "image/png", 400, "unreadable-image", "first bytes"),
        (JPEG, "multipart/form-data", 400, "malformed-multipart", "boundary"),
        (b"no form", BOUNDARY, 400, "malformed-multipart", ""),
        (b"", BOUNDARY, 400, "malformed-multipart", "no file field"),
        (PART + JPEG, BOUNDARY, 400, "malformed-multipart", "no file field"),
        (PART.replace(b"image", b"photo") + JPEG + b"\r\n--x--\r\n", BOUNDARY, 400, "malformed-multipart",
         "no file field 'image'"),
        (PART + JPEG + b"\r\n" + PART + JPEG + b"\r\n--x--\r\n", BOUNDARY, 400, "malformed-multipart",
         "Too many files"),
        (b"--x\r\nno header\r\n\r\n" + JPEG + b"\r\n--x--\r\n", BOUNDARY, 400, "malformed-multipart", ""),
        (PART.replace(b'name="image"; ', b"") + JPEG + b"\r\n--x--\r\n", BOUNDARY, 400,
         "malformed-multipart", "name"),
        (PART + b"\r\n--x--\r\n", BOUNDARY, 400, "unreadable-image", "empty"),
    ],
)  # fmt: skip
def test_a_bad_body(
    client: httpx.Client, body: bytes, content_type: str, status: int, slug: str, says: str
) -> None:
    headers = {"content-type": content_type} if content_type else {}
    assert_problem(client.post("/v1/reconstruct", content=body, headers=headers), status, slug, says)


@pytest.mark.parametrize(
    ("query", "status", "slug", "says"),
    [
        ("box=200,10,50,50", 400, "bad-box", "outside the upright image of 120 x 100"),
        ("box=10,-80,50,50", 400, "bad-box", "outside"),
        ("box=10,10,0,50", 400, "bad-box", "10,10,0,50"),
        ("box=nan,10,20,50", 400, "bad-box", "nan"),
        ("box=1e308,10,20,50", 400, "bad-box", "outside"),
        ("box=0,0,1e9,1e9", 400, "bad-box", "over 4 times"),
        ("box=oops", 400, "bad-box", "oops"),
        ("hand=foot", 422, "invalid-parameter", "'right' or 'left'"),
        ("hadn=left", 422, "invalid-parameter", "hadn"),
        ("fx=-500&fy=500&cx=60&cy=50", 422, "invalid-parameter", "fx"),
        ("fx=500", 422, "invalid-parameter", "belong together"),
        ("model=svr_foot", 404, "unknown-model", "svr_foot"),
        ("version=77", 404, "unknown-model", "77"),
        ("version=first", 422, "invalid-parameter", "version"),
    ],
)
def test_a_bad_parameter(client: httpx.Client, query: str, status: int, slug: str, says: str) -> None:
    answer = client.post(f"/v1/reconstruct?{query}", content=JPEG, headers={"content-type": "image/jpeg"})
    assert_problem(answer, status, slug, says)


def test_an_accept_that_cannot_be_met_lists_what_there_is(client: httpx.Client) -> None:
    headers = {"content-type": "image/jpeg", "accept": "text/html"}
    answer = client.post("/v1/reconstruct", content=JPEG, headers=headers)
    problem = assert_problem(answer, 406, "not-acceptable", "text/html")
    assert problem["available"] == ["application/json", "model/gltf-binary"]


def test_a_body_of_unknown_length_is_counted_as_it_comes(client: httpx.Client) -> None:
    chunks = (bytes(1 << 20) for _ in range(40))
    answer = client.post("/v1/reconstruct", content=chunks, headers={"content-type": "image/jpeg"})
    assert_problem(answer, 413, "too-large", f"over {8 << 20} bytes")


def test_the_framework_s_own_refusals_have_the_same_form(client: httpx.Client) -> None:
    assert_problem(client.get("/v1/reconstruct"), 405, "http-405", "Method Not Allowed")
    assert_problem(client.get("/nowhere"), 404, "http-404", "/nowhere")


@contextmanager
def half_an_upload(client: httpx.Client) -> Iterator[socket.socket]:
    """A connection on which the body has begun and does not go on."""
    with socket.create_connection((client.base_url.host, client.base_url.port or 80), timeout=10) as line:
        line.sendall(
            b"POST /v1/reconstruct HTTP/1.1\r\nhost: x\r\nconnection: close\r\n"
            b"content-type: image/jpeg\r\ncontent-length: 99\r\n\r\n..."
        )
        yield line


def test_a_body_that_does_not_come_is_not_waited_for(embedded_settings: Settings) -> None:
    impatient = embedded_settings.model_copy(update={"body_timeout_s": 0.2})
    with served(create_app(impatient)) as client, half_an_upload(client) as line:
        reply = b"".join(iter(lambda: line.recv(4096), b""))
    assert reply.startswith(b"HTTP/1.1 408")
    assert b"slow-upload" in reply


def test_a_caller_who_hangs_up_does_no_harm(client: httpx.Client) -> None:
    with half_an_upload(client):
        pass
    assert client.get("/livez").status_code == 200


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.binary(max_size=300), st.sampled_from(["image/jpeg", "image/webp", BOUNDARY, "a/b"]))
def test_any_bytes_are_refused_with_a_reason(client: httpx.Client, body: bytes, content_type: str) -> None:
    answer = client.post("/v1/reconstruct", content=body, headers={"content-type": content_type})
    assert answer.status_code in {400, 415}
    assert answer.json()["detail"]
