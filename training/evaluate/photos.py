"""Real photos with landmarks of reference: the test of transfer.

A folder holds pictures and `reference.json`, a list of hands: `file`, `box` [x, y, side] (a square crop in
pixels), `hand` ("right" or "left"), `landmarks` (21 x [u, v] in pixels, FreiHAND order). The landmarks are
another network's opinion, so the scores say how far two networks agree, not how far ours is from the truth.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from training.contract import IMAGE_SIZE_PX, JOINT_COUNT
from training.data.crop import Image, SquareBox, crop, crop_affine, transform_points
from training.engine.inference import Hands, evaluating, predict
from training.engine.validation import LandmarkScores, landmark_scores
from training.networks.hands import SingleViewHand

REFERENCE = "reference.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoHand:
    """A hand in a photo, as a right hand: a left one is mirrored."""

    crop: Image
    """(128, 128, 3) RGB."""
    landmarks_uv: NDArray[np.float64]
    """(21, 2), units of the crop's side."""


@dataclass(frozen=True, kw_only=True, eq=False)
class PhotoReport:
    """What a network says of the photos, and how well its joints agree with the reference."""

    hands: tuple[PhotoHand, ...]
    predicted: Hands
    scores: LandmarkScores


def measure_photos(network: SingleViewHand, folder: Path) -> PhotoReport:
    """Measure a network on all hands of a folder of photos.

    Raises:
        ValueError: The folder has no readable reference, or a photo is missing.
    """
    hands = read_photo_hands(folder)
    device = next(network.parameters()).device
    images = torch.from_numpy(np.stack([hand.crop for hand in hands])).to(device)
    with evaluating(network):
        predicted = predict(network, images.permute(0, 3, 1, 2).float().div_(255.0))
    reference_uv = np.stack([hand.landmarks_uv for hand in hands])
    return PhotoReport(
        hands=hands, predicted=predicted, scores=landmark_scores(predicted.joints_uv, reference_uv)
    )


def read_photo_hands(folder: Path) -> tuple[PhotoHand, ...]:
    """Return the hands of a folder of photos.

    Raises:
        ValueError: There is no readable reference or no hand in it, or a photo is missing.
    """
    path = folder / REFERENCE
    try:
        entries: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is not readable: {error}") from error
    if not entries:
        raise ValueError(f"{path} names no hand")
    try:
        return tuple(_photo_hand(folder, entry) for entry in entries)
    except KeyError as error:
        raise ValueError(f"{path}: a hand has no {error}") from error


def mirrored(
    image: Image, box: SquareBox, points_px: NDArray[np.float64]
) -> tuple[Image, SquareBox, NDArray[np.float64]]:
    """Return a picture, a box and points (n, 2) in it flipped about the picture's vertical axis."""
    width = image.shape[1]
    flipped = np.ascontiguousarray(image[:, ::-1])
    turned = SquareBox(width - box.left_px - box.side_px, box.top_px, box.side_px)
    return flipped, turned, np.column_stack([width - points_px[:, 0], points_px[:, 1]])


def _photo_hand(folder: Path, entry: dict[str, Any]) -> PhotoHand:
    picture = cv2.imread(str(folder / entry["file"]), cv2.IMREAD_COLOR)
    if picture is None:
        raise ValueError(f"{folder / entry['file']} is not a readable picture")
    image: Image = np.ascontiguousarray(picture[:, :, ::-1]).astype(np.uint8)
    box, landmarks_px = SquareBox(*entry["box"]), np.asarray(entry["landmarks"], np.float64)
    if landmarks_px.shape != (JOINT_COUNT, 2):
        raise ValueError(f"{entry['file']}: {JOINT_COUNT} landmarks are wanted, got {landmarks_px.shape}")
    if entry["hand"] == "left":
        image, box, landmarks_px = mirrored(image, box, landmarks_px)
    return PhotoHand(
        crop=crop(image, box), landmarks_uv=transform_points(crop_affine(box), landmarks_px) / IMAGE_SIZE_PX
    )
