"""The orientation branches: encoder, the meeting with the joint feature, rotation (spec sections 2 and 3)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.networks.encoder import PyramidEncoder, gate_and_refine

FEATURE_CELLS = 16
"""Cells of the 4x4 map that are the tokens of the attention."""

NARROWEST = 16
"""Width that SVR-Hand's rotation regressor halves its layers down to."""

SHORTEST = 1e-6
"""A vector shorter than this has no direction."""


class Orientation(NamedTuple):
    """What the orientation branch says."""

    joint_feature: Tensor
    """(B, C, 4, 4): f_j with its mapping added."""
    feature: Tensor
    """(B, C, 4, 4): f_o."""
    fused_feature: Tensor
    """(B, C, 4, 4): f^_o."""
    rotation: Tensor
    """(B, 3, 3): camera-from-canonical."""


class Attention(nn.Module):
    """Multi-head attention: bias-free projections, residual on the query, layer norm (as released)."""

    def __init__(self, channels: int, *, heads: int, head_channels: int, dropout: float = 0.1) -> None:
        super().__init__()
        self.heads = heads
        self.scale = head_channels**-0.5
        self.query = nn.Linear(channels, heads * head_channels, bias=False)
        self.key = nn.Linear(channels, heads * head_channels, bias=False)
        self.value = nn.Linear(channels, heads * head_channels, bias=False)
        self.out = nn.Linear(heads * head_channels, channels, bias=False)
        self.drop_weights = nn.Dropout(dropout)
        self.drop_out = nn.Dropout(dropout)
        self.norm = nn.LayerNorm(channels, eps=1e-6)

    def forward(self, queries: Tensor, context: Tensor) -> Tensor:
        """Map queries (B, n, C), attending to the context (B, m, C), to (B, n, C)."""
        return self._answer(queries, context, self._scores(queries, context))

    def among(self, queries: Tensor, context: Tensor, valid: Tensor) -> Tensor:
        """Do the same, attending to the part of the context that there is (B, m) alone."""
        scores = self._scores(queries, context).masked_fill(~valid[:, None, None], -torch.inf)
        return self._answer(queries, context, scores)

    def _scores(self, queries: Tensor, context: Tensor) -> Tensor:
        query = self._split(self.query(queries))  # (B, heads, n, head channels)
        key = self._split(self.key(context))  # (B, heads, m, head channels)
        scores: Tensor = (self.scale * query) @ key.transpose(2, 3)  # (B, heads, n, m)
        return scores

    def _answer(self, queries: Tensor, context: Tensor, scores: Tensor) -> Tensor:
        value = self._split(self.value(context))  # (B, heads, m, head channels)
        attended = self.drop_weights(scores.softmax(dim=3)) @ value  # (B, heads, n, head channels)
        merged = attended.transpose(1, 2).flatten(2)  # (B, n, heads * head channels)
        normed: Tensor = self.norm(queries + self.drop_out(self.out(merged)))
        return normed

    def _split(self, tokens: Tensor) -> Tensor:
        return tokens.reshape(*tokens.shape[:2], self.heads, -1).transpose(1, 2)


class AttentionFusion(nn.Module):
    """Orientation feature enhancement, eq. 5: the joints ask, the orientation answers."""

    def __init__(self, channels: int, *, heads: int, head_channels: int) -> None:
        super().__init__()
        self.joint_attention = Attention(channels, heads=heads, head_channels=head_channels)
        self.orientation_attention = Attention(channels, heads=heads, head_channels=head_channels)
        self.cross_attention = Attention(channels, heads=heads, head_channels=head_channels)

    def forward(self, joint_feature: Tensor, orientation_feature: Tensor) -> Tensor:
        """Map f_j and f_o, both (B, C, 4, 4), to f^_o (B, C, 4, 4)."""
        joint_tokens = joint_feature.flatten(2).transpose(1, 2)  # (B, 16, C)
        orientation_tokens = orientation_feature.flatten(2).transpose(1, 2)  # (B, 16, C)
        joint_tokens = self.joint_attention(joint_tokens, joint_tokens)  # (B, 16, C): h_j
        orientation_tokens = self.orientation_attention(orientation_tokens, orientation_tokens)  # h_o
        fused: Tensor = self.cross_attention(joint_tokens, orientation_tokens)  # (B, 16, C)
        return fused.transpose(1, 2).reshape_as(joint_feature)


