"""`python -m training export CHECKPOINT`: write a trained network into a Triton model repository."""

from __future__ import annotations

import argparse
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

from training.checkpoint import Checkpoint, load_checkpoint, load_weights
from training.config import RunConfig, as_dict, with_data
from training.data.sets import hand_topology
from training.export.card import LICENCES, Card, Verification, read_scores, sha256
from training.export.graph import serve
from training.export.repository import Target, write_version
from training.hand.template import TEMPLATE_SHA256
from training.hand.topology import HandTopology
from training.networks.build import build_any
from training.networks.hands import MultiViewHand, SingleViewHand


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("checkpoint", type=Path, metavar="CHECKPOINT")
    parser.add_argument("--repository", type=Path, default=Path("model_repository"))
    parser.add_argument("--mano", type=Path, help="folder of MANO's files, for a hand that is on them")
    parser.add_argument(
        "--model", help="name of the model in the repository; by default svr_hand, or mvr_hand of many views"
    )
    parser.add_argument("--version", type=int, default=1)
    parser.add_argument("--replace", action="store_true", help="write over a version that is there")
    parser.add_argument(
        "--scores",
        type=Path,
        action="append",
        default=[],
        metavar="JSON",
        help="file that `training evaluate` wrote, kept in the card; may be given again",
    )


def run(arguments: argparse.Namespace) -> None:
    """Export, verify, and say what was written.

    Raises:
        ValueError: The checkpoint is unusable, its hand is not oriented yet, or the export is refused.
    """
    checkpoint = load_checkpoint(arguments.checkpoint)
    scores = read_scores(arguments.scores)
    config = with_data(checkpoint.config, mano=arguments.mano)
    topology = hand_topology(config.data)
    network = trained_network(checkpoint, topology)
    served = serve(network, views=config.network.views)
    target = Target(
        repository=arguments.repository,
        model=arguments.model or served.model,
        version=arguments.version,
        replace=arguments.replace,
    )

    def describe(module: Path, verification: Verification) -> Card:
        return Card(
            model=target.model,
            version=target.version,
            made=datetime.now(UTC).isoformat(timespec="seconds"),
            torch=torch.__version__,
            parameters=sum(parameter.numel() for parameter in network.parameters()),
            stage=checkpoint.stage,
            step=checkpoint.step,
            weights="last" if checkpoint.averaged_weights is None else "averaged",
            images_seen=checkpoint.images_seen,
            trained_s=round(checkpoint.trained_s, 1),
            recipe=_recipe(checkpoint.config),
            data=checkpoint.data,
            scores=scores,
            sha256={
                "checkpoint": sha256(arguments.checkpoint),
                **({"hand_template": TEMPLATE_SHA256} if config.data.kind == "synthetic" else {}),
                "model.pt": sha256(module),
            },
            verification=verification,
            licences=LICENCES[config.data.kind],
        )

    card = write_version(target, served=served, topology=topology, describe=describe)
    size_mb = (target.version_folder / "model.pt").stat().st_size / 1e6
    print(f"{target.version_folder}: {card.parameters:,} parameters, {size_mb:.1f} MB")
    for name, difference in card.verification.largest_difference.items():
        print(f"  {name}: exported equals eager within {difference:.1e}")


def _recipe(config: RunConfig) -> dict[str, Any]:
    """Return the run without the folders of its data, which say nothing elsewhere."""
    recipe = as_dict(config)
    for folder in ("root", "mano", "cache"):
        del recipe["data"][folder]
    return recipe


def trained_network(checkpoint: Checkpoint, topology: HandTopology) -> SingleViewHand | MultiViewHand:
    """Return the network of a checkpoint with the weights that are to be used.

    Raises:
        ValueError: The checkpoint's stage trains the canonical hand alone, it learned another hand, or its
            weights do not fit the network of its recipe.
    """
    template = checkpoint.data.get("template_sha256", TEMPLATE_SHA256)
    if checkpoint.config.data.kind == "synthetic" and template != TEMPLATE_SHA256:
        raise ValueError(f"trained on the hand template {template}, this one is {TEMPLATE_SHA256}")
    scopes = {stage.name: stage.scope for stage in checkpoint.config.stages}
    if scopes[checkpoint.stage] != "full":
        raise ValueError(
            f"stage {checkpoint.stage!r} trains no orientation; export a checkpoint of a later stage"
        )
    network = build_any(checkpoint.config.network, topology)
    load_weights(network, checkpoint.best_weights)
    return network.eval()
