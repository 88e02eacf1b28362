"""The forward passes: the canonical hand, and the hand in the camera, from one view or from several.

Figure 2 of the paper; spec sections 2 (SVR-Hand) and 3 (MVR-Hand).
"""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from training.networks.decoder import MeshDecoder
from training.networks.encoder import ImageEncoder, MapDecoder, PyramidEncoder
from training.networks.lifting import JointHead, Lifting, PosePooling
from training.networks.orientation import MultiViewOrientation, NoOrientation, Orientation, OrientationBranch
from training.networks.precision import full_precision
from training.tensors import HandPrediction, HandShape, ViewsPrediction, ViewsShape


class _Seen(NamedTuple):
    """What one look at images gives, before the mesh."""

    image_feature: Tensor
    joint_feature: Tensor
    heatmap_logits: Tensor
    joints_uv: Tensor
    lifted_feature: Tensor


class _ShapeParts(nn.Module):
    """What one view and several views have in common: how an image is seen, and a mesh decoded."""

    joint_regressor: Tensor

    def __init__(
        self,
        *,
        image_encoder: ImageEncoder,
        shape_encoder: PyramidEncoder,
        map_decoder: MapDecoder,
        joint_head: JointHead,
        pooling: PosePooling,
        lifting: Lifting,
        mesh_decoder: MeshDecoder,
        joint_regressor: Tensor,
    ) -> None:
        """Take the parts, and the joint regressor (J, V)."""
        super().__init__()
        self.encode_image = image_encoder
        self.encode_shape = shape_encoder
        self.decode_maps = map_decoder
        self.locate_joints = joint_head
        self.pool = pooling
        self.lift = lifting
        self.decode_mesh = mesh_decoder
        # A constant of the hand: released code trains it, and so lets the root of every metric drift.
        self.register_buffer("joint_regressor", joint_regressor, persistent=False)

    def see(self, images: Tensor) -> _Seen:
        """Map images (B, 3, 128, 128) in [0, 1] to features, places of the joints, and vertex features."""
        image_feature = self.encode_image(images)  # (B, T, 32, 32): f_i
        pyramid = self.encode_shape(image_feature)  # the coarse scale is f_j
        joint_maps, joints_uv = self.locate_joints(self.decode_maps(pyramid))  # (B, J, 16, 16), (B, J, 2)
        joint_features = self.pool(pyramid.coarse, joints_uv)  # (B, J, L)
        lifted = self.lift(joint_features)  # (B, V0, L): f_v
        return _Seen(image_feature, pyramid.coarse, joint_maps, joints_uv, lifted)

    def mesh(self, seen: _Seen) -> HandShape:
        """Decode the vertex features (B, V0, L) to the canonical hand."""
        decoded, vertices = self.decode_mesh(seen.lifted_feature)  # (B, V, 32), (B, V, 3): M^c
        with full_precision(vertices):
            joints = self.joint_regressor @ vertices  # (B, J, 3): J^c
        return HandShape(
            image_feature=seen.image_feature,
            joint_feature=seen.joint_feature,
            heatmap_logits=seen.heatmap_logits,
            joints_uv=seen.joints_uv,
            lifted_feature=seen.lifted_feature,
            decoded_feature=decoded,
            vertices_canonical_m=vertices,
            joints_canonical_m=joints,
        )


class ShapeBranch(_ShapeParts):
    """From an image to the hand with its global rotation taken off."""

    def forward(self, images: Tensor) -> HandShape:
        """Map images (B, 3, 128, 128) in [0, 1] to the canonical hand."""
        return self.mesh(self.see(images))


class MultiViewShape(_ShapeParts):
    """From several images of a hand, each seen by the same weights, to the one hand without its rotation."""

    def __init__(self, *, vertex_fusion: nn.Module, **parts: Any) -> None:  # noqa: ANN401
        """Take the parts of `_ShapeParts`, and what makes one vertex feature of those of all views."""
        super().__init__(**parts)
        self.fuse_vertices = vertex_fusion

    def forward(self, images: Tensor, valid: Tensor) -> ViewsShape:
        """Map views (B, N, 3, 128, 128), the target's first, and which there are (B, N), to the hand."""
        return self.joined(self.see_views(images), valid)

    def see_views(self, images: Tensor) -> _Seen:
        """Look at views (B, N, 3, 128, 128), each for itself: features (B, N, ...)."""
        seen = self.see(images.flatten(0, 1))  # (B N, ...)
        return _Seen(*(feature.reshape(*images.shape[:2], *feature.shape[1:]) for feature in seen))

    def joined(self, views: _Seen, valid: Tensor) -> ViewsShape:
        """Fuse features (B, N, ...) of the views that there are (B, N) to the hand."""
        fused = self.fuse_vertices(views.lifted_feature, valid)  # (B, V0, L): f_v^M
        target = _Seen(*(feature[:, 0] for feature in views))
        return ViewsShape(
            image_features=views.image_feature,
            joint_features=views.joint_feature,
            heatmap_logits=views.heatmap_logits,
            joints_uv=views.joints_uv,
            hand=self.mesh(target._replace(lifted_feature=fused)),
        )


