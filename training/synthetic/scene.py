"""What a picture is made of: one mesh, its materials, light, a room, and the cameras that look at it.

Plain frozen data without behaviour; `compose` fills it, `render` draws it.

Frames: *world* is the hand's canonical frame, metres. *Camera* is OpenCV's (x right, y down, z away).
*Room* has its origin at `Room.centre_m`, y up. Colours are linear light, never sRGB.
Legend: V vertices, F faces, L lights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.floating[Any]]
Color = tuple[float, float, float]

HAND_MATERIAL = 0
"""Faces with this material are the labelled hand; forearm, sleeve, second hand and objects have others."""


class Surface(IntEnum):
    """How light meets a material."""

    SKIN = 0
    """Diffuse light wraps around the terminator, red most; albedo comes from the vertices."""
    PAINT = 1
    """Lambert plus GGX; albedo comes from the material's pattern."""


class Pattern(IntEnum):
    """Albedo of a painted material, a function of the rest position of the point."""

    PLAIN = 0
    MOTTLED = 1
    """Fractal noise between both colours."""
    STRIPES = 2
    CHECKER = 3
    PATCHES = 4
    """Camouflage-like islands of colour."""
    WOOD = 5
    """Stretched rings; also fabric and brushed metal."""
    IMAGE_BOX = 6
    """A picture of the texture bank, projected along the dominant axis of the rest normal."""
    IMAGE_CYLINDER = 7
    """A picture of the texture bank, wrapped around the object's own z axis: a label."""


@dataclass(frozen=True, kw_only=True)
class Mesh:
    """Triangles with everything that the shader interpolates.

    A sharp edge is two rows of vertices. Faces are counter-clockwise from outside; back faces are not drawn.
    """

    positions_m: FloatArray
    """(V, 3) world."""
    normals: FloatArray
    """(V, 3) unit, outward, world."""
    rest_positions_m: FloatArray
    """(V, 3) the point before it was posed or moved: noise and patterns are glued to it."""
    albedo: FloatArray
    """(V, 3) linear, in [0, 1]; read for `Surface.SKIN`, a tint of the pattern for `Surface.PAINT`."""
    nail: FloatArray
    """(V,) 1 on finger nails, 0 elsewhere: glossier, without skin's grain."""
    faces: NDArray[np.integer[Any]]
    """(F, 3) rows of the vertices."""
    face_material: NDArray[np.integer[Any]]
    """(F,) index into `Scene.materials`."""


@dataclass(frozen=True, kw_only=True)
class Material:
    """Look of a surface."""

    surface: Surface
    roughness: float = 0.5
    """GGX roughness in (0, 1]; skin 0.38 to 0.62."""
    specular: float = 0.04
    """Reflectance at normal incidence; skin 0.025 to 0.045, metal 0.3 and more."""
    wrap: float = 0.2
    """How far red light reaches past the terminator of skin, 0.1 to 0.35; unused by paint."""
    variation: float = 0.2
    """Relative amplitude of the albedo's fine noise, 0 to 0.4."""
    bump: float = 0.1
    """Strength of the normal's noise, 0 to 0.3."""
    blush: Color = (1.0, 1.0, 1.0)
    """Tint that skin's coarse noise mixes in, about (1.04, 0.86, 0.84)."""
    pattern: Pattern = Pattern.PLAIN
    color_a: Color = (0.5, 0.5, 0.5)
    """First colour of the pattern, and the tint of an image."""
    color_b: Color = (0.5, 0.5, 0.5)
    frequency_per_m: float = 50.0
    """Periods of the pattern on one metre: 20 to 200 for things in a hand."""
    seed: float = 0.0
    """Shifts the noise, 0 to 64."""
    texture: int = 0
    """Row of the texture bank, for the image patterns."""
    texture_per_m: tuple[float, float] = (5.0, 5.0)
    """Copies of the picture on one metre, along u and v; for a cylinder u counts copies on the girth."""
    texture_offset: tuple[float, float] = (0.0, 0.0)


