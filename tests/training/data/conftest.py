"""Fabricated copies of the published data sets, and the hands that their labels mean."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from training.synthetic.fabricate.dexycb import DexYcbSize, fabricate_dexycb
from training.synthetic.fabricate.hanco import fabricate_hanco
from training.synthetic.fabricate.stand_in import StandInHand

CAMERAS = FRAMES = 2


@pytest.fixture(scope="session")
def dexycb(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a data set of 3 subjects, 5 sequences each."""
    root = tmp_path_factory.mktemp("dexycb") / "root"
    size = DexYcbSize(frames=FRAMES, cameras=CAMERAS)
    assert sum(fabricate_dexycb(root, seed=3, size=size)) == 15 * FRAMES * CAMERAS
    return root


@pytest.fixture
def one_sequence(dexycb: Path, tmp_path: Path) -> Path:
    """Return the root of a copy with the very first sequence alone, to be damaged."""
    first = Path("20200709-subject-01/20200709_140000")
    for part in (Path("calibration"), first):
        shutil.copytree(dexycb / part, tmp_path / "one" / part)
    return tmp_path / "one"


@pytest.fixture(scope="session")
def hanco(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the root of a data set of 3 sequences, 3 frames each."""
    root = tmp_path_factory.mktemp("hanco") / "root"
    assert sum(fabricate_hanco(root, seed=3)) == (2 * 2 + 1) * 3 * 8
    return root


@pytest.fixture
def hanco_copy(hanco: Path, tmp_path: Path) -> Path:
    """Return the root of a copy, to be damaged."""
    return Path(shutil.copytree(hanco, tmp_path / "hanco"))


@pytest.fixture(scope="session")
def stand_ins() -> dict[str, StandInHand]:
    return {"right": StandInHand("right"), "left": StandInHand("left")}