class ConcatenationFusion(nn.Module):
    """Table 5 (viii): both features side by side through two pointwise convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.mix = nn.Sequential(
            nn.Conv2d(2 * channels, channels, 1), nn.ReLU(), nn.Conv2d(channels, channels, 1), nn.ReLU()
        )

    def forward(self, joint_feature: Tensor, orientation_feature: Tensor) -> Tensor:
        """Map f_j and f_o, both (B, C, 4, 4), to f^_o (B, C, 4, 4)."""
        fused: Tensor = self.mix(torch.cat((joint_feature, orientation_feature), dim=1))
        return fused


class SumFusion(nn.Module):
    """Table 5 (vii): no enhancement, the sum that H2ONet regresses from."""

    def forward(self, joint_feature: Tensor, orientation_feature: Tensor) -> Tensor:
        """Map f_j and f_o, both (B, C, 4, 4), to f^_o (B, C, 4, 4)."""
        return joint_feature + orientation_feature


def halving_widths(channels: int) -> tuple[int, ...]:
    """Return SVR-Hand's widths, each half the one before: 4096, 2048, 1024, ..., 16 in the paper."""
    widths = [FEATURE_CELLS * channels // 4]
    while widths[-1] >= 2 * NARROWEST:
        widths.append(widths[-1] // 2)
    return tuple(widths)


def h2onet_widths(channels: int) -> tuple[int, ...]:
    """Return H2ONet's widths: 4096, 2048, 1024, 1024, 512, 256 with its 1024 channels."""
    return (FEATURE_CELLS * channels // 4, 2 * channels, channels, channels, channels // 2, channels // 4)


class RotationRegressor(nn.Module):
    """From the fused feature to a rotation matrix, by way of the six numbers of `rotation_from_6d`."""

    def __init__(self, channels: int, widths: Sequence[int]) -> None:
        """Take the feature's channels, and the widths of the layers, from a quarter of its numbers on."""
        super().__init__()
        self.tokens = nn.Sequential(
            nn.Conv1d(channels, channels // 2, 1),
            nn.ReLU(),
            nn.Conv1d(channels // 2, channels // 4, 1),
            nn.ReLU(),
            nn.Flatten(),
        )
        hidden = (
            layer
            for width_in, width_out in pairwise(widths)
            for layer in (nn.Linear(width_in, width_out), nn.ReLU())
        )
        self.regress = nn.Sequential(*hidden, nn.Linear(widths[-1], 6))
        self.apply(_keep_alive)

    def forward(self, fused_feature: Tensor) -> Tensor:
        """Map f^_o (B, C, 4, 4) to rotations (B, 3, 3)."""
        six = self.regress(self.tokens(fused_feature.flatten(2)))  # (B, 6)
        return rotation_from_6d(six.float())


def _keep_alive(module: nn.Module) -> None:
    # H2ONet's initialisation: ten plain ReLU layers under PyTorch's default would hand on their biases only.
    if isinstance(module, nn.Linear | nn.Conv1d):
        nn.init.kaiming_uniform_(module.weight, nonlinearity="relu")
        if module.bias is not None:
            nn.init.zeros_(module.bias)


def rotation_from_6d(six: Tensor) -> Tensor:
    """Return rotations (..., 3, 3) from six numbers (..., 6) by Gram-Schmidt (Zhou et al. 2019).

    The two vectors are the rows of the matrix, as in pytorch3d. Where they do not span a plane, an axis of
    the frame takes the missing one's place, so that any six numbers give a rotation and a finite gradient.
    """
    first, second = six[..., :3], functional.normalize(six[..., 3:], dim=-1)
    x = functional.normalize(_unless_lost(first, _least_aligned_axis(first)), dim=-1)
    across = _unless_lost(_perpendicular(second, x), _perpendicular(_least_aligned_axis(x), x))
    # Twice is enough: the first pass leaves rounding errors when the vectors are nearly parallel.
    y = functional.normalize(_perpendicular(functional.normalize(across, dim=-1), x), dim=-1)
    return torch.stack((x, y, torch.linalg.cross(x, y, dim=-1)), dim=-2)


def _perpendicular(vector: Tensor, unit: Tensor) -> Tensor:
    return vector - (vector * unit).sum(dim=-1, keepdim=True) * unit


def _least_aligned_axis(vector: Tensor) -> Tensor:
    return functional.one_hot(vector.abs().argmin(dim=-1), 3).to(vector.dtype)


def _unless_lost(vector: Tensor, substitute: Tensor) -> Tensor:
    return torch.where(vector.norm(dim=-1, keepdim=True) > SHORTEST, vector, substitute)


class OrientationBranch(nn.Module):
    """From the image-level and joint-level features to the hand's orientation in the camera."""

    def __init__(
        self,
        *,
        image_channels: int,
        joint_channels: int,
        image_mapping: nn.Module,
        joint_mapping: nn.Module,
        fusion: nn.Module,
        regressor: nn.Module,
    ) -> None:
        super().__init__()
        self.map_image = image_mapping
        self.map_joints = joint_mapping
        self.encode = PyramidEncoder(image_channels, refine=gate_and_refine(joint_channels))
        self.fuse = fusion
        self.regress = regressor

    def forward(self, image_feature: Tensor, joint_feature: Tensor) -> Orientation:
        """Map f_i (B, T, 32, 32) and f_j (B, C, 4, 4) to the orientation."""
        image_feature = self.map_image(image_feature)  # (B, T, 32, 32)
        joint_feature = self.map_joints(joint_feature)  # (B, C, 4, 4)
        feature = self.encode(image_feature).coarse  # (B, C, 4, 4)
        fused = self.fuse(joint_feature, feature)  # (B, C, 4, 4)
        return Orientation(joint_feature, feature, fused, self.regress(fused))


class MultiViewOrientation(nn.Module):
    """From the features of all views to the hand's orientation in the first one's camera (spec section 3)."""

    def __init__(
        self,
        *,
        image_channels: int,
        joint_channels: int,
        image_fusion: nn.Module,
        joint_fusion: nn.Module,
        join: nn.Module,
        regressor: nn.Module,
    ) -> None:
        super().__init__()
        self.fuse_images = image_fusion
        self.fuse_joints = joint_fusion
        self.encode = PyramidEncoder(image_channels, refine=gate_and_refine(joint_channels))
        self.fuse = join
        self.regress = regressor

    def forward(self, image_features: Tensor, joint_features: Tensor, valid: Tensor) -> Orientation:
        """Map f_i (B, N, T, 32, 32) and f_j (B, N, C, 4, 4), and which there are, to the orientation."""
        image_feature = self.fuse_images(image_features, valid)  # (B, T, 32, 32): f_i^M
        joint_feature = self.fuse_joints(joint_features, valid)  # (B, C, 4, 4): f_j^M
        feature = self.encode(image_feature).coarse  # (B, C, 4, 4)
        fused = self.fuse(joint_feature, feature)  # (B, C, 4, 4): f_o^M
        return Orientation(joint_feature, feature, fused, self.regress(fused))


class NoOrientation(nn.Module):
    """MobRecon's: the mesh is in the camera's axes already, and the rotation is the identity."""

    identity: Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("identity", torch.eye(3), persistent=False)

    def forward(self, image_feature: Tensor, joint_feature: Tensor) -> Orientation:
        """Map f_i (B, T, 32, 32) and f_j (B, C, 4, 4) to the identity."""
        rotation = self.identity.expand(joint_feature.shape[0], 3, 3)
        return Orientation(joint_feature, joint_feature, joint_feature, rotation)
