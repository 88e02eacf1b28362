"""The fabricated DexYCB has the published layout, its laws and its awkward cases (spec sections 7.1, 7.3)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
import yaml
from numpy.typing import NDArray

from training.synthetic.fabricate.dexycb import DexYcbSize, fabricate_dexycb
from training.synthetic.fabricate.stand_in import StandInHand

SERIALS = ["836212060125", "839512060362"]
FIRST = Path("20200709-subject-01/20200709_140000")
LEFT = {"20200813-subject-02/20200813_140100", "20200820-subject-03/20200820_140400"}
Labels = dict[str, NDArray[Any]]


def read_yaml(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text())
    return content


def read_labels(path: Path) -> Labels:
    with np.load(path) as arrays:
        return dict(arrays)


def sequences(root: Path) -> list[str]:
    return sorted(str(path.parent.relative_to(root)) for path in root.glob("*/*/meta.yml"))


def test_files_lie_where_the_published_ones_do(dexycb: Path) -> None:
    assert len(sequences(dexycb)) == 15
    kinds = (("aligned_depth_to_color", "png"), ("color", "jpg"), ("labels", "npz"))
    frames = [f"{kind}_{frame:06d}.{ending}" for kind, ending in kinds for frame in range(2)]
    for name in sequences(dexycb):
        assert sorted(path.name for path in (dexycb / name).iterdir()) == [*SERIALS, "meta.yml", "pose.npz"]
        for serial in SERIALS:
            assert sorted(path.name for path in (dexycb / name / serial).iterdir()) == frames
    calibration = {str(path.relative_to(dexycb / "calibration")) for path in dexycb.rglob("calibration/*/*")}
    assert calibration == {
        *(f"intrinsics/{serial}_640x480.yml" for serial in SERIALS),
        "extrinsics_20200702_151821/extrinsics.yml",
        *(f"mano_{name}/mano.yml" for name in (
            "20200709-subject-01_right", "20200813-subject-02_right", "20200813-subject-02_left",
            "20200820-subject-03_right", "20200820-subject-03_left",
        )),
    }  # fmt: skip


def test_meta_says_who_and_quotes_the_serials(dexycb: Path) -> None:
    for name in sequences(dexycb):
        meta = read_yaml(dexycb / name / "meta.yml")
        assert (meta["serials"], meta["num_frames"]) == (SERIALS, 2)
        assert meta["mano_sides"] == ["left" if name in LEFT else "right"]
        (calibration,) = meta["mano_calib"]
        assert len(read_yaml(dexycb / f"calibration/mano_{calibration}/mano.yml")["betas"]) == 10
        assert f"- '{SERIALS[0]}'" in (dexycb / name / "meta.yml").read_text()


def test_labels_have_the_published_types(dexycb: Path) -> None:
    for path in dexycb.rglob("labels_*.npz"):
        labels = read_labels(path)
        kinds = {name: (array.dtype.name, array.shape) for name, array in labels.items()}
        assert kinds == {
            "seg": ("uint8", (480, 640)),
            "pose_y": ("float32", (1, 3, 4)),
            "pose_m": ("float32", (1, 51)),
            "joint_3d": ("float32", (1, 21, 3)),
            "joint_2d": ("float32", (1, 21, 2)),
        }
    with np.load(dexycb / FIRST / "pose.npz") as pose:
        assert {name: pose[name].shape for name in pose} == {"pose_y": (2, 1, 7), "pose_m": (2, 1, 51)}


def test_one_view_has_no_hand_in_its_labels(dexycb: Path) -> None:
    absent = [path for path in dexycb.rglob("labels_*.npz") if not read_labels(path)["pose_m"].any()]
    assert absent == [dexycb / FIRST / SERIALS[0] / "labels_000000.npz"]
    labels = read_labels(absent[0])
    assert (labels["joint_3d"] == -1).all()
    assert (labels["joint_2d"] == -1).all()
    assert not (labels["seg"] == 255).any()


def test_labels_agree_with_each_other(dexycb: Path, stand_ins: dict[str, StandInHand]) -> None:
    for name in sequences(dexycb):
        meta = read_yaml(dexycb / name / "meta.yml")
        hand = stand_ins[meta["mano_sides"][0]]
        betas = read_yaml(dexycb / f"calibration/mano_{meta['mano_calib'][0]}/mano.yml")["betas"]
        places = read_yaml(dexycb / "calibration/extrinsics_20200702_151821/extrinsics.yml")["extrinsics"]
        for frame in range(2):
            in_master = []
            for serial in SERIALS:
                labels = read_labels(dexycb / name / serial / f"labels_{frame:06d}.npz")
                if not labels["pose_m"].any():
                    continue
                joints_m = labels["joint_3d"][0]
                assert hand_joints_m(hand, labels["pose_m"][0], betas) == pytest.approx(joints_m, abs=1e-4)
                lens = read_yaml(dexycb / f"calibration/intrinsics/{serial}_640x480.yml")["color"]
                flat = joints_m[:, :2] / joints_m[:, 2:]
                pixels = flat * (lens["fx"], lens["fy"]) + (lens["ppx"], lens["ppy"])
                assert np.abs(pixels - labels["joint_2d"][0]).max() < 0.5
                place = np.array(places[serial]).reshape(3, 4)
                in_master.append(joints_m @ place[:, :3].T + place[:, 3])
            assert np.ptp(np.stack(in_master), axis=0).max() < 1e-4


def hand_joints_m(hand: StandInHand, pose_m: NDArray[np.float32], betas: list[float]) -> NDArray[np.float32]:
    """Return what MANO would make of `pose_m`."""
    residual = hand.residual(torch.from_numpy(pose_m[None, 3:48]))
    pose = torch.cat([torch.from_numpy(pose_m[None, :3]), residual], dim=1)
    joints_m: NDArray[np.float32] = hand.posed(pose, torch.tensor([betas])).joints_m[0].numpy()
    return joints_m + pose_m[48:]


def test_pictures_show_what_the_labels_say(dexycb: Path) -> None:
    hands = 0
    for path in (dexycb / FIRST).rglob("labels_*.npz"):
        labels = read_labels(path)
        shown = labels["seg"] == 255
        if not shown.any():
            continue
        hands += 1
        color = cv2.imread(str(path.parent / path.name.replace("labels", "color")).replace("npz", "jpg"))
        depth_name = path.name.replace("labels", "aligned_depth_to_color").replace("npz", "png")
        depth_mm = cv2.imread(str(path.parent / depth_name), cv2.IMREAD_UNCHANGED)
        assert color is not None
        assert depth_mm is not None
        # Skin is red rather than blue, the object blue rather than red.
        assert (color[shown][:, 2] > color[shown][:, 0]).mean() > 0.95
        joints_mm = 1000 * labels["joint_3d"][0, :, 2]
        assert depth_mm.dtype == np.uint16
        assert joints_mm.min() - 60 < depth_mm[shown].min() <= depth_mm[shown].max() < joints_mm.max() + 60
    assert hands == 3


def test_the_seed_alone_decides(tmp_path: Path) -> None:
    label = FIRST / SERIALS[0] / "labels_000000.npz"
    made = []
    for number, seed in enumerate((1, 1, 2)):
        root = tmp_path / str(number)
        next(fabricate_dexycb(root, seed=seed, size=DexYcbSize(frames=1, cameras=1)))
        made.append(((root / label.parent / "color_000000.jpg").read_bytes(), (root / label).exists()))
    assert made[0] == made[1] != made[2]


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="subjects must be from 3 to 10, got 2"):
        next(fabricate_dexycb(tmp_path / "new", seed=0, size=DexYcbSize(subjects=2)))
    assert not (tmp_path / "new").exists()
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="not empty; take a new folder"):
        next(fabricate_dexycb(tmp_path, seed=0))
