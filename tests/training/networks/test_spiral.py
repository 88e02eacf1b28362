"""Convolution and upsampling on the mesh, against loops over vertices."""

from __future__ import annotations

from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from training.hand.topology import HandTopology
from training.networks.decoder import MeshDecoder
from training.networks.spiral import MeshUpsampling, SpiralConv


def concatenated(convolution: SpiralConv) -> tuple[Tensor, Tensor]:
    """Return the weight and the bias of the one linear map that the places make up."""
    places = [cast(nn.Linear, place) for place in convolution.places]
    return torch.cat([place.weight for place in places], dim=1), places[0].bias


def test_a_spiral_convolution_is_a_linear_map_of_the_concatenated_neighbours(topology: HandTopology) -> None:
    spirals = topology.levels[4].spirals
    convolution = SpiralConv(3, 5, torch.from_numpy(spirals))
    features = torch.randn(49, 2, 3)
    mixed = convolution(features)
    weight, bias = concatenated(convolution)  # (5, 9 x 3), (5,)
    for vertex in (0, 17, 48):
        neighbours = torch.cat([features[int(other)] for other in spirals[vertex]], dim=1)
        assert_close(mixed[vertex], neighbours @ weight.T + bias)


def test_a_spiral_convolution_starts_as_wide_as_xavier_says(topology: HandTopology) -> None:
    torch.manual_seed(0)
    convolution = SpiralConv(64, 32, torch.from_numpy(topology.levels[4].spirals))
    weight, bias = concatenated(convolution)
    whole = torch.nn.init.xavier_uniform_(torch.empty(32, 9 * 64))
    assert weight.std().item() == pytest.approx(whole.std().item(), rel=0.02)
    assert not bias.any()


def test_upsampling_is_the_sparse_matrix_of_its_weights(topology: HandTopology) -> None:
    level = topology.levels[3]
    matrix = torch.zeros(195, 98)
    for vertex, (indices, weights) in enumerate(zip(level.up_indices, level.up_weights, strict=True)):
        for index, weight in zip(indices, weights, strict=True):
            matrix[vertex, int(index)] += float(weight)
    features = torch.randn(98, 2, 4)
    upsample = MeshUpsampling(torch.from_numpy(level.up_indices), torch.from_numpy(level.up_weights))
    assert_close(upsample(features), torch.einsum("fc,cbk->fbk", matrix, features))


def test_upsampling_keeps_constants(topology: HandTopology) -> None:
    for level in topology.levels[1:]:
        upsample = MeshUpsampling(torch.from_numpy(level.up_indices), torch.from_numpy(level.up_weights))
        raised = upsample(torch.full((level.vertex_count, 1, 2), 3.0))
        assert_close(raised, torch.full_like(raised, 3.0))


def test_the_decoder_is_linear_between_its_relus(topology: HandTopology) -> None:
    level = topology.levels[4]
    decoder = MeshDecoder(
        channels=(4, 6),
        upsamplings=[MeshUpsampling(torch.from_numpy(level.up_indices), torch.from_numpy(level.up_weights))],
        spirals=[torch.from_numpy(topology.levels[3].spirals)],
    )
    decoded, vertices = decoder(torch.randn(2, 49, 4))
    assert decoded.shape == (2, 98, 6)
    assert vertices.shape == (2, 98, 3)
    # With its biases at zero, a network of linear maps and ReLUs is homogeneous in what it is fed.
    feature = torch.randn(2, 49, 4)
    assert_close(decoder(2.5 * feature)[1], 2.5 * decoder(feature)[1])
