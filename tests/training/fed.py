"""A network that has seen images: a fresh one lets nearly nothing of a picture through, and draws a point."""

from __future__ import annotations

import torch
from torch import nn

from training.networks.hands import MultiViewHand

LEAST_VARIANCE = 0.01
"""A channel that is all but dead would be made of rounding errors."""
LIFTING_STD = 0.2


@torch.no_grad()
def fed(network: MultiViewHand, *, views: int = 3) -> MultiViewHand:
    """Give a multi-view network the statistics of random images, and put it into evaluation.

    Its vertices get places of their own, too: of a mesh that is all but a point, normals are rounding errors.
    """
    nn.init.normal_(network.shape.lift.matrix, std=LIFTING_STD)
    norms = [it for it in network.modules() if isinstance(it, nn.BatchNorm1d | nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    network.train()(torch.rand(4, views, 3, 128, 128), torch.ones(4, views, dtype=torch.bool))
    for norm in norms:
        assert norm.running_var is not None
        norm.running_var.clamp_(min=LEAST_VARIANCE)
    return network.eval()