class SingleViewHand(nn.Module):
    """SVR-Hand: one image in, the hand in the camera's axes out."""

    def __init__(self, *, shape: ShapeBranch, orientation: OrientationBranch | NoOrientation) -> None:
        super().__init__()
        self.shape = shape
        self.orientation = orientation

    def forward(self, images: Tensor) -> HandPrediction:
        """Map images (B, 3, 128, 128) in [0, 1] to the hand in the camera."""
        shape: HandShape = self.shape(images)
        # The orientation reads the shape branch and must not bend it (H2ONet's second stage).
        orientation = self.orientation(shape.image_feature.detach(), shape.joint_feature.detach())
        return _turned(shape, orientation)


class CameraFrameHand(SingleViewHand):
    """MobRecon's way: the mesh is decoded in the camera's axes, and nothing turns it."""

    def forward(self, images: Tensor) -> HandPrediction:
        """Map images (B, 3, 128, 128) in [0, 1] to the hand in the camera."""
        hand = super().forward(images)
        vertices, joints = hand.shape.vertices_canonical_m, hand.shape.joints_canonical_m
        # Not turned, and so not detached either: the losses in the camera are all that teaches the mesh.
        return hand._replace(vertices_m=vertices, joints_m=joints)


class MultiViewHand(nn.Module):
    """MVR-Hand: several images of one moment in, the hand in the first one's camera out."""

    def __init__(self, *, shape: MultiViewShape, orientation: MultiViewOrientation) -> None:
        super().__init__()
        self.shape = shape
        self.orientation = orientation

    def forward(self, images: Tensor, valid: Tensor) -> ViewsPrediction:
        """Map views (B, N, 3, 128, 128), the target's first, and which there are (B, N), to the hand."""
        views: ViewsShape = self.shape(images, valid)
        orientation = self.orientation(views.image_features.detach(), views.joint_features.detach(), valid)
        return ViewsPrediction(views, _turned(views.hand, orientation))

    def for_every_target(self, images: Tensor, looks: Tensor) -> HandPrediction:
        """Map views (B, N, 3, 128, 128), each seen once, to the hand in every view's camera.

        Args:
            images: The views.
            looks: (B, K, N) bool: the views of a group that are taken together in each of K looks;
                `valid[:, None]` takes all that there are.

        Returns:
            A row for each view of each look, ordered by group, look and view: what `forward` says of that
            look's views in cyclic order from this one on, what is not there last.
        """
        group, look = looks.any(dim=2).nonzero(as_tuple=True)  # (R,): looks that see something
        valid = looks[group, look]  # (R, N)
        seen = self.shape.see_views(images)  # (B, N, ...)
        views: ViewsShape = self.shape.joined(_Seen(*(feature[group] for feature in seen)), valid)  # (R, ...)
        row, target = valid.nonzero(as_tuple=True)  # (T,): every view of every look
        # (T, N): each row begins with its own
        turned = (row[:, None], _holes_last(valid[row], target))
        orientation = self.orientation(
            views.image_features.detach()[turned], views.joint_features.detach()[turned], valid[turned]
        )
        shape = HandShape(*(part[row] for part in views.hand))
        return _turned(
            shape._replace(
                image_feature=views.image_features[row, target],
                joint_feature=views.joint_features[row, target],
                heatmap_logits=views.heatmap_logits[row, target],
                joints_uv=views.joints_uv[row, target],
            ),
            orientation,
        )


def _holes_last(valid: Tensor, target: Tensor) -> Tensor:
    """Return in which order views are looked at from each target (T,) on, (T, N), where (T, N) are there."""
    places = torch.arange(valid.shape[1], device=valid.device)
    ring = (target[:, None] + places) % len(places)  # (T, N)
    missing = ~valid.gather(1, ring)  # (T, N)
    return ring.gather(1, missing.long().argsort(dim=1, stable=True))


def _turned(shape: HandShape, orientation: Orientation) -> HandPrediction:
    wrist = shape.joints_canonical_m[:, :1]  # (B, 1, 3): j0
    return HandPrediction(
        shape=shape,
        mapped_joint_feature=orientation.joint_feature,
        orientation_feature=orientation.feature,
        fused_orientation_feature=orientation.fused_feature,
        rotation=orientation.rotation,
        vertices_m=_turn(shape.vertices_canonical_m, wrist, orientation.rotation),
        joints_m=_turn(shape.joints_canonical_m, wrist, orientation.rotation),
    )


def _turn(points_canonical_m: Tensor, wrist_m: Tensor, rotation: Tensor) -> Tensor:
    """Turn points (B, n, 3) about the wrist (B, 1, 3): M^r = (M^c - j0) R^T + j0.

    What is turned is detached, the wrist that is added back is not (spec section 1): the rotated losses move
    the rotation and the wrist, and leave the articulation to the canonical ones.
    """
    with full_precision(rotation):
        return (points_canonical_m - wrist_m).detach() @ rotation.transpose(1, 2) + wrist_m
