"""The wires: what is no message, what both say alike, and generated classes that are those of the proto."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sima_hand_client.rpc import hand_mesh_pb2 as client_pb

from deploy.stubs import committed
from service.routes import stream_wire
from service.rpc import convert
from service.rpc import hand_mesh_pb2 as pb
from service.streams.errors import MalformedMessageError
from service.streams.messages import Frame, StreamOptions
from tests.service.streams.peers import frame_message, options_message

FRAME = {
    "frame_id": 2**64 - 1,
    "captured_at_us": -5,
    "raw": {"rgb": b"\x01\x02\x03", "width": 1, "height": 1},
    "box": (1.0, 2.0, 3.0, 4.0),
    "hand": "left",
    "intrinsics": (500.0, 501.0, 64.0, 65.0),
}
OPTIONS = {
    "track": True,
    "smoothing": "high",
    "precision": "float16",
    "without_vertices": True,
    "joint_sets": ("webxr", "openxr"),
    "model": "svr_hand",
    "version": "2",
}


def over_websocket(type_: str, **fields: object) -> Frame | StreamOptions:
    return stream_wire.message_of(msgspec.msgpack.encode({"type": type_, **fields}))


def over_grpc(request: pb.StreamRequest) -> Frame | StreamOptions:
    return convert.message_of(request.SerializeToString())


@pytest.mark.parametrize("fields", [{}, FRAME, {"encoded": b"jpeg"}])
def test_a_frame_means_the_same_over_both(fields: dict[str, object]) -> None:
    request = pb.StreamRequest(frame=frame_message(**fields))  # type: ignore[arg-type]
    assert over_websocket("frame", **fields) == over_grpc(request)


@pytest.mark.parametrize("fields", [{}, OPTIONS])
def test_options_mean_the_same_over_both(fields: dict[str, object]) -> None:
    request = pb.StreamRequest(options=options_message(**fields))  # type: ignore[arg-type]
    assert over_websocket("options", **fields) == over_grpc(request)


@pytest.mark.parametrize(
    "message",
    [
        {"type": "frame", "frame": 1},
        {"type": "frame", "raw": {"rgb": b"", "depth": 3}},
        {"type": "frame", "encoded": b"x", "raw": {}},
        {"type": "frame", "encoded": "text"},
        {"type": "frame", "box": [1, 2, 3]},
        {"type": "frame", "box": [1, 2, 3, "4"]},
        {"type": "frame", "hand": "both"},
        {"type": "frame", "frame_id": -1},
        {"type": "frame", "captured_at_us": 2**63},
        {"type": "options", "smoothing": "medium"},
        {"type": "options", "joint_sets": ["mano"]},
        {"type": "hand"},
        {"frame_id": 1},
        [],
        None,
        [[[[]]]] * 3,
    ],
    ids=repr,
)
def test_what_the_schema_does_not_know_is_refused(message: object) -> None:
    with pytest.raises(MalformedMessageError, match=r"no message of this protocol|both encoded and raw"):
        stream_wire.message_of(msgspec.msgpack.encode(message))


@pytest.mark.parametrize(
    "request_",
    [
        pb.StreamRequest(),
        pb.StreamRequest(frame=pb.Frame(hand=7)),  # type: ignore[arg-type]
        pb.StreamRequest(options=pb.StreamOptions(smoothing=9)),  # type: ignore[arg-type]
        pb.StreamRequest(options=pb.StreamOptions(outputs=pb.Outputs(joint_sets=[0]))),  # type: ignore[list-item]
    ],
    ids=repr,
)
def test_what_the_proto_does_not_know_is_refused(request_: pb.StreamRequest) -> None:
    with pytest.raises(MalformedMessageError):
        over_grpc(request_)


@given(st.binary(max_size=200))
def test_garbage_is_a_message_or_refused(data: bytes) -> None:
    for message_of in (stream_wire.message_of, convert.message_of):
        try:
            message = message_of(data)
        except MalformedMessageError as error:
            assert error.reason
        else:
            assert isinstance(message, Frame | StreamOptions)


def test_a_deep_nest_is_refused() -> None:
    with pytest.raises(MalformedMessageError):
        stream_wire.message_of(b"\x91" * 200_000)


def test_the_committed_classes_are_those_of_the_proto() -> None:
    for path, text in committed().items():
        assert path.read_text(encoding="utf-8") == text, f"{path} is stale: run `make stubs`"


def test_the_clients_classes_may_live_beside_the_services() -> None:
    """Both describe the file `hand_mesh.proto`, and one process may hold both."""
    assert client_pb.__file__ != pb.__file__
    assert client_pb.Frame(frame_id=3).SerializeToString() == pb.Frame(frame_id=3).SerializeToString()
