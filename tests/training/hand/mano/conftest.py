"""Fabricated files of both sides, and the hands that they make."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.training.hand.mano.fabricated import Fields, fabricated_fields, write_released
from training.hand.mano import ManoHand, load_mano


@pytest.fixture(scope="session")
def fields() -> Fields:
    """Return what the right file holds."""
    return fabricated_fields("right")


@pytest.fixture(scope="session")
def right_file(tmp_path_factory: pytest.TempPathFactory, fields: Fields) -> Path:
    return write_released(tmp_path_factory.mktemp("mano") / "MANO_RIGHT.pkl", fields)


@pytest.fixture(scope="session")
def left_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_released(tmp_path_factory.mktemp("mano") / "MANO_LEFT.pkl", fabricated_fields("left"))


@pytest.fixture(scope="session")
def hand(right_file: Path) -> ManoHand:
    """Return the right hand, in double precision so that laws can be held tightly."""
    return load_mano(right_file, side="right").double()


@pytest.fixture(scope="session")
def left_hand(left_file: Path) -> ManoHand:
    return load_mano(left_file, side="left").double()
