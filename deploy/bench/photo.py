"""The photo that every server is sent."""

from __future__ import annotations

import io

import numpy as np
from PIL import Image

_NOISE_LEVELS = 6.0


def make_photo(*, width_px: int, height_px: int) -> bytes:
    """Draw a JPEG with a photo's entropy: blurred blobs under sensor noise; the same bytes every time."""
    rng = np.random.default_rng(0)
    blobs = Image.fromarray(rng.integers(0, 256, (9, 9, 3), dtype=np.uint8))
    smooth = np.asarray(blobs.resize((width_px, height_px), Image.Resampling.BICUBIC), dtype=np.float32)
    noisy = smooth + rng.normal(0.0, _NOISE_LEVELS, smooth.shape)
    buffer = io.BytesIO()
    Image.fromarray(noisy.clip(0, 255).astype(np.uint8)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()
