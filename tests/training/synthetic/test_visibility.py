"""What a view shows of the hand, against geometry."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

from tests.training.synthetic.stage import bank, camera, scene, sphere, square
from training.synthetic.compose import compose
from training.synthetic.raster import project
from training.synthetic.render import SUPERSAMPLING, bake, render_view
from training.synthetic.visibility import (
    hand_silhouette,
    joint_neighbours,
    visible_joints,
    visible_share,
    visible_vertices,
)


def test_of_a_lone_convex_body_the_front_is_visible() -> None:
    ball, view_from = sphere(), camera()
    baked = bake(scene(ball), bank())
    seen = visible_vertices(baked, view_from, render_view(baked, view_from), ball.positions_m, ball.normals)
    toward_eye = -view_from.t_m - ball.positions_m
    cosine = (ball.normals * toward_eye).sum(1) / np.linalg.norm(toward_eye, axis=1)
    # At the very rim the samples around a vertex may all miss the ball.
    decided = np.abs(cosine) > 0.05
    np.testing.assert_array_equal(seen[decided], cosine[decided] > 0)


def test_what_is_covered_is_not_visible() -> None:
    ball, view_from = sphere(), camera()
    baked = bake(scene(ball, square(half_m=0.1, z_m=-0.1)), bank())
    view = render_view(baked, view_from)
    assert not visible_vertices(baked, view_from, view, ball.positions_m, ball.normals).any()
    assert visible_share(baked, view_from, view) == 0


def test_a_hand_alone_shows_all_of_its_silhouette() -> None:
    view_from = camera()
    baked = bake(scene(sphere()), bank())
    assert visible_share(baked, view_from, render_view(baked, view_from)) == 1


def test_half_a_cover_leaves_half_a_silhouette() -> None:
    view_from = camera()
    cover = square(half_m=0.1, z_m=-0.1)
    cover = dataclasses.replace(cover, positions_m=cover.positions_m + np.array([0.1, 0, 0]))
    baked = bake(scene(sphere(), cover), bank())
    assert visible_share(baked, view_from, render_view(baked, view_from)) == pytest.approx(0.5, abs=0.01)


def test_a_joint_is_seen_with_a_tenth_of_its_neighbours() -> None:
    vertices_m = np.stack([np.arange(100) * 0.001, np.zeros(100), np.zeros(100)], axis=1)
    neighbours = joint_neighbours(vertices_m, np.array([[0, 0, 0], [0.09, 0, 0]]))
    np.testing.assert_array_equal((neighbours > 0).sum(axis=1), [30, 16])
    np.testing.assert_allclose(neighbours.sum(axis=1), 1, rtol=1e-6)
    seen = np.zeros(100, bool)
    seen[[0, 1, 90]] = True  # two of the wrist's 30, one of the other's 16
    np.testing.assert_array_equal(visible_joints(seen, neighbours), [False, False])
    seen[[2, 3, 91]] = True
    np.testing.assert_array_equal(visible_joints(seen, neighbours), [True, True])


def test_joints_project_into_the_hands_own_silhouette() -> None:
    pictures = bank(0.2, 0.5)
    inside, total = 0, 0
    for seed in range(4):
        sample = compose(np.random.default_rng(seed), views=3, size_px=96, crop_scale=2.0, textures=2)
        baked = bake(sample.scene, pictures)
        for view_from in sample.cameras:
            alone = hand_silhouette(baked, view_from).astype(np.uint8)
            near = cv2.dilate(alone, np.ones((5, 5), np.uint8))
            joints = project(
                sample.posed.joints_m, view_from.K, view_from.R, view_from.t_m, float(SUPERSAMPLING)
            )
            column, row = np.floor(joints[:, :2]).astype(int).T
            seen = (column >= 0) & (column < near.shape[1]) & (row >= 0) & (row < near.shape[0])
            inside += int(near[row[seen], column[seen]].sum())
            total += int(seen.sum())
    assert total > 200
    assert inside == total
