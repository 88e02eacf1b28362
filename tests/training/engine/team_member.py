"""One process of a team of two, started by `test_team` with torchrun; writes what it ended with as JSON."""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path

import torch

from training.config import load_recipe
from training.data.loader import Share, training_batches
from training.data.synthetic_reader import SyntheticHands
from training.engine.lesson import PictureLesson
from training.engine.stage import Stage
from training.engine.team import joined_team
from training.hand.template import load_template
from training.networks.build import build

UPDATES = 3


def main(data: Path, out: Path) -> None:
    config, topology = load_recipe("smoke"), load_template().topology
    with joined_team() as team:
        means = torch.nn.Parameter(torch.zeros(3))
        means.grad = torch.tensor([1.0, 2.0, 3.0]) * (1 + 2 * team.rank)  # of 1 and 3 times: 2 times
        team.share_gradients([means, torch.nn.Parameter(torch.zeros(1))])
        torch.manual_seed(0)
        network = build(config.network, topology)
        torch.manual_seed(team.rank)
        stage = Stage(PictureLesson(network), config, config.stages[1], topology, team=team)
        batches = training_batches(
            SyntheticHands(data / "train"),
            config.data,
            batch_size=8,
            seed=1,
            share=Share(team.rank, team.size),
        )
        steps = [stage.step(next(batches)) for _ in range(UPDATES)]
        weights = b"".join(p.detach().numpy().tobytes() for p in network.parameters())
        result = {
            "rank": team.rank,
            "leads": team.leads,
            "mean": means.grad.tolist(),
            "one_wishes": team.agrees_on(team.rank == 1),
            "nobody_wishes": team.agrees_on(False),
            "losses": [step.losses["total"] for step in steps],
            "weights": hashlib.sha256(weights).hexdigest(),
        }
    (out / f"{result['rank']}.json").write_text(json.dumps(result), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
