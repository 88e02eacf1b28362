"""Photographs that may be used for anything: views cut from Poly Haven's CC0 panoramas.

The npm package `@pmndrs/assets` (CC0 1.0) carries 18 of them, 512 x 256, as OpenEXR in JavaScript strings.
Cut into perspective views they are the backgrounds that `render --photos` hangs behind the hands; nothing of
them is committed.
"""

from __future__ import annotations

import argparse
import base64
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from numpy.typing import NDArray
from tqdm import tqdm

PACKAGE = "@pmndrs/assets@1.7.0"
VIEW_SIZE_PX = 256
_FIELD_OF_VIEW_DEG = (60.0, 110.0)
_PITCH_DEG = (-50.0, 40.0)
_MIDDLE_GREY = 0.18
_BRIGHTEST = 60.0

Floats = NDArray[np.float32]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `training backgrounds`."""
    parser.add_argument("--out", type=Path, default=Path("data/backgrounds"), help="folder for the JPEGs")
    parser.add_argument("--views", type=int, default=16, help="views cut from each panorama")
    parser.add_argument("--seed", type=int, default=0)


def run(arguments: argparse.Namespace) -> None:
    """Fetch the package with npm and write its views as JPEGs.

    Raises:
        ValueError: npm cannot bring the package.
    """
    arguments.out.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(arguments.seed)
    with tempfile.TemporaryDirectory() as scratch:
        files = _fetch(Path(scratch))
        for file in tqdm(files, desc="panoramas", unit="file"):
            panorama = tone_mapped(_read(file))
            for view in range(arguments.views):
                picture = random_view(panorama, rng)
                name = arguments.out / f"{file.name.split('.')[0]}_{view:02d}.jpg"
                cv2.imwrite(str(name), picture[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])
    print(f"{len(files) * arguments.views} views in {arguments.out}")


def _fetch(folder: Path) -> list[Path]:
    command = ["npm", "pack", "--silent", PACKAGE]
    try:
        subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True)  # noqa: S603
    except (OSError, subprocess.CalledProcessError) as error:
        raise ValueError(f"{' '.join(command)} failed: {error}") from error
    (archive,) = folder.glob("*.tgz")
    with tarfile.open(archive) as package:
        package.extractall(folder, filter="data")
    return sorted((folder / "package" / "hdri").glob("*.exr.js"))


def _read(file: Path) -> Floats:
    match = re.search(r"base64,([A-Za-z0-9+/=]+)", file.read_text(encoding="ascii"))
    if match is None:
        raise ValueError(f"{file.name} holds no base64 picture")
    exr = file.with_suffix("")
    exr.write_bytes(base64.b64decode(match.group(1)))
    with OpenEXR.File(str(exr)) as opened:
        pixels = np.asarray(opened.channels()["RGB"].pixels, np.float32)
    # The brightest pixels overflow half floats, and the compression rings below zero beside them.
    return np.asarray(np.nan_to_num(np.clip(pixels, 0.0, _BRIGHTEST), nan=_BRIGHTEST), np.float32)


def tone_mapped(radiance: Floats) -> NDArray[np.uint8]:
    """Expose linear (H, W, 3) radiance for middle grey; return RGB levels (ACES curve, Narkowicz's fit)."""
    log_mean = np.exp(np.log(radiance.mean(axis=2) + 1e-4).mean())
    exposed = radiance * (_MIDDLE_GREY / log_mean)
    curve = exposed * (2.51 * exposed + 0.03) / (exposed * (2.43 * exposed + 0.59) + 0.14)
    levels: NDArray[np.uint8] = (np.clip(curve, 0.0, 1.0) ** (1 / 2.2) * 255).astype(np.uint8)
    return levels


def random_view(panorama: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Cut one perspective view (256, 256, 3) out of an equirectangular panorama."""
    yaw = rng.uniform(0.0, 2 * np.pi)
    pitch = np.radians(rng.uniform(*_PITCH_DEG))
    tangent = np.tan(np.radians(rng.uniform(*_FIELD_OF_VIEW_DEG)) / 2)
    grid = (np.arange(VIEW_SIZE_PX, dtype=np.float32) + 0.5) / VIEW_SIZE_PX * 2 - 1
    x, y = np.meshgrid(grid * tangent, grid * tangent)
    forward = np.cos(pitch) - y * np.sin(pitch)
    down = np.sin(pitch) + y * np.cos(pitch)
    longitude = np.arctan2(x, forward) + yaw
    latitude = np.arctan2(down, np.hypot(x, forward))
    height, width = panorama.shape[:2]
    column = np.mod(longitude / (2 * np.pi), 1.0) * width - 0.5
    row = (latitude / np.pi + 0.5) * height - 0.5
    return np.asarray(
        cv2.remap(
            panorama,
            column.astype(np.float32),
            row.astype(np.float32),
            cv2.INTER_CUBIC,
            borderMode=cv2.BORDER_WRAP,
        ),
        np.uint8,
    )
