"""What the tracking table compares."""

from __future__ import annotations

from dataclasses import replace

import pytest

from deploy.bench.tracking import box_iou
from service.crop import square_around
from tests.clips import moving_hand

CROP_SCALE = 1.5


def test_the_true_crop_is_the_true_box_and_a_shifted_one_is_less() -> None:
    clip = moving_hand(0, frames=2, leaves="never")
    true = square_around(clip.box(0), scale=CROP_SCALE)
    side_px = true.side_px / CROP_SCALE
    half_off = replace(true, x_px=true.x_px + side_px / 2)
    assert box_iou(true, clip, 0, CROP_SCALE) == pytest.approx(1)
    assert box_iou(half_off, clip, 0, CROP_SCALE) == pytest.approx(1 / 3)
    assert box_iou(replace(true, y_px=true.y_px + side_px), clip, 0, CROP_SCALE) == pytest.approx(0, abs=1e-9)
    twice = square_around(clip.box(0), scale=2 * CROP_SCALE)
    assert box_iou(twice, clip, 0, CROP_SCALE) == pytest.approx(1 / 4)
