"""Things of the house to hold and to stand in the way: cans, boxes, bottles, mugs, pens, phones, tools.

An object's own frame has its long axis along z and the place where it is held at the origin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from training.synthetic.solids import Floats, Ints, Lathe, Solid, Superquadric, Tube

Finish = Literal["label", "plain", "dark_glass", "metal", "wood", "paper"]
"""How a part looks; `compose` turns it into a material."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One solid of an object: where it sits in the object's frame and how it looks."""

    solid: Solid
    finish: Finish = "plain"
    rotation: tuple[tuple[float, ...], ...] = ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    offset_m: tuple[float, float, float] = (0.0, 0.0, 0.0)


@dataclass(frozen=True)
class PartMesh:
    """A part's triangles in the world, one vertex a corner, so that creases stay sharp."""

    positions_m: Floats
    normals: Floats
    rest_positions_m: Floats
    """The same corners in the object's frame; patterns stick to them."""
    finish: Finish


@dataclass(frozen=True, kw_only=True)
class PlacedObject:
    """An object somewhere in the world."""

    parts: tuple[Part, ...]
    rotation: Floats
    """World from object."""
    centre_m: Floats
    kind: str = "object"

    def moved(self, offset_m: Floats) -> PlacedObject:
        """Return the object displaced by `offset_m`."""
        return replace(self, centre_m=self.centre_m + offset_m)

    def depth_m(self, points_m: Floats) -> Floats:
        """Return how deep each of `points_m` [N,3] lies inside, metres; negative outside."""
        local = (points_m - self.centre_m) @ self.rotation
        depths = [
            part.solid.depth_m((local - np.asarray(part.offset_m)) @ np.asarray(part.rotation))
            for part in self.parts
        ]
        return np.max(depths, axis=0) if len(depths) > 1 else depths[0]

    def meshes(self) -> list[PartMesh]:
        """Return the triangles of every part."""
        return [self._mesh(part) for part in self.parts]

    def _mesh(self, part: Part) -> PartMesh:
        surface = part.solid.surface()
        corners, normals = creased(surface.positions_m, surface.faces)
        turn = np.asarray(part.rotation, dtype=np.float64)
        rest = corners @ turn.T + np.asarray(part.offset_m)
        return PartMesh(
            positions_m=rest @ self.rotation.T + self.centre_m,
            normals=normals @ turn.T @ self.rotation.T,
            rest_positions_m=rest,
            finish=part.finish,
        )


def creased(positions_m: Floats, faces: Ints, *, angle_deg: float = 40.0) -> tuple[Floats, Floats]:
    """Return corners [3M,3] and normals: smooth, but flat where the surface folds by over `angle_deg`."""
    corners = positions_m[faces]
    face_normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # Vertices are told apart by place, not by index: a pole is one place and many vertices.
    _, place = np.unique(np.round(positions_m, 6), axis=0, return_inverse=True)
    place = place.ravel()
    sums = np.zeros((place.max() + 1, 3))
    for corner in range(3):
        np.add.at(sums, place[faces[:, corner]], face_normals)
    lengths = np.linalg.norm(face_normals, axis=1)
    unit = face_normals / (lengths[:, None] + 1e-15)
    smooth = sums[place[faces]]
    smooth /= np.linalg.norm(smooth, axis=-1, keepdims=True) + 1e-15
    sharp = (smooth * unit[:, None]).sum(-1) < np.cos(np.radians(angle_deg))
    normals = np.where(sharp[..., None], unit[:, None], smooth)
    real = lengths > 1e-12
    return corners[real].reshape(-1, 3), normals[real].reshape(-1, 3)


def random_rotation(rng: Generator) -> Floats:
    """Return a rotation matrix, uniform over all rotations."""
    w, x, y, z = (q := rng.normal(size=4)) / np.linalg.norm(q)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def box(rng: Generator) -> tuple[Part, ...]:
    """A packet or a carton."""
    size = (rng.uniform(0.012, 0.036), rng.uniform(0.02, 0.05), rng.uniform(0.035, 0.1))
    return (Part(solid=Superquadric(half_extents_m=size, exponents=_sharp(rng)), finish="label"),)


def can(rng: Generator) -> tuple[Part, ...]:
    """A can or a jar with a lid."""
    radius, half_height = rng.uniform(0.018, 0.042), rng.uniform(0.04, 0.1)
    body = Superquadric(half_extents_m=(radius, radius, half_height), exponents=(rng.uniform(0.06, 0.2), 1.0))
    lid = Superquadric(half_extents_m=(radius * 0.9, radius * 0.9, 0.006), exponents=(0.15, 1.0))
    return (
        Part(solid=body, finish="label"),
        Part(solid=lid, finish="metal", offset_m=(0, 0, half_height)),
    )


