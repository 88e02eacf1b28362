"""A stretch of arm or finger as a round thing, so that sleeves, watches and rings fit on it.

A limb has its own cylinder coordinates, glued to one bone: s metres along the axis, an angle round it (0
towards the back of the hand), a radius.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from training.hand.kinematics import PosedHand, RestHand
from training.hand.rig import FOREARM
from training.hand.template import HandTemplate
from training.synthetic.solids import Floats

_ALONG_M, _ROUND_RAD = 0.006, 0.35
"""Widths of the averaging that turns scattered vertices into a radius anywhere."""


@dataclass(frozen=True, eq=False)
class Limb:
    """Cylinder coordinates on one bone of a posed hand."""

    origin_m: Floats
    """(3,) rest."""
    frame: Floats
    """(3, 3) columns: axis, back, side; rest."""
    rotation: Floats
    """(3, 3) world-from-rest of the bone."""
    translation_m: Floats
    """(3,)."""
    along_m: Floats
    """(K,) s of the vertices that the radius is taken from."""
    angle: Floats
    """(K,)."""
    radius_m: Floats
    """(K,)."""

    def radius(self, along_m: Floats, angle: Floats) -> Floats:
        """Return the radius of the skin at each (s, angle), metres; both arrays broadcast."""
        along_m, angle = np.broadcast_arrays(along_m, angle)
        within = np.clip(along_m, self.along_m.min(), self.along_m.max())
        gap = (within[..., None] - self.along_m) / _ALONG_M
        turn = (angle[..., None] - self.angle + np.pi) % (2 * np.pi) - np.pi
        weight = np.exp(-(gap**2) - (turn / _ROUND_RAD) ** 2) + 1e-12
        mean: Floats = (weight * self.radius_m).sum(-1) / weight.sum(-1)
        return mean

    def rest_points(self, along_m: Floats, angle: Floats, radius_m: Floats) -> Floats:
        """Return points (..., 3) of the rest hand at cylinder coordinates; the arrays broadcast."""
        local = np.stack(
            np.broadcast_arrays(along_m, radius_m * np.cos(angle), radius_m * np.sin(angle)), axis=-1
        )
        points: Floats = local @ self.frame.T + self.origin_m
        return points

    def to_world(self, rest_points_m: Floats) -> Floats:
        """Return rest points where the bone has carried them."""
        points: Floats = rest_points_m @ self.rotation.T + self.translation_m
        return points


def forearm_limb(template: HandTemplate, rest: RestHand, posed: PosedHand) -> Limb:
    """Return the forearm; s runs from the wrist joint to the elbow."""
    return _limb(template, rest, posed, bone=FOREARM, start_m=rest.joints_m[0], end_m=rest.elbow_m, share=0.5)


def finger_limb(template: HandTemplate, rest: RestHand, posed: PosedHand, *, finger: int) -> Limb:
    """Return the proximal phalanx of a finger (1 index to 4 little); s runs from MCP to PIP."""
    joint = 1 + 4 * finger
    start, end = rest.joints_m[joint], rest.joints_m[joint + 1]
    return _limb(template, rest, posed, bone=1 + 3 * finger, start_m=start, end_m=end, share=0.7)


def _limb(
    template: HandTemplate,
    rest: RestHand,
    posed: PosedHand,
    *,
    bone: int,
    start_m: Floats,
    end_m: Floats,
    share: float,
) -> Limb:
    axis = (end_m - start_m) / np.linalg.norm(end_m - start_m)
    back = np.array([0.0, 1.0, 0.0]) - axis * axis[1]
    back /= np.linalg.norm(back)
    frame = np.stack([axis, back, np.cross(axis, back)], axis=1)
    rendered = template.rendered_matrix @ rest.control_vertices_m
    near = rendered[template.skin_weights[:, bone] > share]
    local = (near - start_m) @ frame
    # The axis of the bones lies off the middle of the flesh.
    middle = (local[:, 1:].max(axis=0) + local[:, 1:].min(axis=0)) / 2
    local[:, 1:] -= middle
    return Limb(
        origin_m=start_m + frame[:, 1:] @ middle,
        frame=frame,
        rotation=posed.bone_rotations[bone],
        translation_m=posed.bone_translations_m[bone],
        along_m=local[:, 0],
        angle=np.arctan2(local[:, 2], local[:, 1]),
        radius_m=np.hypot(local[:, 1], local[:, 2]),
    )
