"""Overlays show the hand where it is."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from training.engine.overlay import DrawnHand, draw_mesh, draw_skeleton, placed_in_crop, sheet
from training.hand.topology import HandTopology


def test_a_weak_perspective_is_found_again() -> None:
    rng = np.random.default_rng(0)
    joints = rng.normal(scale=0.1, size=(21, 3)).astype(np.float32)
    uv = (3.0 * joints[:, :2] + (0.4, 0.6)).astype(np.float32)
    placed = placed_in_crop(joints, joints, uv)
    assert placed[:, :2] == pytest.approx(uv, abs=1e-5)
    assert placed[:, 2] == pytest.approx(3.0 * joints[:, 2], abs=1e-5)


def test_the_skeleton_is_drawn_at_the_joints_on_a_copy() -> None:
    image = np.zeros((100, 100, 3), np.uint8)
    joints = np.full((21, 2), 0.2, np.float32)
    joints[0] = 0.75, 0.5
    drawn = draw_skeleton(image, joints)
    assert drawn[50, 75].tolist() == [255, 255, 255]
    assert not drawn[80:, :50].any()
    assert not image.any()


def test_points_far_outside_the_crop_are_survived() -> None:
    joints = np.full((21, 2), 1e6, np.float32)
    assert draw_skeleton(np.zeros((50, 50, 3), np.uint8), joints).shape == (50, 50, 3)


def test_the_mesh_shows_its_near_side_alone() -> None:
    toward = np.array([[0.2, 0.2, 0.0], [0.2, 0.8, 0.0], [0.8, 0.2, 0.0]], np.float32)
    image = np.zeros((100, 100, 3), np.uint8)
    # x right, y down, z away: this winding is outward towards the viewer, the other one away.
    assert draw_mesh(image, toward, np.array([[0, 1, 2]]))[30, 30].any()
    assert not draw_mesh(image, toward, np.array([[0, 2, 1]])).any()


def test_near_faces_hide_far_ones() -> None:
    face = np.array([[0.1, 0.1, 0.0], [0.1, 0.9, 0.0], [0.9, 0.1, 0.0]], np.float32)
    slanted = face.copy()
    slanted[:, 2] = (-0.3, -0.3, -1.5)  # nearer, and turned from the light
    image = np.zeros((100, 100, 3), np.uint8)
    both = np.concatenate([face, slanted])
    alone = draw_mesh(image, slanted, np.array([[0, 1, 2]]))[30, 30]
    for faces in ([[0, 1, 2], [3, 4, 5]], [[3, 4, 5], [0, 1, 2]]):
        assert draw_mesh(image, both, np.array(faces))[30, 30].tolist() == alone.tolist()


def test_a_sheet_holds_three_tiles_a_hand(topology: HandTopology) -> None:
    rng = np.random.default_rng(0)
    turn = Rotation.random(rng=rng).as_matrix()
    hand = DrawnHand(
        rng.integers(0, 255, (128, 128, 3), dtype=np.uint8),
        rng.random((21, 2)).astype(np.float32),
        rng.normal(size=(21, 3)).astype(np.float32),
        (rng.normal(size=(topology.vertex_count, 3)) @ turn).astype(np.float32),
    )
    assert sheet([hand] * 4, topology.faces, tile_px=64, hands_per_row=3).shape == (128, 9 * 64, 3)
    with pytest.raises(ValueError, match="at least one hand"):
        sheet([], topology.faces)
