"""What a first version of the training loop looks like: right, plain, and in nobody's way but its own.

A file a picture, read and made float one by one; contiguous float32 maps; Adam as it comes.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset

from deploy.bench.training.pictures import JPEG, LABELS, unpacked
from training.config import DataConfig, RunConfig
from training.data.augment import crop_hand, draw_augmentation
from training.hand.topology import HandTopology
from training.losses.criterion import Criterion
from training.networks.build import build
from training.tensors import HandTruth

Item = tuple[Tensor, ...]
"""A picture (3, 128, 128) in [0, 1], then the labels of `HandTruth`."""


class PictureFiles(Dataset[Item]):
    """One picture at a time, disturbed as the recipe says."""

    def __init__(self, folder: Path, config: DataConfig) -> None:
        self.paths = sorted(folder.glob(f"*.{JPEG}"))
        self.config = config

    def __len__(self) -> int:
        return len(self.paths)

    def __getitem__(self, number: int) -> Item:
        path = self.paths[number]
        picture_bgr = cv2.imread(str(path))
        assert picture_bgr is not None, "the benchmark wrote it"
        image = np.asarray(picture_bgr[:, :, ::-1], np.uint8)
        sample = unpacked(image, path.with_suffix(f".{LABELS}").read_bytes())
        crop, *labels = crop_hand(sample, draw_augmentation(self.config, np.random.default_rng()))
        picture = torch.from_numpy(crop).permute(2, 0, 1).float() / 255.0
        return picture, *(torch.as_tensor(np.asarray(label)).float() for label in labels)


def file_loader(folder: Path, config: DataConfig, *, batch_size: int, workers: int) -> DataLoader[Item]:
    """Return a loader as PyTorch's tutorials have it."""
    return DataLoader(
        PictureFiles(folder, config), batch_size=batch_size, shuffle=True, num_workers=workers, drop_last=True
    )


class PlainLoop:
    """The update as PyTorch's tutorials have it."""

    def __init__(self, config: RunConfig, topology: HandTopology) -> None:
        stage = config.stages[-1]
        self.network: nn.Module = build(config.network, topology)
        self.criterion = Criterion(stage.losses, topology)
        self.optimiser = torch.optim.Adam(self.network.parameters(), lr=stage.learning_rate)

    def step(self, images: Tensor, truth: HandTruth) -> float:
        """Update the weights by one batch; return its loss."""
        self.network.train()
        self.optimiser.zero_grad()
        loss = self.criterion.full(self.network(images), truth)["total"]
        loss.backward()  # type: ignore[no-untyped-call]
        self.optimiser.step()
        return float(loss)
