"""What a stream remembers for its next connection, and what the wires make of the same reply."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import msgspec
import numpy as np
import pytest
from sima_hand_client import Box, HandResult, Intrinsics, Problem, StreamReply, UnexpectedReplyError
from sima_hand_client.rpc import convert
from sima_hand_client.rpc import hand_mesh_pb2 as pb
from sima_hand_client.streams import websocket
from sima_hand_client.streams.memory import StreamMemory
from sima_hand_client.streams.messages import Frame, StreamOptions, TrackingState

FIRST_BOX, OTHER_BOX = Box(1, 2, 30, 40), Box(5, 6, 70, 80)
TRACK = StreamOptions(track=True)


def frame(frame_id: int, box: Box | None = None, intrinsics: Intrinsics | None = None) -> Frame:
    return Frame(frame_id=frame_id, captured_at_us=0, image=b"", box=box, intrinsics=intrinsics)


def reply(frame_id: int, tracking: TrackingState | None, hand: HandResult | None) -> StreamReply:
    return StreamReply(
        frame_id=frame_id, captured_at_us=0, dropped=0, age_ms=1.0, tracking=tracking, crop_px=None,
        hand=hand, problem=None if hand else Problem(slug="overloaded", detail="full"),
    )  # fmt: skip


def begin(memory: StreamMemory, frame_id: int = 100) -> Box | None:
    """Return the box that a new connection would begin with."""
    return memory.with_box(frame(frame_id)).box


def test_a_track_begins_again_where_the_hand_was_last(template_result: HandResult) -> None:
    memory = StreamMemory(TRACK)
    assert begin(memory) is None
    memory.given(frame(1, FIRST_BOX), None)
    assert begin(memory) == FIRST_BOX
    memory.answered(reply(1, "tracking", None))  # a problem says nothing of where the hand is
    assert begin(memory) == FIRST_BOX
    memory.answered(reply(2, "tracking", template_result))
    low_px, high_px = template_result.joints_px.min(axis=0), template_result.joints_px.max(axis=0)
    np.testing.assert_allclose(list(begin(memory) or ()), [*low_px, *(high_px - low_px)])
    memory.answered(reply(3, "lost", template_result))
    assert begin(memory) is None


def test_a_box_of_ones_own_is_kept(template_result: HandResult) -> None:
    memory = StreamMemory(TRACK)
    memory.given(frame(5, OTHER_BOX), None)
    for state in ("tracking", "lost"):
        memory.answered(reply(4, state, template_result))  # older than the box
        assert begin(memory) == OTHER_BOX
    assert memory.with_box(frame(6, FIRST_BOX)).box == FIRST_BOX


def test_a_box_is_sent_though_its_frame_is_replaced() -> None:
    for track, box in ((True, FIRST_BOX), (False, None)):
        memory = StreamMemory(StreamOptions(track=track))
        first = memory.given(frame(1, FIRST_BOX), None)
        assert memory.given(frame(2), first).box == box
        assert memory.given(frame(2, OTHER_BOX), first).box == OTHER_BOX


def test_without_a_track_no_box_is_added(template_result: HandResult) -> None:
    memory = StreamMemory(StreamOptions())
    memory.given(frame(1, FIRST_BOX), None)
    memory.answered(reply(1, None, template_result))
    assert begin(memory) is None


def test_a_frame_is_unanswered_until_it_or_a_newer_one_has_a_reply(template_result: HandResult) -> None:
    memory = StreamMemory(TRACK)
    memory.sent(frame(1))
    memory.sent(newer := frame(2))
    memory.answered(reply(1, None, template_result))
    assert memory.unanswered is newer
    memory.answered(reply(2, None, None))
    assert memory.unanswered is None


def test_a_hand_has_the_camera_of_its_own_frame(template_result: HandResult) -> None:
    memory = StreamMemory(TRACK)
    cameras = {number: Intrinsics(number, 2, 3, 4) for number in (1, 3)}
    for number in range(1, 5):
        memory.sent(frame(number, intrinsics=cameras.get(number)))
    for number in (2, 3, 4):
        hand = memory.answered(reply(number, None, template_result)).hand
        assert hand is not None
        assert hand.intrinsics == cameras.get(number)


JOINT: dict[str, Any] = {
    "name": "wrist",
    "position_m": (0.5, 0.25, 0.0),
    "orientation": (0.0, 0.0, 0.0, 1.0),
    "radius_m": 0.125,
    "synthesised": True,
}
HEAD: dict[str, Any] = {"frame_id": 3, "captured_at_us": -4, "dropped": 5, "age_ms": 1.5}
HAND: dict[str, Any] = {
    "model": "svr_hand",
    "version": "2",
    "vertices": np.arange(6, dtype="<f2").tobytes(),
    "joints": np.arange(3, dtype="<f2").tobytes(),
    "joints_px": np.arange(4, dtype="<f4").tobytes(),
    "rotation": [float(number) for number in range(9)],
    "translation": [1.0, 2.0, 3.0],
    "timing_ms": {"engine": 2.5},
}
BOX = {"x": 1.0, "y": 2.0, "width": 3.0, "height": 3.0}


def over_websocket(**changes: object) -> StreamReply:
    document = {
        "type": "hand", **HEAD, **HAND, "tracking": "lost", "hand": "left", "precision": "float16",
        "box": list(BOX.values()), "joint_sets": {"webxr": [JOINT]}, **changes,
    }  # fmt: skip
    return websocket.reply_of(msgspec.msgpack.encode(document))


def over_grpc(**changes: object) -> StreamReply:
    named = pb.NamedJoints(joint_set="WEBXR", joints=[pb.NamedJoint(**JOINT)])
    hand = pb.Hand(**{**HAND, "hand": "LEFT", "precision": "FLOAT16", "joint_sets": [named], **changes})
    message = pb.StreamReply(**HEAD, tracking="LOST", box=pb.Box(**BOX), hand=hand)
    return convert.reply_of(message.SerializeToString())


def test_a_reply_means_the_same_over_both() -> None:
    for got in (over_websocket(), over_grpc()):
        assert (got.frame_id, got.captured_at_us, got.dropped, got.age_ms) == (3, -4, 5, 1.5)
        assert (got.tracking, got.crop_px, got.problem) == ("lost", Box(1, 2, 3, 3), None)
        hand = got.require_hand()
        np.testing.assert_array_equal(hand.vertices_root_m, [[0, 1, 2], [3, 4, 5]])
        np.testing.assert_array_equal(hand.joints_root_m, [[0, 1, 2]])
        np.testing.assert_array_equal(hand.joints_px, [[0, 1], [2, 3]])
        np.testing.assert_array_equal(hand.rotation, np.arange(9).reshape(3, 3))
        np.testing.assert_array_equal(hand.translation_m, [1, 2, 3])
        assert (hand.hand, hand.model_name, hand.model_version) == ("left", "svr_hand", "2")
        assert hand.timing_ms == {"engine": 2.5}
        (joint,) = hand.joint_sets["webxr"]
        assert (joint.name, joint.radius_m, joint.synthesised) == ("wrist", 0.125, True)
        np.testing.assert_array_equal(joint.position_root_xr_m, JOINT["position_m"])
        np.testing.assert_array_equal(joint.orientation_xr, JOINT["orientation"])


@pytest.mark.parametrize("changes", [{"vertices": b"12345"}, {"rotation": [1.0]}, {"joints_px": b"1234"}])
def test_arrays_of_another_size_are_unexpected(changes: dict[str, object]) -> None:
    for read in (over_websocket, over_grpc):
        with pytest.raises(UnexpectedReplyError):
            read(**changes)


@pytest.mark.parametrize("data", [b"", b"\xff garbage", b"\x80", b"\x91" * 100_000])
def test_garbage_is_unexpected(data: bytes) -> None:
    with pytest.raises(UnexpectedReplyError):
        websocket.reply_of(data)
    if data == b"\xff garbage":
        with pytest.raises(UnexpectedReplyError):
            convert.reply_of(data)


def test_options_and_frames_are_written_alike() -> None:
    options = replace(TRACK, smoothing="low", joint_sets=("webxr",))
    request = pb.StreamRequest.FromString(convert.message_bytes(options))
    document = msgspec.msgpack.decode(websocket.message_bytes(options))
    assert (request.options.track, request.options.smoothing) == (True, pb.LOW)
    assert list(request.options.outputs.joint_sets) == [pb.WEBXR]
    assert (document["track"], document["smoothing"], document["joint_sets"]) == (True, "low", ["webxr"])
