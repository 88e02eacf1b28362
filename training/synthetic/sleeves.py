"""What people wear on hand and arm: sleeves, watches, bracelets, rings; and the arm up to the elbow."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.random import Generator

from training.synthetic.limbs import Limb
from training.synthetic.meshes import painted_mesh, vertex_normals
from training.synthetic.objects import creased
from training.synthetic.scene import Mesh
from training.synthetic.solids import Floats, Ints, Superquadric

ARM_END_M = 0.34
"""How far the arm goes on behind the wrist; the template's own ends at 0.19."""

_AROUND = 20
Wear = Literal["cloth", "metal", "strap", "dial"]


@dataclass(frozen=True, eq=False)
class Worn:
    """A thing that is worn, without its material."""

    positions_m: Floats
    normals: Floats
    rest_positions_m: Floats
    faces: Ints
    wear: Wear

    def mesh(self, *, material: int) -> Mesh:
        """Return the mesh, painted with a material."""
        return painted_mesh(
            self.positions_m, self.normals, self.rest_positions_m, material=material, faces=self.faces
        )


def sleeve(rng: Generator, forearm: Limb) -> Worn:
    """Return a sleeve from a cuff somewhere on the forearm to the arm's end, with folds."""
    cuff_m = 0.02 + 0.13 * rng.beta(0.9, 1.6)
    angle = _angles()
    along = np.linspace(cuff_m, ARM_END_M, 23)[:, None]
    clearance = rng.uniform(0.002, 0.007)
    looseness = rng.uniform(0.0, 0.10)
    slack = clearance + looseness * (along - cuff_m) * np.exp(-(along - cuff_m) / 0.15)
    folds = sum(
        rng.uniform(0, 0.0022)
        * np.sin(rng.uniform(40, 160) * along + rng.integers(0, 4) * angle + rng.uniform(0, 6))
        for _ in range(4)
    )
    settle = np.clip((along - cuff_m) / 0.03, 0, 1)
    radius = forearm.radius(along, angle) + slack + np.maximum(folds, -slack * 0.7) * settle
    thickness = rng.uniform(0.001, 0.003)
    # The first ring is the cuff's inside, so that the rim has a thickness and the gap behind it looks dark.
    inner = forearm.radius(along[:1] + 0.012, angle) + 0.0006
    rim = radius[:1] - thickness
    rings_along = np.concatenate([along[:1] + 0.012, along[:1] + 0.0004, along])
    return _loft(forearm, rings_along, np.concatenate([inner, np.maximum(rim, inner), radius]), "cloth")


def wrist_band(rng: Generator, forearm: Limb, *, wear: Wear) -> Worn:
    """Return a strap or a bangle round the wrist."""
    middle = rng.uniform(0.024, 0.045)
    half_width = rng.uniform(0.006, 0.011) if wear == "strap" else rng.uniform(0.0015, 0.005)
    height = rng.uniform(0.0015, 0.003)
    steps = np.array([-1.0, -0.95, -0.5, 0.0, 0.5, 0.95, 1.0])[:, None]
    along = middle + half_width * steps
    bulge = np.array([0.0, 0.8, 1.0, 1.0, 1.0, 0.8, 0.0])[:, None]
    radius = forearm.radius(along, _angles()) + 0.0004 + height * bulge
    return _loft(forearm, along, radius, wear)


