"""A file that is built like MANO's out of our own CC0 template: same fields, shapes, classes and opcodes.

Its mesh is the template's, renumbered so that the finger tips stand where MANO has them. Pose blend shapes,
mean pose and principal components are random: they mean nothing, and show every wrong sign and order.
"""

from __future__ import annotations

import io
import pickle
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_matrix

from training.hand.mano.layout import FINGERTIP_VERTICES, Side
from training.hand.template import load_template

Float = NDArray[np.float64]
Fields = dict[str, Any]

WRIST_M = np.array([0.095, 0.006, 0.006])
PARENTS = (4294967295, 0, 1, 2, 0, 4, 5, 0, 7, 8, 0, 10, 11, 0, 13, 14)

# MANO's fingers come in the order index, middle, little, ring, thumb.
HEAD_JOINTS = (0, 5, 6, 7, 9, 10, 11, 17, 18, 19, 13, 14, 15, 1, 2, 3)
_MANO_BONES = (0, 13, 14, 15, 1, 2, 3, 4, 5, 6, 10, 11, 12, 7, 8, 9, 0, 0, 0)


def fabricated_fields(side: Side, *, seed: int = 0) -> Fields:
    """Return the fields of a file as plain arrays; the two sides share nothing but the mesh."""
    template, rng = load_template(), np.random.default_rng([seed, side == "left"])
    old, new = _renumbering(template.fingertip_vertices)
    flip = np.array([-1.0, 1.0, 1.0]) if side == "left" else np.ones(3)
    rendered = template.rendered_matrix[template.label_vertices[old]]
    shares = rendered @ template.skin_weights
    weights = np.zeros((778, 16))
    for bone, mano_bone in enumerate(_MANO_BONES):
        weights[:, mano_bone] += shares[:, bone]
    vertices = (rendered @ template.control_vertices_m + WRIST_M) * flip
    basis = (rendered @ template.shape_basis_m[: rendered.shape[1]].reshape(-1, 30)).reshape(778, 3, 10)
    faces = new[template.topology.faces]
    regressor = template.joint_regressor[list(HEAD_JOINTS)][:, old].astype(np.float64)
    regressor /= regressor.sum(axis=1, keepdims=True)
    return {
        "hands_components": np.linalg.qr(rng.normal(size=(45, 45)))[0],
        "f": (faces[:, ::-1] if side == "left" else faces).astype(np.uint32),
        "J_regressor": regressor,
        "kintree_table": np.array([PARENTS, range(16)]),
        "J": regressor @ vertices,
        "weights": weights / weights.sum(axis=1, keepdims=True),
        "posedirs": rng.normal(scale=1e-3, size=(778, 3, 135)),
        "shapedirs": basis * flip[:, None],
        "v_template": vertices,
        "hands_mean": rng.normal(scale=0.2, size=45),
        "hands_coeffs": rng.normal(size=(7, 45)),
        "bs_style": "lbs",
        "bs_type": "lrotmin",
    }


def _renumbering(tips: NDArray[np.int64]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the template's vertex at each of MANO's numbers, and MANO's number of each template vertex."""
    others = iter(np.setdiff1d(np.arange(778), tips).tolist())
    tip_at = dict(zip(FINGERTIP_VERTICES, tips.tolist(), strict=True))
    old = np.array([tip_at[number] if number in tip_at else next(others) for number in range(778)])
    return old, np.argsort(old)


class Ch:
    """What chumpy pickles of an array."""

    def __init__(self, x: Float) -> None:
        self.x = x
        self._dirty_vars: set[str] = set()
        self._itr = None


class Select:
    """What chumpy pickles of numbers that are chosen from a flattened array."""

    def __init__(self, a: object, idxs: NDArray[np.int64], preferred_shape: tuple[int, ...]) -> None:
        self.a = a
        self.idxs = idxs
        self.preferred_shape = preferred_shape
        self._dirty_vars = {"a"}


def released(fields: Fields) -> Fields:
    """Return fields in the classes of the released files."""
    wide = np.concatenate([fields["shapedirs"], np.full((778, 3, 10), 7.0)], axis=2)
    chosen = np.arange(wide.size).reshape(wide.shape)[:, :, :10].ravel()
    return {
        **fields,
        "J_regressor": csc_matrix(fields["J_regressor"]),
        "posedirs": Ch(fields["posedirs"]),
        "shapedirs": Select(Ch(wide), chosen, (778, 3, 10)),
    }


class Python2Pickler(pickle._Pickler):
    """Writes what Python 2 wrote at protocol 2: 8-bit strings, and the module names of its day."""

    OLD_NAMES: ClassVar = {
        "numpy._core.multiarray": "numpy.core.multiarray",
        "scipy.sparse._csc": "scipy.sparse.csc",
        "builtins": "__builtin__",
    }
    CHUMPY: ClassVar = {Ch: "chumpy.ch", Select: "chumpy.reordering"}
    dispatch: ClassVar[dict[type, Any]] = dict(pickle._Pickler.dispatch)
    write: Callable[[bytes], object]
    memoize: Callable[[object], None]

    def save_string(self, string: bytes | str) -> None:
        """Write text and bytes alike: to Python 2 both are strings."""
        content = string if isinstance(string, bytes) else string.encode("latin1")
        self.write(b"T" + struct.pack("<i", len(content)) + content)
        self.memoize(string)

    def save_global(self, named: Any, name: str | None = None) -> None:  # noqa: ANN401
        """Write the name of a class or function as it was then."""
        module = self.CHUMPY.get(named, named.__module__)
        line = f"c{self.OLD_NAMES.get(module, module)}\n{name or named.__qualname__}\n"
        self.write(line.encode())
        self.memoize(named)

    dispatch[bytes] = save_string
    dispatch[str] = save_string


def python2_pickle(value: object) -> bytes:
    stream = io.BytesIO()
    Python2Pickler(stream, protocol=2).dump(value)
    return stream.getvalue()


def write_released(path: Path, fields: Fields) -> Path:
    """Write fields as the released files are written."""
    path.write_bytes(python2_pickle(released(fields)))
    return path
