"""A contact sheet: one row of views for each sample, to be looked at."""

from __future__ import annotations

import colorsys
from pathlib import Path

import cv2
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from training.contract import BONES
from training.synthetic.cameras import project
from training.synthetic.shards import read_shard


def contact_sheet(shard: Path, *, samples: int = 32, skeleton: bool = False) -> NDArray[np.uint8]:
    """Return the first `samples` of a shard as one picture; with `skeleton` the projected bones on top.

    Bones that end in a hidden joint are drawn darker.
    """
    arrays = read_shard(shard)
    count, views = arrays["K"].shape[:2]
    rows = []
    for sample in range(min(count, samples)):
        row = []
        for view in range(views):
            start, end = arrays["jpeg_offsets"][sample * views + view :][:2]
            picture = simplejpeg.decode_jpeg(arrays["jpeg"][start:end].tobytes())
            if skeleton:
                joints_px = project(
                    arrays["joints_canonical_m"][sample],
                    arrays["K"][sample, view],
                    arrays["R"][sample, view],
                    arrays["t_m"][sample, view],
                )
                picture = _with_bones(picture, joints_px, arrays["joint_visible"][sample, view])
            row.append(picture)
        rows.append(np.concatenate(row, axis=1))
    return np.concatenate(rows, axis=0)


def write_sheet(path: Path, sheet: NDArray[np.uint8]) -> None:
    """Write an RGB picture to `path`, in the format of its suffix.

    Raises:
        ValueError: The suffix is of no known format.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        written = cv2.imwrite(str(path), sheet[:, :, ::-1])
    except cv2.error as error:
        raise ValueError(f"cannot write a picture to {path}: {error}") from error
    if not written:
        raise ValueError(f"cannot write a picture to {path}")


def _with_bones(
    picture: NDArray[np.uint8], joints_px: NDArray[np.float64], visible: NDArray[np.bool_]
) -> NDArray[np.uint8]:
    drawn = picture.copy()
    subpixel_bits = 4
    points = np.round((joints_px - 0.5) * 2**subpixel_bits).astype(int)
    for number, (parent, child) in enumerate(BONES):
        shade = colorsys.hsv_to_rgb(number // 4 / 5, 1.0, 1.0 if visible[child] else 0.45)
        color = tuple(round(255 * level) for level in shade)
        cv2.line(drawn, tuple(points[parent]), tuple(points[child]), color, 1, cv2.LINE_AA, subpixel_bits)
    return drawn
