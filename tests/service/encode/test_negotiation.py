"""The Accept header, by RFC 9110."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.encode.negotiation import Encoder, Encoders
from service.errors import NotAcceptableError

JSON, GLB = "application/json", "model/gltf-binary"
ENCODERS = Encoders([Encoder(JSON, lambda hand: b""), Encoder(GLB, lambda hand: b"")])


@pytest.mark.parametrize(
    ("accept", "chosen"),
    [
        (None, JSON),
        ("", JSON),
        ("*/*", JSON),
        ("model/*", GLB),
        ("model/gltf-binary", GLB),
        ("Model/GLTF-Binary ; q=0.9", GLB),
        ("application/json;q=0.5, model/gltf-binary", GLB),
        ("application/json, model/gltf-binary", JSON),
        ("text/html, */*;q=0.1", JSON),
        ("application/json;q=0, */*", GLB),
        ("*/*, application/json;q=0.2", GLB),
        ("application/json; charset=utf-8", JSON),
    ],
)
def test_chooses_what_is_liked_best(accept: str | None, chosen: str) -> None:
    assert ENCODERS.choose(accept).media_type == chosen


@pytest.mark.parametrize("accept", ["text/html", "image/*", "application/json;q=0", "application/json;q=x"])
def test_refuses_what_it_cannot_write_and_lists_what_it_can(accept: str) -> None:
    with pytest.raises(NotAcceptableError) as refusal:
        ENCODERS.choose(accept)
    assert refusal.value.extensions == {"available": [JSON, GLB]}


@given(st.text(alphabet="aj/*;q=,. 01n-", max_size=40))
def test_survives_any_header(accept: str) -> None:
    try:
        ENCODERS.choose(accept)
    except NotAcceptableError as refusal:
        assert refusal.status == 406
