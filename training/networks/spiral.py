"""Convolution and upsampling on a mesh of fixed topology (SpiralNet++; spec sections 2 and 10)."""

from __future__ import annotations

from torch import Tensor, nn


class SpiralConv(nn.Module):
    """One linear map of each vertex's spiral neighbourhood."""

    spirals: Tensor

    def __init__(self, channels_in: int, channels_out: int, spirals: Tensor) -> None:
        """Take the widths, and the spirals (n, 9) int64, each starting with its own vertex."""
        super().__init__()
        self.register_buffer("spirals", spirals, persistent=False)
        self.linear = nn.Linear(spirals.shape[1] * channels_in, channels_out)
        nn.init.xavier_uniform_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, features: Tensor) -> Tensor:
        """Map vertex features (B, n, channels_in) to (B, n, channels_out)."""
        mixed: Tensor = self.linear(features[:, self.spirals].flatten(2))
        return mixed


class MeshUpsampling(nn.Module):
    """Each vertex of the finer mesh as a weighted mean of three vertices of the coarser one."""

    indices: Tensor
    weights: Tensor

    def __init__(self, indices: Tensor, weights: Tensor) -> None:
        """Take the three vertices (n_fine, 3) int64 and their weights (n_fine, 3)."""
        super().__init__()
        self.register_buffer("indices", indices, persistent=False)
        self.register_buffer("weights", weights, persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map vertex features (B, n_coarse, C) to (B, n_fine, C)."""
        return (features[:, self.indices] * self.weights[..., None]).sum(dim=2)
