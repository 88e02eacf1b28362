"""Streams batches of crops, or of groups of crops, from worker processes.

The n-th batch of a run follows from its seed and n alone, whatever the number of workers, so that a run
which goes on at batch n sees exactly what it would have seen without the interruption.
"""

from __future__ import annotations

import itertools
import signal
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol, TypeVar

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset, get_worker_info

from training.config import DataConfig
from training.data.augment import Augmentation, CroppedHand, crop_hand, draw_augmentation
from training.data.groups import CroppedViews, HandGroups
from training.data.order import BatchOrder, Course, Index
from training.data.sample import HandSet
from training.tensors import HandBatch, HandTruth, ViewsBatch

Stored = TypeVar("Stored")
Stored_co = TypeVar("Stored_co", covariant=True)

PREFETCH_BATCHES = 6
"""Batches that each worker holds ready."""


class _Bytes(NamedTuple):
    """A batch as it crosses the process boundary: levels, not floats, a quarter of the size."""

    images: Tensor
    """(B, 128, 128, 3) uint8."""
    truth: HandTruth


class _GroupBytes(NamedTuple):
    """A batch of groups, likewise."""

    images: Tensor
    """(B, N, 128, 128, 3) uint8."""
    valid: Tensor
    """(B, N) bool."""
    truth: HandTruth


class _Source(Protocol[Stored_co]):
    """What a batch is made of: views, or groups of them."""

    shard: Index
    """(n,): the shard that each lies in."""

    def batch(self, numbers: Index, *, randomness: tuple[int, int] | None) -> Stored_co:
        """Return these, disturbed by what follows from seed and epoch, or undisturbed."""


class _Views:
    def __init__(self, hands: HandSet, config: DataConfig | None = None) -> None:
        self.shard = hands.index.shard
        self._hands, self._config = hands, config

    def batch(self, numbers: Index, *, randomness: tuple[int, int] | None) -> _Bytes:
        rows = [self._look(int(view), randomness) for view in numbers]
        images, truth = _stacked(rows)
        return _Bytes(images, truth)

    def _look(self, view: int, randomness: tuple[int, int] | None) -> CroppedHand:
        if randomness is None or self._config is None:
            return crop_hand(self._hands[view])
        rng = np.random.default_rng([*randomness, view])
        return crop_hand(self._hands[view], draw_augmentation(self._config, rng))


class _Groups:
    def __init__(self, groups: HandGroups, *, views: int, config: DataConfig | None = None) -> None:
        self.shard = groups.shard
        self._groups, self._views, self._config = groups, views, config

    def batch(self, numbers: Index, *, randomness: tuple[int, int] | None) -> _GroupBytes:
        rows = [self._look(int(group), randomness) for group in numbers]
        valid = torch.from_numpy(np.stack([row.valid for row in rows]))
        images, truth = _stacked([hand for row in rows for hand in row.hands])
        grouped = HandTruth(*(labels.reshape(*valid.shape, *labels.shape[1:]) for labels in truth))
        return _GroupBytes(images.reshape(*valid.shape, *images.shape[1:]), valid, grouped)

    def _look(self, group: int, randomness: tuple[int, int] | None) -> CroppedViews:
        targets = self._groups.targets(group)
        if randomness is None or self._config is None:
            views = self._groups.views_from(group, int(targets[0]), count=self._views)
            return self._groups.crop(views, [Augmentation()] * self._views)
        rng = np.random.default_rng([*randomness, group])
        views = self._groups.views_from(group, int(rng.choice(targets)), count=self._views)
        return self._groups.crop(views, [draw_augmentation(self._config, rng) for _ in views])


class _TrainingStream(IterableDataset[Stored]):
    """The endless sequence of a run's batches from a given one on."""

    def __init__(self, source: _Source[Stored], course: Course, *, pool_shards: int) -> None:
        self._order = BatchOrder(source.shard, course, pool_shards=pool_shards)
        self._source, self._course = source, course

    def __iter__(self) -> Iterator[Stored]:
        worker = get_worker_info()
        rank, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        for number in itertools.count(self._course.first_batch + rank, workers):
            epoch, chosen = self._order.batch(number)
            yield self._source.batch(chosen, randomness=(self._course.seed, epoch))


