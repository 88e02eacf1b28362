"""A run on disk: one file from which it goes on, is measured, or is exported.

A checkpoint carries its recipe and needs nothing beside it; kept anywhere, it can be trained further later.
"""

from __future__ import annotations

import dataclasses
import os
import pickle
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.config import RunConfig, as_dict, from_dict

Weights = dict[str, Tensor]

KINDS_OF_PARTS = ("shape.fuse_vertices.", "shape.decode_mesh.")
"""Parts of a shape branch that come in kinds: those of another kind have nothing to take over."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Checkpoint:
    """The state of a run after `step` updates of `stage`."""

    config: RunConfig
    stage: str
    step: int
    weights: Weights
    averaged_weights: Weights | None
    """What is evaluated and exported, if the run averages."""
    average_updates: int = 0
    optimiser: dict[str, Any] | None = None
    """State of the optimiser; left out where a file is only meant to be used."""
    random_state: Tensor | None = None
    """State of torch's generator, which dropout draws from."""
    best_score: float | None = None
    """Best validation score of this stage so far, lower is better."""
    images_seen: int = 0
    """Crops trained on, over all stages."""
    trained_s: float = 0.0
    """Wall-clock seconds of training, over all stages and interruptions."""
    data: dict[str, Any] = field(default_factory=dict)
    """The training set's `dataset.json`."""

    @property
    def best_weights(self) -> Weights:
        """The averaged weights where there are some, else the weights."""
        return self.weights if self.averaged_weights is None else self.averaged_weights

    def without_optimiser(self) -> Checkpoint:
        """Return the checkpoint without what only further training needs."""
        return dataclasses.replace(self, optimiser=None, random_state=None)


def save_checkpoint(checkpoint: Checkpoint, path: Path) -> None:
    """Write a checkpoint; a reader sees the old file or the new one, never a part."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {f.name: getattr(checkpoint, f.name) for f in dataclasses.fields(checkpoint)}
    content["config"] = as_dict(checkpoint.config)
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with partial.open("wb") as file:
            torch.save(content, file)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; the file is read as data, no code in it is run.

    Raises:
        ValueError: There is no such file, or it is not a checkpoint of this version.
    """
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except (RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ValueError(f"{path} is no checkpoint: {error}") from error
    known = {f.name for f in dataclasses.fields(Checkpoint)}
    if not isinstance(content, dict) or set(content) != known:
        raise ValueError(f"{path} is no checkpoint of this version: it holds {_keys(content)}")
    return Checkpoint(**{**content, "config": from_dict(content["config"])})


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put saved weights into a network, all of them.

    Raises:
        ValueError: The weights are another network's; the first differences are named.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the checkpoint's weights are another network's: {str(error)[:400]}") from error


def load_shape_weights(network: nn.Module, weights: Weights) -> None:
    """Put the shape branch of another network of the same widths into this one; the rest stays fresh.

    From the encoder to a multi-view network, or from that to a single-view one: what the one has and the
    other has not is the fusion of the vertices, or its kind. MobRecon's mesh decoder stays fresh likewise.

    Raises:
        ValueError: The shape branches differ in more than that.
    """
    state = network.state_dict()
    own = {name: value for name, value in state.items() if name.startswith("shape.")}
    unlike = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    fresh = tuple(part for part in KINDS_OF_PARTS if any(name.startswith(part) for name in unlike))
    unlike = [name for name in unlike if not name.startswith(fresh)]
    found = {name: weights[name] for name in own if name in weights and not name.startswith(fresh)}
    if unlike or not found:
        raise ValueError(f"the checkpoint's shape branch is another one: {unlike[:4]} differ")
    network.load_state_dict({**state, **found})


def _keys(content: object) -> str:
    return str(sorted(map(str, content)))[:200] if isinstance(content, dict) else type(content).__name__
