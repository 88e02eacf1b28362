"""The track on a rendered hand that moves, turns, changes its pose and leaves, with the served network."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from deploy.bench.tracking import follow
from deploy.triton.install import CHECKOUT
from tests.clips import moving_hand, pictures

MODEL = "svr_hand"
SERVED = CHECKOUT / "model_repository" / MODEL / "1" / "model.pt"


@pytest.mark.slow
@pytest.mark.skipif(not SERVED.is_file(), reason="an untrained network finds no hands")
def test_a_moving_hand_is_followed_until_it_leaves(model_repository: Path) -> None:
    found = follow(moving_hand(0), repository=model_repository, model=MODEL)
    assert found.visible_frames > 220
    assert len(found.box_ious) == found.visible_frames, "lost while all of its joints were in the picture"
    assert np.mean(found.box_ious) > 0.7
    assert found.lost_after_frames is not None
    assert found.lost_after_frames <= 10


def test_a_clip_is_the_same_every_time() -> None:
    first, again = (moving_hand(1, frames=60, leaves="never") for _ in range(2))
    np.testing.assert_array_equal(first.wrists_m, again.wrists_m)
    np.testing.assert_array_equal(next(pictures(first)), next(pictures(again)))


def test_a_clip_shows_the_hand_where_its_joints_are() -> None:
    """Between two frames, the picture changes about the hand alone: the background stands still."""
    clip = moving_hand(2, frames=60, leaves="never")
    drawn = pictures(clip)
    first, second = (next(drawn).astype(int) for _ in range(2))
    changed = np.abs(first - second).max(axis=2) > 30
    rows, columns = np.nonzero(changed)
    low, high = clip.vertices_px(0).min(axis=0) - 4, clip.vertices_px(1).max(axis=0) + 4
    on_hand = (columns > low[0]) & (columns < high[0]) & (rows > low[1]) & (rows < high[1])
    assert len(rows) > 20
    assert on_hand.mean() > 0.5  # the arm moves as well
