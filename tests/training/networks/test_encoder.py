"""The stem and the hourglasses."""

from __future__ import annotations

import torch
from torch import nn
from torch.nn import functional
from torch.testing import assert_close

from training.networks.encoder import ImageEncoder, MapDecoder, PyramidEncoder, Stem


def test_the_pyramid_halves_and_doubles() -> None:
    pyramid = PyramidEncoder(8, refine=nn.Identity())(torch.rand(2, 8, 32, 32))
    assert pyramid.fine.shape == (2, 16, 16, 16)
    assert pyramid.middle.shape == (2, 32, 8, 8)
    assert pyramid.coarse.shape == (2, 64, 4, 4)


def test_maps_are_as_large_as_the_finest_scale() -> None:
    pyramid = PyramidEncoder(8, refine=nn.Identity())(torch.rand(2, 8, 32, 32))
    assert MapDecoder(8)(pyramid).shape == (2, 24, 16, 16)


def test_the_image_feature_is_a_quarter_of_the_image() -> None:
    assert ImageEncoder(8)(torch.rand(2, 3, 128, 128)).shape == (2, 8, 32, 32)


def test_the_fold_is_space_to_depth_and_a_pointwise_convolution() -> None:
    features = torch.randn(2, 8, 6, 6)
    convolution = Stem(8).fold[0]
    assert isinstance(convolution, nn.Conv2d)
    folded = functional.pixel_unshuffle(features, 2)
    assert_close(convolution(features), functional.conv2d(folded, convolution.weight.reshape(8, 32, 1, 1)))
