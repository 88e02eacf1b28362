"""Convolution and upsampling on a mesh of fixed topology (SpiralNet++; spec sections 2 and 10).

Vertices come first, (n, B, channels): a neighbour is then one contiguous row of the whole batch, and to
gather it costs a copy instead of a walk through the memory.
"""

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
        """Map vertex features (n, B, channels_in) to (n, B, channels_out)."""
        neighbours = _rows(features, self.spirals).transpose(1, 2)  # (n, B, 9, channels_in)
        mixed: Tensor = self.linear(neighbours.flatten(2))  # (n, B, channels_out)
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
        """Map vertex features (n_coarse, B, C) to (n_fine, B, C)."""
        weights = self.weights.to(features.dtype)[..., None, None]  # (n_fine, 3, 1, 1)
        return (_rows(features, self.indices) * weights).sum(dim=1)


def _rows(features: Tensor, indices: Tensor) -> Tensor:
    """Return the rows (n, k, B, C) of features (m, B, C) that indices (n, k) name."""
    return features.index_select(0, indices.flatten()).reshape(*indices.shape, *features.shape[1:])
