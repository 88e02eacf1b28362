"""The network that costs nothing: every server of the comparison answers with this one mesh."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from training.contract import JOINT_COUNT

VERTEX_COUNT = 778


class ConstantMesh(NamedTuple):
    """The outputs of the contract, for one image."""

    vertices_root_m: npt.NDArray[np.float32]
    joints_root_m: npt.NDArray[np.float32]
    rotation: npt.NDArray[np.float32]
    joints_uv: npt.NDArray[np.float32]


def constant_mesh() -> ConstantMesh:
    """Return a mesh of the size of a hand, seen from afar, with as many digits to print as a real one."""
    rng = np.random.default_rng(0)
    joints_root_m = rng.normal(0.0, 0.05, (JOINT_COUNT, 3)).astype(np.float32)
    return ConstantMesh(
        vertices_root_m=rng.normal(0.0, 0.05, (VERTEX_COUNT, 3)).astype(np.float32),
        joints_root_m=joints_root_m,
        rotation=np.eye(3, dtype=np.float32),
        joints_uv=0.5 + 2 * joints_root_m[:, :2],
    )
