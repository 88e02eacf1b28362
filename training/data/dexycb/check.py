"""Looks through a copy of DexYCB without a hand model: layout, labels, pictures, projections."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np

from training.data.checking import Count, Findings
from training.data.dexycb.labels import HandLabels, read_view_labels
from training.data.dexycb.layout import (
    HEIGHT_PX,
    SEQUENCES_A_SUBJECT,
    WIDTH_PX,
    SequenceFolder,
    SequenceMeta,
    color_path,
    labels_path,
    read_intrinsics,
    read_sequence,
)
from training.data.fields import check_jpeg, entry, finite, read_yaml
from training.data.sample import Float32
from training.data.synthetic_reader import project

PUBLISHED_USABLE: dict[str, int | None] = {"train": 406_888, "val": None, "test": 78_768}
"""Images of S0 with a labelled hand, as papers count them; none tells those of `val`."""

MAX_REPROJECTION_PX = 0.5


def check_sequence(root: Path, folder: SequenceFolder) -> Findings:
    """Read all that a sequence has, and count it to its part of S0."""
    findings = Findings()
    with findings.noting():
        meta = read_sequence(root, folder.name)
        lenses = {serial: read_intrinsics(root, serial) for serial in meta.serials}
        _check_extrinsics(meta)
        usable = np.zeros((meta.frames, len(meta.serials)), np.bool_)
        for frame in range(meta.frames):
            for column, serial in enumerate(meta.serials):
                with findings.noting():
                    place = root, folder.name, serial, frame
                    labelled = _check_labels(labels_path(*place), lenses[serial])
                    check_jpeg(color_path(*place), width_px=WIDTH_PX, height_px=HEIGHT_PX)
                    usable[frame, column] = labelled
        count = Count(1, int(usable.any(axis=1).sum()), usable.size, int(usable.sum()))
        findings.add(folder.split, count)
    return findings


def incomplete_subjects(folders: tuple[SequenceFolder, ...]) -> list[str]:
    """Return a line for each subject that has another number of sequences than the published set.

    That is no fault, but S0 then holds out other sequences than papers do.
    """
    found = Counter(folder.name.split("/")[0] for folder in folders)
    return [
        f"{subject} has {count} sequences, the published one {SEQUENCES_A_SUBJECT}: S0 differs"
        for subject, count in sorted(found.items())
        if count != SEQUENCES_A_SUBJECT
    ]


def _check_extrinsics(meta: SequenceMeta) -> None:
    path = meta.extrinsics
    places = entry(read_yaml(path), "extrinsics", path)
    for serial in meta.serials:
        finite(entry(places, serial, path), shape=(12,), name=f"extrinsics.{serial}", path=path)


def _check_labels(path: Path, lens: Float32) -> bool:
    """Check one label; return whether it labels a hand."""
    hand = read_view_labels(path).hand
    if hand.valid:
        _check_projection(hand, lens, path)
    return hand.valid


def _check_projection(hand: HandLabels, lens: Float32, path: Path) -> None:
    if hand.joints_m[:, 2].min() <= 0.0:
        raise ValueError(f"{path}: joint_3d: a joint lies behind the camera")
    off_px = float(np.linalg.norm(project(hand.joints_m, lens) - hand.joints_2d, axis=1).max())
    if off_px > MAX_REPROJECTION_PX:
        raise ValueError(f"{path}: joint_2d: a joint lies {off_px:.2f} px off its projection of joint_3d")
