"""The fabricated HanCo has the published layout, its laws and its awkward cases (spec sections 7.2, 7.3)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from training.synthetic.fabricate.hanco import HanCoSize, fabricate_hanco
from training.synthetic.fabricate.stand_in import StandInHand

Float = NDArray[np.float64]


def read(path: Path) -> Any:  # noqa: ANN401  (whatever the file holds)
    return json.loads(path.read_text())


def test_files_lie_where_the_published_ones_do(hanco: Path) -> None:
    names = {path.name for path in hanco.iterdir()}
    assert names == {"meta.json", "rgb", "rgb_merged", "mask_hand", "mask_fg", "calib", "xyz", "shape"}
    for sequence in range(3):
        for variant in ("rgb", "rgb_merged", "mask_hand", "mask_fg"):
            present = sorted((hanco / variant / f"{sequence:04d}").glob("cam*/*.jpg"))
            assert len(present) == (0 if (variant, sequence) == ("rgb_merged", 2) else 8 * 3)
        frames = [f"{frame:08d}.json" for frame in range(3)]
        for kind in ("calib", "xyz"):
            assert sorted(path.name for path in (hanco / kind / f"{sequence:04d}").iterdir()) == frames
        fitted = frames[1:] if sequence == 1 else frames
        for folder in ("", *(f"cam{camera}" for camera in range(8))):
            shapes = hanco / "shape" / f"{sequence:04d}" / folder
            assert sorted(path.name for path in shapes.glob("*.json")) == fitted


def test_meta_has_every_awkward_case(hanco: Path) -> None:
    meta = read(hanco / "meta.json")
    yes = [True] * 3
    assert meta["is_train"] == [yes, yes, [False] * 3]
    assert meta["has_fit"] == [yes, [False, True, True], yes]
    assert meta["is_valid"] == [yes, [False, False, True], yes]
    assert set(meta) == {"is_train", "subject_id", "is_valid", "object_id", "has_fit"}
    assert {len(row) for rows in meta.values() for row in rows} == {3}


def test_the_fits_of_world_and_cameras_are_one_hand(hanco: Path, stand_ins: dict[str, StandInHand]) -> None:
    hand = stand_ins["right"]
    for path in sorted((hanco / "shape").glob("*/*.json")):
        name = f"{path.parent.name}/{path.name}"
        world, calibration = read(path), read(hanco / "calib" / name)
        shift_m = np.array(world["global_t"])[0, 0]
        vertices_m, joints_m = posed(hand, world["poses"][0], world["shapes"][0])
        assert joints_m + shift_m == pytest.approx(np.array(read(hanco / "xyz" / name)), abs=1e-4)
        for camera in range(8):
            own = read(path.parent / f"cam{camera}" / path.name)
            place = np.array(calibration["M"][camera])
            in_camera_m, own_joints_m = posed(hand, own[:48], own[48:58])
            # Spec section 7.2: MANO(pose_cam) - j0 + M (j0 + global_t) = M (world vertices).
            wrist_m = moved(place, joints_m[0] + shift_m)
            expected = moved(place, vertices_m + shift_m)
            assert in_camera_m - own_joints_m[0] + wrist_m == pytest.approx(expected, abs=1e-5)
            # The camera's own triple says where the middle finger's knuckle lies.
            lens = np.array(calibration["K"][camera])
            depth_m = 0.5 * (lens[0, 0] + lens[1, 1]) / own[60]
            knuckle_m = np.linalg.solve(lens, [own[58], own[59], 1.0]) * depth_m
            assert knuckle_m == pytest.approx(moved(place, joints_m[9] + shift_m), abs=1e-4)


def test_every_picture_is_cut_out_round_the_hand(hanco: Path) -> None:
    lenses = []
    for path in sorted((hanco / "calib").rglob("*.json")):
        calibration = read(path)
        joints_m = np.array(read(hanco / "xyz" / path.parent.name / path.name))
        for camera in range(8):
            place, lens = (np.array(calibration[name][camera]) for name in "MK")
            homogeneous = moved(place, joints_m) @ lens.T
            pixels = homogeneous[:, :2] / homogeneous[:, 2:]
            assert (pixels.min(axis=0) + pixels.max(axis=0)) / 2 == pytest.approx(111.5, abs=1e-6)
            assert np.ptp(pixels, axis=0).max() == pytest.approx(0.6 * 224)
            lenses.append(lens[0, 0])
    assert len(set(lenses)) == len(lenses), "the intrinsics follow the hand"


def moved(place: Float, points_m: Float) -> Float:
    return np.asarray(points_m @ place[:3, :3].T + place[:3, 3])


def posed(hand: StandInHand, pose: list[float], betas: list[float]) -> tuple[Float, Float]:
    geometry = hand.posed(torch.tensor([pose]), torch.tensor([betas]))
    return geometry.vertices_m[0].double().numpy(), geometry.joints_m[0].double().numpy()


def test_what_cannot_be_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="sequences must be from 3 to 1518, got 2"):
        next(fabricate_hanco(tmp_path / "new", seed=0, size=HanCoSize(sequences=2)))
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="not empty; take a new folder"):
        next(fabricate_hanco(tmp_path, seed=0))
