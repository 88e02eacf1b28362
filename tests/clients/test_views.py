"""`reconstruct_views` against the real gateway: what is sent arrives, in its order."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from sima_hand_client import Box, HandClient, Intrinsics, RejectedRequestError, RetryPolicy

from deploy.bench.null_engine import constant_mesh
from tests.clients.conftest import VIEWS_MODEL, Reply, ScriptedServer

BOXES = [Box(20, 30, 100, 100), Box(40.5, 35, 100, 100), None]


def test_the_target_s_box_moves_the_joints(client: HandClient, photo: bytes, photo_file: Path) -> None:
    images: list[Path | bytes] = [photo, photo_file, photo]
    first, second = (client.reconstruct_views(images, boxes=BOXES, target=target) for target in (0, 1))
    np.testing.assert_allclose(second.joints_px - first.joints_px, np.tile([20.5, 5], (21, 1)), atol=1e-3)
    np.testing.assert_array_equal(first.vertices_root_m, constant_mesh().vertices_root_m)
    assert (first.model_name, first.hand, first.translation_m) == (VIEWS_MODEL, "right", None)


def test_the_other_hand_is_the_mirrored_one(client: HandClient, photo: bytes) -> None:
    right, left = (client.reconstruct_views([photo, photo], hand=hand) for hand in ("right", "left"))
    np.testing.assert_array_equal(left.vertices_root_m, right.vertices_root_m * [-1, 1, 1])
    assert left.hand == "left"


def test_intrinsics_bring_the_translation(client: HandClient, photo: bytes) -> None:
    result = client.reconstruct_views([photo, photo], intrinsics=Intrinsics(1e5, 1e5, 160, 120))
    assert result.translation_m is not None


def test_the_wrong_image_is_told(client: HandClient, photo: bytes) -> None:
    with pytest.raises(RejectedRequestError, match="image 1: the first bytes"):
        client.reconstruct_views([photo, b"no image"])
    with pytest.raises(RejectedRequestError, match="2 to 8 are wanted"):
        client.reconstruct_views([photo])


def test_the_same_form_is_sent_again(client: HandClient, photo: bytes) -> None:
    """After a 429, the second attempt carries the whole body."""
    result = client.reconstruct_views([photo, photo])
    body = json.dumps(
        {
            "model": {"name": VIEWS_MODEL, "version": "1"},
            "vertices": result.vertices_root_m.tolist(),
            "joints": result.joints_root_m.tolist(),
            "rotation": result.rotation.tolist(),
            "joints_2d": result.joints_px.tolist(),
            "translation": None,
            "timing_ms": {},
        }
    ).encode()
    busy = Reply(status=429, headers={"retry-after": "0"})
    retry = RetryPolicy(attempts=2, first_delay_s=0.01, longest_delay_s=0.01)
    with (
        ScriptedServer(busy, Reply(status=200, body=body)) as server,
        HandClient(server.url, retry=retry) as again,
    ):
        again.reconstruct_views([photo, photo])
        assert server.request_count == 2
