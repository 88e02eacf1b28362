"""The verb `train`: a recipe in, checkpoints and logs out."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import get_args

from training.checkpoint import load_checkpoint
from training.config import DataKind, load_recipe, recipe_names, with_data
from training.device import available_device
from training.engine.allocator import keep_freed_memory
from training.engine.team import joined_team
from training.train.logbook import Logbook, SilentLogbook
from training.train.stop import StopRequest
from training.train.trainer import LAST, Trainer

RUNS = Path("runs")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("recipe", help=f"one of {', '.join(recipe_names())}, or a path to a .toml file")
    parser.add_argument("--out", type=Path, help="folder of the run (default: runs/RECIPE)")
    parser.add_argument("--dataset", choices=get_args(DataKind), help="kind of data, instead of the recipe's")
    parser.add_argument("--data", type=Path, help="folder of the data set, instead of the recipe's")
    parser.add_argument("--mano", type=Path, help="folder of MANO's files, for DexYCB and HanCo")
    parser.add_argument(
        "--resume",
        nargs="?",
        type=Path,
        const=Path(LAST),
        metavar="CHECKPOINT",
        help="go on exactly where a checkpoint was written (default: the run's own last.pt)",
    )
    parser.add_argument("--init", type=Path, metavar="CHECKPOINT", help="start from a checkpoint's weights")
    parser.add_argument("--stage", help="with --init: begin with this stage instead of the first")
    parser.add_argument(
        "--teacher",
        type=Path,
        metavar="CHECKPOINT",
        help="the multi-view network that the recipe learns from",
    )
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument(
        "--resident", action="store_true", help="hold the decoded training set on the device: for a GPU"
    )
    parser.add_argument("--hours", type=float, help="stop, with a checkpoint, after this time")
    parser.add_argument("--steps", type=int, help="stop, with a checkpoint, after this many updates")


def run(arguments: argparse.Namespace) -> None:
    """Train.

    Raises:
        ValueError: The recipe, the data or a checkpoint is not usable, or the arguments exclude each other.
    """
    if arguments.resume is not None and arguments.init is not None:
        raise ValueError("--resume goes on with a run and --init starts one: give one of them")
    if arguments.stage is not None and arguments.init is None:
        raise ValueError("--stage needs --init: without earlier weights a run begins with its first stage")
    device = available_device(arguments.device)
    config = with_data(
        load_recipe(arguments.recipe),
        kind=arguments.dataset,
        root=arguments.data,
        mano=arguments.mano,
        resident=arguments.resident,
    )
    out = arguments.out or RUNS / Path(arguments.recipe).stem
    if arguments.resume is None and (out / LAST).exists():
        raise ValueError(f"{out} holds a run already: give --resume to go on with it, or another --out")
    teacher = None if arguments.teacher is None else load_checkpoint(arguments.teacher).without_optimiser()
    stop = StopRequest(hours=arguments.hours, steps=arguments.steps)
    keep_freed_memory()
    with joined_team() as team, Logbook(out) if team.leads else SilentLogbook() as logbook, stop:
        trainer = Trainer(config, out=out, logbook=logbook, teacher=teacher, device=device, team=team)
        if arguments.resume is not None:
            own = arguments.resume == Path(LAST)
            trainer.resume(load_checkpoint(out / LAST if own else arguments.resume))
        elif arguments.init is not None:
            trainer.start_from(load_checkpoint(arguments.init), stage=arguments.stage)
        trainer.run(stop)
