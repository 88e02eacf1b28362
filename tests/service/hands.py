"""Hands for the tests of what happens behind the network."""

from __future__ import annotations

import numpy as np
from scipy.spatial.transform import Rotation

from service.encode.result import HandResult, Side
from training.hand.template import load_template


def template_hand(side: Side = "right", *, seed: int = 0, placed: bool = True) -> HandResult:
    """Return the hand template, turned, as the gateway would answer with it."""
    template = load_template()
    turn = Rotation.random(rng=np.random.default_rng(seed)).as_matrix()
    mirror = np.diag([-1.0, 1.0, 1.0]) if side == "left" else np.eye(3)
    vertices_m = (template.rendered_matrix @ template.control_vertices_m)[template.label_vertices]
    joints_m = template.joint_regressor @ vertices_m
    joints_m, vertices_m = joints_m - joints_m[0], vertices_m - joints_m[0]
    return HandResult(
        model="template",
        version="3",
        side=side,
        vertices_m=(vertices_m @ turn.T @ mirror).astype(np.float32),
        joints_m=(joints_m @ turn.T @ mirror).astype(np.float32),
        rotation=(mirror @ turn @ mirror).astype(np.float32),
        joints_px=np.random.default_rng(seed).uniform(0, 200, (21, 2)).astype(np.float32),
        translation_m=np.array([0.1, -0.2, 0.6]) if placed else None,
        timing_ms={"decode": 0.4},
    )
