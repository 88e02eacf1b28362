"""Two places of a hand's skin that touch, and how to bring them together on a hand of another shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.hand.compiler import jit
from training.hand.kinematics import RestHand, compiled_forward_kinematics
from training.hand.limits import FingerDof
from training.hand.pose import PoseAngles, compiled_bone_rotations, limits_vector
from training.hand.rig import HEAD_JOINTS
from training.hand.template import HandTemplate

Float = NDArray[np.float64]

_THUMB_COLUMNS = tuple(range(20, 26))
_FINGER_COLUMNS = (
    FingerDof.MCP_FLEXION,
    FingerDof.MCP_ABDUCTION,
    FingerDof.PIP_FLEXION,
    FingerDof.DIP_FLEXION,
)
_STEPS = 5
_PROBE_DEG = 0.5
_DAMPING_M_PER_DEG = 2e-4
_CLOSE_ENOUGH_M = 5e-4


@dataclass(frozen=True)
class Spot:
    """A place on the skin."""

    vertex: int
    """Rendered vertex."""
    bone: int
    """The bone that carries it."""


@dataclass(frozen=True)
class Touch:
    """Two spots that touch in a pose."""

    first: Spot
    """On the thumb."""
    second: Spot
    moving_finger: int | None
    """Row of the finger that may move to it besides the thumb, 0 is index; None if the thumb alone moves."""

    def row(self) -> NDArray[np.int16]:
        """Return the touch as five numbers for a file; -1 stands for no finger."""
        finger = -1 if self.moving_finger is None else self.moving_finger
        spots = (self.first.vertex, self.first.bone, self.second.vertex, self.second.bone)
        return np.array([*spots, finger], dtype=np.int16)

    @staticmethod
    def from_row(row: NDArray[np.int16]) -> Touch:
        """Return the touch whose `row` this is."""
        first_vertex, first_bone, second_vertex, second_bone, finger = row.tolist()
        return Touch(
            first=Spot(vertex=first_vertex, bone=first_bone),
            second=Spot(vertex=second_vertex, bone=second_bone),
            moving_finger=None if finger < 0 else finger,
        )


def moving_columns(moving_finger: int | None) -> list[int]:
    """Return the entries of `PoseAngles.vector` that may change: the thumb's, and those of one finger."""
    of_finger = () if moving_finger is None else _FINGER_COLUMNS
    return [*_THUMB_COLUMNS, *(5 * (moving_finger or 0) + column for column in of_finger)]


def closed(template: HandTemplate, rest: RestHand, pose: PoseAngles, touch: Touch) -> PoseAngles:
    """Return the pose moved as little as needed for two spots of this hand to touch, within the joint limits.

    Damped Gauss-Newton steps over the moving angles; the spots ride rigidly on their bones.
    """
    spots_m = template.rendered_matrix[[touch.first.vertex, touch.second.vertex]] @ rest.control_vertices_m
    columns = np.array(moving_columns(touch.moving_finger))
    angles = _closed(
        pose.vector(),
        columns,
        limits_vector()[columns],
        spots_m,
        np.array([touch.first.bone, touch.second.bone]),
        rest.hinges.axes,
        rest.hinges.rest_flexion_deg,
        rest.joints_m[list(HEAD_JOINTS)],
    )
    return PoseAngles.from_vector(angles)


@jit
def _closed(
    angles_deg: Float,
    columns: NDArray[np.int64],
    limits_deg: Float,
    spots_m: Float,
    bones: NDArray[np.int64],
    axes: Float,
    rest_flexion_deg: Float,
    heads_m: Float,
) -> Float:
    slopes = np.empty((3, len(columns)))
    for _ in range(_STEPS):
        gap = _gap_m(angles_deg, spots_m, bones, axes, rest_flexion_deg, heads_m)
        if (gap * gap).sum() < _CLOSE_ENOUGH_M**2:
            break
        for place, column in enumerate(columns):
            probe = angles_deg.copy()
            probe[column] += _PROBE_DEG
            moved = _gap_m(probe, spots_m, bones, axes, rest_flexion_deg, heads_m)
            slopes[:, place] = (moved - gap) / _PROBE_DEG
        system = slopes @ slopes.T + _DAMPING_M_PER_DEG**2 * np.eye(3)
        step = slopes.T @ np.linalg.solve(system, gap)
        for place, column in enumerate(columns):
            lowest, highest = limits_deg[place]
            angles_deg[column] = min(max(angles_deg[column] - step[place], lowest), highest)
    return angles_deg


@jit
def _gap_m(
    angles_deg: Float,
    spots_m: Float,
    bones: NDArray[np.int64],
    axes: Float,
    rest_flexion_deg: Float,
    heads_m: Float,
) -> Float:
    """Return the way from the second spot to the first, (3,)."""
    rotations = compiled_bone_rotations(axes, rest_flexion_deg, angles_deg)
    turned, shifted = compiled_forward_kinematics(rotations, heads_m)
    first = turned[bones[0]] @ spots_m[0] + shifted[bones[0]]
    second = turned[bones[1]] @ spots_m[1] + shifted[bones[1]]
    return np.asarray(first - second)