def watch(rng: Generator, forearm: Limb) -> tuple[Worn, Worn]:
    """Return a strap and the case on the back of the wrist."""
    strap = wrist_band(rng, forearm, wear="strap")
    middle = float((strap.rest_positions_m - forearm.origin_m).mean(axis=0) @ forearm.frame[:, 0])
    size = rng.uniform(0.014, 0.021)
    outline = float(rng.choice([0.25, 1.0]))
    case = Superquadric(
        half_extents_m=(size, size * rng.uniform(0.85, 1.0), rng.uniform(0.003, 0.006)),
        exponents=(0.25, outline),
    ).surface()
    corners, normals = creased(case.positions_m, case.faces)
    place = forearm.rest_points(
        np.array(middle), np.array(0.0), forearm.radius(np.array(middle), np.array(0.0)) + 0.003
    )
    turn = np.stack([forearm.frame[:, 0], forearm.frame[:, 2], forearm.frame[:, 1]], axis=1)
    turn[:, 0] *= np.sign(np.linalg.det(turn))
    rest = corners @ turn.T + place
    dial = Worn(
        positions_m=forearm.to_world(rest),
        normals=normals @ turn.T @ forearm.rotation.T,
        rest_positions_m=corners,
        faces=np.arange(len(corners)).reshape(-1, 3),
        wear="dial",
    )
    return strap, dial


def finger_ring(rng: Generator, finger: Limb) -> Worn:
    """Return a ring on a proximal phalanx."""
    length = float(finger.along_m.max())
    middle = np.array(length * rng.uniform(0.45, 0.7))
    thick = rng.uniform(0.0008, 0.0018)
    wide = thick * rng.uniform(1.0, 2.5)
    turn = np.linspace(-np.pi, np.pi, 9)[:, None]
    along = middle - wide * np.cos(turn)
    skin = finger.radius(np.array([[middle]]), _angles())
    # Rings are rounder than fingers.
    radius = 0.65 * skin + 0.35 * skin.mean() + thick * np.sin(turn)
    return _loft(finger, along, radius, "metal")


def arm_behind(boundary_m: Floats, direction: Floats, rng: Generator) -> tuple[Floats, Ints]:
    """Return the arm behind the template's open end as rings of points, the first of which is the boundary.

    Args:
        boundary_m: [K,3] loop of the open end, in order, world.
        direction: [3] unit vector towards the elbow.
        rng: Source of chance.

    Returns:
        Points [R*K+1,3] and faces, closed by a cap; the first K points are the boundary.
    """
    middle = boundary_m.mean(axis=0)
    growth = rng.uniform(0.0, 0.25)
    bend = rng.normal(size=3) * 0.35
    rings = [boundary_m]
    for share in np.linspace(0, 1, 7)[1:]:
        length = share * (ARM_END_M - 0.18)
        swell = 1 + growth * np.sin(share * np.pi / 2)
        shift = direction * length + bend * length * share
        rings.append(middle + (boundary_m - middle) * swell + shift)
    points = np.concatenate([*rings, rings[-1].mean(axis=0, keepdims=True)])
    count = len(boundary_m)
    return points, _tube_faces(len(rings), count, cap=len(points) - 1)


def _angles() -> Floats:
    return np.linspace(-np.pi, np.pi, _AROUND + 1)[:-1][None]


def _loft(limb: Limb, along_m: Floats, radius_m: Floats, wear: Wear) -> Worn:
    rings = len(radius_m)
    rest = limb.rest_points(along_m, _angles(), radius_m).reshape(-1, 3)
    faces = _tube_faces(rings, _AROUND)
    world = limb.to_world(rest)
    return Worn(
        positions_m=world,
        normals=vertex_normals(world, faces),
        rest_positions_m=rest,
        faces=faces,
        wear=wear,
    )


def _tube_faces(rings: int, around: int, cap: int | None = None) -> Ints:
    """Triangles of `rings` rings of `around` points; wound outwards for a ring that runs right-handed."""
    index = np.arange(rings * around).reshape(rings, around)
    low, high = index[:-1].ravel(), index[1:].ravel()
    low_next, high_next = np.roll(index, -1, axis=1)[:-1].ravel(), np.roll(index, -1, axis=1)[1:].ravel()
    sides = [np.stack([low, low_next, high_next], 1), np.stack([low, high_next, high], 1)]
    if cap is not None:
        last = index[-1]
        sides.append(np.stack([last, np.roll(last, -1), np.full(around, cap)], 1))
    return np.concatenate(sides).astype(np.int64)
