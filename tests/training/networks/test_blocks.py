"""The encoders' building blocks: sizes by the spec, and what each promises."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.testing import assert_close

from training.networks.blocks import (
    ConvBlock,
    DenseBlock,
    MobileUnit,
    PointwiseMapping,
    RefiningBlock,
    ResidualMobileUnit,
    SqueezeExcitation,
)


def parameters(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())


@pytest.mark.parametrize(
    ("module", "count"),
    [
        (MobileUnit(64, 128), 9_152),
        (ResidualMobileUnit(256, depthwise=2), 71_680),
        (SqueezeExcitation(1024), 526_848),
        (DenseBlock(128, units=2), 24_256),
        (DenseBlock(512, units=4), 392_448),
        (RefiningBlock(1024), 1_278_208),
        (PointwiseMapping(128, 128), 50_304),
        (PointwiseMapping(8 * 128, 128), 164_992),
        (PointwiseMapping(3 * 1024, 1024), 5_252_096),
    ],
)
def test_sizes_are_those_of_the_spec(module: nn.Module, count: int) -> None:
    assert parameters(module) == count


@pytest.mark.parametrize(("kernel", "stride", "side"), [(1, 1, 8), (3, 1, 8), (3, 2, 4), (2, 2, 4)])
def test_convolutions_divide_the_side_by_their_stride(kernel: int, stride: int, side: int) -> None:
    block = ConvBlock(4, 6, kernel=kernel, stride=stride)
    assert block(torch.rand(2, 4, 8, 8)).shape == (2, 6, side, side)


def test_a_dense_block_keeps_its_input_and_doubles_the_channels() -> None:
    features = torch.randn(2, 16, 4, 4)
    grown = DenseBlock(16, units=4)(features)
    assert grown.shape == (2, 32, 4, 4)
    assert_close(grown[:, :16], features)


def test_a_refining_block_drops_its_input() -> None:
    features = torch.full((2, 16, 4, 4), -3.0)
    refined = RefiningBlock(16)(features)
    assert refined.shape == features.shape
    assert (refined >= 0).all()


def test_a_residual_unit_adds_what_is_not_negative() -> None:
    features = torch.randn(2, 8, 4, 4)
    assert (ResidualMobileUnit(8)(features) >= features).all()


def test_a_gate_scales_whole_channels_between_nought_and_one() -> None:
    features = torch.rand(2, 8, 4, 4) + 0.5
    scale = SqueezeExcitation(8).eval()(features) / features
    assert_close(scale, scale[:, :, :1, :1].expand_as(scale))
    assert ((scale > 0) & (scale < 1)).all()


def test_pooling_commutes_with_a_gate() -> None:
    features, pool = torch.rand(2, 8, 4, 4), nn.AvgPool2d(2)
    gate = SqueezeExcitation(8).eval()
    assert_close(gate(pool(features)), pool(gate(features)))
