"""What the reader gives is what the fabricated files say, in the frames of `HandSample`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any, cast

import numpy as np
import pytest
import simplejpeg
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.data.hanco.layout import Split, Variant
from training.data.hanco.reader import HanCoHands
from training.synthetic.fabricate.stand_in import StandInHand

Float = NDArray[np.float64]
BOTH: tuple[Variant, Variant] = ("rgb", "rgb_merged")
GOOD_TRAIN_FRAMES = ["0000/00000000", "0000/00000001", "0000/00000002", "0001/00000002"]


@pytest.fixture(scope="module")
def hand() -> StandInHand:
    return StandInHand()


@pytest.fixture(scope="module")
def train(hanco: Path, hand: StandInHand) -> HanCoHands:
    return HanCoHands(hanco, split="train", hand=hand, variants=BOTH)


def place(hands: HanCoHands, number: int) -> tuple[str, str, int]:
    """Return variant, `sid/fid` and camera of a view."""
    index = hands.index
    variant, sequence = hands.sequences[index.shard[number]].split("/")
    return variant, f"{sequence}/{index.sample[number]:08d}", int(index.view[number])


def read(root: Path, kind: str, frame: str) -> Any:  # noqa: ANN401  (whatever the file holds)
    return json.loads((root / kind / f"{frame}.json").read_text())


def test_only_good_frames_are_read_in_every_variant_that_has_them(
    train: HanCoHands, hanco: Path, hand: StandInHand
) -> None:
    found = [place(train, int(start)) for start in train.index.group_starts[:-1]]
    assert found == [(variant, frame, 0) for variant in BOTH for frame in GOOD_TRAIN_FRAMES]
    test = HanCoHands(hanco, split="test", hand=hand, variants=BOTH)
    assert {place(test, number)[:2] for number in range(len(test))} == {
        ("rgb", f"0002/{frame:08d}") for frame in range(3)
    }


def test_a_group_is_one_frame_in_one_variant_and_shares_the_canonical_hand(train: HanCoHands) -> None:
    for number in range(train.group_count):
        group = train.group(number)
        assert group.camera_names == tuple(f"cam{camera}" for camera in range(8))
        assert len({place(train, 8 * number + view)[:2] for view in range(8)}) == 1
        first = group.sample(0)
        for view in range(1, 8):
            assert np.array_equal(group.sample(view).vertices_canonical_m, first.vertices_canonical_m)
            assert np.array_equal(group.sample(view).joints_canonical_m, first.joints_canonical_m)


def test_labels_reproject_onto_the_picture(train: HanCoHands, hanco: Path) -> None:
    for number in range(len(train)):
        _, frame, camera = place(train, number)
        sample, calibration = train[number], read(hanco, "calib", frame)
        lens, world = np.array(calibration["K"][camera]), np.array(calibration["M"][camera])
        joints_m = np.array(read(hanco, "xyz", frame)) @ world[:3, :3].T + world[:3, 3]
        own_m = sample.joints_canonical_m.astype(np.float64)
        placed_m = (own_m - own_m[0]) @ sample.rotation.T + joints_m[0]
        assert placed_m == pytest.approx(joints_m, abs=1e-4)
        pixels = placed_m @ lens.T
        assert np.abs(sample.joints_px - 0.5 - pixels[:, :2] / pixels[:, 2:]).max() < 0.1


def test_the_rotation_is_the_one_that_is_stored_for_the_camera(train: HanCoHands, hanco: Path) -> None:
    for number in range(len(train)):
        _, frame, camera = place(train, number)
        sequence, name = frame.split("/")
        own = json.loads((hanco / f"shape/{sequence}/cam{camera}/{name}.json").read_text())
        assert len(own) == 61
        expected = Rotation.from_rotvec(own[:3]).as_matrix()
        assert train[number].rotation == pytest.approx(expected, abs=1e-5)


def test_a_merged_picture_shows_the_same_hand_elsewhere(train: HanCoHands, hanco: Path) -> None:
    half = len(train) // 2
    for number in range(half):
        _, frame, camera = place(train, number)
        sequence, name = frame.split("/")
        content = (hanco / f"mask_fg/{sequence}/cam{camera}/{name}.jpg").read_bytes()
        shown = simplejpeg.decode_jpeg(content, colorspace="GRAY")[:, :, 0] > 127
        before, after = train[number], train[half + number]
        change = np.abs(before.image.astype(int) - after.image).mean(axis=2)
        assert np.median(change[shown]) < 5
        assert np.median(change[~shown]) > 20
        assert before.visibility == after.visibility
        assert np.array_equal(before.vertices_canonical_m, after.vertices_canonical_m)


def test_visibility_is_the_visible_share_of_the_silhouette(train: HanCoHands) -> None:
    frames = 3
    holding = np.array([train[number].visibility for number in range(frames * 8)])
    assert 0.0 < holding.min() < 0.97, "some hand is behind its object"
    empty = np.array([train[number].visibility for number in range(frames * 8, (frames + 1) * 8)])
    assert empty == pytest.approx(0.99, abs=0.02)


def test_a_camera_that_is_not_there_shortens_the_groups(hanco_copy: Path, hand: StandInHand) -> None:
    shutil.rmtree(hanco_copy / "rgb/0002/cam3")
    hands = HanCoHands(hanco_copy, split="test", hand=hand)
    assert [len(hands.group(number)) for number in range(hands.group_count)] == [7, 7, 7]
    assert "cam3" not in hands.group(0).camera_names
    assert hands.group(0).sample(3).joints_px.shape == (21, 2)


def test_what_cannot_be_read_is_refused(hanco: Path, hand: StandInHand) -> None:
    with pytest.raises(ValueError, match="one of train, test, got 'val'"):
        HanCoHands(hanco, split=cast(Split, "val"), hand=hand)
    with pytest.raises(ValueError, match="got 'rgb_blue'"):
        HanCoHands(hanco, split="train", hand=hand, variants=("rgb", cast(Variant, "rgb_blue")))
    with pytest.raises(ValueError, match="right ones, got a model of the left"):
        HanCoHands(hanco, split="train", hand=StandInHand("left"))
    with pytest.raises(ValueError, match="test has no valid view in rgb_merged"):
        HanCoHands(hanco, split="test", hand=hand, variants=("rgb_merged",))
