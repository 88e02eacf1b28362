"""Writes files as published data sets hold them."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
import yaml
from numpy.typing import NDArray

_JPEG_QUALITY = 93


def write_jpeg(path: Path, image: NDArray[np.uint8]) -> None:
    """Write a picture (H, W, 3) RGB, or (H, W) grey."""
    grey = image.ndim == 2
    pixels = np.ascontiguousarray(image[:, :, None] if grey else image)
    content = simplejpeg.encode_jpeg(pixels, quality=_JPEG_QUALITY, colorspace="GRAY" if grey else "RGB")
    _in_folder(path).write_bytes(content)


def write_depth(path: Path, depth_m: NDArray[np.float32]) -> None:
    """Write a depth picture (H, W) as 16-bit PNG in millimetres."""
    millimetres = np.rint(1000.0 * depth_m).astype(np.uint16)
    cv2.imwrite(str(_in_folder(path)), millimetres)


def write_json(path: Path, content: object) -> None:
    """Write JSON."""
    _in_folder(path).write_text(json.dumps(content), encoding="utf-8")


def write_yaml(path: Path, content: object) -> None:
    """Write YAML; text that looks like a number, such as a serial, is quoted."""
    _in_folder(path).write_text(yaml.safe_dump(content), encoding="utf-8")


def new_folder(path: Path) -> None:
    """Make a folder for a data set.

    Raises:
        ValueError: It is there and not empty.
    """
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise ValueError(f"{path} is there and not empty; take a new folder")
    path.mkdir(parents=True, exist_ok=True)


def _in_folder(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return path
