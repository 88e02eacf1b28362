"""One random look at a hand: where the crop lies, how it is turned, and what colours it has (spec section 1).

Turning the crop by rho about the viewing axis is turning the hand in front of the camera: the labels turn
with it, exactly for a hand on the optical axis, closely for one near it.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from training import contract
from training.config import DataConfig
from training.data.crop import Image, SquareBox, crop_affine, hand_box, resample, transform_points
from training.data.sample import Float32, HandSample

SHARPEN_BLUR_PX = 1.2
"""Sigma of the blur that sharpness adds or takes away."""
CUTOUT_SIDES = (0.1, 0.4)
"""Sides of the patch that cutout lays over the crop, in units of the crop's side."""


class Patch(NamedTuple):
    """A rectangle of one colour."""

    place: tuple[float, float, float, float]
    """(left, top, width, height) in units of the crop's side."""
    colour: tuple[int, int, int]
    """RGB levels."""


@dataclass(frozen=True, kw_only=True)
class Augmentation:
    """One draw; the defaults change nothing."""

    scale: float = 1.0
    """Factor on the box's side; above 1 shows more of the surroundings."""
    rotation_rad: float = 0.0
    """Turn of the box in the picture; the hand turns the other way."""
    shift: tuple[float, float] = (0.0, 0.0)
    """Displacement of the box in units of its side."""
    gain: tuple[float, float, float] = (1.0, 1.0, 1.0)
    """Factor on each colour channel."""
    gamma: float = 1.0
    sharpness: float = 0.0
    """-1 is a blurred picture, 0 the picture itself, above 0 an unsharp mask."""
    noise_level: float = 0.0
    """Standard deviation of the noise, in levels of 255."""
    cutout: Patch | None = None
    mirror_border: bool = False
    """Fill what lies outside the picture with its mirror image instead of zeros."""
    noise_seed: int = 0


class CroppedHand(NamedTuple):
    """A crop and its labels; the numpy twin of one row of `training.tensors.HandBatch`."""

    image: Image
    """(128, 128, 3) RGB."""
    vertices_canonical_m: Float32
    """(V, 3)."""
    joints_canonical_m: Float32
    """(J, 3)."""
    rotation: Float32
    """(3, 3)."""
    joints_uv: Float32
    """(J, 2), units of the crop's side."""
    visibility: float


def draw_augmentation(config: DataConfig, rng: np.random.Generator) -> Augmentation:
    """Draw one augmentation; every draw takes the same numbers from `rng`, whatever the configuration."""
    scale = 1.0 + config.scale_sigma * float(np.clip(rng.normal(), -1.0, 1.0))
    angle_deg = config.rotation_sigma_deg * float(np.clip(rng.normal(), -2.0, 2.0))
    turned = rng.random() < config.rotation_probability
    shift_u, shift_v = rng.uniform(-config.shift, config.shift, size=2)
    red, green, blue = rng.uniform(1.0 - config.gain, 1.0 + config.gain, size=3)
    gamma = math.exp(rng.uniform(-config.gamma, config.gamma))
    sharpness = config.sharpness * float(rng.uniform(-1.0, 1.0))
    noise_level = config.noise_level * max(0.0, float(rng.uniform(-1.0, 1.0)))
    cut = rng.random() < config.cutout_probability
    width, height = rng.uniform(*CUTOUT_SIDES, size=2)
    left, top = rng.random(2) * (1.0 - width, 1.0 - height)
    patch_red, patch_green, patch_blue, noise_seed = rng.integers(2**31, size=4).tolist()
    patch = Patch(
        place=(float(left), float(top), float(width), float(height)),
        colour=(patch_red % 256, patch_green % 256, patch_blue % 256),
    )
    mirrored = rng.random() < config.mirror_border_probability
    return Augmentation(
        scale=scale,
        rotation_rad=math.radians(angle_deg) if turned else 0.0,
        shift=(float(shift_u), float(shift_v)),
        gain=(float(red), float(green), float(blue)),
        gamma=gamma,
        sharpness=sharpness,
        noise_level=noise_level,
        cutout=patch if cut else None,
        mirror_border=bool(mirrored),
        noise_seed=noise_seed,
    )


