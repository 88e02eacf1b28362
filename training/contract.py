"""The contract between training, Triton, the gateway and its clients, written once.

`config.pbtxt` and `contract.json` in `model_repository` are generated from this module; the gateway and the
clients read them and know no joint name, size or face of their own. Standard library only, so that a tool may
read it without installing anything. Source: spec section 1 (joint order), FreiHAND (names and order).

Frames: *camera* is x right, y down, z away from the viewer. *Canonical* is the hand's own rest frame with the
global rotation taken off (wrist at the origin, fingers to -x, thumb to +z, back of the hand to +y).
"""

from __future__ import annotations

from dataclasses import dataclass

IMAGE_SIZE_PX = 128
"""Side of the square crop that the network sees."""

CROP_SCALE = 1.5
"""Side of the crop over the longer side of the hand's tight box."""

JOINT_NAMES: tuple[str, ...] = (
    "wrist",
    *(f"thumb_{part}" for part in ("cmc", "mcp", "ip", "tip")),
    *(
        f"{finger}_{part}"
        for finger in ("index", "middle", "ring", "little")
        for part in ("mcp", "pip", "dip", "tip")
    ),
)
"""The 21 joints in FreiHAND order."""

JOINT_COUNT = len(JOINT_NAMES)

JOINT_PARENTS: tuple[int, ...] = (-1, 0, 1, 2, 3, 0, 5, 6, 7, 0, 9, 10, 11, 0, 13, 14, 15, 0, 17, 18, 19)
"""Parent of each joint; -1 marks the root."""

BONES: tuple[tuple[int, int], ...] = tuple(
    (parent, child) for child, parent in enumerate(JOINT_PARENTS) if parent >= 0
)
"""The 20 bones as (parent joint, child joint)."""

FINGERTIP_JOINTS: tuple[int, ...] = (4, 8, 12, 16, 20)


@dataclass(frozen=True, kw_only=True)
class TensorSpec:
    """One tensor on the wire; `name` ends in `__K` as Triton's PyTorch backend wants it."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    unit: str
    frame: str
    meaning: str


INPUT = TensorSpec(
    name="image__0",
    dtype="UINT8",
    shape=(IMAGE_SIZE_PX, IMAGE_SIZE_PX, 3),
    unit="level",
    frame="crop",
    meaning="RGB crop of one right hand, rows first; normalisation is inside the graph",
)


def inputs(views: int) -> tuple[TensorSpec, ...]:
    """Return the input tensors of a network that looks at `views` pictures of one moment.

    The mask is bytes. NVIDIA's libtorch backend and ours take BOOL as well, but Triton warms models up with
    random bytes, and torch leaves undefined what a boolean other than 0 and 1 does.
    """
    if views == 1:
        return (INPUT,)
    return (
        TensorSpec(
            name="images__0",
            dtype="UINT8",
            shape=(views, *INPUT.shape),
            unit="level",
            frame="crop",
            meaning="RGB crops of one right hand at one moment, the cameras in a ring; as image__0 each",
        ),
        TensorSpec(
            name="valid__1",
            dtype="UINT8",
            shape=(views,),
            unit="none",
            frame="none",
            meaning="0 where there is no view: what images__0 holds there says nothing; not 0 at the target",
        ),
        TensorSpec(
            name="target__2",
            dtype="INT32",
            shape=(1,),
            unit="none",
            frame="none",
            meaning="number of the view, from 0, in whose camera and crop the outputs are",
        ),
    )


def outputs(vertex_count: int) -> tuple[TensorSpec, ...]:
    """Return the output tensors of a network whose mesh has `vertex_count` vertices.

    The list only ever grows at its end; an index never changes its meaning.
    """
    return (
        TensorSpec(
            name="vertices__0",
            dtype="FP32",
            shape=(vertex_count, 3),
            unit="metre",
            frame="camera",
            meaning="mesh with the wrist joint at the origin, orientation applied",
        ),
        TensorSpec(
            name="joints__1",
            dtype="FP32",
            shape=(JOINT_COUNT, 3),
            unit="metre",
            frame="camera",
            meaning="the 21 joints, wrist at the origin, orientation applied",
        ),
        TensorSpec(
            name="rotation__2",
            dtype="FP32",
            shape=(3, 3),
            unit="none",
            frame="camera",
            meaning="rotation that takes canonical coordinates to the camera",
        ),
        TensorSpec(
            name="joints_uv__3",
            dtype="FP32",
            shape=(JOINT_COUNT, 2),
            unit="crop side",
            frame="crop",
            meaning="the 21 joints in the image; (0, 0) is the crop's top left, (1, 1) its bottom right",
        ),
    )
