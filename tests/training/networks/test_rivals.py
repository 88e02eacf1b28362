"""The networks that SVR-Hand grew out of, as recipes: MobRecon and the single-frame H2ONet."""

from __future__ import annotations

import dataclasses

import pytest
import torch
from torch import Tensor
from torch.nn import functional
from torch.testing import assert_close

from training.config import NetworkConfig, load_recipe
from training.hand.topology import HandTopology
from training.networks.build import build
from training.networks.hands import SingleViewHand
from training.networks.spiral import SeparableSpiralConv
from training.networks.summary import NetworkSummary, summarise


def rival(recipe: str, widths: NetworkConfig) -> NetworkConfig:
    """Return a rival's network, narrowed."""
    names = ("trunk_channels", "latent_channels", "decoder_channels")
    return dataclasses.replace(load_recipe(recipe).network, **{name: getattr(widths, name) for name in names})


def summarised(recipe: str) -> NetworkSummary:
    return summarise(load_recipe(recipe).network, recipe=recipe)


def test_h2onet_has_its_published_size() -> None:
    summary = summarised("h2onet")
    assert summary.parameters_thop == 25_884_257
    assert summary.parameters_released == 26_428_472
    # 0.7447 G less the means of the gates, which are taken after pooling here.
    assert summary.multiply_accumulates_thop == pytest.approx(0.7447e9, rel=3e-3)


def test_mobrecon_has_its_published_size() -> None:
    summary = summarised("mobrecon")
    # 8,232,984 by thop, which does not see the lifting matrix.
    assert summary.parameters == 8_232_984 + 49 * 21
    # thop and fvcore see no product of a channel with its weight: under 1 %.
    assert summary.multiply_accumulates_thop == pytest.approx(0.4606e9, rel=1e-2)


@pytest.mark.parametrize("recipe", ["h2onet", "mobrecon"])
def test_a_rival_gives_what_the_contract_asks_for(
    recipe: str, small_config: NetworkConfig, topology: HandTopology, images: Tensor
) -> None:
    prediction = build(rival(recipe, small_config), topology).eval()(images)
    assert prediction.vertices_m.shape == (3, 778, 3)
    assert_close(prediction.rotation @ prediction.rotation.transpose(1, 2), torch.eye(3).expand(3, 3, 3))


def mobrecon(widths: NetworkConfig, topology: HandTopology) -> SingleViewHand:
    torch.manual_seed(0)
    return build(rival("mobrecon", widths), topology)


def test_mobrecon_s_mesh_is_taught_in_the_camera(
    small_config: NetworkConfig, topology: HandTopology, images: Tensor
) -> None:
    network = mobrecon(small_config, topology)
    prediction = network.train()(images)
    (prediction.vertices_m.square().sum() + prediction.shape.joints_uv.sum()).backward()
    assert [name for name, parameter in network.named_parameters() if parameter.grad is None] == []
    assert prediction.rotation.equal(torch.eye(3).expand(3, 3, 3))


def test_a_separable_convolution_is_a_depthwise_one_and_a_mixture() -> None:
    torch.manual_seed(0)
    spirals = torch.randint(12, (12, 9))
    convolution = SeparableSpiralConv(5, 7, spirals)
    features = torch.randn(12, 2, 5)
    gathered = features[spirals].permute(2, 0, 3, 1).flatten(0, 1)  # (2 x 12, 5, 9)
    depthwise = functional.conv1d(gathered, convolution.weights.T[:, None], groups=5)  # (2 x 12, 5, 1)
    wanted = convolution.mix(depthwise[..., 0]).reshape(2, 12, 7).transpose(0, 1)
    assert_close(convolution(features), wanted, rtol=1e-4, atol=1e-5)
