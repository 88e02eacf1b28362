"""Solids and objects: depth and surface say the same."""

from __future__ import annotations

import numpy as np
import pytest

from training.synthetic.objects import KINDS, THIN_KINDS, PlacedObject, creased, random_rotation
from training.synthetic.solids import SEGMENTS, Lathe, Solid, Superquadric, Tube

TUBE = Tube(path_m=((0, 0, -0.05), (0.003, 0, 0), (0, 0, 0.05)), radius_m=0.006)
CONVEX: tuple[Solid, ...] = (
    Superquadric(half_extents_m=(0.02, 0.03, 0.05), exponents=(0.1, 0.1)),
    Superquadric(half_extents_m=(0.03, 0.03, 0.04)),
    Superquadric(half_extents_m=(0.03, 0.02, 0.04), exponents=(1.7, 0.4)),
    Lathe(heights_m=(-0.05, 0.0, 0.05), radii_m=(0.02, 0.03, 0.015)),
)


@pytest.mark.parametrize("solid", CONVEX)
def test_the_surface_has_no_depth(solid: Solid) -> None:
    np.testing.assert_allclose(solid.depth_m(solid.surface().positions_m), 0, atol=2e-5)


def test_the_wall_of_a_tube_has_no_depth() -> None:
    wall = TUBE.surface().positions_m[SEGMENTS:-SEGMENTS]
    np.testing.assert_allclose(TUBE.depth_m(wall), 0, atol=2e-4)
    assert TUBE.depth_m(np.array(TUBE.path_m)) == pytest.approx(TUBE.radius_m)


@pytest.mark.parametrize("solid", CONVEX)
def test_depth_is_positive_inside_and_negative_outside(solid: Solid) -> None:
    shell = solid.surface().positions_m
    middle = shell.mean(axis=0)
    assert (solid.depth_m(middle + 0.7 * (shell - middle)) > -1e-6).all()
    assert (solid.depth_m(middle + 1.3 * (shell - middle)) < 0).all()


@pytest.mark.parametrize("solid", [*CONVEX, TUBE])
def test_surfaces_are_closed_and_wound_outwards(solid: Solid) -> None:
    surface = solid.surface()
    corners = surface.positions_m[surface.faces]
    across = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    volume_m3 = np.einsum("ij,ij->", corners[:, 0], across) / 6
    assert volume_m3 > 0
    # The face vectors of a closed surface cancel.
    np.testing.assert_allclose(across.sum(axis=0), 0, atol=1e-9)


def test_a_ball_is_as_deep_as_its_radius() -> None:
    ball = Superquadric(half_extents_m=(0.03, 0.03, 0.03))
    depth_m = ball.depth_m(np.array([[0.001, 0.0, 0.0], [0.05, 0.0, 0.0]]))
    np.testing.assert_allclose(depth_m, [0.029, -0.02], atol=1e-6)


def test_normals_are_flat_at_a_crease_and_smooth_on_a_ball() -> None:
    ball = Superquadric(half_extents_m=(0.03, 0.03, 0.03)).surface()
    corners, normals = creased(ball.positions_m, ball.faces)
    cosines = (normals * corners).sum(axis=1) / np.linalg.norm(corners, axis=1)
    assert cosines.min() > 0.98
    can = Superquadric(half_extents_m=(0.03, 0.03, 0.05), exponents=(0.05, 1.0)).surface()
    corners, normals = creased(can.positions_m, can.faces)
    lid = corners[:, 2] > 0.0499
    assert normals[lid][:, 2].max() > 0.999


@pytest.mark.parametrize("kind", [*KINDS, *THIN_KINDS])
def test_a_moved_object_keeps_its_depths(kind: str, rng: np.random.Generator) -> None:
    parts = KINDS[kind][1](rng) if kind in KINDS else THIN_KINDS[kind](rng)
    at_rest = PlacedObject(parts=parts, rotation=np.eye(3), centre_m=np.zeros(3))
    turn, shift = random_rotation(rng), rng.normal(size=3)
    moved = PlacedObject(parts=parts, rotation=turn, centre_m=shift)
    points = rng.normal(size=(50, 3)) * 0.03

    np.testing.assert_allclose(moved.depth_m(points @ turn.T + shift), at_rest.depth_m(points), atol=1e-9)
    for before, after in zip(at_rest.meshes(), moved.meshes(), strict=True):
        np.testing.assert_allclose(after.positions_m, before.positions_m @ turn.T + shift, atol=1e-12)
        np.testing.assert_allclose(np.linalg.norm(after.normals, axis=1), 1, atol=1e-6)
        assert np.isfinite(after.normals).all()


def test_random_rotations_are_rotations(rng: np.random.Generator) -> None:
    rotation = random_rotation(rng)
    np.testing.assert_allclose(rotation @ rotation.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(rotation) == pytest.approx(1)
