"""A study as data: its arms, what each starts from and learns from, and where their runs lie."""

from __future__ import annotations

import dataclasses
import graphlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

from training.config import STUDIES, RunConfig, load_recipe
from training.metrics.table import HandScores
from training.toml_tables import built, read_toml

SCORES = tuple(field.name for field in dataclasses.fields(HandScores) if field.name != "images")
"""What a hand set is scored by."""


@dataclass(frozen=True, kw_only=True)
class PaperConfig:
    """What the paper has where an arm stands: scores by name, of all hands, occluded and other ones."""

    row: str = ""
    """Its table and row."""
    all: dict[str, float] = field(default_factory=dict)
    occluded: dict[str, float] = field(default_factory=dict)
    non_occluded: dict[str, float] = field(default_factory=dict)

    def of(self, part: str) -> dict[str, float]:
        """Return the scores of a part by its name."""
        return {"all": self.all, "occluded": self.occluded, "non_occluded": self.non_occluded}[part]


@dataclass(frozen=True, kw_only=True)
class ArmConfig:
    """One arm, as the study's file has it."""

    recipe: str
    change: dict[str, Any] = field(default_factory=dict)
    """What the arm is about: keys of the recipe with another value, nested as in its file."""
    init: str = ""
    """The arm whose run of the same seed it starts from; without one it starts fresh."""
    teacher: str = ""
    """The arm whose run of the same seed it learns from."""
    against: str = ""
    """The arm that it is compared with, seed by seed."""
    only_seed: int | None = None
    """Trained once, with this seed: the runs of all seeds start and learn from the same one."""
    paper: PaperConfig = field(default_factory=PaperConfig)


@dataclass(frozen=True, kw_only=True)
class StudyConfig:
    """A study, as its file has it."""

    arms: dict[str, ArmConfig]
    seeds: tuple[int, ...] = (0, 1, 2)


class Arm(NamedTuple):
    """One arm with its recipe read; the seed is still the recipe's."""

    name: str
    config: RunConfig
    described: ArmConfig
    trained_once: Mapping[str, int]
    """The study's arms that are trained with one seed alone."""

    @property
    def sources(self) -> tuple[str, ...]:
        """The arms that must have ended before this one begins."""
        return tuple(name for name in (self.described.init, self.described.teacher) if name)

    def seed_of(self, arm: str, seed: int) -> int:
        """Return the seed of the run that stands for an arm, this one or a source, among those of a seed."""
        return self.trained_once.get(arm, seed)

    @property
    def steps(self) -> int:
        """Updates of one run."""
        return sum(stage.steps for stage in self.config.stages)


class Study(NamedTuple):
    """Arms by name, in the order of the file."""

    arms: Mapping[str, Arm]
    seeds: tuple[int, ...]

    def runs(self, names: Sequence[str], seeds: Sequence[int], out: Path) -> list[Run]:
        """Return the runs of some arms, seed by seed; of an arm that is trained once, the one."""
        arms = [self.arms[name] for name in names]
        runs = [Run(arm, arm.seed_of(arm.name, seed), out) for seed in seeds for arm in arms]
        return list({(run.seed, run.arm.name): run for run in runs}.values())


class Run(NamedTuple):
    """One arm with one seed."""

    arm: Arm
    seed: int
    out: Path
    """Folder of the study."""

    @property
    def name(self) -> str:
        """What it is called."""
        return f"{self.arm.name} seed {self.seed}"

    @property
    def folder(self) -> Path:
        """Where it is trained."""
        return self._folder_of(self.arm.name, self.seed)

    @property
    def results(self) -> Path:
        """Its results; there once it has ended."""
        return self.folder.with_suffix(".json")

    @property
    def config(self) -> RunConfig:
        """Its recipe: the seed draws the order of the data, what disturbs it, and fresh weights."""
        return dataclasses.replace(self.arm.config, seed=self.seed)

    @property
    def sources(self) -> dict[str, int]:
        """The arms that it starts and learns from, and the seed of the run that it takes of each."""
        return {name: self.arm.seed_of(name, self.seed) for name in self.arm.sources}

    def folder_of(self, source: str) -> Path:
        """Return the folder of the run that it takes of a source."""
        return self._folder_of(source, self.sources[source])

    def _folder_of(self, arm: str, seed: int) -> Path:
        return self.out / arm / f"seed{seed}"


def load_study(name_or_path: str) -> Study:
    """Read a study by its name in `training/recipes/studies`, or by a path to a `.toml` file.

    Raises:
        ValueError: It does not exist, has an unknown key, or an arm with a recipe, a source or a score that
            there is not; a run that takes no teacher and has one, or the other way round; arms that wait for
            each other.
    """
    path = Path(name_or_path) if name_or_path.endswith(".toml") else STUDIES / f"{name_or_path}.toml"
    if not path.is_file():
        there = ", ".join(sorted(study.stem for study in STUDIES.glob("*.toml")))
        raise ValueError(f"no study {name_or_path!r}; there are {there}")
    config = built(StudyConfig, read_toml(path), where=name_or_path)
    if not config.arms or not config.seeds:
        raise ValueError(f"{name_or_path}: a study needs an arm and a seed")
    arms = {name: _arm(name, config.arms, where=name_or_path) for name in config.arms}
    for arm in arms.values():
        _check(arm, arms, where=name_or_path)
    _require_an_order(arms, where=name_or_path)
    return Study(arms, config.seeds)


def _arm(name: str, study: Mapping[str, ArmConfig], *, where: str) -> Arm:
    described = study[name]
    try:
        config = load_recipe(described.recipe, change=described.change)
    except ValueError as error:
        raise ValueError(f"{where}: arm {name!r}: {error}") from error
    if not config.stages:
        raise ValueError(f"{where}: arm {name!r}: recipe {described.recipe!r} has no stages to train")
    once = {other: seed for other, arm in study.items() if (seed := arm.only_seed) is not None}
    return Arm(name, config, described, once)


def _check(arm: Arm, arms: Mapping[str, Arm], *, where: str) -> None:
    described = arm.described
    for key in ("init", "teacher", "against"):
        other = getattr(described, key)
        if other and other not in arms:
            raise ValueError(f"{where}: arm {arm.name!r}: {key} {other!r} is no arm; there are {list(arms)}")
    if described.only_seed is not None:
        _check_once(arm, described.only_seed, where=where)
    if arm.config.adaptation.is_on != bool(described.teacher):
        wants = "learns from a teacher and names none" if arm.config.adaptation.is_on else "learns from none"
        raise ValueError(f"{where}: arm {arm.name!r}: teacher {described.teacher!r}, but its recipe {wants}")
    parts = (described.paper.all, described.paper.occluded, described.paper.non_occluded)
    if unknown := sorted({score for part in parts for score in part} - set(SCORES)):
        raise ValueError(f"{where}: arm {arm.name!r}: unknown scores {unknown}; there are {list(SCORES)}")


def _check_once(arm: Arm, seed: int, *, where: str) -> None:
    if seed < 0:
        raise ValueError(f"{where}: arm {arm.name!r}: only_seed must not be negative, got {seed}")
    if own := set(arm.sources) - set(arm.trained_once):
        raise ValueError(f"{where}: arm {arm.name!r}: only_seed, but its sources {sorted(own)} have several")


def _require_an_order(arms: Mapping[str, Arm], *, where: str) -> None:
    try:
        graphlib.TopologicalSorter({name: arm.sources for name, arm in arms.items()}).prepare()
    except graphlib.CycleError as error:
        raise ValueError(f"{where}: arms wait for each other: {' -> '.join(error.args[1])}") from error
