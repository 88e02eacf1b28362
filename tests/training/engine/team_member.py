"""One process of a team of two, started by `test_team` with torchrun; writes what it ended with as JSON."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import sys
from pathlib import Path

import torch

from training.config import RunConfig, load_recipe
from training.data.loader import training_batches
from training.data.order import Course, Share
from training.data.synthetic_reader import SyntheticHands
from training.engine.lesson import PictureLesson
from training.engine.stage import Stage
from training.engine.team import Team, joined_team
from training.hand.template import load_template
from training.networks.build import build

UPDATES = 3


def losses_of(config: RunConfig, data: Path, *, team: Team, parts: int = 1) -> tuple[list[float], str]:
    """Return the total loss of each of a few updates of a team's share, and a hash of the weights after."""
    torch.manual_seed(0)
    network = build(config.network, load_template().topology)
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0  # each process draws its own
    only = dataclasses.replace(config.stages[1], batch_parts=parts)
    stage = Stage(PictureLesson(network), config, only, load_template().topology, team=team)
    course = Course(batch_size=8, seed=1, share=Share(team.rank, team.size))
    batches = training_batches(SyntheticHands(data / "train"), config.data, course)
    losses = [stage.step(next(batches)).losses["total"] for _ in range(UPDATES)]
    weights = b"".join(p.detach().numpy().tobytes() for p in network.parameters())
    return losses, hashlib.sha256(weights).hexdigest()


def main(data: Path, out: Path) -> None:
    config = load_recipe("smoke")
    with joined_team() as team:
        means = torch.nn.Parameter(torch.zeros(3))
        means.grad = torch.tensor([1.0, 2.0, 3.0]) * (1 + 2 * team.rank)  # of 1 and 3 times: 2 times
        team.share_gradients([means, torch.nn.Parameter(torch.zeros(1))])
        losses, weights = losses_of(config, data, team=team)
        result = {
            "rank": team.rank,
            "leads": team.leads,
            "mean": means.grad.tolist(),
            "one_wishes": team.agrees_on(team.rank == 1),
            "nobody_wishes": team.agrees_on(False),
            "losses": losses,
            "weights": weights,
        }
    (out / f"{result['rank']}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
