"""Looks through a copy of HanCo without a hand model: flags, labels, pictures."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from training.data.checking import Count, Findings
from training.data.fields import check_jpeg
from training.data.hanco.labels import read_frame_labels
from training.data.hanco.layout import (
    CAMERAS,
    SIZE_PX,
    SPLITS,
    VARIANTS,
    FrameFlags,
    labels_path,
    picture_path,
    read_flags,
    sequence_cameras,
)

PUBLISHED_USABLE: dict[str, int | None] = {
    "train rgb": 63_864, "train rgb_merged": 63_864, "test rgb": 8_576,
}  # fmt: skip
"""Images whose fit a person found good, as papers count them."""


def check_sequence(root: Path, numbered: tuple[int, FrameFlags]) -> Findings:
    """Read all labels and pictures of a sequence's usable frames.

    Args:
        root: The copy.
        numbered: Number of the sequence, and its flags.
    """
    sequence, flags = numbered
    findings = Findings()
    for split in SPLITS:
        frames = np.flatnonzero(flags.usable(split)).tolist()
        for frame in frames:
            with findings.noting():
                _check_labels(root, sequence, frame)
            _check_pictures(findings, root, "mask_hand", sequence, frame)
        for variant in VARIANTS:
            # Only the pictures as they were taken are there of every sequence.
            if frames and (variant == "rgb" or sequence_cameras(root, variant, sequence)):
                sound = [_check_pictures(findings, root, variant, sequence, frame) for frame in frames]
                count = Count(1, sum(number > 0 for number in sound), CAMERAS * len(frames), sum(sound))
                findings.add(f"{split} {variant}", count)
    return findings


def numbered_flags(root: Path) -> list[tuple[int, FrameFlags]]:
    """Return what `check_sequence` takes, for all sequences.

    Raises:
        ValueError: `meta.json` is missing or damaged.
    """
    return list(enumerate(read_flags(root)))


def _check_labels(root: Path, sequence: int, frame: int) -> None:
    labels = read_frame_labels(root, sequence, frame)
    nearest_m = min(float(camera.seen(labels.joints_m)[:, 2].min()) for camera in labels.cameras)
    if nearest_m <= 0.0:
        path = labels_path(root, "xyz", sequence, frame)
        raise ValueError(f"{path}: the list of joints: a joint lies behind a camera of `calib`")


def _check_pictures(findings: Findings, root: Path, kind: str, sequence: int, frame: int) -> int:
    """Check one frame's pictures of all cameras; return how many are sound."""
    sound = 0
    for camera in range(CAMERAS):
        with findings.noting():
            path = picture_path(root, kind, sequence, camera, frame)
            check_jpeg(path, width_px=SIZE_PX, height_px=SIZE_PX)
            sound += 1
    return sound