@dataclass(frozen=True, kw_only=True)
class Lighting:
    """Light from far away: an ambient sky and a few suns, the first of which throws shadows."""

    ambient: FloatArray
    """(9, 3) spherical harmonics of the irradiance over pi, in the order 1, y, z, x, xy, yz, 3z^2-1, xz,
    x^2-y^2 with the usual real normalisation; a white surface in constant light 1 has ambient[0] = 3.545."""
    directions: FloatArray
    """(L, 3) unit, from the scene to the light, L >= 1."""
    colors: FloatArray
    """(L, 3) irradiance over pi at normal incidence."""
    penumbra_m: float = 0.004
    """Radius of the key light's soft shadow edge."""


@dataclass(frozen=True, kw_only=True)
class Room:
    """A box around everything with a picture on each side, and perhaps a table in it."""

    centre_m: FloatArray
    """(3,) world; the origin of the room's frame."""
    axes: FloatArray
    """(3, 3) room-from-world rotation; row 1 is up."""
    half_size_m: float
    """Half the side of the box; must exceed the distance of every camera to the centre."""
    walls: tuple[Material, Material, Material, Material, Material, Material]
    """Materials of the sides -x, +x, -y, +y, -z, +z; only pattern and colours are read."""
    table: Material | None = None
    table_height_m: float = -0.1
    """Height of the table's plane in the room's frame."""
    table_half_size_m: float = 0.6


@dataclass(frozen=True, kw_only=True)
class Backdrop:
    """A picture that fills the image behind the meshes, as if the hand had been pasted onto a photo."""

    texture: int
    """Row of the texture bank."""
    copies: float = 1.0
    """Share of the picture's side that the image shows."""
    offset: tuple[float, float] = (0.0, 0.0)
    """Which part that is: (0, 0) the picture's top left, (1, 1) its bottom right."""
    tint: Color = (1.0, 1.0, 1.0)


@dataclass(frozen=True, kw_only=True)
class Camera:
    """A pinhole camera, OpenCV's axes; pixel (0, 0) covers [0, 1) x [0, 1) of the image plane."""

    K: FloatArray
    """(3, 3) intrinsics in pixels."""
    R: FloatArray
    """(3, 3) camera-from-world."""
    t_m: FloatArray
    """(3,) camera-from-world."""
    size_px: int
    """Side of the square picture."""
    background_blur_px: float = 0.0
    """Standard deviation of the defocus behind the meshes; 0 keeps the background sharp."""
    backdrop: Backdrop | None = None
    """Drawn in the room's place by this camera."""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """All that is not a camera."""

    mesh: Mesh
    materials: tuple[Material, ...]
    """`Mesh.face_material` counts in here; `HAND_MATERIAL` is the labelled hand."""
    lighting: Lighting
    room: Room
    focus_m: FloatArray
    """(3,) world, the hand's middle: shadows and ambient occlusion are computed within reach of it."""


def merge_meshes(meshes: Sequence[Mesh]) -> Mesh:
    """Join meshes into one; vertex rows of the first keep their numbers."""
    counts = [len(mesh.positions_m) for mesh in meshes]
    starts = np.concatenate([[0], np.cumsum(counts)[:-1]])
    return Mesh(
        positions_m=np.concatenate([mesh.positions_m for mesh in meshes]),
        normals=np.concatenate([mesh.normals for mesh in meshes]),
        rest_positions_m=np.concatenate([mesh.rest_positions_m for mesh in meshes]),
        albedo=np.concatenate([mesh.albedo for mesh in meshes]),
        nail=np.concatenate([mesh.nail for mesh in meshes]),
        faces=np.concatenate([mesh.faces + start for mesh, start in zip(meshes, starts, strict=True)]),
        face_material=np.concatenate([mesh.face_material for mesh in meshes]),
    )
