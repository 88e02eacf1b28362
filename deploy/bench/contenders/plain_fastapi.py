"""FastAPI written the obvious way: an uploaded file, Pillow, numpy, lists into a JSON reply."""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
import uvicorn
from fastapi import FastAPI, UploadFile
from PIL import Image
from pydantic import BaseModel

from deploy.bench.null_engine import constant_mesh
from training.contract import IMAGE_SIZE_PX

app = FastAPI()
mesh = constant_mesh()


class HandReply(BaseModel):
    """The reply of `/typed`, which pydantic validates and serialises in Rust."""

    vertices: list[list[float]]
    joints: list[list[float]]
    rotation: list[list[float]]
    joints_2d: list[list[float]]


def reconstruct_upload(image: UploadFile) -> dict[str, Any]:
    """Decode, crop, ask the network that costs nothing, and turn arrays into lists."""
    photo = Image.open(image.file).convert("RGB")
    crop = np.asarray(photo.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX)))
    return {
        "vertices": mesh.vertices_root_m.tolist(),
        "joints": mesh.joints_root_m.tolist(),
        "rotation": mesh.rotation.tolist(),
        "joints_2d": (mesh.joints_uv * crop.shape[0]).tolist(),
    }


@app.post("/reconstruct", response_model=None)  # as where the function has no return annotation
def reconstruct(image: UploadFile) -> dict[str, Any]:
    """Reply with what the function returns."""
    return reconstruct_upload(image)


@app.post("/typed")
def reconstruct_typed(image: UploadFile) -> HandReply:
    """Reply through a declared model."""
    return HandReply(**reconstruct_upload(image))


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
