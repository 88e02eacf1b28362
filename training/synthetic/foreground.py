"""Deferred shading of the meshes: samples of one material in a pixel are averaged and lit once.

Legend: V vertices, F faces, S side of the picture, H = S times supersampling.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import inlined, jit
from training.synthetic.lighting import LightRig, reflected
from training.synthetic.scene import HAND_MATERIAL, FloatArray, Mesh
from training.synthetic.shadows import turn_at
from training.synthetic.surface import Place, surface_at
from training.synthetic.textures import TextureBank
from training.synthetic.vectors import Vec3, cross, row_vector, subtract, unit

# Columns of the interpolated attributes.
_POSITION, _NORMAL, _REST, _ALBEDO, _OPENNESS, _NAIL = 0, 3, 6, 9, 12, 13
_COLUMNS = 16


class Geometry(NamedTuple):
    """A mesh as compiled code reads it."""

    attributes: NDArray[np.float32]
    """(V, 16): position, normal, rest position, albedo, openness, nail."""
    faces: NDArray[np.int32]
    """(F, 3)."""
    face_material: NDArray[np.int32]
    """(F,)."""
    face_axis: NDArray[np.int32]
    """(F,) dominant axis of the face's normal in its rest position."""


class Look(NamedTuple):
    """All that colours a surface."""

    materials: NDArray[np.void]
    rig: LightRig
    noise: NDArray[np.float32]
    bank: TextureBank


class Samples(NamedTuple):
    """What the rasteriser found, seen from one camera."""

    points: NDArray[np.float32]
    """(V, 3) column, row, nearness."""
    inverse_depth: NDArray[np.float32]
    """(H, H) in 1/m."""
    face_index: NDArray[np.int32]
    """(H, H), -1 where nothing is."""
    supersampling: int
    eye: Vec3
    focal_px: float


class Layer(NamedTuple):
    """The meshes' picture, premultiplied by their coverage."""

    radiance: NDArray[np.float32]
    """(S, S, 3)."""
    coverage: NDArray[np.float32]
    """(S, S)."""
    hand_coverage: NDArray[np.float32]
    """(S, S)."""


def pack_geometry(mesh: Mesh, openness: FloatArray) -> Geometry:
    """Lay a mesh out for the shader."""
    faces = np.ascontiguousarray(mesh.faces, np.int32)
    attributes = np.zeros((len(mesh.positions_m), _COLUMNS), np.float32)
    attributes[:, _POSITION : _POSITION + 3] = mesh.positions_m
    attributes[:, _NORMAL : _NORMAL + 3] = mesh.normals
    attributes[:, _REST : _REST + 3] = mesh.rest_positions_m
    attributes[:, _ALBEDO : _ALBEDO + 3] = mesh.albedo
    attributes[:, _OPENNESS] = openness
    attributes[:, _NAIL] = mesh.nail
    return Geometry(
        attributes,
        faces,
        np.ascontiguousarray(mesh.face_material, np.int32),
        _dominant_axes(attributes, faces),
    )


@jit
def _dominant_axes(attributes: FloatArray, faces: NDArray[np.int32]) -> NDArray[np.int32]:
    axes = np.empty(faces.shape[0], np.int32)
    for face in range(faces.shape[0]):
        a = row_vector(attributes, faces[face, 0], _REST)
        b = row_vector(attributes, faces[face, 1], _REST)
        c = row_vector(attributes, faces[face, 2], _REST)
        x, y, z = cross(subtract(b, a), subtract(c, a))
        x, y, z = abs(x), abs(y), abs(z)
        axes[face] = 0 if x >= max(y, z) else (1 if y >= z else 2)
    return axes


@inlined
def _add_sample(
    geometry: Geometry, samples: Samples, row: int, column: int, total: NDArray[np.float64]
) -> None:
    """Add the perspective-correct attributes of one sample to `total`."""
    face = samples.face_index[row, column]
    a, b, c = geometry.faces[face, 0], geometry.faces[face, 1], geometry.faces[face, 2]
    points = samples.points
    ax, ay = points[a, 0], points[a, 1]
    bx, by, cx, cy = points[b, 0] - ax, points[b, 1] - ay, points[c, 0] - ax, points[c, 1] - ay
    dx, dy = column + 0.5 - ax, row + 0.5 - ay
    depth = 1.0 / samples.inverse_depth[row, column]
    per_area = depth / (bx * cy - cx * by)
    weight_b = (dx * cy - dy * cx) * per_area * points[b, 2]
    weight_c = (dy * bx - dx * by) * per_area * points[c, 2]
    weight_a = 1.0 - weight_b - weight_c
    attributes = geometry.attributes
    for k in range(_COLUMNS):
        total[k] += weight_a * attributes[a, k] + weight_b * attributes[b, k] + weight_c * attributes[c, k]


@inlined
def _shade(
    mean: NDArray[np.float64],
    material: int,
    axis: int,
    samples: Samples,
    look: Look,
    footprint_m: float,
    turn: int,
) -> Vec3:
    position = (mean[_POSITION], mean[_POSITION + 1], mean[_POSITION + 2])
    normal = unit((mean[_NORMAL], mean[_NORMAL + 1], mean[_NORMAL + 2]))
    rest = (mean[_REST], mean[_REST + 1], mean[_REST + 2])
    albedo = (mean[_ALBEDO], mean[_ALBEDO + 1], mean[_ALBEDO + 2])
    place = Place(rest, axis, normal, albedo, mean[_NAIL], footprint_m)
    point = surface_at(place, look.materials[material], look.noise, look.bank)
    toward_eye = unit(subtract(samples.eye, position))
    return reflected(point, position, normal, toward_eye, mean[_OPENNESS], look.rig, turn)


@jit
def draw_foreground(geometry: Geometry, samples: Samples, look: Look, layer: Layer) -> None:
    """Light every pixel that a mesh covers, into `layer` (zero before)."""
    step = samples.supersampling
    mean = np.empty(_COLUMNS)
    taken = np.empty(step * step, np.bool_)
    for y in range(layer.coverage.shape[0]):
        for x in range(layer.coverage.shape[1]):
            for k in range(step * step):
                taken[k] = samples.face_index[y * step + k // step, x * step + k % step] < 0
            for first in range(step * step):
                if not taken[first]:
                    _draw_fragment(geometry, samples, look, layer, y, x, first, taken, mean)


@inlined
def _draw_fragment(
    geometry: Geometry,
    samples: Samples,
    look: Look,
    layer: Layer,
    y: int,
    x: int,
    first: int,
    taken: NDArray[np.bool_],
    mean: NDArray[np.float64],
) -> None:
    """Light the samples of pixel (y, x) that share the material of sample `first`."""
    step = samples.supersampling
    face = samples.face_index[y * step + first // step, x * step + first % step]
    material = geometry.face_material[face]
    count = 0
    mean[:] = 0.0
    for k in range(first, step * step):
        row, column = y * step + k // step, x * step + k % step
        if not taken[k] and geometry.face_material[samples.face_index[row, column]] == material:
            taken[k] = True
            count += 1
            _add_sample(geometry, samples, row, column, mean)
    for k in range(_COLUMNS):
        mean[k] /= count
    depth_m = 1.0 / samples.inverse_depth[y * step + first // step, x * step + first % step]
    color = _shade(
        mean, material, geometry.face_axis[face], samples, look, depth_m / samples.focal_px, turn_at(y, x)
    )
    share = count / (step * step)
    layer.coverage[y, x] += share
    if material == HAND_MATERIAL:
        layer.hand_coverage[y, x] += share
    for channel in range(3):
        layer.radiance[y, x, channel] += share * color[channel]
