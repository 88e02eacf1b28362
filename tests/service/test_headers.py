"""What answers tell browsers, and what they do not tell anyone."""

from __future__ import annotations

import re

import httpx
import pytest
from fastapi import FastAPI

from service import __version__
from service.app import create_app
from service.engines.protocol import EngineFactory
from service.headers import DEFAULTS, add_defaults
from service.settings import Settings
from tests.service.conftest import served
from tests.service.pictures import encoded, picture
from tests.service.streams.serving import SteadyEngine

FRIEND, STRANGER = "https://friend.example", "https://stranger.example"
JPEG = encoded(picture(64, 64), "JPEG")
PREFLIGHT = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "authorization,content-type,x-api-key",
}


def answers(client: httpx.Client) -> dict[str, httpx.Response]:
    """Return an answer of each kind."""
    jpeg = {"content-type": "image/jpeg"}
    paths = ("/", "/docs", "/openapi.json", "/livez", "/readyz", "/metrics", "/v1/model", "/nowhere")
    return {
        **{path: client.get(path) for path in paths},
        "a hand": client.post("/v1/reconstruct", content=JPEG, headers=jpeg),
        "a mesh": client.post(
            "/v1/reconstruct", content=JPEG, headers={**jpeg, "accept": "model/gltf-binary"}
        ),
        "a problem": client.post("/v1/reconstruct", content=b"no picture", headers=jpeg),
        "a method that is not there": client.delete("/v1/reconstruct"),
    }


def test_every_answer_is_kept_out_of_frames_and_guesses(client: httpx.Client) -> None:
    for name, answer in answers(client).items():
        policy = answer.headers["content-security-policy"]
        assert "default-src 'none'" in policy and "frame-ancestors 'none'" in policy, name
        assert answer.headers["x-content-type-options"] == "nosniff", name
        assert answer.headers["x-frame-options"] == "DENY", name
        assert answer.headers["referrer-policy"] == "no-referrer", name
        assert answer.headers["cross-origin-resource-policy"] == "same-origin", name
        assert "access-control-allow-origin" not in answer.headers, name


def test_a_crash_has_the_headers_too(embedded_settings: Settings) -> None:
    engine = SteadyEngine()
    with served(create_app(embedded_settings, engine)) as client:
        engine.failure = ZeroDivisionError("broken")
        answer = client.post("/v1/reconstruct", content=JPEG, headers={"content-type": "image/jpeg"})
    assert answer.status_code == 500
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "ZeroDivisionError" not in answer.text and "Traceback" not in answer.text


def test_no_header_says_what_serves(client: httpx.Client) -> None:
    names = re.compile(
        r"uvicorn|fastapi|starlette|python|triton|nginx|" + re.escape(__version__), re.IGNORECASE
    )
    for name, answer in answers(client).items():
        told = {key: value for key, value in answer.headers.items() if names.search(f"{key}: {value}")}
        assert not told, name


def test_the_page_may_use_camera_and_xr_and_nothing_else(client: httpx.Client) -> None:
    told = dict(part.strip().split("=") for part in client.get("/").headers["permissions-policy"].split(","))
    assert {name for name, who in told.items() if who == "(self)"} == {"camera", "xr-spatial-tracking"}
    assert set(told.values()) == {"(self)", "()"}


def test_what_a_route_says_itself_stands() -> None:
    headers = [(b"content-security-policy", b"mine")]
    add_defaults(headers)
    assert dict(headers) == {**dict(DEFAULTS), b"content-security-policy": b"mine"}
    assert len(headers) == len(DEFAULTS)


def cors_app(settings: Settings, *origins: str, engine: EngineFactory | None = None) -> FastAPI:
    """Return a gateway that is open to pages of `origins`."""
    return create_app(settings.model_copy(update={"cors_origins": origins}), engine or SteadyEngine())


def test_pages_of_other_sites_read_nothing_unless_they_are_named(
    client: httpx.Client, embedded_settings: Settings
) -> None:
    closed = client.options("/v1/reconstruct", headers={"origin": FRIEND, **PREFLIGHT})
    assert not closed.is_success
    assert not [name for name in closed.headers if name.startswith("access-control")]
    with served(cors_app(embedded_settings, FRIEND)) as opened:
        allowed = opened.options("/v1/reconstruct", headers={"origin": FRIEND, **PREFLIGHT})
        assert allowed.is_success and allowed.headers["access-control-allow-origin"] == FRIEND
        refused = opened.options("/v1/reconstruct", headers={"origin": STRANGER, **PREFLIGHT})
        assert not refused.is_success and "access-control-allow-origin" not in refused.headers
        answer = opened.get("/v1/model", headers={"origin": FRIEND})
        assert answer.headers["access-control-allow-origin"] == FRIEND
        assert "origin" in answer.headers["vary"].lower(), "no cache gives it to another site"
        assert "retry-after" in answer.headers["access-control-expose-headers"]
        assert "access-control-allow-credentials" not in answer.headers
        assert (
            "access-control-allow-origin" not in opened.get("/v1/model", headers={"origin": STRANGER}).headers
        )


def test_refusals_and_crashes_can_be_read_by_those_who_are_named(embedded_settings: Settings) -> None:
    engine = SteadyEngine()
    with served(cors_app(embedded_settings, FRIEND, engine=engine)) as client:
        headers = {"origin": FRIEND, "content-type": "image/jpeg"}
        engine.failure = ZeroDivisionError("broken")
        for content, status in ((b"no picture", 400), (JPEG, 500)):
            answer = client.post("/v1/reconstruct", content=content, headers=headers)
            assert answer.status_code == status
            assert answer.headers["access-control-allow-origin"] == FRIEND


@pytest.mark.parametrize(
    ("given", "taken"),
    [
        ("", ()),
        ("*", ("*",)),
        ("https://a.example, http://localhost:5173", ("https://a.example", "http://localhost:5173")),
    ],
)
def test_origins_are_written_with_commas(
    given: str, taken: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SIMAHAND_CORS_ORIGINS", given)
    assert Settings().cors_origins == taken


@pytest.mark.parametrize("origin", ["a.example", "https://a.example/", "ftp://a.example", "https://", "null"])
def test_what_is_no_origin_is_refused(origin: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMAHAND_CORS_ORIGINS", origin)
    with pytest.raises(ValueError, match="cors_origins"):
        Settings()
