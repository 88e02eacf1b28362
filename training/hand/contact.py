"""Poses in which a hand touches itself, solved as small problems of inverse kinematics.

The thumb meets a finger's pad, lies over a fist, or presses on the index finger's side as on a key.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import least_squares

from training.hand.collision import self_collision_depth_m
from training.hand.kinematics import PosedHand, RestHand, pose_hand, shape_hand
from training.hand.normals import vertex_normals
from training.hand.pose import PoseAngles, bone_rotations, limits_vector
from training.hand.rig import BONE_NAMES, FINGERS
from training.hand.shape import mean_shape
from training.hand.template import HandTemplate
from training.hand.touch import Spot, Touch, moving_columns

Float = NDArray[np.float64]

MM_PER_M = 1000.0

_OPPOSITION_MM = 3.0
"""What normals that do not face each other cost, against millimetres of distance."""
_RELUCTANCE = 0.03
"""What a degree away from the first guess costs."""
_FREE_DEPTH_M = 0.003
"""Capsules overlap by this much where flesh touches."""


@dataclass(frozen=True, eq=False)
class Contact:
    """A solved contact."""

    pose: PoseAngles
    touch: Touch
    gap_m: float
    """Distance between the two spots."""
    depth_m: float
    """How deep the fingers' capsules lie in each other."""


class ContactSolver:
    """Solves contacts of the mean hand."""

    def __init__(self, template: HandTemplate) -> None:
        self._template = template
        self._shape = mean_shape()
        self.rest: RestHand = shape_hand(template, self._shape)
        self._rendered = template.rendered_matrix @ self.rest.control_vertices_m
        self._normals = vertex_normals(self._rendered, template.control_faces)
        self._limits = limits_vector()

    def pulp(self, finger: str) -> Spot:
        """Return the middle of the pad of a finger's end."""
        return self._spot(f"{finger}_distal", along=0.62, direction=-self._dorsal(f"{finger}_distal"))

    def back(self, finger: str) -> Spot:
        """Return the middle of the back of a finger's intermediate phalanx."""
        bone = f"{finger}_intermediate"
        return self._spot(bone, along=0.55, direction=self._dorsal(bone))

    def thumb_side(self, finger: str) -> Spot:
        """Return the middle of the side of a finger's intermediate phalanx that faces the thumb."""
        bone = f"{finger}_intermediate"
        return self._spot(bone, along=0.6, direction=self.rest.hinges.axes[BONE_NAMES.index(bone) - 1, 0])

    def solve(self, guess: PoseAngles, first: Spot, second: Spot, *, moving_finger: int | None) -> Contact:
        """Return the pose near a guess in which two spots touch and face each other.

        Args:
            guess: Where to start; the thumb moves, and one finger at most.
            first: A spot on the thumb.
            second: The spot it shall touch.
            moving_finger: Row of the finger that may move too, 0 is index; None holds all fingers.
        """
        columns = moving_columns(moving_finger)
        lowest, highest = self._limits[columns].T
        angles = guess.vector()
        start = np.clip(angles[columns], lowest + 0.5, highest - 0.5)

        def residuals(solved: Float) -> Float:
            angles[columns] = solved
            hand = self._posed(angles)
            gap = (self._place(hand, first) - self._place(hand, second)) * MM_PER_M
            facing = (self._normal(hand, first) + self._normal(hand, second)) * _OPPOSITION_MM
            depth = max(self._depth_m(hand) - _FREE_DEPTH_M, 0.0) * MM_PER_M
            return np.concatenate([gap, facing, [depth], _RELUCTANCE * (solved - start)])

        angles[columns] = least_squares(residuals, start, bounds=(lowest, highest), max_nfev=60).x
        hand = self._posed(angles)
        gap_m = float(np.linalg.norm(self._place(hand, first) - self._place(hand, second)))
        return Contact(
            pose=PoseAngles.from_vector(angles),
            touch=Touch(first=first, second=second, moving_finger=moving_finger),
            gap_m=gap_m,
            depth_m=self._depth_m(hand),
        )

    def _posed(self, angles_deg: Float) -> PosedHand:
        rotations = bone_rotations(self.rest.hinges, PoseAngles.from_vector(angles_deg))
        return pose_hand(self._template, self.rest, rotations)

    def _place(self, hand: PosedHand, spot: Spot) -> Float:
        return np.asarray(hand.rendered_vertices_m[spot.vertex])

    def _normal(self, hand: PosedHand, spot: Spot) -> Float:
        return np.asarray(hand.bone_rotations[spot.bone] @ self._normals[spot.vertex])

    def _depth_m(self, hand: PosedHand) -> float:
        return self_collision_depth_m(hand.joints_m, self._shape)

    def _dorsal(self, bone_name: str) -> Float:
        """Return the direction of a finger bone's back, (3,): its dorsal axis, on the side of the nail."""
        finger = bone_name.split("_")[0]
        axis = self.rest.hinges.axes[BONE_NAMES.index(bone_name) - 1, 1]
        distal = self._template.skin_weights[:, BONE_NAMES.index(f"{finger}_distal")]
        nail = self._rendered[(self._template.nail > 0.4) & (distal > 0.5)].mean(axis=0)
        start = 4 * FINGERS.index(finger) + 3
        middle = self.rest.joints_m[start : start + 2].mean(axis=0)
        return np.asarray(axis * np.sign((nail - middle) @ axis))

    def _spot(self, bone_name: str, *, along: float, direction: Float) -> Spot:
        """Return the vertex that a ray from inside a bone meets."""
        bone = BONE_NAMES.index(bone_name)
        joint = 1 + 4 * ((bone - 1) // 3) + (bone - 1) % 3
        start, end = self.rest.joints_m[joint : joint + 2]
        offsets = self._rendered - (start + along * (end - start))
        beside = np.linalg.norm(np.cross(offsets, direction), axis=1)
        candidates = (self._template.skin_weights[:, bone] > 0.5) & (offsets @ direction > 0)
        return Spot(vertex=int(np.where(candidates, beside, np.inf).argmin()), bone=bone)
