"""HanCo's hands, read from the published folders as groups of views and one by one (spec section 7.2)."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training.data.fields import read_jpeg
from training.data.hanco.labels import FrameLabels, read_frame_labels
from training.data.hanco.layout import (
    CAMERAS,
    SIZE_PX,
    SPLITS,
    VARIANTS,
    FrameFlags,
    Split,
    Variant,
    picture_path,
    read_flags,
    sequence_cameras,
)
from training.data.label_format import RIGHT
from training.data.mano_labels import (
    GROUP_MEMORY,
    LabelHand,
    LabelledHands,
    rotation_matrices,
)
from training.data.recent import Recent
from training.data.sample import HandSample
from training.data.silhouette import visible_share
from training.data.views import MultiViewHands, ViewTable

_ON = 127
"""Masks are JPEG: a level above this is on."""


class HanCoHands(MultiViewHands):
    """One split; all are right hands. A group is one frame in one variant, seen by the cameras there are.

    There is no index file: `meta.json` alone tells which frames are good, and reading it takes less time than
    seeing whether a file of our own is still true.
    """

    name = "HanCo"

    def __init__(
        self, root: Path, *, split: Split, hand: LabelHand, variants: Sequence[Variant] = ("rgb",)
    ) -> None:
        """Read which views there are.

        Args:
            root: Folder of the data set.
            split: `train` or `test`; the paper trains on the variants `rgb` and `rgb_merged`, tests on `rgb`.
            hand: The model of the right hand.
            variants: Pictures to read; a sequence that a variant lacks is left out of it.

        Raises:
            ValueError: The split or a variant is none, the hand is a left one, no view is left, or
                `meta.json` is missing or damaged.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        if unknown := sorted(set(variants) - set(VARIANTS)):
            raise ValueError(f"variants are {', '.join(VARIANTS)}; got {unknown[0]!r}")
        if hand.side != RIGHT:
            raise ValueError(f"all hands of HanCo are right ones, got a model of the {hand.side}")
        flags = read_flags(root)
        self._places = tuple((variant, number) for variant in variants for number in range(len(flags)))
        index = _table(root, self._places, flags, split)
        if len(index) == 0:
            raise ValueError(f"{root}: {split} has no valid view in {', '.join(variants)}")
        super().__init__(
            index,
            sequences=tuple(f"{variant}/{number:04d}" for variant, number in self._places),
            cameras=tuple(f"cam{camera}" for camera in range(CAMERAS)),
        )
        self._root = root
        self._hands = LabelledHands(hand)
        self._frames: Recent[tuple[int, int], FrameLabels] = Recent(GROUP_MEMORY)

    def _read(self, sequence: int, frame: int, camera: int) -> HandSample:
        variant, number = self._places[sequence]
        labels = self._frames.get((number, frame), lambda: read_frame_labels(self._root, number, frame))
        eye = labels.cameras[camera]
        hand = self._hands.canonical(labels.residual, labels.betas)
        rotation = eye.rotation @ rotation_matrices(labels.rotation_axis_angle)
        in_camera_m = hand.in_camera(rotation, eye.seen(hand.joints_m[0] + labels.translation_m))
        picture = picture_path(self._root, variant, number, camera, frame)
        return HandSample(
            image=read_jpeg(picture, width_px=SIZE_PX, height_px=SIZE_PX),
            joints_px=eye.pixels(eye.seen(labels.joints_m)),
            vertices_canonical_m=hand.vertices_m,
            joints_canonical_m=hand.joints_m,
            rotation=rotation,
            visibility=visible_share(
                self._hand_px(number, camera, frame),
                eye.pixels(in_camera_m),
                self._hands.faces,
                width_px=SIZE_PX,
                height_px=SIZE_PX,
            ),
        )

    def _hand_px(self, sequence: int, camera: int, frame: int) -> int:
        """Return how many pixels show the hand."""
        path = picture_path(self._root, "mask_hand", sequence, camera, frame)
        mask = read_jpeg(path, width_px=SIZE_PX, height_px=SIZE_PX, colorspace="GRAY")
        return int(np.count_nonzero(mask > _ON))


def _table(
    root: Path, places: Sequence[tuple[Variant, int]], flags: Sequence[FrameFlags], split: Split
) -> ViewTable:
    shards, frames, cameras = [], [], []
    for shard, (variant, number) in enumerate(places):
        usable = np.flatnonzero(flags[number].usable(split))
        present = sequence_cameras(root, variant, number) if len(usable) else ()
        shards.append(np.full(len(usable) * len(present), shard, np.int64))
        frames.append(np.repeat(usable, len(present)))
        cameras.append(np.tile(np.array(present, np.int64), len(usable)))
    empty = np.empty(0, np.int64)
    return ViewTable(
        shard=np.concatenate([empty, *shards]),
        sample=np.concatenate([empty, *frames]),
        view=np.concatenate([empty, *cameras]),
    )
