"""Groups of views of one hand at one moment, out of a set of single views (spec sections 3 and 7)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.data.augment import Augmentation, CroppedHand, crop_hand
from training.data.sample import HandSet

Index = NDArray[np.int64]

MISSING = -1
"""Stands for a view that is not there."""


class CroppedViews(NamedTuple):
    """The N crops of one group and their labels, the target's first."""

    hands: tuple[CroppedHand, ...]
    """Black, with the target's labels, where there is no view."""
    valid: NDArray[np.bool_]
    """(N,): which views there are."""


class HandGroups:
    """A rendered set as a sequence of hands, each seen by the same cameras; some may not show it."""

    def __init__(self, hands: HandSet) -> None:
        """Sort the views of `hands` by the moment that they show."""
        index = hands.index
        moments, group = np.unique(np.stack((index.shard, index.sample)), axis=1, return_inverse=True)
        self.hands = hands
        self.shard: Index = moments[0]
        """(g,): the shard that each group lies in."""
        self.members: Index = np.full((moments.shape[1], int(index.view.max()) + 1), MISSING, np.int64)
        """(g, cameras): the number of each view in `hands`."""
        self.members[group, index.view] = np.arange(len(index))

    def __len__(self) -> int:
        return len(self.members)

    def views_from(self, group: int, target: int, *, count: int) -> Index:
        """Return the numbers of `count` views of a group: the target's, then the cameras after it in a ring.

        Cameras that do not show the hand are passed over; where there are fewer, the rest is `MISSING`.
        """
        ring = np.roll(self.members[group], -target)
        there = ring[ring != MISSING][:count]
        return np.concatenate((there, np.full(count - len(there), MISSING, np.int64)))

    def targets(self, group: int) -> Index:
        """Return the cameras that show the hand, any of which may be the target."""
        return np.flatnonzero(self.members[group] != MISSING)

    def crop(self, views: Index, looks: list[Augmentation]) -> CroppedViews:
        """Cut the crops of views of one group, each with its own look."""
        valid = views != MISSING
        seen = [
            crop_hand(self.hands[int(view)], look) if there else None
            for view, look, there in zip(views, looks, valid, strict=True)
        ]
        target = seen[0]
        assert target is not None, "the target is one of the views that are there"
        blank = target._replace(image=np.zeros_like(target.image))
        return CroppedViews(tuple(blank if hand is None else hand for hand in seen), valid)
