"""The mesh decoder: from the coarsest vertices' features to every vertex's place (spec section 2)."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor, nn

from training.networks.precision import full_precision
from training.networks.spiral import MeshUpsampling, SpiralConv

Convolution = Callable[[int, int, Tensor], nn.Module]


class MeshDecoder(nn.Module):
    """Blocks of upsampling, spiral convolution and ReLU, then a spiral convolution to three coordinates."""

    def __init__(
        self,
        channels: Sequence[int],
        upsamplings: Sequence[MeshUpsampling],
        spirals: Sequence[Tensor],
        *,
        convolution: Convolution = SpiralConv,
    ) -> None:
        """Take one upsampling and one set of spirals a block, coarse to fine.

        Args:
            channels: The width of f_v, then each block's output: one more than there are blocks.
            upsamplings: From each block's coarser level to its finer one.
            spirals: (n, 9) of each block's finer level; the last is the mesh itself.
            convolution: Makes a convolution of its widths and spirals.
        """
        super().__init__()
        self.blocks = nn.Sequential(
            *(
                nn.Sequential(up, convolution(channels_in, channels_out, spiral), nn.ReLU())
                for up, spiral, channels_in, channels_out in zip(
                    upsamplings, spirals, channels[:-1], channels[1:], strict=True
                )
            )
        )
        self.head = convolution(channels[-1], 3, spirals[-1])

    def forward(self, lifted_feature: Tensor) -> tuple[Tensor, Tensor]:
        """Map f_v (B, V0, L) to the last block's output (B, V, 32) and the vertices (B, V, 3) in metres."""
        decoded = self.blocks(lifted_feature.transpose(0, 1))  # (V, B, 32)
        with full_precision(decoded):
            vertices = self.head(decoded.float())  # (V, B, 3)
        return decoded.transpose(0, 1), vertices.transpose(0, 1)
