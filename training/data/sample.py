"""What every reader gives: pictures of right hands with their labels, before crop and augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, eq=False)
class HandSample:
    """One view of a hand; J = 21 joints, V vertices; frames as in `training.contract`."""

    image: NDArray[np.uint8]
    """(H, W, 3), RGB."""
    joints_px: Float32
    """(J, 2): projected joints, continuous pixel coordinates (pixel centres at + 0.5)."""
    vertices_canonical_m: Float32
    """(V, 3): articulated mesh with the global rotation taken off."""
    joints_canonical_m: Float32
    """(J, 3)."""
    rotation: Float32
    """(3, 3): camera-from-canonical."""
    visibility: float
    """Visible share of the hand's own silhouette."""


@dataclass(frozen=True, eq=False)
class ViewIndex:
    """Where each view lies: (n,) arrays of the same length, ordered by shard."""

    shard: NDArray[np.int64]
    sample: NDArray[np.int64]
    """Row of the sample in its shard."""
    view: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.shard)


class HandSet(Protocol):
    """Hands with labels, one a view: what batches and groups are made of."""

    @property
    def index(self) -> ViewIndex:
        """Where each view lies."""

    @property
    def description(self) -> dict[str, Any]:
        """What the set is, for the card of what learns from it."""

    def __len__(self) -> int:
        """Return the number of views."""

    def __getitem__(self, number: int) -> HandSample:
        """Read one view."""
