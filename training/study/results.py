"""What a finished run leaves: one JSON file, written whole or not at all."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from typing import Any

from training.config import RunConfig, as_dict, from_dict
from training.files import write_json
from training.study.plan import Run


@dataclass(frozen=True, kw_only=True)
class Results:
    """One arm with one seed, at its end."""

    arm: str
    seed: int
    recipe: dict[str, Any]
    """As plain data, without where the data lies."""
    scope: str
    """`shape`: the canonical hands were compared; `full`: the hands in the camera."""
    steps: int
    pictures: int
    """That the arm was trained on, without what it started from."""
    trained_s: float
    parameters: int
    multiply_accumulates: int
    """Of one picture, or of the views of one moment, as fvcore counts them."""
    data: dict[str, Any]
    """What it was measured on."""
    scores: dict[str, dict[str, float]]
    """By part (all, occluded, non_occluded) and score."""


def placeless(config: RunConfig) -> RunConfig:
    """Return a recipe without where its data lies: what makes two runs the same."""
    data = dataclasses.replace(config.data, root="", mano="", cache="", resident=False)
    return dataclasses.replace(config, data=data)


def plain(config: RunConfig) -> dict[str, Any]:
    """Return such a recipe as it is read back from JSON."""
    values: dict[str, Any] = json.loads(json.dumps(as_dict(placeless(config))))
    return values


def write_results(results: Results, run: Run) -> None:
    """Write the file that marks a run as finished."""
    write_json(run.results, dataclasses.asdict(results))


def read_results(run: Run) -> Results | None:
    """Return the results of a run, or nothing if it has not ended.

    Raises:
        ValueError: The file is damaged, or of another recipe than the study's.
    """
    path = run.results
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return None
    try:
        results = Results(**json.loads(text))
    except (TypeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} holds no results of this version: {error}") from error
    if not _same(results.recipe, run.config):
        raise ValueError(f"{path} has the results of another recipe: take it and {run.folder} away first")
    return results


def _same(recipe: dict[str, Any], config: RunConfig) -> bool:
    """Return whether a recipe as it was written is a run's; of keys that are newer, it has the default."""
    try:
        return from_dict(recipe) == placeless(config)
    except ValueError:
        return False
