"""A tiny data set in the layout of DexYCB (spec sections 7.1 and 7.3).

Three subjects by default, five sequences each, so that every part of S0 has some; the second sequence of the
second subject and the fifth of the third show left hands; in the very first frame of the set, the hand is not
labelled in the first camera.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.synthetic.fabricate.files import new_folder, write_depth, write_jpeg, write_yaml
from training.synthetic.fabricate.motion import HandMotion, sample_motion
from training.synthetic.fabricate.picture import (
    SKIN_COLOUR,
    Body,
    Eye,
    Picture,
    Pose,
    backdrop,
    box_body,
    cameras_round,
    draw,
    sample_box,
)
from training.synthetic.fabricate.stand_in import Float, Side, StandInHand
from training.synthetic.solids import Superquadric

SUBJECTS = (
    "20200709-subject-01", "20200813-subject-02", "20200820-subject-03", "20200903-subject-04",
    "20200908-subject-05", "20200918-subject-06", "20200928-subject-07", "20201002-subject-08",
    "20201015-subject-09", "20201022-subject-10",
)  # fmt: skip
SERIALS = (
    "836212060125", "839512060362", "840412060917", "841412060263",
    "932122060857", "932122060861", "932122061900", "932122062010",
)  # fmt: skip
LEFT_HANDS = ((1, 1), (2, 4))
"""(subject, sequence), from 0."""
MIN_SUBJECTS, MIN_SEQUENCES = 3, 5
HAND_SEGMENT = 255

_WIDTH_PX, _HEIGHT_PX = 640, 480
_FOCAL_PX = 613.0
_DISTANCE_M = 0.8
_OBJECT_M = 0.08
"""From the hand's middle to the object's."""
_CAMERAS_ID = "20200702_151821"
_CENTRE_PX = (320.0, 240.0)


@dataclass(frozen=True, kw_only=True)
class DexYcbSize:
    """How much to make."""

    subjects: int = MIN_SUBJECTS
    sequences: int = MIN_SEQUENCES
    frames: int = 2
    cameras: int = len(SERIALS)

    def check(self) -> None:
        """Raise a ValueError if a part of S0 would be empty, or if the published set has less."""
        limits = {
            "subjects": (MIN_SUBJECTS, len(SUBJECTS)),
            "sequences": (MIN_SEQUENCES, 100),
            "frames": (1, 100),
            "cameras": (1, len(SERIALS)),
        }
        for name, (least, most) in limits.items():
            if not least <= getattr(self, name) <= most:
                raise ValueError(f"{name} must be from {least} to {most}, got {getattr(self, name)}")


class _Scene(NamedTuple):
    """One sequence before the cameras."""

    folder: Path
    motion: HandMotion
    box: Superquadric
    box_pose: Pose
    object_id: int
    eyes: tuple[Eye, ...]
    backgrounds: tuple[NDArray[np.uint8], ...]


def fabricate_dexycb(out: Path, *, seed: int, size: DexYcbSize | None = None) -> Iterator[int]:
    """Write the data set; yield the number of pictures of each sequence as it is done.

    Args:
        out: Folder to be made.
        seed: Another seed, other hands.
        size: How much to make.

    Raises:
        ValueError: The folder is not empty, or `size` is out of bounds.
    """
    size = DexYcbSize() if size is None else size
    size.check()
    new_folder(out)
    rng = np.random.default_rng(seed)
    eyes = _cameras(rng, size.cameras)
    _write_cameras(out / "calibration", eyes)
    for subject in range(size.subjects):
        betas = 0.8 * rng.normal(size=10)
        for sequence in range(size.sequences):
            side: Side = "left" if (subject, sequence) in LEFT_HANDS else "right"
            motion = sample_motion(rng, StandInHand(side), betas, frames=size.frames)
            date = SUBJECTS[subject].split("-")[0]
            folder = out / SUBJECTS[subject] / f"{date}_14{sequence:02d}00"
            scene = _scene(rng, folder, motion, eyes)
            calibration = f"{SUBJECTS[subject]}_{side}"
            write_yaml(out / "calibration" / f"mano_{calibration}" / "mano.yml", {"betas": betas.tolist()})
            _write_meta(scene, calibration)
            for frame in range(size.frames):
                hidden = (subject, sequence, frame) == (0, 0, 0)
                _write_frame(scene, frame, unlabelled=0 if hidden else None)
            yield size.frames * size.cameras


def _cameras(rng: Generator, count: int) -> tuple[Eye, ...]:
    eyes = []
    for rotation, translation_m in cameras_round(rng, count, distance_m=_DISTANCE_M):
        focal = _FOCAL_PX + rng.uniform(-3.0, 3.0, 2)
        centre = np.array(_CENTRE_PX) + rng.uniform(-12.0, 12.0, 2)
        lens = np.array([[focal[0], 0, centre[0]], [0, focal[1], centre[1]], [0, 0, 1.0]])
        eyes.append(Eye(lens, rotation, translation_m, _WIDTH_PX, _HEIGHT_PX))
    return tuple(eyes)


def _write_cameras(calibration: Path, eyes: tuple[Eye, ...]) -> None:
    """Write intrinsics, and extrinsics from each camera to the first, the master."""
    places = {}
    for serial, eye in zip(SERIALS, eyes, strict=False):
        (fx, _, ppx), (_, fy, ppy), _ = eye.intrinsics.tolist()
        lens = {"fx": fx, "fy": fy, "ppx": ppx, "ppy": ppy}
        path = calibration / "intrinsics" / f"{serial}_{_WIDTH_PX}x{_HEIGHT_PX}.yml"
        write_yaml(path, {"color": lens, "depth": lens})
        turn = eyes[0].rotation @ eye.rotation.T
        shift_m = eyes[0].translation_m - turn @ eye.translation_m
        places[serial] = np.column_stack([turn, shift_m]).ravel().tolist()
    # The world's origin stands in for the tag on the table.
    tag = np.column_stack([eyes[0].rotation, eyes[0].translation_m]).ravel().tolist()
    content = {"master": SERIALS[0], "extrinsics": {**places, "apriltag": tag}}
    write_yaml(calibration / f"extrinsics_{_CAMERAS_ID}" / "extrinsics.yml", content)


def _scene(rng: Generator, folder: Path, motion: HandMotion, eyes: tuple[Eye, ...]) -> _Scene:
    box, box_pose = sample_box(rng, near_m=_OBJECT_M)
    backgrounds = tuple(
        backdrop(rng, width_px=eye.width_px, height_px=eye.height_px, tint=(120, 120, 125)) for eye in eyes
    )
    object_id = int(rng.integers(1, 22))
    return _Scene(folder, motion, box, box_pose, object_id, eyes, backgrounds)


def _write_meta(scene: _Scene, calibration: str) -> None:
    meta = {
        "serials": list(SERIALS[: len(scene.eyes)]),
        "num_frames": len(scene.motion),
        "ycb_ids": [scene.object_id],
        "ycb_grasp_ind": 0,
        "mano_sides": [scene.motion.hand.side],
        "mano_calib": [calibration],
        "extrinsics": _CAMERAS_ID,
    }
    write_yaml(scene.folder / "meta.yml", meta)
    master, still = scene.eyes[0], _in_camera(scene.box_pose, scene.eyes[0])
    objects = np.concatenate([Rotation.from_matrix(still[:, :3]).as_quat(), still[:, 3]])
    hands = [_pose_m(scene.motion, frame, master) for frame in range(len(scene.motion))]
    np.savez(
        scene.folder / "pose.npz",
        pose_y=np.tile(objects, (len(hands), 1, 1)).astype(np.float32),
        pose_m=np.stack(hands).astype(np.float32),
    )


def _write_frame(scene: _Scene, frame: int, *, unlabelled: int | None) -> None:
    """Write one frame of all cameras; the hand is not labelled in camera number `unlabelled`."""
    vertices_m, joints_m = scene.motion.points_m(frame)
    faces = scene.motion.hand.faces
    bodies = (
        Body(vertices_m, faces, SKIN_COLOUR, HAND_SEGMENT),
        box_body(scene.box, scene.box_pose, segment=scene.object_id),
    )
    for number, (serial, eye) in enumerate(zip(SERIALS, scene.eyes, strict=False)):
        picture = draw(bodies, eye, scene.backgrounds[number])
        folder = scene.folder / serial
        write_jpeg(folder / f"color_{frame:06d}.jpg", picture.colour)
        write_depth(folder / f"aligned_depth_to_color_{frame:06d}.png", picture.depth_m)
        labels = _labels(scene, frame, eye, joints_m, picture)
        if number == unlabelled:
            labels = _without_hand(labels)
        np.savez_compressed(folder / f"labels_{frame:06d}.npz", allow_pickle=False, **labels)


def _labels(
    scene: _Scene, frame: int, eye: Eye, joints_m: Float, picture: Picture
) -> dict[str, NDArray[Any]]:
    return {
        "seg": picture.segments,
        "pose_y": _in_camera(scene.box_pose, eye)[None].astype(np.float32),
        "pose_m": _pose_m(scene.motion, frame, eye).astype(np.float32),
        "joint_3d": eye.seen(joints_m)[None].astype(np.float32),
        "joint_2d": eye.pixels(joints_m)[None].astype(np.float32),
    }


def _without_hand(labels: dict[str, NDArray[Any]]) -> dict[str, NDArray[Any]]:
    """Return labels that say that there is no hand: poses 0, joints -1."""
    segments = labels["seg"]
    return {
        "seg": np.where(segments == HAND_SEGMENT, 0, segments).astype(np.uint8),
        "pose_y": labels["pose_y"],
        "pose_m": np.zeros_like(labels["pose_m"]),
        "joint_3d": np.full_like(labels["joint_3d"], -1.0),
        "joint_2d": np.full_like(labels["joint_2d"], -1.0),
    }


def _pose_m(motion: HandMotion, frame: int, eye: Eye) -> Float:
    """Return a hand in a camera's frame (1, 51): axis-angle, principal components, translation."""
    wrist_m = motion.wrist_m(frame)
    turn = Rotation.from_matrix(eye.rotation @ motion.rotations[frame]).as_rotvec()
    # The hand turns about its wrist, wherever that lies, and only then is it moved.
    shift_m = eye.seen(wrist_m + motion.translations_m[frame]) - wrist_m
    return np.concatenate([turn, motion.hand.coefficients(motion.residuals[frame]), shift_m])[None]


def _in_camera(pose: Pose, eye: Eye) -> Float:
    """Return a thing's [R|t] (3, 4) in a camera's frame."""
    return np.column_stack([eye.rotation @ pose.rotation, eye.seen(pose.centre_m)])
