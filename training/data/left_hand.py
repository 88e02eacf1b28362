"""Left hands become right ones once, when they are read (spec sections 1 and 12.7)."""

from __future__ import annotations

import numpy as np

from training.data.sample import Float32, HandSample

_ACROSS_X = np.array([-1.0, 1.0, 1.0], np.float32)


def mirrored_sample(sample: HandSample) -> HandSample:
    """Return a view as a mirror would show it: picture, joints, mesh and rotation, each across x.

    A rotation's axis-angle (x, y, z) becomes (x, -y, -z).
    """
    width_px = sample.image.shape[1]
    joints_px: Float32 = np.stack([width_px - sample.joints_px[:, 0], sample.joints_px[:, 1]], axis=1)
    return HandSample(
        image=np.ascontiguousarray(sample.image[:, ::-1]),
        joints_px=joints_px,
        vertices_canonical_m=sample.vertices_canonical_m * _ACROSS_X,
        joints_canonical_m=sample.joints_canonical_m * _ACROSS_X,
        rotation=sample.rotation * _ACROSS_X[:, None] * _ACROSS_X,
        visibility=sample.visibility,
    )
