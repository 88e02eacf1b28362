"""The same pictures from tars, by WebDataset, with the same crops and disturbances."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
import webdataset
from torch.utils.data import DataLoader

from deploy.bench.training.pictures import JPEG, LABELS, decoded, unpacked
from training.config import DataConfig
from training.data.augment import CroppedHand, crop_hand, draw_augmentation
from training.data.loader import PREFETCH_BATCHES
from training.tensors import HandTruth

SHUFFLED = 2048


class _Cropped:
    """Makes a crop of what lies in a tar."""

    def __init__(self, config: DataConfig) -> None:
        self._config, self._rng = config, np.random.default_rng()

    def __call__(self, entry: dict[str, bytes]) -> CroppedHand:
        sample = unpacked(decoded(entry[JPEG]), entry[LABELS])
        return crop_hand(sample, draw_augmentation(self._config, self._rng))


def _stacked(hands: Sequence[CroppedHand]) -> tuple[torch.Tensor, HandTruth]:
    images, *labels = (
        torch.from_numpy(np.stack([np.asarray(it) for it in part])) for part in zip(*hands, strict=True)
    )
    return images, HandTruth(*(label.float() for label in labels))


def tar_loader(
    tars: Sequence[Path], config: DataConfig, *, batch_size: int, workers: int
) -> DataLoader[tuple[torch.Tensor, HandTruth]]:
    """Return a loader that never ends."""
    samples = webdataset.WebDataset([str(tar) for tar in tars], resampled=True, shardshuffle=False)
    batches = (
        samples.shuffle(SHUFFLED)
        .map(_Cropped(config))
        .batched(batch_size, collation_fn=_stacked, partial=False)
    )
    return DataLoader(batches, batch_size=None, num_workers=workers, prefetch_factor=PREFETCH_BATCHES)
