"""How these tests talk to Triton, and a model that misbehaves when told to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tritonclient.grpc import InferenceServerClient, InferInput, InferResult

from deploy.triton.install import install
from deploy.triton.server import Ports, TritonServer
from training import contract
from training.export.config_pbtxt import ModelConfig, Token, model_config, to_text
from training.export.graph import sample_images, save

Images = NDArray[np.uint8]

UNRULY = "unruly"
UNRULY_QUEUE = 3
SLOW, POISON = 1, 2


class Unruly(nn.Module):
    """Echoes a picture's mean level; its first pixel says whether to take long about it, or to fail."""

    def forward(self, image: Tensor) -> Tensor:
        """Map images (B, H, W, 3) to their means (B, 3)."""
        orders = image[:, 0, 0, 0]
        if bool((orders == 2).any()):
            raise RuntimeError("poisoned")
        if bool((orders == 1).any()):
            matrix = torch.eye(256)
            for _ in range(1500):
                matrix = matrix @ matrix
        return image.float().mean(dim=(1, 2))


def unruly_config() -> ModelConfig:
    """Return the generated configuration with a short queue and tensors of any size."""
    config = model_config(model=UNRULY, vertex_count=1)
    policy = replace(config.dynamic_batching.default_queue_policy, max_queue_size=UNRULY_QUEUE)
    return replace(
        config,
        max_batch_size=4,
        input=(replace(config.input[0], dims=(-1, -1, 3)),),
        output=(replace(config.output[0], name="means__0", data_type=Token("TYPE_FP32"), dims=(3,)),),
        dynamic_batching=replace(config.dynamic_batching, default_queue_policy=policy),
        model_warmup=(),
    )


@pytest.fixture(scope="session")
def unruly(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TritonServer]:
    """A server of its own for the model that misbehaves."""
    repository = tmp_path_factory.mktemp("unruly")
    (repository / UNRULY / "1").mkdir(parents=True)
    scripted: torch.jit.ScriptModule = torch.jit.script(Unruly())
    save(scripted, repository / UNRULY / "1" / "model.pt")
    (repository / UNRULY / "config.pbtxt").write_text(to_text(unruly_config()))
    with TritonServer(install(), repository=repository, ports=Ports.free(), threads=1) as server:
        yield server


@pytest.fixture
def client(triton: TritonServer) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(triton.grpc_url) as opened:
        yield opened


@pytest.fixture
def unruly_client(unruly: TritonServer) -> Iterator[InferenceServerClient]:
    with InferenceServerClient(unruly.grpc_url) as opened:
        yield opened


def pictures(count: int, *, seed: int) -> Images:
    """Return crops (count, S, S, 3)."""
    images: Images = sample_images(count, seed=seed).numpy()
    return images


def ordered(*orders: int, size_px: int = 8) -> list[Images]:
    """Return one small picture (1, H, W, 3) for each order to `Unruly`; 0 orders nothing."""
    images = [np.full((1, size_px, size_px, 3), 10 * (index + 1), np.uint8) for index in range(len(orders))]
    for image, order in zip(images, orders, strict=True):
        image[0, 0, 0, 0] = order
    return images


def tensor(images: Images) -> InferInput:
    """Return the input that carries images (B, H, W, 3)."""
    carried = InferInput(contract.INPUT.name, list(images.shape), contract.INPUT.dtype)
    carried.set_data_from_numpy(images)
    return carried


def outputs(result: InferResult, names: Sequence[str]) -> dict[str, NDArray[np.float32]]:
    """Return the named outputs of an answer."""
    return {name: result.as_numpy(name) for name in names}
