"""`card.json`: how a version was made, what it scores, and on what terms it may be used."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

LICENCES = {
    "synthetic": {
        "model": "Apache-2.0",
        "hand template": "CC0-1.0 (MakeHuman)",
        "training pictures": "rendered by this project's own renderer",
    },
    "dexycb": {
        "model": "as MANO and DexYCB allow: for research, not for commercial use",
        "hand template": "MANO, its own licence",
        "training pictures": "DexYCB, CC BY-NC 4.0",
    },
    "hanco": {
        "model": "as MANO and HanCo allow: for research, not for commercial use",
        "hand template": "MANO, its own licence",
        "training pictures": "HanCo, its own licence",
    },
}
"""By the kind of the data set that was learnt from."""


@dataclass(frozen=True, kw_only=True)
class Verification:
    """How far the served module is from the network that it was made of."""

    batch_sizes: tuple[int, ...]
    tolerance: float
    largest_difference: dict[str, float]
    """For each output, in its own unit."""


@dataclass(frozen=True, kw_only=True)
class Card:
    """One version of one model."""

    model: str
    version: int
    made: str
    """When, in UTC."""
    torch: str
    parameters: int
    stage: str
    step: int
    weights: str
    """`averaged` over the last steps, or `last`."""
    images_seen: int
    """Crops that it was trained on, repetitions counted."""
    trained_s: float
    recipe: dict[str, Any]
    data: dict[str, Any]
    """What the training set says of itself; of a rendered one, seed, samples, views and modes."""
    scores: dict[str, Any]
    """For each file that `training evaluate` wrote, what it says."""
    sha256: dict[str, str]
    """Of the checkpoint, `model.pt` and, if it is ours, the hand template."""
    verification: Verification
    licences: dict[str, str]


def card_text(card: Card) -> str:
    """Return the card as JSON."""
    return json.dumps(dataclasses.asdict(card), indent=2) + "\n"


def read_scores(paths: list[Path]) -> dict[str, Any]:
    """Return the contents of score files, by file name without its ending.

    Raises:
        ValueError: A file cannot be read, or is no JSON.
    """
    scores: dict[str, Any] = {}
    for path in paths:
        try:
            scores[path.stem] = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise ValueError(f"no scores in {path}: {error}") from error
    return scores


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
