"""What the reader gives is what the fabricated files say, in the frames of `HandSample`."""

from __future__ import annotations

import tracemalloc
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import simplejpeg
import torch
import yaml
from numpy.typing import NDArray

from tests.training.conftest import DEXYCB_CAMERAS as CAMERAS
from tests.training.conftest import DEXYCB_FRAMES as FRAMES
from training.data.augment import Augmentation
from training.data.dexycb.index import load_index
from training.data.dexycb.layout import SPLITS, Split
from training.data.dexycb.reader import DexYcbHands
from training.data.groups import HandGroups
from training.data.loader import plain_batches
from training.data.sample import HandSample
from training.data.synthetic_reader import SyntheticHands
from training.synthetic.fabricate.stand_in import StandInHand, mirrored_axis_angles

Hands = dict[str, StandInHand]
Float = NDArray[np.float64]
MIRROR = np.array([-1.0, 1.0, 1.0])


@pytest.fixture(scope="module")
def parts(dexycb: Path, stand_ins: Hands) -> dict[str, DexYcbHands]:
    index = load_index(dexycb)
    return {split: DexYcbHands(dexycb, split=split, hands=stand_ins, index=index) for split in SPLITS}


def place(hands: DexYcbHands, number: int) -> tuple[str, str, int]:
    """Return sequence, serial and frame of a view."""
    index = hands.index
    return (
        hands.sequences[index.shard[number]],
        hands.cameras[index.view[number]],
        int(index.sample[number]),
    )


def labels(root: Path, hands: DexYcbHands, number: int) -> dict[str, Float]:
    sequence, serial, frame = place(hands, number)
    with np.load(root / sequence / serial / f"labels_{frame:06d}.npz") as arrays:
        return {name: arrays[name][0].astype(np.float64) for name in ("pose_m", "joint_3d", "joint_2d")}


def is_left(root: Path, sequence: str) -> bool:
    sides = yaml.safe_load((root / sequence / "meta.yml").read_text())["mano_sides"]
    return bool(sides == ["left"])


def left_views(root: Path, hands: DexYcbHands) -> list[int]:
    return [number for number in range(len(hands)) if is_left(root, place(hands, number)[0])]


def test_s0_takes_every_fifth_sequence_apart(parts: dict[str, DexYcbHands]) -> None:
    found = {split: {place(hands, n)[0] for n in range(len(hands))} for split, hands in parts.items()}
    assert {split: len(sequences) for split, sequences in found.items()} == {"train": 12, "val": 2, "test": 1}
    assert len(found["train"] | found["val"] | found["test"]) == 15
    assert {sequence.split("/")[0][-2:] for sequence in found["val"]} == {"01", "02"}
    assert all(sequence.endswith("_140400") for sequence in found["val"] | found["test"])


def test_a_hand_that_is_not_labelled_shortens_its_group(parts: dict[str, DexYcbHands]) -> None:
    train = parts["train"]
    assert len(train) == 12 * FRAMES * CAMERAS - 1
    sizes = [len(train.group(number)) for number in range(train.group_count)]
    assert sizes == [1] + [CAMERAS] * (12 * FRAMES - 1)
    assert train.group(0).camera_names == ("839512060362",)
    assert train.group(1).camera_names == ("836212060125", "839512060362")
    with pytest.raises(IndexError, match="24 groups, got 24"):
        train.group(24)


def test_a_group_is_one_moment_and_shares_the_canonical_hand(parts: dict[str, DexYcbHands]) -> None:
    for hands in parts.values():
        seen = 0
        for number in range(hands.group_count):
            group = hands.group(number)
            assert len({place(hands, view)[::2] for view in range(seen, seen + len(group))}) == 1
            first, *others = (group.sample(view) for view in range(len(group)))
            assert np.array_equal(first.image, hands[seen].image)
            for sample in others:
                assert not np.array_equal(sample.image, first.image)
                assert np.array_equal(sample.vertices_canonical_m, first.vertices_canonical_m)
                assert np.array_equal(sample.joints_canonical_m, first.joints_canonical_m)
            seen += len(group)
        assert seen == len(hands)


