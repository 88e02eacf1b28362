"""Data sets as the renderer writes them, with pictures drawn in a moment: a dot of its own at every joint."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray
from scipy.spatial.transform import Rotation

from training.hand.template import TEMPLATE_SHA256, load_template
from training.synthetic.shards import (
    DatasetCard,
    Mode,
    RenderedSample,
    shard_path,
    write_card,
    write_shard,
)

SIZE_PX = 96
SAMPLES_A_SHARD = 3
VIEWS = 2
DISTANCE_M = 0.7


def write_drawn_hands(folder: Path, *, shards: int, seed: int = 0) -> Path:
    """Write `shards` shards of `SAMPLES_A_SHARD` hands in `VIEWS` views each; return the folder.

    The first view of every hand shows all vertices, the second every tenth.
    """
    rng = np.random.default_rng(seed)
    samples = shards * SAMPLES_A_SHARD
    card = DatasetCard(
        seed=seed, samples=samples, views=VIEWS, size_px=SIZE_PX, crop_scale=2.0, photos=0,
        template_sha256=TEMPLATE_SHA256,
    )  # fmt: skip
    write_card(folder, card)
    for shard in range(shards):
        hands = [drawn_sample(shard * SAMPLES_A_SHARD + i, rng) for i in range(SAMPLES_A_SHARD)]
        write_shard(shard_path(folder, shard), hands)
    return folder


def drawn_sample(index: int, rng: np.random.Generator) -> RenderedSample:
    """Return the mean hand at rest at some size, turned at random in front of each camera."""
    template = load_template()
    surface = (template.loop_matrix @ template.control_vertices_m)[template.label_vertices]
    size = rng.uniform(0.8, 1.2)
    vertices, joints = size * surface, size * template.joints_m
    cameras = [camera(joints, rng) for _ in range(VIEWS)]
    pictures = [picture((joints @ turn.T + place_m) @ lens.T, rng) for lens, turn, place_m in cameras]
    lenses, turns, places_m = (np.stack(part) for part in zip(*cameras, strict=True))
    visible = np.ones((VIEWS, len(vertices)), np.bool_)
    visible[1] = np.arange(len(vertices)) % 10 == 0
    return RenderedSample(
        index=index,
        mode=Mode.FREE,
        jpegs=tuple(simplejpeg.encode_jpeg(p, quality=95, colorsubsampling="444") for p in pictures),
        K=lenses, R=turns, t_m=places_m,
        vertices_canonical_m=vertices,
        joints_canonical_m=joints,
        vertex_visible=visible,
        joint_visible=np.ones((VIEWS, len(joints)), np.bool_),
        visibility=rng.uniform(0.2, 1.0, VIEWS),
    )  # fmt: skip


def camera(
    joints_m: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]:
    """Return K, R, t of a camera whose picture is twice the hand's box."""
    turn = Rotation.random(rng=rng).as_matrix()
    place_m = np.array([0.0, 0.0, DISTANCE_M])
    seen = joints_m @ turn.T + place_m
    flat = seen[:, :2] / seen[:, 2:]
    low, high = flat.min(axis=0), flat.max(axis=0)
    focal = SIZE_PX / (2.0 * (high - low).max())
    centre = SIZE_PX / 2 - focal * (low + high) / 2
    return np.array([[focal, 0, centre[0]], [0, focal, centre[1]], [0, 0, 1.0]]), turn, place_m


def picture(homogeneous_px: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return a blurred random picture with a dot at every joint."""
    canvas = cv2.GaussianBlur(rng.integers(0, 120, (SIZE_PX, SIZE_PX, 3), dtype=np.uint8), (0, 0), 2.0)
    for number, (x, y, z) in enumerate(homogeneous_px):
        colour = (255, 12 * number, 255 - 12 * number)
        centre = round((x / z - 0.5) * 16), round((y / z - 0.5) * 16)
        cv2.circle(canvas, centre, 2 << 4, colour, -1, cv2.LINE_AA, shift=4)
    return np.asarray(canvas, np.uint8)
