"""The forward passes: the canonical hand, and the hand in the camera (figure 2 of the paper, single view)."""

from __future__ import annotations

from torch import Tensor, nn

from training.networks.decoder import MeshDecoder
from training.networks.encoder import ImageEncoder, MapDecoder, PyramidEncoder
from training.networks.lifting import JointHead, Lifting, PosePooling
from training.networks.orientation import OrientationBranch
from training.networks.precision import full_precision
from training.tensors import HandPrediction, HandShape


class ShapeBranch(nn.Module):
    """From an image to the hand with its global rotation taken off."""

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

    def forward(self, images: Tensor) -> HandShape:
        """Map images (B, 3, 128, 128) in [0, 1] to the canonical hand."""
        image_feature = self.encode_image(images)  # (B, T, 32, 32): f_i
        pyramid = self.encode_shape(image_feature)  # the coarse scale is f_j
        joint_maps, joints_uv = self.locate_joints(self.decode_maps(pyramid))  # (B, J, 16, 16), (B, J, 2)
        joint_features = self.pool(pyramid.coarse, joints_uv)  # (B, J, L)
        lifted = self.lift(joint_features)  # (B, V0, L): f_v
        decoded, vertices = self.decode_mesh(lifted)  # (B, V, 32), (B, V, 3): M^c
        with full_precision(vertices):
            joints = self.joint_regressor @ vertices  # (B, J, 3): J^c
        return HandShape(
            image_feature=image_feature,
            joint_feature=pyramid.coarse,
            heatmap_logits=joint_maps,
            joints_uv=joints_uv,
            lifted_feature=lifted,
            decoded_feature=decoded,
            vertices_canonical_m=vertices,
            joints_canonical_m=joints,
        )


class SingleViewHand(nn.Module):
    """SVR-Hand: one image in, the hand in the camera's axes out."""

    def __init__(self, *, shape: ShapeBranch, orientation: OrientationBranch) -> None:
        super().__init__()
        self.shape = shape
        self.orientation = orientation

    def forward(self, images: Tensor) -> HandPrediction:
        """Map images (B, 3, 128, 128) in [0, 1] to the hand in the camera."""
        shape: HandShape = self.shape(images)
        # The orientation reads the shape branch and must not bend it (H2ONet's second stage).
        orientation = self.orientation(shape.image_feature.detach(), shape.joint_feature.detach())
        wrist = shape.joints_canonical_m[:, :1]  # (B, 1, 3): j0
        return HandPrediction(
            shape=shape,
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
