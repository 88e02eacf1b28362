"""The loss on the maps that the joints are read from.

Neither the paper nor the released code has it: their encoder comes pre-trained on such maps (spec section 6).
"""

from __future__ import annotations

import torch
from torch import Tensor

SIGMA_CELLS = 1.0
"""Width of the Gaussian that stands for a joint, in cells of the map."""

SHARPNESS = 10.0
"""Logits in nats for a map value of 1.

The maps end in batch norms and gates, and so begin at the order of 1: to point at one cell of 256 they would
have to grow tenfold first, which takes Adam a thousand steps.
"""


def heatmap_loss(maps: Tensor, joints_uv: Tensor) -> Tensor:
    """Return the cross-entropy of maps against a Gaussian at each joint, less what it is at best, in nats.

    What is taken off is the Gaussian's own entropy: the gradient is that of the cross-entropy, and a perfect
    map has no loss. A joint outside the crop carries no weight.

    Args:
        maps: Maps (B, J, H, W) that the joints are read from; logits but for `SHARPNESS`.
        joints_uv: Joints (B, J, 2) in units of the crop's side.
    """
    target = gaussian_maps(joints_uv, height=maps.shape[2], width=maps.shape[3]).flatten(2)
    said = (SHARPNESS * maps).flatten(2).log_softmax(dim=2)  # (B, J, H W)
    best = target.clamp_min(torch.finfo(target.dtype).tiny).log()  # (B, J, H W)
    divergence = (target * (best - said)).sum(dim=2)  # (B, J)
    inside = ((joints_uv >= 0.0) & (joints_uv <= 1.0)).all(dim=2).to(divergence.dtype)  # (B, J)
    return (divergence * inside).sum() / inside.sum().clamp_min(1.0)


def gaussian_maps(joints_uv: Tensor, *, height: int, width: int) -> Tensor:
    """Return a Gaussian at each joint (B, J, 2), as maps (B, J, H, W) that each sum to 1."""
    across = _gaussian(joints_uv[..., 0], width)  # (B, J, W)
    down = _gaussian(joints_uv[..., 1], height)  # (B, J, H)
    return down[..., :, None] * across[..., None, :]


def _gaussian(places: Tensor, cells: int) -> Tensor:
    centres = torch.arange(cells, dtype=places.dtype, device=places.device) + 0.5
    return (-0.5 * ((centres - cells * places[..., None]) / SIGMA_CELLS) ** 2).softmax(dim=-1)
