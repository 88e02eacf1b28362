"""Where DexYCB keeps what, and what its YAML files say (spec section 7.1)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple, get_args

import numpy as np

from training.data.fields import entry, finite, read_yaml
from training.data.label_format import BETAS, LEFT, RIGHT
from training.data.sample import Float32

WIDTH_PX, HEIGHT_PX = 640, 480
SEQUENCES_A_SUBJECT = 100
"""Of the published data set."""

Split = Literal["train", "val", "test"]
SPLITS: tuple[Split, ...] = get_args(Split)

_SUBJECT = re.compile(r"\d{8}-subject-(\d{2})")
_SEQUENCE = re.compile(r"\d{8}_\d{6}")
_VALIDATION_SUBJECTS = (0, 1)
_HELD_OUT_OF_FIVE = 4


class SequenceFolder(NamedTuple):
    """A sequence, before any of its files is read."""

    name: str
    """`SUBJECT/SEQUENCE`, its folder below the root."""
    split: Split
    """Of S0."""


class SequenceMeta(NamedTuple):
    """What is the same for all frames of a sequence."""

    serials: tuple[str, ...]
    """Cameras, sorted."""
    frames: int
    side: str
    """`right` or `left`."""
    betas: Float32
    """(10,): shape of the subject's hand."""
    extrinsics: Path
    """Where the cameras stand; not needed to read hands."""


def sequence_folders(root: Path) -> tuple[SequenceFolder, ...]:
    """Return all sequences, sorted by name.

    S0 counts the sequences of each subject that are there: every fifth is held out, of the first two subjects
    for validation, of the others for testing.

    Raises:
        ValueError: There is none.
    """
    found = tuple(_sequence_folders(root))
    if not found:
        raise ValueError(f"{root}: holds no SUBJECT/SEQUENCE folder of DexYCB")
    return found


def _sequence_folders(root: Path) -> Iterator[SequenceFolder]:
    for subject in _folders(root, _SUBJECT):
        for number, sequence in enumerate(_folders(subject, _SEQUENCE)):
            yield SequenceFolder(f"{subject.name}/{sequence.name}", _s0_split(subject.name, number))


def _folders(parent: Path, name: re.Pattern[str]) -> list[Path]:
    if not parent.is_dir():
        return []
    return sorted(path for path in parent.iterdir() if name.fullmatch(path.name) and path.is_dir())


def _s0_split(subject: str, number: int) -> Split:
    if number % 5 != _HELD_OUT_OF_FIVE:
        return "train"
    # The subject's own number, not its place: a copy may lack some.
    return "val" if int(subject[-2:]) - 1 in _VALIDATION_SUBJECTS else "test"


def read_sequence(root: Path, name: str) -> SequenceMeta:
    """Return what a sequence's `meta.yml` says, and the betas of the calibration that it names.

    Raises:
        ValueError: A file or a field is missing or is not what it should be.
    """
    path = meta_path(root, name)
    meta = read_yaml(path)
    side = _first(meta, "mano_sides", path)
    if side not in (RIGHT, LEFT):
        raise ValueError(f"{path}: mano_sides: is {side!r}, neither 'right' nor 'left'")
    frames = entry(meta, "num_frames", path)
    if not isinstance(frames, int) or frames < 1:
        raise ValueError(f"{path}: num_frames: is no positive whole number, but {frames!r}")
    serials = entry(meta, "serials", path)
    if not isinstance(serials, list) or not serials:
        raise ValueError(f"{path}: serials: is no list of cameras, but {serials!r}")
    shape = betas_path(root, _first(meta, "mano_calib", path))
    return SequenceMeta(
        serials=tuple(sorted(str(serial) for serial in serials)),
        frames=frames,
        side=side,
        betas=finite(entry(read_yaml(shape), "betas", shape), shape=(BETAS,), name="betas", path=shape),
        extrinsics=root / "calibration" / f"extrinsics_{entry(meta, 'extrinsics', path)}" / "extrinsics.yml",
    )


def read_intrinsics(root: Path, serial: str) -> Float32:
    """Return the intrinsics (3, 3) of a colour camera as published: pixel centres at whole numbers.

    Raises:
        ValueError: The file or a field is missing or is not what it should be.
    """
    path = root / "calibration" / "intrinsics" / f"{serial}_{WIDTH_PX}x{HEIGHT_PX}.yml"
    color = entry(read_yaml(path), "color", path)
    fx, fy, ppx, ppy = (
        float(finite(entry(color, name, path), shape=(), name=f"color.{name}", path=path))
        for name in ("fx", "fy", "ppx", "ppy")
    )
    return np.array([[fx, 0.0, ppx], [0.0, fy, ppy], [0.0, 0.0, 1.0]], np.float32)


def meta_path(root: Path, name: str) -> Path:
    """Return where a sequence is described."""
    return root / name / "meta.yml"


def betas_path(root: Path, calibration: object) -> Path:
    """Return where the shape of a subject's hand lies."""
    return root / "calibration" / f"mano_{calibration}" / "mano.yml"


def color_path(root: Path, name: str, serial: str, frame: int) -> Path:
    """Return where a picture lies."""
    return root / name / serial / f"color_{frame:06d}.jpg"


def labels_path(root: Path, name: str, serial: str, frame: int) -> Path:
    """Return where a picture's labels lie."""
    return root / name / serial / f"labels_{frame:06d}.npz"


def _first(meta: object, name: str, path: Path) -> object:
    """Return the first of a list: there is one entry for each hand, and one hand."""
    values = entry(meta, name, path)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{path}: {name}: is no list with an entry, but {values!r}")
    return values[0]