def crop_hand(sample: HandSample, augmentation: Augmentation | None = None) -> CroppedHand:
    """Return the contract's crop of a sample, disturbed if an augmentation is given."""
    look = Augmentation() if augmentation is None else augmentation
    affine = crop_affine(moved_box(hand_box(sample.joints_px.astype(np.float64)), look),
                         rotation_rad=look.rotation_rad)  # fmt: skip
    border = cv2.BORDER_REFLECT_101 if look.mirror_border else cv2.BORDER_CONSTANT
    joints_crop_px = transform_points(affine, sample.joints_px.astype(np.float64))
    return CroppedHand(
        image=recoloured(resample(sample.image, affine, border=border), look),
        vertices_canonical_m=sample.vertices_canonical_m,
        joints_canonical_m=sample.joints_canonical_m,
        rotation=(roll_matrix(-look.rotation_rad) @ sample.rotation).astype(np.float32),
        joints_uv=(joints_crop_px / contract.IMAGE_SIZE_PX).astype(np.float32),
        visibility=sample.visibility,
    )


def moved_box(box: SquareBox, augmentation: Augmentation) -> SquareBox:
    """Return the box scaled about its centre and shifted."""
    side = box.side_px * augmentation.scale
    centre_x, centre_y = box.centre_px
    shift_x, shift_y = augmentation.shift
    return SquareBox(
        centre_x + shift_x * box.side_px - side / 2, centre_y + shift_y * box.side_px - side / 2, side
    )


def roll_matrix(angle_rad: float) -> NDArray[np.float64]:
    """Return the (3, 3) rotation about the viewing axis that takes x towards y (clockwise on the screen)."""
    cos, sin = math.cos(angle_rad), math.sin(angle_rad)
    return np.array([[cos, -sin, 0.0], [sin, cos, 0.0], [0.0, 0.0, 1.0]])


def recoloured(image: Image, augmentation: Augmentation) -> Image:
    """Return the crop with the draw's sharpness, gamma, gain, patch and noise, in this order."""
    look = augmentation
    if look.sharpness != 0.0:
        image = sharpened(image, look.sharpness)
    if look.gamma != 1.0 or look.gain != (1.0, 1.0, 1.0):
        image = cv2.LUT(image, level_table(gain=look.gain, gamma=look.gamma))  # type: ignore[assignment]
    if look.cutout is not None:
        image = patched(image, look.cutout)
    if look.noise_level > 0.0:
        image = noisy(image, look.noise_level, seed=look.noise_seed)
    return image


def sharpened(image: Image, amount: float) -> Image:
    """Return image + amount (image - blurred image): its blur at -1, an unsharp mask above 0."""
    blurred = cv2.GaussianBlur(image, (5, 5), SHARPEN_BLUR_PX)
    mixed: Image = cv2.addWeighted(image, 1.0 + amount, blurred, -amount, 0.0)  # type: ignore[assignment]
    return mixed


def level_table(*, gain: tuple[float, float, float], gamma: float) -> Image:
    """Return the (256, 1, 3) table level -> clip(255 gain (level / 255)^gamma)."""
    levels = 255.0 * np.outer((np.arange(256) / 255.0) ** gamma, gain)
    return np.clip(np.rint(levels), 0.0, 255.0).astype(np.uint8)[:, None, :]


def patched(image: Image, patch: Patch) -> Image:
    """Return a copy of the crop with a rectangle of one colour laid over it."""
    left, top, width, height = (round(share * len(image)) for share in patch.place)
    covered = image.copy()
    covered[top : top + height, left : left + width] = patch.colour
    return covered


def noisy(image: Image, level: float, *, seed: int) -> Image:
    """Return the crop with white noise of a standard deviation in levels of 255."""
    # OpenCV's generator is faster than numpy's; it belongs to the thread, so it is seeded each time.
    cv2.setRNGSeed(seed)
    noise = cv2.randn(np.empty(image.shape, np.int16), np.zeros(3), np.full(3, level))
    mixed: Image = cv2.add(image, noise, dtype=cv2.CV_8U)  # type: ignore[assignment]
    return mixed
