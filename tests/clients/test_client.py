"""The client against the real gateway, and against servers that are not what they should be."""

from __future__ import annotations

import io
import json
import socket
from pathlib import Path

import numpy as np
import pytest
import trimesh
from sima_hand_client import (
    Box,
    HandClient,
    HandClientError,
    Intrinsics,
    NoReplyError,
    NotReadyError,
    OverloadedError,
    RejectedRequestError,
    RetryPolicy,
    ServerFaultError,
    UnexpectedReplyError,
    UnreachableError,
)
from sima_hand_client.camera import camera_of

from deploy.bench.null_engine import constant_mesh
from deploy.bench.processes import free_port
from tests.clients.conftest import Reply, ScriptedServer
from training.contract import BONES, JOINT_NAMES

QUICK = RetryPolicy(attempts=3, first_delay_s=0.01, longest_delay_s=0.05)
PROBLEM = {"content-type": "application/problem+json", "x-request-id": "abc"}


def test_arrays_arrive_as_they_were_sent(client: HandClient, photo: bytes) -> None:
    result = client.reconstruct(photo)
    mesh = constant_mesh()
    np.testing.assert_array_equal(result.vertices_root_m, mesh.vertices_root_m)
    np.testing.assert_array_equal(result.joints_root_m, mesh.joints_root_m)
    np.testing.assert_array_equal(result.rotation, mesh.rotation)
    assert result.vertices_root_m.dtype == result.joints_px.dtype == np.float32
    assert (result.hand, result.model_name, result.translation_m) == ("right", "svr_hand", None)
    assert all(spent_ms >= 0 for spent_ms in result.timing_ms.values())
    assert result.timing_ms


def test_a_path_is_its_bytes(client: HandClient, photo: bytes, photo_file: Path) -> None:
    np.testing.assert_array_equal(
        client.reconstruct(photo_file).joints_px, client.reconstruct(photo).joints_px
    )


def test_the_box_moves_the_joints_and_nothing_else(client: HandClient, photo: bytes) -> None:
    here = client.reconstruct(photo, box=Box(20, 30, 100, 100))
    there = client.reconstruct(photo, box=Box(40.5, 35, 100, 100))
    np.testing.assert_allclose(there.joints_px - here.joints_px, np.tile([20.5, 5], (21, 1)), atol=1e-3)
    np.testing.assert_array_equal(there.vertices_root_m, here.vertices_root_m)


def test_the_other_hand_is_the_mirrored_one(client: HandClient, photo: bytes) -> None:
    right, left = client.reconstruct(photo), client.reconstruct(photo, hand="left")
    np.testing.assert_array_equal(left.vertices_root_m, right.vertices_root_m * [-1, 1, 1])
    assert left.hand == "left"


def test_intrinsics_bring_the_translation_that_puts_the_joints_in_their_place(
    client: HandClient, photo: bytes
) -> None:
    # So long a lens that the constant mesh, which is orthographic, fits it.
    intrinsics = Intrinsics(1e5, 1e5, 160, 120)
    result = client.reconstruct(photo, intrinsics=intrinsics)
    assert result.translation_m is not None
    projected_px = camera_of(result).project(result.joints_root_m)[:, :2]
    assert np.abs(projected_px - result.joints_px).max() < 1.0


def test_glb_and_json_carry_the_same_vertices(client: HandClient, photo: bytes) -> None:
    scene = trimesh.load(io.BytesIO(client.reconstruct_glb(photo)), file_type="glb")
    assert isinstance(scene, trimesh.Scene)
    (mesh,) = scene.geometry.values()
    expected = client.reconstruct(photo).vertices_root_m * [1, -1, -1]
    assert isinstance(mesh, trimesh.Trimesh)
    distances = np.linalg.norm(np.asarray(mesh.vertices)[:, None] - expected, axis=-1)
    assert distances.min(axis=0).max() < 1e-6


def test_topology_and_names_come_from_the_service(client: HandClient) -> None:
    model = client.model()
    assert model.name == "svr_hand"
    assert model.versions == ("1",)
    assert model.joint_names == JOINT_NAMES
    assert tuple(map(tuple, model.bones.tolist())) == BONES
    assert model.faces.shape == (1538, 3)
    np.testing.assert_array_equal(model.faces_of("left"), model.faces[:, ::-1])


@pytest.mark.parametrize(
    ("image", "box", "status"),
    [(b"no image", None, 400), (b"", None, 400), (b"\xff\xd8\xff", None, 400), (None, Box(0, 0, 0, 5), 400)],
)
def test_what_is_wrong_with_a_request_is_told(
    client: HandClient, photo: bytes, image: bytes | None, box: Box | None, status: int
) -> None:
    with pytest.raises(RejectedRequestError) as caught:
        client.reconstruct(photo if image is None else image, box=box)
    assert caught.value.status == status
    assert caught.value.detail in str(caught.value)
    assert caught.value.detail
    assert caught.value.request_id


def test_an_unknown_model_is_told(client: HandClient, photo: bytes) -> None:
    with pytest.raises(RejectedRequestError, match="no model 'foot'"):
        client.reconstruct(photo, model="foot")


def test_a_missing_file_is_an_os_error(client: HandClient, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        client.reconstruct(tmp_path / "nothing.jpg")


def test_busy_and_away_are_asked_again_until_they_answer(photo: bytes) -> None:
    busy, away = Reply(status=429, headers={"retry-after": "0"}), Reply(status=503)
    with (
        ScriptedServer(busy, away, Reply(status=200, body=b"glTF")) as server,
        HandClient(server.url, retry=QUICK) as client,
    ):
        assert client.reconstruct_glb(photo) == b"glTF"
        assert server.request_count == 3


@pytest.mark.parametrize(("status", "kind"), [(429, OverloadedError), (503, NotReadyError)])
def test_attempts_end(photo: bytes, status: int, kind: type[HandClientError]) -> None:
    body = json.dumps({"title": "busy", "status": status, "detail": "the queue is full"}).encode()
    with (
        ScriptedServer(Reply(status=status, body=body, headers=PROBLEM)) as server,
        HandClient(server.url, retry=QUICK) as client,
    ):
        with pytest.raises(kind, match=rf"the queue is full \(HTTP {status}\)") as caught:
            client.reconstruct(photo)
        assert server.request_count == 3
    assert getattr(caught.value, "request_id", None) == "abc"


def test_a_fault_is_not_asked_again(photo: bytes) -> None:
    with ScriptedServer(Reply(status=500)) as server, HandClient(server.url, retry=QUICK) as client:
        with pytest.raises(ServerFaultError, match="Internal Server Error"):
            client.reconstruct(photo)
        assert server.request_count == 1


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"vertices": 1}'])
def test_another_servers_reply_is_unexpected(photo: bytes, body: bytes) -> None:
    with (
        ScriptedServer(Reply(status=200, body=body)) as server,
        HandClient(server.url) as client,
        pytest.raises(UnexpectedReplyError),
    ):
        client.reconstruct(photo)


def test_nobody_there_is_unreachable(photo: bytes) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    with HandClient(url) as client, pytest.raises(UnreachableError, match=url):
        client.reconstruct(photo)


def test_silence_is_no_reply(photo: bytes) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        with HandClient(url, timeout_s=0.2) as client, pytest.raises(NoReplyError):
            client.reconstruct(photo)


def test_a_url_without_a_scheme_is_refused() -> None:
    with pytest.raises(ValueError, match="localhost:8080"):
        HandClient("localhost:8080")
