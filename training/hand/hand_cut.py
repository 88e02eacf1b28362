"""Cut of the right hand and forearm out of the whole body, in the canonical frame, in metres."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.hand.makehuman import BaseMesh, MakeHuman
from training.hand.rig import BONE_COUNT, BONE_NAMES, FINGERS, FOREARM, LITTLE_METACARPAL, RING_METACARPAL

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_METRES_PER_DM = 0.1
_FOREARM_LENGTH_M = 0.20
_LABELLED_BEHIND_WRIST_M = 0.025
_REACH_M = 0.23
_ARM_RADIUS_M = 0.16

_JOINT_CUBES = ("hand", *(f"finger-{finger}-{joint}" for finger in range(1, 6) for joint in range(1, 5)))
_PHALANXES = ("proximal", "intermediate", "distal")
_RIG_BONES = {
    **{
        f"finger{number}-{part}.R": BONE_NAMES.index(f"{finger}_{phalanx}")
        for number, finger in enumerate(FINGERS, start=1)
        for part, phalanx in enumerate(_PHALANXES, start=1)
    },
    # Index and middle metacarpals hardly move against the wrist, so they are part of the hand.
    "wrist.R": 0,
    "metacarpal1.R": 0,
    "metacarpal2.R": 0,
    "metacarpal3.R": RING_METACARPAL,
    "metacarpal4.R": LITTLE_METACARPAL,
    "lowerarm01.R": FOREARM,
    "lowerarm02.R": FOREARM,
}
"""MakeHuman's bones by ours."""


@dataclass(frozen=True, eq=False)
class CanonicalHand:
    """Vertices and joints of one person in the hand's own frame."""

    vertices_m: Float
    """(19158, 3): the whole body."""
    joints_m: Float
    """(21, 3)."""
    elbow_m: Float
    """(3,)."""


@dataclass(frozen=True, eq=False)
class HandCut:
    """Which part of the body is the hand."""

    body_vertices: Index
    """(1782,): body vertices of the hand with forearm, ascending."""
    faces: Index
    """(3540, 3): triangles over them."""
    face_uvs: Index
    """(3540, 3): texture vertices, parallel to `faces`."""
    label_vertices: Index
    """(1649,): those from just behind the wrist on, that labels are chosen from."""
    label_faces: Index
    """(3276, 3): triangles over the label vertices."""


def canonical_hand(base: BaseMesh, vertices_dm: Float) -> CanonicalHand:
    """Return a person in the frame of the right hand: wrist 0, fingers -x, thumb +z, back of the hand +y."""
    cubes = [base.group_vertices(f"joint-r-{name}") for name in (*_JOINT_CUBES, "elbow")]
    points = np.stack([vertices_dm[cube].mean(axis=0) for cube in cubes])
    wrist, index_mcp, middle_mcp, little_mcp = points[[0, 5, 9, 17]]
    x = _unit(wrist - middle_mcp)
    knuckles = index_mcp - little_mcp
    z = _unit(knuckles - x * (x @ knuckles))
    to_canonical = np.stack([x, np.cross(z, x), z])
    moved = (points - wrist) @ to_canonical.T * _METRES_PER_DM
    return CanonicalHand(
        vertices_m=(vertices_dm - wrist) @ to_canonical.T * _METRES_PER_DM,
        joints_m=moved[:-1],
        elbow_m=moved[-1],
    )


def cut_hand(base: BaseMesh, neutral_dm: Float) -> HandCut:
    """Return the cut, decided once on the neutral person."""
    hand = canonical_hand(base, neutral_dm)
    towards_elbow = _unit(hand.elbow_m)
    ahead = -(hand.vertices_m @ towards_elbow)
    radius = np.linalg.norm(np.cross(hand.vertices_m, towards_elbow), axis=1)
    right_side = neutral_dm[:, 0] < 0
    near = right_side & (ahead > -_REACH_M) & (radius < _ARM_RADIUS_M)
    arm = [face for face in base.groups["body"] if near[base.faces[face]].all()]
    with_forearm = [face for face in arm if (ahead[base.faces[face]] > -_FOREARM_LENGTH_M).all()]
    labelled = [face for face in arm if (ahead[base.faces[face]] > -_LABELLED_BEHIND_WRIST_M).all()]
    faces, face_uvs = _triangulate(base, with_forearm, hand.vertices_m)
    label_faces, _ = _triangulate(base, labelled, hand.vertices_m)
    body_vertices, label_body_vertices = np.unique(faces), np.unique(label_faces)
    return HandCut(
        body_vertices=body_vertices,
        faces=np.searchsorted(body_vertices, faces),
        face_uvs=face_uvs,
        label_vertices=np.searchsorted(body_vertices, label_body_vertices),
        label_faces=np.searchsorted(label_body_vertices, label_faces),
    )


def skin_weights(source: MakeHuman, cut: HandCut) -> Float:
    """Return the share of each of our bones in every vertex of the cut, (1782, 19); rows sum to 1."""
    weights = np.zeros((len(source.base.vertices_dm), BONE_COUNT))
    for name, pairs in source.bone_weights().items():
        if name in _RIG_BONES:
            for vertex, weight in pairs:
                weights[vertex, _RIG_BONES[name]] += weight
    of_hand = weights[cut.body_vertices]
    return np.asarray(of_hand / of_hand.sum(axis=1, keepdims=True))


def nail_mask(source: MakeHuman, cut: HandCut) -> Float:
    """Return 1 on finger nails and 0 on skin for every vertex of the cut, (1782,)."""
    texture = source.nail_texture()
    height, width = texture.shape
    uvs = np.zeros((len(cut.body_vertices), 2))
    uvs[cut.faces] = source.base.uvs[cut.face_uvs]
    rows = np.clip(((1 - uvs[:, 1]) * height).astype(int), 0, height - 1)
    columns = np.clip((uvs[:, 0] * width).astype(int), 0, width - 1)
    return np.asarray(texture[rows, columns])


def _triangulate(base: BaseMesh, polygons: list[int], vertices_m: Float) -> tuple[Index, Index]:
    """Return triangles and their texture vertices; a quad is split along its shorter diagonal."""
    triangles, uvs = [], []
    for polygon in polygons:
        corners, corner_uvs = base.faces[polygon], base.face_uvs[polygon]
        a, b, c, d = vertices_m[corners]
        first_is_shorter = np.linalg.norm(a - c) <= np.linalg.norm(b - d)
        for part in ((0, 1, 2), (0, 2, 3)) if first_is_shorter else ((1, 2, 3), (1, 3, 0)):
            triangles.append([corners[corner] for corner in part])
            uvs.append([corner_uvs[corner] for corner in part])
    return np.array(triangles, dtype=np.int64), np.array(uvs, dtype=np.int64)


def _unit(vector: Float) -> Float:
    return np.asarray(vector / np.linalg.norm(vector))
