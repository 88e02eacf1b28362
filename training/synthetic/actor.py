"""Who is in the picture: a person's hand of some shape and skin, what it does and what it holds."""

from __future__ import annotations

from dataclasses import dataclass

from numpy.random import Generator

from training.hand.kinematics import PosedHand, RestHand, pose_hand, shape_hand
from training.hand.pose import bone_rotations
from training.hand.sampling import sample_contact_pose, sample_possible_pose
from training.hand.shape import ShapeParameters, sample_shape
from training.hand.template import load_template
from training.synthetic.grasp import Grasp, pinch_grasp, power_grasp
from training.synthetic.objects import PlacedObject
from training.synthetic.shards import Mode
from training.synthetic.skin import Skin, sample_skin

MODE_SHARES = {Mode.FREE: 0.45, Mode.CONTACT: 0.2, Mode.GRASP: 0.35}
"""How often the hand does what."""
PINCH_SHARE = 0.45
"""Of the contacts, how many are tried with something thin between the tips."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Actor:
    """A hand and its owner."""

    mode: Mode
    shape: ShapeParameters
    rest: RestHand
    posed: PosedHand
    held: PlacedObject | None
    skin: Skin


def sample_actor(rng: Generator) -> Actor:
    """Draw a person's hand in some pose, with what it holds."""
    shape = sample_shape(rng)
    rest = shape_hand(load_template(), shape)
    mode = list(MODE_SHARES)[rng.choice(len(MODE_SHARES), p=list(MODE_SHARES.values()))]
    grasp = _grasp(rng, mode, rest)
    return Actor(
        mode=mode,
        shape=shape,
        rest=rest,
        posed=empty_hand(rng, mode, rest) if grasp is None else grasp.posed,
        held=None if grasp is None else grasp.held,
        skin=sample_skin(rng),
    )


def empty_hand(rng: Generator, mode: Mode, rest: RestHand) -> PosedHand:
    """Pose a hand that holds nothing."""
    if mode is Mode.CONTACT:
        pose = sample_possible_pose(rng, rest, sample_contact_pose)
    else:
        pose = sample_possible_pose(rng, rest)
    return pose_hand(load_template(), rest, bone_rotations(rest.hinges, pose))


def _grasp(rng: Generator, mode: Mode, rest: RestHand) -> Grasp | None:
    if mode is Mode.GRASP:
        return power_grasp(rng, load_template(), rest)
    if mode is Mode.CONTACT and rng.uniform() < PINCH_SHARE:
        return pinch_grasp(rng, load_template(), rest)
    return None
