"""Which views of DexYCB are valid: found by opening every label once, then kept in a file.

The file holds a key over the names, sizes and times of all that it was made from; when the key no longer
fits, the index is made anew.
"""

from __future__ import annotations

import functools
import hashlib
import zipfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from training.data.crop import hand_box
from training.data.dexycb.labels import HandLabels, read_hand_labels
from training.data.dexycb.layout import (
    HEIGHT_PX,
    WIDTH_PX,
    SequenceFolder,
    SequenceMeta,
    Split,
    labels_path,
    meta_path,
    read_sequence,
    sequence_folders,
)
from training.data.parallel import mapped
from training.data.sample import Float32
from training.data.views import ViewTable
from training.files import written_whole

FORMAT_VERSION = 2
_STAT_THREADS = 8
"""Files are only looked up: on a network drive, that is waiting."""


@dataclass(frozen=True, eq=False, kw_only=True)
class DexYcbIndex:
    """All sequences and their valid views; S sequences."""

    sequences: tuple[str, ...]
    """(S,): `SUBJECT/SEQUENCE`."""
    splits: NDArray[np.str_]
    """(S,): `Split` of each."""
    sides: NDArray[np.str_]
    """(S,): `right` or `left`."""
    betas: Float32
    """(S, 10)."""
    cameras: tuple[str, ...]
    """Serials of all cameras, sorted."""
    views: ViewTable
    """`shard` counts in `sequences`, `view` in `cameras`."""
    outside: NDArray[np.bool_]
    """(n,): views whose picture shows no part of the hand's box."""

    def of_split(self, split: Split) -> ViewTable:
        """Return the views of one part of S0; those that do not show the hand are not trained on."""
        chosen = (self.splits == split)[self.views.shard]
        return self.views.select(chosen & ~self.outside if split == "train" else chosen)


class _SequenceViews(NamedTuple):
    """What the index keeps of one sequence."""

    meta: SequenceMeta
    valid: NDArray[np.bool_]
    """(frames, serials)."""
    outside: NDArray[np.bool_]
    """(frames, serials)."""


def load_index(root: Path, *, cache: Path | None = None, jobs: int = 1, progress: bool = True) -> DexYcbIndex:
    """Return the index of a copy of DexYCB, from the file in `cache` if it still fits.

    Args:
        root: The copy.
        cache: Folder for the file, made if needed; without it the labels are opened each time.
        jobs: Processes that open labels.
        progress: Whether to show how far opening the labels has come.

    Raises:
        ValueError: A file that the index needs is missing or damaged, or a field is not what it should be.
    """
    folders = sequence_folders(root)
    if cache is None:
        return _built(root, folders, jobs=jobs, progress=progress)
    key = _key(root, folders)
    path = cache_path(root, cache)
    index = _read(path, key)
    if index is None:
        index = _built(root, folders, jobs=jobs, progress=progress)
        _write(path, key, index)
    return index


def cache_path(root: Path, cache: Path) -> Path:
    """Return where in a folder the index of a copy is kept; copies share a folder."""
    name = hashlib.sha256(str(root.resolve()).encode()).hexdigest()[:12]
    return cache / f"dexycb-{name}.npz"


def _built(root: Path, folders: Sequence[SequenceFolder], *, jobs: int, progress: bool) -> DexYcbIndex:
    names = tuple(folder.name for folder in folders)
    found = list(
        tqdm(
            mapped(functools.partial(_sequence_views, root), names, jobs=jobs),
            total=len(names), unit="sequence", desc="reading labels", disable=not progress,
        )
    )  # fmt: skip
    cameras = tuple(sorted({serial for sequence in found for serial in sequence.meta.serials}))
    return DexYcbIndex(
        sequences=names,
        splits=np.array([folder.split for folder in folders]),
        sides=np.array([sequence.meta.side for sequence in found]),
        betas=np.stack([sequence.meta.betas for sequence in found]),
        cameras=cameras,
        views=_table(found, cameras),
        outside=np.concatenate([sequence.outside[sequence.valid] for sequence in found]),
    )


