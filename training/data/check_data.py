"""The verb `check-data`: is a copy of DexYCB or HanCo whole, and is it as large as papers say?"""

from __future__ import annotations

import argparse
import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TypeVar

from tqdm import tqdm

from training.data.checking import Findings, table
from training.data.dexycb import check as dexycb
from training.data.dexycb.layout import sequence_folders
from training.data.hanco import check as hanco
from training.data.parallel import mapped

Item = TypeVar("Item")
Published = Mapping[str, int | None]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    parser.add_argument("dataset", choices=sorted(_CHECKS), help="whose layout the copy has")
    parser.add_argument("root", type=Path, metavar="ROOT", help="folder of the copy")
    parser.add_argument("--jobs", type=int, default=1, help="processes")


def run(arguments: argparse.Namespace) -> None:
    """Print counts beside the published ones.

    Raises:
        ValueError: Something is missing or damaged; names each file and field, up to 20 of them.
    """
    root: Path = arguments.root
    findings, published = _CHECKS[arguments.dataset](root, arguments.jobs)
    print(f"{arguments.dataset} in {root}")
    print(table(findings.counts, published))
    if findings.fault_count:
        more = findings.fault_count - len(findings.faults)
        lines = [*findings.faults, *([f"and {more:,} more"] if more else [])]
        raise ValueError(f"faults in {root}: {findings.fault_count:,}\n  " + "\n  ".join(lines))
    print("no faults")


def _check_dexycb(root: Path, jobs: int) -> tuple[Findings, Published]:
    folders = sequence_folders(root)
    for line in dexycb.incomplete_subjects(folders):
        print(f"note: {line}")
    return _found(functools.partial(dexycb.check_sequence, root), folders, jobs), dexycb.PUBLISHED_USABLE


def _check_hanco(root: Path, jobs: int) -> tuple[Findings, Published]:
    sequences = hanco.numbered_flags(root)
    return _found(functools.partial(hanco.check_sequence, root), sequences, jobs), hanco.PUBLISHED_USABLE


def _found(check: Callable[[Item], Findings], items: Sequence[Item], jobs: int) -> Findings:
    whole = Findings()
    for findings in tqdm(mapped(check, items, jobs=jobs), total=len(items), unit="sequence"):
        whole.include(findings)
    return whole


_CHECKS: dict[str, Callable[[Path, int], tuple[Findings, Published]]] = {
    "dexycb": _check_dexycb,
    "hanco": _check_hanco,
}
