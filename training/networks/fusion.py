"""How several views of one hand become one: fusion of images, joints, vertices (eqs. 1 to 3, spec section 3).

Legend: B groups, N views of one moment, the target's first. `valid` (B, N) bool says which views there are:
a view that is not there neither adds to a fused feature nor takes from it. The target is always there.

Maps (B, N, C, H, W) become one map (B, C, H, W): the target's own, plus what all views say. Without the first
part nothing would tell whose orientation is asked for. Vertex features (B, N, V0, L) become (B, V0, L).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor, nn

from training.networks.blocks import PointwiseMapping
from training.networks.orientation import Attention

SMALLEST_VARIANCE = 1e-6
"""Added to a variance: the root has no gradient at zero, where all views agree."""


class Statistics(NamedTuple):
    """What the views have between them, without their order; each (B, ...)."""

    maximum: Tensor
    mean: Tensor
    deviation: Tensor


class TargetAlone(nn.Module):
    """Table 5 (i), (ii): the other views say nothing."""

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, C, H, W) to the target's (B, C, H, W)."""
        return maps[:, 0]


class NothingAtAll(nn.Module):
    """Table 5 (ii) read strictly: not even the target's feature."""

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, C, H, W) to zeros (B, C, H, W)."""
        return torch.zeros_like(maps[:, 0])


class ConcatenatedMaps(nn.Module):
    """Eq. 1: the views side by side through g, added to the target; for a fixed number of views."""

    def __init__(self, channels: int, *, views: int) -> None:
        super().__init__()
        self.map = PointwiseMapping(views * channels, channels)

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, C, H, W) to (B, C, H, W)."""
        present = maps * valid[:, :, None, None, None]  # (B, N, C, H, W)
        target = maps[:, 0]  # (B, C, H, W)
        fused: Tensor = target + self.map(present.flatten(1, 2))
        return fused

    def weights_of_mapping(self, mapping: Mapping[str, Tensor]) -> dict[str, Tensor]:
        """Return the weights with which the fusion begins as a single view's `ResidualMapping`.

        The other views' channels weigh nothing yet: the fused map is what the mapping makes of the target's.

        Args:
            mapping: The state of the `ResidualMapping`.

        Raises:
            ValueError: The mapping has other channels.
        """
        own = self.map.state_dict()
        first = next(iter(own))
        narrow = mapping[first]  # (C, C, 1, 1)
        wide = torch.zeros_like(own[first])  # (C, N C, 1, 1)
        if wide.shape[0] != narrow.shape[0]:
            raise ValueError(f"a mapping of {wide.shape[0]} channels is wanted, got one of {narrow.shape[0]}")
        wide[:, : narrow.shape[1]] = narrow
        return {f"map.{name}": wide if name == first else mapping[name] for name in own}


class PooledMaps(nn.Module):
    """Eq. 2: maximum, mean and deviation over the views through g, added to the target."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map = PointwiseMapping(3 * channels, channels)

    def forward(self, maps: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, C, H, W) to (B, C, H, W)."""
        pooled = torch.cat(statistics(maps, valid[:, :, None, None, None]), dim=1)  # (B, 3 C, H, W)
        target = maps[:, 0]  # (B, C, H, W)
        fused: Tensor = target + self.map(pooled)
        return fused


class ScoredVertices(nn.Module):
    """Eq. 3 as its text says: scores weigh the views, by a softmax over them.

    A convex combination, and the feature itself where there is one view (spec section 3).
    """

    def forward(self, vertices: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, V0, L) to (B, V0, L)."""
        scores = similar_views(vertices, valid)  # (B, N, V0, L)
        weights = scores.masked_fill(~valid[:, :, None, None], -torch.inf).softmax(dim=1)  # (B, N, V0, L)
        return (weights * vertices).sum(dim=1)


class MultipliedVertices(nn.Module):
    """Eq. 3 to the letter: the sum over the views of (S F) * F, which is quadratic in F."""

    def forward(self, vertices: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, V0, L) to (B, V0, L)."""
        products = similar_views(vertices, valid) * vertices  # (B, N, V0, L)
        return (products * valid[:, :, None, None]).sum(dim=1)


