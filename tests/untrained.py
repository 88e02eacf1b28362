"""A network of the released architecture with random weights, for tests that need no trained one."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import torch
from torch import nn

from training.config import load_recipe
from training.export.card import LICENCES, Card, Verification, sha256
from training.export.graph import WHITE_LEVEL, ServedHand, sample_images
from training.export.repository import Target, write_version
from training.hand.template import load_template
from training.networks.build import build
from training.networks.hands import SingleViewHand

RECIPE = "svr_compact"


def untrained_network(*, seed: int = 0) -> SingleViewHand:
    """Return a network whose outputs are of a hand's size, differ from picture to picture, and are steady.

    Fresh batch norms would let nearly nothing of the picture through and the lifting starts near zero; the
    six numbers of a fresh rotation may span no plane, which magnifies rounding.
    """
    torch.manual_seed(seed)
    network = build(load_recipe(RECIPE).network, load_template().topology)
    network.train()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # the statistics of the one batch below
        elif isinstance(module, nn.BatchNorm1d):
            module.eval()
    six = cast(nn.Linear, cast(nn.Sequential, network.get_submodule("orientation.regress.regress"))[-1])
    with torch.no_grad():
        network.shape.lift.matrix.normal_(std=0.05)
        six.weight.mul_(0.1)
        six.bias.copy_(torch.tensor([1.0, 0.0, 0.0, 0.0, 1.0, 0.0]))
        network(sample_images(16, seed=seed).permute(0, 3, 1, 2) / WHITE_LEVEL)
    return network.eval()


def export_untrained(repository: Path, *, model: str = "svr_hand", version: int = 1, seed: int = 0) -> None:
    """Write an untrained network into a model repository."""

    def describe(module: Path, verification: Verification) -> Card:
        return Card(
            model=model,
            version=version,
            made="by a test",
            torch=torch.__version__,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
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

    network = untrained_network(seed=seed)
    target = Target(repository=repository, model=model, version=version)
    write_version(target, served=ServedHand(network), topology=load_template().topology, describe=describe)
