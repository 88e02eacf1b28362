"""The posed hand as triangles to draw: the labelled hand, its forearm, and the arm that goes on behind it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.random import Generator
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, shortest_path

from training.hand.kinematics import PosedHand
from training.hand.rig import FOREARM
from training.hand.template import load_template
from training.synthetic.meshes import painted_mesh, vertex_normals
from training.synthetic.scene import HAND_MATERIAL, Mesh, merge_meshes
from training.synthetic.skin import Skin
from training.synthetic.sleeves import arm_behind
from training.synthetic.solids import Floats, Ints


@dataclass(frozen=True, eq=False)
class _Division:
    """Which faces are hand and which forearm, and the loop where the template ends."""

    is_hand: Ints
    """(F,) 1 on faces in front of the label mesh's rim, else 0."""
    end_loop: Ints
    """(K,) rendered vertices, in the order that winds `arm_behind` outwards."""
    rest_m: Floats
    """(N, 3) rendered vertices of the mean hand."""


def hand_mesh(posed: PosedHand, skin: Skin, *, arm_material: int, rng: Generator) -> Mesh:
    """Return hand, forearm and arm; rows up to N are the rendered vertices.

    Faces in front of the label mesh's rim get `HAND_MATERIAL`, all others `arm_material`.
    """
    template, division = load_template(), _division()
    normals = vertex_normals(posed.rendered_vertices_m, template.control_faces)
    body = painted_mesh(
        posed.rendered_vertices_m,
        normals,
        division.rest_m,
        material=arm_material,
        faces=template.control_faces,
        albedo=skin.albedo,
        nail=skin.nail,
    )
    body.face_material[division.is_hand == 1] = HAND_MATERIAL
    return merge_meshes([body, _arm(posed, skin, normals, arm_material=arm_material, rng=rng)])


def mirrored(mesh: Mesh, *, plane_m: Floats, normal: Floats) -> Mesh:
    """Return the mesh seen in a mirror through `plane_m` [3] across `normal` [3]: a right hand turns left."""
    flip = np.eye(3) - 2 * np.outer(normal, normal)
    return Mesh(
        positions_m=(mesh.positions_m - plane_m) @ flip + plane_m,
        normals=mesh.normals @ flip,
        rest_positions_m=mesh.rest_positions_m,
        albedo=mesh.albedo,
        nail=mesh.nail,
        faces=mesh.faces[:, ::-1],
        face_material=mesh.face_material,
    )


def _arm(posed: PosedHand, skin: Skin, normals: Floats, *, arm_material: int, rng: Generator) -> Mesh:
    division = _division()
    loop = division.end_loop
    direction = posed.elbow_m / np.linalg.norm(posed.elbow_m)
    points, faces = arm_behind(posed.rendered_vertices_m[loop], direction, rng)
    arm_normals = vertex_normals(points, faces)
    arm_normals[: len(loop)] = normals[loop]
    unturned = points - posed.bone_translations_m[FOREARM]
    rings = -(-len(points) // len(loop))
    return painted_mesh(
        points,
        arm_normals,
        unturned @ posed.bone_rotations[FOREARM],
        material=arm_material,
        faces=faces,
        albedo=np.tile(skin.albedo[loop], (rings, 1))[: len(points)],
    )


@cache
def _division() -> _Division:
    template = load_template()
    faces, count = template.control_faces, len(template.control_vertices_m)
    rest = template.rendered_matrix @ template.control_vertices_m
    rim = _rim_edges(template.topology.faces, template.label_vertices)
    cut = _walked(rim, faces, rest)
    sides = faces[:, [[0, 1], [1, 2], [2, 0]]]
    keys = np.sort(sides.reshape(-1, 2), axis=1) @ [count, 1]
    owner = np.repeat(np.arange(len(faces)), 3)
    order = np.argsort(keys, kind="stable")
    twins = order[:-1][keys[order][:-1] == keys[order][1:]], order[1:][keys[order][:-1] == keys[order][1:]]
    joined = ~np.isin(keys[twins[0]], cut)
    graph = csr_array(
        (np.ones(joined.sum()), (owner[twins[0][joined]], owner[twins[1][joined]])), shape=(len(faces),) * 2
    )
    _, part = connected_components(graph, directed=False)
    tip_face = int(
        np.flatnonzero((faces == template.label_vertices[template.fingertip_vertices[0]]).any(1))[0]
    )
    _, times = np.unique(keys, return_counts=True)
    single = np.isin(keys, np.unique(keys)[times == 1])
    # Directed as the faces run; the arm's faces lie on the other side of the edge and run against it.
    loop = _chained(sides.reshape(-1, 2)[single])
    return _Division(is_hand=(part == part[tip_face]).astype(np.int64), end_loop=loop[::-1], rest_m=rest)


def _rim_edges(label_faces: Ints, label_vertices: Ints) -> Ints:
    """Return the rendered vertices at both ends of every edge of the label mesh's rim, (E, 2)."""
    edges = np.sort(label_faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1)
    unique, times = np.unique(edges, axis=0, return_counts=True)
    rim: Ints = label_vertices[unique[times == 1]]
    return rim


def _walked(pairs: Ints, faces: Ints, places_m: Floats) -> Ints:
    """Return keys of the mesh's edges on the shortest ways between pairs of vertices."""
    count = len(places_m)
    edges = np.unique(np.sort(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=1), axis=0)
    length = np.linalg.norm(places_m[edges[:, 0]] - places_m[edges[:, 1]], axis=1)
    graph = csr_array((length, (edges[:, 0], edges[:, 1])), shape=(count, count))
    _, before = shortest_path(graph, directed=False, indices=pairs[:, 0], return_predecessors=True)
    keys = []
    for row, end in enumerate(pairs[:, 1]):
        while end != pairs[row, 0]:
            step = before[row, end]
            keys.append(min(step, end) * count + max(step, end))
            end = step
    return np.array(keys, np.int64)


def _chained(edges: Ints) -> Ints:
    """Return the vertices of one loop of directed edges (E, 2) in order."""
    follower = dict(edges.tolist())
    loop = [int(edges[0, 0])]
    while follower[loop[-1]] != loop[0]:
        loop.append(follower[loop[-1]])
    return np.array(loop, np.int64)
