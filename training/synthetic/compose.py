"""One sample: a hand, what it holds, what it wears, where it is, and the cameras that look at it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.random import Generator

from training.hand.kinematics import PosedHand, RestHand, pose_hand, shape_hand
from training.hand.pose import bone_rotations
from training.hand.sampling import sample_contact_pose, sample_possible_pose
from training.hand.shape import sample_shape
from training.hand.template import load_template
from training.synthetic.cameras import CameraTargets, sample_cameras
from training.synthetic.grasp import Grasp, pinch_grasp, power_grasp
from training.synthetic.handmesh import hand_mesh, mirrored
from training.synthetic.lights import brightness, sample_lighting
from training.synthetic.limbs import finger_limb, forearm_limb
from training.synthetic.looks import (
    Setting,
    Surroundings,
    backdrop,
    blur_px,
    finish_material,
    sample_surroundings,
    wear_material,
)
from training.synthetic.meshes import painted_mesh
from training.synthetic.objects import PlacedObject, random_rotation, sample_parts
from training.synthetic.scene import Camera, Lighting, Material, Mesh, Scene, merge_meshes
from training.synthetic.shards import Mode
from training.synthetic.skin import Skin, sample_skin
from training.synthetic.sleeves import Worn, finger_ring, sleeve, watch, wrist_band
from training.synthetic.solids import Floats

MODE_SHARES = {Mode.FREE: 0.45, Mode.CONTACT: 0.2, Mode.GRASP: 0.35}
"""How often the hand does what."""
PINCH_SHARE = 0.45
"""Of the contacts, how many are tried with something thin between the tips."""
SLEEVE_SHARE, WATCH_SHARE, BRACELET_SHARE, RING_SHARE = 0.42, 0.08, 0.07, 0.10
SECOND_HAND_SHARE = 0.14
OCCLUDER_SHARES = (0.72, 0.22, 0.06)
"""How often 0, 1 and 2 things float about the hand."""
_SKIN_OF_ARM = 1
_APART_M = 0.004


@dataclass(frozen=True, kw_only=True)
class Composition:
    """One sample, ready to be drawn; world is the hand's canonical frame."""

    mode: Mode
    posed: PosedHand
    scene: Scene
    cameras: tuple[Camera, ...]


@dataclass
class _Stage:
    """Meshes and materials as they are put together."""

    materials: list[Material]
    meshes: list[Mesh]
    textures: int
    rng: Generator
    floating: list[Mesh] = field(default_factory=list)
    """Meshes that do not rest on the table."""

    def add_object(self, placed: PlacedObject, *, floating: bool = False) -> None:
        """Put an object on the stage."""
        for part in placed.meshes():
            self.materials.append(finish_material(self.rng, part.finish, textures=self.textures))
            mesh = painted_mesh(
                part.positions_m, part.normals, part.rest_positions_m, material=len(self.materials) - 1
            )
            (self.floating if floating else self.meshes).append(mesh)

    def add_worn(self, worn: Worn) -> None:
        """Put something worn on the stage."""
        self.materials.append(wear_material(self.rng, worn.wear, textures=self.textures))
        self.meshes.append(worn.mesh(material=len(self.materials) - 1))

    def lowest(self, up: Floats) -> float:
        """Return the lowest height of what rests on a table."""
        return min(float((mesh.positions_m @ up).min()) for mesh in self.meshes)


def compose(rng: Generator, *, views: int, size_px: int, crop_scale: float, textures: int) -> Composition:
    """Draw one sample.

    Args:
        rng: Source of all chance.
        views: Number of cameras.
        size_px: Side of a picture.
        crop_scale: Side of a picture over the longer side of the box round the 21 joints.
        textures: Number of pictures in the texture bank.
    """
    template = load_template()
    shape = sample_shape(rng)
    rest = shape_hand(template, shape)
    mode = list(MODE_SHARES)[rng.choice(len(MODE_SHARES), p=list(MODE_SHARES.values()))]
    grasp = _grasp(rng, mode, rest)
    if grasp is None:
        sampler = {"sampler": sample_contact_pose} if mode is Mode.CONTACT else {}
        pose = sample_possible_pose(rng, rest, shape, **sampler)
        posed = pose_hand(template, rest, bone_rotations(rest.hinges, pose))
    else:
        pose, posed = grasp.pose, grasp.posed
    skin = sample_skin(rng)
    hand = hand_mesh(posed, skin, arm_material=_SKIN_OF_ARM, rng=rng)
    stage = _Stage(materials=[skin.material, skin.material], meshes=[hand], textures=textures, rng=rng)
    _dress(stage, rest, posed)
    if grasp is not None:
        stage.add_object(grasp.held)
    if rng.uniform() < SECOND_HAND_SHARE:
        _second_hand(stage, rest, skin, posed, grasp)
    _float_things(stage, posed)
    surroundings = sample_surroundings(rng, textures=textures)
    up = random_rotation(rng)[0]
    lighting = sample_lighting(rng, up, spill=surroundings.spill)
    targets = CameraTargets(
        joints_m=posed.joints_m,
        forearm_direction=posed.elbow_m / np.linalg.norm(posed.elbow_m),
        up=up,
        above_table=surroundings.table is not None,
    )
    cameras = sample_cameras(rng, targets, views=views, size_px=size_px, crop_scale=crop_scale)
    focus_m = posed.vertices_m.mean(axis=0)
    farthest_m = max(float(np.linalg.norm(-camera.R.T @ camera.t_m - focus_m)) for camera in cameras)
    room = surroundings.room(
        focus_m=focus_m,
        axes=_room_axes(rng, up),
        half_size_m=farthest_m + rng.uniform(0.1, 1.2),
        table_height_m=stage.lowest(up) - float(focus_m @ up) - _table_gap(rng),
    )
    scene = Scene(
        mesh=merge_meshes([*stage.meshes, *stage.floating]),
        materials=tuple(stage.materials),
        lighting=lighting,
        room=room,
        focus_m=focus_m,
    )
    return Composition(
        mode=mode,
        posed=posed,
        scene=scene,
        cameras=_behind(rng, cameras, surroundings, lighting, textures),
    )


