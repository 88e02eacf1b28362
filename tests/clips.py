"""Rendered clips of a moving hand, with the truth of every frame: what a camera on a desk would see.

A person's hand moves about a picture, turns and changes its pose, and at last is drawn back the way that
its arm points, out of the picture. All chance comes from the seed. The truth costs milliseconds; pictures
are drawn one by one as they are asked for.

Camera axes: x right, y down, z away; the picture's top left corner is pixel (0, 0).
"""

from __future__ import annotations

import functools
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.interpolate import PchipInterpolator
from scipy.spatial.transform import Rotation, RotationSpline

from service.crop import Box
from service.geometry import Intrinsics
from training.contract import JOINT_NAMES
from training.hand.kinematics import PosedHand, RestHand, pose_hand, shape_hand
from training.hand.pose import PoseAngles, bone_rotations
from training.hand.sampling import sample_possible_pose
from training.hand.shape import sample_shape
from training.hand.template import load_template
from training.synthetic.handmesh import hand_mesh
from training.synthetic.lights import brightness, sample_lighting
from training.synthetic.looks import Setting, Surroundings, backdrop, sample_surroundings
from training.synthetic.render import bake, render_view
from training.synthetic.scene import Camera, Lighting, Mesh, Scene
from training.synthetic.sensor import develop
from training.synthetic.skin import Skin, sample_skin
from training.synthetic.textures import TextureBank, build_bank

Float = NDArray[np.float64]
Image = NDArray[np.uint8]
Leaving = Literal["backwards", "fingers first", "never"]
"""How a hand leaves the picture: drawn back by its arm, or pushed on, so that the arm stays."""

WIDTH_PX, HEIGHT_PX = 320, 240
FOCAL_PX = 300.0
FRAMES_A_SECOND = 30
INTRINSICS = Intrinsics(FOCAL_PX, FOCAL_PX, WIDTH_PX / 2, HEIGHT_PX / 2)

_KEY_STEP = 30
"""Frames from one key pose to the next."""
_MIDDLE_KNUCKLE = JOINT_NAMES.index("middle_mcp")
_LEAVING_KEYS = 2
"""Of the last key poses, how many lie outside the picture."""
_TEXTURES = 6
_ARM_MATERIAL = 1
_NOISE_LEVELS = 3.0
_UP = np.array([0.0, -1.0, 0.0])


@dataclass(frozen=True, eq=False, kw_only=True)
class Clip:
    """The truth of F frames; right hands."""

    seed: int
    posed: tuple[PosedHand, ...]
    """In the canonical frame."""
    rotations: Float
    """(F, 3, 3) camera-from-canonical."""
    wrists_m: Float
    """(F, 3) in the camera's frame."""

    def __len__(self) -> int:
        """Return the number of frames."""
        return len(self.posed)

    def joints_m(self, frame: int) -> Float:
        """Return the (21, 3) joints in camera axes, the wrist at the origin."""
        return np.asarray(self.posed[frame].joints_m @ self.rotations[frame].T)

    def vertices_m(self, frame: int) -> Float:
        """Return the (778, 3) vertices in camera axes, the wrist at the origin."""
        return np.asarray(self.posed[frame].vertices_m @ self.rotations[frame].T)

    def joints_px(self, frame: int) -> Float:
        """Return the (21, 2) joints in the picture."""
        return projected(self.joints_m(frame) + self.wrists_m[frame])

    def vertices_px(self, frame: int) -> Float:
        """Return the (778, 2) vertices in the picture."""
        return projected(self.vertices_m(frame) + self.wrists_m[frame])

    def box(self, frame: int) -> Box:
        """Return the tight box of the joints in the picture, which may reach outside."""
        low, high = self.joints_px(frame).min(axis=0), self.joints_px(frame).max(axis=0)
        return Box(float(low[0]), float(low[1]), float(high[0] - low[0]), float(high[1] - low[1]))

    def share_inside(self, frame: int) -> float:
        """Return how many of the joints lie in the picture."""
        return float(_inside(self.joints_px(frame)).mean())

    def has_left(self, frame: int) -> bool:
        """Tell whether nothing of the hand is in the picture."""
        return not _inside(self.vertices_px(frame)).any()


def projected(points_m: Float) -> Float:
    """Return (N, 2) pixels of (N, 3) points in the camera's frame."""
    return np.asarray(points_m[:, :2] / points_m[:, 2:] * FOCAL_PX + (WIDTH_PX / 2, HEIGHT_PX / 2))