def ball(rng: Generator) -> tuple[Part, ...]:
    """A ball, a fruit, an egg."""
    radius = rng.uniform(0.022, 0.045)
    size = (radius, radius * rng.uniform(0.85, 1), radius * rng.uniform(0.85, 1.3))
    return (Part(solid=Superquadric(half_extents_m=size), finish="plain"),)


def lump(rng: Generator) -> tuple[Part, ...]:
    """Any superquadric: soap, bun, toy block."""
    size = rng.uniform(0.02, 0.05, 3) * (1, 1, 1.4)
    powers = (float(rng.uniform(0.2, 1.8)), float(rng.uniform(0.2, 1.8)))
    return (
        Part(
            solid=Superquadric(half_extents_m=(size[0], size[1], size[2]), exponents=powers), finish="plain"
        ),
    )


def bottle(rng: Generator) -> tuple[Part, ...]:
    """A bottle, a vase or a glass with a wavy wall and, often, a neck."""
    step = np.linspace(-1, 1, 18)
    wave = 1 + 0.3 * rng.uniform() * np.sin(step * rng.uniform(0.5, 3) + rng.uniform(0, 6))
    neck = rng.uniform(0, 0.65) * np.clip((step - rng.uniform(0.2, 0.7)) / 0.25, 0, 1)
    radii = (wave - neck) * rng.uniform(0.018, 0.036) / (wave - neck).mean()
    heights = step * rng.uniform(0.06, 0.12)
    solid = Lathe(heights_m=tuple(heights), radii_m=tuple(radii))
    cap = Superquadric(half_extents_m=(radii[-1] * 1.15, radii[-1] * 1.15, 0.01), exponents=(0.2, 1.0))
    return (
        Part(solid=solid, finish=_pick(rng, ("label", "plain", "dark_glass"))),
        Part(solid=cap, finish="plain", offset_m=(0, 0, heights[-1])),
    )


def mug(rng: Generator) -> tuple[Part, ...]:
    """A mug: held round its body as often as by its handle."""
    radius, half_height = rng.uniform(0.034, 0.043), rng.uniform(0.04, 0.052)
    flare = rng.uniform(0.85, 1.05)
    body = Lathe(
        heights_m=(-half_height, -0.9 * half_height, half_height),
        radii_m=(radius * flare * 0.93, radius * flare, radius),
    )
    angle = np.linspace(-0.45 * np.pi, 0.45 * np.pi, 9)
    bow = rng.uniform(0.026, 0.034)
    path = np.stack([radius + bow * np.cos(angle) - 0.004, 0 * angle, 0.028 * np.sin(angle)], axis=1)
    handle = Tube(path_m=_path(path), radius_m=rng.uniform(0.0045, 0.0065), flatness=1.5)
    inside = Superquadric(half_extents_m=(radius * 0.9, radius * 0.9, 0.002), exponents=(0.1, 1.0))
    by_handle = rng.uniform() < 0.4
    shift = (-(radius + bow), 0.0, 0.0) if by_handle else (0.0, 0.0, 0.0)
    parts = (
        Part(solid=body, finish=_pick(rng, ("plain", "label"))),
        Part(solid=handle, finish="plain"),
        Part(solid=inside, finish="dark_glass", offset_m=(0, 0, half_height)),
    )
    return tuple(replace(part, offset_m=tuple(np.add(part.offset_m, shift))) for part in parts)


def rod(rng: Generator) -> tuple[Part, ...]:
    """A stick, a marker, a tool's handle."""
    radius, half_length = rng.uniform(0.004, 0.013), rng.uniform(0.06, 0.13)
    body = Superquadric(half_extents_m=(radius, radius, half_length), exponents=(0.2, 1.0))
    tip = Superquadric(
        half_extents_m=(radius * 1.15, radius * 1.15, half_length * 0.25), exponents=(0.2, 1.0)
    )
    return (
        Part(solid=body, finish=_pick(rng, ("plain", "wood", "metal"))),
        Part(solid=tip, finish="plain", offset_m=(0, 0, half_length * 0.85)),
    )


def pen(rng: Generator) -> tuple[Part, ...]:
    """A pen, a pencil, a brush: thin enough for two fingers."""
    radius, half_length = rng.uniform(0.0025, 0.0048), rng.uniform(0.06, 0.085)
    path = ((0.0, 0.0, -half_length), (0.0, 1e-6, 0.0), (1e-6, 0.0, half_length))
    point = Superquadric(half_extents_m=(radius * 0.7, radius * 0.7, 0.012), exponents=(1.6, 1.0))
    return (
        Part(solid=Tube(path_m=path, radius_m=radius), finish=_pick(rng, ("plain", "wood", "metal"))),
        Part(solid=point, finish="metal", offset_m=(0, 0, -half_length)),
    )


