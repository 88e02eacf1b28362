"""Networks of recipes with random weights, for tests that need no trained ones."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import cast

import torch
from torch import nn

from training.config import NetworkConfig, load_recipe
from training.export.card import LICENCES, Card, Verification, sha256
from training.export.graph import Served, serve
from training.export.repository import Target, write_version
from training.hand.template import load_template
from training.networks.build import build, build_any
from training.networks.hands import MultiViewHand, SingleViewHand

RECIPE = "svr_compact"
SMALL = load_recipe("smoke").network
SMALL_VIEWS = dataclasses.replace(SMALL, views=load_recipe("mvr_compact").network.views)
"""As many views as are served, through few channels."""

SMALLEST_VARIANCE = 1e-4
"""Of a channel that is all but dead: divided by less, it would be made of rounding errors."""


def untrained_network(*, seed: int = 0) -> SingleViewHand:
    """Return a network of the released architecture, steadied."""
    torch.manual_seed(seed)
    network = build(load_recipe(RECIPE).network, load_template().topology)
    steady(serve(network, views=1), seed=seed)
    return network


def untrained_served(config: NetworkConfig, *, seed: int = 0) -> Served:
    """Return a network of any configuration behind the contract, steadied."""
    torch.manual_seed(seed)
    network: SingleViewHand | MultiViewHand = build_any(config, load_template().topology)
    served = serve(network, views=config.views)
    steady(served, seed=seed)
    return served


def steady(served: Served, *, seed: int) -> None:
    """Make outputs that are of a hand's size, differ from picture to picture, and do not magnify rounding.

    Fresh batch norms would let nearly nothing of the picture through and the lifting starts near zero; the
    six numbers of a fresh rotation may span no plane.
    """
    network = cast(SingleViewHand | MultiViewHand, served.network)
    served.train()
    norms = [module for module in network.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None  # the statistics of the one batch below
    for module in network.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eval()
    six = cast(nn.Linear, cast(nn.Sequential, network.get_submodule("orientation.regress.regress"))[-1])
    with torch.no_grad():
        network.shape.lift.matrix.normal_(std=0.05)
        six.weight.mul_(0.1)
        six.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))
        served(*served.samples(16, seed=seed))
        for norm in norms:
            assert norm.running_var is not None
            norm.running_var.clamp_(min=SMALLEST_VARIANCE)
    served.eval()


def export_untrained(repository: Path, *, model: str = "svr_hand", version: int = 1, seed: int = 0) -> None:
    """Write an untrained network of the released architecture into a model repository."""
    export_served(serve(untrained_network(seed=seed), views=1), repository, model=model, version=version)


def export_served(served: Served, repository: Path, *, model: str = "", version: int = 1) -> None:
    """Write a network into a model repository, by default under the name of its kind."""
    target = Target(repository=repository, model=model or served.model, version=version)

    def describe(module: Path, verification: Verification) -> Card:
        return Card(
            model=target.model,
            version=version,
            made="by a test",
            torch=torch.__version__,
            parameters=sum(parameter.numel() for parameter in served.parameters()),
            stage="untrained",
            step=0,
            weights="last",
            images_seen=0,
            trained_s=0.0,
            recipe={"base": RECIPE},
            data={},
            scores={},
            sha256={"model.pt": sha256(module)},
            verification=verification,
            licences=LICENCES["synthetic"],
        )

    write_version(target, served=served, topology=load_template().topology, describe=describe)
