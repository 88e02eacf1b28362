"""A tiny data set, rendered once, and a bank with few pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from training.synthetic.cameras import project
from training.synthetic.dataset import RenderJob, describe, render_dataset
from training.synthetic.scene import Camera
from training.synthetic.shards import DatasetCard, read_shard, shard_path

PAINTED = 4


@dataclass(frozen=True)
class TinyDataset:
    """Two shards on disk, and the first one's arrays."""

    card: DatasetCard
    folder: Path
    arrays: dict[str, NDArray[Any]]


def tiny_card(*, seed: int = 3, samples: int = 33) -> DatasetCard:
    return describe(seed=seed, samples=samples, views=2, size_px=48, crop_scale=1.5, photos=None)


def in_pixels(points_m: NDArray[np.float64], camera: Camera) -> NDArray[np.float64]:
    """Return where a camera sees points of the world."""
    K, R, t_m = (np.asarray(value, np.float64) for value in (camera.K, camera.R, camera.t_m))  # noqa: N806
    return project(points_m, K, R, t_m)


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> TinyDataset:
    """33 hands in two views each, rendered in this process."""
    folder = tmp_path_factory.mktemp("tiny")
    card = tiny_card()
    assert sum(render_dataset(RenderJob(card=card, folder=folder, painted=PAINTED), jobs=1)) == 66
    return TinyDataset(card=card, folder=folder, arrays=read_shard(shard_path(folder, 0)))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)
