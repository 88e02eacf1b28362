"""Hands that hold things: the object is slid to the palm and every joint closes until it touches.

No grasp planner and no physics; at the size of a crop what counts is that flesh meets surface without a gap
or a hole. Depths are checked on half of the label vertices.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

import numpy as np
from numpy.random import Generator

from training.contract import FINGERTIP_JOINTS
from training.hand.kinematics import PosedHand, RestHand, pose_hand
from training.hand.pose import PoseAngles, bone_rotations, limits_vector
from training.hand.sampling import sample_contact_pose
from training.hand.template import HandTemplate
from training.synthetic.objects import THIN_KINDS, Part, PlacedObject, sample_parts
from training.synthetic.solids import Floats, Ints

TOUCH_M = 0.0012
"""A joint stops when its segment is this deep: flesh gives way a little."""
DEEPEST_M = 0.005
"""A grasp that ends deeper than this is drawn again."""
PINCH_DEPTH_M = 0.0025
_ATTEMPTS = 6
_STEPS = 18

_FLEXION = np.array([[20, 23, 25], [0, 3, 4], [5, 8, 9], [10, 13, 14], [15, 18, 19]])
"""(5, 3) places in `PoseAngles.vector` of the flexions of each finger, thumb first, near to far."""
_CLOSING_DEG = np.array([[3.0, 4.0, 5.0], *[[5.0, 7.0, 4.5]] * 4])
_THUMB_ABDUCTION, _THUMB_OPPOSING_DEG = 21, -1.6
_POWER_GRIP = np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
"""Rotation world-from-object that lays the object's long axis across the palm."""
_ALONG_FINGERS = np.array([[0.0, 0, -1], [-1, 0, 0], [0, 1, 0]])


class Grasp(NamedTuple):
    """A hand, what it holds, and how."""

    pose: PoseAngles
    posed: PosedHand
    held: PlacedObject


@dataclass(frozen=True, eq=False)
class Gripper:
    """A hand of some shape, asked again and again how deep it lies in an object."""

    template: HandTemplate
    rest: RestHand

    def posed(self, angles_deg: Floats) -> PosedHand:
        """Return the hand in a pose, a `PoseAngles.vector`."""
        rotations = bone_rotations(self.rest.hinges, PoseAngles.from_vector(angles_deg))
        return pose_hand(self.template, self.rest, rotations)

    @property
    def bones(self) -> Ints:
        """(389,): the bone that owns each probed vertex."""
        owners: Ints = self.template.skin_weights[self.template.label_vertices[::2]].argmax(axis=1)
        return owners

    def depths_m(self, angles_deg: Floats, held: PlacedObject) -> Floats:
        """Return how deep each probed vertex lies in the object, (389,)."""
        return held.depth_m(self.posed(angles_deg).vertices_m[::2])

    def bone_depths_m(self, angles_deg: Floats, held: PlacedObject) -> Floats:
        """Return how deep each bone's deepest vertex lies in the object, (19,)."""
        deepest = np.full(self.template.skin_weights.shape[1], -np.inf)
        np.maximum.at(deepest, self.bones, self.depths_m(angles_deg, held))
        return deepest


def power_grasp(rng: Generator, template: HandTemplate, rest: RestHand) -> Grasp:
    """Close the whole hand round an object; of a few attempts the first that fits, or the least deep."""
    gripper = Gripper(template, rest)
    tried = []
    for _ in range(_ATTEMPTS):
        kind, parts = sample_parts(rng)
        angles = _open_hand(rng)
        held = _against_palm(gripper, angles, _in_front_of_palm(rng, rest, kind, parts))
        angles = _closed(gripper, angles, held)
        tried.append((gripper.depths_m(angles, held).max(), angles, held))
        if tried[-1][0] < DEEPEST_M:
            break
    _, angles, held = min(tried, key=itemgetter(0))
    angles[28:] = np.clip(rng.normal(0, (20, 9, 8)), limits_vector()[28:, 0], limits_vector()[28:, 1])
    return Grasp(PoseAngles.from_vector(angles), gripper.posed(angles), held)


def pinch_grasp(rng: Generator, template: HandTemplate, rest: RestHand) -> Grasp | None:
    """Hold a pen or a card between thumb and a finger; None when the palm or another finger is in the way."""
    gripper = Gripper(template, rest)
    angles = sample_contact_pose(rng, rest).vector()
    place = _pinched_place(gripper.posed(angles))
    if place is None:
        return None
    kind = list(THIN_KINDS)[rng.integers(len(THIN_KINDS))]
    held = PlacedObject(
        parts=THIN_KINDS[kind](rng), rotation=_pinch_rotation(rng, place), centre_m=place.middle_m, kind=kind
    )
    opening = np.zeros(31)
    opening[[20, 23]] = -1.2, -1.2
    opening[5 * (place.finger - 1)] = -1.5
    for _ in range(14):
        if gripper.depths_m(angles, held).max() < PINCH_DEPTH_M:
            break
        angles = _clamped(angles + opening)
    else:
        return None
    return Grasp(PoseAngles.from_vector(angles), gripper.posed(angles), held)


