"""The crop of the contract, as pixels and as coordinates."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from training import contract
from training.data.crop import SquareBox, crop, crop_affine, hand_box, transform_points

SIDE = contract.IMAGE_SIZE_PX


def noise(height: int, width: int, seed: int = 0) -> NDArray[np.uint8]:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)


def levels_apart(a: NDArray[np.uint8], b: NDArray[np.uint8]) -> int:
    return int(np.abs(a.astype(int) - b.astype(int)).max())


def test_a_box_of_the_crops_size_is_cut_out_as_it_is() -> None:
    image = noise(200, 300)
    assert np.array_equal(crop(image, SquareBox(40, 30, SIDE)), image[30 : 30 + SIDE, 40 : 40 + SIDE])


@pytest.mark.parametrize("side", [64, 150, 200, 256, 300, 512])
def test_the_crop_of_a_box_is_the_crop_of_the_part_cut_first(side: int) -> None:
    image = noise(700, 700)
    # Blocks are counted from the picture's corner, so the part begins on a block.
    corner = 16 * math.ceil(side // SIDE or 1)
    by_box = crop(image, SquareBox(corner, corner, side))
    part = np.ascontiguousarray(image[corner : corner + side, corner : corner + side])
    cut_first = crop(part, SquareBox(0, 0, side))
    # At the edge of the part its neighbours are black rather than what was cut away.
    assert levels_apart(by_box[1:-1, 1:-1], cut_first[1:-1, 1:-1]) <= 1


def test_it_is_zero_outside_the_picture() -> None:
    image = np.full((100, 100, 3), 200, np.uint8)
    cropped = crop(image, SquareBox(-100, -100, 200))
    assert not cropped[: SIDE // 2 - 1, :].any()
    assert not cropped[:, : SIDE // 2 - 1].any()
    assert (cropped[SIDE // 2 + 1 : -1, SIDE // 2 + 1 : -1] == 200).all()


def test_a_large_box_is_averaged_not_skipped() -> None:
    checkers = (255 * (np.indices((1024, 1024)).sum(axis=0) % 2)).astype(np.uint8)
    cropped = crop(np.repeat(checkers[:, :, None], 3, axis=2), SquareBox(0, 0, 1024))
    assert levels_apart(cropped, np.full_like(cropped, 128)) <= 1


def test_only_the_part_under_the_box_decides() -> None:
    image, box = noise(900, 1100), SquareBox(301.5, 203.25, 530.0)
    elsewhere = noise(900, 1100, seed=1)
    elsewhere[195:745, 290:845] = image[195:745, 290:845]
    assert np.array_equal(crop(image, box), crop(elsewhere, box))


@given(left=st.floats(-200, 200), top=st.floats(-200, 200), side=st.floats(1, 500), turn=st.floats(-7, 7))
def test_the_map_takes_the_boxs_centre_to_the_crops(
    left: float, top: float, side: float, turn: float
) -> None:
    box = SquareBox(left, top, side)
    affine = crop_affine(box, rotation_rad=turn)
    assert transform_points(affine, np.array(box.centre_px)) == pytest.approx((SIDE / 2, SIDE / 2), abs=1e-6)
    # The bottom of the box, turned about the centre by R(turn), is the crop's bottom (spec section 1).
    down = side / 2 * np.array([-math.sin(turn), math.cos(turn)])
    bottom = transform_points(affine, np.array(box.centre_px) + down)
    assert bottom == pytest.approx((SIDE / 2, SIDE), abs=1e-6)


def test_the_map_takes_the_boxs_corners_to_the_crops() -> None:
    corners = transform_points(crop_affine(SquareBox(10, 20, 50)), np.array([[10.0, 20.0], [60.0, 70.0]]))
    assert corners == pytest.approx(np.array([[0, 0], [SIDE, SIDE]]))


def test_a_pixel_lands_where_the_map_says() -> None:
    image = np.zeros((300, 300, 3), np.uint8)
    image[140, 170] = 255
    box = SquareBox(120, 100, 64)
    cropped = crop(image, box).sum(axis=2).astype(float)
    rows, columns = np.indices(cropped.shape) + 0.5
    centroid = np.array([(columns * cropped).sum(), (rows * cropped).sum()]) / cropped.sum()
    assert centroid == pytest.approx(transform_points(crop_affine(box), np.array([170.5, 140.5])), abs=0.02)


def test_the_hands_box_is_half_as_large_again_as_its_joints() -> None:
    box = hand_box(np.array([[10.0, 20.0], [50.0, 30.0], [20.0, 40.0]]))
    assert box.side_px == pytest.approx(contract.CROP_SCALE * 40)
    assert box.centre_px == pytest.approx((30.0, 30.0))


@pytest.mark.parametrize("box", [SquareBox(0, 0, 0), SquareBox(0, 0, -3), SquareBox(math.nan, 0, 9)])
def test_a_box_without_area_is_refused(box: SquareBox) -> None:
    with pytest.raises(ValueError, match="box must be finite"):
        crop(noise(10, 10), box)


def test_joints_in_one_point_have_no_box() -> None:
    with pytest.raises(ValueError, match="span no box"):
        hand_box(np.zeros((21, 2)))
