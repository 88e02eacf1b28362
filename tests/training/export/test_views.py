"""Laws of the module of several views, and what an export of it leaves behind."""

from __future__ import annotations

import json
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.untrained import SMALL_VIEWS, export_served, untrained_served
from training import contract
from training.export.config_pbtxt import model_config, to_text
from training.export.contract_json import contract_text
from training.export.graph import Served, ServedOutputs, ServedViews, load
from training.export.repository import TOLERANCE
from training.hand.template import load_template
from training.networks.hands import MultiViewHand
from training.tensors import HandPrediction, ViewsPrediction

VIEWS = SMALL_VIEWS.views
DTYPES = {"UINT8": torch.uint8, "INT32": torch.int32}


@pytest.fixture(scope="module")
def served() -> Served:
    return untrained_served(SMALL_VIEWS)


@pytest.fixture(scope="module")
def repository(served: Served, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("views") / "model_repository"
    export_served(served, folder)
    return folder


@pytest.fixture(scope="module")
def exported(repository: Path) -> torch.jit.ScriptModule:
    return load(repository / "mvr_hand" / "1" / "model.pt")


@torch.inference_mode()
def answer(module: nn.Module, *inputs: Tensor) -> ServedOutputs:
    return ServedOutputs(*module(*inputs))


def assert_same(one: ServedOutputs, other: ServedOutputs) -> None:
    assert_close(one, other, atol=TOLERANCE, rtol=0.0)


def assert_other(one: ServedOutputs, other: ServedOutputs) -> None:
    assert (one.vertices_root_m - other.vertices_root_m).abs().max() > 10 * TOLERANCE


def test_samples_are_what_the_contract_says(served: Served) -> None:
    specs = contract.inputs(VIEWS)
    for spec, tensor in zip(specs, served.samples(3, seed=0), strict=True):
        assert tensor.shape == (3, *spec.shape)
        assert tensor.dtype == DTYPES[spec.dtype]
    images, valid, target = served.samples(40, seed=0)
    assert images.shape[0] == 40
    assert valid.gather(1, target.long()).all(), "the target is there"
    assert set(target.flatten().tolist()) == set(range(VIEWS))
    assert set(valid.sum(dim=1).tolist()) >= {3, 4, 5}


@pytest.mark.parametrize("batch_size", [1, 2, 4])
def test_exported_equals_eager(served: Served, exported: torch.jit.ScriptModule, batch_size: int) -> None:
    for seed in range(3):
        inputs = served.samples(batch_size, seed=10 * batch_size + seed)
        assert_same(answer(exported, *inputs), answer(served, *inputs))


def test_the_answer_is_the_networks_for_that_target(served: Served, exported: torch.jit.ScriptModule) -> None:
    """Asked for each view in turn, the module says what the network says of all at once."""
    images, valid, _ = served.samples(1, seed=5)
    network = cast(MultiViewHand, served.network)
    with torch.inference_mode():
        every: HandPrediction = network.for_every_target(
            images.permute(0, 1, 4, 2, 3) / 255.0, valid[:, None] > 0
        )
    targets = torch.arange(VIEWS, dtype=torch.int32)[:, None]
    asked = answer(exported, images.repeat(VIEWS, 1, 1, 1, 1), valid.repeat(VIEWS, 1), targets)
    assert_close(asked.vertices_root_m, every.vertices_m - every.joints_m[:, :1], atol=TOLERANCE, rtol=0.0)
    assert_close(asked.rotation, every.rotation, atol=TOLERANCE, rtol=0.0)
    assert_close(asked.joints_uv, every.shape.joints_uv, atol=TOLERANCE, rtol=0.0)


def test_a_target_is_the_ring_turned_until_it_comes_first(exported: torch.jit.ScriptModule) -> None:
    images, valid, target = untrained_inputs(3)
    turned_images = torch.stack([one.roll(-int(k), 0) for one, k in zip(images, target, strict=True)])
    turned_valid = torch.stack([one.roll(-int(k), 0) for one, k in zip(valid, target, strict=True)])
    straight = answer(exported, images, valid, target)
    assert_same(straight, answer(exported, turned_images, turned_valid, torch.zeros_like(target)))
    assert_other(straight, answer(exported, images, torch.ones_like(valid), (target + 1) % VIEWS))


def test_any_number_names_a_view(exported: torch.jit.ScriptModule) -> None:
    """A wrong target must not read beyond the views, which on a GPU would end the server."""
    images, valid, target = untrained_inputs(2)
    straight = answer(exported, images, valid, target)
    for far in (target - 10 * VIEWS, target + (2**31 - 8 * VIEWS) // VIEWS * VIEWS):
        assert_same(straight, answer(exported, images, valid, far))


def test_holes_add_nothing(exported: torch.jit.ScriptModule) -> None:
    images, valid, target = untrained_inputs(3)
    there = valid[:, :, None, None, None] > 0
    before = answer(exported, images, valid, target)
    assert_same(before, answer(exported, torch.where(there, images, 255 - images), valid, target))
    assert_other(before, answer(exported, torch.where(there, 255 - images, images), valid, target))


def test_any_byte_but_0_is_a_view(exported: torch.jit.ScriptModule) -> None:
    images, valid, target = untrained_inputs(2)
    assert_same(answer(exported, images, valid, target), answer(exported, images, 200 * valid, target))


def test_batch_equals_singles(exported: torch.jit.ScriptModule) -> None:
    inputs = untrained_inputs(3)
    singles = [answer(exported, *(tensor[row : row + 1] for tensor in inputs)) for row in range(3)]
    stacked = ServedOutputs(*(torch.cat(column) for column in zip(*singles, strict=True)))
    assert_same(answer(exported, *inputs), stacked)


def untrained_inputs(count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Return groups each of which has holes."""
    images, valid, target = ServedViews(nn.Identity(), views=VIEWS).samples(count + 1, seed=4)
    assert (valid[1:] == 0).any(dim=1).all()
    return images[1:], valid[1:], target[1:]


def test_files_are_generated_from_the_contract(repository: Path, served: Served) -> None:
    topology = load_template().topology
    folder = repository / "mvr_hand"
    wanted = to_text(model_config(model="mvr_hand", vertex_count=topology.vertex_count, views=VIEWS))
    assert (folder / "config.pbtxt").read_text() == wanted
    document = contract_text(model="mvr_hand", topology=topology, views=VIEWS)
    assert (folder / "contract.json").read_text() == document
    names = [tensor["name"] for tensor in json.loads(document)["inputs"]]
    assert names == ["images__0", "valid__1", "target__2"]
    card = json.loads((folder / "1" / "card.json").read_text())
    assert tuple(card["verification"]["batch_sizes"]) == served.verified_batch_sizes


class Unsteady(nn.Module):
    """A network that never answers the same: no export of it can be verified."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, valid: Tensor) -> ViewsPrediction:
        """Predict, and spoil the rotation."""
        prediction: ViewsPrediction = self.network(images, valid)
        noise = torch.rand_like(prediction.hand.rotation)
        return prediction._replace(hand=prediction.hand._replace(rotation=prediction.hand.rotation + noise))


def test_unverified_export_leaves_nothing(served: Served, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"differs|bound to"):
        export_served(ServedViews(Unsteady(served.network), views=VIEWS), tmp_path / "model_repository")
    assert list(tmp_path.iterdir()) == []
