"""What an export leaves behind: everything, or nothing."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from tests.untrained import export_untrained
from training.export.card import Card, Verification, sha256
from training.export.graph import ServedHand
from training.export.repository import Target, write_version
from training.hand.template import load_template
from training.networks.hands import SingleViewHand
from training.tensors import HandPrediction


def contents(folder: Path) -> dict[str, str]:
    """Every file below a folder, with its hash."""
    return {str(path.relative_to(folder)): sha256(path) for path in folder.rglob("*") if path.is_file()}


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    repository = tmp_path_factory.mktemp("export") / "model_repository"
    export_untrained(repository)
    return repository


def test_everything_is_written(exported: Path) -> None:
    files = contents(exported)
    assert sorted(files) == [
        "svr_hand/1/card.json",
        "svr_hand/1/model.pt",
        "svr_hand/config.pbtxt",
        "svr_hand/contract.json",
    ]
    assert sorted(path.name for path in exported.parent.iterdir()) == ["model_repository"]


def test_card_says_what_was_verified(exported: Path) -> None:
    card = json.loads((exported / "svr_hand" / "1" / "card.json").read_text())
    assert card["sha256"]["model.pt"] == sha256(exported / "svr_hand" / "1" / "model.pt")
    assert tuple(card["verification"]["batch_sizes"]) == ServedHand.verified_batch_sizes
    differences = card["verification"]["largest_difference"]
    assert sorted(differences) == ["joints__1", "joints_uv__3", "rotation__2", "vertices__0"]
    assert all(0.0 < difference <= 1e-4 for difference in differences.values())


class Unsteady(nn.Module):
    """A network that never answers the same: no export of it can be verified."""

    def __init__(self, network: SingleViewHand) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> HandPrediction:
        """Predict, and spoil the rotation."""
        prediction: HandPrediction = self.network(images)
        return prediction._replace(rotation=prediction.rotation + torch.rand_like(prediction.rotation))


class Broken(Unsteady):
    """A network that answers no number."""

    def forward(self, images: Tensor) -> HandPrediction:
        """Predict, and spoil the rotation."""
        prediction: HandPrediction = self.network(images)
        return prediction._replace(rotation=prediction.rotation / 0.0 - prediction.rotation / 0.0)


def never(module: Path, verification: Verification) -> Card:
    raise AssertionError(f"{module} was not to be verified: {verification}")


def write(network: nn.Module, target: Target) -> None:
    write_version(target, served=ServedHand(network), topology=load_template().topology, describe=never)


@pytest.mark.parametrize("spoilt", [Unsteady, Broken])
def test_unverified_export_leaves_nothing(
    tmp_path: Path, network: SingleViewHand, spoilt: type[Unsteady]
) -> None:
    target = Target(repository=tmp_path / "model_repository", model="svr_hand", version=1)
    with pytest.raises(ValueError, match=r"differs|bound to"):
        write(spoilt(network), target)
    assert list(tmp_path.iterdir()) == []


def test_unverified_replacement_leaves_the_old_version(exported: Path, network: SingleViewHand) -> None:
    before = contents(exported)
    target = Target(repository=exported, model="svr_hand", version=1, replace=True)
    with pytest.raises(ValueError, match="differs"):
        write(Broken(network), target)
    assert contents(exported) == before


def test_version_is_not_written_over_by_accident(exported: Path, network: SingleViewHand) -> None:
    target = Target(repository=exported, model="svr_hand", version=1)
    before = contents(exported)
    with pytest.raises(ValueError, match="exists"):
        write(network, target)
    assert contents(exported) == before


def test_versions_of_a_model_keep_one_contract(exported: Path, network: SingleViewHand) -> None:
    topology = load_template().topology
    other = dataclasses.replace(topology, faces=topology.faces[::-1])
    target = Target(repository=exported, model="svr_hand", version=2)
    with pytest.raises(ValueError, match="contract"):
        write_version(target, served=ServedHand(network), topology=other, describe=never)


@pytest.mark.parametrize("version", [0, -1])
def test_versions_are_positive(tmp_path: Path, network: SingleViewHand, version: int) -> None:
    target = Target(repository=tmp_path / "model_repository", model="svr_hand", version=version)
    with pytest.raises(ValueError, match="positive"):
        write(network, target)


def test_repository_is_not_made_in_a_folder_that_is_not_there(
    tmp_path: Path, network: SingleViewHand
) -> None:
    target = Target(repository=tmp_path / "mistyped" / "model_repository", model="svr_hand", version=1)
    with pytest.raises(ValueError, match="mistyped"):
        write(network, target)
