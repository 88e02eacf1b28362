"""`python -m training export`, from a checkpoint to a repository."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import nn

from tests.untrained import RECIPE, SMALL_VIEWS, untrained_served
from training.__main__ import main
from training.checkpoint import Checkpoint, save_checkpoint
from training.config import RunConfig, load_recipe
from training.export.card import sha256
from training.export.graph import Served, ServedHand, load, sample_images
from training.hand.template import TEMPLATE_SHA256
from training.networks.hands import SingleViewHand


def checkpoint(
    network: nn.Module,
    path: Path,
    *,
    scope: str,
    template: str = TEMPLATE_SHA256,
    config: RunConfig | None = None,
) -> Path:
    """Write a checkpoint whose averaged weights are the network's, and whose last ones are spoilt."""
    config = config or load_recipe(RECIPE)
    stage = next(stage.name for stage in config.stages if stage.scope == scope)
    averaged = network.state_dict()
    spoilt = {name: torch.zeros_like(tensor) for name, tensor in averaged.items()}
    save_checkpoint(
        Checkpoint(
            config=config,
            stage=stage,
            step=7,
            weights=spoilt,
            averaged_weights=averaged,
            data={"template_sha256": template},
        ),
        path,
    )
    return path


def test_averaged_weights_are_served(tmp_path: Path, network: SingleViewHand) -> None:
    source = checkpoint(network, tmp_path / "run.pt", scope="full")
    scores = tmp_path / "rendered.json"
    scores.write_text('{"pa_jpe_mm": 8.5}')
    repository = tmp_path / "model_repository"
    words = [
        "export",
        str(source),
        "--repository",
        str(repository),
        "--version",
        "3",
        "--scores",
        str(scores),
    ]
    assert main(words) == 0
    images = sample_images(2, seed=1)
    with torch.inference_mode():
        exported = load(repository / "svr_hand" / "3" / "model.pt")(images)
        torch.testing.assert_close(exported, tuple(ServedHand(network)(images)), atol=1e-4, rtol=0.0)
    card = json.loads((repository / "svr_hand" / "3" / "card.json").read_text())
    assert (card["step"], card["weights"], card["version"]) == (7, "averaged", 3)
    assert "root" not in card["recipe"]["data"], "a folder of the machine that trained"
    assert card["scores"] == {"rendered": {"pa_jpe_mm": 8.5}}
    assert card["sha256"]["checkpoint"] == sha256(source)


def test_a_network_of_several_views_is_served_as_mvr_hand(tmp_path: Path) -> None:
    served: Served = untrained_served(SMALL_VIEWS)
    config = dataclasses.replace(load_recipe("smoke"), network=SMALL_VIEWS)
    source = checkpoint(served.network, tmp_path / "run.pt", scope="full", config=config)
    repository = tmp_path / "model_repository"
    assert main(["export", str(source), "--repository", str(repository)]) == 0
    files = sorted(str(path.relative_to(repository)) for path in repository.rglob("*") if path.is_file())
    assert files == [
        "mvr_hand/1/card.json",
        "mvr_hand/1/model.pt",
        "mvr_hand/config.pbtxt",
        "mvr_hand/contract.json",
    ]
    inputs = served.samples(2, seed=1)
    with torch.inference_mode():
        exported = load(repository / "mvr_hand" / "1" / "model.pt")(*inputs)
        torch.testing.assert_close(exported, tuple(served(*inputs)), atol=1e-4, rtol=0.0)


def test_hand_without_orientation_is_refused(
    tmp_path: Path, network: SingleViewHand, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkpoint(network, tmp_path / "run.pt", scope="shape")
    assert main(["export", str(source), "--repository", str(tmp_path / "model_repository")]) == 2
    assert "orientation" in capsys.readouterr().err
    assert [path.name for path in tmp_path.iterdir()] == ["run.pt"]


def test_weights_of_another_hand_are_refused(
    tmp_path: Path, network: SingleViewHand, capsys: pytest.CaptureFixture[str]
) -> None:
    source = checkpoint(network, tmp_path / "run.pt", scope="full", template="0123")
    assert main(["export", str(source), "--repository", str(tmp_path / "model_repository")]) == 2
    assert "0123" in capsys.readouterr().err


def test_missing_checkpoint_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["export", str(tmp_path / "nothing.pt")]) == 2
    assert "nothing.pt" in capsys.readouterr().err
