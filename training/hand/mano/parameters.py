"""What a file of MANO holds, checked.

Legend: V = 778 vertices, F = 1538 faces, B = 16 bones in MANO's order (`layout.BONE_PARENTS`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.hand.mano.layout import (
    ARTICULATION_SIZE,
    BONE_COUNT,
    BONE_PARENTS,
    FACE_COUNT,
    SHAPE_SIZE,
    VERTEX_COUNT,
    Side,
)
from training.hand.mano.pickled import as_array, read_records
from training.hand.mano.pose import MIRRORED_AXIS_ANGLE
from training.hand.mirror import mirrored_faces

Float = NDArray[np.float64]
Index = NDArray[np.int64]

_FLIP_X = np.array([-1.0, 1.0, 1.0])
_SUM_TOLERANCE = 0.02
"""Shares are fitted, with no more than a pull towards the sum of 1."""


@dataclass(frozen=True, eq=False, kw_only=True)
class ManoParameters:
    """The numbers of one side, in MANO's own frame: metres, the wrist near (±0.095, 0.006, 0.006)."""

    side: Side
    """Which way the fingers point: a right hand's to -x, a left hand's to +x."""
    template_m: Float
    """(V, 3): mean shape, flat."""
    shape_basis_m: Float
    """(V, 3, 10): what one unit of each shape parameter adds."""
    pose_basis_m: Float
    """(V, 3, 135): what each entry of the finger bones' rotations, less identity, adds."""
    joint_regressor: Float
    """(B, V): heads of the bones from the vertices of a hand at rest; rows sum to 1."""
    weights: Float
    """(V, B): share of each bone; rows sum to 1."""
    faces: Index
    """(F, 3): outward winding."""
    mean_articulation: Float
    """(45,): axis-angle, the relaxed hand that residuals count from."""
    components: Float
    """(45, 45): principal components of articulations, one a row."""

    def mirrored(self) -> ManoParameters:
        """Return the other side's hand that is the mirror image of this one at x = 0."""
        turn_signs = np.outer(_FLIP_X, _FLIP_X).ravel()  # a rotation R becomes S R S
        angle_signs = np.tile(MIRRORED_AXIS_ANGLE, ARTICULATION_SIZE // 3)
        return ManoParameters(
            side="left" if self.side == "right" else "right",
            template_m=self.template_m * _FLIP_X,
            shape_basis_m=self.shape_basis_m * _FLIP_X[:, None],
            pose_basis_m=self.pose_basis_m * _FLIP_X[:, None] * np.tile(turn_signs, BONE_COUNT - 1),
            joint_regressor=self.joint_regressor,
            weights=self.weights,
            faces=mirrored_faces(self.faces),
            mean_articulation=self.mean_articulation * angle_signs,
            components=self.components * angle_signs,
        )


def read_parameters(path: Path, *, side: Side) -> ManoParameters:
    """Return the numbers of `MANO_RIGHT.pkl` or `MANO_LEFT.pkl`, which is read without running any of it.

    Raises:
        ValueError: There is no such file, it is damaged or names something unknown, or a field of it is
            missing, of another shape, not finite, contradictory or of the other side; the message names file
            and field.
    """
    try:
        content = read_records(_bytes_of(path))
        if not isinstance(content, dict):
            raise ValueError(f"holds a {type(content).__name__}, not a dictionary")
        return _parameters(content, side)
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error


def _bytes_of(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ValueError(f"is not readable: {error.strerror}") from error


def _parameters(content: Mapping[object, object], side: Side) -> ManoParameters:
    template = _real(content, "v_template", (VERTEX_COUNT, 3))
    regressor = _shares(content, "J_regressor", (BONE_COUNT, VERTEX_COUNT))
    _check_bones(content)
    _check_side(regressor @ template, side)
    return ManoParameters(
        side=side,
        template_m=template,
        shape_basis_m=_real(content, "shapedirs", (VERTEX_COUNT, 3, SHAPE_SIZE)),
        pose_basis_m=_real(content, "posedirs", (VERTEX_COUNT, 3, 9 * (BONE_COUNT - 1))),
        joint_regressor=regressor,
        weights=_shares(content, "weights", (VERTEX_COUNT, BONE_COUNT)),
        faces=_faces(content),
        mean_articulation=_real(content, "hands_mean", (ARTICULATION_SIZE,)),
        components=_real(content, "hands_components", (ARTICULATION_SIZE, ARTICULATION_SIZE)),
    )


def _array(content: Mapping[object, object], name: str, shape: tuple[int, ...]) -> NDArray[Any]:
    if name not in content:
        raise ValueError(f"{name}: missing")
    try:
        array = as_array(content[name])
    except ValueError as error:
        raise ValueError(f"{name}: {error}") from error
    if array.shape != shape:
        raise ValueError(f"{name}: has shape {array.shape}, not {shape}")
    return array


def _real(content: Mapping[object, object], name: str, shape: tuple[int, ...]) -> Float:
    numbers = _array(content, name, shape).astype(np.float64)
    if not np.isfinite(numbers).all():
        raise ValueError(f"{name}: {np.count_nonzero(~np.isfinite(numbers))} numbers are not finite")
    return numbers


def _shares(content: Mapping[object, object], name: str, shape: tuple[int, ...]) -> Float:
    numbers = _real(content, name, shape)
    sums = numbers.sum(axis=1)
    worst = int(np.abs(sums - 1).argmax())
    if abs(sums[worst] - 1) > _SUM_TOLERANCE:
        raise ValueError(f"{name}: row {worst} sums to {sums[worst]:.4f}, not 1")
    return numbers


def _faces(content: Mapping[object, object]) -> Index:
    numbers = _array(content, "f", (FACE_COUNT, 3))
    if numbers.dtype.kind not in "iu" or numbers.min() < 0 or numbers.max() >= VERTEX_COUNT:
        raise ValueError(f"f: vertices must be whole numbers in [0, {VERTEX_COUNT})")
    faces = numbers.astype(np.int64)
    edges, uses = np.unique(faces[:, [[0, 1], [1, 2], [2, 0]]].reshape(-1, 2), axis=0, return_counts=True)
    if uses.max() > 1:
        edge = edges[uses.argmax()].tolist()
        raise ValueError(f"f: two faces run along the edge {edge} in the same direction")
    return faces


def _check_bones(content: Mapping[object, object]) -> None:
    parents = _array(content, "kintree_table", (2, BONE_COUNT))[0].tolist()
    # The root's parent is -1 written as an unsigned number, whose width differs between files.
    if parents[1:] != list(BONE_PARENTS[1:]):
        raise ValueError(f"kintree_table: parents are {parents}, not {list(BONE_PARENTS)}")


def _check_side(heads_m: Float, side: Side) -> None:
    reach_m = heads_m[1:, 0].mean() - heads_m[0, 0]
    found = "right" if reach_m < 0 else "left"
    if found != side:
        raise ValueError(f"v_template: is a {found} hand, a {side} one is wanted")
