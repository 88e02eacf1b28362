"""What flows between the rooms of `training`: the truth of a batch, and what a network says of it.

Legend: B batch, N views of one moment, J = 21 joints, V = 778 vertices, V0 = 49 vertices of the coarsest
level, C = 8 x trunk channels. Frames as in `training.contract`; metres everywhere.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class HandTruth(NamedTuple):
    """Labels of a batch of hands, after crop and augmentation."""

    vertices_canonical_m: Tensor
    """(B, V, 3): articulated mesh with the global rotation taken off; M^c of the paper."""
    joints_canonical_m: Tensor
    """(B, J, 3): kinematic joints and tip vertices of that mesh; J^c."""
    rotation: Tensor
    """(B, 3, 3): camera-from-canonical, turned with the crop; R."""
    joints_uv: Tensor
    """(B, J, 2): joints in units of the crop's side; may lie outside [0, 1]."""
    visibility: Tensor
    """(B,): visible share of the hand's own silhouette; a hand is called occluded under 0.40."""

    def parts(self, count: int) -> list[HandTruth]:
        """Return the labels of every count-th hand, from each of the first `count` on."""
        return [HandTruth(*(labels[first::count] for labels in self)) for first in range(count)]


class HandBatch(NamedTuple):
    """Crops and their truth."""

    images: Tensor
    """(B, 3, 128, 128) float32 in [0, 1], RGB."""
    truth: HandTruth

    def to(self, device: torch.device) -> HandBatch:
        """Return the batch on a device; the same tensors where they are there already."""
        truth = HandTruth(*(labels.to(device, non_blocking=True) for labels in self.truth))
        return HandBatch(self.images.to(device, non_blocking=True), truth)

    def parts(self, count: int) -> list[HandBatch]:
        """Return the batch as `count` smaller ones: every count-th picture, as a team of processes shares."""
        return [
            HandBatch(self.images[first::count], truth) for first, truth in enumerate(self.truth.parts(count))
        ]


class ViewsBatch(NamedTuple):
    """Groups of crops, each of one hand at one moment from several sides; the target's come first."""

    images: Tensor
    """(B, N, 3, 128, 128) float32 in [0, 1], RGB."""
    valid: Tensor
    """(B, N) bool: which views there are; the target always is."""
    truth: HandTruth
    """Labels of every view, (B, N, ...); those of a view that is not there mean nothing."""

    def to(self, device: torch.device) -> ViewsBatch:
        """Return the batch on a device; the same tensors where they are there already."""
        truth = HandTruth(*(labels.to(device, non_blocking=True) for labels in self.truth))
        images, valid = (part.to(device, non_blocking=True) for part in (self.images, self.valid))
        return ViewsBatch(images, valid, truth)

    def parts(self, count: int) -> list[ViewsBatch]:
        """Return the batch as `count` smaller ones: every count-th group, as a team of processes shares."""
        return [
            ViewsBatch(self.images[first::count], self.valid[first::count], truth)
            for first, truth in enumerate(self.truth.parts(count))
        ]

    def looks(self, sizes: Sequence[int]) -> Tensor:
        """Return which views of each group are looked at together, (B, K, N) bool, in K looks.

        The b-th group is divided into parts of `sizes[b % len(sizes)]` neighbours; the last has the rest.
        """
        place = torch.arange(self.valid.shape[1])
        part_by_size = torch.stack([place // size for size in sizes])  # (S, N): the part that each view is in
        part = part_by_size[torch.arange(len(self.valid)) % len(sizes)].to(self.valid.device)  # (B, N)
        parts = torch.arange(int(part_by_size.max()) + 1, device=part.device)  # (K,)
        return self.valid[:, None] & (part[:, None] == parts[:, None])

    def targets(self) -> HandBatch:
        """Return each group's target, as a picture of its own."""
        return HandBatch(self.images[:, 0], HandTruth(*(labels[:, 0] for labels in self.truth)))

    def every_view(self) -> HandBatch:
        """Return all views that there are, each as a picture of its own, group by group."""
        return HandBatch(self.images[self.valid], HandTruth(*(labels[self.valid] for labels in self.truth)))


class HandShape(NamedTuple):
    """What the shape branch says: the hand with its global rotation taken off, and its features."""

    image_feature: Tensor
    """(B, trunk, 32, 32): f_i."""
    joint_feature: Tensor
    """(B, C, 4, 4): f_j."""
    heatmap_logits: Tensor
    """(B, J, 16, 16): the maps that the 2D head reads the joints from, before its flattening."""
    joints_uv: Tensor
    """(B, J, 2)."""
    lifted_feature: Tensor
    """(B, V0, latent): f_v, the coarse vertex feature before the decoder."""
    decoded_feature: Tensor
    """(B, V, 32): output of the last decoder block, before its head."""
    vertices_canonical_m: Tensor
    """(B, V, 3)."""
    joints_canonical_m: Tensor
    """(B, J, 3): the joint regressor applied to the vertices."""


class HandPrediction(NamedTuple):
    """What the whole network says."""

    shape: HandShape
    mapped_joint_feature: Tensor
    """(B, C, 4, 4): f_j with its mapping added, as the orientation reads it."""
    orientation_feature: Tensor
    """(B, C, 4, 4): f_o, output of the orientation encoder."""
    fused_orientation_feature: Tensor
    """(B, C, 4, 4): what the rotation regressor reads; f^_o."""
    rotation: Tensor
    """(B, 3, 3): camera-from-canonical."""
    vertices_m: Tensor
    """(B, V, 3): M^r = (M^c - j0) R^T + j0, camera axes, not yet root-relative."""
    joints_m: Tensor
    """(B, J, 3): J^r, likewise."""


class ViewsShape(NamedTuple):
    """What the multi-view shape branch says of N views of one hand, the target's first."""

    image_features: Tensor
    """(B, N, trunk, 32, 32): f_i of each view."""
    joint_features: Tensor
    """(B, N, C, 4, 4): f_j of each view."""
    heatmap_logits: Tensor
    """(B, N, J, 16, 16)."""
    joints_uv: Tensor
    """(B, N, J, 2)."""
    hand: HandShape
    """The one hand that all show: f_v^M and what is decoded of it; the 2D parts are the target view's."""


class ViewsPrediction(NamedTuple):
    """What the whole multi-view network says."""

    views: ViewsShape
    hand: HandPrediction
    """The hand in the target view's camera."""