def _sequence_views(root: Path, name: str) -> _SequenceViews:
    meta = read_sequence(root, name)
    paths = [
        labels_path(root, name, serial, frame) for frame in range(meta.frames) for serial in meta.serials
    ]
    labels = [read_hand_labels(path) for path in paths]
    valid = [hand.valid for hand in labels]
    outside = [hand.valid and not _shown(hand, path) for hand, path in zip(labels, paths, strict=True)]
    shape = meta.frames, len(meta.serials)
    return _SequenceViews(meta, np.reshape(valid, shape), np.reshape(outside, shape))


def _shown(hand: HandLabels, path: Path) -> bool:
    """Return whether a picture shows any part of the hand's box (spec section 1)."""
    try:
        box = hand_box(hand.joints_px.astype(np.float64))
    except ValueError as error:
        raise ValueError(f"{path}: joint_2d: {error}") from error
    return box.meets(width_px=WIDTH_PX, height_px=HEIGHT_PX)


def _table(found: Sequence[_SequenceViews], cameras: tuple[str, ...]) -> ViewTable:
    places = [np.nonzero(sequence.valid) for sequence in found]
    numbers = [np.array([cameras.index(serial) for serial in sequence.meta.serials]) for sequence in found]
    return ViewTable(
        shard=np.repeat(np.arange(len(found)), [len(frames) for frames, _ in places]),
        sample=np.concatenate([frames for frames, _ in places]),
        view=np.concatenate([own[serial] for own, (_, serial) in zip(numbers, places, strict=True)]),
    )


def _key(root: Path, folders: Sequence[SequenceFolder]) -> str:
    """Return a digest over names, sizes and times of all that an index is made from."""
    digest = hashlib.sha256(f"{FORMAT_VERSION} {root.resolve()}".encode())
    for path in sorted(root.glob("calibration/mano_*/mano.yml")):
        digest.update(_stamp(path))
    with ThreadPoolExecutor(_STAT_THREADS) as pool:
        for stamps in pool.map(lambda folder: _sequence_stamps(root, folder), folders):
            digest.update(stamps)
    return digest.hexdigest()


def _sequence_stamps(root: Path, folder: SequenceFolder) -> bytes:
    meta = meta_path(root, folder.name)
    labels = sorted(path for path in meta.parent.glob("*/labels_*.npz"))
    return b"".join(_stamp(path) for path in (*([meta] if meta.is_file() else []), *labels))


def _stamp(path: Path) -> bytes:
    state = path.stat()
    return f"{path.parent.name}/{path.name} {state.st_size} {state.st_mtime_ns}\n".encode()


def _read(path: Path, key: str) -> DexYcbIndex | None:
    """Return the index in a file, or nothing if it is not there, damaged, or of another state."""
    try:
        with path.open("rb") as file, np.load(file) as arrays:
            if str(arrays["key"]) != key:
                return None
            return DexYcbIndex(
                sequences=tuple(arrays["sequences"].tolist()),
                splits=arrays["splits"],
                sides=arrays["sides"],
                betas=arrays["betas"],
                cameras=tuple(arrays["cameras"].tolist()),
                views=ViewTable(shard=arrays["shard"], sample=arrays["sample"], view=arrays["view"]),
                outside=arrays["outside"],
            )
    except (OSError, EOFError, KeyError, ValueError, zipfile.BadZipFile):
        return None


def _write(path: Path, key: str, index: DexYcbIndex) -> None:
    """Write an index; the file appears whole or not at all, also when several processes do it at once."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with written_whole(path) as file:
        np.savez(
            file, key=np.array(key),
            sequences=np.array(index.sequences), splits=index.splits, sides=index.sides, betas=index.betas,
            cameras=np.array(index.cameras),
            shard=index.views.shard, sample=index.views.sample, view=index.views.view, outside=index.outside,
        )  # fmt: skip
