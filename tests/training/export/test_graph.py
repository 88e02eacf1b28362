"""Laws of the module that is served."""

from __future__ import annotations

from abc import ABC, abstractmethod

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from training.export.graph import ServedHand, ServedOutputs, load, sample_images, save, trace
from training.export.repository import TOLERANCE
from training.networks.hands import SingleViewHand
from training.tensors import HandPrediction


@pytest.fixture(scope="module")
def exported(network: SingleViewHand, tmp_path_factory: pytest.TempPathFactory) -> torch.jit.ScriptModule:
    path = tmp_path_factory.mktemp("graph") / "model.pt"
    save(trace(ServedHand(network)), path)
    return load(path)


@torch.inference_mode()
def answer(module: nn.Module, images: Tensor) -> ServedOutputs:
    return ServedOutputs(*module(images))


@pytest.mark.parametrize("batch_size", [1, 2, 5, 16])
def test_exported_equals_eager(
    network: SingleViewHand, exported: torch.jit.ScriptModule, batch_size: int
) -> None:
    images = sample_images(batch_size, seed=batch_size)
    assert_close(answer(exported, images), answer(ServedHand(network), images), atol=TOLERANCE, rtol=0.0)


def test_batch_equals_singles(exported: torch.jit.ScriptModule) -> None:
    images = sample_images(4, seed=9)
    singles = [answer(exported, image[None]) for image in images]
    stacked = ServedOutputs(*(torch.cat(column) for column in zip(*singles, strict=True)))
    assert_close(answer(exported, images), stacked, atol=TOLERANCE, rtol=0.0)
    apart = (stacked.vertices_root_m[0] - stacked.vertices_root_m[1]).abs().max()
    assert apart > 10 * TOLERANCE, "the pictures must differ, or the law holds for any network"


def test_wrist_is_the_origin_and_rotation_a_rotation(exported: torch.jit.ScriptModule) -> None:
    outputs = answer(exported, sample_images(3, seed=4))
    assert_close(outputs.joints_root_m[:, 0], torch.zeros(3, 3), atol=0.0, rtol=0.0)
    turned = outputs.rotation @ outputs.rotation.transpose(1, 2)
    assert_close(turned, torch.eye(3).expand(3, 3, 3), atol=1e-5, rtol=0.0)


def test_vertices_are_the_networks_own_about_its_wrist(network: SingleViewHand) -> None:
    levels = sample_images(2, seed=5)
    with torch.inference_mode():
        prediction: HandPrediction = network(levels.permute(0, 3, 1, 2) / 255.0)
    wanted_m = prediction.vertices_m - prediction.joints_m[:, :1]
    assert_close(answer(ServedHand(network), levels).vertices_root_m, wanted_m, atol=1e-6, rtol=1e-5)


class Spoilt(nn.Module, ABC):
    """A network around another, with something in its forward that must not be exported."""

    def __init__(self, network: SingleViewHand) -> None:
        super().__init__()
        self.network = network

    @abstractmethod
    def spoil(self, images: Tensor) -> Tensor:
        """Return the images, by a way that a trace cannot keep."""

    def forward(self, images: Tensor) -> HandPrediction:
        """Predict from the spoilt images."""
        prediction: HandPrediction = self.network(self.spoil(images))
        return prediction


class MakesTensor(Spoilt):
    """Its trace would name the device that it was made on."""

    def spoil(self, images: Tensor) -> Tensor:
        """Add noise made on the device of the images."""
        return images + torch.rand(3, 1, 1, device=images.device)


class Branches(Spoilt):
    """Its trace would hold for pictures like the example."""

    def spoil(self, images: Tensor) -> Tensor:
        """Invert dark images."""
        return images if images.mean() > 0.5 else 1.0 - images


def test_trace_that_names_a_device_is_refused(network: SingleViewHand) -> None:
    with pytest.raises(ValueError, match=r"bound to \['cpu'\]"):
        trace(ServedHand(MakesTensor(network)))


def test_trace_that_branches_is_refused(network: SingleViewHand) -> None:
    with pytest.raises(ValueError, match="cannot be traced"):
        trace(ServedHand(Branches(network)))
