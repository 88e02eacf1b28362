"""Copies of the fabricated data sets that a test may damage."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def one_sequence(dexycb: Path, tmp_path: Path) -> Path:
    """Return the root of a copy with the very first sequence alone."""
    first = Path("20200709-subject-01/20200709_140000")
    for part in (Path("calibration"), first):
        shutil.copytree(dexycb / part, tmp_path / "one" / part)
    return tmp_path / "one"


@pytest.fixture
def hanco_copy(hanco: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(hanco, tmp_path / "hanco"))
