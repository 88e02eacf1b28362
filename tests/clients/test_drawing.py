"""Pictures of results show what they should, where they should."""

from __future__ import annotations

import dataclasses
import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from sima_hand_client import HandResult, ModelInfo, draw_overlay, draw_views


def pixels(image: Image.Image) -> npt.NDArray[np.int16]:
    return np.asarray(image.convert("RGB"), dtype=np.int16)


def test_the_overlay_changes_the_hand_and_leaves_the_rest(
    photo: bytes, template_result: HandResult, template_model: ModelInfo
) -> None:
    overlay = pixels(draw_overlay(photo, template_result, template_model, smallest_side_px=0))
    with Image.open(io.BytesIO(photo)) as opened:
        changed = (overlay != pixels(opened)).any(axis=-1)
    low, high = template_result.joints_px.min(0) - 25, template_result.joints_px.max(0) + 25
    near = np.zeros_like(changed)
    near[max(0, int(low[1])) : int(high[1]), max(0, int(low[0])) : int(high[0])] = True
    assert changed[near].mean() > 0.25
    # The wrist's stump lies below the wrist joint.
    assert not changed[: int(low[1])].any()
    assert not changed[:, : int(low[0])].any()
    assert not changed[:, int(high[0]) :].any()


def test_a_photo_on_its_side_is_drawn_upright(
    photo: bytes, photo_on_its_side: bytes, template_result: HandResult, template_model: ModelInfo
) -> None:
    expected = pixels(draw_overlay(photo, template_result, template_model))
    turned = pixels(draw_overlay(photo_on_its_side, template_result, template_model))
    assert turned.shape == expected.shape
    assert np.abs(turned - expected).mean() < 8  # JPEG has come between


def test_a_small_photo_is_enlarged_and_a_large_one_is_not(
    photo: bytes, template_result: HandResult, template_model: ModelInfo
) -> None:
    assert draw_overlay(photo, template_result, template_model, smallest_side_px=640).size == (640, 480)
    assert draw_overlay(photo, template_result, template_model, smallest_side_px=100).size == (320, 240)


def test_a_hand_outside_the_photo_is_no_error(
    photo: bytes, template_result: HandResult, template_model: ModelInfo
) -> None:
    outside = dataclasses.replace(template_result, joints_px=template_result.joints_px + 5000)
    overlay = pixels(draw_overlay(photo, outside, template_model, smallest_side_px=0))
    with Image.open(io.BytesIO(photo)) as opened:
        np.testing.assert_array_equal(overlay, pixels(opened))


def test_views_from_the_front_and_from_behind_have_mirrored_silhouettes(
    template_result: HandResult, template_model: ModelInfo
) -> None:
    sheet = pixels(draw_views(template_result, template_model, side_px=120))
    background = sheet[0, 0]
    front, side, back = np.hsplit((sheet != background).any(axis=-1), 3)
    assert (front != back[:, ::-1]).mean() < 0.01
    assert 0 < side.sum() < front.sum()


def test_what_is_no_photo_is_an_os_error(template_result: HandResult, template_model: ModelInfo) -> None:
    with pytest.raises(OSError, match="cannot identify image file"):
        draw_overlay(b"no image", template_result, template_model)
