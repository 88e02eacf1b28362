"""Whatever is wrong with a copy is one `ValueError` that names the file and the field."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.data.hanco.reader import HanCoHands
from training.synthetic.fabricate.stand_in import StandInHand

META = Path("meta.json")
CALIB = Path("calib/0002/00000001.json")
SHAPE = Path("shape/0002/00000001.json")
JOINTS = Path("xyz/0002/00000001.json")
COLOR = Path("rgb/0002/cam2/00000001.jpg")
MASK = Path("mask_hand/0002/cam2/00000001.jpg")
Damage = Callable[[Path], object]


def changed(name: str, change: Callable[[Any], Any]) -> Damage:
    """Return what puts another value in place of a field's."""

    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        path.write_text(json.dumps({**content, name: change(content[name])}))

    return damage


def without(name: str) -> Damage:
    def damage(path: Path) -> None:
        content = json.loads(path.read_text())
        del content[name]
        path.write_text(json.dumps(content))

    return damage


def truncated(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-100])


DAMAGES: list[tuple[Path, Damage, str]] = [
    (COLOR, Path.unlink, "there is no such file"),
    (COLOR, truncated, "is no whole JPEG"),
    (MASK, truncated, "is no whole JPEG"),
    (META, Path.unlink, "there is no such file"),
    (META, truncated, "is not JSON"),
    (META, without("is_valid"), "is_valid: is missing"),
    (META, changed("has_fit", lambda rows: rows[:2]), "has_fit: is no list of 3 sequences"),
    (META, changed("has_fit", lambda rows: [*rows[:2], [1, 1, 1]]), "has_fit[2]: is no list of 3 times true"),
    (CALIB, without("M"), "M: is missing"),
    (CALIB, changed("K", lambda lenses: lenses[:7]), "K: has shape (7, 3, 3), not (8, 3, 3)"),
    (CALIB, changed("M", lambda _: np.full((8, 4, 4), np.nan).tolist()), "M: holds a number that is"),
    (SHAPE, Path.unlink, "there is no such file"),
    (SHAPE, changed("poses", lambda poses: [poses[0][:45]]), "poses: has shape (45,), not (48,)"),
    (SHAPE, changed("shapes", lambda _: [["a"] * 10]), "shapes: holds what is no number"),
    (SHAPE, without("global_t"), "global_t: is missing"),
    (SHAPE, lambda path: path.write_text("[]"), "poses: is missing"),
    (JOINTS, lambda path: path.write_text("[[1, 2, 3]]"), "the list of joints: has shape (1, 3), not"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("file", "damage", "complaint"), DAMAGES, ids=[f"{file} {complaint}" for file, _, complaint in DAMAGES]
)
def test_damage_is_named(hanco_copy: Path, file: Path, damage: Damage, complaint: str) -> None:
    damage(hanco_copy / file)
    with pytest.raises(ValueError, match=f"^{re.escape(str(hanco_copy / file))}: {re.escape(complaint)}"):
        read_frame(hanco_copy)


def test_brackets_round_a_row_do_not_matter(hanco_copy: Path) -> None:
    before = read_frame(hanco_copy)
    for name in ("poses", "shapes", "global_t"):
        changed(name, lambda values: np.ravel(values).tolist())(hanco_copy / SHAPE)
    assert np.array_equal(read_frame(hanco_copy), before)


def read_frame(root: Path) -> NDArray[np.float32]:
    hands = HanCoHands(root, split="test", hand=StandInHand())
    return hands.group(1).sample(2).vertices_canonical_m
