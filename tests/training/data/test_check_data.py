"""The verb `check-data`: counts of a whole copy, and every fault of a broken one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from training.__main__ import main
from training.data.checking import FAULTS_KEPT

SEQUENCE = Path("20200709-subject-01/20200709_140000")
LABEL = SEQUENCE / "839512060362/labels_000001.npz"
COLOR = SEQUENCE / "839512060362/color_000001.jpg"
PLACES = Path("calibration/extrinsics_20200702_151821/extrinsics.yml")
Damage = Callable[[Path], object]
Output = pytest.CaptureFixture[str]


def row(output: str, part: str) -> list[str]:
    """Return the cells of a part's row of numbers."""
    (line,) = (line for line in output.splitlines() if line.startswith(f"{part}  "))
    return line.removeprefix(part).split()


def test_a_whole_dexycb_is_counted_beside_the_published_one(dexycb: Path, capsys: Output) -> None:
    assert main(["check-data", "dexycb", str(dexycb)]) == 0
    printed = capsys.readouterr().out
    assert row(printed, "part") == ["sequences", "frames", "images", "usable", "published"]
    assert row(printed, "train") == ["12", "24", "48", "47", "406,888"]
    assert row(printed, "val") == ["2", "4", "8", "8", "-"]
    assert row(printed, "test") == ["1", "2", "4", "4", "78,768"]
    assert printed.count("has 5 sequences, the published one 100: S0 differs") == 3
    assert printed.endswith("no faults\n")


def test_a_whole_hanco_is_counted_beside_the_published_one(hanco: Path, capsys: Output) -> None:
    assert main(["check-data", "hanco", str(hanco)]) == 0
    printed = capsys.readouterr().out
    assert row(printed, "train rgb") == ["2", "4", "32", "32", "63,864"]
    assert row(printed, "train rgb_merged") == ["2", "4", "32", "32", "63,864"]
    assert row(printed, "test rgb") == ["1", "3", "24", "24", "8,576"]
    assert printed.endswith("no faults\n")


def test_several_processes_print_the_same(one_sequence: Path, capsys: Output) -> None:
    (one_sequence / COLOR).unlink()
    printed = []
    for jobs in "12":
        assert main(["check-data", "dexycb", str(one_sequence), "--jobs", jobs]) == 2
        output = capsys.readouterr()
        printed.append((output.out, output.err[output.err.index("error:") :]))
    assert printed[0] == printed[1]


def label(name: str, change: Callable[[np.ndarray], object]) -> Damage:
    """Return what changes an array of a label in place."""

    def damage(path: Path) -> None:
        with np.load(path) as file:
            arrays = dict(file)
        change(arrays[name])
        np.savez(path, allow_pickle=False, **arrays)

    return damage


def shifted(joints: np.ndarray) -> None:
    joints[0, 20, 0] += 1.0


def behind(joints: np.ndarray) -> None:
    joints[0, 3, 2] *= -1.0


def smaller(path: Path) -> None:
    cv2.imwrite(str(path), np.zeros((240, 320, 3), np.uint8))


DEXYCB_DAMAGES: list[tuple[Path, Damage, str]] = [
    (LABEL, label("joint_3d", lambda joints: joints.fill(np.nan)), "joint_3d: holds a number that is not"),
    (LABEL, label("joint_2d", shifted), "joint_2d: a joint lies 1.00 px off its projection of joint_3d"),
    (LABEL, label("joint_3d", behind), "joint_3d: a joint lies behind the camera"),
    (COLOR, Path.unlink, "there is no such file"),
    (COLOR, lambda path: path.write_bytes(path.read_bytes()[:-200]), "is no whole JPEG: its end is missing"),
    (COLOR, lambda path: path.write_bytes(b"no picture"), "is no JPEG"),
    (COLOR, smaller, "has (240, 320) rows and columns, not (480, 640)"),
    (PLACES, lambda path: path.write_text(path.read_text().replace("'839512060362'", "none")),
     "839512060362: is missing"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "damage", "complaint"), DEXYCB_DAMAGES, ids=[complaint for _, _, complaint in DEXYCB_DAMAGES]
)
def test_a_fault_of_dexycb_is_named(
    one_sequence: Path, capsys: Output, file: Path, damage: Damage, complaint: str
) -> None:
    damage(one_sequence / file)
    assert main(["check-data", "dexycb", str(one_sequence)]) == 2
    printed = capsys.readouterr()
    assert f"error: faults in {one_sequence}: 1\n  {one_sequence / file}: {complaint}" in printed.err
    if file != PLACES:
        assert row(printed.out, "train") == ["1", "2", "4", "2", "406,888"]


