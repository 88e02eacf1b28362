"""A training set that lies decoded on the device as a whole, and its batches, cut and disturbed there.

For rendered sets that fit a GPU's memory: 160 px pictures take 77 KB each, 100,000 of them 8 GB. What is left
to the processor is one draw of random numbers a batch, so that it does not hold up a GPU; the batches are as
likely as those of `training.data.loader`, and not the same.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import IterableDataset, get_worker_info

from training.config import DataConfig
from training.data.device_crop import WHITE, cropped, hand_boxes, recoloured
from training.data.groups import MISSING, HandGroups
from training.data.loader import loaded
from training.data.looks import Looks, draw_looks
from training.data.order import BatchOrder, Course, Index
from training.data.sample import HandSet
from training.tensors import HandBatch, HandTruth, ViewsBatch

READ_AT_A_TIME = 256
READERS = 4
"""Processes that read the set, once."""


class _Block(NamedTuple):
    """Views as they are read: the fields of `HandSample`, stacked."""

    image: Tensor
    joints_px: Tensor
    vertices_canonical_m: Tensor
    joints_canonical_m: Tensor
    rotation: Tensor
    visibility: Tensor


class _Blocks(IterableDataset[tuple[int, _Block]]):
    """All views in blocks, each with the number of its first, dealt out to worker processes."""

    def __init__(self, hands: HandSet) -> None:
        self._hands = hands

    def __iter__(self) -> Iterator[tuple[int, _Block]]:
        worker = get_worker_info()
        rank, workers = (0, 1) if worker is None else (worker.id, worker.num_workers)
        starts = range(0, len(self._hands), READ_AT_A_TIME)
        for start in itertools.islice(starts, rank, None, workers):
            samples = [self._hands[i] for i in range(start, min(start + READ_AT_A_TIME, len(self._hands)))]
            fields = ([getattr(sample, name) for sample in samples] for name in _Block._fields)
            yield start, _Block(*(torch.from_numpy(_stacked(values)) for values in fields))


class ResidentHands:
    """Every view of a set, decoded, with its labels."""

    def __init__(self, hands: HandSet, *, device: torch.device, readers: int = READERS) -> None:
        """Read the whole set onto a device.

        Raises:
            ValueError: The pictures are not all of one size.
        """
        self.device = device
        blocks = iter(loaded(_Blocks(hands), workers=readers))
        first, block = next(blocks)
        count = len(hands)
        self._views = _Block(*(it.new_empty((count, *it.shape[1:]), device=device) for it in block))
        self._put(first, block)
        for start, block in blocks:
            self._put(start, block)

    def _put(self, start: int, block: _Block) -> None:
        for whole, part in zip(self._views, block, strict=True):
            if whole.shape[1:] != part.shape[1:]:
                raise ValueError(
                    f"data.resident wants pictures of one size, got {block.image.shape[1:3]} too"
                )
            whole[start : start + len(part)] = part

    def batch(self, numbers: Index, looks: Looks, generator: torch.Generator) -> HandBatch:
        """Return these views, each with its look; noise comes from the generator."""
        chosen = torch.from_numpy(numbers).to(self.device)
        views = _Block(*(part[chosen] for part in self._views))
        looks = looks.to(self.device)
        boxes = hand_boxes(views.joints_px, looks)
        levels = cropped(views.image, boxes, mirror_border=looks.mirror_border)
        levels = recoloured(levels, looks, generator)
        truth = HandTruth(
            views.vertices_canonical_m,
            views.joints_canonical_m,
            # The box turns in the picture, so the hand turns the other way in the crop.
            torch.cat([boxes.turn.transpose(1, 2) @ views.rotation[:, :2], views.rotation[:, 2:]], dim=1),
            boxes.in_crop(views.joints_px),
            views.visibility,
        )
        return HandBatch((levels / WHITE).contiguous(memory_format=torch.channels_last), truth)


class _Chance(NamedTuple):
    """Where a batch's randomness comes from."""

    draws: np.random.Generator
    noise: torch.Generator


def resident_batches(
    hands: ResidentHands, shard: Index, config: DataConfig, course: Course
) -> Iterator[HandBatch]:
    """Yield a course's batches, disturbed, without end.

    Raises:
        ValueError: The views do not fill one batch, or it cannot be shared evenly.
    """
    order = BatchOrder(shard, course, pool_shards=config.pool_shards)
    return (
        _disturbed(hands, order.batch(number)[1], config, _chance(number, course, hands.device))
        for number in itertools.count(course.first_batch)
    )


def resident_groups(
    hands: ResidentHands, groups: HandGroups, config: DataConfig, course: Course, *, views: int
) -> Iterator[ViewsBatch]:
    """Yield groups of `views` views likewise, each with a target of its own; what is missing is black.

    Raises:
        ValueError: The groups do not fill one batch, or it cannot be shared evenly.
    """
    order = BatchOrder(groups.shard, course, pool_shards=config.pool_shards)
    for number in itertools.count(course.first_batch):
        chance = _chance(number, course, hands.device)
        members = np.stack(
            [
                groups.views_from(int(it), int(chance.draws.choice(groups.targets(int(it)))), count=views)
                for it in order.batch(number)[1]
            ]
        )
        seen = _disturbed(
            hands, np.where(members == MISSING, members[:, :1], members).ravel(), config, chance
        )
        valid = torch.from_numpy(members != MISSING).to(hands.device)
        images = seen.images.reshape(*valid.shape, *seen.images.shape[1:])
        truth = HandTruth(*(labels.reshape(*valid.shape, *labels.shape[1:]) for labels in seen.truth))
        yield ViewsBatch(images * valid[:, :, None, None, None], valid, truth)


def _disturbed(hands: ResidentHands, numbers: Index, config: DataConfig, chance: _Chance) -> HandBatch:
    return hands.batch(numbers, draw_looks(config, len(numbers), chance.draws), chance.noise)


def _chance(number: int, course: Course, device: torch.device) -> _Chance:
    draws = np.random.default_rng([course.seed, number, course.share.number])
    return _Chance(draws, torch.Generator(device).manual_seed(int(draws.integers(2**62))))


def _stacked(values: list[object]) -> NDArray[np.generic]:
    arrays = [np.asarray(value) for value in values]
    if others := {array.shape for array in arrays} - {arrays[0].shape}:
        raise ValueError(f"data.resident wants pictures of one size, got {arrays[0].shape} and {min(others)}")
    stacked = np.stack(arrays)
    return stacked.astype(np.float32) if stacked.dtype == np.float64 else stacked
