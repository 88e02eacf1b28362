"""Building blocks of the encoders (spec section 2; the mobile units are MobRecon's, after MobileNet)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

SQUEEZE_LIMIT = 256
"""Widest squeeze of a squeeze-and-excitation block."""


class ConvBlock(nn.Sequential):
    """Convolution without bias, batch norm, ReLU: CBR of the spec."""

    def __init__(
        self, channels_in: int, channels_out: int, *, kernel: int = 1, stride: int = 1, groups: int = 1
    ) -> None:
        super().__init__(
            nn.Conv2d(
                channels_in,
                channels_out,
                kernel,
                stride,
                padding=(kernel - 1) // 2,
                groups=groups,
                bias=False,
            ),
            nn.BatchNorm2d(channels_out),
            nn.ReLU(inplace=True),
        )


class MobileUnit(nn.Sequential):
    """One or two depthwise 3x3 blocks, then a pointwise one that changes the channels: MU of the spec."""

    def __init__(self, channels_in: int, channels_out: int, *, depthwise: int = 1) -> None:
        super().__init__(
            *(ConvBlock(channels_in, channels_in, kernel=3, groups=channels_in) for _ in range(depthwise)),
            ConvBlock(channels_in, channels_out),
        )


class ResidualMobileUnit(nn.Module):
    """A mobile unit that keeps its channels, and so adds its input; no ReLU follows the sum."""

    def __init__(self, channels: int, *, depthwise: int = 1) -> None:
        super().__init__()
        self.unit = MobileUnit(channels, channels, depthwise=depthwise)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        change: Tensor = self.unit(features)
        return features + change


class SqueezeExcitation(nn.Module):
    """Scale each channel by a gate that sees the mean of all channels: SE of the spec.

    Its batch norms run over the batch alone: training needs at least two images.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        squeezed = min(channels // 2, SQUEEZE_LIMIT)
        self.gate = nn.Sequential(
            nn.Linear(channels, squeezed, bias=False),
            nn.BatchNorm1d(squeezed),
            nn.Hardtanh(0.0, 4.0),
            nn.Linear(squeezed, channels, bias=False),
            nn.BatchNorm1d(channels),
            nn.Sigmoid(),
        )

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        gate: Tensor = self.gate(features.mean(dim=(2, 3)))  # (B, C)
        return features * gate[:, :, None, None]


class DenseBlock(nn.Module):
    """Densely concatenated mobile units that together double the channels: DB2 and DB4 of the spec."""

    def __init__(self, channels: int, *, units: int) -> None:
        super().__init__()
        growth = channels // units
        self.units = nn.ModuleList(MobileUnit(channels + index * growth, growth) for index in range(units))

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to (B, 2 C, H, W); the first C channels are the input."""
        for unit in self.units:
            features = torch.cat((features, unit(features)), dim=1)
        return features


class RefiningBlock(nn.Module):
    """Two mobile units, the second of which sees input and first; the input itself is dropped: DBn."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        wide = 3 * channels // 4
        self.first = MobileUnit(channels, wide)
        self.second = MobileUnit(channels + wide, channels - wide)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        first = self.first(features)  # (B, 3/4 C, H, W)
        second = self.second(torch.cat((features, first), dim=1))  # (B, 1/4 C, H, W)
        return torch.cat((first, second), dim=1)


class PointwiseMapping(nn.Sequential):
    """Three pointwise convolutions with bias, batch norm and ReLU: g_i, g_j and their kin.

    The first one changes the channels where there come in others than go out.
    """

    def __init__(self, channels_in: int, channels: int) -> None:
        super().__init__(
            *(
                layer
                for width_in in (channels_in, channels, channels)
                for layer in (nn.Conv2d(width_in, channels, 1), nn.BatchNorm2d(channels), nn.ReLU())
            )
        )


class ResidualMapping(PointwiseMapping):
    """A feature plus its mapping: what the single view has in the place of the fusions of many."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, channels)

    def forward(self, features: Tensor) -> Tensor:
        """Map (B, C, H, W) to the same shape."""
        mapped: Tensor = super().forward(features)  # type: ignore[no-untyped-call]
        return features + mapped
