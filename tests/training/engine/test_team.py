"""Two real processes that train together."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.engine.team_member import losses_of
from training.checkpoint import load_checkpoint
from training.config import load_recipe
from training.engine.team import ALONE, joined_team

ROOT = Path(__file__).parents[3]
TIMEOUT_S = 180


def torchrun(*words: str | Path) -> None:
    """Run a program in two processes."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2"]
    done = subprocess.run(
        [*command, *map(str, words)],
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def members(drawn_data: Path, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    out = tmp_path_factory.mktemp("team")
    torchrun(Path(__file__).with_name("team_member.py"), drawn_data, out)
    return [json.loads((out / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]


def test_a_shared_gradient_is_the_mean(members: list[dict[str, Any]]) -> None:
    assert [member["mean"] for member in members] == [[2.0, 4.0, 6.0]] * 2


def test_different_shares_leave_the_weights_equal(members: list[dict[str, Any]]) -> None:
    assert members[0]["losses"] != members[1]["losses"]
    assert members[0]["weights"] == members[1]["weights"]


def test_a_team_and_one_process_in_as_many_parts_have_the_same_loss_curve(
    members: list[dict[str, Any]], drawn_data: Path
) -> None:
    alone, _ = losses_of(load_recipe("smoke"), drawn_data, team=ALONE, parts=2)
    together = [(first + second) / 2 for first, second in zip(*(m["losses"] for m in members), strict=True)]
    assert together == pytest.approx(alone, rel=1e-4)
    assert alone[-1] != alone[0]


def test_one_wish_is_everybody_s(members: list[dict[str, Any]]) -> None:
    assert all(member["one_wishes"] and not member["nobody_wishes"] for member in members)
    assert [member["leads"] for member in members] == [True, False]


def test_without_torchrun_a_process_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    with joined_team() as team:
        assert team == ALONE
    weight = torch.nn.Parameter(torch.zeros(2))
    weight.grad = torch.ones(2)
    team.share_gradients([weight])
    assert torch.equal(weight.grad, torch.ones(2))
    assert team.agrees_on(True)
    assert not team.agrees_on(False)


def test_a_team_s_run_leaves_one_log_and_counts_every_image(drawn_data: Path, tmp_path: Path) -> None:
    run = ("-m", "training", "train", "smoke", "--data", drawn_data, "--out", tmp_path)
    torchrun(*run, "--steps", "3")
    torchrun(*run, "--resume")
    last = load_checkpoint(tmp_path / "last.pt")
    assert (last.stage, last.step, last.images_seen) == ("full", 4, 32)
    steps = [json.loads(line)["step"] for line in (tmp_path / "log.jsonl").read_text().splitlines()]
    assert sorted(steps) == steps
    assert steps.count(8) == 2  # one line of losses and one of validation


def test_an_interrupted_team_ends_as_the_whole_one(drawn_data: Path, tmp_path: Path) -> None:
    """Each process drops out on its own: both must draw again what they would have drawn."""
    whole, again = tmp_path / "whole", tmp_path / "again"
    for words in ((whole,), (again, "--steps", "6"), (again, "--resume")):
        torchrun("-m", "training", "train", "smoke", "--data", drawn_data, "--out", *words)
    one, other = (load_checkpoint(out / "last.pt") for out in (whole, again))
    assert one.step == other.step
    for name, value in one.weights.items():
        assert other.weights[name].equal(value), name
