"""A whole batch's disturbances at once: the twin of `training.data.augment` for pictures on a device."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from training.config import DataConfig
from training.data.augment import CUTOUT_SIDES, Augmentation


class Looks(NamedTuple):
    """`Augmentation`, field by field, of B pictures; `Augmentation` says what each means."""

    scale: Tensor
    """(B,)."""
    rotation_rad: Tensor
    """(B,)."""
    shift: Tensor
    """(B, 2)."""
    gain: Tensor
    """(B, 3)."""
    gamma: Tensor
    """(B,)."""
    sharpness: Tensor
    """(B,)."""
    noise_level: Tensor
    """(B,)."""
    patch_place: Tensor
    """(B, 4): left, top, width and height; without an extent where there is no patch."""
    patch_level: Tensor
    """(B, 3)."""
    mirror_border: Tensor
    """(B,) bool."""

    def to(self, device: torch.device) -> Looks:
        """Return the looks on a device."""
        return Looks(*(part.to(device, non_blocking=True) for part in self))


def draw_looks(config: DataConfig, count: int, rng: np.random.Generator) -> Looks:
    """Draw `count` disturbances, each as likely as `draw_augmentation` draws it."""
    turned = rng.random(count) < config.rotation_probability
    angle_deg = config.rotation_sigma_deg * np.clip(rng.normal(size=count), -2.0, 2.0)
    cut = rng.random(count) < config.cutout_probability
    extent = rng.uniform(*CUTOUT_SIDES, size=(count, 2))
    corner = rng.random((count, 2)) * (1.0 - extent)
    return _as_tensors(
        scale=1.0 + config.scale_sigma * np.clip(rng.normal(size=count), -1.0, 1.0),
        rotation_rad=np.where(turned, np.radians(angle_deg), 0.0),
        shift=rng.uniform(-config.shift, config.shift, size=(count, 2)),
        gain=rng.uniform(1.0 - config.gain, 1.0 + config.gain, size=(count, 3)),
        gamma=np.exp(rng.uniform(-config.gamma, config.gamma, size=count)),
        sharpness=config.sharpness * rng.uniform(-1.0, 1.0, size=count),
        noise_level=config.noise_level * np.maximum(rng.uniform(-1.0, 1.0, size=count), 0.0),
        patch_place=np.where(cut[:, None], np.concatenate([corner, extent], axis=1), 0.0),
        patch_level=np.where(cut[:, None], rng.integers(256, size=(count, 3)), 0),
        mirror_border=rng.random(count) < config.mirror_border_probability,
    )


def looks_of(augmentations: Sequence[Augmentation]) -> Looks:
    """Return single draws as one."""
    patches = [it.cutout for it in augmentations]
    return _as_tensors(
        scale=[it.scale for it in augmentations],
        rotation_rad=[it.rotation_rad for it in augmentations],
        shift=[it.shift for it in augmentations],
        gain=[it.gain for it in augmentations],
        gamma=[it.gamma for it in augmentations],
        sharpness=[it.sharpness for it in augmentations],
        noise_level=[it.noise_level for it in augmentations],
        patch_place=[(0.0,) * 4 if it is None else it.place for it in patches],
        patch_level=[(0,) * 3 if it is None else it.colour for it in patches],
        mirror_border=[it.mirror_border for it in augmentations],
    )


def turns(rotation_rad: Tensor) -> Tensor:
    """Return (B, 2, 2): the turns [[cos, -sin], [sin, cos]] of boxes in their pictures."""
    cos, sin = rotation_rad.cos(), rotation_rad.sin()
    return torch.stack([cos, -sin, sin, cos], dim=1).reshape(-1, 2, 2)


def _as_tensors(**parts: object) -> Looks:
    tensors = {name: torch.as_tensor(np.asarray(part)) for name, part in parts.items()}
    return Looks(**{name: it if it.dtype == torch.bool else it.float() for name, it in tensors.items()})
