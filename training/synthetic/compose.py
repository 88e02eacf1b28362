"""One sample: an actor on a stage, in some place and light, and the cameras round it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.random import Generator

from training.hand.kinematics import PosedHand
from training.synthetic.actor import sample_actor
from training.synthetic.cameras import CameraTargets, sample_cameras
from training.synthetic.lights import brightness, sample_lighting
from training.synthetic.looks import Setting, Surroundings, backdrop, blur_px, sample_surroundings
from training.synthetic.objects import random_rotation
from training.synthetic.scene import Camera, Lighting, Room, Scene
from training.synthetic.shards import Mode
from training.synthetic.solids import Floats
from training.synthetic.stage import Stage, set_stage

ON_TABLE_SHARE = 0.3
"""Of the hands at a table, how many lie on it."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Composition:
    """One sample, ready to be drawn; world is the hand's canonical frame."""

    mode: Mode
    posed: PosedHand
    scene: Scene
    cameras: tuple[Camera, ...]


def compose(rng: Generator, *, views: int, size_px: int, crop_scale: float, textures: int) -> Composition:
    """Draw one sample.

    Args:
        rng: Source of all chance.
        views: Number of cameras.
        size_px: Side of a picture.
        crop_scale: Side of a picture over the longer side of the box round the 21 joints.
        textures: Number of pictures in the texture bank.
    """
    actor = sample_actor(rng)
    stage = set_stage(rng, actor, textures=textures)
    surroundings = sample_surroundings(rng, textures=textures)
    up = random_rotation(rng)[0]
    lighting = sample_lighting(rng, up, spill=surroundings.spill)
    targets = CameraTargets(
        joints_m=actor.posed.joints_m,
        forearm_direction=actor.posed.elbow_m / np.linalg.norm(actor.posed.elbow_m),
        up=up,
        above_table=surroundings.table is not None,
    )
    cameras = sample_cameras(rng, targets, views=views, size_px=size_px, crop_scale=crop_scale)
    focus_m = actor.posed.vertices_m.mean(axis=0)
    scene = Scene(
        mesh=stage.mesh(),
        materials=tuple(stage.materials),
        lighting=lighting,
        room=_room(rng, surroundings, stage, cameras, focus_m=focus_m, up=up),
        focus_m=focus_m,
    )
    shown = _with_background(rng, cameras, surroundings, lighting, textures=textures)
    return Composition(mode=actor.mode, posed=actor.posed, scene=scene, cameras=shown)


def _room(
    rng: Generator,
    surroundings: Surroundings,
    stage: Stage,
    cameras: Sequence[Camera],
    *,
    focus_m: Floats,
    up: Floats,
) -> Room:
    """Build a room that holds all cameras, its table just below everything that it carries."""
    farthest_m = max(float(np.linalg.norm(camera.R.T @ camera.t_m + focus_m)) for camera in cameras)
    gap_m = 0.001 if rng.uniform() < ON_TABLE_SHARE else rng.uniform(0.002, 0.12)
    across = np.cross(up, rng.normal(size=3))
    across /= np.linalg.norm(across)
    return surroundings.room(
        focus_m=focus_m,
        axes=np.stack([across, up, np.cross(across, up)]),
        half_size_m=farthest_m + rng.uniform(0.1, 1.2),
        table_height_m=stage.lowest_m(up) - float(focus_m @ up) - gap_m,
    )


def _with_background(
    rng: Generator,
    cameras: Sequence[Camera],
    surroundings: Surroundings,
    lighting: Lighting,
    *,
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