def mirrored(path: Path) -> None:
    path.write_text(json.dumps((-np.array(json.loads(path.read_text()))).tolist()))


def turned(path: Path) -> None:
    """Let every camera look the other way."""
    content = json.loads(path.read_text())
    content["M"] = (np.diag([-1.0, 1.0, -1.0, 1.0]) @ np.array(content["M"])).tolist()
    path.write_text(json.dumps(content))


HANCO_DAMAGES: list[tuple[str, Damage, str]] = [
    ("calib/0002/00000001.json", Path.unlink, "calib/0002/00000001.json: there is no such file"),
    ("calib/0002/00000001.json", turned, "xyz/0002/00000001.json: the list of joints: a joint lies behind"),
    ("shape/0002/00000001.json", Path.unlink, "shape/0002/00000001.json: there is no such file"),
    ("mask_hand/0002/cam7/00000002.jpg", Path.unlink, "mask_hand/0002/cam7/00000002.jpg: there is no such"),
    ("rgb/0000/cam7/00000002.jpg", smaller, "rgb/0000/cam7/00000002.jpg: has (240, 320) rows and columns"),
    ("rgb_merged/0001/cam0/00000002.jpg", Path.unlink, "rgb_merged/0001/cam0/00000002.jpg: there is no such"),
]


@pytest.mark.parametrize(
    ("file", "damage", "complaint"), HANCO_DAMAGES, ids=[complaint for _, _, complaint in HANCO_DAMAGES]
)
def test_a_fault_of_hanco_is_named(
    hanco_copy: Path, capsys: Output, file: str, damage: Damage, complaint: str
) -> None:
    damage(hanco_copy / file)
    assert main(["check-data", "hanco", str(hanco_copy)]) == 2
    assert f"error: faults in {hanco_copy}: 1\n  {hanco_copy / complaint}" in capsys.readouterr().err


def test_files_that_no_usable_frame_needs_are_not_asked_for(hanco_copy: Path) -> None:
    assert not (hanco_copy / "shape/0001/00000000.json").exists()
    for path in hanco_copy.glob("*/0001/cam*/0000000[01].jpg"):
        path.unlink()
    assert main(["check-data", "hanco", str(hanco_copy)]) == 0


def test_of_many_faults_the_first_are_named_and_all_counted(hanco_copy: Path, capsys: Output) -> None:
    pictures = sorted((hanco_copy / "rgb/0002").rglob("*.jpg"))
    for path in pictures:
        path.unlink()
    assert main(["check-data", "hanco", str(hanco_copy)]) == 2
    printed = capsys.readouterr()
    lines = printed.err[printed.err.index("error:") :].splitlines()
    assert lines[0] == f"error: faults in {hanco_copy}: {len(pictures)}"
    assert len(lines) == 1 + FAULTS_KEPT + 1
    assert lines[-1] == f"  and {len(pictures) - FAULTS_KEPT} more"
    assert row(printed.out, "test rgb") == ["1", "0", "24", "0", "8,576"]


@pytest.mark.parametrize("dataset", ["dexycb", "hanco"])
def test_a_folder_of_something_else_is_refused(tmp_path: Path, capsys: Output, dataset: str) -> None:
    assert main(["check-data", dataset, str(tmp_path)]) == 2
    assert f"error: {tmp_path}" in capsys.readouterr().err