def test_labels_reproject_onto_the_picture_that_is_read(parts: dict[str, DexYcbHands], dexycb: Path) -> None:
    for hands in parts.values():
        for number in range(len(hands)):
            sequence, serial, _ = place(hands, number)
            mirror = MIRROR if is_left(dexycb, sequence) else np.ones(3)
            sample = hands[number]
            joints_m = in_camera(sample, labels(dexycb, hands, number)["joint_3d"][0] * mirror)
            assert joints_m == pytest.approx(labels(dexycb, hands, number)["joint_3d"] * mirror, abs=1e-4)
            lens = yaml.safe_load((dexycb / f"calibration/intrinsics/{serial}_640x480.yml").read_text())
            fx, fy, ppx, ppy = (lens["color"][name] for name in ("fx", "fy", "ppx", "ppy"))
            middle = np.array([639 - ppx if mirror[0] < 0 else ppx, ppy]) + 0.5
            expected_px = joints_m[:, :2] / joints_m[:, 2:] * (fx, fy) + middle
            assert np.abs(sample.joints_px - expected_px).max() < 0.1


def in_camera(sample: HandSample, wrist_m: Float) -> Float:
    joints_m = sample.joints_canonical_m.astype(np.float64)
    return np.asarray((joints_m - joints_m[0]) @ sample.rotation.T + wrist_m)


def test_a_left_hand_is_read_in_a_mirror(
    parts: dict[str, DexYcbHands], dexycb: Path, stand_ins: Hands
) -> None:
    found = [(hands, number) for hands in parts.values() for number in left_views(dexycb, hands)]
    assert len(found) == 2 * FRAMES * CAMERAS
    for hands, number in found:
        sequence, serial, frame = place(hands, number)
        stored = labels(dexycb, hands, number)
        sample = hands[number]
        content = (dexycb / sequence / serial / f"color_{frame:06d}.jpg").read_bytes()
        assert np.array_equal(sample.image[:, ::-1], simplejpeg.decode_jpeg(content))
        assert sample.joints_px[:, 0] == pytest.approx(639 - stored["joint_2d"][:, 0] + 0.5, abs=1e-3)
        assert np.linalg.det(sample.rotation) == pytest.approx(1.0, abs=1e-5)
        # The paper's way: mirror the pose, and let the right hand's model take it.
        residual = stored["pose_m"][3:48] @ stand_ins["left"].hands_components
        pose = np.concatenate([np.zeros(3), mirrored_axis_angles(residual)])
        betas = torch.from_numpy(hands.betas[hands.index.shard[number]])
        right = stand_ins["right"].posed(torch.from_numpy(pose)[None].float(), betas[None])
        assert sample.vertices_canonical_m == pytest.approx(right.vertices_m[0].numpy(), abs=1e-5)
        assert sample.joints_canonical_m == pytest.approx(right.joints_m[0].numpy(), abs=1e-5)


def test_visibility_is_the_visible_share_of_the_silhouette(parts: dict[str, DexYcbHands]) -> None:
    shares = np.array([parts["train"][number].visibility for number in range(len(parts["train"]))])
    assert 0.0 < shares.min() < 0.9, "some hand is behind its object"
    # The silhouette is a little too wide: OpenCV fills the edges of a polygon.
    assert 0.97 < shares.max() < 1.0


def test_reading_every_view_keeps_no_picture(parts: dict[str, DexYcbHands]) -> None:
    hands = parts["val"]
    picture_bytes = hands[0].image.nbytes
    tracemalloc.start()
    before, _ = tracemalloc.get_traced_memory()
    for number in range(len(hands)):
        assert hands[number].image.nbytes == picture_bytes
    after, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < picture_bytes / 2


def test_the_loader_takes_it(parts: dict[str, DexYcbHands]) -> None:
    (batch,) = plain_batches(cast(SyntheticHands, parts["test"]), batch_size=FRAMES * CAMERAS)
    assert batch.images.shape == (FRAMES * CAMERAS, 3, 128, 128)
    assert batch.truth.joints_uv.min() > 0.1
    assert batch.truth.joints_uv.max() < 0.9


def test_what_groups_rendered_views_groups_these(parts: dict[str, DexYcbHands]) -> None:
    train = parts["train"]
    groups = HandGroups(cast(SyntheticHands, train))
    assert len(groups) == train.group_count
    assert groups.targets(0).tolist() == [1]
    views = groups.views_from(0, 1, count=CAMERAS)
    assert groups.crop(views, [Augmentation()] * CAMERAS).valid.tolist() == [True, False]


def test_what_cannot_be_read_is_refused(dexycb: Path, stand_ins: Hands, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="train has left hands, and no model"):
        DexYcbHands(dexycb, split="train", hands={"right": stand_ins["right"]})
    with pytest.raises(ValueError, match="one of train, val, test, got 'all'"):
        DexYcbHands(dexycb, split=cast(Split, "all"), hands=stand_ins)
    with pytest.raises(ValueError, match="holds no SUBJECT/SEQUENCE folder"):
        DexYcbHands(tmp_path, split="train", hands=stand_ins)
