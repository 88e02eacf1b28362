"""What the model promises, read from the `contract.json` beside it.

The gateway knows no joint, size or face of its own.

Legend: V vertices, F faces, J joints.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

Size = Annotated[int, Field(gt=0)]
Index = Annotated[int, Field(ge=0)]


class TensorContract(BaseModel):
    """One tensor, without its batch."""

    model_config = ConfigDict(frozen=True, extra="allow")

    name: str
    dtype: Literal["UINT8", "INT32", "FP32"]
    shape: tuple[Size, ...]
    unit: str
    frame: str
    meaning: str


class ModelContract(BaseModel):
    """The contract of one model: its tensors, its mesh, its joints, and how its crop is cut."""

    model_config = ConfigDict(frozen=True, extra="allow")

    model: str
    views: Size
    """Pictures of one moment that the network looks at."""
    image_size_px: Size
    crop_scale: Annotated[float, Field(gt=0)]
    """Side of the crop over the longer side of the hand's tight box."""
    inputs: tuple[TensorContract, ...]
    outputs: tuple[TensorContract, ...]
    joint_names: tuple[str, ...]
    bones: tuple[tuple[Index, Index], ...]
    faces: tuple[tuple[Index, Index, Index], ...]

    @model_validator(mode="after")
    def _agree_with_itself(self) -> ModelContract:
        vertex_count, joint_count = self.vertex_count, len(self.joint_names)
        expected = {
            "vertices__0": (vertex_count, 3),
            "joints__1": (joint_count, 3),
            "rotation__2": (3, 3),
            "joints_uv__3": (joint_count, 2),
        }
        shapes = {tensor.name: tensor.shape for tensor in self.outputs}
        for name, shape in expected.items():
            if shapes.get(name) != shape:
                raise ValueError(f"output {name} must have shape {shape}, got {shapes.get(name)}")
        wanted = self._input_types()
        found = [(tensor.dtype, tensor.shape) for tensor in self.inputs]
        if found != wanted:
            raise ValueError(f"inputs of {self.views} views must be {wanted}, got {found}")
        if max(max(face) for face in self.faces) >= vertex_count:
            raise ValueError(f"a face names a vertex beyond the {vertex_count} of the mesh")
        if max(max(bone) for bone in self.bones) >= joint_count:
            raise ValueError(f"a bone names a joint beyond the {joint_count}")
        return self

    def _input_types(self) -> list[tuple[str, tuple[int, ...]]]:
        """Return what goes in: a crop, or N crops, which of them there are, and the target's number."""
        crop = (self.image_size_px, self.image_size_px, 3)
        if self.views == 1:
            return [("UINT8", crop)]
        return [("UINT8", (self.views, *crop)), ("UINT8", (self.views,)), ("INT32", (1,))]

    @property
    def vertex_count(self) -> int:
        """Number of vertices, V."""
        return self.outputs[0].shape[0]

    @property
    def face_array(self) -> NDArray[np.uint32]:
        """(F, 3) vertex indices, counter-clockwise seen from outside a right hand."""
        return np.asarray(self.faces, dtype=np.uint32)


def contract_path(model_repository: Path, model_name: str) -> Path:
    """Return where the contract of a model lies."""
    return model_repository / model_name / "contract.json"


def load_contract(model_repository: Path, model_name: str) -> ModelContract:
    """Read `<model_repository>/<model_name>/contract.json`.

    Raises:
        ValueError: The file is missing, is no contract, or is that of another model.
    """
    path = contract_path(model_repository, model_name)
    try:
        contract = ModelContract.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise ValueError(f"no contract at {path}: export the model there first") from error
    except ValidationError as error:
        raise ValueError(f"{path} is no contract: {error}") from error
    if contract.model != model_name:
        raise ValueError(f"{path} is the contract of {contract.model!r}, not of {model_name!r}")
    return contract
