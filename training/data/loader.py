"""Streams batches of crops from worker processes.

The n-th batch of a run follows from its seed and n alone, whatever the number of workers, so that a run
which goes on at batch n sees exactly what it would have seen without the interruption.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.config import DataConfig
from training.data.augment import CroppedHand, crop_hand, draw_augmentation
from training.data.order import Index, epoch_order
from training.data.synthetic_reader import SyntheticHands
from training.tensors import HandBatch, HandTruth

PREFETCH_BATCHES = 6
"""Batches that each worker holds ready."""


class _Bytes(NamedTuple):
    """A batch as it crosses the process boundary: levels, not floats, a quarter of the size."""

    images: Tensor
    """(B, 128, 128, 3) uint8."""
    truth: HandTruth


class Share(NamedTuple):
    """The part of every batch that one of several processes takes."""

    number: int = 0
    of: int = 1


WHOLE = Share()


class _TrainingStream(IterableDataset[_Bytes]):
    """The endless sequence of a run's batches from a given one on."""

    def __init__(
        self,
        hands: SyntheticHands,
        config: DataConfig,
        *,
        batch_size: int,
        seed: int,
        first_batch: int,
        share: Share,
    ) -> None:
        self.batches_per_epoch = len(hands) // batch_size
        if self.batches_per_epoch == 0:
            raise ValueError(f"{len(hands)} views do not fill one batch of {batch_size}")
        if batch_size % share.of:
            raise ValueError(f"a batch of {batch_size} cannot be shared by {share.of} processes")
        self._share = share
        self._hands, self._config = hands, config
        self._batch_size, self._seed, self._first_batch = batch_size, seed, first_batch
        self._order: tuple[int, Index] = (-1, np.empty(0, np.int64))

    def __iter__(self) -> Iterator[_Bytes]:
        worker = get_worker_info()
        rank, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in itertools.count(self._first_batch + rank, workers):
            yield self.batch(number)

    def batch(self, number: int) -> _Bytes:
        """Return this share of the batch of that number.

        The views that do not fill an epoch's last batch are left out.
        """
        epoch, place = divmod(number, self.batches_per_epoch)
        if self._order[0] != epoch:
            shards, pool = self._hands.index.shard, self._config.pool_shards
            self._order = epoch, epoch_order(shards, seed=self._seed, epoch=epoch, pool_shards=pool)
        views = self._order[1][place * self._batch_size : (place + 1) * self._batch_size]
        mine = views[self._share.number :: self._share.of]
        return _collated([self._look(int(view), epoch) for view in mine])

    def _look(self, view: int, epoch: int) -> CroppedHand:
        rng = np.random.default_rng([self._seed, epoch, view])
        return crop_hand(self._hands[view], draw_augmentation(self._config, rng))


class _PlainStream(IterableDataset[_Bytes]):
    """Chosen views once, in order, undisturbed; the last batch may be short."""

    def __init__(self, hands: SyntheticHands, views: Sequence[int], *, batch_size: int) -> None:
        self._hands, self._views, self._batch_size = hands, views, batch_size

    def __iter__(self) -> Iterator[_Bytes]:
        for start in range(0, len(self._views), self._batch_size):
            chosen = self._views[start : start + self._batch_size]
            yield _collated([crop_hand(self._hands[view]) for view in chosen])


def training_batches(
    hands: SyntheticHands,
    config: DataConfig,
    *,
    batch_size: int,
    seed: int,
    first_batch: int = 0,
    share: Share = WHOLE,
) -> Iterator[HandBatch]:
    """Yield augmented batches without end, or this process's share, beginning with the `first_batch`-th.

    Raises:
        ValueError: The views do not fill one batch, or it cannot be shared evenly.
    """
    stream = _TrainingStream(
        hands, config, batch_size=batch_size, seed=seed, first_batch=first_batch, share=share
    )
    return map(_on_device_format, _loaded(stream, workers=config.workers))


def plain_batches(
    hands: SyntheticHands, *, batch_size: int, views: Sequence[int] | None = None, workers: int = 0
) -> Iterator[HandBatch]:
    """Yield every view (or the chosen ones) once, in order, as the contract's crop."""
    chosen = range(len(hands)) if views is None else views
    # One process keeps the order and the short last batch simple; more would not pay for one pass.
    stream = _PlainStream(hands, chosen, batch_size=batch_size)
    return map(_on_device_format, _loaded(stream, workers=min(workers, 1)))


def _loaded(stream: IterableDataset[_Bytes], *, workers: int) -> DataLoader[_Bytes]:
    return DataLoader(
        stream,
        batch_size=None,
        num_workers=workers,
        prefetch_factor=PREFETCH_BATCHES if workers else None,
        worker_init_fn=_start_worker,
        # A generator of its own keeps the loader from drawing from the one that dropout uses.
        generator=torch.Generator().manual_seed(0),
    )


def _start_worker(_: int) -> None:
    # Ctrl-C reaches every process of a terminal; the trainer alone decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _collated(hands: Sequence[CroppedHand]) -> _Bytes:
    return _Bytes(
        images=torch.from_numpy(np.stack([hand.image for hand in hands])),
        truth=HandTruth(
            vertices_canonical_m=torch.from_numpy(np.stack([hand.vertices_canonical_m for hand in hands])),
            joints_canonical_m=torch.from_numpy(np.stack([hand.joints_canonical_m for hand in hands])),
            rotation=torch.from_numpy(np.stack([hand.rotation for hand in hands])),
            joints_uv=torch.from_numpy(np.stack([hand.joints_uv for hand in hands])),
            visibility=torch.tensor([hand.visibility for hand in hands], dtype=torch.float32),
        ),
    )


def _on_device_format(stored: _Bytes) -> HandBatch:
    # The permuted view keeps its strides, so the float images come out as channels_last at no extra cost.
    return HandBatch(stored.images.permute(0, 3, 1, 2).float().div_(255.0), stored.truth)