def _grasp(rng: Generator, mode: Mode, rest: RestHand) -> Grasp | None:
    if mode is Mode.GRASP:
        return power_grasp(rng, load_template(), rest)
    if mode is Mode.CONTACT and rng.uniform() < PINCH_SHARE:
        return pinch_grasp(rng, load_template(), rest)
    return None


def _dress(stage: _Stage, rest: RestHand, posed: PosedHand) -> None:
    rng, template = stage.rng, load_template()
    forearm = forearm_limb(template, rest, posed)
    if rng.uniform() < SLEEVE_SHARE:
        stage.add_worn(sleeve(rng, forearm))
    elif rng.uniform() < WATCH_SHARE:
        for worn in watch(rng, forearm):
            stage.add_worn(worn)
    elif rng.uniform() < BRACELET_SHARE:
        stage.add_worn(wrist_band(rng, forearm, wear="metal"))
    if rng.uniform() < RING_SHARE:
        finger = int(rng.choice((1, 2, 3, 4), p=(0.15, 0.25, 0.5, 0.1)))
        stage.add_worn(finger_ring(rng, finger_limb(template, rest, posed, finger=finger)))


def _second_hand(stage: _Stage, rest: RestHand, skin: Skin, posed: PosedHand, grasp: Grasp | None) -> None:
    """Add the person's left hand: on the same object when there is room, else somewhere near."""
    rng, template = stage.rng, load_template()
    probes = posed.vertices_m[::3]
    if grasp is not None and rng.uniform() < 0.7:
        twin = hand_mesh(posed, skin, arm_material=_SKIN_OF_ARM, rng=rng)
        axis = grasp.held.rotation[:, 2]
        left = mirrored(twin, plane_m=grasp.held.centre_m, normal=axis)
        if _gap_m(probes, np.asarray(left.positions_m)) > _APART_M:
            stage.floating.append(_as_arm(left))
            return
    pose = sample_possible_pose(rng, rest, sample_shape(rng))
    other = pose_hand(template, rest, bone_rotations(rest.hinges, pose))
    left = mirrored(
        hand_mesh(other, skin, arm_material=_SKIN_OF_ARM, rng=rng),
        plane_m=np.zeros(3),
        normal=np.array([0.0, 0.0, 1.0]),
    )
    turn = random_rotation(rng)
    middle = posed.vertices_m.mean(axis=0)
    for reach_m in (0.10, 0.14, 0.19, 0.25):
        away = random_rotation(rng)[0]
        centre = other.vertices_m.mean(axis=0) * (1, 1, -1)
        shift = middle + away * reach_m - turn @ centre
        moved = replace(left, positions_m=left.positions_m @ turn.T + shift, normals=left.normals @ turn.T)
        if _gap_m(probes, np.asarray(moved.positions_m)) > _APART_M:
            stage.floating.append(_as_arm(moved))
            return


def _as_arm(mesh: Mesh) -> Mesh:
    """Return a mesh none of whose faces is the labelled hand."""
    return replace(mesh, face_material=np.full_like(mesh.face_material, _SKIN_OF_ARM))


def _gap_m(points_m: Floats, others_m: Floats) -> float:
    """Return the least distance between two sets of points."""
    square = (points_m**2).sum(1)[:, None] + (others_m**2).sum(1) - 2 * points_m @ others_m.T
    return float(np.sqrt(max(square.min(), 0.0)))


def _float_things(stage: _Stage, posed: PosedHand) -> None:
    rng = stage.rng
    middle = posed.vertices_m.mean(axis=0)
    for _ in range(rng.choice(3, p=OCCLUDER_SHARES)):
        kind, parts = sample_parts(rng)
        away = random_rotation(rng)[0]
        thing = PlacedObject(
            parts=parts,
            rotation=random_rotation(rng),
            centre_m=middle + away * rng.uniform(0.11, 0.24),
            kind=kind,
        )
        if thing.depth_m(posed.vertices_m).max() < -_APART_M:
            stage.add_object(thing, floating=True)


def _behind(
    rng: Generator,
    cameras: Sequence[Camera],
    surroundings: Surroundings,
    lighting: Lighting,
    textures: int,
) -> tuple[Camera, ...]:
    """Give each camera its defocus and, in a composite, its picture."""
    white = brightness(lighting)
    shown = []
    for camera in cameras:
        picture = None
        if surroundings.setting is Setting.PHOTO:
            picture = backdrop(rng, textures=textures, brightness=white * rng.uniform(0.6, 1.4))
        shown.append(replace(camera, background_blur_px=blur_px(rng, camera), backdrop=picture))
    return tuple(shown)


def _room_axes(rng: Generator, up: Floats) -> Floats:
    across = np.cross(up, rng.normal(size=3))
    across /= np.linalg.norm(across)
    return np.stack([across, up, np.cross(across, up)])


def _table_gap(rng: Generator) -> float:
    """Draw the height of the hand over the table: on it, or above it."""
    return float(rng.uniform(0.002, 0.12)) if rng.uniform() < 0.7 else 0.001
