"""A run on disk: one file from which it goes on, is measured, or is exported.

A checkpoint carries its recipe and needs nothing beside it; kept anywhere, it can be trained further later.
"""

from __future__ import annotations

import dataclasses
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from training.config import RunConfig, as_dict, from_dict
from training.files import written_whole
from training.networks.fusion import ConcatenatedMaps

Weights = dict[str, Tensor]

MAPPING_IN_PLACE_OF = {
    "orientation.fuse_images": "orientation.map_image",
    "orientation.fuse_joints": "orientation.map_joints",
}
"""What a single-view network has where one of several views has a fusion."""
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
    with written_whole(path) as file:
        torch.save(content, file)
        file.flush()
        os.fsync(file.fileno())


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint; the file is read as data, no code in it is run.

    Raises:
        ValueError: There is no such file, or it is not a checkpoint of this version.
    """
    if not path.is_file():
        raise ValueError(f"no checkpoint at {path}")
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # a damaged pickle fails in nearly every way that there is
        # What torch says of it is a page that advises to run the code in the file.
        raise ValueError(f"{path} is no checkpoint, or a damaged one") from error
    known = {f.name for f in dataclasses.fields(Checkpoint)}
    if not isinstance(content, dict) or set(content) != known:
        raise ValueError(f"{path} is no checkpoint of this version: it holds {_keys(content)}")
    try:
        config = from_dict(content["config"])
    except ValueError as error:
        raise ValueError(f"{path} is no checkpoint of this version: {error}") from error
    return Checkpoint(**{**content, "config": config})


def load_weights(network: nn.Module, weights: Weights) -> None:
    """Put saved weights into a network, all of them.

    Raises:
        ValueError: The weights are another network's; the first differences are named.
    """
    try:
        network.load_state_dict(weights)
    except RuntimeError as error:
        raise ValueError(f"the checkpoint's weights are another network's: {str(error)[:400]}") from error


def load_shared_weights(network: nn.Module, weights: Weights) -> tuple[str, ...]:
    """Put what another network of the same widths has in common with this one into it; the rest stays fresh.

    From the encoder to a multi-view network, or from that to a single-view one. The shape branches differ in
    the fusion of the vertices at most, or in the kind of the mesh decoder, as MobRecon's; of the orientation
    branch, whatever has the same name and shape is taken over, and the networks need have none of it in
    common. A fusion by concatenation begins as the mapping that a single view has in its place, so that the
    target's orientation is known from the start.

    Returns:
        The parts of the network that hold something fresh, e.g. `orientation.fuse_images`, sorted.

    Raises:
        ValueError: The shape branches differ in more than that.
    """
    own = network.state_dict()
    weights = {**weights, **_fusions_of_mappings(network, weights)}
    unlike = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    kinds = tuple(part for part in KINDS_OF_PARTS if any(name.startswith(part) for name in unlike))
    if others := [name for name in unlike if name.startswith("shape.") and not name.startswith(kinds)]:
        raise ValueError(f"the checkpoint's shape branch is another one: {others[:4]} differ")
    fresh = {name for name in own if name in unlike or name.startswith(kinds)}
    found = {name: weights[name] for name in own if name not in fresh}
    network.load_state_dict({**own, **found})
    return tuple(sorted({".".join(name.split(".")[:2]) for name in fresh}))


def _fusions_of_mappings(network: nn.Module, weights: Weights) -> Weights:
    made: Weights = {}
    for fusion, mapping in MAPPING_IN_PLACE_OF.items():
        module = dict(network.named_modules()).get(fusion)
        state = {
            name.removeprefix(f"{mapping}."): value
            for name, value in weights.items()
            if name.startswith(f"{mapping}.")
        }
        if isinstance(module, ConcatenatedMaps) and state:
            made |= {f"{fusion}.{name}": value for name, value in module.weights_of_mapping(state).items()}
    return made


def _keys(content: object) -> str:
    return str(sorted(map(str, content)))[:200] if isinstance(content, dict) else type(content).__name__
