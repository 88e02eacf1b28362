"""What of the hand a view shows: vertices, joints, and the share of its own silhouette."""

from __future__ import annotations

from math import floor

import numpy as np
from numpy.typing import NDArray

from training.synthetic.compiler import jit
from training.synthetic.raster import draw_depth, project
from training.synthetic.render import SUPERSAMPLING, BakedScene, RenderedView
from training.synthetic.scene import Camera, FloatArray

TOLERANCE_M = 0.004
"""A vertex is seen when the picture near it is no further than this from its depth."""
JOINT_THRESHOLD = 0.1
"""A joint is seen when more than this share of the vertices around it is."""
NEIGHBOURS = 16
WRIST_NEIGHBOURS = 30


def visible_vertices(
    baked: BakedScene, camera: Camera, view: RenderedView, positions_m: FloatArray, normals: FloatArray
) -> NDArray[np.bool_]:
    """Return which label vertices (V, 3) the view shows.

    A vertex is visible when it faces the camera and a sample of the hand, among the 3 x 3 around it, lies
    within 4 mm of its depth.
    """
    points = project(positions_m, camera.K, camera.R, camera.t_m, float(SUPERSAMPLING))
    toward_eye = -camera.R.T @ camera.t_m - positions_m
    facing = np.einsum("ij,ij->i", normals, toward_eye) > 0.0
    return _near_samples(points, facing, view.inverse_depth, view.face_index, baked.is_hand)


@jit
def _near_samples(
    points: FloatArray,
    facing: NDArray[np.bool_],
    inverse_depth: FloatArray,
    face_index: NDArray[np.int32],
    is_hand: NDArray[np.bool_],
) -> NDArray[np.bool_]:
    side = face_index.shape[0]
    seen = np.zeros(points.shape[0], np.bool_)
    for i in range(points.shape[0]):
        column, row = floor(points[i, 0]), floor(points[i, 1])
        inside = 0 <= column < side and 0 <= row < side
        if not facing[i] or points[i, 2] <= 0.0 or not inside:
            continue
        depth_m = 1.0 / points[i, 2]
        for y in range(max(0, row - 1), min(side, row + 2)):
            for x in range(max(0, column - 1), min(side, column + 2)):
                face = face_index[y, x]
                if face >= 0 and is_hand[face] and abs(1.0 / inverse_depth[y, x] - depth_m) < TOLERANCE_M:
                    seen[i] = True
    return seen


def joint_neighbours(vertices_m: FloatArray, joints_m: FloatArray) -> NDArray[np.float32]:
    """Return (J, V) weights that average over the vertices nearest to each joint of a hand in rest.

    The wrist, joint 0, is thick and takes 30 of them, the others 16.
    """
    weights = np.zeros((len(joints_m), len(vertices_m)), np.float32)
    for joint, position_m in enumerate(joints_m):
        count = NEIGHBOURS if joint else WRIST_NEIGHBOURS
        nearest = np.argsort(np.linalg.norm(vertices_m - position_m, axis=1))[:count]
        weights[joint, nearest] = 1.0 / len(nearest)
    return weights


def visible_joints(vertex_visible: NDArray[np.bool_], neighbours: FloatArray) -> NDArray[np.bool_]:
    """Return (J,) which joints are seen, from (V,) and `joint_neighbours`."""
    return np.asarray(neighbours @ vertex_visible > JOINT_THRESHOLD)


def hand_silhouette(baked: BakedScene, camera: Camera) -> NDArray[np.bool_]:
    """Return the samples (H, H) that the labelled hand would cover if it were alone."""
    faces = baked.geometry.faces[baked.is_hand]
    # Without the forearm the wrist is open: from behind, the inside of the hand closes the outline.
    _, inverse_depth, _ = draw_depth(
        camera, baked.mesh.positions_m, faces, supersampling=SUPERSAMPLING, both_sides=True
    )
    return inverse_depth > 0.0


def visible_share(baked: BakedScene, camera: Camera, view: RenderedView) -> float:
    """Return the share of the hand's own silhouette that the view shows; 0 for a hand outside the picture."""
    alone = int(np.count_nonzero(hand_silhouette(baked, camera)))
    return _count(view.face_index, baked.is_hand) / max(alone, 1)


@jit
def _count(face_index: NDArray[np.int32], chosen: NDArray[np.bool_]) -> int:
    """Return how many samples show a chosen face."""
    total = 0
    for face in face_index.ravel():
        if face >= 0 and chosen[face]:
            total += 1
    return total
