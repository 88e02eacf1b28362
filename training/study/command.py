"""The verb `study`: arms and seeds in, results and tables out."""

from __future__ import annotations

import argparse
from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from training.config import DataKind
from training.device import available_device
from training.study.plan import Study, load_study
from training.study.pool import Pool
from training.study.table import as_page
from training.study.work import DataPlace
from training.train.stop import StopRequest


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("study", help="name of a study, or a path to a .toml file")
    parser.add_argument("--out", type=Path, required=True, help="folder of its runs and results")
    parser.add_argument("--data", type=Path, help="folder of the data set; without it nothing is trained")
    parser.add_argument("--dataset", choices=get_args(DataKind), help="kind of data, instead of the recipes'")
    parser.add_argument("--mano", type=Path, help="folder of MANO's files, for DexYCB and HanCo")
    parser.add_argument("--split", default="test", help="part of the data to measure (default: test)")
    parser.add_argument("--seeds", type=int, nargs="+", help="instead of the study's")
    parser.add_argument("--arms", nargs="+", help="only these, and what they start and learn from")
    parser.add_argument("--device", default="cpu", help="cpu, cuda or cuda:N (default: cpu)")
    parser.add_argument(
        "--resident", action="store_true", help="hold the decoded training set on the device: for a GPU"
    )
    parser.add_argument("--jobs", type=int, default=1, help="runs at a time, of one thread each (default: 1)")
    parser.add_argument("--table", type=Path, metavar="FILE", help="write the tables of what has ended")


def run(arguments: argparse.Namespace) -> None:
    """Train and measure what has not ended yet, and write the tables.

    Raises:
        ValueError: The study, its data or its results are not usable, a run failed, or nothing was asked for.
    """
    if arguments.data is None and arguments.table is None:
        raise ValueError("nothing to do: give --data to train, --table to write the tables, or both")
    study = load_study(arguments.study)
    seeds = tuple(dict.fromkeys(arguments.seeds or study.seeds))
    if min(seeds) < 0:
        raise ValueError(f"--seeds must not be negative, got {min(seeds)}")
    names = _with_sources(study, arguments.arms or study.arms)
    runs = study.runs(names, seeds, arguments.out)
    if arguments.data is not None:
        place = DataPlace(
            arguments.data,
            arguments.dataset,
            arguments.mano,
            arguments.split,
            device=str(available_device(arguments.device)),
            resident=arguments.resident,
        )
        with StopRequest() as stop:
            Pool(runs, place, jobs=arguments.jobs).carry_out(stop)
    if arguments.table is not None:
        arguments.table.write_text(as_page(runs), encoding="utf-8")


def _with_sources(study: Study, wanted: Iterable[str]) -> list[str]:
    """Return the wanted arms and all that they need, in the study's order."""
    needed: set[str] = set()
    missing = list(wanted)
    while missing:
        name = missing.pop()
        if name not in study.arms:
            raise ValueError(f"no arm {name!r}; the study has {list(study.arms)}")
        if name not in needed:
            needed.add(name)
            missing += study.arms[name].sources
    return [name for name in study.arms if name in needed]