def phone(rng: Generator) -> tuple[Part, ...]:
    """A phone: a dark slab, its screen on +x."""
    size = (rng.uniform(0.0035, 0.005), rng.uniform(0.033, 0.039), rng.uniform(0.068, 0.08))
    body = Superquadric(half_extents_m=size, exponents=(0.12, 0.12))
    screen = Superquadric(half_extents_m=(0.0006, size[1] * 0.92, size[2] * 0.95), exponents=(0.1, 0.1))
    return (
        Part(solid=body, finish=_pick(rng, ("plain", "dark_glass", "metal"))),
        Part(solid=screen, finish=_pick(rng, ("dark_glass", "label")), offset_m=(size[0], 0.0, 0.0)),
    )


def card(rng: Generator) -> tuple[Part, ...]:
    """A card, a letter, a thin book."""
    size = (rng.uniform(0.0006, 0.006), rng.uniform(0.027, 0.075), rng.uniform(0.042, 0.1))
    return (
        Part(
            solid=Superquadric(half_extents_m=size, exponents=(0.08, 0.08)),
            finish=_pick(rng, ("label", "paper")),
            offset_m=(0.0, 0.0, size[2] * 0.8),
        ),
    )


def tool(rng: Generator) -> tuple[Part, ...]:
    """A hammer, a spoon or a knife: a handle with a head."""
    radius, half_length = rng.uniform(0.007, 0.014), rng.uniform(0.06, 0.09)
    handle = Superquadric(half_extents_m=(radius * 1.2, radius, half_length), exponents=(0.25, 0.9))
    head_size = [(0.012, 0.05, 0.013), (0.003, 0.022, 0.035), (0.001, 0.014, 0.08)][rng.integers(3)]
    head = Superquadric(half_extents_m=head_size, exponents=(0.5, 0.5))
    return (
        Part(solid=handle, finish=_pick(rng, ("wood", "plain"))),
        Part(solid=head, finish="metal", offset_m=(0.0, 0.0, half_length + 0.8 * head_size[2])),
    )


def scissors(rng: Generator) -> tuple[Part, ...]:
    """Two rings and two blades; the fingers go where they please."""
    angle = np.linspace(0, 2 * np.pi, 15)[:-1]
    ring = np.stack([0 * angle, 0.016 * np.cos(angle), 0.021 * np.sin(angle)], axis=1)
    handles = Tube(path_m=_path(np.concatenate([ring, ring[:1] + 1e-4])), radius_m=0.004)
    blade = Superquadric(half_extents_m=(0.001, 0.006, 0.055), exponents=(0.6, 0.6))
    return (
        Part(solid=handles, finish="plain", offset_m=(0.0, 0.019, 0.0)),
        Part(solid=handles, finish="plain", offset_m=(0.0, -0.019, 0.0)),
        Part(solid=blade, finish="metal", offset_m=(0.001, 0.003, 0.07)),
        Part(solid=blade, finish="metal", offset_m=(-0.001, -0.003, 0.07)),
    )


KINDS: dict[str, tuple[float, Callable[[Generator], tuple[Part, ...]]]] = {
    "box": (0.16, box),
    "can": (0.14, can),
    "ball": (0.10, ball),
    "lump": (0.09, lump),
    "bottle": (0.14, bottle),
    "mug": (0.10, mug),
    "rod": (0.08, rod),
    "phone": (0.09, phone),
    "tool": (0.07, tool),
    "scissors": (0.03, scissors),
}
"""What the whole hand closes round, with its share."""

THIN_KINDS: dict[str, Callable[[Generator], tuple[Part, ...]]] = {"pen": pen, "card": card}
"""What thumb and finger hold between their tips."""


def sample_parts(rng: Generator) -> tuple[str, tuple[Part, ...]]:
    """Draw an object for the whole hand: its kind and its parts."""
    shares = np.array([share for share, _ in KINDS.values()])
    kind = list(KINDS)[rng.choice(len(KINDS), p=shares / shares.sum())]
    return kind, KINDS[kind][1](rng)


def _sharp(rng: Generator) -> tuple[float, float]:
    return float(rng.uniform(0.06, 0.2)), float(rng.uniform(0.06, 0.2))


def _pick(rng: Generator, finishes: tuple[Finish, ...]) -> Finish:
    return finishes[rng.integers(len(finishes))]


def _path(points: NDArray[np.float64]) -> tuple[tuple[float, float, float], ...]:
    return tuple((float(x), float(y), float(z)) for x, y, z in points)
