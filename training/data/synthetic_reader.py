"""Reads what `training render` writes: `dataset.json` and shards of samples seen from several views.

S samples x N views a shard, 3-D labels in the canonical frame, which is also the world's; cameras are
camera-from-world, OpenCV. Only the shards that were asked for last stay in memory.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.contract import JOINT_COUNT
from training.data.fields import decoded_jpeg, finite, read_json, read_npz
from training.data.sample import HandSample, ViewIndex
from training.hand.template import TEMPLATE_SHA256

DESCRIPTION = "dataset.json"

_VERTICES = 778
"""Of the template."""
_OF_VIEWS = {"K": (3, 3), "t_m": (3,), "rotation": (3, 3), "visibility": ()}
"""Shape of each view's value, behind (S, N)."""
_OF_SAMPLES = {"vertices_canonical_m": (_VERTICES, 3), "joints_canonical_m": (JOINT_COUNT, 3)}
"""Shape of each sample's value, behind (S,)."""


@dataclass(frozen=True, eq=False)
class _Shard:
    """The arrays of one shard that training needs."""

    jpeg: NDArray[np.uint8]
    jpeg_offsets: NDArray[np.int64]
    joints_px: NDArray[np.float32]
    rotation: NDArray[np.float32]
    vertices_canonical_m: NDArray[np.float32]
    joints_canonical_m: NDArray[np.float32]
    visibility: NDArray[np.float32]


class SyntheticHands:
    """A rendered data set as a sequence of `HandSample`, one a view."""

    def __init__(self, folder: Path, *, min_visible_vertices: float = 0.0, open_shards: int = 2) -> None:
        """Read which views there are.

        Args:
            folder: Folder with `dataset.json`.
            min_visible_vertices: Views that show a smaller share of the vertices are left out.
            open_shards: Shards kept in memory.

        Raises:
            ValueError: The folder holds no data set, or one of another template, a shard is damaged, or no
                view is left.
        """
        self.description = read_description(folder)
        self.paths = tuple(sorted(folder.glob("shard-*.npz")))
        self.index = _index(self.paths, min_visible_vertices)
        if len(self.index) == 0:
            raise ValueError(f"{folder} has no view that shows {min_visible_vertices:.0%} of the vertices")
        # A set may still be rendering: the card of what learns from it says how much there was.
        self.description["views_found"] = len(self.index)
        self._open_shards = open_shards
        self._shards: OrderedDict[int, _Shard] = OrderedDict()

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> HandSample:
        shard = self._shard(int(self.index.shard[number]))
        sample, view = int(self.index.sample[number]), int(self.index.view[number])
        flat = sample * shard.rotation.shape[1] + view
        content = shard.jpeg[shard.jpeg_offsets[flat] : shard.jpeg_offsets[flat + 1]]
        path = self.paths[int(self.index.shard[number])]
        return HandSample(
            image=decoded_jpeg(content, where=f"{path}: picture {flat}"),
            joints_px=shard.joints_px[sample, view],
            vertices_canonical_m=shard.vertices_canonical_m[sample],
            joints_canonical_m=shard.joints_canonical_m[sample],
            rotation=shard.rotation[sample, view],
            visibility=float(shard.visibility[sample, view]),
        )

    @property
    def shards_in_memory(self) -> tuple[int, ...]:
        """Numbers of the shards that are held, the one used last at the end."""
        return tuple(self._shards)

    def _shard(self, number: int) -> _Shard:
        if number in self._shards:
            self._shards.move_to_end(number)
            return self._shards[number]
        while len(self._shards) >= self._open_shards:
            self._shards.popitem(last=False)
        self._shards[number] = _read_shard(self.paths[number])
        return self._shards[number]


def read_description(folder: Path) -> dict[str, Any]:
    """Return the content of a data set's `dataset.json`.

    Raises:
        ValueError: There is none, it is not JSON, or speaks of another template than the installed one.
    """
    path = folder / DESCRIPTION
    if not path.is_file():
        raise ValueError(f"{folder} holds no rendered data set: there is no {DESCRIPTION}")
    description: dict[str, Any] = read_json(path)
    template = description.get("template_sha256")
    if template != TEMPLATE_SHA256:
        raise ValueError(f"{folder} was rendered from template {template}, this one is {TEMPLATE_SHA256}")
    return description


def project(points_m: NDArray[np.float32], camera: NDArray[np.float32]) -> NDArray[np.float32]:
    """Project camera-frame points (..., P, 3) with intrinsics (..., 3, 3) to pixels (..., P, 2)."""
    homogeneous = points_m @ np.swapaxes(camera, -1, -2)
    return np.asarray(homogeneous[..., :2] / homogeneous[..., 2:], np.float32)


def _read_shard(path: Path) -> _Shard:
    arrays = read_npz(path, ("jpeg", "jpeg_offsets", *_OF_VIEWS, *_OF_SAMPLES))
    size = arrays["rotation"].shape[:2]  # (S, N)
    shapes = {name: (*size, *shape) for name, shape in _OF_VIEWS.items()}
    shapes |= {name: (*size[:1], *shape) for name, shape in _OF_SAMPLES.items()}
    for name, shape in shapes.items():
        finite(arrays[name], shape=shape, name=name, path=path)
    rotation, joints_canonical_m = arrays["rotation"], arrays["joints_canonical_m"]
    turned_m = joints_canonical_m[:, None] @ np.swapaxes(rotation, -1, -2)
    return _Shard(
        jpeg=arrays["jpeg"],
        jpeg_offsets=arrays["jpeg_offsets"],
        joints_px=project(turned_m + arrays["t_m"][:, :, None], arrays["K"]),
        rotation=rotation,
        vertices_canonical_m=arrays["vertices_canonical_m"],
        joints_canonical_m=joints_canonical_m,
        visibility=arrays["visibility"],
    )


def _index(paths: tuple[Path, ...], min_visible_vertices: float) -> ViewIndex:
    shards, samples, views = [], [], []
    for number, path in enumerate(paths):
        visible_share = read_npz(path, ("vertex_visible",))["vertex_visible"].mean(axis=-1)
        sample, view = np.nonzero(visible_share >= min_visible_vertices)
        shards.append(np.full(len(sample), number, np.int64))
        samples.append(sample)
        views.append(view)
    empty = np.empty(0, np.int64)
    return ViewIndex(
        shard=np.concatenate([empty, *shards]),
        sample=np.concatenate([empty, *samples]),
        view=np.concatenate([empty, *views]),
    )
