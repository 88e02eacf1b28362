"""What a caller may say, and how each mistake is answered."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.crop import Box
from service.errors import BadBoxError, GatewayError, InvalidParameterError
from service.geometry import Intrinsics
from service.parameters import Parameters, parse_box, parse_parameters


def test_defaults_are_a_right_hand_that_fills_the_picture() -> None:
    parameters = parse_parameters(b"", [])
    assert (parameters.hand, parameters.tight_box, parameters.intrinsics) == ("right", None, None)
    assert (parameters.model, parameters.version) == (None, "")


def test_query_and_form_are_read_alike() -> None:
    query = b"hand=left&box=1,2.5,30,4e1&fx=500&fy=501&cx=-3&cy=4&version=12"
    fields = [tuple(pair.split("=")) for pair in query.decode().split("&")]
    from_query, from_form = parse_parameters(query, []), parse_parameters(b"", fields)  # type: ignore[arg-type]
    assert from_query == from_form
    assert from_query.tight_box == Box(1, 2.5, 30, 40)
    assert from_query.intrinsics == Intrinsics(500, 501, -3, 4)
    assert parse_parameters(b"box=1%2C2%2C3%2C4", []).tight_box == Box(1, 2, 3, 4)


@pytest.mark.parametrize("box", ["", "1,2,3", "1,2,3,4,5", "a,b,c,d", "1;2;3;4", "1,2,0,4", "1,2,3,-4",
                                 "nan,2,3,4", "1,2,inf,4", "1,2,3,nan"])  # fmt: skip
def test_a_bad_box_is_told_apart(box: str) -> None:
    with pytest.raises(BadBoxError, match="box must be x,y,w,h"):
        parse_box(box)


@pytest.mark.parametrize(
    ("query", "complaint"),
    [
        (b"hand=foot", "hand: "),
        (b"hand=", "hand: "),
        (b"hand=left&hand=right", "hand is given twice"),
        (b"hadn=left", "hadn: "),
        (b"fx=-500&fy=500&cx=0&cy=0", "fx: "),
        (b"fx=0&fy=500&cx=0&cy=0", "fx: "),
        (b"fx=500&fy=nan&cx=0&cy=0", "fy: "),
        (b"fx=500&fy=500&cx=inf&cy=0", "cx: "),
        (b"fx=500&fy=500", "belong together, got only fx, fy"),
        (b"version=0", "version: "),
        (b"version=newest", "version: "),
        (b"version=-1", "version: "),
    ],
)
def test_a_mistake_is_named(query: bytes, complaint: str) -> None:
    with pytest.raises(InvalidParameterError, match=complaint):
        parse_parameters(query, [])


def test_the_query_and_the_form_may_not_both_say_it() -> None:
    with pytest.raises(InvalidParameterError, match="hand is given twice"):
        parse_parameters(b"hand=left", [("hand", "left")])


@given(st.binary(max_size=60), st.sampled_from(list(Parameters.model_fields)))
def test_survives_any_value(value: bytes, name: str) -> None:
    try:
        parse_parameters(name.encode() + b"=" + value, []).tight_box  # noqa: B018 - it parses
    except GatewayError as error:
        assert error.status in {400, 422}
