"""A tiny data set in the layout of HanCo (spec sections 7.2 and 7.3).

Sequences before the green screen come first and also have `rgb_merged`; the last one is not before it, and so
for testing. In the second, the first frame has no fit, and the second one's fit was found bad.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.synthetic.fabricate.files import new_folder, write_jpeg, write_json
from training.synthetic.fabricate.motion import HandMotion, sample_motion
from training.synthetic.fabricate.picture import (
    SKIN_COLOUR,
    Body,
    Eye,
    backdrop,
    box_body,
    cameras_round,
    draw,
    sample_box,
)
from training.synthetic.fabricate.stand_in import Float, StandInHand

CAMERAS = 8
MIN_SEQUENCES, MIN_FRAMES = 3, 3
FLAWED_SEQUENCE = 1
UNFITTED_FRAME, INVALID_FRAME = 0, 1

_SIZE_PX = 224
_DISTANCE_M = 0.7
_OBJECT_M = 0.07
_HAND_SEGMENT, _OBJECT_SEGMENT = 255, 1
_HAND_SHARE = 0.6
"""Longer side of the joints' box over the picture's side."""
_MIDDLE_MCP = 9
_GREEN, _ROOM = (40, 170, 70), (130, 120, 110)


@dataclass(frozen=True, kw_only=True)
class HanCoSize:
    """How much to make."""

    sequences: int = MIN_SEQUENCES
    frames: int = MIN_FRAMES

    def check(self) -> None:
        """Raise a ValueError if an awkward case would have no place."""
        limits = {"sequences": (MIN_SEQUENCES, 1518), "frames": (MIN_FRAMES, 1000)}
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}, got {getattr(self, name)}")


class _Scene(NamedTuple):
    """One sequence before the cameras."""

    number: int
    train: bool
    motion: HandMotion
    things: tuple[Body, ...]
    cameras: tuple[tuple[Float, Float], ...]
    """Rotation and translation of each, camera-from-world; intrinsics follow the hand."""
    backgrounds: tuple[NDArray[np.uint8], ...]


def fabricate_hanco(out: Path, *, seed: int, size: HanCoSize | None = None) -> Iterator[int]:
    """Write the data set; yield the number of pictures of each sequence as it is done.

    Args:
        out: Folder to be made.
        seed: Another seed, other hands.
        size: How much to make.

    Raises:
        ValueError: The folder is not empty, or `size` is out of bounds.
    """
    size = HanCoSize() if size is None else size
    size.check()
    new_folder(out)
    rng = np.random.default_rng(seed)
    write_json(out / "meta.json", _meta(size))
    for number in range(size.sequences):
        train = number < size.sequences - 1
        motion = sample_motion(rng, StandInHand(), 0.8 * rng.normal(size=10), frames=size.frames)
        scene = _scene(rng, number, motion, train=train)
        for frame in range(size.frames):
            fitted = (number, frame) != (FLAWED_SEQUENCE, UNFITTED_FRAME)
            _write_frame(rng, out, scene, frame, fitted=fitted)
        yield size.frames * CAMERAS * (2 if train else 1)


def _meta(size: HanCoSize) -> dict[str, list[list[object]]]:
    """Return `meta.json`: five lists with a list of frames for each sequence."""
    unfitted, invalid = (FLAWED_SEQUENCE, UNFITTED_FRAME), (FLAWED_SEQUENCE, INVALID_FRAME)
    places = [[(number, frame) for frame in range(size.frames)] for number in range(size.sequences)]
    return {
        "is_train": [[number < size.sequences - 1 for number, _ in row] for row in places],
        "subject_id": [[number for number, _ in row] for row in places],
        "is_valid": [[place not in (unfitted, invalid) for place in row] for row in places],
        "object_id": [[number if number == 0 else None for number, _ in row] for row in places],
        "has_fit": [[place != unfitted for place in row] for row in places],
    }


def _scene(rng: Generator, number: int, motion: HandMotion, *, train: bool) -> _Scene:
    box, box_pose = sample_box(rng, near_m=_OBJECT_M)
    tint = _GREEN if train else _ROOM
    return _Scene(
        number=number,
        train=train,
        motion=motion,
        # The first sequence holds an object, as `object_id` says.
        things=(box_body(box, box_pose, segment=_OBJECT_SEGMENT),) if number == 0 else (),
        cameras=tuple(cameras_round(rng, CAMERAS, distance_m=_DISTANCE_M)),
        backgrounds=tuple(_background(rng, tint) for _ in range(CAMERAS)),
    )


def _background(rng: Generator, tint: tuple[int, int, int]) -> NDArray[np.uint8]:
    return backdrop(rng, width_px=_SIZE_PX, height_px=_SIZE_PX, tint=tint)


def _write_frame(rng: Generator, out: Path, scene: _Scene, frame: int, *, fitted: bool) -> None:
    vertices_m, joints_m = scene.motion.points_m(frame)
    hand = Body(vertices_m, scene.motion.hand.faces, SKIN_COLOUR, _HAND_SEGMENT)
    eyes = [_eye(joints_m, rotation, translation_m) for rotation, translation_m in scene.cameras]
    for camera, eye in enumerate(eyes):
        picture = draw((hand, *scene.things), eye, scene.backgrounds[camera])
        place = Path(f"{scene.number:04d}/cam{camera}/{frame:08d}.jpg")
        write_jpeg(out / "rgb" / place, picture.colour)
        write_jpeg(out / "mask_hand" / place, _mask(picture.segments == _HAND_SEGMENT))
        shown = picture.segments > 0
        write_jpeg(out / "mask_fg" / place, _mask(shown))
        if scene.train:
            merged = np.where(shown[:, :, None], picture.colour, _background(rng, _ROOM))
            write_jpeg(out / "rgb_merged" / place, merged)
    _write_labels(out, scene, frame, eyes, joints_m, fitted=fitted)


def _write_labels(
    out: Path, scene: _Scene, frame: int, eyes: list[Eye], joints_m: Float, *, fitted: bool
) -> None:
    name = f"{scene.number:04d}/{frame:08d}.json"
    lenses = [eye.intrinsics.tolist() for eye in eyes]
    places = [
        np.vstack([np.column_stack([eye.rotation, eye.translation_m]), [0, 0, 0, 1]]).tolist() for eye in eyes
    ]
    write_json(out / "calib" / name, {"K": lenses, "M": places})
    write_json(out / "xyz" / name, joints_m.tolist())
    if not fitted:
        return
    motion = scene.motion
    pose, betas = _pose(motion, frame, np.eye(3)), motion.betas
    shift_m = motion.translations_m[frame]
    content = {"poses": [pose.tolist()], "shapes": [betas.tolist()], "global_t": [[shift_m.tolist()]]}
    write_json(out / "shape" / name, content)
    for camera, eye in enumerate(eyes):
        own = Path(f"shape/{scene.number:04d}/cam{camera}/{frame:08d}.json")
        middle_m = joints_m[_MIDDLE_MCP]
        zoom = 0.5 * (eye.intrinsics[0, 0] + eye.intrinsics[1, 1]) / eye.seen(middle_m)[2]
        row = [*_pose(motion, frame, eye.rotation), *betas, *eye.pixels(middle_m), zoom]
        write_json(out / own, [float(value) for value in row])


def _pose(motion: HandMotion, frame: int, camera_rotation: Float) -> Float:
    """Return a pose (48,) as a camera of that rotation, camera-from-world, sees it."""
    turn = Rotation.from_matrix(camera_rotation @ motion.rotations[frame]).as_rotvec()
    return np.concatenate([turn, motion.residuals[frame]])


def _eye(joints_m: Float, rotation: Float, translation_m: Float) -> Eye:
    """Return a camera whose picture is cut out round the hand, as all of HanCo's are."""
    seen = joints_m @ rotation.T + translation_m
    flat = seen[:, :2] / seen[:, 2:]
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = _HAND_SHARE * _SIZE_PX / float((high - low).max())
    across, down = (_SIZE_PX - 1) / 2 - focal * (low + high) / 2
    lens = np.array([[focal, 0, across], [0, focal, down], [0, 0, 1.0]])
    return Eye(lens, rotation, translation_m, _SIZE_PX, _SIZE_PX)


def _mask(shown: NDArray[np.bool_]) -> NDArray[np.uint8]:
    return np.where(shown, 255, 0).astype(np.uint8)
