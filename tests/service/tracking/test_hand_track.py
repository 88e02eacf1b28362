"""The track's laws on drawn joints; what it does with the real network is in `test_moving_hand.py`."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from service.contract import ModelContract
from service.crop import Box, Square, square_around
from service.encode.result import HandResult
from service.tracking.hand_track import (
    CALM_GROWTH,
    LEAST_INSIDE,
    LOOKS,
    MARGIN,
    MEMORY,
    RESTLESS,
    SHRUNK,
    HandTrack,
)
from tests.service.hands import template_hand

Float = NDArray[np.float64]

WIDTH_PX, HEIGHT_PX = 320, 240
BOX = Box(100.0, 60.0, 90.0, 120.0)
JOINTS = np.random.default_rng(0).uniform(0, 1, (21, 2))
JOINTS[:2] = [0, 0], [1, 1]  # the unit square is tight about them


def seen(box: Box) -> HandResult:
    """Return a hand whose joints lie tight in a box."""
    joints_px = JOINTS * (box.width_px, box.height_px) + (box.x_px, box.y_px)
    return replace(template_hand(), joints_px=joints_px.astype(np.float32))


def moved(box: Box, x_px: float, y_px: float = 0.0) -> Box:
    return replace(box, x_px=box.x_px + x_px, y_px=box.y_px + y_px)


def scaled(box: Box, factor: float) -> Box:
    """Return a box of another size about the same middle."""
    x_px, y_px = box.x_px + box.width_px / 2, box.y_px + box.height_px / 2
    width_px, height_px = factor * box.width_px, factor * box.height_px
    return Box(x_px - width_px / 2, y_px - height_px / 2, width_px, height_px)


def middle(square: Square | None) -> Float:
    assert square is not None
    return np.array([square.x_px + square.side_px / 2, square.y_px + square.side_px / 2])


@pytest.fixture
def track(contract: ModelContract) -> HandTrack:
    track = HandTrack(contract)
    track.begin(BOX, "right")
    return track


def test_there_is_nothing_before_the_first_box(contract: ModelContract) -> None:
    track = HandTrack(contract)
    assert track.square is None
    assert track.update(seen(BOX), WIDTH_PX, HEIGHT_PX) == "lost"
    assert track.square is None


def test_the_first_crop_is_that_of_the_box(track: HandTrack, contract: ModelContract) -> None:
    assert track.square == square_around(BOX, scale=contract.crop_scale)


def test_the_crop_of_a_hand_that_rests_comes_to_rest(track: HandTrack, contract: ModelContract) -> None:
    for _ in range(20):
        assert track.update(seen(BOX), WIDTH_PX, HEIGHT_PX) == "tracking"
    wanted = square_around(BOX, scale=MARGIN * contract.crop_scale)
    assert track.square is not None
    np.testing.assert_allclose(
        (track.square.x_px, track.square.y_px, track.square.side_px),
        (wanted.x_px, wanted.y_px, wanted.side_px),
        rtol=1e-4,
    )


def test_the_crop_follows_a_hand_that_moves_steadily(track: HandTrack) -> None:
    for frame in range(10):
        track.update(seen(moved(BOX, 6 * frame, 2 * frame)), WIDTH_PX, HEIGHT_PX)
    coming = moved(BOX, 60, 20)
    behind_px = (coming.x_px + coming.width_px / 2, coming.y_px + coming.height_px / 2) - middle(track.square)
    np.testing.assert_allclose(behind_px, (3, 1), atol=1e-4)


def test_the_size_breathes_less_than_the_joints(track: HandTrack) -> None:
    sides_px = []
    for frame in range(40):
        track.update(seen(scaled(BOX, 1.0 + 0.1 * (-1) ** frame)), WIDTH_PX, HEIGHT_PX)
        assert track.square is not None
        sides_px.append(track.square.side_px)
    assert np.ptp(sides_px[20:]) / np.mean(sides_px[20:]) < 0.2 * CALM_GROWTH


def test_a_hand_that_leaves_is_lost_when_half_of_it_is_out(track: HandTrack) -> None:
    for x_px in range(0, WIDTH_PX, 5):
        hand = seen(moved(BOX, x_px))
        state = track.update(hand, WIDTH_PX, HEIGHT_PX)
        if state == "lost":
            break
        assert (hand.joints_px[:, 0] < WIDTH_PX).mean() >= LEAST_INSIDE
    assert state == "lost"
    assert track.square is None
    assert (hand.joints_px[:, 0] < WIDTH_PX).mean() < LEAST_INSIDE


def test_joints_that_draw_together_are_no_hand(track: HandTrack) -> None:
    states = [track.update(seen(scaled(BOX, 0.9**frame)), WIDTH_PX, HEIGHT_PX) for frame in range(12)]
    assert states.index("lost") == int(np.ceil(np.log(SHRUNK) / np.log(0.9)))
    assert set(states[states.index("lost") :]) == {"lost"}


def test_joints_that_fall_together_at_once_are_no_hand(track: HandTrack) -> None:
    assert track.update(seen(scaled(BOX, 0.0)), WIDTH_PX, HEIGHT_PX) == "lost"


def test_one_look_that_saw_too_little_hardly_shrinks_the_crop(track: HandTrack) -> None:
    for factor in (1.0, 1.0, 1.0, 0.5):
        assert track.square is not None
        before_px = track.square.side_px
        assert track.update(seen(scaled(BOX, factor)), WIDTH_PX, HEIGHT_PX) == "tracking"
    assert track.square is not None
    assert 0.8 * before_px < track.square.side_px < before_px


def turned(share: float, seed: int) -> HandResult:
    """Return a hand whose joints are as far off their place as that share of its box, each its own way."""
    hand = seen(BOX)
    ways = np.random.default_rng(seed).normal(size=hand.joints_px.shape)
    ways /= np.linalg.norm(ways, axis=1, keepdims=True)
    return replace(hand, joints_px=(hand.joints_px + share * BOX.height_px * ways).astype(np.float32))


def test_joints_that_jump_from_look_to_look_are_no_hand(track: HandTrack) -> None:
    """Though they keep the size and the place of a hand."""
    states = [track.update(turned(0.35, frame), WIDTH_PX, HEIGHT_PX) for frame in range(6)]
    assert states == ["tracking"] * (LOOKS + 1) + ["lost"] * 2


def test_a_hand_that_trembles_or_jumps_once_is_kept(track: HandTrack) -> None:
    assert RESTLESS > 2 * 0.08, "the second differences of noise are 2.4 times as large"
    for frame in range(6 * MEMORY):
        share = 0.25 if frame == MEMORY else 0.08
        assert track.update(turned(share, frame), WIDTH_PX, HEIGHT_PX) == "tracking"


def test_a_new_box_forgets_how_the_old_hand_jumped(track: HandTrack) -> None:
    for frame in range(LOOKS + 1):
        track.update(turned(0.35, frame), WIDTH_PX, HEIGHT_PX)
    track.begin(BOX, "right")
    assert track.update(turned(0.35, LOOKS + 1), WIDTH_PX, HEIGHT_PX) == "tracking"


def test_a_hand_may_slowly_become_as_small_as_it_likes(track: HandTrack) -> None:
    for frame in range(6 * MEMORY):
        assert track.update(seen(scaled(BOX, 0.96**frame)), WIDTH_PX, HEIGHT_PX) == "tracking"


def test_a_new_box_begins_anew(track: HandTrack, contract: ModelContract) -> None:
    track.update(seen(scaled(BOX, 0.0)), WIDTH_PX, HEIGHT_PX)
    small = scaled(moved(BOX, -60), 0.3)
    track.begin(small, "left")
    assert track.side == "left"
    assert track.square == square_around(small, scale=contract.crop_scale)
    assert track.update(seen(small), WIDTH_PX, HEIGHT_PX) == "tracking"
    # Nothing of the hand before leads the crop on.
    np.testing.assert_allclose(
        middle(track.square), (small.x_px + small.width_px / 2, small.y_px + small.height_px / 2), atol=1e-4
    )
