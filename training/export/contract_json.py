"""`contract.json`: what the gateway and its clients need to know of a model, made of `training.contract`."""

from __future__ import annotations

import dataclasses
import json
from typing import Any

from training import contract
from training.hand.topology import HandTopology

FRAMES = {
    "camera": "x right, y down, z away from the viewer; the wrist joint is the origin",
    "canonical": "global rotation taken off: fingers to -x, thumb to +z, back of the hand to +y",
    "crop": "x right, y down from the crop's top left corner",
}

UNITS = {
    "level": "0 to 255, sRGB",
    "metre": "metre; the network's own estimate of the hand's size, since one image does not tell it",
    "none": "no unit",
    "crop side": "the crop's side is 1; a joint outside the crop lies outside [0, 1]",
}

CROP = {
    "shape": "square about the centre of the hand's tight box",
    "side": f"{contract.CROP_SCALE:g} x the longer side of that box",
    "interpolation": "bilinear; a box k >= 2 times as wide as the crop is first shrunk by k x k means",
    "outside": "black",
}


def contract_text(*, model: str, topology: HandTopology, views: int = 1) -> str:
    """Return the contract of a model with this topology as JSON, one key a line.

    Args:
        model: Its name in the repository.
        topology: Its mesh; `vertices__0` numbers the vertices as it does.
        views: Pictures of one moment that it looks at.
    """
    vertex_count = topology.vertex_count
    document: dict[str, Any] = {
        "model": model,
        "hand": "right",
        "views": views,
        "image_size_px": contract.IMAGE_SIZE_PX,
        "crop_scale": contract.CROP_SCALE,
        "crop": CROP,
        "inputs": [dataclasses.asdict(spec) for spec in contract.inputs(views)],
        "outputs": [dataclasses.asdict(spec) for spec in contract.outputs(vertex_count)],
        "frames": FRAMES,
        "units": UNITS,
        "vertex_count": vertex_count,
        "joint_names": contract.JOINT_NAMES,
        "joint_parents": contract.JOINT_PARENTS,
        "bones": contract.BONES,
        "fingertip_joints": contract.FINGERTIP_JOINTS,
        "fingertip_vertices": topology.fingertip_vertices.tolist(),
        "faces": topology.faces.tolist(),
    }
    lines = (f"  {json.dumps(key)}: {json.dumps(value)}" for key, value in document.items())
    return "{\n" + ",\n".join(lines) + "\n}\n"
