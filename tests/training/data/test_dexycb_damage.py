"""Whatever is wrong with a copy is one `ValueError` that names the file and the field."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.dexycb.reader import DexYcbHands
from training.synthetic.fabricate.stand_in import StandInHand

SEQUENCE = Path("20200709-subject-01/20200709_140000")
LABEL = SEQUENCE / "839512060362/labels_000001.npz"
COLOR = SEQUENCE / "839512060362/color_000001.jpg"
META = SEQUENCE / "meta.yml"
BETAS = Path("calibration/mano_20200709-subject-01_right/mano.yml")
LENS = Path("calibration/intrinsics/839512060362_640x480.yml")
Damage = Callable[[Path], object]


def label(**changes: NDArray[Any] | None) -> Damage:
    """Return what changes arrays of a label, or takes them out."""

    def change(path: Path) -> None:
        with np.load(path) as arrays:
            present = {**arrays, **changes}
        kept = {name: array for name, array in present.items() if array is not None}
        np.savez(path, allow_pickle=False, **kept)

    return change


def text(old: str, new: str) -> Damage:
    return lambda path: path.write_text(path.read_text().replace(old, new))


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


NAN = np.full((1, 21, 3), np.nan, np.float32)
DAMAGES: list[tuple[Path, Damage, str]] = [
    (COLOR, Path.unlink, "there is no such file"),
    (COLOR, truncated, "is no whole JPEG"),
    (COLOR, lambda path: path.write_bytes(b"no picture"), "is no whole JPEG"),
    (LABEL, Path.unlink, "there is no such file"),
    (LABEL, truncated, "is damaged"),
    (LABEL, label(joint_3d=NAN), "joint_3d: holds a number that is not finite"),
    (LABEL, label(pose_m=np.ones((1, 48), np.float32)), "pose_m: has shape (1, 48), not (1, 51)"),
    (LABEL, label(joint_2d=None), "joint_2d: is missing"),
    (LABEL, label(joint_2d=np.array([["a"]])), "joint_2d: holds what is no number"),
    (LABEL, label(seg=np.zeros((48, 64), np.uint8)), "seg: is uint8 (48, 64), not uint8 (480, 640)"),
    (META, Path.unlink, "there is no such file"),
    (META, lambda path: path.write_text("{serials: ["), "is not YAML"),
    (META, lambda path: path.write_text("- right"), "holds no mapping"),
    (META, text("num_frames", "frames"), "num_frames: is missing"),
    (META, text("num_frames: 2", "num_frames: two"), "num_frames: is no positive whole number, but 'two'"),
    (META, text("- right", "- both"), "mano_sides: is 'both', neither 'right' nor 'left'"),
    (META, text("mano_calib:\n- ", "mano_calib: "), "mano_calib: is no list with an entry"),
    (BETAS, lambda path: path.write_text("betas: [1, 2]"), "betas: has shape (2,), not (10,)"),
    (LENS, Path.unlink, "there is no such file"),
    (LENS, text("fx:", "f:"), "fx: is missing"),
    (LENS, text("fx: 6", "fx: none6"), "color.fx: holds what is no number"),
]


@pytest.mark.parametrize(("file", "damage", "complaint"), DAMAGES, ids=[entry[2] for entry in DAMAGES])
def test_damage_is_named(
    one_sequence: Path, stand_ins: dict[str, StandInHand], file: Path, damage: Damage, complaint: str
) -> None:
    damage(one_sequence / file)
    with pytest.raises(ValueError, match=f"^{re.escape(str(one_sequence / file))}: {re.escape(complaint)}"):
        read_all(one_sequence, stand_ins)


def test_an_undamaged_copy_is_read(one_sequence: Path, stand_ins: dict[str, StandInHand]) -> None:
    assert read_all(one_sequence, stand_ins) == 3


def read_all(root: Path, stand_ins: dict[str, StandInHand]) -> int:
    hands = DexYcbHands(root, split="train", hands=stand_ins)
    return len([hands[number].visibility for number in range(len(hands))])
