"""Painted pictures, as natural as a few lines can make them: what hangs behind hands when there are no photos."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def paint_picture(rng: np.random.Generator, side_px: int) -> NDArray[np.float32]:
    """Paint one picture.

    Returns:
        (side, side, 3) linear light in [0, 1]; it repeats past its edges.
    """
    spectrum = np.fft.rfft2(rng.standard_normal((side_px, side_px, 3)), axes=(0, 1))
    fy, fx = np.fft.fftfreq(side_px)[:, None], np.fft.rfftfreq(side_px)[None]
    field = np.fft.irfft2(spectrum / np.maximum(np.hypot(fy, fx), 1 / side_px)[:, :, None], axes=(0, 1))
    field = field / field.std()
    return np.clip(0.35 + 0.15 * field, 0.0, 1.0).astype(np.float32)
