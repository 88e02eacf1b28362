"""LitServe the way its documentation writes it: the four verbs, one worker."""

from __future__ import annotations

import sys
from typing import Any

import litserve
import numpy as np
import numpy.typing as npt
from PIL import Image

from deploy.bench.null_engine import ConstantMesh, constant_mesh
from training.contract import IMAGE_SIZE_PX


class HandApi(litserve.LitAPI):  # type: ignore[misc]
    """An uploaded photo in, lists out."""

    def setup(self, device: str) -> None:
        """Load the network that costs nothing."""
        self.mesh = constant_mesh()

    # LitServe reads the annotation: only without one does it hand over the parsed form.
    def decode_request(self, request) -> npt.NDArray[np.uint8]:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Decode and crop."""
        photo = Image.open(request["image"].file).convert("RGB")
        return np.asarray(photo.resize((IMAGE_SIZE_PX, IMAGE_SIZE_PX)))

    def predict(self, x: npt.NDArray[np.uint8]) -> ConstantMesh:
        """Ask the network."""
        return self.mesh

    def encode_response(self, output: ConstantMesh) -> dict[str, Any]:
        """Turn arrays into lists."""
        return {
            "vertices": output.vertices_root_m.tolist(),
            "joints": output.joints_root_m.tolist(),
            "rotation": output.rotation.tolist(),
            "joints_2d": (output.joints_uv * IMAGE_SIZE_PX).tolist(),
        }


if __name__ == "__main__":
    server = litserve.LitServer(HandApi(), accelerator="cpu", workers_per_device=1)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", generate_client_file=False)
