"""Convolution and upsampling on a mesh of fixed topology (SpiralNet++; spec sections 2 and 10).

Vertices come first, (n, B, channels): a neighbour is then one contiguous row of the whole batch, and to
gather it costs a copy instead of a walk through the memory.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

SUM = 0
"""What `torch.embedding_bag` calls the mode that adds."""


class SpiralConv(nn.Module):
    """One linear map of each vertex's spiral neighbourhood.

    The map of nine concatenated neighbours is the sum of nine maps, one for each place in the spiral. Each
    is taken before its neighbours are gathered: the concatenation, nine times the features, is never made,
    which halves the time of a training step of the decoder.
    """

    spirals: Tensor

    def __init__(self, channels_in: int, channels_out: int, spirals: Tensor) -> None:
        """Take the widths, and the spirals (n, 9) int64, each starting with its own vertex."""
        super().__init__()
        self.register_buffer("spirals", spirals.T.contiguous(), persistent=False)
        length = spirals.shape[1]
        places = [nn.Linear(channels_in, channels_out, bias=place == 0) for place in range(length)]
        # Xavier's bound of the one map that they make up, of 9 channels_in.
        bound = math.sqrt(6.0 / (length * channels_in + channels_out))
        for linear in places:
            nn.init.uniform_(linear.weight, -bound, bound)
        nn.init.zeros_(places[0].bias)
        self.places = nn.ModuleList(places)

    def forward(self, features: Tensor) -> Tensor:
        """Map vertex features (n, B, channels_in) to (n, B, channels_out)."""
        mixed: Tensor
        mixed, *others = (
            linear(features).index_select(0, neighbours)
            for linear, neighbours in zip(self.places, self.spirals.unbind(), strict=True)
        )  # each (n, B, channels_out)
        for other in others:
            mixed = mixed + other
        return mixed


class SeparableSpiralConv(nn.Module):
    """MobRecon's: a weight for each channel and place of the spiral, then a linear map of the channels."""

    spirals: Tensor

    def __init__(self, channels_in: int, channels_out: int, spirals: Tensor) -> None:
        """Take the widths, and the spirals (n, 9) int64, each starting with its own vertex."""
        super().__init__()
        self.register_buffer("spirals", spirals.T.contiguous(), persistent=False)
        length = spirals.shape[1]
        # The bound that PyTorch gives a depthwise convolution of this size.
        self.weights = nn.Parameter(torch.empty(length, channels_in).uniform_(-1, 1) / math.sqrt(length))
        self.mix = nn.Linear(channels_in, channels_out, bias=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map vertex features (n, B, channels_in) to (n, B, channels_out)."""
        first, *others = (
            weight * features.index_select(0, neighbours)
            for weight, neighbours in zip(self.weights.unbind(), self.spirals.unbind(), strict=True)
        )  # each (n, B, channels_in)
        for other in others:
            first = first + other
        mixed: Tensor = self.mix(first)
        return mixed


class MeshUpsampling(nn.Module):
    """Each vertex of the finer mesh as a weighted mean of three vertices of the coarser one."""

    indices: Tensor
    offsets: Tensor
    weights: Tensor

    def __init__(self, indices: Tensor, weights: Tensor) -> None:
        """Take the three vertices (n_fine, 3) int64 and their weights (n_fine, 3)."""
        super().__init__()
        self.register_buffer("indices", indices.flatten(), persistent=False)
        self.register_buffer("offsets", torch.arange(0, indices.numel(), indices.shape[1]), persistent=False)
        self.register_buffer("weights", weights.flatten(), persistent=False)

    def forward(self, features: Tensor) -> Tensor:
        """Map vertex features (n_coarse, B, C) to (n_fine, B, C)."""
        # The operator itself: the function around it compares shapes, which a trace cannot keep.
        raised, *_ = torch.embedding_bag(
            features.flatten(1),
            self.indices,
            self.offsets,
            mode=SUM,
            per_sample_weights=self.weights.to(features.dtype),
        )  # (n_fine, B C)
        return raised.reshape(-1, *features.shape[1:])
