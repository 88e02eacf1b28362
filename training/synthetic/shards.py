"""The rendered data set on disk: `dataset.json` and shards of up to 32 samples.

S samples of N views in a shard; every array is C-ordered and stored as it is (`np.savez`, uncompressed):

| name | type, shape | meaning |
|---|---|---|
| `jpeg` | u8 [bytes] | all pictures back to back, sample-major |
| `jpeg_offsets` | i64 [S*N+1] | picture k is `jpeg[jpeg_offsets[k]:jpeg_offsets[k+1]]` |
| `K` | f32 [S,N,3,3] | intrinsics, pixels; (0, 0) is the top left corner of the top left pixel |
| `R`, `t_m` | f32 [S,N,3,3], [S,N,3] | camera-from-world |
| `rotation` | f32 [S,N,3,3] | camera-from-canonical; world is canonical, so it equals `R` |
| `vertices_canonical_m`, `joints_canonical_m` | f32 [S,778,3], [S,21,3] | wrist joint at the origin |
| `vertex_visible`, `joint_visible` | bool [S,N,778], [S,N,21] | |
| `visibility` | f32 [S,N] | visible share of the hand's silhouette |
| `mode` | u8 [S] | `Mode` |
| `sample_index` | i64 [S] | sample i was drawn from `default_rng([seed, i])` |
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.files import write_json, written_whole

FORMAT_VERSION = 1
SHARD_SAMPLES = 32


class Mode(IntEnum):
    """What the hand does."""

    FREE = 0
    """Nothing but its own joints stops it."""
    CONTACT = 1
    """Finger tips touch the thumb or the palm, perhaps with something thin between them."""
    GRASP = 2
    """It holds an object."""


@dataclass(frozen=True, kw_only=True)
class DatasetCard:
    """What was rendered; `dataset.json`."""

    seed: int
    samples: int
    views: int
    size_px: int
    crop_scale: float
    """Side of a picture over the longer side of the box round the 21 joints."""
    photos: int
    """Photos in the texture bank; 0 means procedural backgrounds alone."""
    template_sha256: str
    version: int = FORMAT_VERSION
    modes: tuple[str, ...] = tuple(mode.name.lower() for mode in Mode)

    @property
    def shards(self) -> int:
        """Number of shards."""
        return -(-self.samples // SHARD_SAMPLES)

    def shard_samples(self, shard: int) -> range:
        """Return the sample indices of a shard."""
        return range(shard * SHARD_SAMPLES, min((shard + 1) * SHARD_SAMPLES, self.samples))


@dataclass(frozen=True, kw_only=True)
class RenderedSample:
    """One hand, N views of it, and all labels."""

    index: int
    mode: Mode
    jpegs: tuple[bytes, ...]
    """N pictures."""
    K: NDArray[np.float64]
    """(N, 3, 3)."""
    R: NDArray[np.float64]
    """(N, 3, 3) camera-from-world."""
    t_m: NDArray[np.float64]
    """(N, 3) camera-from-world."""
    vertices_canonical_m: NDArray[np.float64]
    """(778, 3)."""
    joints_canonical_m: NDArray[np.float64]
    """(21, 3)."""
    vertex_visible: NDArray[np.bool_]
    """(N, 778)."""
    joint_visible: NDArray[np.bool_]
    """(N, 21)."""
    visibility: NDArray[np.float64]
    """(N,)."""


def shard_path(folder: Path, shard: int) -> Path:
    """Return where a shard lies."""
    return folder / f"shard-{shard:05d}.npz"


def write_card(folder: Path, card: DatasetCard) -> None:
    """Write `dataset.json`, or check that the one in `folder` says the same.

    Raises:
        ValueError: `folder` holds another data set.
    """
    path = folder / "dataset.json"
    if path.exists():
        present = json.loads(path.read_text(encoding="utf-8"))
        wanted = json.loads(json.dumps(asdict(card)))
        differing = sorted(key for key in wanted | present if wanted.get(key) != present.get(key))
        if differing:
            raise ValueError(
                f"{folder} holds another data set: {', '.join(differing)} differ; take a new folder"
            )
        return
    folder.mkdir(parents=True, exist_ok=True)
    write_json(path, asdict(card))


def write_shard(path: Path, samples: Sequence[RenderedSample]) -> None:
    """Write samples as one shard; the file appears whole or not at all."""
    arrays = _arrays(samples)
    with written_whole(path) as file:
        np.savez(file, allow_pickle=False, **arrays)


def read_shard(path: Path) -> dict[str, NDArray[Any]]:
    """Return a shard's arrays by name."""
    with np.load(path) as arrays:
        return dict(arrays)


def _arrays(samples: Sequence[RenderedSample]) -> dict[str, NDArray[Any]]:
    jpegs = [jpeg for sample in samples for jpeg in sample.jpegs]
    rotation = np.stack([sample.R for sample in samples]).astype(np.float32)
    return {
        "jpeg": np.frombuffer(b"".join(jpegs), np.uint8),
        "jpeg_offsets": np.cumsum([0, *map(len, jpegs)]).astype(np.int64),
        "K": np.stack([sample.K for sample in samples]).astype(np.float32),
        "R": rotation,
        "t_m": np.stack([sample.t_m for sample in samples]).astype(np.float32),
        "rotation": rotation,
        "vertices_canonical_m": np.stack([s.vertices_canonical_m for s in samples]).astype(np.float32),
        "joints_canonical_m": np.stack([s.joints_canonical_m for s in samples]).astype(np.float32),
        "vertex_visible": np.stack([sample.vertex_visible for sample in samples]),
        "joint_visible": np.stack([sample.joint_visible for sample in samples]),
        "visibility": np.stack([sample.visibility for sample in samples]).astype(np.float32),
        "mode": np.array([sample.mode for sample in samples], np.uint8),
        "sample_index": np.array([sample.index for sample in samples], np.int64),
    }
