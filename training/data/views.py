"""Several views of one hand at one moment, and data sets that hold such groups.

Legend: n views of a data set, G groups; a group is the views of one frame of one sequence.
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from training.data.sample import HandSample, ViewIndex


@dataclass(frozen=True, eq=False)
class ViewTable(ViewIndex):
    """Which views there are: (n,) arrays, ordered by sequence, then frame, then camera.

    The words are those of a rendered set, so that whatever takes one takes the other: `shard` is the number
    of the view's sequence, `sample` its frame, `view` its camera.
    """

    @functools.cached_property
    def group_starts(self) -> NDArray[np.int64]:
        """(G + 1,): group g is the views from `group_starts[g]` up to `group_starts[g + 1]`."""
        changes = (np.diff(self.shard) != 0) | (np.diff(self.sample) != 0)
        inner = np.flatnonzero(changes) + 1
        first = np.zeros(min(len(self), 1), np.int64)
        return np.concatenate([first, inner, np.array([len(self)], np.int64)])

    def select(self, views: NDArray[np.bool_]) -> ViewTable:
        """Return the views where the mask (n,) is true."""
        return ViewTable(shard=self.shard[views], sample=self.sample[views], view=self.view[views])


class MultiViewHands(ABC):
    """A data set of groups; also a sequence of single views, as `training.data.loader` takes it.

    Nothing is held between two samples but what a reader says it remembers; pictures are decoded when they
    are asked for.
    """

    name: ClassVar[str]
    """As it was published."""

    def __init__(self, index: ViewTable, *, sequences: tuple[str, ...], cameras: tuple[str, ...]) -> None:
        self.index = index
        self.sequences = sequences
        """Names that `index.shard` counts in."""
        self.cameras = cameras
        """Names that `index.view` counts in."""

    def __len__(self) -> int:
        return len(self.index)

    def __getitem__(self, number: int) -> HandSample:
        index = self.index
        return self._read(int(index.shard[number]), int(index.sample[number]), int(index.view[number]))

    @property
    def description(self) -> dict[str, Any]:
        """What the set is, for the card of what learns from it."""
        return {"name": self.name, "views": len(self), "groups": self.group_count}

    @property
    def group_count(self) -> int:
        """Number of groups."""
        return len(self.index.group_starts) - 1

    def group(self, number: int) -> HandViews:
        """Return the valid views of one frame, ordered by camera; there may be fewer than cameras.

        Raises:
            IndexError: There is no such group.
        """
        if not 0 <= number < self.group_count:
            raise IndexError(f"there are {self.group_count} groups, got {number}")
        start, end = self.index.group_starts[number : number + 2].tolist()
        return HandViews(self, range(start, end))

    @abstractmethod
    def _read(self, sequence: int, frame: int, camera: int) -> HandSample:
        """Read one view.

        Raises:
            ValueError: A file is missing or damaged; names it and the field.
        """


class HandViews:
    """The views of one group; each is read when it is asked for."""

    def __init__(self, hands: MultiViewHands, views: range) -> None:
        self._hands, self._views = hands, views

    def __len__(self) -> int:
        return len(self._views)

    @property
    def camera_names(self) -> tuple[str, ...]:
        """The camera of each view."""
        hands = self._hands
        return tuple(hands.cameras[camera] for camera in hands.index.view[list(self._views)].tolist())

    def sample(self, view: int) -> HandSample:
        """Read one view.

        Raises:
            IndexError: There is no such view.
            ValueError: A file is missing or damaged; names it and the field.
        """
        return self._hands[self._views[view]]
