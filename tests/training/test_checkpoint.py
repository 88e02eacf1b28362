"""Checkpoints: whole or not at all, and the same when read again."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from training.checkpoint import Checkpoint, load_checkpoint, load_weights, save_checkpoint
from training.config import load_recipe


def checkpoint(**changes: object) -> Checkpoint:
    network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    optimiser = torch.optim.Adam(network.parameters(), fused=True)
    network(torch.randn(4, 2)).sum().backward()
    optimiser.step()
    whole = Checkpoint(
        config=load_recipe("smoke"),
        stage="shape",
        step=7,
        weights=network.state_dict(),
        averaged_weights={name: 0.5 * value for name, value in network.state_dict().items()},
        average_updates=7,
        optimiser=optimiser.state_dict(),
        random_state=torch.get_rng_state(),
        best_score=12.5,
        images_seen=28,
        trained_s=3.5,
        data={"seed": 1, "modes": ["free"]},
    )
    return dataclasses.replace(whole, **changes)  # type: ignore[arg-type]


def test_it_is_the_same_when_read_again(tmp_path: Path) -> None:
    written = checkpoint()
    save_checkpoint(written, tmp_path / "deep" / "a.pt")
    read = load_checkpoint(tmp_path / "deep" / "a.pt")
    plain = {"config", "stage", "step", "average_updates", "best_score", "images_seen", "trained_s", "data"}
    for name in plain:
        assert getattr(read, name) == getattr(written, name)
    for name, value in written.weights.items():
        assert torch.equal(read.weights[name], value)
    assert read.optimiser is not None
    assert written.optimiser is not None
    assert torch.equal(read.optimiser["state"][0]["exp_avg"], written.optimiser["state"][0]["exp_avg"])


def test_the_averaged_weights_are_the_best_ones() -> None:
    whole = checkpoint()
    assert whole.best_weights is whole.averaged_weights
    assert checkpoint(averaged_weights=None).best_weights.keys() == whole.weights.keys()


def test_without_its_optimiser_it_is_smaller_and_still_usable(tmp_path: Path) -> None:
    slim = checkpoint().without_optimiser()
    save_checkpoint(slim, tmp_path / "a.pt")
    assert load_checkpoint(tmp_path / "a.pt").optimiser is None


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(checkpoint(step=1), path)
    with pytest.raises((AttributeError, TypeError)):
        save_checkpoint(checkpoint(step=2, data={"unpicklable": lambda: None}), path)
    assert load_checkpoint(path).step == 1
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("content", [b"", b"not a checkpoint", b"PK\x03\x04"])
def test_another_file_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.pt"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="is no checkpoint") as refused:
        load_checkpoint(path)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize("share", [0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused_in_one_line(tmp_path: Path, share: float) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(checkpoint(), path)
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    with pytest.raises(ValueError, match=r"a\.pt is no checkpoint, or a damaged one$"):
        load_checkpoint(path)


def test_a_recipe_of_another_version_is_named_with_its_file(tmp_path: Path) -> None:
    path = tmp_path / "a.pt"
    save_checkpoint(checkpoint(), path)
    content = torch.load(path, weights_only=True)
    content["config"]["network"]["depth"] = 3
    torch.save(content, path)
    with pytest.raises(ValueError, match=r"a\.pt is no checkpoint of this version: .*key \['depth'\]"):
        load_checkpoint(path)


def test_other_saved_tensors_are_refused(tmp_path: Path) -> None:
    torch.save({"weights": torch.zeros(2)}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match=r"no checkpoint of this version: it holds \['weights'\]"):
        load_checkpoint(tmp_path / "a.pt")


def test_code_in_a_file_is_not_run(tmp_path: Path) -> None:
    torch.save({"weights": Path("/")}, tmp_path / "a.pt")
    with pytest.raises(ValueError, match="is no checkpoint"):
        load_checkpoint(tmp_path / "a.pt")


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"no checkpoint at .*nothing\.pt"):
        load_checkpoint(tmp_path / "nothing.pt")


def test_weights_of_another_network_are_refused_by_name() -> None:
    with pytest.raises(ValueError, match="another network's"):
        load_weights(nn.Linear(2, 3), checkpoint().weights)
