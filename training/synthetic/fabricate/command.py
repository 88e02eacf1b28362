"""`python -m training fabricate`: tiny data sets in published layouts, to try readers and commands on."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator
from pathlib import Path

from tqdm import tqdm

from training.synthetic.fabricate.dexycb import DexYcbSize, fabricate_dexycb
from training.synthetic.fabricate.hanco import HanCoSize, fabricate_hanco

_Fabricator = Callable[[argparse.Namespace], Iterator[int]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the verb's arguments."""
    layouts = parser.add_subparsers(dest="layout", required=True)
    dexycb = layouts.add_parser("dexycb", help="right and left hands with an object, 640x480")
    hanco = layouts.add_parser("hanco", help="right hands before a green screen and elsewhere, 224x224")
    for layout in (dexycb, hanco):
        layout.add_argument("--out", type=Path, required=True, help="folder to be made")
        layout.add_argument("--seed", type=int, default=0, help="another seed, other hands")
    sizes = DexYcbSize()
    dexycb.add_argument("--subjects", type=int, default=sizes.subjects)
    dexycb.add_argument("--sequences", type=int, default=sizes.sequences, help="of each subject")
    dexycb.add_argument("--frames", type=int, default=sizes.frames, help="of each sequence")
    dexycb.add_argument("--cameras", type=int, default=sizes.cameras)
    hanco.add_argument("--sequences", type=int, default=HanCoSize().sequences)
    hanco.add_argument("--frames", type=int, default=HanCoSize().frames, help="of each sequence")


def run(arguments: argparse.Namespace) -> None:
    """Draw the data set.

    Raises:
        ValueError: The folder is not empty, or a number is out of bounds.
    """
    with tqdm(unit="image") as progress:
        for pictures in _FABRICATORS[arguments.layout](arguments):
            progress.update(pictures)


def _dexycb(arguments: argparse.Namespace) -> Iterator[int]:
    size = DexYcbSize(
        subjects=arguments.subjects,
        sequences=arguments.sequences,
        frames=arguments.frames,
        cameras=arguments.cameras,
    )
    return fabricate_dexycb(arguments.out, seed=arguments.seed, size=size)


def _hanco(arguments: argparse.Namespace) -> Iterator[int]:
    size = HanCoSize(sequences=arguments.sequences, frames=arguments.frames)
    return fabricate_hanco(arguments.out, seed=arguments.seed, size=size)


_FABRICATORS: dict[str, _Fabricator] = {"dexycb": _dexycb, "hanco": _hanco}
