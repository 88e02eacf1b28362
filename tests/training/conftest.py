"""Data that the tests of training share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.drawn_hands import write_drawn_hands


@pytest.fixture(scope="session")
def drawn_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with `train`, `val` and `test`, as recipes name it."""
    root = tmp_path_factory.mktemp("drawn")
    write_drawn_hands(root / "train", shards=6, seed=1)
    write_drawn_hands(root / "val", shards=2, seed=2)
    write_drawn_hands(root / "test", shards=2, seed=3)
    return root
