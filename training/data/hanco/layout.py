"""Where HanCo keeps what, and which frames its `meta.json` calls good (spec section 7.2)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from training.data.fields import entry, read_json

SIZE_PX = 224
CAMERAS = 8

Split = Literal["train", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

Variant = Literal["rgb", "rgb_merged", "rgb_homo", "rgb_color_auto", "rgb_color_sample"]
VARIANTS: tuple[Variant, ...] = get_args(Variant)
"""`rgb` is what the cameras saw; the others have other backgrounds or colours, of some sequences."""

META = "meta.json"
_FLAGS = ("is_train", "is_valid", "has_fit")

Flags = NDArray[np.bool_]


class FrameFlags(NamedTuple):
    """What `meta.json` says of the frames of one sequence, (F,) each."""

    train: Flags
    """`is_train`: before the green screen."""
    valid: Flags
    """`is_valid`: a person found the fit good."""
    fitted: Flags
    """`has_fit`: there is a fit, which nobody may have looked at."""

    def usable(self, split: Split) -> Flags:
        """Return which frames belong to a split and have a good fit."""
        return self.valid & self.fitted & (self.train if split == "train" else ~self.train)


def read_flags(root: Path) -> tuple[FrameFlags, ...]:
    """Return the flags of all sequences.

    Raises:
        ValueError: `meta.json` is missing, or a list in it is, or has another length than its neighbours.
    """
    path = root / META
    meta = read_json(path)
    lists = {name: entry(meta, name, path) for name in _FLAGS}
    count = len(lists["is_train"]) if isinstance(lists["is_train"], list) else 0
    for name, sequences in lists.items():
        if not isinstance(sequences, list) or len(sequences) != count:
            raise ValueError(f"{path}: {name}: is no list of {count} sequences")
    return tuple(_frame_flags(lists, number, path) for number in range(count))


def _frame_flags(lists: Mapping[str, list[object]], number: int, path: Path) -> FrameFlags:
    frames = lists["is_train"][number]
    count = len(frames) if isinstance(frames, list) else 0
    for name, sequences in lists.items():
        row = sequences[number]
        if not isinstance(row, list) or len(row) != count or not all(isinstance(flag, bool) for flag in row):
            raise ValueError(f"{path}: {name}[{number}]: is no list of {count} times true or false")
    return FrameFlags(*(np.array(lists[name][number], np.bool_) for name in _FLAGS))


def sequence_cameras(root: Path, variant: str, sequence: int) -> tuple[int, ...]:
    """Return the cameras whose pictures of a sequence are there in a variant."""
    folder = root / variant / f"{sequence:04d}"
    return tuple(camera for camera in range(CAMERAS) if (folder / f"cam{camera}").is_dir())


def picture_path(root: Path, variant: str, sequence: int, camera: int, frame: int) -> Path:
    """Return where a picture lies, or a mask: `mask_hand`, `mask_fg`."""
    return root / variant / f"{sequence:04d}" / f"cam{camera}" / f"{frame:08d}.jpg"


def labels_path(root: Path, kind: Literal["calib", "xyz", "shape"], sequence: int, frame: int) -> Path:
    """Return where one kind of a frame's labels lies."""
    return root / kind / f"{sequence:04d}" / f"{frame:08d}.json"
