"""Areas that can be worked out on paper, and the renderer's own."""

from __future__ import annotations

import numpy as np
import pytest

from training.data.silhouette import silhouette_area_px, visible_share
from training.synthetic.fabricate.motion import sample_motion
from training.synthetic.fabricate.picture import Body, Eye, draw
from training.synthetic.fabricate.stand_in import StandInHand

SQUARE = np.array([[10, 20], [50, 20], [50, 60], [10, 60]], np.float32)
FACES = np.array([[0, 1, 2], [0, 2, 3]])
SIZE = {"width_px": 100, "height_px": 80}


def test_a_square_has_its_area() -> None:
    assert silhouette_area_px(SQUARE, FACES, **SIZE) == pytest.approx(1600, rel=0.02)


def test_faces_that_overlap_or_turn_away_count_once() -> None:
    faces = np.concatenate([FACES, FACES[:, ::-1]])
    assert silhouette_area_px(SQUARE, faces, **SIZE) == silhouette_area_px(SQUARE, FACES, **SIZE)


def test_what_lies_outside_the_picture_does_not_count() -> None:
    halfway = SQUARE - np.array([30, 0], np.float32)
    assert silhouette_area_px(halfway, FACES, **SIZE) == pytest.approx(800, rel=0.02)
    assert silhouette_area_px(SQUARE + 100, FACES, **SIZE) == 0.0
    assert visible_share(7, SQUARE + 100, FACES, **SIZE) == 0.0
    assert visible_share(400, SQUARE, FACES, **SIZE) == pytest.approx(0.25, rel=0.02)


def test_a_hand_covers_what_the_renderer_draws() -> None:
    rng = np.random.default_rng(1)
    hand = StandInHand()
    vertices_m, _ = sample_motion(rng, hand, np.zeros(10), frames=1).points_m(0)
    lens = np.array([[613.0, 0, 319.5], [0, 613.0, 239.5], [0, 0, 1]])
    eye = Eye(lens, np.eye(3), np.array([0.0, 0.0, 0.7]), 640, 480)
    blank = np.zeros((480, 640, 3), np.uint8)
    drawn = draw([Body(vertices_m, hand.faces, (255, 255, 255), 255)], eye, blank)
    points_px = (eye.pixels(vertices_m) + 0.5).astype(np.float32)
    area = silhouette_area_px(points_px, hand.faces, width_px=640, height_px=480)
    assert np.count_nonzero(drawn.segments) == pytest.approx(area, rel=0.02)
