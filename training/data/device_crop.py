"""The contract's crop of many pictures at once, where they lie: the twin of `training.data.augment`.

The pictures of a batch are resampled and recoloured by a few operations on whole tensors, in float levels
that are rounded once at the end; a single picture's crop on a processor is rounded after every step.
Legend: B pictures, J joints.
"""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from training import contract
from training.data.augment import SHARPEN_BLUR_PX
from training.data.looks import Looks, turns

BLUR_SIDE_PX = 5
WHITE = 255.0


class Boxes(NamedTuple):
    """Squares in B pictures, turned about their centres."""

    centre_px: Tensor
    """(B, 2), continuous pixel coordinates."""
    side_px: Tensor
    """(B,)."""
    turn: Tensor
    """(B, 2, 2): from the crop's axes to the picture's."""

    def in_crop(self, points_px: Tensor) -> Tensor:
        """Return points (B, P, 2) of the pictures in units of the crops' sides."""
        from_centre = (points_px - self.centre_px[:, None]) / self.side_px[:, None, None]
        return from_centre @ self.turn + 0.5

    def in_picture(self, points_uv: Tensor) -> Tensor:
        """Return points (P, 2) in units of a crop's side in every picture, (B, P, 2)."""
        from_centre = (points_uv - 0.5) @ self.turn.transpose(1, 2)
        return from_centre * self.side_px[:, None, None] + self.centre_px[:, None]


def hand_boxes(joints_px: Tensor, looks: Looks) -> Boxes:
    """Return the disturbed boxes about the joints (B, J, 2) of B pictures."""
    low, high = joints_px.amin(dim=1), joints_px.amax(dim=1)
    side = contract.CROP_SCALE * (high - low).amax(dim=1)
    centre = (low + high) / 2 + looks.shift * side[:, None]
    return Boxes(centre, side * looks.scale, turns(looks.rotation_rad))


def cropped(pictures: Tensor, boxes: Boxes, *, mirror_border: Tensor) -> Tensor:
    """Resample pictures (B, H, W, 3) of levels to their boxes: (B, 3, 128, 128) float levels.

    Outside a picture is zero, or its mirror image about the centres of its edge pixels where `mirror_border`.
    """
    height, width = pictures.shape[1:3]
    side = contract.IMAGE_SIZE_PX
    steps = (torch.arange(side, device=pictures.device) + 0.5) / side
    rows, columns = torch.meshgrid(steps, steps, indexing="ij")
    places = boxes.in_picture(torch.stack([columns, rows], dim=-1).reshape(-1, 2)) - 0.5  # (B, 128 128, 2)
    last = torch.tensor([width - 1.0, height - 1.0], device=pictures.device)
    places = torch.where(mirror_border[:, None, None], _mirrored(places, last), places)
    grid = (2.0 * places / last - 1.0).reshape(-1, side, side, 2)
    levels = pictures.permute(0, 3, 1, 2).float()  # (B, 3, H, W)
    return functional.grid_sample(levels, grid, mode="bilinear", padding_mode="zeros", align_corners=True)


def recoloured(levels: Tensor, looks: Looks, generator: torch.Generator) -> Tensor:
    """Return crops (B, 3, 128, 128) with their sharpness, gamma, gain, patch and noise, in this order."""
    levels = (levels + looks.sharpness.reshape(-1, 1, 1, 1) * (levels - _blurred(levels))).clamp(0.0, WHITE)
    curve = (levels / WHITE) ** looks.gamma.reshape(-1, 1, 1, 1)
    levels = (WHITE * looks.gain[:, :, None, None] * curve).clamp(0.0, WHITE)
    levels = torch.where(_under_patch(looks.patch_place), looks.patch_level[:, :, None, None], levels)
    noise = torch.empty_like(levels).normal_(generator=generator)
    return (levels + looks.noise_level.reshape(-1, 1, 1, 1) * noise).clamp(0.0, WHITE).round()


def _mirrored(places: Tensor, last: Tensor) -> Tensor:
    """Fold coordinates back into [0, last]."""
    period = 2.0 * last
    folded = places.remainder(period)
    return torch.minimum(folded, period - folded)


def _blurred(levels: Tensor) -> Tensor:
    reach = BLUR_SIDE_PX // 2
    offsets = torch.arange(-reach, reach + 1, device=levels.device, dtype=levels.dtype)
    bell = torch.exp(-0.5 * (offsets / SHARPEN_BLUR_PX) ** 2)
    bell = (bell / bell.sum()).expand(levels.shape[1], 1, 1, -1)
    channels = levels.shape[1]
    across = functional.conv2d(functional.pad(levels, (reach, reach, 0, 0), "reflect"), bell, groups=channels)
    padded = functional.pad(across, (0, 0, reach, reach), "reflect")
    return functional.conv2d(padded, bell.transpose(2, 3), groups=channels)


def _under_patch(place: Tensor) -> Tensor:
    """Return (B, 1, 128, 128): the pixels that lie under each crop's patch."""
    left, top, width, height = (contract.IMAGE_SIZE_PX * place).round().unbind(dim=1)
    pixels = torch.arange(contract.IMAGE_SIZE_PX, device=place.device)
    columns = (pixels >= left[:, None]) & (pixels < (left + width)[:, None])  # (B, 128)
    rows = (pixels >= top[:, None]) & (pixels < (top + height)[:, None])
    return (rows[:, :, None] & columns[:, None, :])[:, None]