class _PinchedPlace(NamedTuple):
    middle_m: Floats
    across: Floats
    """Unit vector from the thumb to the finger."""
    to_web: Floats
    """Unit vector from the contact to the web between thumb and index."""
    finger: int
    """1 index to 4 little."""


def _pinched_place(posed: PosedHand) -> _PinchedPlace | None:
    """Find the finger that the thumb touches."""
    joints = posed.joints_m
    tips = joints[list(FINGERTIP_JOINTS)]
    ends = tips * 0.6 + joints[[tip - 1 for tip in FINGERTIP_JOINTS]] * 0.4
    gaps = np.linalg.norm(ends[1:] - ends[0], axis=1)
    finger = int(gaps.argmin()) + 1
    if gaps[finger - 1] > 0.028:
        return None
    middle = (ends[0] + ends[finger]) / 2
    return _PinchedPlace(
        middle_m=middle,
        across=(ends[finger] - ends[0]) / gaps[finger - 1],
        to_web=_unit((joints[2] + joints[5]) / 2 - middle),
        finger=finger,
    )


def _pinch_rotation(rng: Generator, place: _PinchedPlace) -> Floats:
    """World-from-object: x across the pinch, z (where the object sticks out) away from the hand."""
    outwards = -place.to_web + 0.35 * rng.normal(size=3)
    outwards = _unit(outwards - place.across * (outwards @ place.across))
    return np.stack([place.across, np.cross(outwards, place.across), outwards], axis=1)


def _open_hand(rng: Generator) -> Floats:
    """A hand about to grasp; the thumb starts radially abducted, or it would end inside the object."""
    angles = np.zeros(31)
    fingers = angles[:20].reshape(4, 5)
    fingers[:, 0] = rng.uniform(-5, 15)
    fingers[:, 1] = rng.uniform(-1, 1, 4) * (6, 4, 4, 8) + (3, 0, -2, -5)
    fingers[:, 3] = rng.uniform(5, 20)
    fingers[:, 4] = rng.uniform(2, 8)
    angles[20:26] = rng.uniform(-22, -14), rng.uniform(2, 20), rng.uniform(0, 12), -6, 0, -8
    angles[26:28] = rng.uniform(0, 1) * np.array([4.0, 9.0])
    return angles


def _in_front_of_palm(rng: Generator, rest: RestHand, kind: str, parts: tuple[Part, ...]) -> PlacedObject:
    base = _POWER_GRIP if rng.uniform() < 0.75 else _ALONG_FINGERS
    tilt = _turn(rng.normal(size=3) * 0.3)
    spin = _turn(np.array([0, 0, rng.uniform(0, 2 * np.pi)]))
    knuckles = rest.joints_m[[5, 9, 13, 17]].mean(axis=0)
    centre = np.array(
        [knuckles[0] * rng.uniform(0.75, 1.15), -0.09, knuckles[2] + rng.normal() * 0.01 + 0.004]
    )
    return PlacedObject(parts=parts, rotation=tilt @ base @ spin, centre_m=centre, kind=kind)


def _against_palm(gripper: Gripper, angles_deg: Floats, held: PlacedObject) -> PlacedObject:
    """Slide the object towards the palm (+y) until it touches."""
    probes = gripper.posed(angles_deg).vertices_m[::2]
    free, stuck = -0.12, 0.06
    for _ in range(12):
        middle = (free + stuck) / 2
        if held.moved(np.array([0, middle, 0])).depth_m(probes).max() > 0:
            stuck = middle
        else:
            free = middle
    return held.moved(np.array([0, free, 0]))


def _closed(gripper: Gripper, angles_deg: Floats, held: PlacedObject) -> Floats:
    """Close each joint until its segment, or one farther out, touches."""
    angles = angles_deg.copy()
    stopped = np.zeros((5, 3), bool)
    for _ in range(_STEPS):
        step = np.zeros(31)
        step[_FLEXION] = _CLOSING_DEG * ~stopped
        step[_THUMB_ABDUCTION] = 0.0 if stopped[0, 0] else _THUMB_OPPOSING_DEG
        trial = _clamped(angles + step)
        touching = gripper.bone_depths_m(trial, held)[1:16].reshape(5, 3) > TOUCH_M
        # A segment that touches holds its own joint and all nearer ones.
        stopped |= np.flip(np.logical_or.accumulate(np.flip(touching, 1), 1), 1)
        kept = np.zeros(31, bool)
        kept[_FLEXION] = stopped
        kept[_THUMB_ABDUCTION] = stopped[0, 0]
        angles = np.where(kept, angles, trial)
        if stopped[:, 2].all():
            break
    return angles


def _clamped(angles_deg: Floats) -> Floats:
    return PoseAngles.from_vector(angles_deg).clamped().vector()


def _turn(rotation_vector: Floats) -> Floats:
    """Rodrigues' formula."""
    angle = float(np.linalg.norm(rotation_vector))
    x, y, z = rotation_vector / max(angle, 1e-12)
    cross = np.array([[0, -z, y], [z, 0, -x], [-y, x, 0]])
    matrix: Floats = np.eye(3) + np.sin(angle) * cross + (1 - np.cos(angle)) * cross @ cross
    return matrix


def _unit(vector: Floats) -> Floats:
    unit: Floats = vector / np.linalg.norm(vector)
    return unit
