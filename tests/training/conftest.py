"""Data that the tests of training share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.drawn_hands import write_drawn_hands
from training.synthetic.fabricate.dexycb import DexYcbSize, fabricate_dexycb
from training.synthetic.fabricate.hanco import fabricate_hanco
from training.synthetic.fabricate.stand_in import StandInHand

DEXYCB_CAMERAS = DEXYCB_FRAMES = 2


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `train`, `val` and `test`, as recipes name it."""
    root = tmp_path_factory.mktemp("drawn")
    write_drawn_hands(root / "train", shards=6, seed=1)
    write_drawn_hands(root / "val", shards=2, seed=2)
    write_drawn_hands(root / "test", shards=2, seed=3)
    return root


@pytest.fixture(scope="session")
def dexycb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a data set in DexYCB's layout: 3 subjects, 5 sequences each."""
    root = tmp_path_factory.mktemp("dexycb") / "root"
    size = DexYcbSize(frames=DEXYCB_FRAMES, cameras=DEXYCB_CAMERAS)
    assert sum(fabricate_dexycb(root, seed=3, size=size)) == 15 * DEXYCB_FRAMES * DEXYCB_CAMERAS
    return root


@pytest.fixture(scope="session")
def hanco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a data set in HanCo's layout: 3 sequences, 3 frames each."""
    root = tmp_path_factory.mktemp("hanco") / "root"
    assert sum(fabricate_hanco(root, seed=3)) == (2 * 2 + 1) * 3 * 8
    return root


@pytest.fixture(scope="session")
def stand_ins() -> dict[str, StandInHand]:
    """Return the hand models of both sides that fabricated labels are for."""
    return {"right": StandInHand("right"), "left": StandInHand("left")}
