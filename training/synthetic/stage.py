"""What stands before the cameras: the hand, its clothes and jewels, things, and perhaps the other hand."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from training.hand.template import load_template
from training.synthetic.actor import Actor, empty_hand
from training.synthetic.handmesh import hand_mesh, mirrored
from training.synthetic.limbs import finger_limb, forearm_limb
from training.synthetic.looks import finish_material, wear_material
from training.synthetic.meshes import painted_mesh
from training.synthetic.objects import PlacedObject, random_rotation, sample_parts
from training.synthetic.scene import Material, Mesh, merge_meshes
from training.synthetic.shards import Mode
from training.synthetic.sleeves import Worn, finger_ring, sleeve, watch, wrist_band
from training.synthetic.solids import Floats

SLEEVE_SHARE, WATCH_SHARE, BRACELET_SHARE, RING_SHARE = 0.42, 0.08, 0.07, 0.10
SECOND_HAND_SHARE = 0.14
SAME_OBJECT_SHARE = 0.7
"""Of the second hands beside a held object, how many try to hold it too."""
OCCLUDER_SHARES = (0.72, 0.22, 0.06)
"""How often 0, 1 and 2 things float about the hand."""
APART_M = 0.004
"""Nothing that does not touch the hand comes nearer than this."""
_ARM_MATERIAL = 1
"""Skin again, but not the labelled hand."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Stage:
    """Meshes and materials as they are put together; material 0 is the labelled hand."""

    textures: int
    """Size of the texture bank."""
    materials: list[Material] = field(default_factory=list)
    resting: list[Mesh] = field(default_factory=list)
    """Meshes that a table would carry."""
    floating: list[Mesh] = field(default_factory=list)

    def mesh(self) -> Mesh:
        """Return everything as one mesh."""
        return merge_meshes([*self.resting, *self.floating])

    def lowest_m(self, up: Floats) -> float:
        """Return how low the meshes reach that a table would carry, along `up`."""
        return min(float((mesh.positions_m @ up).min()) for mesh in self.resting)

    def add_object(self, rng: Generator, placed: PlacedObject, *, floats: bool = False) -> None:
        """Put an object on the stage."""
        for part in placed.meshes():
            self.materials.append(finish_material(rng, part.finish, textures=self.textures))
            material = len(self.materials) - 1
            mesh = painted_mesh(part.positions_m, part.normals, part.rest_positions_m, material=material)
            (self.floating if floats else self.resting).append(mesh)

    def add_worn(self, rng: Generator, worn: Worn) -> None:
        """Put something worn on the stage."""
        self.materials.append(wear_material(rng, worn.wear, textures=self.textures))
        self.resting.append(worn.mesh(material=len(self.materials) - 1))


def set_stage(rng: Generator, actor: Actor, *, textures: int) -> Stage:
    """Put an actor's hand and all that belongs to it on a stage."""
    stage = Stage(textures=textures)
    stage.materials.extend([actor.skin.material, actor.skin.material])
    stage.resting.append(hand_mesh(actor.posed, actor.skin, arm_material=_ARM_MATERIAL, rng=rng))
    _dress(rng, stage, actor)
    if actor.held is not None:
        stage.add_object(rng, actor.held)
    if rng.uniform() < SECOND_HAND_SHARE:
        _add_second_hand(rng, stage, actor)
    _add_floating(rng, stage, actor)
    return stage


def _dress(rng: Generator, stage: Stage, actor: Actor) -> None:
    template = load_template()
    forearm = forearm_limb(template, actor.rest, actor.posed)
    if rng.uniform() < SLEEVE_SHARE:
        stage.add_worn(rng, sleeve(rng, forearm))
    elif rng.uniform() < WATCH_SHARE:
        for worn in watch(rng, forearm):
            stage.add_worn(rng, worn)
    elif rng.uniform() < BRACELET_SHARE:
        stage.add_worn(rng, wrist_band(rng, forearm, wear="metal"))
    if rng.uniform() < RING_SHARE:
        finger = int(rng.choice((1, 2, 3, 4), p=(0.15, 0.25, 0.5, 0.1)))
        limb = finger_limb(template, actor.rest, actor.posed, finger=finger)
        stage.add_worn(rng, finger_ring(rng, limb))


def _add_second_hand(rng: Generator, stage: Stage, actor: Actor) -> None:
    """Add the person's left hand: on the same object where there is room, else somewhere near."""
    left = None
    if actor.held is not None and rng.uniform() < SAME_OBJECT_SHARE:
        left = _on_same_object(rng, actor, actor.held)
    if left is None:
        left = _somewhere_near(rng, actor)
    if left is not None:
        stage.floating.append(replace(left, face_material=np.full_like(left.face_material, _ARM_MATERIAL)))


def _on_same_object(rng: Generator, actor: Actor, held: PlacedObject) -> Mesh | None:
    """Mirror the grasp at the object's middle; its two ends are much alike."""
    twin = hand_mesh(actor.posed, actor.skin, arm_material=_ARM_MATERIAL, rng=rng)
    left = mirrored(twin, plane_m=held.centre_m, normal=held.rotation[:, 2])
    return left if _is_apart(actor, left) else None


def _somewhere_near(rng: Generator, actor: Actor) -> Mesh | None:
    other = empty_hand(rng, Mode.FREE, actor.rest)
    right = hand_mesh(other, actor.skin, arm_material=_ARM_MATERIAL, rng=rng)
    left = mirrored(right, plane_m=np.zeros(3), normal=np.array([0.0, 0.0, 1.0]))
    turn = random_rotation(rng)
    middle_m = actor.posed.vertices_m.mean(axis=0)
    own_middle_m = other.vertices_m.mean(axis=0) * (1, 1, -1)
    for reach_m in (0.10, 0.14, 0.19, 0.25):
        shift_m = middle_m + random_rotation(rng)[0] * reach_m - turn @ own_middle_m
        moved = replace(left, positions_m=left.positions_m @ turn.T + shift_m, normals=left.normals @ turn.T)
        if _is_apart(actor, moved):
            return moved
    return None


def _is_apart(actor: Actor, mesh: Mesh) -> bool:
    """Tell whether a mesh keeps off the hand."""
    points = np.asarray(mesh.positions_m, np.float64)
    probes = actor.posed.vertices_m[::3]
    square = (probes**2).sum(axis=1)[:, None] + (points**2).sum(axis=1) - 2 * probes @ points.T
    return bool(square.min() > APART_M**2)


def _add_floating(rng: Generator, stage: Stage, actor: Actor) -> None:
    """Let things hang in the air near the hand, in some cameras' way."""
    middle_m = actor.posed.vertices_m.mean(axis=0)
    for _ in range(rng.choice(3, p=OCCLUDER_SHARES)):
        kind, parts = sample_parts(rng)
        away = random_rotation(rng)[0]
        thing = PlacedObject(
            parts=parts,
            rotation=random_rotation(rng),
            centre_m=middle_m + away * rng.uniform(0.11, 0.24),
            kind=kind,
        )
        if thing.depth_m(actor.posed.vertices_m).max() < -APART_M:
            stage.add_object(rng, thing, floats=True)