def moving_hand(seed: int, *, frames: int = 300, leaves: Leaving = "backwards") -> Clip:
    """Return a clip of a hand that moves, and in its last second or two leaves the picture."""
    rng = np.random.default_rng(seed)
    rest = shape_hand(load_template(), sample_shape(rng))
    keys = np.arange(-(-(frames - 1) // _KEY_STEP) + 1) * _KEY_STEP
    poses = PchipInterpolator(keys, np.stack([_pose_deg(rng, rest) for _ in keys]))
    turns = _key_turns(rng, len(keys))
    middles_m = _key_middles_m(rng, len(keys))
    if leaves != "never":
        last = -_LEAVING_KEYS - 1
        arm = turns[last].apply(_posed(rest, poses(keys[last])).elbow_m)
        _lead_out(middles_m[last:], arm if leaves == "backwards" else -arm)
    wrists_m = middles_m - turns.apply(rest.joints_m[_MIDDLE_KNUCKLE])
    at = np.arange(frames)
    return Clip(
        seed=seed,
        posed=tuple(_posed(rest, angles_deg) for angles_deg in poses(at)),
        rotations=RotationSpline(keys, turns)(at).as_matrix(),
        wrists_m=PchipInterpolator(keys, wrists_m)(at),
    )


def pictures(clip: Clip) -> Iterator[Image]:
    """Draw the (240, 320, 3) pictures of a clip, one by one."""
    rng = np.random.default_rng([clip.seed, 1])
    bank, skin = _bank(), sample_skin(rng)
    surroundings = sample_surroundings(rng, textures=len(bank))
    lighting = sample_lighting(rng, _UP, spill=surroundings.spill)
    camera = _camera(rng, surroundings, lighting)
    for frame in range(len(clip)):
        scene = _scene(clip, frame, skin, surroundings, lighting)
        image = develop(render_view(bake(scene, bank), camera))
        margin = (WIDTH_PX - HEIGHT_PX) // 2
        noisy = image[margin : margin + HEIGHT_PX] + rng.normal(0, _NOISE_LEVELS, (HEIGHT_PX, WIDTH_PX, 3))
        yield np.clip(noisy, 0, 255).astype(np.uint8)


def _inside(points_px: Float) -> NDArray[np.bool_]:
    return np.asarray(((points_px >= 0) & (points_px < (WIDTH_PX, HEIGHT_PX))).all(axis=1))


def _pose_deg(rng: Generator, rest: RestHand) -> Float:
    angles_deg = sample_possible_pose(rng, rest).vector()
    angles_deg[-3:] *= 0.5  # the wrist: an arm sways less than it can
    return angles_deg


def _posed(rest: RestHand, angles_deg: Float) -> PosedHand:
    return pose_hand(load_template(), rest, bone_rotations(rest.hinges, PoseAngles.from_vector(angles_deg)))


def _key_turns(rng: Generator, count: int) -> Rotation:
    """Return fingers up, palm or back to the camera, and each key up to a radian off that."""
    x, y = np.array([0.0, 1.0, 0.0]), np.array([0.0, 0.0, -1.0]) * rng.choice([-1.0, 1.0])
    upright = Rotation.from_matrix(np.column_stack([x, y, np.cross(x, y)]))
    return Rotation.from_rotvec(rng.normal(0, 0.35, (count, 3))) * upright


def _key_middles_m(rng: Generator, count: int) -> Float:
    """Return where the middle of the hand is in each key, (count, 3): somewhere in the picture."""
    middles_px = rng.uniform((90, 80), (WIDTH_PX - 90, HEIGHT_PX - 80), (count, 2))
    depths_m = rng.uniform(0.34, 0.5, count)
    rays = np.column_stack([(middles_px - (WIDTH_PX / 2, HEIGHT_PX / 2)) / FOCAL_PX, np.ones(count)])
    return np.asarray(rays * depths_m[:, None])


def _lead_out(middles_m: Float, way: Float) -> None:
    """Move all but the first of some places out of the picture, in place: from there along a way (3,)."""
    across = way[:2] / np.linalg.norm(way[:2])
    for step, middle_m in enumerate(middles_m[1:], start=1):
        middle_m[:2] = middles_m[0, :2] / middles_m[0, 2] * middle_m[2]
        middle_m[:2] += step * across * WIDTH_PX / FOCAL_PX * middle_m[2]


def _camera(rng: Generator, surroundings: Surroundings, lighting: Lighting) -> Camera:
    half = WIDTH_PX / 2
    camera = Camera(
        K=np.array([[FOCAL_PX, 0, half], [0, FOCAL_PX, half], [0, 0, 1]]),
        R=np.eye(3),
        t_m=np.zeros(3),
        size_px=WIDTH_PX,
    )
    if surroundings.setting is not Setting.PHOTO:
        return camera
    picture = backdrop(rng, textures=_TEXTURES, brightness=brightness(lighting))
    return replace(camera, backdrop=picture)


def _scene(clip: Clip, frame: int, skin: Skin, surroundings: Surroundings, lighting: Lighting) -> Scene:
    # The same chance in every frame: the arm keeps its form.
    rng = np.random.default_rng([clip.seed, 2])
    mesh = hand_mesh(clip.posed[frame], skin, arm_material=_ARM_MATERIAL, rng=rng)
    mesh = _moved(mesh, clip.rotations[frame], clip.wrists_m[frame])
    room = surroundings.room(
        focus_m=np.array([0.0, 0.0, 0.5]),
        axes=np.stack([np.array([1.0, 0.0, 0.0]), _UP, np.array([0.0, 0.0, -1.0])]),
        half_size_m=1.6,
        table_height_m=-0.5,
    )
    return Scene(
        mesh=mesh,
        materials=(skin.material, skin.material),
        lighting=lighting,
        room=room,
        focus_m=clip.vertices_m(frame).mean(axis=0) + clip.wrists_m[frame],
    )


def _moved(mesh: Mesh, rotation: Float, shift_m: Float) -> Mesh:
    return replace(
        mesh,
        positions_m=mesh.positions_m @ rotation.T + shift_m,
        normals=mesh.normals @ rotation.T,
    )


@functools.cache
def _bank() -> TextureBank:
    return build_bank(seed=11, painted=_TEXTURES, photos=None)
