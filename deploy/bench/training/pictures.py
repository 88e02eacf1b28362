"""The same labelled pictures in three layouts: our shards, WebDataset's tars, and a file a picture."""

from __future__ import annotations

import io
import shutil
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import simplejpeg
from numpy.typing import NDArray

from training.contract import JOINT_COUNT
from training.data.sample import HandSample
from training.data.synthetic_reader import SyntheticHands
from training.hand.template import load_template
from training.synthetic.shards import read_shard

JPEG, LABELS = "jpg", "f32"
"""Endings: the picture as it was rendered, and its labels as one row of float32: the fastest to read."""


@dataclass(frozen=True, kw_only=True)
class Layouts:
    """Where the pictures lie."""

    root: Path
    """With our shards in `train`."""
    tars: tuple[Path, ...]
    files: Path
    pictures: int


def lay_out(train: Path, folder: Path, *, shards: int) -> Layouts:
    """Copy the first shards of a rendered set into a folder, in each layout.

    Raises:
        ValueError: There is no rendered set.
    """
    own = folder / "own" / "train"
    files = folder / "files"
    for made in (own, files):
        made.mkdir(parents=True)
    sources = sorted(train.glob("shard-*.npz"))[:shards]
    for source in (train / "dataset.json", *sources):
        if not source.is_file():
            raise ValueError(f"{train} holds no rendered data set: there is no {source.name}")
        shutil.copy(source, own)
    hands = SyntheticHands(own)
    tars = []
    for number, source in enumerate(sources):
        arrays = read_shard(source)
        tars.append(folder / f"pictures-{number:05d}.tar")
        with tarfile.open(tars[-1], "w") as tar:
            for view in np.flatnonzero(hands.index.shard == number).tolist():
                flat = int(hands.index.sample[view]) * arrays["K"].shape[1] + int(hands.index.view[view])
                start, end = arrays["jpeg_offsets"][flat : flat + 2]
                for ending, content in (
                    (JPEG, arrays["jpeg"][start:end].tobytes()),
                    (LABELS, packed(hands[view])),
                ):
                    _add(tar, f"{view:08d}.{ending}", content)
                    (files / f"{view:08d}.{ending}").write_bytes(content)
    return Layouts(root=own.parent, tars=tuple(tars), files=files, pictures=len(hands))


def packed(sample: HandSample) -> bytes:
    """Return a picture's labels as one row."""
    parts = (
        sample.joints_px,
        sample.vertices_canonical_m,
        sample.joints_canonical_m,
        sample.rotation,
        np.array([sample.visibility]),
    )
    return np.concatenate([part.ravel() for part in parts]).astype("<f4").tobytes()


def unpacked(image: NDArray[np.uint8], labels: bytes) -> HandSample:
    """Return a picture (H, W, 3) RGB with its labels."""
    row = np.frombuffer(labels, "<f4").copy()
    vertices = load_template().topology.levels[0].vertex_count
    ends = np.cumsum([2 * JOINT_COUNT, 3 * vertices, 3 * JOINT_COUNT, 9])
    joints_px, vertices_m, joints_m, rotation, visibility = np.split(row, ends)
    return HandSample(
        image=image,
        joints_px=joints_px.reshape(-1, 2),
        vertices_canonical_m=vertices_m.reshape(-1, 3),
        joints_canonical_m=joints_m.reshape(-1, 3),
        rotation=rotation.reshape(3, 3),
        visibility=float(visibility[0]),
    )


def decoded(jpeg: bytes) -> NDArray[np.uint8]:
    """Return a picture (H, W, 3) RGB."""
    picture: NDArray[np.uint8] = simplejpeg.decode_jpeg(jpeg, colorspace="RGB")
    return picture


def _add(tar: tarfile.TarFile, name: str, content: bytes) -> None:
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    tar.addfile(entry, io.BytesIO(content))
