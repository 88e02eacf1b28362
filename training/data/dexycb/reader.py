"""DexYCB's hands, read from the published folders as groups of views and one by one (spec section 7.1)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from training.data.dexycb.index import DexYcbIndex, load_index
from training.data.dexycb.labels import read_view_labels
from training.data.dexycb.layout import (
    HEIGHT_PX,
    SPLITS,
    WIDTH_PX,
    Split,
    color_path,
    labels_path,
    read_intrinsics,
)
from training.data.fields import PIXEL_CENTRE, read_jpeg
from training.data.label_format import LEFT
from training.data.left_hand import mirrored_sample
from training.data.mano_labels import LabelHand, LabelledHands, rotation_matrices
from training.data.sample import HandSample
from training.data.silhouette import visible_share
from training.data.synthetic_reader import project
from training.data.views import MultiViewHands


class DexYcbHands(MultiViewHands):
    """One part of S0: right hands as they are, left hands mirrored."""

    name = "DexYCB"

    def __init__(
        self,
        root: Path,
        *,
        split: Split,
        hands: Mapping[str, LabelHand],
        index: DexYcbIndex | None = None,
    ) -> None:
        """Read which views there are.

        Args:
            root: Folder of the data set.
            split: Part of S0: `train`, `val` or `test`.
            hands: The model of each side, `right` and `left`.
            index: Of this copy; without it every label is opened here.

        Raises:
            ValueError: The split is none, a side has no model, no view is left, or a file is missing or
                damaged; then the error names it and the field.
        """
        if split not in SPLITS:
            raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
        index = index or load_index(root)
        views = index.of_split(split)
        if len(views) == 0:
            raise ValueError(f"{root}: S0 {split} has no valid view")
        super().__init__(views, sequences=index.sequences, cameras=index.cameras)
        self.sides, self.betas = index.sides, index.betas
        present = set(index.sides[views.shard].tolist())
        if missing := sorted(present - set(hands)):
            raise ValueError(f"{root}: S0 {split} has {missing[0]} hands, and no model of them is given")
        self._root = root
        self._hands = {side: LabelledHands(hands[side]) for side in sorted(present)}
        self._intrinsics = {
            camera: read_intrinsics(root, self.cameras[camera]) for camera in np.unique(views.view).tolist()
        }

    def _read(self, sequence: int, frame: int, camera: int) -> HandSample:
        place = self._root, self.sequences[sequence], self.cameras[camera], frame
        side = str(self.sides[sequence])
        labels = read_view_labels(labels_path(*place))
        hands = self._hands[side]
        hand = hands.canonical(hands.residual(labels.hand.coefficients), self.betas[sequence])
        rotation = rotation_matrices(labels.hand.rotation_axis_angle)
        in_camera_m = hand.in_camera(rotation, labels.hand.joints_m[0])
        sample = HandSample(
            image=read_jpeg(color_path(*place), width_px=WIDTH_PX, height_px=HEIGHT_PX),
            joints_px=labels.hand.joints_px,
            vertices_canonical_m=hand.vertices_m,
            joints_canonical_m=hand.joints_m,
            rotation=rotation,
            visibility=visible_share(
                labels.hand_px,
                project(in_camera_m, self._intrinsics[camera]) + PIXEL_CENTRE,
                hands.faces,
                width_px=WIDTH_PX,
                height_px=HEIGHT_PX,
            ),
        )
        return mirrored_sample(sample) if side == LEFT else sample