class AttendingVertices(nn.Module):
    """Eq. 3 with projections and heads, as eq. 5 is in the released code; then the mean over the views."""

    def __init__(self, channels: int, *, heads: int) -> None:
        super().__init__()
        self.attend = Attention(channels, heads=heads, head_channels=channels // heads)

    def forward(self, vertices: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, V0, L) to (B, V0, L)."""
        tokens = vertices.transpose(1, 2).flatten(0, 1)  # (B V0, N, L)
        present = valid.repeat_interleave(vertices.shape[2], dim=0)  # (B V0, N)
        attended = self.attend.among(tokens, tokens, present)  # (B V0, N, L)
        mean = statistics(attended, present[:, :, None]).mean  # (B V0, L)
        return mean.reshape(vertices.shape[0], vertices.shape[2], -1)


class ConcatenatedVertices(nn.Module):
    """Table 5 (iv): the views of each vertex side by side through g; for a fixed number of views."""

    def __init__(self, channels: int, *, views: int) -> None:
        super().__init__()
        self.map = PointwiseMapping(views * channels, channels)

    def forward(self, vertices: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, V0, L) to (B, V0, L)."""
        present = vertices * valid[:, :, None, None]  # (B, N, V0, L)
        columns = present.transpose(2, 3).flatten(1, 2)  # (B, N L, V0)
        return _mapped(self.map, columns)


class PooledVertices(nn.Module):
    """Table 5 (v): maximum, mean and deviation over the views of each vertex through g."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.map = PointwiseMapping(3 * channels, channels)

    def forward(self, vertices: Tensor, valid: Tensor) -> Tensor:
        """Map (B, N, V0, L) to (B, V0, L)."""
        pooled = torch.cat(statistics(vertices, valid[:, :, None, None]), dim=2)  # (B, V0, 3 L)
        return _mapped(self.map, pooled.transpose(1, 2))


def statistics(views: Tensor, valid: Tensor) -> Statistics:
    """Return maximum, mean and population deviation (B, ...) over the views (B, N, ...) that there are.

    Args:
        views: Features, of any shape behind the views.
        valid: (B, N, 1, ...) bool, with as many dimensions.
    """
    count = valid.sum(dim=1)  # (B, 1, ...)
    mean = (views * valid).sum(dim=1) / count
    variance = ((views - mean[:, None]).square() * valid).sum(dim=1) / count
    return Statistics(
        maximum=views.masked_fill(~valid, -torch.inf).amax(dim=1),
        mean=mean,
        deviation=(variance + SMALLEST_VARIANCE).sqrt(),
    )


def similar_views(vertices: Tensor, valid: Tensor) -> Tensor:
    """Return S F (B, N, V0, L) of vertex features F: for each view, what the views like it say (eq. 3).

    S is the softmax of F F^T / sqrt(L) over the views that there are, for each vertex by itself.
    """
    views = vertices.transpose(1, 2)  # (B, V0, N, L)
    likeness = views @ views.transpose(2, 3) / views.shape[3] ** 0.5  # (B, V0, N, N)
    among_valid = likeness.masked_fill(~valid[:, None, None], -torch.inf).softmax(dim=3)  # (B, V0, N, N)
    said: Tensor = among_valid @ views  # (B, V0, N, L)
    return said.transpose(1, 2)


def _mapped(mapping: PointwiseMapping, columns: Tensor) -> Tensor:
    """Map each vertex (B, C, V0) by itself to (B, V0, L)."""
    mapped: Tensor = mapping(columns[..., None])  # (B, L, V0, 1)
    return mapped[..., 0].transpose(1, 2)
