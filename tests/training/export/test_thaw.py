"""From a served model back to weights that can be trained."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.testing import assert_close

from tests.untrained import RECIPE
from training.__main__ import main
from training.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from training.config import as_dict, load_recipe
from training.export.graph import ServedHand, sample_images, trace
from training.export.thaw import thaw
from training.hand.template import TEMPLATE_SHA256, load_template
from training.networks.build import build
from training.networks.hands import SingleViewHand
from training.tensors import HandPrediction


@pytest.fixture(scope="module")
def images() -> Tensor:
    return sample_images(24, seed=3).permute(0, 3, 1, 2) / 255.0


@pytest.fixture(scope="module")
def thawed(network: SingleViewHand, images: Tensor) -> SingleViewHand:
    twin = build(load_recipe(RECIPE).network, load_template().topology)
    thaw(trace(ServedHand(network)), twin, images=images)
    return twin


@torch.no_grad()
def says(network: nn.Module, images: Tensor) -> tuple[Tensor, ...]:
    prediction: HandPrediction = network(images)
    return prediction.vertices_m, prediction.rotation, prediction.shape.joints_uv


def test_a_thawed_network_says_what_the_frozen_one_said(
    network: SingleViewHand, thawed: SingleViewHand
) -> None:
    others = sample_images(3, seed=8).permute(0, 3, 1, 2) / 255.0
    assert_close(says(thawed.eval(), others), says(network, others), atol=1e-5, rtol=1e-4)


def test_training_goes_on_where_evaluation_stands(thawed: SingleViewHand, images: Tensor) -> None:
    evaluated = says(thawed.eval(), images)
    thawed.train()
    for module in thawed.modules():
        if isinstance(module, nn.Dropout):
            module.eval()
    for trained, wanted in zip(says(thawed, images), evaluated, strict=True):
        # A hundred batch norms round apart; beside what tells one hand from the next that is little.
        assert (trained - wanted).std() < 0.05 * (wanted - wanted.mean(dim=0)).std()


def test_another_network_is_refused(network: SingleViewHand, images: Tensor) -> None:
    smaller = build(load_recipe("smoke").network, load_template().topology)
    with pytest.raises(ValueError, match="the model holds another network"):
        thaw(trace(ServedHand(network)), smaller, images=images)


def test_a_released_model_trains_on(drawn_data: Path, tmp_path: Path) -> None:
    config = load_recipe("smoke")
    torch.manual_seed(0)
    fresh = build(config.network, load_template().topology)
    trained = Checkpoint(
        config=config,
        stage="full",
        step=9,
        weights=fresh.state_dict(),
        averaged_weights=None,
        images_seen=123,
        data={"template_sha256": TEMPLATE_SHA256},
    )
    save_checkpoint(trained, tmp_path / "trained.pt")
    repository, start = tmp_path / "models", tmp_path / "start.pt"
    assert main(["export", str(tmp_path / "trained.pt"), "--repository", str(repository)]) == 0
    model = repository / "svr_hand" / "1" / "model.pt"
    assert main(["thaw", str(model), "--data", str(drawn_data), "--out", str(start)]) == 0
    assert load_checkpoint(start).images_seen == 123
    train = ["train", "smoke", "--data", str(drawn_data), "--out", str(tmp_path / "run"), "--steps", "1"]
    assert main([*train, "--init", str(start), "--stage", "full"]) == 0
    assert load_checkpoint(tmp_path / "run" / "last.pt").images_seen == 127


def test_a_model_without_its_card_is_refused(
    drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["thaw", str(tmp_path / "model.pt"), "--data", str(drawn_data), "--out", str(tmp_path / "out.pt")]
    assert main(words) == 2
    assert "no card at" in capsys.readouterr().err


@pytest.mark.parametrize("content", [None, b"", b"no archive at all"])
def test_a_model_that_is_no_torchscript_is_refused(
    content: bytes | None, drawn_data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    model = tmp_path / "model.pt"
    if content is not None:
        model.write_bytes(content)
    card = {"recipe": as_dict(load_recipe("smoke")), "stage": "full", "step": 0, "images_seen": 0}
    model.with_name("card.json").write_text(json.dumps(card), encoding="utf-8")
    words = ["thaw", str(model), "--data", str(drawn_data), "--out", str(tmp_path / "out.pt")]
    assert main(words) == 2
    assert f"{model} holds no TorchScript" in capsys.readouterr().err