class _PlainStream(IterableDataset[Stored]):
    """Chosen samples once, in order, undisturbed; the last batch may be short."""

    def __init__(self, source: _Source[Stored], chosen: Sequence[int] | None, *, batch_size: int) -> None:
        everything = np.arange(len(source.shard))
        self._source, self._batch_size = source, batch_size
        self._chosen = everything if chosen is None else np.asarray(chosen, np.int64)

    def __iter__(self) -> Iterator[Stored]:
        for start in range(0, len(self._chosen), self._batch_size):
            yield self._source.batch(self._chosen[start : start + self._batch_size], randomness=None)


def training_batches(hands: HandSet, config: DataConfig, course: Course) -> Iterator[HandBatch]:
    """Yield a course's batches, augmented, without end.

    Raises:
        ValueError: The views do not fill one batch, or it cannot be shared evenly.
    """
    stream = _TrainingStream(_Views(hands, config), course, pool_shards=config.pool_shards)
    return map(_hand_batch, loaded(stream, workers=config.workers))


def training_groups(
    groups: HandGroups, config: DataConfig, course: Course, *, views: int
) -> Iterator[ViewsBatch]:
    """Yield groups of `views` views likewise, each with a target of its own.

    Raises:
        ValueError: The groups do not fill one batch, or it cannot be shared evenly.
    """
    source = _Groups(groups, views=views, config=config)
    stream = _TrainingStream(source, course, pool_shards=config.pool_shards)
    return map(_views_batch, loaded(stream, workers=config.workers))


def plain_batches(
    hands: HandSet, *, batch_size: int, views: Sequence[int] | None = None, workers: int = 0
) -> Iterator[HandBatch]:
    """Yield every view (or the chosen ones) once, in order, as the contract's crop."""
    # One process keeps the order and the short last batch simple; more would not pay for one pass.
    stream = _PlainStream(_Views(hands), views, batch_size=batch_size)
    return map(_hand_batch, loaded(stream, workers=min(workers, 1)))


def plain_groups(
    groups: HandGroups,
    *,
    views: int,
    batch_size: int,
    chosen: Sequence[int] | None = None,
    workers: int = 0,
) -> Iterator[ViewsBatch]:
    """Yield every group (or the chosen ones) once, in order; the target is its first camera that sees it."""
    stream = _PlainStream(_Groups(groups, views=views), chosen, batch_size=batch_size)
    return map(_views_batch, loaded(stream, workers=min(workers, 1)))


@dataclass(frozen=True)
class _Fault:
    """What is wrong with the data, on its way out of a worker."""

    says: str


class _Telling(IterableDataset[Stored | _Fault]):
    """A stream that ends with its fault: a loader would bury it under the traceback of a worker."""

    def __init__(self, stream: IterableDataset[Stored]) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[Stored | _Fault]:
        try:
            yield from self._stream
        except ValueError as error:
            yield _Fault(str(error))


def loaded(stream: IterableDataset[Stored], *, workers: int) -> Iterator[Stored]:
    """Yield a stream's items as worker processes make them, or this process if there are none.

    Raises:
        ValueError: What the stream raises, wherever it was made.
    """
    loader = DataLoader(
        _Telling(stream),
        batch_size=None,
        num_workers=workers,
        prefetch_factor=PREFETCH_BATCHES if workers else None,
        worker_init_fn=_start_worker,
        # A generator of its own keeps the loader from drawing from the one that dropout uses.
        generator=torch.Generator().manual_seed(0),
    )
    for item in loader:
        if isinstance(item, _Fault):
            raise ValueError(item.says)
        yield item


def _start_worker(_: int) -> None:
    # Ctrl-C reaches every process of a terminal; the trainer alone decides when to stop.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    torch.set_num_threads(1)
    cv2.setNumThreads(0)


def _stacked(hands: Sequence[CroppedHand]) -> tuple[Tensor, HandTruth]:
    images, *labels = (
        torch.from_numpy(np.stack([np.asarray(it) for it in part])) for part in zip(*hands, strict=True)
    )
    return images, HandTruth(*(label.float() for label in labels))


def _hand_batch(stored: _Bytes) -> HandBatch:
    # The permuted view keeps its strides, so the float images come out as channels_last at no extra cost.
    return HandBatch(stored.images.permute(0, 3, 1, 2).float().div_(255.0), stored.truth)


def _views_batch(stored: _GroupBytes) -> ViewsBatch:
    images = stored.images.permute(0, 1, 4, 2, 3).float().div_(255.0)
    return ViewsBatch(images, stored.valid, stored.truth)
