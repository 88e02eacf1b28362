"""Image encoders: the stem, and the densely connected hourglasses (spec section 2)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.networks.blocks import (
    ConvBlock,
    DenseBlock,
    MobileUnit,
    RefiningBlock,
    ResidualMobileUnit,
    SqueezeExcitation,
)

MAP_CHANNELS = 24
"""Channels of the maps that an hourglass ends in."""


class Pyramid(NamedTuple):
    """Features at three scales, with T channels and a side of S coming in."""

    fine: Tensor
    """(B, 2 T, S/2, S/2)."""
    middle: Tensor
    """(B, 4 T, S/4, S/4)."""
    coarse: Tensor
    """(B, 8 T, S/8, S/8)."""


class Stem(nn.Module):
    """Halve the image by a convolution, then again by folding 2x2 pixels into channels: 3x128x128 to Tx32x32.

    Folding (space-to-depth) and the pointwise convolution after it are one convolution of 2x2 pixels with
    stride 2: the same weights and products, without a copy of the largest map into another layout.
    """

    def __init__(self, trunk: int) -> None:
        super().__init__()
        self.look = nn.Sequential(ConvBlock(3, trunk // 2, kernel=3, stride=2), MobileUnit(trunk // 2, trunk))
        self.fold = ConvBlock(trunk, trunk, kernel=2, stride=2)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, 128, 128) in [0, 1] to features (B, T, 32, 32)."""
        trunk: Tensor = self.fold(self.look(images))
        return trunk


class PyramidEncoder(nn.Module):
    """Three dense blocks, each followed by a halving and a channel gate; `refine` follows the last.

    Pooling comes before the gate: a scale per channel commutes with a mean, on a map four times smaller.
    """

    def __init__(self, trunk: int, *, refine: nn.Module) -> None:
        super().__init__()
        self.fine = nn.Sequential(DenseBlock(trunk, units=2), nn.AvgPool2d(2), SqueezeExcitation(2 * trunk))
        self.middle = nn.Sequential(
            DenseBlock(2 * trunk, units=4), nn.AvgPool2d(2), SqueezeExcitation(4 * trunk)
        )
        self.coarse = nn.Sequential(DenseBlock(4 * trunk, units=4), nn.AvgPool2d(2))
        self.refine = refine

    def forward(self, features: Tensor) -> Pyramid:
        """Map (B, T, S, S) to three scales."""
        fine = self.fine(features)  # (B, 2 T, S/2, S/2)
        middle = self.middle(fine)  # (B, 4 T, S/4, S/4)
        coarse = self.refine(self.coarse(middle))  # (B, 8 T, S/8, S/8)
        return Pyramid(fine, middle, coarse)


def gate_and_refine(channels: int) -> nn.Sequential:
    """Return what ends the shape and the orientation encoder: a channel gate and two refining blocks."""
    return nn.Sequential(SqueezeExcitation(channels), RefiningBlock(channels), RefiningBlock(channels))


class MapDecoder(nn.Module):
    """The way back up of an hourglass, with the encoder's features added on: maps of S/2 x S/2."""

    def __init__(self, trunk: int) -> None:
        super().__init__()
        self.from_coarse = _up(8 * trunk, 4 * trunk)
        self.from_middle = _up(4 * trunk, 2 * trunk)
        self.to_maps = nn.Sequential(
            ResidualMobileUnit(2 * trunk),
            MobileUnit(2 * trunk, MAP_CHANNELS, depthwise=2),
            SqueezeExcitation(MAP_CHANNELS),
        )

    def forward(self, pyramid: Pyramid) -> Tensor:
        """Map three scales to (B, 24, S/2, S/2)."""
        middle = pyramid.middle + self.from_coarse(pyramid.coarse)  # (B, 4 T, S/4, S/4)
        fine = pyramid.fine + self.from_middle(middle)  # (B, 2 T, S/2, S/2)
        maps: Tensor = self.to_maps(fine)
        return maps


def _up(channels_in: int, channels_out: int) -> nn.Sequential:
    return nn.Sequential(
        MobileUnit(channels_in, channels_out),
        ResidualMobileUnit(channels_out, depthwise=2),
        SqueezeExcitation(channels_out),
        nn.Upsample(scale_factor=2.0, mode="nearest"),
    )


class ImageEncoder(nn.Module):
    """Stem and first hourglass: the image-level feature f_i."""

    def __init__(self, trunk: int) -> None:
        super().__init__()
        self.stem = Stem(trunk)
        self.pyramid = PyramidEncoder(trunk, refine=nn.Identity())
        self.maps = nn.Sequential(
            MapDecoder(trunk),
            nn.Upsample(scale_factor=2.0, mode="bilinear", align_corners=True),
            ConvBlock(MAP_CHANNELS, MAP_CHANNELS),
        )
        self.merge = ConvBlock(MAP_CHANNELS + trunk, trunk)

    def forward(self, images: Tensor) -> Tensor:
        """Map images (B, 3, 128, 128) in [0, 1] to f_i (B, T, 32, 32)."""
        trunk = self.stem(images)  # (B, T, 32, 32)
        maps = self.maps(self.pyramid(trunk))  # (B, 24, 32, 32)
        image_feature: Tensor = self.merge(torch.cat((maps, trunk), dim=1))
        return image_feature
