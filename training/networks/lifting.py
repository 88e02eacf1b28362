"""From the image plane to the mesh: 2D head, pose pooling, lifting matrix (MobRecon; spec section 2)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.networks.encoder import MAP_CHANNELS
from training.networks.precision import full_precision

MAP_SIZE = 16
"""Side of the joint maps that the 2D head reads."""


class JointHead(nn.Module):
    """Maps of the joints, and their places read from each map by one small network that all joints share."""

    def __init__(self, joint_count: int) -> None:
        super().__init__()
        self.reduce = nn.Conv2d(MAP_CHANNELS, joint_count, 1, bias=False)
        self.locate = nn.Sequential(
            nn.Linear(MAP_SIZE * MAP_SIZE, 128, bias=False),
            nn.Hardtanh(0.0, 4.0),
            nn.Linear(128, 64, bias=False),
            nn.Hardtanh(0.0, 4.0),
            nn.Linear(64, 2, bias=False),
        )

    def forward(self, maps: Tensor) -> tuple[Tensor, Tensor]:
        """Map (B, 24, 16, 16) to the joints' maps (B, J, 16, 16) and places (B, J, 2) in the crop."""
        joint_maps = self.reduce(maps)  # (B, J, 16, 16)
        with full_precision(joint_maps):
            return joint_maps, self.locate(joint_maps.float().flatten(2))


class PosePooling(nn.Module):
    """Read a latent map at the joints' places."""

    def __init__(self, channels_in: int, channels_out: int) -> None:
        super().__init__()
        self.project = nn.Conv2d(channels_in, channels_out, 1, bias=False)
        self.prepare = nn.Conv2d(channels_out, channels_out, 1, bias=False)

    def forward(self, joint_feature: Tensor, joints_uv: Tensor) -> Tensor:
        """Map f_j (B, C, 4, 4) and places (B, J, 2) to the joints' features (B, J, L)."""
        latent = self.prepare(self.project(joint_feature))  # (B, L, 4, 4)
        grid = (2.0 * joints_uv - 1.0).clamp(-1.0, 1.0)[:, :, None]  # (B, J, 1, 2)
        pooled = functional.grid_sample(latent, grid.to(latent.dtype), align_corners=True)  # (B, L, J, 1)
        return pooled[..., 0].transpose(1, 2)


class Lifting(nn.Module):
    """A free matrix from joints to the vertices of the coarsest mesh."""

    def __init__(self, joint_count: int, vertex_count: int) -> None:
        super().__init__()
        self.matrix = nn.Parameter(torch.full((vertex_count, joint_count), 0.01))

    def forward(self, joint_features: Tensor) -> Tensor:
        """Map (B, J, L) to f_v (B, V0, L)."""
        return self.matrix @ joint_features
