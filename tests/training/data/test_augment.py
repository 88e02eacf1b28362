"""Augmentation: pixels, image labels and 3-D labels are disturbed alike."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.spatial.transform import Rotation

from training.config import DataConfig
from training.contract import IMAGE_SIZE_PX, JOINT_COUNT
from training.data.augment import Augmentation, Patch, crop_hand, draw_augmentation, recoloured
from training.data.crop import Image
from training.data.sample import HandSample

EVERYTHING = DataConfig(
    rotation_sigma_deg=60.0,
    rotation_probability=0.7,
    shift=0.06,
    gamma=0.35,
    sharpness=0.8,
    noise_level=10.0,
    cutout_probability=0.5,
    mirror_border_probability=0.5,
)
FAR_M = 500.0
SIZE_PX = 200


def far_hand(seed: int, *, marked_joint: int = 0) -> HandSample:
    """Return a hand on the axis of a camera so far away that x and y are seen as they are."""
    rng = np.random.default_rng(seed)
    joints = rng.normal(scale=0.05, size=(JOINT_COUNT, 3))
    turn = Rotation.random(rng=rng).as_matrix()
    seen = joints @ turn.T
    seen[:, :2] -= (seen[:, :2].min(axis=0) + seen[:, :2].max(axis=0)) / 2
    scale = 0.5 * SIZE_PX / np.ptp(seen[:, :2], axis=0).max()
    joints_px = SIZE_PX / 2 + scale * seen[:, :2] * (FAR_M / (FAR_M + seen[:, 2:]))
    image = np.zeros((SIZE_PX, SIZE_PX, 3), np.uint8)
    x, y = joints_px[marked_joint]
    centre = round((x - 0.5) * 16), round((y - 0.5) * 16)
    cv2.circle(image, centre, 3 << 4, (255, 255, 255), -1, cv2.LINE_AA, shift=4)
    return HandSample(
        image=image,
        joints_px=joints_px.astype(np.float32),
        vertices_canonical_m=joints.astype(np.float32),
        joints_canonical_m=joints.astype(np.float32),
        rotation=turn.astype(np.float32),
        visibility=0.7,
    )


def texture(seed: int = 0) -> Image:
    noise = np.random.default_rng(seed).integers(0, 256, (IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), dtype=np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 1.5), np.uint8)


def roughness(image: Image) -> float:
    return float(np.abs(np.diff(image.astype(float), axis=0)).mean())


@pytest.mark.parametrize("seed", range(12))
def test_a_joints_pixels_lie_where_its_label_says(seed: int) -> None:
    sample = far_hand(seed, marked_joint=seed % JOINT_COUNT)
    geometry = DataConfig(rotation_sigma_deg=60.0, rotation_probability=1.0, shift=0.06, gain=0.0)
    hand = crop_hand(sample, draw_augmentation(geometry, np.random.default_rng(seed)))
    brightness = hand.image.sum(axis=2).astype(float)
    rows, columns = np.indices(brightness.shape) + 0.5
    centroid = np.array([(columns * brightness).sum(), (rows * brightness).sum()]) / brightness.sum()
    assert centroid == pytest.approx(hand.joints_uv[seed % JOINT_COUNT] * IMAGE_SIZE_PX, abs=0.15)


@pytest.mark.parametrize("seed", range(12))
def test_the_turned_hand_projects_onto_the_turned_picture(seed: int) -> None:
    draw = draw_augmentation(
        DataConfig(rotation_sigma_deg=60.0, rotation_probability=1.0, shift=0.06), np.random.default_rng(seed)
    )
    hand = crop_hand(far_hand(seed), draw)
    seen = (hand.joints_canonical_m @ hand.rotation.T)[:, :2].astype(np.float64)
    seen -= seen.mean(axis=0)
    uv = hand.joints_uv - hand.joints_uv.mean(axis=0)
    # Up to the zoom nothing but the picture's own turn can make these equal.
    zoom = (seen * uv).sum() / (seen**2).sum()
    assert zoom > 0
    assert uv == pytest.approx(zoom * seen, abs=2e-3)


@settings(max_examples=50)
@given(seed=st.integers(0, 2**32 - 1))
def test_draws_keep_to_their_limits(seed: int) -> None:
    draw = draw_augmentation(EVERYTHING, np.random.default_rng(seed))
    assert 0.75 <= draw.scale <= 1.25
    assert abs(draw.rotation_rad) <= math.radians(120.0) + 1e-9
    assert max(map(abs, draw.shift)) <= 0.06
    assert all(0.8 <= gain <= 1.2 for gain in draw.gain)
    assert abs(math.log(draw.gamma)) <= 0.35 + 1e-9
    assert abs(draw.sharpness) <= 0.8
    assert 0.0 <= draw.noise_level <= 10.0


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_augmentation_leaves_the_articulation_and_keeps_a_rotation(seed: int) -> None:
    sample = far_hand(seed % 7)
    hand = crop_hand(sample, draw_augmentation(EVERYTHING, np.random.default_rng(seed)))
    assert np.array_equal(hand.vertices_canonical_m, sample.vertices_canonical_m)
    assert hand.rotation @ hand.rotation.T == pytest.approx(np.eye(3), abs=1e-5)
    assert np.linalg.det(hand.rotation) == pytest.approx(1.0, abs=1e-5)


def test_the_same_draw_gives_the_same_crop() -> None:
    first, second = (
        crop_hand(far_hand(3), draw_augmentation(EVERYTHING, np.random.default_rng(8))) for _ in range(2)
    )
    assert np.array_equal(first.image, second.image)
    assert np.array_equal(first.joints_uv, second.joints_uv)


def test_without_augmentation_the_joints_box_fills_two_thirds_of_the_crop() -> None:
    hand = crop_hand(far_hand(4))
    assert np.ptp(hand.joints_uv, axis=0).max() == pytest.approx(2 / 3, abs=1e-4)
    assert (hand.joints_uv.min(axis=0) + hand.joints_uv.max(axis=0)) / 2 == pytest.approx(0.5, abs=1e-4)


def test_the_default_look_changes_no_pixel() -> None:
    assert np.array_equal(recoloured(texture(), Augmentation()), texture())


def test_gain_and_gamma_act_on_the_levels() -> None:
    image = np.full((8, 8, 3), 64, np.uint8)
    looked = recoloured(image, Augmentation(gain=(1.0, 2.0, 10.0), gamma=2.0))
    level = 255 * (64 / 255) ** 2
    assert looked[0, 0].tolist() == [round(level), round(2 * level), 161]


def test_sharpness_blurs_and_sharpens() -> None:
    blurred, plain, sharp = (
        roughness(recoloured(texture(), Augmentation(sharpness=amount))) for amount in (-1.0, 0.0, 0.8)
    )
    assert blurred < plain < sharp


def test_noise_has_the_asked_level() -> None:
    grey = np.full((IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3), 128, np.uint8)
    noisy = recoloured(grey, Augmentation(noise_level=9.0, noise_seed=5)).astype(float)
    assert noisy.std() == pytest.approx(9.0, rel=0.03)
    assert noisy.mean() == pytest.approx(128.0, abs=0.2)


def test_a_patch_covers_its_place_and_no_more() -> None:
    image = texture()
    patch = Patch(place=(0.25, 0.5, 0.125, 0.25), colour=(9, 8, 7))
    covered = recoloured(image, Augmentation(cutout=patch))
    inside = np.zeros(image.shape[:2], np.bool_)
    inside[64:96, 32:48] = True
    assert (covered[inside] == (9, 8, 7)).all()
    assert np.array_equal(covered[~inside], image[~inside])


def test_a_mirrored_border_leaves_no_black_corner() -> None:
    sample = far_hand(2)
    sample.image[:] = 90
    turned = Augmentation(rotation_rad=0.8, scale=1.25)
    assert crop_hand(sample, turned).image.min() == 0
    assert crop_hand(sample, Augmentation(rotation_rad=0.8, scale=1.25, mirror_border=True)).image.min() == 90
