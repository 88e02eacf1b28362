"""Small scenes whose pictures can be worked out on paper."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from training.synthetic.scene import (
    HAND_MATERIAL,
    Backdrop,
    Camera,
    FloatArray,
    Lighting,
    Material,
    Mesh,
    Room,
    Scene,
    Surface,
    merge_meshes,
)
from training.synthetic.textures import TextureBank, pyramid

THING_MATERIAL = 1
GREY = Material(surface=Surface.PAINT, variation=0.0, bump=0.0, specular=0.0)


def sphere(
    *, radius_m: float = 0.05, centre_m: tuple[float, float, float] = (0, 0, 0), material: int = HAND_MATERIAL
) -> Mesh:
    """Return a latitude-longitude sphere with its own normals."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, 33)[:, None]
    longitude = np.linspace(0, 2 * np.pi, 64, endpoint=False)[None]
    ring = np.cos(latitude)
    normals = np.stack(
        np.broadcast_arrays(ring * np.cos(longitude), ring * np.sin(longitude), np.sin(latitude)), -1
    )
    row, column = np.mgrid[:32, :64]
    here, there = row * 64 + column, row * 64 + (column + 1) % 64
    faces = np.concatenate(
        [
            np.stack([here, there, there + 64], -1).reshape(-1, 3),
            np.stack([here, there + 64, here + 64], -1).reshape(-1, 3),
        ]
    )
    return _mesh(normals.reshape(-1, 3) * radius_m + centre_m, normals.reshape(-1, 3), faces, material)


def square(*, half_m: float, z_m: float, material: int = THING_MATERIAL) -> Mesh:
    """Return a square across the z axis that faces -z, where `camera` stands."""
    corners = np.array([[-1, -1, 0], [-1, 1, 0], [1, 1, 0], [1, -1, 0]]) * half_m + (0, 0, z_m)
    return _mesh(corners, np.tile([0.0, 0.0, -1.0], (4, 1)), np.array([[0, 1, 2], [0, 2, 3]]), material)


def camera(
    *, distance_m: float = 0.5, size_px: int = 64, focal_px: float = 200.0, backdrop: Backdrop | None = None
) -> Camera:
    """Return a camera on the -z axis that looks along +z."""
    middle = size_px / 2
    return Camera(
        K=np.array([[focal_px, 0, middle], [0, focal_px, middle], [0, 0, 1.0]]),
        R=np.eye(3),
        t_m=np.array([0, 0, distance_m]),
        size_px=size_px,
        backdrop=backdrop,
    )


def scene(
    *meshes: Mesh,
    hand: Material = GREY,
    thing: Material = GREY,
    ambient: float = 1.0,
    sun: tuple[float, float, float] = (0, 0, -1),
    sun_strength: float = 0.0,
) -> Scene:
    """Return meshes in a dim grey room, under a constant sky and one sun."""
    sky = np.zeros((9, 3))
    sky[0] = ambient * 3.5449
    direction: FloatArray = np.array([sun], float) / np.linalg.norm(sun)
    return Scene(
        mesh=merge_meshes(meshes),
        materials=(hand, thing),
        lighting=Lighting(
            ambient=sky, directions=direction, colors=np.full((1, 3), sun_strength), penumbra_m=0.001
        ),
        room=Room(centre_m=np.zeros(3), axes=np.eye(3), half_size_m=2.0, walls=(GREY,) * 6),
        focus_m=np.zeros(3),
    )


def bank(*colors: float) -> TextureBank:
    """Return a texture bank of pictures of one grey each."""
    return np.stack([pyramid(np.full((256, 256, 3), color)) for color in colors or (0.5,)])


def _mesh(positions_m: FloatArray, normals: FloatArray, faces: NDArray[np.intp], material: int) -> Mesh:
    return Mesh(
        positions_m=positions_m,
        normals=normals,
        rest_positions_m=positions_m,
        albedo=np.ones_like(positions_m),
        nail=np.zeros(len(positions_m)),
        faces=faces.astype(np.int32),
        face_material=np.full(len(faces), material),
    )
