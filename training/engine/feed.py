"""Where a run's batches come from: pictures, or groups of views of one moment."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import torch

from training.config import DataConfig, RunConfig
from training.data.groups import HandGroups
from training.data.loader import training_batches, training_groups
from training.data.order import Course
from training.data.resident import ResidentHands, resident_batches, resident_groups
from training.data.sets import open_hands
from training.tensors import HandBatch, ViewsBatch


class Feed(Protocol):
    """The training set of a run, as what learns from it wants it."""

    @property
    def description(self) -> dict[str, Any]:
        """What the training set is, for the card of what learns from it."""

    def training(self, course: Course) -> Iterator[HandBatch | ViewsBatch]:
        """Yield a course's batches without end."""


class ResidentFeed:
    """Pictures, or all views of a moment at a time, out of the device's memory."""

    def __init__(self, data: DataConfig, *, views: int, device: torch.device) -> None:
        """Read the whole training set onto a device.

        Raises:
            ValueError: It cannot be read, or its pictures are not of one size.
        """
        hands = open_hands(data, "train")
        self.data, self.views, self.description = data, views, hands.description
        self._shard = hands.index.shard
        self._groups = None if views == 1 else HandGroups(hands)
        self._hands = ResidentHands(hands, device=device)

    def training(self, course: Course) -> Iterator[HandBatch | ViewsBatch]:
        """Yield disturbed crops, on the device."""
        if self._groups is None:
            return resident_batches(self._hands, self._shard, self.data, course)
        return resident_groups(self._hands, self._groups, self.data, course, views=self.views)


class PictureFeed:
    """One picture at a time."""

    def __init__(self, data: DataConfig) -> None:
        """Open the training set.

        Raises:
            ValueError: It cannot be read.
        """
        self.data, self.hands = data, open_hands(data, "train")

    @property
    def description(self) -> dict[str, Any]:
        """What the training set is."""
        return self.hands.description

    def training(self, course: Course) -> Iterator[HandBatch]:
        """Yield disturbed crops."""
        return training_batches(self.hands, self.data, course)


class GroupFeed:
    """All views of one moment at a time."""

    def __init__(self, data: DataConfig, *, views: int) -> None:
        """Open the training set and sort it into groups of `views`.

        Raises:
            ValueError: It cannot be read.
        """
        self.data, self.views, self.groups = data, views, HandGroups(open_hands(data, "train"))

    @property
    def description(self) -> dict[str, Any]:
        """What the training set is."""
        return self.groups.hands.description

    def training(self, course: Course) -> Iterator[ViewsBatch]:
        """Yield groups of crops, each disturbed in its own way."""
        return training_groups(self.groups, self.data, course, views=self.views)


def feed_for(config: RunConfig, *, views: int, device: torch.device) -> Feed:
    """Return pictures, or groups where the network or its teacher looks at several views at once.

    Raises:
        ValueError: The data cannot be read.
    """
    if config.data.resident:
        return ResidentFeed(config.data, views=views, device=device)
    return PictureFeed(config.data) if views == 1 else GroupFeed(config.data, views=views)
