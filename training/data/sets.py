"""The one place that knows which data set a recipe means: how it is opened, and which mesh its hands have."""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np

from training.config import DataConfig
from training.data.dexycb.index import DexYcbIndex, load_index
from training.data.dexycb.reader import DexYcbHands
from training.data.hanco.reader import HanCoHands
from training.data.sample import HandSet
from training.data.synthetic_reader import SyntheticHands
from training.hand.mano import ManoHand, load_mano
from training.hand.template import load_template
from training.hand.topology import HandTopology

Side = Literal["right", "left"]
Split = Literal["train", "val", "test"]

HELD_OUT_OF = 20
"""HanCo has no validation split: its training sequences 0, 20, 40 and so on are held out for it."""


def open_hands(data: DataConfig, split: str) -> HandSet:
    """Open one split of the data set that a recipe means.

    In training, rendered views that show too little of the hand are left out, and shards are kept open.

    Raises:
        ValueError: There is no such split, or a file is missing or damaged.
    """
    root = Path(data.root)
    if data.kind == "synthetic":
        if split != "train":
            return SyntheticHands(root / split)
        return SyntheticHands(
            root / split, min_visible_vertices=data.min_visible_vertices, open_shards=2 * data.pool_shards
        )
    if split not in get_args(Split):
        raise ValueError(f"{data.kind} has the splits {', '.join(get_args(Split))}, got {split!r}")
    opened = {"dexycb": _dexycb, "hanco": _hanco}[data.kind]
    return opened(data, cast(Split, split))


def hand_topology(data: DataConfig) -> HandTopology:
    """Return the mesh that a data set's labels are on: our template's, or MANO's.

    Raises:
        ValueError: MANO's files are missing or damaged.
    """
    return load_template().topology if data.kind == "synthetic" else _mano(data, "right").topology


def _dexycb(data: DataConfig, split: Split) -> DexYcbHands:
    hands = {"right": _mano(data, "right"), "left": _mano(data, "left")}
    root, jobs = Path(data.root), max(1, data.workers)
    index = load_index(root, cache=Path(data.cache), jobs=jobs) if data.cache else _opened_index(root, jobs)
    return DexYcbHands(root, split=split, hands=hands, index=index)


@functools.lru_cache(maxsize=1)
def _opened_index(root: Path, jobs: int) -> DexYcbIndex:
    # A run opens its training set and its validation set; every label need not be opened for each.
    return load_index(root, jobs=jobs)


def _hanco(data: DataConfig, split: Split) -> HanCoHands:
    hand = _mano(data, "right")
    if split == "test":
        return HanCoHands(Path(data.root), split="test", hand=hand)
    variants = data.hanco_variants if split == "train" else ("rgb",)
    hands = HanCoHands(Path(data.root), split="train", hand=hand, variants=variants)
    names = np.array([int(name.rpartition("/")[2]) for name in hands.sequences])
    held_out = names % HELD_OUT_OF == 0
    hands.index = hands.index.select(held_out[hands.index.shard] == (split == "val"))
    if len(hands) == 0:
        raise ValueError(
            f"{data.root}: HanCo {split} has no view: of every 20 sequences, the first is for val"
        )
    return hands


def _mano(data: DataConfig, side: Side) -> ManoHand:
    if not data.mano:
        raise ValueError(f"the labels of {data.kind} are MANO's: name the folder of its files with data.mano")
    return _loaded_mano(Path(data.mano), side)


@functools.cache
def _loaded_mano(folder: Path, side: Side) -> ManoHand:
    # A run asks for its network, its training set and its validation set; the hierarchy takes seconds.
    return load_mano(folder / f"MANO_{side.upper()}.pkl", side=side)
