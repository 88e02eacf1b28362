"""Losses on triangles, against hand-made ones."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from training.losses.mesh import edge_loss, face_edges, normal_loss

FACES = torch.tensor([[0, 1, 2], [0, 2, 3]])
SQUARE = torch.tensor([[[0.0, 0.0, 0.0], [1.0, 0.0, 0.0], [1.0, 1.0, 0.0], [0.0, 1.0, 0.0]]])


def test_edges_go_from_corner_to_corner() -> None:
    edges = face_edges(SQUARE, FACES)
    assert_close(edges.ab[0, 0], torch.tensor([1.0, 0.0, 0.0]))
    assert_close(edges.ac[0, 0], torch.tensor([1.0, 1.0, 0.0]))
    assert_close(edges.bc[0, 0], torch.tensor([0.0, 1.0, 0.0]))


def test_a_mesh_grown_by_a_tenth_has_edges_longer_by_a_tenth() -> None:
    true = face_edges(SQUARE, FACES)
    mean_length = (4 * 1.0 + 2 * 2.0**0.5) / 6
    assert_close(
        edge_loss(face_edges(1.1 * SQUARE, FACES), true), torch.tensor(0.1 * mean_length), rtol=1e-5, atol=0.0
    )


def test_sliding_in_the_plane_keeps_the_normals() -> None:
    slid = SQUARE + torch.tensor([0.3, -0.2, 0.0]) * torch.rand(1, 4, 1)
    assert normal_loss(face_edges(slid, FACES), face_edges(SQUARE, FACES)) < 1e-6


def test_a_mesh_that_stands_on_the_plane_has_the_share_of_its_upright_edges() -> None:
    standing = SQUARE[..., [0, 2, 1]]  # y becomes z
    loss = normal_loss(face_edges(standing, FACES), face_edges(SQUARE, FACES))
    # In each triangle: one edge lies, one stands, one leans by 45 degrees.
    assert float(loss) == pytest.approx((0.0 + 1.0 + 0.5**0.5) / 3, abs=1e-6)


def test_the_direction_of_the_normal_does_not_matter() -> None:
    predicted = torch.rand(2, 4, 3)
    true = torch.rand(2, 4, 3)
    flipped = FACES[:, [0, 2, 1]]
    assert_close(
        normal_loss(face_edges(predicted, FACES), face_edges(true, FACES)),
        normal_loss(face_edges(predicted, flipped), face_edges(true, flipped)),
    )
