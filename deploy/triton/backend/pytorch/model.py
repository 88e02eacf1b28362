"""Serve TorchScript models in Triton without libtorch: a python-based backend named `pytorch`.

It runs what NVIDIA's libtorch backend runs, from the same repository: `<version>/model.pt`, tensors in the
order of the `__N` at the end of their names, `INTRA_OP_THREAD_COUNT` and `INTER_OP_THREAD_COUNT` as settings.
Without these torch decides (`OMP_NUM_THREADS`, else all cores).
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
import triton_python_backend_utils as pb_utils
from torch import Tensor
from torch.utils.dlpack import from_dlpack

FORWARD_ERRORS = (RuntimeError, torch.jit.Error)
"""What a forward raises: an operator's error, and TorchScript's, which is no RuntimeError."""


class TritonPythonModel:
    """One instance of one model; the name and the methods are Triton's."""

    def initialize(self, args: dict[str, str]) -> None:
        """Load the module onto the device of this instance."""
        config = json.loads(args["model_config"])
        self._inputs = _names_by_index(config["input"])
        self._outputs = _names_by_index(config["output"])
        self._device = _device(args["model_instance_kind"], args["model_instance_device_id"])
        _set_threads(config["parameters"])
        path = Path(pb_utils.get_model_dir()) / (config["default_model_filename"] or "model.pt")
        self._module: torch.jit.ScriptModule = torch.jit.load(  # type: ignore[no-untyped-call]
            path, map_location=self._device
        ).eval()
        pb_utils.Logger.log_info(f"{path}: on {self._device}, {torch.get_num_threads()} threads")

    @torch.inference_mode()
    def execute(self, requests: Sequence[Any]) -> list[Any]:
        """Answer all requests with one forward a shape; a request that fails fails alone."""
        responses: dict[int, Any] = {}
        groups: dict[object, list[int]] = {}
        inputs: dict[int, list[Tensor]] = {}
        for index, request in enumerate(requests):
            if request.is_cancelled():
                responses[index] = _failure("cancelled by the client", pb_utils.TritonError.CANCELLED)
                continue
            inputs[index] = [self._tensor(request, name) for name in self._inputs]
            signature = tuple((tensor.dtype, tensor.shape[1:]) for tensor in inputs[index])
            groups.setdefault(signature, []).append(index)
        for members in groups.values():
            answers = self._answer([inputs[index] for index in members])
            responses.update(zip(members, answers, strict=True))
        return [responses[index] for index in range(len(requests))]

    def _tensor(self, request: Any, name: str) -> Tensor:  # noqa: ANN401  (Triton's type has no stubs)
        # DLPack both ways: the stub was built for numpy 1, under numpy 2 it sends arrays as 0 bytes.
        tensor = pb_utils.get_input_tensor_by_name(request, name)
        return from_dlpack(tensor)

    def _answer(self, inputs: list[list[Tensor]]) -> list[Any]:
        """Return a response for each of `inputs`, which agree in all but the batch size."""
        try:
            outputs = self._forward([torch.cat(column) for column in zip(*inputs, strict=True)])
        except FORWARD_ERRORS as error:
            if len(inputs) == 1:
                return [_failure(str(error), pb_utils.TritonError.INTERNAL)]
            # One of them broke the batch: each for itself, so that only the guilty one fails.
            return [response for single in inputs for response in self._answer([single])]
        sizes = [columns[0].shape[0] for columns in inputs]
        shares = zip(*(torch.split(output, sizes) for output in outputs), strict=True)
        return [self._response(share) for share in shares]

    def _forward(self, inputs: list[Tensor]) -> list[Tensor]:
        outputs = self._module(*(tensor.to(self._device) for tensor in inputs))
        columns = (outputs,) if isinstance(outputs, Tensor) else outputs
        return [column.to("cpu").contiguous() for column in columns]

    def _response(self, outputs: Sequence[Tensor]) -> Any:  # noqa: ANN401  (Triton's type has no stubs)
        tensors = [
            pb_utils.Tensor.from_dlpack(name, output)
            for name, output in zip(self._outputs, outputs, strict=True)
        ]
        return pb_utils.InferenceResponse(output_tensors=tensors)


def _names_by_index(tensors: list[dict[str, Any]]) -> list[str]:
    """Sort tensor names by the `N` of their `__N`, the position in the module's arguments or results."""
    return sorted((tensor["name"] for tensor in tensors), key=lambda name: int(name.rpartition("__")[2]))


def _device(kind: str, device_id: str) -> torch.device:
    """Return the device that Triton gave this instance."""
    if kind != "GPU":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        pb_utils.Logger.log_warn("Triton sees a GPU but this torch does not: serving on the CPU")
        return torch.device("cpu")
    return torch.device("cuda", int(device_id))


def _set_threads(parameters: dict[str, dict[str, str]]) -> None:
    for key, set_threads in (
        ("INTRA_OP_THREAD_COUNT", torch.set_num_threads),
        ("INTER_OP_THREAD_COUNT", torch.set_num_interop_threads),
    ):
        if key in parameters:
            set_threads(int(parameters[key]["string_value"]))


def _failure(message: str, code: int) -> Any:  # noqa: ANN401  (Triton's type has no stubs)
    return pb_utils.InferenceResponse(error=pb_utils.TritonError(message, code))
