"""Losses on the triangles of a mesh: lengths of edges, and directions of faces (eq. 9; spec section 5)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional


class FaceEdges(NamedTuple):
    """The three edges of each face (a, b, c), as vectors (B, F, 3)."""

    ab: Tensor
    ac: Tensor
    bc: Tensor


def face_edges(vertices_m: Tensor, faces: Tensor) -> FaceEdges:
    """Return the edges of faces (F, 3) on vertices (B, V, 3)."""
    a, b, c = (vertices_m.index_select(1, faces[:, corner]) for corner in range(3))  # (B, F, 3) each
    return FaceEdges(b - a, c - a, c - b)


def edge_loss(predicted: FaceEdges, true: FaceEdges) -> Tensor:
    """Return the mean difference of the edges' lengths, in metres: L_E."""
    lengths = torch.stack(predicted).norm(dim=-1)  # (3, B, F)
    return functional.l1_loss(lengths, torch.stack(true).norm(dim=-1))


def normal_loss(predicted: FaceEdges, true: FaceEdges) -> Tensor:
    """Return the mean share of the predicted edges that leaves the true faces' planes, in [0, 1]: L_N."""
    across = torch.linalg.cross(_unit(true.ab), _unit(true.ac), dim=-1)
    normals = _unit(across)  # (B, F, 3)
    return (_unit(torch.stack(predicted)) * normals).sum(dim=-1).abs().mean()


def _unit(vectors: Tensor) -> Tensor:
    return functional.normalize(vectors, dim=-1)
